# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""dnf 5: blocks by a drop-in with ``excludepkgs``.

Written from documentation (dnf5.conf(5), dnf5-filtering(7)) and tested on recorded output, not on a real dnf 5. What it shares
with dnf 4 and zypper (finding, removing, the guard package) is proved there, because rpm does it.
"""

from __future__ import annotations

from typing import Any, Mapping, Optional, Tuple

from .backend import GUARD_NAME, Block, BlockPlan, BlockRequest
from .dnf_conf import clears_excludes
from .owned_file import header_lines, plan_owned_file
from .rpm_block import Answer, guard_block, plan_providers, present_notes, wanted_names
from .rpm_database import DNF_CONF
from .rpm_front_end import RpmFrontEnd
from .rpm_guard import plan_guard

DROP_IN = "/etc/dnf/libdnf5.conf.d/90-appban.conf"
# PackageKit's dnf back end, which distributions with dnf 5 had at first, is dnf 4's library and reads no excludes (libdnf#1721);
# its dnf5 back end loads this configuration (dnf5_setup_base in its backends/dnf5).
EXCLUDE_BYPASSES = (
    "dnf --setopt=disable_excludes=* install",
    "dnf --setopt=excludepkgs= install",
    "rpm -i",
    "deleting %s" % DROP_IN,
    "PackageKit with the dnf back end of older releases (pkcon install NAME), and what installs through it, such as GNOME Software",
)
GUARD_BYPASS = "dnf --setopt=protected_packages= remove %s, then installing" % GUARD_NAME


class Dnf5(RpmFrontEnd):
    """dnf 5 on one host."""

    name = "dnf5"

    def version(self) -> Optional[str]:
        """See :class:`.backend.Backend`."""
        if self.system.which("dnf5") is None:
            return None
        # "dnf5 version 5.2.6.2", then its libraries and plugins
        lines = self.system.query(("dnf5", "--version")).stdout.splitlines()
        return lines[0].split()[-1] if lines and lines[0].split() else None

    def plan_block(self, request: BlockRequest, owned: Mapping[str, Any]) -> BlockPlan:
        """See :class:`.backend.Backend`."""
        providers = plan_providers(self.system, self.name, request, owned, self._providers)
        wanted = wanted_names(request, providers)
        file = plan_owned_file(self.system, DROP_IN, render_drop_in(wanted, request.comment) if wanted else None, owned.get("file", {}))
        guard = plan_guard(self.system, self.keeps_guard, request, owned.get("guard", {}))
        notes = providers.notes + present_notes(request) + guard.notes
        unsupported = {}
        blocks = []
        if file.foreign:
            unsupported = dict.fromkeys(wanted, "%s is there and not ours" % DROP_IN)
        elif wanted:
            blocks.append(Block(self.name, wanted, "excludes", DROP_IN, "soft", EXCLUDE_BYPASSES))
            if clears_excludes(self.system.read(DNF_CONF)):
                notes += ("the excludes in %s begin with an empty element, which empties the list that drop-ins gave" % DNF_CONF,)
        blocks += guard_block(self.name, guard.covers, GUARD_BYPASS)
        remembered = dict(providers.owned)
        if file.owned:
            remembered["file"] = dict(file.owned)
        if guard.owned:
            remembered["guard"] = dict(guard.owned)
        return BlockPlan(
            changes=file.changes + guard.changes,
            blocks=tuple(blocks),
            owned=remembered,
            unblocked=tuple(name for name in owned.get("asked", ()) if name not in request.names),
            drift=file.drift + guard.drift,
            unsupported=unsupported,
            notes=notes,
        )

    def _providers(self, name: str) -> Answer:
        options = ("dnf5", "--quiet", "--cacheonly", "--setopt=disable_excludes=*")
        # Unlike dnf 4, dnf 5 ends no line by itself.
        result = self.system.query((*options, "repoquery", "--available", "--whatprovides", name, "--queryformat", "%{name}\\n"))
        return Answer(tuple(result.stdout.split()) if result.rc == 0 else (), complete=result.rc == 0)


def render_drop_in(names: Tuple[str, ...], comment: Tuple[str, ...]) -> bytes:
    """The drop-in that excludes the names."""
    lines = ["# %s" % line for line in header_lines(comment)] + ["[main]", "excludepkgs=%s" % ",".join(names)]
    return ("\n".join(lines) + "\n").encode("utf-8")
