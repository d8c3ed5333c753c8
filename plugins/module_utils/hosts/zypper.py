# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""zypper: blocks by locks in /etc/zypp/locks (fact sheet hosts_linux 4.4).

A lock keeps zypper from removing an installed package, too, so finding and removing go through rpm.
"""

from __future__ import annotations

import os
from typing import Any, List, Mapping, Optional

from ..engine.plan import Change
from .backend import GUARD_NAME, Block, BlockPlan, BlockRequest
from .rpm_block import Answer, guard_block, plan_providers, present_notes, wanted_names
from .rpm_database import ZYPP_LOCKS
from .rpm_front_end import RpmFrontEnd
from .rpm_guard import plan_guard
from .steps import FileStep
from .zypp_locks import Addition, locked_names, set_locks

# PackageKit selects a package for the solver without a look at its lock (PackageKit#325, and #557, which is open).
LOCK_BYPASSES = (
    "zypper install --force",
    "zypper removelock, then installing",
    "rpm -i",
    "editing %s" % ZYPP_LOCKS,
    "PackageKit (pkcon install NAME) and what installs through it, such as GNOME Software",
)
GUARD_BYPASS = "zypper removelock %s, then install --force --force-resolution" % GUARD_NAME
_NOTHING_FOUND = 104


class Zypper(RpmFrontEnd):
    """zypper on one host."""

    name = "zypper"

    def version(self) -> Optional[str]:
        """See :class:`.backend.Backend`."""
        if self.system.which("zypper") is None:
            return None
        # "zypper 1.14.42"
        words = self.system.query(("zypper", "--version")).stdout.split()
        return words[1] if len(words) > 1 else None

    def plan_block(self, request: BlockRequest, owned: Mapping[str, Any]) -> BlockPlan:
        """See :class:`.backend.Backend`."""
        providers = plan_providers(self.system, self.name, request, owned, self._providers)
        wanted = wanted_names(request, providers)
        ours = Addition.from_plain(owned.get("locks", {}))
        # --force goes past the lock on the app and --force-resolution removes the guard: a lock on the guard itself stops both.
        locked = wanted + ((GUARD_NAME,) if request.strong - request.present else ())
        current = self.system.read(ZYPP_LOCKS)
        honoured = locked_names(current)
        drift = tuple("the lock on %s was taken out of %s" % (name, ZYPP_LOCKS) for name in ours.names if name not in honoured)
        content, added = set_locks(current, locked, ours)
        made = tuple(owned.get("made_directories", ()))
        directory = os.path.dirname(ZYPP_LOCKS)
        if content is not None and not self.system.exists(directory):
            made = (directory,)
        changes: List[Change] = []
        if content != current:
            op = "delete" if content is None else "create" if current is None else "update"
            step = FileStep(ZYPP_LOCKS, content, made_directories=made, shared=True, before=current)
            changes.append(Change(op, "file", ZYPP_LOCKS, _text(current), _text(content), step=step))
        guard = plan_guard(self.system, self.keeps_guard, request, owned.get("guard", {}))
        remembered = dict(providers.owned)
        if added.names:
            remembered["locks"] = added.to_plain()
            if made:
                remembered["made_directories"] = list(made)
        if guard.owned:
            remembered["guard"] = dict(guard.owned)
        blocks = []
        if wanted:
            blocks.append(Block(self.name, wanted, "lock", ZYPP_LOCKS, "soft", LOCK_BYPASSES))
        blocks += guard_block(self.name, guard.covers, GUARD_BYPASS)
        return BlockPlan(
            changes=tuple(changes) + guard.changes,
            blocks=tuple(blocks),
            owned=remembered,
            unblocked=tuple(name for name in owned.get("asked", ()) if name not in request.names),
            drift=drift + guard.drift,
            notes=providers.notes + present_notes(request) + guard.notes,
        )

    def _providers(self, name: str) -> Answer:
        from xml.etree import ElementTree

        argv = ("zypper", "--non-interactive", "--no-refresh", "--xmlout", "search", "--provides", "--match-exact", "--type", "package")
        result = self.system.query((*argv, name))
        if result.rc == _NOTHING_FOUND:
            return Answer(())
        try:
            found = ElementTree.fromstring(result.stdout).iter("solvable")
        except ElementTree.ParseError:
            return Answer((), complete=False)
        return Answer(tuple(each.get("name", "") for each in found if each.get("name")), complete=result.rc == 0)


def _text(content: Optional[bytes]) -> Optional[str]:
    return None if content is None else content.decode("utf-8", "replace")
