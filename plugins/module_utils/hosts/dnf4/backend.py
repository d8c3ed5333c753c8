# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""dnf 4: blocks by ``excludepkgs`` in dnf.conf, because this dnf reads no drop-in directory (fact sheet hosts_linux 3.4).

An exclude hides an installed package from dnf itself, so finding and removing go through rpm.
"""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ...engine.plan import Change
from ..backend import GUARD_NAME, Block, BlockRequest
from ..process import CommandResult
from ..rpm.block import Answer, Draft, Providers, Simulated, guard_block, present_notes, unmarked_notes, wanted_names
from ..rpm.database import DNF_CONF
from ..rpm.dnf_conf import Addition, effective_excludes, marked_excludes, masked, option_words, set_excludes
from ..rpm.front_end import RpmFrontEnd
from ..rpm.guard import plan_guard
from ..rpm.place import rpm_inputs
from ..steps import FileStep

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

_SWITCHED_OFF = "disable_excludes=%s in %s switches our excludes off: take it out there"
# A repository without a cache would be left out in silence, unless it is said to be needed.
_ALL_NEEDED = "--setopt=*.skip_if_unavailable=False"
# Options of [main] that move what an answer rests on.
_MOVES = ("reposdir", "varsdir", "pluginpath", "pluginconfpath", "cachedir", "persistdir", "installroot", "modulesdir", "include")
_REFUSED = re.compile(r"(?:All matches were filtered out by .* for argument|No match for argument): (\S+)\s*$")
_TELLING = ("Error:", "Problem repository:")
_NOTHING = ("Nothing to do.", "Error: Unable to find a match")


class Dnf4(RpmFrontEnd):
    """dnf 4 on one host."""

    name = "dnf4"

    def version(self) -> Optional[str]:
        """See :class:`..backend.Backend`."""
        # "dnf" may be dnf 5 by now; the program of dnf 4 is dnf-3 everywhere.
        if self.system.which("dnf-3") is None:
            return None
        lines = self.system.query(("dnf-3", "--version"), rests_on=self._inputs()).stdout.split()
        return lines[0] if lines else None

    def draft(self, request: BlockRequest, owned: Mapping[str, Any], providers: Providers) -> Draft:
        """See :class:`..rpm.front_end.RpmFrontEnd`."""
        wanted = wanted_names(request, providers)
        ours = Addition.from_plain(owned.get("excludes", {}))
        current = self.system.read(DNF_CONF)
        honoured = effective_excludes(current)
        marked = marked_excludes(current).names
        taken_out = [name for name in dict.fromkeys(ours.names + marked) if name not in honoured]
        content, added = set_excludes(current, wanted, ours)
        changes: List[Change] = []
        if content != current:
            op = "delete" if content is None else "create" if current is None else "update"
            changes.append(
                Change(
                    op, "file", DNF_CONF, masked(current), masked(content), step=FileStep(DNF_CONF, content, shared=True, before=current)
                )
            )
        guard = plan_guard(self.system, self.keeps_guard, request, owned.get("guard", {}), known=bool(owned))
        remembered = dict(providers.owned)
        if added.names:
            remembered["excludes"] = added.to_plain()
        if guard.owned:
            remembered["guard"] = dict(guard.owned)
        switched_off = sorted({"all", "main"}.intersection(option_words(current, "disable_excludes")))
        return Draft(
            Block(self.name, wanted, "excludes", DNF_CONF, "soft", EXCLUDE_BYPASSES),
            guard_block(self.name, guard.covers, GUARD_BYPASS),
            changes=tuple(changes) + guard.changes,
            held=frozenset(() if switched_off else effective_excludes(content)),
            why_not=_SWITCHED_OFF % (", ".join(switched_off), DNF_CONF) if switched_off else "",
            owned=remembered,
            drift=tuple("the exclude of %s was taken out of %s, or lost its effect there" % (name, DNF_CONF) for name in taken_out)
            + providers.drift
            + guard.drift,
            notes=providers.notes + present_notes(request) + guard.notes + unmarked_notes(request, owned, DNF_CONF, honoured, marked),
            unblocked=tuple(name for name in owned.get("asked", marked) if name not in wanted),
        )

    def providers(self, names: Sequence[str]) -> Answer:
        """See :class:`..rpm.front_end.RpmFrontEnd`."""
        # From the cache only, and without the excludes that would hide the answer.
        question: Tuple[str, ...] = ("repoquery", "--available", "--qf", "@%{name}\n%{provides}")
        for name in names:
            question += ("--whatprovides", name)
        complete = True
        result = self._ask("--disableexcludes=all", "-q", _ALL_NEEDED, *question)
        if result.rc != 0:
            complete = False
            result = self._ask("--disableexcludes=all", "-q", *question)
        offers: Dict[str, List[str]] = {name: [] for name in names}
        package = ""
        for line in result.stdout.splitlines() if result.rc == 0 else ():
            if line.startswith("@"):
                package = line[1:].strip()
                continue
            offered = line.split(" ", 1)[0].strip()
            if offered in offers and package not in offers[offered]:
                offers[offered].append(package)
        return Answer(offers, complete)

    def simulate(self, names: Sequence[str]) -> Simulated:
        """See :class:`..rpm.front_end.RpmFrontEnd`."""
        # Without "strict" a name that is refused does not end the question about the others.
        result = self._ask("--assumeno", _ALL_NEEDED, "--setopt=strict=0", "install", *names)
        answer = read_simulation(result)
        if answer is None:
            return Simulated(unanswered=_why_unanswered(result))
        undecided = [name for name in names if name not in answer.refused]
        if len(undecided) == 1:
            return Simulated({undecided[0]: answer.brings} if answer.brings else {})
        admitted: Dict[str, Tuple[str, ...]] = {name: (name,) for name in undecided if name in answer.brings}
        for name in undecided:
            # Names that stand in each other's way leave all but one out, and a provider comes under its own name.
            if name not in admitted and answer.brings:
                result = self._ask("--assumeno", _ALL_NEEDED, "install", name)
                alone = read_simulation(result)
                if alone is None:
                    return Simulated(unanswered=_why_unanswered(result))
                if alone.brings:
                    admitted[name] = alone.brings
        return Simulated(admitted)

    def _ask(self, *arguments: str) -> CommandResult:
        # A lock that another dnf holds ends the question at once; dnf would wait for ever.
        argv = ("dnf-3", "-C", "--setopt=exit_on_lock=1", *arguments)
        result = self.system.query(argv, rests_on=self._inputs())
        if result.rc not in (0, 1):
            # Locked, ended or broken: that may be over with the next look.
            self.system.basis.rest_on(argv, None)
        return result

    def _inputs(self) -> Optional[List[Tuple[str, str]]]:
        """What every answer of dnf from its cache rests on; None where its configuration moves any of that."""
        configuration = self.system.read(DNF_CONF)
        rpm = rpm_inputs(self.system)
        if rpm is None or any(option_words(configuration, key) for key in _MOVES):
            return None
        inputs = rpm + [("program", "dnf-3"), ("content", "/etc/os-release"), ("statuses", "/var/cache/dnf")]
        inputs += [("statuses", "/var/lib/dnf/modulefailsafe")]
        inputs += [("contents", each) for each in ("/etc/dnf", "/etc/yum.repos.d", "/etc/yum", "/etc/distro.repos.d")]
        for name in self.system.names_in("/usr/lib"):
            if name.startswith("python3"):
                inputs += [("statuses", "/usr/lib/%s/%s/dnf-plugins" % (name, place)) for place in ("site-packages", "dist-packages")]
        return inputs


class DnfAnswer(NamedTuple):
    """The answer of dnf to a simulated installation.

    Args:
        refused: arguments that no package matches, or only an excluded one.
        brings: packages that would be installed for the arguments' own sake.
    """

    refused: Tuple[str, ...]
    brings: Tuple[str, ...]


def read_simulation(result: CommandResult) -> Optional[DnfAnswer]:
    """Read the output of ``dnf --assumeno install``; None if dnf could not answer at all."""
    lines = result.stdout.splitlines() + result.stderr.splitlines()
    refused = tuple(match.group(1) for match in (_REFUSED.match(line) for line in lines) if match)
    aborted = any(line.startswith("Operation aborted.") for line in lines)
    nothing = any(line.startswith(_NOTHING) for line in lines)
    unsolvable = any(line.startswith("Error:") for line in lines) and any(line.startswith(" Problem") for line in lines)
    if result.rc not in (0, 1) or not (aborted or nothing or unsolvable):
        return None
    brings = []
    installing = False
    for line in lines if aborted else ():
        if not line.startswith(" "):
            installing = line.startswith("Installing:")
        elif installing and not line.startswith("  "):
            # A long name has a line of its own; the rest of the row follows, further in.
            brings.append(line.split()[0])
    return DnfAnswer(refused, tuple(dict.fromkeys(brings)))


def _why_unanswered(result: CommandResult) -> str:
    # Of a repository with gpgcheck and without a key dnf shows all options, its password included: only lines of its own are passed on.
    telling = [line for line in result.stderr.splitlines() if line.startswith(_TELLING) or "already locked" in line]
    return result._replace(stdout="", stderr="\n".join(telling)).explain()
