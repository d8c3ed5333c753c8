# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""snap: detect by snapd's own files, remove with snap, no block: snapd can't forbid a snap by name on a single host.

Written from documentation, tested on recorded output; not run on a real snapd (fact sheet hosts_linux 8). Holding a snap only
stops its updates, and a validation set is an assertion that has to be signed by a store account.
"""

from __future__ import annotations

import os
import re
from typing import Any, Dict, FrozenSet, List, Mapping, Optional, Sequence, Tuple

from ...engine.plan import Change
from ..backend import BlockPlan, BlockRequest, Package, Refusal, RemovalPlan, RemovalRequest, Unseen
from ..steps import CommandStep
from ..system import System

#: Every revision of every installed snap, as ``NAME_REVISION.snap``; of a second instance of one (``snap install NAME_KEY``, an
#: experimental feature) as ``NAME_KEY_REVISION.snap``.
SNAPS_DIRECTORY = "/var/lib/snapd/snaps"
NO_BLOCK = "no_block_mechanism"
#: Where snapd keeps what ``snap list`` shows.
STATE_PATH = "/var/lib/snapd/state.json"
_FILE = re.compile(r"([a-z0-9-]+)(?:_([a-z0-9]+))?_(x?\d+)\.snap\Z")
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
        for line in self._system.query((program, "version"), rests_on=self._rests_on()).stdout.splitlines():
            words = line.split()
            if len(words) >= 2 and words[0] == "snapd":
                return words[1]
        return ""

    def installed(self, names: FrozenSet[str]) -> Tuple[Package, ...]:
        """Which of the names are installed, each instance of a snap on its own (scope ``system:KEY``). Without a file of theirs no
        process is started."""
        there = self._revisions(names)
        if not there:
            return ()
        asked = ("snap", "list", "--unicode=never", "--color=never")
        listed = parse_list(self._system.query(asked, rests_on=self._rests_on()).stdout)
        packages = []
        for (name, key), revisions in sorted(there.items()):
            version, notes = listed.get(_instance(name, key), ("revision %s" % revisions[-1], ""))
            foundation = _FOUNDATIONS.intersection(notes.split(","))
            scope = "system:%s" % key if key else "system"
            packages.append(Package(name, version, scope, protected=sorted(foundation)[0] if foundation else ""))
        return tuple(packages)

    def unseen(self) -> Tuple[Unseen, ...]:
        """Nothing: the database is the system's, and all of it was read."""
        return ()

    def files(self, packages: Sequence[Package]) -> Tuple[str, ...]:
        """The images that snapd mounts; everything else of a snap is inside them."""
        there = self._revisions(frozenset(package.name for package in packages))
        wanted = {(package.name, _key(package)) for package in packages}
        return tuple(
            sorted(
                os.path.join(SNAPS_DIRECTORY, "%s_%s.snap" % (_instance(name, key), revision))
                for (name, key), revisions in there.items()
                if (name, key) in wanted
                for revision in revisions
            )
        )

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
                "snap: %s %s" % (_instance(package.name, _key(package)), package.version),
                before="%s %s\n" % (_instance(package.name, _key(package)), package.version),
                step=CommandStep(("snap", "remove", _instance(package.name, _key(package)))),
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
        instance = change.step.argv[-1]
        name, _underscore, key = instance.partition("_")
        return "snap %s is still installed" % instance if (name, key) in self._revisions(frozenset((name,))) else None

    # inside

    def _rests_on(self) -> List[Tuple[str, str]]:
        return [("program", "snap"), ("names", SNAPS_DIRECTORY), ("status", STATE_PATH)]

    def _revisions(self, names: FrozenSet[str]) -> Dict[Tuple[str, str], List[str]]:
        """``(name, instance key)`` -> revisions; the key is empty for the snap of the name itself."""
        found: Dict[Tuple[str, str], List[str]] = {}
        for file_name in self._system.names_in(SNAPS_DIRECTORY):
            match = _FILE.match(file_name)
            if match and match.group(1) in names:
                found.setdefault((match.group(1), match.group(2) or ""), []).append(match.group(3))
        return found


def _instance(name: str, key: str) -> str:
    """The name by which snap's commands know an instance."""
    return "%s_%s" % (name, key) if key else name


def _key(package: Package) -> str:
    return package.scope.partition(":")[2]


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
