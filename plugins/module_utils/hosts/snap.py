# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""snap: detect by snapd's own files, remove with snap, no block: snapd can't forbid a snap by name on a single host.

Written from documentation, tested on recorded output; not run on a real snapd (fact sheet hosts_linux 8). Holding a snap only
stops its updates, and a validation set is an assertion that has to be signed by a store account.
"""

from __future__ import annotations

import re
from typing import Any, Dict, FrozenSet, List, Mapping, Optional, Sequence, Tuple

from ..engine.plan import Change
from .backend import BlockPlan, BlockRequest, Package, Refusal, RemovalPlan, RemovalRequest, Unseen
from .steps import CommandStep
from .system import System

#: Every revision of every installed snap, as ``NAME_REVISION.snap``.
SNAPS_DIRECTORY = "/var/lib/snapd/snaps"
NO_BLOCK = "no_block_mechanism"
_FILE = re.compile(r"([a-z0-9-]+)(_[a-z0-9]+)?_(x?\d+)\.snap\Z")
#: Notes in ``snap list`` of what every other snap stands on.
_FOUNDATIONS = frozenset(("base", "core", "kernel", "gadget", "os", "snapd"))


class Snap:
    """The snap backend.

    Args:
        system: the host.
    """

    name = "snap"
    kinds: Tuple[str, ...] = ("snap",)
    database = "snap"

    def __init__(self, system: System) -> None:
        self._system = system

    def version(self) -> Optional[str]:
        """Version of snapd, or None where this host hasn't got it."""
        program = self._system.which("snap")
        if program is None:
            return None
        for line in self._system.query((program, "version")).stdout.splitlines():
            words = line.split()
            if len(words) >= 2 and words[0] == "snapd":
                return words[1]
        return ""

    def installed(self, names: FrozenSet[str]) -> Tuple[Package, ...]:
        """Which of the names are installed. Without a file of theirs no process is started."""
        there = self._revisions(names)
        if not there:
            return ()
        listed = parse_list(self._system.query(("snap", "list", "--unicode=never", "--color=never")).stdout)
        packages = []
        for name in sorted(there):
            version, notes = listed.get(name, ("revision %s" % there[name][-1], ""))
            foundation = _FOUNDATIONS.intersection(notes.split(","))
            packages.append(Package(name, version, protected=sorted(foundation)[0] if foundation else ""))
        return tuple(packages)

    def unseen(self) -> Tuple[Unseen, ...]:
        """Nothing: the database is the system's, and all of it was read."""
        return ()

    def files(self, packages: Sequence[Package]) -> Tuple[str, ...]:
        """None are known: nobody could try this package manager, so its removal is believed when its database shows it."""
        return ()

    def plan_removal(self, request: RemovalRequest) -> RemovalPlan:
        """One change per snap, without ``--purge``: snapd keeps a snapshot of people's data for a month, as it always does."""
        protected = [package for package in request.packages if package.protected]
        if protected:
            refusals = tuple(
                Refusal(
                    self.name,
                    "protected",
                    (package.name,),
                    ("remove %s" % package.name,),
                    "snap: %s is protected (%s): other snaps stand on it. Take it out of the policy" % (package.name, package.protected),
                )
                for package in protected
            )
            return RemovalPlan(refusals=refusals)
        changes = tuple(
            Change(
                "delete",
                "package",
                "snap: %s %s" % (package.name, package.version),
                before="%s %s\n" % (package.name, package.version),
                step=CommandStep(("snap", "remove", package.name)),
            )
            for package in request.packages
        )
        return RemovalPlan(changes, request.packages)

    def plan_block(self, request: BlockRequest, owned: Mapping[str, Any]) -> BlockPlan:
        """Nothing can be done; every name is unsupported, and the way on is said once."""
        if not request.names:
            return BlockPlan()
        note = "snapd has no way to forbid a snap by name; what comes back is removed again at every run. A store proxy can refuse it"
        return BlockPlan(unsupported=dict.fromkeys(request.names, NO_BLOCK), notes=(note,))

    def verify(self, change: Change) -> Optional[str]:
        """Look for the snap's files again."""
        name = change.step.argv[-1]
        return "snap %s is still installed" % name if self._revisions(frozenset((name,))) else None

    # inside

    def _revisions(self, names: FrozenSet[str]) -> Dict[str, List[str]]:
        found: Dict[str, List[str]] = {}
        for file_name in self._system.names_in(SNAPS_DIRECTORY):
            match = _FILE.match(file_name)
            # A second instance of a snap (NAME_KEY, an experimental feature) is another name.
            if match and match.group(2) is None and match.group(1) in names:
                found.setdefault(match.group(1), []).append(match.group(3))
        return found


def parse_list(output: str) -> Dict[str, Tuple[str, str]]:
    """Name -> (version, notes) from the table of ``snap list``; a line that is cut short is left out."""
    found: Dict[str, Tuple[str, str]] = {}
    lines = output.splitlines()
    if not lines or lines[0].split()[:3] != ["Name", "Version", "Rev"]:
        return found
    for line in lines[1:]:
        words = line.split()
        if len(words) >= 6:
            found[words[0]] = (words[1], words[5])
    return found
