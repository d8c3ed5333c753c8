# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""pacman: remove with ``-R``, block with a hook and, for the strong form, a guard package held in pacman.conf.

``pacman -R`` removes exactly what it is told: it refuses while another package needs one of the list and never installs.
pacman's simulation (``--print``) runs no hook, so whether the block holds is read: where pacman looks for hooks, and which file it
reads there; in its database the guard package, in its settings HoldPkg.
"""

from __future__ import annotations

import os
import re
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any, Dict, FrozenSet, List, Mapping, Optional, Sequence, Tuple

from ...engine.errors import AppbanError
from ...engine.plan import Change
from ..backend import GUARD_NAME, Block, BlockPlan, BlockRequest, Package, Refusal, RemovalPlan, RemovalRequest, Unseen
from ..guard_version import guard_version
from ..locks import Lock
from ..owned_file import written_content
from ..provider_names import choose_providers, known_providers
from ..steps import CommandStep, FileStep, Steps
from ..system import System, Unreadable
from .conf import add_hold, hold_names, remove_hold, without_secrets
from .database import HELD_QUESTION, parse_conflicts, parse_mtree, parse_owners, parse_packages, parse_provides, parse_required_by
from .guard_package import PACMAN_NAME, guard_file_name, guard_pacman
from .hook_place import HookPlan, plan_hook
from .settings import CONF, PacmanSettings

_GUARD = "pacman: %s" % GUARD_NAME

HOOK_BYPASSES = (
    "pacman --hookdir DIRECTORY (or another --config), which leaves our hook out",
    "deleting or masking the hook file",
)
GUARD_BYPASSES = (
    "pacman --hookdir DIRECTORY and then answering yes to removing the guard (or --ask 4)",
    "removing the guard first: pacman -R asks once, because of HoldPkg",
)


class Pacman:
    """Arch Linux and what is made of it."""

    name = "pacman"
    kinds: Tuple[str, ...] = ("pacman",)
    database = "pacman"

    def __init__(self, system: System) -> None:
        self.system = system
        self.settings = PacmanSettings(system)
        self._listing: Optional[Mapping[str, str]] = None
        self._listed_at = -1

    def version(self) -> Optional[str]:
        """pacman's version, as it says itself."""
        if not self.system.which("pacman"):
            return None
        for word in self.system.query(["pacman", "--version"], rests_on=[("program", "pacman")]).stdout.split():
            if word[:1] == "v" and word[1:2].isdigit():
                return word[1:]
        return None

    def installed(self, names: FrozenSet[str]) -> Tuple[Package, ...]:
        """Installed packages among the names, with what HoldPkg says of them."""
        found = {name: version for name, version in self._installed().items() if name in names}
        return self._packages(found)

    def unseen(self) -> Tuple[Unseen, ...]:
        """Nothing: the database is the system's, and all of it was read."""
        return ()

    def files(self, packages: Sequence[Package]) -> Tuple[str, ...]:
        """What pacman lists of them and of no other package, without directories."""
        names = {package.name for package in packages}
        if not names:
            return ()
        owners = parse_owners(self.system.query(["pacman", "-Ql"], rests_on=self.settings.installed_rests_on()).stdout)
        found = {path for path, of in owners.items() if names.issuperset(of)}
        listed = {name for of in owners.values() for name in of}
        for package in packages:
            if package.name not in listed:
                # pacman was killed while it installed this: the files are there, the list of them is not.
                found.update(path for path in self._tree(package) if path not in owners)
        return tuple(sorted(found))

    def plan_removal(self, request: RemovalRequest) -> RemovalPlan:
        """Remove the packages with their configuration files (-Rn), in one transaction."""
        listing = self._installed()
        to_remove = sorted({package.name for package in request.packages if package.name in listing})
        if not to_remove:
            return RemovalPlan()
        asked = ["pacman", "-Rc", "--print", "--print-format", "%n %v"] + to_remove
        result = self.system.query(asked, rests_on=self.settings.installed_rests_on())
        if HELD_QUESTION in result.stdout + result.stderr:
            # pacman lists nothing then, not even which package is held.
            closure = self._needed_by(to_remove)
        else:
            closure = parse_packages(result.stdout) if result.rc == 0 else {}
        if not set(to_remove) <= set(closure):
            message = "pacman would not remove %s: %s. Repair the package database by hand (pacman -Dk) and run again"
            refusal = Refusal(self.name, "unsolvable", tuple(to_remove), (), message % (", ".join(to_remove), result.explain()))
            return RemovalPlan(refusals=(refusal,))
        lines = ["%s %s" % item for item in sorted(closure.items())]
        dependents = tuple(sorted(set(closure) - set(to_remove)))
        removes = self._packages(closure)
        refusals = self._refusals(request, to_remove, dependents, removes, tuple("remove %s" % line for line in lines))
        if refusals:
            return RemovalPlan(removes=removes, dependents=dependents, refusals=refusals)
        change = Change(
            "delete",
            "package",
            "pacman: %s" % ", ".join(lines),
            before="".join("%s\n" % line for line in lines),
            step=CommandStep(("pacman", "-Rn", "--noconfirm") + tuple(sorted(closure)), lock=self._lock(request.lock_timeout)),
        )
        return RemovalPlan((change,), removes, dependents)

    def plan_block(self, request: BlockRequest, owned: Mapping[str, Any]) -> BlockPlan:
        """Plan the hook for all names, and the guard package and HoldPkg entry for the strong ones."""
        unsupported = {name: "not a pacman package name" for name in request.names if not PACMAN_NAME.fullmatch(name)}
        names = tuple(name for name in request.names if name not in unsupported)
        notes: List[str] = []
        conf = self.system.read(CONF)
        drift: List[str] = []
        providers = self._providers(names, request.providers, owned, notes, drift)
        stopped = sorted(set(names).union(providers)) if names else []
        # A run that was killed had claimed what it may not have made: what of that is missing was not taken away by anybody.
        claimed = bool(owned.get("claimed"))
        hook = plan_hook(self.system, self.settings.hook_directories(), stopped, request.comment, owned.get("hook", {}), claimed)
        if hook.foreign:
            notes.append("%s is not ours, so it was left alone and no hook was made. Give it another name" % hook.path)
            unsupported.update((name, "%s is somebody else's file" % hook.path) for name in names if name not in request.strong)
        guarded, without = self._guarded(names, request, owned.get("guard", {}), notes)
        guard, guard_owned, guard_drift = self._plan_guard(guarded, without, request.lock_timeout, owned.get("guard", {}))
        held, held_owned, held_drift = self._plan_hold(conf, bool(guarded), owned.get("hold_pkg"))

        # The guard can't be removed while it is held, and is not held before it is there.
        changes = list(hook.changes)
        if guarded:
            changes += guard + [_after(change, guard) for change in held]
        else:
            changes += held + [_after(change, held) for change in guard]
        remembered: Dict[str, Any] = {}
        if names:
            remembered = {"names": list(names), "hook": dict(hook.owned), "providers": {each: list(of) for each, of in providers.items()}}
            if guard_owned:
                remembered["guard"] = guard_owned
            if held_owned:
                remembered["hold_pkg"] = held_owned
        return BlockPlan(
            tuple(changes),
            self._blocks(hook, stopped, guarded),
            remembered,
            tuple(sorted(set(owned.get("names", ()) or hook.before) - set(names))),
            tuple(drift) + hook.drift + (() if claimed else guard_drift + held_drift),
            unsupported,
            tuple(notes + self.settings.problems),
            "" if changes or not names else "read",
            {name: hook.overridden for name in stopped if name not in guarded} if hook.overridden else {},
        )

    def verify(self, change: Change) -> Optional[str]:
        """Read the host again: the database, the file, and where pacman looks for hooks."""
        if change.kind == "package":
            listing = self._installed()
            left = [line.split(" ")[0] for line in (change.before or "").splitlines() if line.split(" ")[0] in listing]
            return "still installed: %s" % ", ".join(left) if left else None
        if change.kind == "guard":
            version = self._installed().get(GUARD_NAME)
            if change.after is None:
                return "the guard package is still installed" if version else None
            if version is None or "%s %s" % (GUARD_NAME, version) not in change.after.splitlines():
                return "the guard package is %s" % ("version %s" % version if version else "not installed")
            return None
        if change.kind == "file" and self.system.read(change.name) != written_content(change):
            return "%s has other content" % change.name
        return None

    # reading

    def _installed(self) -> Mapping[str, str]:
        # One call serves a whole run, until something is written.
        if self._listing is None or self._listed_at != self.system.writes:
            result = self.system.query(["pacman", "-Q"], rests_on=self.settings.installed_rests_on(only_names=True))
            # pacman says 1 where nothing at all is installed (fact sheet hosts_linux 5.6).
            if result.rc != 0 and (result.stdout or result.stderr):
                raise AppbanError("pacman can't list the installed packages", result.explain(), "Check the database with pacman -Dk")
            self._listing = parse_packages(result.stdout)
            self._listed_at = self.system.writes
        return self._listing

    def _packages(self, found: Mapping[str, str]) -> Tuple[Package, ...]:
        if not found:
            return ()
        globs = self.settings.values("HoldPkg", ())
        return tuple(
            Package(name, version, protected="hold_pkg" if any(fnmatchcase(name, glob) for glob in globs) else "")
            for name, version in sorted(found.items())
        )

    def _tree(self, package: Package) -> Tuple[str, ...]:
        path = os.path.join(self.settings.database(), "local", "%s-%s" % (package.name, package.version), "mtree")
        root = self.settings.values("RootDir", ("/",))[-1]
        try:
            return tuple(os.path.join(root, each) for each in parse_mtree(self.system.read(path) or b""))
        except Unreadable:
            return ()

    def _lock(self, timeout: int) -> Lock:
        return Lock(os.path.join(self.settings.database(), "db.lck"), timeout)

    def _providers(
        self, names: Tuple[str, ...], wanted: bool, owned: Mapping[str, Any], notes: List[str], drift: List[str]
    ) -> Mapping[str, Tuple[str, ...]]:
        """The packages that offer themselves under a blocked name, by the package lists as they are now."""
        if not names or not wanted:
            return {}
        # What was found stays while the block stands.
        known = known_providers(owned.get("providers", {}), names)
        # The search looks at names, provided names and descriptions alike; which of them it was is in the details.
        pattern = "^(%s)$" % "|".join(re.sub(r"([.+])", r"\\\1", name) for name in names)
        found = self._of_lists(["-Ssq", pattern], notes)
        candidates = sorted(set(found.split()).difference(names, known))
        offered = parse_provides(self._of_lists(["-Si"] + candidates, notes)) if candidates else {}
        chosen = choose_providers(self.database, names, offered, known, frozenset(self._installed()), notes)
        blocked_before = set(owned.get("names", ()))
        for each in sorted(set(chosen).difference(known)):
            if blocked_before.intersection(chosen[each]):
                drift.append("a repository offers %s under the blocked name %s, and it was not blocked" % (each, ", ".join(chosen[each])))
        return chosen

    def _of_lists(self, arguments: List[str], notes: List[str]) -> str:
        result = self.system.query(["pacman"] + arguments, rests_on=self.settings.offered_rests_on())
        # pacman answers 1 for "nothing found", and for a list that it can't read; only its messages tell which.
        if result.stderr.strip():
            note = (
                "pacman can't read all package lists, so packages that offer a blocked name may be unknown until it can: %s"
                % result.explain()
            )
            if note not in notes:
                notes.append(note)
        return result.stdout

    # removal

    def _needed_by(self, to_remove: Sequence[str]) -> Dict[str, str]:
        listing = self._installed()
        closure = {name: listing[name] for name in to_remove}
        new = list(to_remove)
        while new:
            details = self.system.query(["pacman", "-Qi"] + new, rests_on=self.settings.installed_rests_on())
            needing = parse_required_by(details.stdout)
            new = [name for name in needing if name in listing and name not in closure]
            closure.update((name, listing[name]) for name in new)
        return closure

    def _refusals(
        self,
        request: RemovalRequest,
        to_remove: Sequence[str],
        dependents: Sequence[str],
        removes: Sequence[Package],
        plan: Tuple[str, ...],
    ) -> Tuple[Refusal, ...]:
        protected = [package.name for package in removes if package.protected]
        if protected:
            message = "HoldPkg in %s keeps %s from being removed. Take it out there, or correct the identifier in the policy"
            return (Refusal(self.name, "protected", tuple(to_remove), plan, message % (CONF, ", ".join(protected))),)
        if dependents and not request.allow_dependents:
            message = "%s cannot go without %s, which depends on it. Set allow_dependents: true to remove both, or exempt this host"
            return (Refusal(self.name, "dependents", tuple(to_remove), plan, message % (", ".join(to_remove), ", ".join(dependents))),)
        return ()

    # block

    def _blocks(self, hook: HookPlan, stopped: Sequence[str], guarded: Tuple[str, ...]) -> Tuple[Block, ...]:
        blocks = []
        if stopped and not hook.foreign and not hook.overridden:
            blocks.append(Block(self.name, tuple(stopped), "hook", hook.path, "soft", HOOK_BYPASSES))
        if guarded:
            blocks.append(Block(self.name, guarded, "guard", GUARD_NAME, "strong", GUARD_BYPASSES))
        return tuple(blocks)

    def _guarded(
        self, names: Tuple[str, ...], request: BlockRequest, owned: Mapping[str, Any], notes: List[str]
    ) -> Tuple[Tuple[str, ...], Tuple[str, ...]]:
        """The names that a guard can conflict with, and those of which an installed provider stands in the way."""
        wanted = [name for name in names if name in request.strong and name not in request.present]
        kept = [name for name in names if name in request.strong and name in request.present]
        notes += ["pacman: no guard against %s, because it is installed and stays" % name for name in kept]
        if not wanted:
            return (), ()
        if not owned.get("without") and self._is_whole_guard("%s-1" % guard_version(wanted), wanted):
            return tuple(wanted), ()
        # -T prints the names that nothing installed satisfies.
        lacking = set(self.system.query(["pacman", "-T"] + wanted, rests_on=self.settings.installed_rests_on()).stdout.split())
        without: List[str] = []
        if not lacking.issuperset(wanted):
            provided = parse_provides(self.system.query(["pacman", "-Qi"], rests_on=self.settings.installed_rests_on()).stdout)
            for name in wanted:
                # What is on the list of names is either removed in this run or `present`.
                providers = [each for each in provided.get(name, ()) if each not in names]
                if providers:
                    without.append(name)
                    notes.append("pacman: no guard against %s, because the installed %s provides it" % (name, ", ".join(sorted(providers))))
        return tuple(name for name in wanted if name not in without), tuple(without)

    def _plan_guard(
        self, guarded: Tuple[str, ...], without: Tuple[str, ...], lock_timeout: int, owned: Mapping[str, Any]
    ) -> Tuple[List[Change], Dict[str, Any], Tuple[str, ...]]:
        current = self._installed().get(GUARD_NAME)
        drift = _guard_drift(current, owned)
        before = None
        if current:
            before = "%s %s\n" % (GUARD_NAME, current) + ("Conflicts: %s\n" % ", ".join(owned["names"]) if owned.get("names") else "")
        if not guarded:
            remembered: Dict[str, Any] = {"without": list(without)} if without else {}
            if current is None:
                return [], remembered, drift
            step = CommandStep(("pacman", "-Rn", "--noconfirm", GUARD_NAME), lock=self._lock(lock_timeout))
            return [Change("delete", "guard", _GUARD, before=before, step=step)], remembered, drift
        version = guard_version(guarded)
        remembered = {"names": list(guarded), "versions": ["%s-1" % version]}
        if without:
            remembered["without"] = list(without)
        if self._is_whole_guard("%s-1" % version, guarded):
            return [], remembered, drift
        install = CommandStep(
            ("pacman", "-U", "--noconfirm", "{file}"),
            file=guard_pacman(guarded, version),
            file_name=guard_file_name(version),
            lock=self._lock(lock_timeout),
        )
        by_half = current is not None and not self._guard_entry(current)
        steps = Steps((self._removal_in_spite_of_hold(lock_timeout), install)) if by_half else install
        after = "%s %s-1\nConflicts: %s\n" % (GUARD_NAME, version, ", ".join(guarded))
        return [Change("update" if current else "create", "guard", _GUARD, before=before, after=after, step=steps)], remembered, drift

    def _is_whole_guard(self, version: str, names: Sequence[str]) -> bool:
        """Whether this very guard is installed, with its conflicts: where pacman was killed while it installed it they are missing."""
        if self._installed().get(GUARD_NAME) != version:
            return False
        return set(names) <= set(parse_conflicts(self._guard_entry(version)))

    def _guard_entry(self, version: str) -> bytes:
        """What pacman's database says of the installed guard; nothing where pacman was killed before it wrote that."""
        return self.system.read(os.path.join(self.settings.database(), "local", "%s-%s" % (GUARD_NAME, version), "desc")) or b""

    def _removal_in_spite_of_hold(self, lock_timeout: int) -> CommandStep:
        """Remove a half-installed guard: pacman can't install over it, and HoldPkg keeps it from being removed."""
        root = self.settings.values("RootDir", ("/",))[-1]
        settings = "[options]\nRootDir = %s\nDBPath = %s/\n" % (root, self.settings.database())
        argv = ("pacman", "-R", "--noconfirm", "--config", "{file}", GUARD_NAME)
        return CommandStep(argv, file=os.fsencode(settings), file_name="pacman.conf", lock=self._lock(lock_timeout))

    def _plan_hold(
        self, conf: Optional[bytes], wanted: bool, owned: Optional[Mapping[str, Any]]
    ) -> Tuple[List[Change], Dict[str, Any], Tuple[str, ...]]:
        if conf is None:
            return [], {}, ()
        there = GUARD_NAME in hold_names(conf)
        drift = ("%s was taken out of HoldPkg in %s" % (GUARD_NAME, CONF),) if owned and not there else ()
        if not wanted:
            new, record = remove_hold(conf, GUARD_NAME, owned), {}
        elif there:
            # Our memory was lost where a line of its own names the guard: nobody else has a reason to write one.
            new, record = conf, dict(owned or {"added": remove_hold(conf, GUARD_NAME, None) != conf})
        else:
            new, record = add_hold(conf, GUARD_NAME)
        if new == conf:
            return [], record, drift
        change = Change(
            "update",
            "file",
            CONF,
            before=without_secrets(conf),
            after=without_secrets(new),
            step=FileStep(CONF, new, shared=True, before=conf),
        )
        return [change], record, drift


def _after(change: Change, earlier: Sequence[Change]) -> Change:
    return replace(change, needs=tuple(change.needs) + tuple(each.key for each in earlier))


def _guard_drift(current: Optional[str], owned: Mapping[str, Any]) -> Tuple[str, ...]:
    if not owned.get("versions"):
        return ()
    if current is None:
        return ("the guard package %s was removed" % GUARD_NAME,)
    if current not in owned["versions"]:
        return ("the guard package %s was replaced by version %s" % (GUARD_NAME, current),)
    return ()
