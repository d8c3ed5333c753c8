# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guard package of dpkg: which names it can conflict with, and how it is installed, held and removed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, FrozenSet, List, Mapping, Optional, Sequence, Tuple

from ...engine.plan import Change
from ..backend import GUARD_NAME, Block, BlockRequest
from ..guard_version import guard_version
from ..locks import Lock
from ..steps import CommandStep, Step, Steps
from ..system import System, Unreadable
from .dpkg_cfg import forcing_file
from .dpkg_database import DPKG_INPUTS, DpkgPackage
from .guard_package import guard_deb

GUARD_BYPASSES = (
    "dpkg --force-conflicts",
    "removing the guard by force (dpkg --force-remove-protected, apt-get --allow-remove-essential)",
)
HELD_GUARD_BYPASSES = (
    "dpkg --force-conflicts",
    "removing the guard with dpkg, or with apt-get --allow-change-held-packages",
)
_FORCED = "dpkg -i FILE.deb, which its own configuration makes force conflicts"

# What apt holds while it runs dpkg; a dpkg that is told so takes only the inner lock.
_FRONTEND_LOCK = "/var/lib/dpkg/lock-frontend"
# dpkg's own. A dpkg that outlives a run that was killed still has it, and the next dpkg would give up at once.
_DATABASE_LOCK = "/var/lib/dpkg/lock"
_LOCK_IS_HELD = {"DPKG_FRONTEND_LOCKED": "true"}
_GUARD = "apt: %s" % GUARD_NAME

GuardPlan = Tuple[List[Change], Dict[str, Any], Tuple[str, ...]]


def dpkg_lock(timeout: int) -> Lock:
    """The lock that keeps apt out while dpkg works."""
    database = Lock(_DATABASE_LOCK, timeout, taken_by_command=True)
    return Lock(_FRONTEND_LOCK, timeout, held=True, env=_LOCK_IS_HELD, first=database)


def dpkg_step(arguments: Tuple[str, ...], lock_timeout: int) -> CommandStep:
    """A call of dpkg that changes the host."""
    return CommandStep(("dpkg",) + arguments, lock=dpkg_lock(lock_timeout))


def find_guard(listing: Sequence[DpkgPackage]) -> Optional[DpkgPackage]:
    """The guard among the installed packages."""
    return next((each for each in listing if each.name == GUARD_NAME), None)


def guarded_names(names: Tuple[str, ...], request: BlockRequest, listing: Sequence[DpkgPackage], notes: List[str]) -> Tuple[str, ...]:
    """The names that a guard can conflict with: not installed after this run, neither themselves nor through a provider."""
    guarded = []
    for name in names:
        if name not in request.strong:
            continue
        if name in request.present:
            notes.append("no guard against %s, because it is installed and stays" % name)
            continue
        # What is on the list of names is either removed in this run or `present`.
        providers = [each.name for each in listing if name in each.provides and each.name not in names and each.name != GUARD_NAME]
        if providers:
            notes.append("no guard against %s, because the installed %s provides it" % (name, ", ".join(sorted(set(providers)))))
            continue
        guarded.append(name)
    return tuple(sorted(guarded))


def conflicts_of_guard(system: System) -> FrozenSet[str]:
    """The names that the installed guard conflicts with; its name and version alone may be somebody else's."""
    found = system.query(("dpkg-query", "-W", "-f=${Conflicts}", GUARD_NAME), rests_on=DPKG_INPUTS).stdout
    return frozenset(each.split()[0].split(":")[0] for each in found.split(",") if each.strip())


def why_not_strong(system: System) -> str:
    """Why dpkg itself would install what the guard conflicts with, and what can be done; empty where it would not."""
    try:
        path = forcing_file(system, "conflicts")
    except Unreadable as error:
        return "whether dpkg obeys the guard package %s is not known: %s" % (GUARD_NAME, error)
    if not path:
        return ""
    told = "the guard package %s keeps apt out and not dpkg, because %s makes dpkg force conflicts. Take that line away"
    return told % (GUARD_NAME, path)


def weakened(guard: Block) -> Block:
    """The guard's block where dpkg does not obey it: apt, which solves before it calls dpkg, is still kept out."""
    return replace(guard, strength="soft", bypasses=(_FORCED, *guard.bypasses))


def plan_guard(
    guarded: Tuple[str, ...],
    lock_timeout: int,
    listing: Sequence[DpkgPackage],
    owned: Mapping[str, Any],
    protected: bool,
    conflicts: Optional[FrozenSet[str]],
) -> GuardPlan:
    """Plan a guard that conflicts with exactly these names.

    Args:
        guarded: the names; none of them to take the guard away.
        lock_timeout: seconds to wait for dpkg's lock.
        listing: the installed packages.
        owned: what an earlier plan said to remember.
        protected: dpkg knows packages that are protected.
        conflicts: what the guard that is installed conflicts with; None where nobody asked, because it is to go.

    Returns:
        The changes, what to remember, and what somebody did to the guard.
    """
    current = find_guard(listing)
    drift = _drift(current, owned, conflicts, protected)
    before = _text(current, owned.get("names", ())) if current else None
    if not guarded:
        if current is None:
            return [], {}, drift
        force = ("--force-remove-protected",) if current.protected else ()
        step: Step = dpkg_step(force + ("--purge", GUARD_NAME), lock_timeout)
        return [Change("delete", "guard", _GUARD, before=before, step=step)], {}, drift
    # An old dpkg ignores "Protected": a hold has to keep the guard in place, and it is another guard, to be replaced later.
    version = guard_version(guarded) + ("" if protected else "+hold")
    remembered: Dict[str, Any] = {"names": list(guarded), "versions": [version]}
    if not protected:
        remembered["hold"] = True
    kept_in_place = current and (current.protected if protected else current.hold)
    if current and current.version == version and kept_in_place and conflicts is not None and conflicts.issuperset(guarded):
        return [], remembered, drift
    step = CommandStep(
        ("dpkg", "--install", "{file}"),
        file=guard_deb(guarded, version, protected),
        file_name="%s.deb" % GUARD_NAME,
        lock=dpkg_lock(lock_timeout),
    )
    if not protected:
        step = Steps((step, CommandStep(("apt-mark", "hold", GUARD_NAME), lock=dpkg_lock(lock_timeout))))
    after = "%s %s\nConflicts: %s\n" % (GUARD_NAME, version, ", ".join(guarded))
    return [Change("update" if current else "create", "guard", _GUARD, before=before, after=after, step=step)], remembered, drift


def verify_guard(change: Change, listing: Sequence[DpkgPackage]) -> Optional[str]:
    """What is wrong with the guard after its change; None for nothing."""
    guard = find_guard(listing)
    if change.after is None:
        return "the guard package is still installed" if guard else None
    if guard is None or guard.line not in change.after.splitlines():
        return "the guard package is %s" % (guard.line if guard else "not installed")
    return None


def _text(guard: DpkgPackage, names: Sequence[str]) -> str:
    return "%s\n" % guard.line + ("Conflicts: %s\n" % ", ".join(names) if names else "")


def _drift(
    guard: Optional[DpkgPackage], owned: Mapping[str, Any], conflicts: Optional[FrozenSet[str]], protected: bool
) -> Tuple[str, ...]:
    if not owned:
        return ()
    if guard is None:
        return ("the guard package %s was removed" % GUARD_NAME,)
    if guard.version not in owned.get("versions", ()):
        return ("the guard package %s was replaced by version %s" % (GUARD_NAME, guard.version),)
    if owned.get("hold") and not guard.hold:
        return ("the hold on the guard package %s was taken away" % GUARD_NAME,)
    if conflicts is None:
        return ()
    lost = [name for name in owned.get("names", ()) if name not in conflicts]
    if lost or (protected and not owned.get("hold") and not guard.protected):
        what = "it lets in %s" % ", ".join(lost) if lost else "anybody may remove it"
        return ("the guard package %s was replaced by another one of its version: %s" % (GUARD_NAME, what),)
    return ()
