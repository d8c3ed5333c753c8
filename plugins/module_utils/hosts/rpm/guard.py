# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guard in the rpm database: one for all front ends of a host, planned by the front end that keeps it.

The guard holds against install by name, version and file, against dependencies, providers and ``rpm -i --force``. Without
``protected.d``, ``dnf --allowerasing`` would erase it (fact sheet hosts_linux 3.6); zypper's ``--force-resolution`` would, too, which
is why zypper's block locks it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, FrozenSet, List, Mapping, Optional, Sequence, Set, Tuple

from ...engine.plan import Change
from ..backend import GUARD_NAME, BlockRequest, Package
from ..guard_version import guard_version
from ..owned_file import header_lines, plan_owned_file
from ..steps import CommandStep
from ..system import System
from .database import query_packages, rpm_lock
from .guard_package import RELEASE, guard_rpm
from .place import rpm_inputs

DNF_DIRECTORY = "/etc/dnf"
PROTECTED_FILE = "/etc/dnf/protected.d/appban-guard.conf"
_LOCK_TIMEOUT = 60


@dataclass(frozen=True)
class GuardPlan:
    """The plan of the guard.

    Args:
        changes: the guard package and dnf's protection of it.
        covers: the names that it holds against afterwards.
        owned: what its keeper remembers.
        drift: what somebody did to it.
        notes: what it can't cover, and why.
    """

    changes: Tuple[Change, ...] = ()
    covers: FrozenSet[str] = frozenset()
    owned: Mapping[str, Any] = field(default_factory=dict)
    drift: Tuple[str, ...] = ()
    notes: Tuple[str, ...] = ()


def plan_guard(system: System, keeps: bool, request: BlockRequest, owned: Mapping[str, Any], known: bool = True) -> GuardPlan:
    """Plan the guard.

    Args:
        system: the host, only read.
        keeps: this front end installs and removes the guard; False only looks at what it covers.
        request: the block that is asked for.
        owned: what the keeper remembered (key ``guard`` of its own bookkeeping).
        known: the keeper remembers anything at all; where it does not, a guard may be there that a lost ledger told of.
    """
    wanted = frozenset(request.strong.intersection(request.names) - request.present)
    if not keeps:
        return _look(system, wanted)
    if not wanted and not owned and known:
        return GuardPlan()
    found = query_packages(system, ("--whatprovides",), wanted | {GUARD_NAME})
    guard = next((package for package in found if package.name == GUARD_NAME), None)
    left_out, notes = _left_out(system, request, wanted, found)
    covered = sorted(wanted - left_out)
    conflicts = _conflicts(system) if guard is not None else set()
    drift = _drift(guard, conflicts, covered, owned)
    change = _package_change(system, guard, covered, conflicts)
    protected = None
    if covered and system.exists(DNF_DIRECTORY):
        protected = "".join("# %s\n" % line for line in header_lines(request.comment)).encode("utf-8") + GUARD_NAME.encode("ascii") + b"\n"
    file = plan_owned_file(system, PROTECTED_FILE, protected, owned.get("protected", {}))
    if file.foreign:
        notes.append("%s is there and not ours, so it stays; check that it names %s" % (PROTECTED_FILE, GUARD_NAME))
    changes = ([change] if change else []) + list(file.changes)
    if not covered:
        # dnf may not say no while the guard goes, whoever takes it away.
        changes.reverse()
    remembered: Dict[str, Any] = {}
    if covered:
        remembered["version"] = _full_version(covered)
    if file.owned:
        remembered["protected"] = dict(file.owned)
    return GuardPlan(tuple(changes), frozenset(covered), remembered, drift + tuple(file.drift), tuple(notes))


def verify_guard(system: System, change: Change) -> Optional[str]:
    """None if the database shows the guard, or its absence, as the change leaves it."""
    there = query_packages(system, (), (GUARD_NAME,))
    shown = "%s %s" % (GUARD_NAME, there[0].version) if there else ""
    wanted = (change.after or "").split("\n", 1)[0]
    if shown == wanted:
        return None
    return "%s is %s" % (GUARD_NAME, "installed as %s" % there[0].version if there else "not installed")


def _look(system: System, wanted: FrozenSet[str]) -> GuardPlan:
    if not wanted:
        return GuardPlan()
    covers = wanted.intersection(_conflicts(system))
    notes: Tuple[str, ...] = ()
    if covers != wanted:
        missing = ", ".join(sorted(wanted - covers))
        notes = ("the guard is kept by the first front end of the rpm database and does not cover yet: %s" % missing,)
    return GuardPlan(covers=covers, notes=notes)


def _conflicts(system: System) -> Set[str]:
    result = system.query(("rpm", "-q", "--conflicts", "--", GUARD_NAME), rests_on=rpm_inputs(system))
    return {line.strip() for line in result.stdout.splitlines()} if result.rc == 0 else set()


def _left_out(system: System, request: BlockRequest, wanted: FrozenSet[str], found: Sequence[Package]) -> Tuple[Set[str], List[str]]:
    """Names that a package offers which stays installed: a guard against them could not be installed."""
    left_out: Set[str] = set()
    notes = []
    to_remove = set(request.names) - request.present
    for package in found:
        if package.name == GUARD_NAME or package.name in to_remove:
            continue
        offers = system.query(("rpm", "-q", "--provides", "--", package.name), rests_on=rpm_inputs(system)).stdout
        offered = wanted.intersection(line.split(" ", 1)[0].strip() for line in offers.splitlines())
        left_out |= offered
        notes.append("%s is installed and offers %s, so the guard leaves that out" % (package.name, ", ".join(sorted(offered))))
    return left_out, notes


def _drift(guard: Optional[Package], conflicts: Set[str], covered: Sequence[str], owned: Mapping[str, Any]) -> Tuple[str, ...]:
    if not owned.get("version"):
        return ()
    if guard is None:
        return ("the guard package %s was removed" % GUARD_NAME,)
    lost = [name for name in covered if name not in conflicts]
    if lost and guard.version == _full_version(covered):
        what = "the guard package %s was replaced by another one of its version: it lets in %s"
        return (what % (GUARD_NAME, ", ".join(lost)),)
    return ()


def _package_change(system: System, guard: Optional[Package], covered: Sequence[str], there: Set[str]) -> Optional[Change]:
    if guard is None and not covered:
        return None
    if guard is not None and covered and guard.version == _full_version(covered) and there.issuperset(covered):
        return None
    before = _described(guard.version, sorted(there)) if guard is not None else None
    lock = rpm_lock(system, _LOCK_TIMEOUT)
    if not covered:
        step = CommandStep(("rpm", "-e", "--", GUARD_NAME), lock=lock)
        return Change("delete", "guard", GUARD_NAME, before=before, step=step)
    step = CommandStep(
        # One transaction installs the new guard and then erases the old one; versions have no order, so "old" ones are fine.
        ("rpm", "-U", "--oldpackage", "--replacepkgs", "--nosignature", "--", "{file}"),
        file=guard_rpm(covered, guard_version(covered)),
        file_name="%s.rpm" % GUARD_NAME,
        lock=lock,
    )
    after = _described(_full_version(covered), covered)
    return Change("update" if guard is not None else "create", "guard", GUARD_NAME, before=before, after=after, step=step)


def _full_version(names: Sequence[str]) -> str:
    return "%s-%s.noarch" % (guard_version(names), RELEASE)


def _described(version: str, conflicts: Sequence[str]) -> str:
    return "%s %s\n%s" % (GUARD_NAME, version, "".join("conflicts with %s\n" % name for name in conflicts))
