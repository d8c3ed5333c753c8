# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""apt and dpkg: detect and remove with dpkg, block with a pin file and, for the strong form, a guard package.

dpkg is the removal tool because it does what it is told and nothing else: it refuses while another package depends on one of
the list, it never installs, and no hold or pin stands in its way (fact sheet hosts_linux 2.3).
"""

from __future__ import annotations

import re
import stat
from typing import Any, Dict, FrozenSet, List, Mapping, NamedTuple, Optional, Sequence, Set, Tuple

from ...engine.errors import AppbanError
from ...engine.plan import Change
from ..backend import GUARD_NAME, Block, BlockPlan, BlockRequest, Package, Refusal, RemovalPlan, RemovalRequest, Unseen
from ..owned_file import OwnedFilePlan, plan_owned_file, written_content
from ..provider_names import choose_providers, known_providers
from ..steps import CommandStep, Steps
from ..system import System, Unreadable
from .dpkg_database import (
    DPKG_INPUTS,
    LISTING,
    SELECTIONS,
    DpkgPackage,
    knows_protected,
    objection,
    parse_dependents,
    parse_file_list,
    parse_listing,
    parse_owners,
    parse_selections,
    selections_before,
)
from .guard import (
    GUARD_BYPASSES,
    HELD_GUARD_BYPASSES,
    conflicts_of_guard,
    dpkg_lock,
    dpkg_step,
    find_guard,
    guarded_names,
    plan_guard,
    verify_guard,
    weakened,
    why_not_strong,
)
from .guard_package import DEB_NAME
from .holds import Holding, how_it_holds
from .places import AptPlaces, apt_places
from .preferences import PIN_PATH, pinned_names, render_pin
from .providers import offered_under

_SELECTIONS = "apt: dpkg selections"
# A force-depends in /etc/dpkg/dpkg.cfg would make dpkg break those who need the app, and keep silent about them.
_NO_FORCE = "--no-force-depends,depends-version"
# Paths that dpkg is asked about at once.
_MOST_PATHS = 500

# PackageKit picks a version by itself and asks libapt for that one, which a pin leaves alone; only what a package needs is chosen
# by pins (seen in tests/lab/test_packagekit.py).
PIN_BYPASSES = (
    "apt-get install NAME=VERSION or NAME/RELEASE",
    "apt-get install ./FILE.deb",
    "dpkg -i FILE.deb",
    "an apt configuration with other preferences (-o Dir::Etc::PreferencesParts=DIRECTORY), or deleting the pin file",
    "PackageKit (pkcon install NAME, pkcon install-local FILE.deb) and what installs through it, such as GNOME Software",
)


class _Parts(NamedTuple):
    """The parts of a block as a plan has them."""

    names: Tuple[str, ...]
    providers: Mapping[str, Tuple[str, ...]]
    guarded: Tuple[str, ...]
    pin: OwnedFilePlan
    why_not_strong: str


class Apt:
    """Debian, Ubuntu and what is made of them."""

    name = "apt"
    kinds: Tuple[str, ...] = ("deb",)
    database = "dpkg"

    def __init__(self, system: System) -> None:
        self.system = system
        self._listing: Optional[Tuple[DpkgPackage, ...]] = None
        self._listed_at = -1

    def version(self) -> Optional[str]:
        """apt's version; None without apt, and where dpkg is only a tool and has no packages (Fedora)."""
        if not (self.system.which("dpkg-query") and self.system.which("apt-get")):
            return None
        return self._version_of("apt")

    def installed(self, names: FrozenSet[str]) -> Tuple[Package, ...]:
        """Installed packages among the names; one entry per version where several architectures are installed."""
        return tuple(dict.fromkeys(_package(each) for each in self._installed() if each.name in names))

    def unseen(self) -> Tuple[Unseen, ...]:
        """Nothing: the database is the system's, and all of it was read."""
        return ()

    def files(self, packages: Sequence[Package]) -> Tuple[str, ...]:
        """What dpkg lists of them, where diversions have put it, without what another package has too."""
        asked = {package.name for package in packages}
        names = [each.unique for each in self._installed() if each.name in asked]
        if not names:
            return ()
        paths = parse_file_list(self.system.query(("dpkg-query", "-L") + tuple(names)).stdout)
        files = [path for path in paths if not self._is_directory(path)]
        shared = self._shared_with_others(files, asked)
        return tuple(sorted(set(files) - shared))

    def plan_removal(self, request: RemovalRequest) -> RemovalPlan:
        """Remove the packages in every architecture, with their configuration files (purge), in one dpkg call."""
        listing = self._installed()
        asked = {package.name for package in request.packages}
        to_remove = [each for each in listing if each.name in asked]
        if not to_remove:
            return RemovalPlan()
        dependents, obstacle = self._closure(to_remove)
        everything = sorted(to_remove + dependents, key=lambda each: each.unique)
        lines = tuple("remove %s" % each.line for each in everything)
        refusal = self._refusal(request, to_remove, dependents, obstacle, lines)
        removes = tuple(_package(each) for each in everything)
        dependent_names = tuple(each.name for each in dependents)
        if refusal:
            return RemovalPlan(removes=removes, dependents=dependent_names, refusals=(refusal,))
        change = Change(
            "delete",
            "package",
            "apt: %s" % ", ".join(each.line for each in everything),
            before="".join("%s\n" % each.line for each in everything),
            step=_purge([each.unique for each in everything], request.lock_timeout),
        )
        return RemovalPlan((change,), removes, dependent_names)

    def plan_block(self, request: BlockRequest, owned: Mapping[str, Any]) -> BlockPlan:
        """Plan the pin file for all names and the guard package for the strong ones."""
        # To lift, nobody needs to know what else is installed: the host may be a private one by now.
        listing = self._installed() if request.names else self._query((GUARD_NAME,))
        unsupported = {name: "not a Debian package name" for name in request.names if not DEB_NAME.fullmatch(name)}
        names = tuple(name for name in request.names if name not in unsupported)
        notes: List[str] = []
        drift: List[str] = []
        places = apt_places(self.system) if names else AptPlaces()
        providers = self._providers(names, request, listing, owned, places, notes, drift)
        pin = plan_owned_file(
            self.system, PIN_PATH, render_pin(set(names).union(providers), request.comment) if names else None, owned.get("pin", {})
        )
        if pin.foreign:
            notes.append("%s is not ours, so it was left alone and no pin was made. Move its content to another file there" % PIN_PATH)
            unsupported.update((name, "%s is somebody else's file" % PIN_PATH) for name in names if name not in request.strong)
        guarded = guarded_names(names, request, listing, notes)
        parts = _Parts(names, providers, guarded, pin, why_not_strong(self.system) if guarded else "")
        guard_changes, guard_owned, guard_drift = plan_guard(
            parts.guarded,
            request.lock_timeout,
            listing,
            owned.get("guard", {}),
            bool(parts.guarded) and self._knows_protected(),
            conflicts_of_guard(self.system) if parts.guarded and find_guard(listing) else None,
        )
        if not owned.get("claimed"):
            # A run that was killed had claimed parts that it may not have made, or may have taken away already.
            drift = list(pin.drift + guard_drift) + drift
            if parts.why_not_strong and owned.get("guard"):
                drift.append(parts.why_not_strong)
        if parts.why_not_strong:
            notes.append(parts.why_not_strong)

        pinned = self._pinned(pin)
        before = tuple(owned.get("names", ())) or pinned
        unblocked = tuple(sorted(set(before) - set(names)))
        changes = list(pin.changes) + guard_changes
        if unblocked:
            changes += self._plan_selections(unblocked, owned.get("selections", {}), request.lock_timeout)
        holding = Holding("", {})
        if names and not changes:
            holding = self._holding(parts, listing, places)
        notes.extend(
            "%s stays installed and, being pinned, gets no upgrades any more" % name for name in sorted(request.present.intersection(names))
        )
        return BlockPlan(
            changes=tuple(changes),
            blocks=self._blocks(parts, holding),
            owned=self._remembered(parts, guard_owned, request, owned, pinned),
            unblocked=unblocked,
            drift=tuple(drift) + holding.drift,
            unsupported=unsupported,
            notes=tuple(notes) + holding.notes,
            proof=holding.proof,
            overridden=holding.overridden,
        )

    def verify(self, change: Change) -> Optional[str]:
        """Read the host again: dpkg's list, and the file. Whether the block holds is asked when all of it is in place."""
        if change.kind == "package":
            asked = set((change.before or "").splitlines())
            left = [each.line for each in self._installed() if each.line in asked]
            return "still installed: %s" % ", ".join(left) if left else None
        if change.kind == "guard":
            return verify_guard(change, self._installed())
        if change.kind == "file" and self.system.read(PIN_PATH) != written_content(change):
            return "%s has other content" % PIN_PATH
        return None

    # detection

    def _installed(self) -> Tuple[DpkgPackage, ...]:
        # One call serves a whole run, until something is written.
        if self._listing is None or self._listed_at != self.system.writes:
            self._listing = self._query()
            self._listed_at = self.system.writes
        return self._listing

    def _query(self, names: Tuple[str, ...] = ()) -> Tuple[DpkgPackage, ...]:
        """Installed packages of these names, or all of them."""
        result = self.system.query(LISTING + names, rests_on=DPKG_INPUTS)
        if result.rc != 0 and not (result.rc == 1 and not result.stdout and "no packages found" in result.stderr):
            raise AppbanError("dpkg can't list the installed packages", result.explain(), "Check the database with dpkg --audit")
        return parse_listing(result.stdout)

    def _version_of(self, name: str) -> Optional[str]:
        return next((each.version for each in self._installed() if each.name == name), None)

    def _knows_protected(self) -> bool:
        return knows_protected(self._version_of("dpkg"))

    def _is_directory(self, path: str) -> bool:
        try:
            status = self.system.status(path)
        except Unreadable:
            return False
        return status is not None and stat.S_ISDIR(status.st_mode)

    def _shared_with_others(self, paths: Sequence[str], packages: Set[str]) -> Set[str]:
        """The paths that also belong to an installed package other than these."""
        others = {each.name for each in self._installed()} - packages
        shared: Set[str] = set()
        for start in range(0, len(paths), _MOST_PATHS):
            # What looks like a pattern is a plain character in a path.
            asked = [re.sub(r"([\\*?\[\]])", r"\\\1", path) for path in paths[start : start + _MOST_PATHS]]
            owners = parse_owners(self.system.query(("dpkg-query", "-S") + tuple(asked)).stdout)
            shared.update(path for path, of in owners.items() if others.intersection(of))
        return shared

    # removal

    def _closure(self, to_remove: Sequence[DpkgPackage]) -> Tuple[List[DpkgPackage], str]:
        """The packages that have to be removed as well, and any other obstacle. dpkg is asked until it names no further package."""
        found: List[DpkgPackage] = []
        known = {each.unique: each for each in self._installed()}
        while True:
            # Even a dry run writes to dpkg's log.
            argv = ["dpkg", "--no-act", "--log=/dev/null", _NO_FORCE, "--purge"] + [each.unique for each in list(to_remove) + found]
            result = self.system.query(argv)
            if result.rc == 0:
                return found, ""
            listed = {each.unique for each in list(to_remove) + found}
            more = [known[name] for name in parse_dependents(result.stderr) if name in known and name not in listed]
            if not more:
                return found, objection(result)
            found += more

    def _refusal(
        self,
        request: RemovalRequest,
        to_remove: Sequence[DpkgPackage],
        dependents: Sequence[DpkgPackage],
        obstacle: str,
        plan: Tuple[str, ...],
    ) -> Optional[Refusal]:
        names = tuple(sorted({each.name for each in to_remove}))
        protected = [each for each in list(to_remove) + list(dependents) if each.protected]
        if protected:
            listed = ", ".join("%s (%s)" % (each.name, each.protected) for each in protected)
            message = "dpkg's marks keep %s from ever being removed. Correct the identifier in the policy"
            return Refusal(self.name, "protected", names, plan, message % listed)
        if dependents and not request.allow_dependents:
            listed = ", ".join(each.name for each in dependents)
            message = "%s cannot go without %s, which depends on it. Set allow_dependents: true to remove both, or exempt this host"
            return Refusal(self.name, "dependents", names, plan, message % (", ".join(names), listed))
        if obstacle:
            return Refusal(self.name, "unsolvable", names, plan, "dpkg would not remove %s: %s" % (", ".join(names), obstacle))
        return None

    # block

    def _providers(
        self,
        names: Tuple[str, ...],
        request: BlockRequest,
        listing: Sequence[DpkgPackage],
        owned: Mapping[str, Any],
        places: AptPlaces,
        notes: List[str],
        drift: List[str],
    ) -> Mapping[str, Tuple[str, ...]]:
        if not names or not request.providers:
            return {}
        known = known_providers(owned.get("providers", {}), names)
        installed = frozenset(each.name for each in listing)
        chosen = choose_providers(self.database, names, offered_under(self.system, names, places.inputs), known, installed, notes)
        if tuple(owned.get("names", ())) == names and not owned.get("claimed") and not owned.get("without_providers"):
            new = sorted(set(chosen) - set(known))
            drift.extend("%s offers itself under the blocked name %s and was not blocked" % (each, ", ".join(chosen[each])) for each in new)
        return chosen

    def _remembered(
        self, parts: _Parts, guard: Mapping[str, Any], request: BlockRequest, owned: Mapping[str, Any], pinned: Sequence[str]
    ) -> Mapping[str, Any]:
        if not parts.names:
            return {}
        providers = {each: list(of) for each, of in parts.providers.items()}
        remembered: Dict[str, Any] = {"names": list(parts.names), "pin": dict(parts.pin.owned), "providers": providers}
        if guard:
            remembered["guard"] = dict(guard)
        if not request.providers:
            remembered["without_providers"] = True
        selections = {name: each for name, each in owned.get("selections", {}).items() if name in parts.names}
        new = [name for name in parts.names if name not in owned.get("names", ())]
        if new:
            asked = self.system.query(SELECTIONS + tuple(new), rests_on=DPKG_INPUTS)
            for name, selection in selections_before(asked.stdout).items():
                # Under a block of ours that the ledger has lost, "install" may be what a refused installation left.
                if selection == "hold" or name not in pinned:
                    selections[name] = selection
        if selections:
            remembered["selections"] = selections
        return remembered

    def _pinned(self, pin: OwnedFilePlan) -> Tuple[str, ...]:
        """The names that our pin file holds now, read from the file and not from the ledger."""
        if pin.foreign or self.system.is_link(PIN_PATH):
            return ()
        return pinned_names(self.system.read(PIN_PATH) or b"")

    def _holding(self, parts: _Parts, listing: Sequence[DpkgPackage], places: AptPlaces) -> Holding:
        pinned = not parts.pin.foreign
        if not (pinned or parts.guarded):
            return Holding("", {})
        installed = frozenset(each.name for each in listing)
        names = parts.names if pinned else parts.guarded
        return how_it_holds(self.system, places, names, parts.providers, installed, parts.guarded, pinned)

    def _blocks(self, parts: _Parts, holding: Holding) -> Tuple[Block, ...]:
        blocks = []
        pinned = sorted(set(parts.names).union(parts.providers) - holding.past_the_pin - set(holding.overridden))
        if pinned and not parts.pin.foreign:
            blocks.append(Block(self.name, tuple(pinned), "pin", PIN_PATH, "soft", PIN_BYPASSES))
        guarded = tuple(name for name in parts.guarded if name not in holding.overridden)
        if guarded:
            bypasses = GUARD_BYPASSES if self._knows_protected() else HELD_GUARD_BYPASSES
            guard = Block(self.name, guarded, "guard", GUARD_NAME, "strong", bypasses)
            blocks.append(weakened(guard) if parts.why_not_strong else guard)
        return tuple(blocks)

    def _plan_selections(self, unblocked: Sequence[str], remembered: Mapping[str, str], lock_timeout: int) -> List[Change]:
        """Plan to reset selections. A refused installation leaves "install" and a failed removal "purge"; dpkg would act on them later."""
        result = self.system.query(SELECTIONS + tuple(unblocked), rests_on=DPKG_INPUTS)
        wrong = parse_selections(result.stdout, remembered)
        if not wrong:
            return []
        step = CommandStep(
            ("sh", "-c", 'exec dpkg --set-selections < "$1"', "sh", "{file}"),
            file="".join("%s %s\n" % (name, should) for name, _is, should in wrong).encode("ascii"),
            file_name="selections",
            lock=dpkg_lock(lock_timeout),
        )
        before = "".join("%s %s\n" % (name, selection) for name, selection, _should in wrong)
        after = "".join("%s %s\n" % (name, should) for name, _is, should in wrong)
        return [Change("update", "selection", _SELECTIONS, before=before, after=after, step=step)]


def _package(package: DpkgPackage) -> Package:
    return Package(package.name, package.version, protected=package.protected, held="hold" if package.hold else "")


def _purge(names: Sequence[str], lock_timeout: int) -> Steps:
    # dpkg removes what it can before it refuses the rest, so it is asked once more whether it will refuse nothing.
    arguments = (_NO_FORCE, "--purge") + tuple(names)
    return Steps((dpkg_step(("--no-act", "--log=/dev/null") + arguments, lock_timeout), dpkg_step(arguments, lock_timeout)))
