# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""apk (Alpine): detect in the installed database, remove as simulated, block by a conflict in the world file.

Written from documentation and apk's source, tested on recorded output; not run on a real Alpine (fact sheet hosts_linux 6).
The world file is edited as text instead of with ``apk add '!name'``, which runs the solver and may change other packages, and
whose counterpart ``apk del`` takes names only. Whether the block holds is read in that file: ``apk add --simulate NAME`` would not
ask it, because apk puts the name in the place of the conflict before it solves anything (``apk_deps_add`` in apk's source).
"""

from __future__ import annotations

import hashlib
import os
import re
from typing import Any, Dict, FrozenSet, List, Mapping, Optional, Sequence, Tuple

from ...engine.plan import Change
from ..backend import Block, BlockPlan, BlockRequest, Package, Refusal, RemovalPlan, RemovalRequest, Unseen
from ..steps import CommandStep, FileStep
from ..system import System
from .world import WORLD_PATH, add_conflicts, conflicts, drop_conflicts, marked_names, with_marks

#: apk-tools 3 keeps the database below /usr on systems with a merged /usr.
DATABASE_PATHS = ("/lib/apk/db/installed", "/usr/lib/apk/db/installed")
MECHANISM = "world"
STRENGTH = "soft"
BYPASSES = (
    "apk add NAME, which puts the name in the place of the conflict, until the next run",
    "apk del NAME or a text editor take the conflict out of /etc/apk/world",
    "apk --force-broken-world",
)
_STEP = re.compile(r"^\(\s*\d+/\d+\)\s+(\w+)\s+(\S+)\s+\((.*)\)\s*$")
_KEPT = re.compile(r"^  (\S+):(.*)$")


class Apk:
    """The apk backend.

    Args:
        system: the host.
    """

    name = "apk"
    kinds: Tuple[str, ...] = ("apk",)
    database = "apk"

    def __init__(self, system: System) -> None:
        self._system = system

    def version(self) -> Optional[str]:
        """Version of apk-tools, or None where this host hasn't got it."""
        program = self._system.which("apk")
        if program is None:
            return None
        match = re.search(r"apk-tools (\S+?),", self._system.query((program, "--version"), rests_on=[("program", "apk")]).stdout)
        return match.group(1) if match else ""

    def installed(self, names: FrozenSet[str]) -> Tuple[Package, ...]:
        """Which of the names are installed: one read of the database, no process."""
        return tuple(Package(name, version) for name, version in parse_installed(self._database()) if name in names)

    def unseen(self) -> Tuple[Unseen, ...]:
        """Nothing: the database is the system's, and all of it was read."""
        return ()

    def files(self, packages: Sequence[Package]) -> Tuple[str, ...]:
        """What the database lists of them and of no other package. Recorded databases only: not tried on a real Alpine."""
        names = {package.name for package in packages}
        owners = parse_files(self._database()) if names else {}
        return tuple(sorted(path for path, of in owners.items() if names.issuperset(of)))

    def plan_removal(self, request: RemovalRequest) -> RemovalPlan:
        """Simulate the removal. apk also removes what nothing needs any more; that counts as a dependent, for nobody asked for it."""
        requested = tuple(package.name for package in request.packages)
        options = ("-r",) if request.allow_dependents else ()
        result = self._system.query(("apk", "--no-network", "--simulate", "del") + options + requested)
        purged, others = parse_simulation(result.stdout)
        kept = parse_kept(result.stdout)
        lines = tuple("remove %s %s" % pair for pair in purged) + tuple(others)
        if result.rc != 0:
            return self._refuse("unsolvable", requested, lines, "apk can't remove %s: %s" % (", ".join(requested), result.explain()))
        if others:
            message = "apk would change other packages to remove %s. Remove them by hand first" % ", ".join(requested)
            return self._refuse("replacement", requested, lines, message)
        to_remove = dict(purged)
        not_removed = [name for name in requested if name not in to_remove]
        if not_removed:
            needed_by = sorted({each for name in not_removed for each in kept.get(name, ())})
            message = "apk keeps %s, because it is needed by %s. Remove that first, or set allow_dependents" % (
                ", ".join(not_removed),
                ", ".join(needed_by) or "something",
            )
            return self._refuse("dependents", requested, tuple("remove %s" % name for name in needed_by), message)
        more = tuple(sorted(name for name in to_remove if name not in requested))
        if more and not request.allow_dependents:
            message = "apk would also remove %s. Add what shall stay to /etc/apk/world (apk add NAME), or set allow_dependents" % ", ".join(
                more
            )
            return self._refuse("dependents", requested, lines, message)
        text = "".join("%s %s\n" % pair for pair in sorted(purged))
        argv = ("apk", "--no-network", "--wait", str(request.lock_timeout), "del") + options + requested
        title = "apk: %s" % ", ".join("%s %s" % pair for pair in sorted(purged))
        change = Change("delete", "package", title, before=text, step=CommandStep(argv))
        removes = tuple(Package(name, version) for name, version in sorted(purged))
        return RemovalPlan((change,), removes, more)

    def plan_block(self, request: BlockRequest, owned: Mapping[str, Any]) -> BlockPlan:
        """Plan the ``!name`` lines of the world file. An installed package that stays gets none, because apk would remove it."""
        current = self._system.read(WORLD_PATH) if request.names or owned or self._system.exists(WORLD_PATH) else None
        before: Sequence[str] = owned.get("names", ()) if owned else marked_names(current or b"")
        if not request.names and not before and not owned:
            return BlockPlan()
        if current is None:
            return BlockPlan(owned={}, unblocked=tuple(before), unsupported=dict.fromkeys(request.names, "%s is missing" % WORLD_PATH))
        there = conflicts(current)
        drift = tuple("%s: the line !%s was taken out" % (WORLD_PATH, name) for name in before if name not in there)
        # An earlier release made no marks.
        ours_there = [each for each in with_marks(before) if each in there]
        without_ours = drop_conflicts(current, ours_there, bool(owned.get("newline")))
        foreign = conflicts(without_ours)
        blocked = tuple(name for name in request.names if name not in request.present)
        ours = [name for name in blocked if name not in foreign]
        wanted, newline = add_conflicts(without_ours, with_marks(ours))
        changes: Tuple[Change, ...] = ()
        # Where apk rewrote the file in its own order, the same names in another place are no reason to write.
        if set(ours) == set(before).intersection(there) and set(before) == set(ours):
            wanted, newline = current, bool(owned.get("newline"))
        if wanted != current:
            text = [content.decode("utf-8", "replace") for content in (current, wanted)]
            changes = (
                Change("update", "file", WORLD_PATH, text[0], text[1], step=FileStep(WORLD_PATH, wanted, shared=True, before=current)),
            )
        notes = ["apk knows no stronger block than the world file: %s" % ", ".join(sorted(request.strong))] if request.strong else []
        block = Block(self.name, blocked, MECHANISM, WORLD_PATH, STRENGTH, BYPASSES)
        remembered: Dict[str, Any] = {"names": sorted(ours)} if ours else {}
        if ours and newline:
            remembered["newline"] = True
        return BlockPlan(
            changes,
            (block,) if blocked else (),
            remembered,
            tuple(name for name in before if name not in request.names),
            # A run that was killed had claimed lines that it may not have written.
            () if owned.get("claimed") else drift,
            {name: "it is installed and stays, and apk would remove it" for name in request.names if name in request.present},
            tuple(notes),
            "read" if blocked and not changes else "",
        )

    def verify(self, change: Change) -> Optional[str]:
        """Read the database, or the world file, again."""
        if change.kind == "file":
            step: FileStep = change.step
            same = self._digest(self._system.read(step.path)) == self._digest(step.content)
            return None if same else "%s does not hold what was written" % step.path
        gone = {line.split(" ", 1)[0] for line in (change.before or "").splitlines()}
        left = sorted(name for name, _version in parse_installed(self._database()) if name in gone)
        return "still installed: %s" % ", ".join(left) if left else None

    # inside

    def _database(self) -> bytes:
        for path in DATABASE_PATHS:
            content = self._system.read(path)
            if content is not None:
                return content
        return b""

    def _refuse(self, reason: str, names: Tuple[str, ...], plan: Tuple[str, ...], message: str) -> RemovalPlan:
        return RemovalPlan(refusals=(Refusal(self.name, reason, names, plan, message),))

    @staticmethod
    def _digest(content: Optional[bytes]) -> str:
        return hashlib.sha256(content or b"").hexdigest()


def parse_installed(content: bytes) -> List[Tuple[str, str]]:
    """Name and version of every package in the installed database (lines ``P:`` and ``V:``, packages set apart by an empty line)."""
    found = []
    name = version = ""
    for raw in content.split(b"\n") + [b""]:
        if raw.startswith(b"P:"):
            name = raw[2:].decode("utf-8", "replace").strip()
        elif raw.startswith(b"V:"):
            version = raw[2:].decode("utf-8", "replace").strip()
        elif not raw.strip():
            if name:
                found.append((name, version))
            name = version = ""
    return found


def parse_files(content: bytes) -> Dict[str, List[str]]:
    """Path of every file and link in the installed database -> packages that list it (lines ``P:``, ``F:`` directory, ``R:`` file)."""
    owners: Dict[str, List[str]] = {}
    name = directory = ""
    for raw in content.split(b"\n"):
        field, value = raw[:2], os.fsdecode(raw[2:])
        if field == b"P:":
            name = value.strip()
        elif field == b"F:":
            directory = value
        elif field == b"R:" and name:
            owners.setdefault(os.path.join("/", directory, value), []).append(name)
        elif not raw.strip():
            name = directory = ""
    return owners


def parse_simulation(output: str) -> Tuple[List[Tuple[str, str]], List[str]]:
    """What a simulation would remove (name, version), and whatever else it would do, one line each."""
    purged = []
    others = []
    for line in output.splitlines():
        match = _STEP.match(line)
        if match is None:
            continue
        verb, name, version = match.groups()
        if verb == "Purging":
            purged.append((name, version))
        else:
            others.append("%s %s %s" % (verb.lower(), name, version))
    return purged, others


def parse_kept(output: str) -> Dict[str, List[str]]:
    """Package -> what keeps it, from apk's paragraph "not removed due to"; long lists go on in the next line."""
    kept: Dict[str, List[str]] = {}
    inside = False
    current = ""
    for line in output.splitlines():
        if line.endswith("not removed due to:"):
            inside = True
        elif inside and not line.strip():
            inside = False
        elif inside:
            match = _KEPT.match(line)
            if match:
                current = match.group(1)
                kept[current] = match.group(2).split()
            elif current:
                kept[current].extend(line.split())
    return kept
