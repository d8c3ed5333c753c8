# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host in memory: files, packages and package managers with the real ones' traps, behind the real protocol.

Its package managers are honest about what goes wrong in the field: a guard package throws an installed package of its names out,
several package managers share a database, and the block is a line in a file that an administrator edits too. They remove with the
low-level tool, as ours do, which no block keeps from it (the front ends' removals, which a block does stop, are tried in the lab).
"""

from __future__ import annotations

import copy
import os
import posixpath
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

from ansible_collections.appban.endpoint.plugins.module_utils.engine.errors import AppbanError
from ansible_collections.appban.endpoint.plugins.module_utils.engine.plan import Change
from ansible_collections.appban.endpoint.plugins.module_utils.hosts import situation
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.backend import (
    Block,
    BlockPlan,
    BlockRequest,
    Package,
    Refusal,
    RemovalPlan,
    RemovalRequest,
    Unseen,
)
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.converge import converge
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.ledger import LEDGER_PATH
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.present_backends import Present
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.process import CommandResult
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.report import HostReport
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.request import HostRequest, parse_host_request
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.steps import CommandStep, FileStep
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.system import System

NOW = "2026-11-22T00:00:00Z"
LATER = "2026-11-23T00:00:00Z"


class Killed(BaseException):
    """The run was killed: nothing catches this, as nothing catches SIGKILL."""


@dataclass
class State:
    """All there is on the host.

    packages: database -> installed name -> version. guards: database -> names the guard package conflicts with. needs: name ->
    the names that it needs. failing: names whose removal, or whose guard, fails. stuck: names whose removal reports success and leaves
    them. overridden: names that install although they are blocked. unreadable: a home that nobody can look into. hides: a removal that
    fails takes the package, and the home it is in, out of sight. locked: databases that can't be read. protected: names that the
    database calls essential.
    """

    packages: dict[str, dict[str, str]] = field(default_factory=lambda: {"dpkg": {}, "rpm": {}})
    guards: dict[str, tuple[str, ...]] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    directories: set[str] = field(default_factory=lambda: {"/", "/etc", "/var", "/var/lib"})
    needs: dict[str, str] = field(default_factory=dict)
    failing: set[str] = field(default_factory=set)
    stuck: set[str] = field(default_factory=set)
    overridden: set[str] = field(default_factory=set)
    unreadable: str = ""
    hides: bool = False
    locked: set[str] = field(default_factory=set)
    protected: set[str] = field(default_factory=set)

    def copy(self) -> State:
        return copy.deepcopy(self)

    def without_packages(self) -> tuple[Any, ...]:
        """All that a lift has to bring back; an app that was removed is not installed again."""
        return self.guards, self.files, self.directories


class MemorySystem(System):
    """The door to a host in memory. ``killed_after`` writes it is killed, before the next one has any effect."""

    def __init__(self, state: State, check_mode: bool = False, killed_after: int | None = None) -> None:
        super().__init__(check_mode=check_mode)
        self.state = state
        self.killed_after = killed_after

    def _count(self, what: str) -> None:
        self._refuse_in_check_mode(what)
        if self.killed_after is not None and self.writes >= self.killed_after:
            raise Killed(what)
        self.writes += 1

    def which(self, program: str) -> str | None:
        raise AssertionError("a backend of the fake host asks for no program")

    def read(self, path: str) -> bytes | None:
        return self.state.files.get(path)

    def names_in(self, directory: str) -> list[str]:
        return sorted(posixpath.basename(path) for path in self.state.files if posixpath.dirname(path) == directory)

    def exists(self, path: str) -> bool:
        return path in self.state.files or path in self.state.directories

    def is_link(self, path: str) -> bool:
        return False

    def status(self, path: str) -> os.stat_result | None:
        if not self.exists(path):
            return None
        mode = stat.S_IFDIR | 0o755 if path in self.state.directories else stat.S_IFREG | 0o644
        return os.stat_result((mode, 1, 1, 1, 0, 0, 0, 0, 0, 0))

    def is_root(self) -> bool:
        return True

    def write(self, path: str, content: bytes, mode: int = 0o644) -> None:
        self._count("write %s" % path)
        assert posixpath.dirname(path) in self.state.directories
        self.state.files[path] = content

    def edit(self, path: str, before: bytes | None, after: bytes, mode: int = 0o644) -> None:
        assert self.state.files.get(path) == before
        self.write(path, after, mode)

    def make_directory(self, path: str, mode: int = 0o755) -> tuple[str, ...]:
        self._refuse_in_check_mode(path)
        if path in self.state.directories:
            return ()
        self._count("make directory %s" % path)
        self.state.directories.add(path)
        return (path,)

    def remove_file(self, path: str) -> None:
        self._refuse_in_check_mode(path)
        if path in self.state.files:
            self._count("delete %s" % path)
            del self.state.files[path]

    def remove_empty_directory(self, path: str) -> None:
        self._refuse_in_check_mode(path)
        if path in self.state.directories and not self.names_in(path):
            self._count("delete directory %s" % path)
            self.state.directories.discard(path)

    def command(self, argv: Sequence[str], env: Mapping[str, str] | None = None, run_as: str | None = None) -> CommandResult:
        self._count(" ".join(argv))
        manager, verb, names = argv[0], argv[1], argv[2:]
        database = DATABASE[manager]
        if self.state.failing.intersection(names):
            if self.state.hides:
                self.state.unreadable = "/home/jana"
                for name in names:
                    self.state.packages[database].pop(name, None)
            return CommandResult(tuple(argv), 1, "", "error: a script of the package failed")
        if verb == "guard":
            if names:
                self.state.guards[database] = tuple(names)
            else:
                self.state.guards.pop(database, None)
            for name in names:
                self.state.packages[database].pop(name, None)
            return CommandResult(tuple(argv), 0, "", "")
        for name in set(names) - self.state.stuck:
            self.state.packages[database].pop(name, None)
        return CommandResult(tuple(argv), 0, "", "")


DATABASE = {"apt": "dpkg", "dnf4": "rpm", "zypper": "rpm"}
KIND = {"apt": "deb", "dnf4": "rpm", "zypper": "rpm"}
MANAGERS = tuple(DATABASE)


def path_of(manager: str) -> str:
    """The file that holds this package manager's block: two of the directories are there already, apt's is not."""
    return {"apt": "/etc/apt.d/ban", "dnf4": "/etc/dnf.conf", "zypper": "/etc/locks"}[manager]


def _lines(content: bytes | None) -> list[str]:
    return (content or b"").decode().splitlines()


class MemoryBackend:
    """One package manager of the host in memory; the block is one line per name in a file that others edit as well."""

    def __init__(self, system: MemorySystem, name: str, keeps_guard: bool) -> None:
        self.system = system
        self.name = name
        self.kinds: tuple[str, ...] = (KIND[name],)
        self.database = DATABASE[name]
        self.keeps_guard = keeps_guard

    def version(self) -> str | None:
        return "1"

    def installed(self, names: frozenset[str]) -> tuple[Package, ...]:
        state = self.system.state
        if self.database in state.locked:
            raise AppbanError("cannot read the database: it is locked", self.database, "See who holds it")
        found = state.packages[self.database]
        return tuple(
            Package(name, found[name], protected="essential" if name in state.protected else "") for name in sorted(names) if name in found
        )

    def unseen(self) -> tuple[Unseen, ...]:
        home = self.system.state.unreadable
        return (Unseen("home_unreadable", "%s could not be looked into" % home),) if home else ()

    def files(self, packages: Sequence[Package]) -> tuple[str, ...]:
        return ()

    def plan_removal(self, request: RemovalRequest) -> RemovalPlan:
        state = self.system.state
        asked = {package.name for package in request.packages}
        going = set(asked)
        while True:
            more = {name for name, needed in state.needs.items() if needed in going and name in state.packages[self.database]} - going
            if not more:
                break
            going |= more
        removes = self.installed(frozenset(going))
        dependents = tuple(sorted(going - asked))
        if dependents and not request.allow_dependents:
            refusal = Refusal(self.name, "dependents", tuple(sorted(asked)), dependents, "others need it")
            return RemovalPlan((), removes, dependents, (refusal,))
        text = "".join(name + "\n" for name in sorted(going))
        step = CommandStep((self.name, "remove", *sorted(going)))
        change = Change("delete", "package", "%s: %s" % (self.name, " ".join(sorted(going))), before=text, step=step)
        return RemovalPlan((change,), removes, dependents)

    def plan_block(self, request: BlockRequest, owned: Mapping[str, Any]) -> BlockPlan:
        path = path_of(self.name)
        content = self.system.read(path)
        there = _lines(content)
        mine = set(owned.get("lines", ()))
        foreign = [line for line in there if line not in mine]
        wanted = [name for name in request.names if name not in foreign]
        after = "".join(line + "\n" for line in [*foreign, *wanted]).encode()
        made = bool(owned.get("made_file", content is None))
        drift = tuple("%s is no longer blocked" % name for name in sorted(mine - set(there)))
        remembered: dict[str, Any] = {"lines": wanted, "made_file": made} if wanted else {}
        changes = []
        if not after and made:
            directories = ("/etc/apt.d",) if owned.get("made_directory") else ()
            if content is not None or (directories and self.system.exists(directories[0]) and not self.system.names_in(directories[0])):
                changes.append(Change("delete", "file", path, step=FileStep(path, None, made_directories=directories)))
        elif after != (content or b""):
            changes.append(Change("create" if content is None else "update", "file", path, step=FileStep(path, after)))
        directory = posixpath.dirname(path)
        if remembered and (owned.get("made_directory") or not self.system.exists(directory)):
            remembered["made_directory"] = True
        strong = tuple(name for name in sorted(request.strong) if name not in request.present) if self.keeps_guard else ()
        now = self.system.state.guards.get(self.database, ())
        if self.keeps_guard and strong != now and (strong or owned.get("guard")):
            # A guard that is missing although it is owned counts as changed by somebody.
            changes.append(Change("update", "guard", self.database, step=CommandStep((self.name, "guard", *strong))))
        if strong:
            remembered["guard"] = list(strong)
        # Asked when nothing is left to do: an overridden name would be installed all the same.
        open_names = [] if changes else sorted(self.system.state.overridden.intersection(request.names))
        holding = tuple(name for name in request.names if name not in open_names)
        blocks = [Block(self.name, holding, "lock", path, "soft")] if holding else []
        if strong:
            blocks.append(Block(self.name, strong, "guard", "appban-guard", "strong"))
        unblocked = tuple(sorted(mine.intersection(there) - set(request.names)))
        drift += tuple("%s would be installed all the same" % name for name in open_names)
        overridden = dict.fromkeys(open_names, "a setting of somebody else's wins")
        proof = "" if changes else "asked"
        return BlockPlan(tuple(changes), tuple(blocks), remembered, unblocked, drift, proof=proof, overridden=overridden)

    def verify(self, change: Change) -> str | None:
        state = self.system.state
        if change.kind == "package":
            left = [name for name in (change.before or "").split() if name in state.packages[self.database]]
            return "still installed: %s" % ", ".join(left) if left else None
        if change.kind == "guard":
            return None if state.guards.get(self.database, ()) == change.step.argv[2:] else "the guard is another one"
        return None if state.files.get(change.name) == change.step.content else "the file holds something else"


@contextmanager
def managers(names: Sequence[str] = MANAGERS) -> Iterator[None]:
    """Within, a host in memory has these package managers."""

    def present(system: MemorySystem, wanted: Sequence[str], concerned: Any, by_marks: bool) -> Present:
        chosen: list[MemoryBackend] = []
        left_out = []
        for name in names:
            if concerned(name, (KIND[name],)):
                if not wanted or name in wanted:
                    chosen.append(MemoryBackend(system, name, all(each.database != DATABASE[name] for each in chosen)))
                else:
                    left_out.append((name, (KIND[name],)))
        return Present(tuple(chosen), tuple(left_out), frozenset())

    with mock.patch.object(situation, "present_backends", present):
        yield


def run(state: State, asked: HostRequest, check: bool = False, killed_after: int | None = None) -> tuple[HostReport, MemorySystem]:
    """One run on the host."""
    system = MemorySystem(state, check, killed_after)
    with managers():
        return converge(asked, system), system


def app(name: str, detect_only: Sequence[str] = (), **options: Any) -> dict[str, Any]:
    """An app as the module gets it: ``tiktok`` is ``tiktok-deb`` for apt and ``tiktok-rpm`` for the two with rpm."""

    def entries(kind: str) -> list[Any]:
        confidence = "detect_only" if kind in detect_only else "sure"
        return [{"value": "%s-%s" % (name, kind), "confidence": confidence}]

    return {"id": name, "identifiers": {"deb": entries("deb"), "rpm": entries("rpm")}, **options}


def request(*apps: Mapping[str, Any], now: str = NOW, **options: Any) -> HostRequest:
    """The module's parameters, through its own parser."""
    parameters = {
        "apps": list(apps),
        "state": "absent",
        "remove": True,
        "block": "true",
        "others": "keep",
        "backends": [],
        "allow_dependents": False,
        "max_removals": 5,
        "protected": [],
        "providers": "block",
        "on_unsupported": "report",
        "users": ["none"],
        "remove_leftovers": False,
        "comment": [],
        "lock_timeout": 60,
        **options,
    }
    return parse_host_request(parameters, now)


LIFT = request(others="lift")

__all__ = ["LATER", "LEDGER_PATH", "LIFT", "NOW", "Killed", "MemorySystem", "State", "app", "managers", "path_of", "request", "run"]
