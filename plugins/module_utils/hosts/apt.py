# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""apt and dpkg: detect and remove with dpkg, block with a pin file and, for the strong form, a guard package.

dpkg is the removal tool because it does what it is told and nothing else: it refuses while another package depends on one of
the list, it never installs, and no hold or pin stands in its way (fact sheet hosts_linux 2.3).
"""

from __future__ import annotations

from typing import Any, Dict, FrozenSet, List, Mapping, Optional, Sequence, Set, Tuple

from ..engine.errors import AppbanError
from ..engine.plan import Change
from .apt_preferences import PIN_PATH, pinned_names, render_pin
from .apt_providers import NO_CACHE_FILES, offered_under
from .backend import GUARD_NAME, Block, BlockPlan, BlockRequest, Package, Refusal, RemovalPlan, RemovalRequest, Unseen
from .dpkg_database import LISTING, DpkgPackage, knows_protected, parse_dependents, parse_listing, parse_selections
from .guard_deb import DEB_NAME, guard_deb
from .guard_version import guard_version
from .locks import Lock
from .owned_file import plan_owned_file, written_content
from .provider_names import choose_providers, known_providers
from .steps import CommandStep, Step, Steps
from .system import System

# What apt holds while it runs dpkg; a dpkg that is told so takes only the inner lock.
_FRONTEND_LOCK = "/var/lib/dpkg/lock-frontend"
_FOREIGN_ARCHITECTURES = "/var/lib/dpkg/arch"
_LOCK_IS_HELD = {"DPKG_FRONTEND_LOCKED": "true"}
_GUARD = "apt: %s" % GUARD_NAME
_SELECTIONS = "apt: dpkg selections"

# PackageKit picks a version by itself and asks libapt for that one, which a pin leaves alone; only what a package needs is chosen
# by pins (seen in tests/lab/test_packagekit.py).
PIN_BYPASSES = (
    "apt-get install NAME=VERSION or NAME/RELEASE",
    "apt-get install ./FILE.deb",
    "dpkg -i FILE.deb",
    "an apt configuration with other preferences (-o Dir::Etc::PreferencesParts=DIRECTORY), or deleting the pin file",
    "PackageKit (pkcon install NAME, pkcon install-local FILE.deb) and what installs through it, such as GNOME Software",
)
GUARD_BYPASSES = (
    "dpkg --force-conflicts",
    "removing the guard by force (dpkg --force-remove-protected, apt-get --allow-remove-essential)",
)
HELD_GUARD_BYPASSES = (
    "dpkg --force-conflicts",
    "removing the guard with dpkg, or with apt-get --allow-change-held-packages",
)


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
        """What dpkg lists of them; a path that another package has too is not theirs alone."""
        asked = {package.name for package in packages}
        names = [each.unique for each in self._installed() if each.name in asked]
        listed = self.system.query(["dpkg-query", "-L"] + names).stdout.split("\n") if names else []
        return tuple(sorted({path for path in listed if path.startswith("/") and path != "/."}))

    def plan_removal(self, request: RemovalRequest) -> RemovalPlan:
        """Remove the packages in every architecture, with their configuration files (purge), in one dpkg call."""
        listing = self._installed()
        asked = {package.name for package in request.packages}
        going = [each for each in listing if each.name in asked]
        if not going:
            return RemovalPlan()
        dependents, obstacle = self._closure(going)
        everything = sorted(going + dependents, key=lambda each: each.unique)
        lines = tuple("remove %s" % each.line for each in everything)
        refusal = self._refusal(request, going, dependents, obstacle, lines)
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
        """The pin file for all names, and the guard package for the strong ones."""
        # To lift, nobody needs to know what else is installed: the host may be a private one by now.
        listing = self._installed() if request.names else self._query((GUARD_NAME,))
        unsupported = {name: "not a Debian package name" for name in request.names if not DEB_NAME.fullmatch(name)}
        names = tuple(name for name in request.names if name not in unsupported)
        notes: List[str] = []
        providers = self._providers(names, request.providers, listing, owned, notes)

        content = render_pin(set(names).union(providers), request.comment) if names else None
        pin = plan_owned_file(self.system, PIN_PATH, content, owned.get("pin", {}))
        if pin.foreign:
            notes.append("%s is not ours, so it was left alone and no pin was made. Move its content to another file there" % PIN_PATH)
            unsupported.update((name, "%s is somebody else's file" % PIN_PATH) for name in names if name not in request.strong)
        guarded = self._guarded(names, request, listing, notes)
        guard_changes, guard_owned, drift = self._plan_guard(guarded, request.lock_timeout, listing, owned.get("guard", {}))

        remembered: Dict[str, Any] = {}
        if names:
            remembered = {"names": list(names), "pin": dict(pin.owned), "providers": {each: list(of) for each, of in providers.items()}}
            if guard_owned:
                remembered["guard"] = guard_owned
        before = tuple(owned.get("names", ())) or pinned_names(self.system.read(PIN_PATH) or b"")
        unblocked = tuple(sorted(set(before) - set(names)))
        changes = list(pin.changes) + guard_changes
        if unblocked:
            changes += self._plan_selections(unblocked, request.lock_timeout)
        blocks = []
        if names and not pin.foreign:
            blocks.append(Block(self.name, tuple(sorted(set(names).union(providers))), "pin", PIN_PATH, "soft", PIN_BYPASSES))
        if guarded:
            bypasses = GUARD_BYPASSES if self._knows_protected() else HELD_GUARD_BYPASSES
            blocks.append(Block(self.name, guarded, "guard", GUARD_NAME, "strong", bypasses))
        for name in sorted(request.present.intersection(names)):
            notes.append("apt: %s stays installed and, being pinned, gets no upgrades any more" % name)
        return BlockPlan(tuple(changes), tuple(blocks), remembered, unblocked, pin.drift + drift, unsupported, tuple(notes))

    def verify(self, change: Change) -> Optional[str]:
        """Read the host again: dpkg's list, the file, and what apt makes of it."""
        if change.kind == "package":
            asked = set((change.before or "").splitlines())
            left = [each.line for each in self._installed() if each.line in asked]
            return "still installed: %s" % ", ".join(left) if left else None
        if change.kind == "guard":
            guard = self._guard(self._installed())
            if change.after is None:
                return "the guard package is still installed" if guard else None
            if guard is None or guard.line not in change.after.splitlines():
                return "the guard package is %s" % (guard.line if guard else "not installed")
            return None
        if change.kind == "file":
            return self._verify_pin(change)
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
        result = self.system.query(LISTING + names)
        if result.rc != 0 and not (result.rc == 1 and not result.stdout and "no packages found" in result.stderr):
            raise AppbanError("dpkg can't list the installed packages", result.explain(), "Check the database with dpkg --audit")
        return parse_listing(result.stdout)

    def _version_of(self, name: str) -> Optional[str]:
        return next((each.version for each in self._installed() if each.name == name), None)

    def _knows_protected(self) -> bool:
        return knows_protected(self._version_of("dpkg"))

    # removal

    def _closure(self, going: Sequence[DpkgPackage]) -> Tuple[List[DpkgPackage], str]:
        """Who else has to go, asked of dpkg itself until it has no objection; and what else it objects to."""
        found: List[DpkgPackage] = []
        known = {each.unique: each for each in self._installed()}
        while True:
            # Even a dry run writes to dpkg's log.
            argv = ["dpkg", "--no-act", "--log=/dev/null", "--purge"] + [each.unique for each in list(going) + found]
            result = self.system.query(argv)
            if result.rc == 0:
                return found, ""
            listed = {each.unique for each in list(going) + found}
            more = [known[name] for name in parse_dependents(result.stderr) if name in known and name not in listed]
            if not more:
                return found, result.stderr.strip() or result.explain()
            found += more

    def _refusal(
        self, request: RemovalRequest, going: Sequence[DpkgPackage], dependents: Sequence[DpkgPackage], obstacle: str, plan: Tuple[str, ...]
    ) -> Optional[Refusal]:
        names = tuple(sorted({each.name for each in going}))
        protected = [each for each in list(going) + list(dependents) if each.protected]
        if protected:
            listed = ", ".join("%s (%s)" % (each.name, each.protected) for each in protected)
            message = "dpkg's marks keep %s from ever being removed. Correct the identifier in the policy"
            return Refusal(self.name, "protected", names, plan, message % listed)
        if dependents and not request.allow_dependents:
            listed = ", ".join(each.name for each in dependents)
            message = "%s cannot go without %s, which depends on it. Set allow_dependents: true to remove both, or exempt this host"
            return Refusal(self.name, "dependents", names, plan, message % (", ".join(names), listed))
        if obstacle:
            lines = [line.strip() for line in obstacle.splitlines() if line.strip()]
            message = "dpkg would not remove %s: %s. Repair the package database by hand (dpkg --audit) and run again"
            return Refusal(self.name, "unsolvable", names, plan + tuple(lines), message % (", ".join(names), lines[0].rstrip(":.")))
        return None

    # block

    def _providers(
        self,
        names: Tuple[str, ...],
        wanted: bool,
        listing: Sequence[DpkgPackage],
        owned: Mapping[str, Any],
        notes: List[str],
    ) -> Mapping[str, Tuple[str, ...]]:
        if not names or not wanted:
            return {}
        known = known_providers(owned.get("providers", {}), names)
        # Asking apt is slow, so only a block that is made or changed asks; what was found once stays while the block stands.
        if tuple(owned.get("names", ())) == names:
            return known
        installed = frozenset(each.name for each in listing)
        return choose_providers(self.name, names, offered_under(self.system, names), known, installed, notes)

    def _guarded(self, names: Tuple[str, ...], request: BlockRequest, listing: Sequence[DpkgPackage], notes: List[str]) -> Tuple[str, ...]:
        """The names that a guard can conflict with: not installed after this run, neither themselves nor through a provider."""
        guarded = []
        for name in names:
            if name not in request.strong:
                continue
            if name in request.present:
                notes.append("apt: no guard against %s, because it is installed and stays" % name)
                continue
            # What is on the list of names is either removed in this run or `present`.
            providers = [each.name for each in listing if name in each.provides and each.name not in names and each.name != GUARD_NAME]
            if providers:
                notes.append("apt: no guard against %s, because the installed %s provides it" % (name, ", ".join(sorted(set(providers)))))
                continue
            guarded.append(name)
        return tuple(sorted(guarded))

    def _guard(self, listing: Sequence[DpkgPackage]) -> Optional[DpkgPackage]:
        return next((each for each in listing if each.name == GUARD_NAME), None)

    def _plan_guard(
        self, guarded: Tuple[str, ...], lock_timeout: int, listing: Sequence[DpkgPackage], owned: Mapping[str, Any]
    ) -> Tuple[List[Change], Dict[str, Any], Tuple[str, ...]]:
        current = self._guard(listing)
        drift = _guard_drift(current, owned)
        before = _guard_text(current, owned.get("names", ())) if current else None
        if not guarded:
            if current is None:
                return [], {}, drift
            force = ("--force-remove-protected",) if current.protected else ()
            step: Step = _dpkg(force + ("--purge", GUARD_NAME), lock_timeout)
            return [Change("delete", "guard", _GUARD, before=before, step=step)], {}, drift
        protected = self._knows_protected()
        # An old dpkg ignores "Protected": a hold has to keep the guard in place, and it is another guard, to be replaced later.
        version = guard_version(guarded) + ("" if protected else "+hold")
        remembered: Dict[str, Any] = {"names": list(guarded), "versions": [version]}
        if not protected:
            remembered["hold"] = True
        if current and current.version == version and (protected or current.hold):
            return [], remembered, drift
        step = CommandStep(
            ("dpkg", "--install", "{file}"),
            file=guard_deb(guarded, version, protected),
            file_name="%s.deb" % GUARD_NAME,
            lock=_lock(lock_timeout),
        )
        if not protected:
            step = Steps((step, CommandStep(("apt-mark", "hold", GUARD_NAME), lock=_lock(lock_timeout))))
        after = "%s %s\nConflicts: %s\n" % (GUARD_NAME, version, ", ".join(guarded))
        return [Change("update" if current else "create", "guard", _GUARD, before=before, after=after, step=step)], remembered, drift

    def _plan_selections(self, unblocked: Sequence[str], lock_timeout: int) -> List[Change]:
        """A refused installation leaves "install", a failed removal leaves "purge": without the block they would come true later."""
        result = self.system.query(["dpkg-query", "-W", "-f=${binary:Package}\\t${db:Status-Abbrev}\\n"] + list(unblocked))
        wrong = parse_selections(result.stdout)
        if not wrong:
            return []
        step = CommandStep(
            ("sh", "-c", 'exec dpkg --set-selections < "$1"', "sh", "{file}"),
            file="".join("%s %s\n" % (name, should) for name, _is, should in wrong).encode("ascii"),
            file_name="selections",
            lock=_lock(lock_timeout),
        )
        before = "".join("%s %s\n" % (name, selection) for name, selection, _should in wrong)
        after = "".join("%s %s\n" % (name, should) for name, _is, should in wrong)
        return [Change("update", "selection", _SELECTIONS, before=before, after=after, step=step)]

    def _verify_pin(self, change: Change) -> Optional[str]:
        content = written_content(change)
        if self.system.read(PIN_PATH) != content:
            return "%s has other content" % PIN_PATH
        names = pinned_names(content or b"")
        if not names:
            return None
        # An administrator's own pin for the same name wins if it is read first, and preferences can be configured away.
        foreign = (self.system.read(_FOREIGN_ARCHITECTURES) or b"").decode("ascii", "replace").split()
        asked = [name for each in names for name in [each] + ["%s:%s" % (each, architecture) for architecture in foreign]]
        result = self.system.query(("apt-cache",) + NO_CACHE_FILES + ("policy",) + tuple(asked))
        left: Set[str] = set()
        name = ""
        for line in result.stdout.splitlines():
            if line.endswith(":") and not line.startswith(" "):
                name = line.split(":")[0]
            elif line.startswith("  Candidate: ") and not line.endswith("(none)"):
                left.add(name)
        # Of an installed package the installed version is the candidate, whatever the pin.
        left -= {each.name for each in self._installed()}
        if not left:
            return None
        return "apt still offers %s: other preferences override the pin (apt-cache policy shows which)" % ", ".join(sorted(left))


def _package(package: DpkgPackage) -> Package:
    return Package(package.name, package.version, protected=package.protected, held="hold" if package.hold else "")


def _lock(timeout: int) -> Lock:
    return Lock(_FRONTEND_LOCK, timeout, held=True, env=_LOCK_IS_HELD)


def _dpkg(arguments: Tuple[str, ...], lock_timeout: int) -> CommandStep:
    return CommandStep(("dpkg",) + arguments, lock=_lock(lock_timeout))


def _purge(names: Sequence[str], lock_timeout: int) -> Steps:
    # dpkg removes what it can before it refuses the rest, so it is asked once more whether it will refuse nothing.
    arguments = ("--purge",) + tuple(names)
    return Steps((_dpkg(("--no-act", "--log=/dev/null") + arguments, lock_timeout), _dpkg(arguments, lock_timeout)))


def _guard_text(guard: DpkgPackage, names: Sequence[str]) -> str:
    return "%s\n" % guard.line + ("Conflicts: %s\n" % ", ".join(names) if names else "")


def _guard_drift(guard: Optional[DpkgPackage], owned: Mapping[str, Any]) -> Tuple[str, ...]:
    if not owned:
        return ()
    if guard is None:
        return ("the guard package %s was removed" % GUARD_NAME,)
    if guard.version not in owned.get("versions", ()):
        return ("the guard package %s was replaced by version %s" % (GUARD_NAME, guard.version),)
    if owned.get("hold") and not guard.hold:
        return ("the hold on the guard package %s was taken away" % GUARD_NAME,)
    return ()
