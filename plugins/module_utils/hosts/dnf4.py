# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""dnf 4: blocks by ``excludepkgs`` in dnf.conf, because this dnf reads no drop-in directory (fact sheet hosts_linux 3.4).

An exclude hides an installed package from dnf itself, so finding and removing go through rpm.
"""

from __future__ import annotations

from typing import Any, List, Mapping, Optional

from ..engine.plan import Change
from .backend import GUARD_NAME, Block, BlockPlan, BlockRequest
from .dnf_conf import Addition, effective_excludes, masked, set_excludes
from .rpm_block import Answer, guard_block, plan_providers, present_notes, wanted_names
from .rpm_database import DNF_CONF
from .rpm_front_end import RpmFrontEnd
from .rpm_guard import plan_guard
from .steps import FileStep

# PackageKit fills a solver of its own from the repositories and never reads the main configuration's excludes
# (dnf_utils_create_sack_for_filters in its backends/dnf; PackageKit#196, libdnf#1721).
EXCLUDE_BYPASSES = (
    "dnf --disableexcludes=all (or =main) install",
    "dnf --setopt=excludepkgs= install",
    "rpm -i",
    "editing %s" % DNF_CONF,
    "PackageKit (pkcon install NAME) and what installs through it, such as GNOME Software",
)
GUARD_BYPASS = "dnf --setopt=protected_packages= remove %s, then installing" % GUARD_NAME


class Dnf4(RpmFrontEnd):
    """dnf 4 on one host."""

    name = "dnf4"

    def version(self) -> Optional[str]:
        """See :class:`.backend.Backend`."""
        # "dnf" may be dnf 5 by now; the program of dnf 4 is dnf-3 everywhere.
        if self.system.which("dnf-3") is None:
            return None
        lines = self.system.query(("dnf-3", "--version")).stdout.split()
        return lines[0] if lines else None

    def plan_block(self, request: BlockRequest, owned: Mapping[str, Any]) -> BlockPlan:
        """See :class:`.backend.Backend`."""
        providers = plan_providers(self.system, self.name, request, owned, self._providers)
        wanted = wanted_names(request, providers)
        ours = Addition.from_plain(owned.get("excludes", {}))
        current = self.system.read(DNF_CONF)
        honoured = effective_excludes(current)
        drift = tuple("the exclude of %s was taken out of %s" % (name, DNF_CONF) for name in ours.names if name not in honoured)
        content, added = set_excludes(current, wanted, ours)
        changes: List[Change] = []
        if content != current:
            op = "delete" if content is None else "create" if current is None else "update"
            changes.append(Change(op, "file", DNF_CONF, masked(current), masked(content), step=FileStep(DNF_CONF, content, shared=True, before=current)))
        guard = plan_guard(self.system, self.keeps_guard, request, owned.get("guard", {}))
        remembered = dict(providers.owned)
        if added.names:
            remembered["excludes"] = added.to_plain()
        if guard.owned:
            remembered["guard"] = dict(guard.owned)
        blocks = []
        if wanted:
            blocks.append(Block(self.name, wanted, "excludes", DNF_CONF, "soft", EXCLUDE_BYPASSES))
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
        # From the cache only, and without the excludes that would hide the answer.
        options = ("dnf-3", "-q", "-C", "--disableexcludes=all")
        question = ("repoquery", "--available", "--whatprovides", name, "--qf", "%{name}")
        # A repository without a cache is left out in silence, unless it is said to be needed.
        result = self.system.query((*options, "--setopt=*.skip_if_unavailable=False", *question))
        if result.rc == 0:
            return Answer(tuple(result.stdout.split()))
        return Answer(tuple(self.system.query((*options, *question)).stdout.split()), complete=False)
