# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""dnf 5: blocks by a drop-in with ``excludepkgs``.

Written from documentation (dnf5.conf(5), dnf5-filtering(7)) and tested on recorded output, not on a real dnf 5. What it shares
with dnf 4 and zypper (finding, removing, the guard package) is proved there, because rpm does it.
"""

from __future__ import annotations

import itertools
from typing import Any, Dict, FrozenSet, List, Mapping, Optional, Sequence, Tuple

from ..backend import GUARD_NAME, Block, BlockRequest
from ..owned_file import header_lines, plan_owned_file
from ..rpm.block import Answer, Draft, Providers, Simulated, guard_block, present_notes, wanted_names
from ..rpm.database import DNF_CONF
from ..rpm.dnf_conf import clears_excludes, effective_excludes, option_words
from ..rpm.front_end import RpmFrontEnd
from ..rpm.guard import plan_guard

DROP_IN = "/etc/dnf/libdnf5.conf.d/90-appban.conf"
_DROP_INS = ("/usr/share/dnf5/libdnf.conf.d", "/etc/dnf/libdnf5.conf.d")
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
        """See :class:`..backend.Backend`."""
        if self.system.which("dnf5") is None:
            return None
        # "dnf5 version 5.2.6.2", then its libraries and plugins
        lines = self.system.query(("dnf5", "--version"), rests_on=[("program", "dnf5")]).stdout.splitlines()
        return lines[0].split()[-1] if lines and lines[0].split() else None

    def draft(self, request: BlockRequest, owned: Mapping[str, Any], providers: Providers) -> Draft:
        """See :class:`..rpm.front_end.RpmFrontEnd`."""
        wanted = wanted_names(request, providers)
        content = render_drop_in(wanted, request.comment) if wanted else None
        file = plan_owned_file(self.system, DROP_IN, content, owned.get("file", {}))
        guard = plan_guard(self.system, self.keeps_guard, request, owned.get("guard", {}), known=bool(owned))
        held, why_not = (frozenset(wanted), "") if file.changes else self._effective()
        remembered = dict(providers.owned)
        if file.owned:
            remembered["file"] = dict(file.owned)
        if guard.owned:
            remembered["guard"] = dict(guard.owned)
        return Draft(
            Block(self.name, wanted, "excludes", DROP_IN, "soft", EXCLUDE_BYPASSES),
            guard_block(self.name, guard.covers, GUARD_BYPASS),
            changes=file.changes + guard.changes,
            held=held,
            why_not=why_not,
            owned=remembered,
            drift=file.drift + providers.drift + guard.drift,
            notes=providers.notes + present_notes(request) + guard.notes,
            unsupported=dict.fromkeys(wanted, "%s is there and not ours" % DROP_IN) if file.foreign else {},
            unblocked=tuple(name for name in owned.get("asked", ()) if name not in wanted),
        )

    def _effective(self) -> Tuple[FrozenSet[str], str]:
        """The excludes that dnf 5 would honour, and what takes ours away: drop-ins in the order of their names, then dnf.conf."""
        drop_ins: Dict[str, str] = {}
        for directory in _DROP_INS:
            # A name in /etc takes the place of the same name in /usr.
            drop_ins.update({name: "%s/%s" % (directory, name) for name in self.system.names_in(directory) if name.endswith(".conf")})
        excludes: List[str] = []
        why_not = ""
        switched_off: Tuple[str, ...] = ()
        for path in [drop_ins[name] for name in sorted(drop_ins)] + [DNF_CONF]:
            content = self.system.read(path)
            if clears_excludes(content):
                why_not = (
                    ""
                    if path == DROP_IN
                    else "the excludes in %s begin with an empty element, which empties our list: take that out" % path
                )
                excludes = []
            excludes += effective_excludes(content)
            words = option_words(content, "disable_excludes")
            if words:
                switched_off = words + (path,)
        if {"*", "main"}.intersection(switched_off[:-1]):
            return frozenset(), "disable_excludes in %s switches our excludes off: take it out there" % switched_off[-1]
        return frozenset(excludes), why_not

    def providers(self, names: Sequence[str]) -> Answer:
        """See :class:`..rpm.front_end.RpmFrontEnd`."""
        options = ("dnf5", "--quiet", "--cacheonly", "--setopt=disable_excludes=*")
        offers: Dict[str, Tuple[str, ...]] = {}
        complete = True
        for name in names:
            # Unlike dnf 4, dnf 5 ends no line by itself.
            question = ("repoquery", "--available", "--whatprovides", name, "--queryformat", "%{name}\\n")
            result = self.system.query((*options, *question), rests_on=self._inputs())
            complete = complete and result.rc == 0
            offers[name] = tuple(result.stdout.split()) if result.rc == 0 else ()
        return Answer(offers, complete)

    def simulate(self, names: Sequence[str]) -> Simulated:
        """See :class:`..rpm.front_end.RpmFrontEnd`.

        Nothing but the words that dnf 5 is known to refuse with counts as its answer, and nothing but its own summary as an admission.
        """
        admitted: Dict[str, Tuple[str, ...]] = {}
        for name in names:
            result = self.system.query(("dnf5", "--cacheonly", "--assumeno", "install", name), rests_on=self._inputs())
            output = result.stdout + result.stderr
            lines = [line.strip() for line in output.splitlines()]
            if "Operation aborted by the user." in lines:
                rows = output.partition("Installing:")[2].splitlines()[1:]
                brought = tuple(row.split()[0] for row in itertools.takewhile(lambda row: row.startswith(" "), rows) if row.split())
                if not brought:
                    return Simulated(unanswered=result.explain())
                admitted[name] = brought
            elif not {"No match for argument: %s" % name, "Argument '%s' matches only excluded packages." % name}.intersection(lines):
                return Simulated(unanswered=result.explain())
        return Simulated(admitted)

    def _inputs(self) -> Optional[List[Tuple[str, str]]]:
        """None: what all the answers of dnf 5 rest on was not tried out on a real one, so no answer is used again."""
        return None


def render_drop_in(names: Tuple[str, ...], comment: Tuple[str, ...]) -> bytes:
    """The drop-in that excludes the names."""
    lines = ["# %s" % line for line in header_lines(comment)] + ["[main]", "excludepkgs=%s" % ",".join(names)]
    return ("\n".join(lines) + "\n").encode("utf-8")
