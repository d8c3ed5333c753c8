# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking apt itself whether it would install an app now: by its own simulation, offline, without a lock and without a write."""

from __future__ import annotations

import re
from typing import Dict, FrozenSet, List, Mapping, NamedTuple, Optional, Sequence, Set, Tuple

from ..backend import GUARD_NAME
from ..system import System
from .places import ASKS_ONLY, Inputs

# Even a simulation writes down what it planned. "Held" is no refusal of ours, and "quiet" answers apt's questions with yes.
_WRITES_NOTHING = ("-o", "Dir::Log::Planner=", "-o", "Dir::Log::Solver=")
_SIMULATE = ("apt-get", "-s", "-qq", *ASKS_ONLY, *_WRITES_NOTHING, "--allow-change-held-packages", "--allow-downgrades", "install")

# An apt that was told to write as apt 3 does says "Error".
_ERRORS = ("E: ", "Error: ")
_REFUSED = re.compile(r"^(?:E|Error): (?:Unable to locate package (\S+)|Package '([^']+)' has no installation candidate)$")
# What follows on "unable to locate" where the name could be a pattern.
_NO_PATTERN = re.compile(r"^(?:E|Error): Couldn't find any package by (?:glob|regex|task) ")
# An upgrade shows the version that is there in brackets; what is new doesn't.
_INSTALLS = re.compile(r"^Inst (\S+) (?!\[)")
_REMOVES = re.compile(r"^Remv (\S+)")
_CANDIDATE = re.compile(r"^  Candidate: (.+)$", re.MULTILINE)
# Asked for with all others, so that apt always gives up after it has looked at the names.
_NOBODYS_NAME = "appban-asks-for-nothing"


class Answer(NamedTuple):
    """What apt would do if somebody asked it to install each of several names.

    Args:
        let_in: name -> what would be installed: the name itself, a package that offers itself under it, or empty where apt has a version
            to install that it can't install at this moment for other reasons.
        kept_out: names that apt would install if the guard package were not in the way.
        problem: why apt could not answer; empty if it did.
    """

    let_in: Mapping[str, str] = {}
    kept_out: FrozenSet[str] = frozenset()
    problem: str = ""


def ask_apt(
    system: System,
    names: Sequence[str],
    architectures: Sequence[str],
    offered: Mapping[str, Sequence[str]],
    guarded: FrozenSet[str],
    inputs: Optional[Inputs],
) -> Answer:
    """Ask whether any of the names would be installed.

    Args:
        system: the host.
        names: names of packages that are not installed.
        architectures: the host's own architecture and then the foreign ones; empty where the own one is the only one.
        offered: name -> packages that offer themselves under it.
        guarded: names that the guard package conflicts with.
        inputs: what the answer rests on.
    """
    # With an architecture a name can't be taken for a pattern, for a task, or for "remove NAME-".
    words = {"%s:%s" % (name, architecture): name for name in names for architecture in (architectures or ("native",))}
    refused, problem, _lines = _simulate(system, [_NOBODYS_NAME] + list(words), inputs)
    if problem or _NOBODYS_NAME not in refused:
        return Answer(problem=problem or "it would install a package that nobody has")
    let_in: Dict[str, str] = {}
    kept_out: Set[str] = set()
    own = architectures[0] if architectures else "native"
    for word, name in words.items():
        if word in refused or (name in refused and word == "%s:%s" % (name, own)):
            continue
        installed = _would_install(system, word, name, offered.get(name, ()), inputs)
        if installed is None:
            continue
        if installed == GUARD_NAME or (not installed and name in guarded):
            kept_out.add(name)
        elif name not in let_in or installed:
            let_in[name] = installed
    return Answer(let_in, frozenset(kept_out.difference(let_in)))


def _would_install(system: System, word: str, name: str, offered: Sequence[str], inputs: Optional[Inputs]) -> Optional[str]:
    """What asking for one name alone would bring; None for nothing, the guard's name where that has to go first."""
    refused, problem, lines = _simulate(system, [word], inputs)
    if refused:
        return None
    new = {match.group(1).split(":")[0] for match in map(_INSTALLS.match, lines) if match}
    gone = {match.group(1).split(":")[0] for match in map(_REMOVES.match, lines) if match}
    if not problem:
        brought = next((each for each in [name] + sorted(offered) if each in new), None)
        return GUARD_NAME if brought is not None and GUARD_NAME in gone else brought
    # It has chosen a version and then found no way to install it. Without what is in the way now, it would.
    policy = system.query(("apt-cache",) + ASKS_ONLY + ("policy", word), rests_on=inputs)
    candidate = _CANDIDATE.search(policy.stdout)
    return None if candidate and candidate.group(1) == "(none)" else ""


def _simulate(system: System, words: Sequence[str], inputs: Optional[Inputs]) -> Tuple[Set[str], str, List[str]]:
    """Names that apt refuses because it has nothing to install, any other problem, and the lines of what it would do.

    apt looks at every name before it gives up, so one question tells of all names that it refuses.
    """
    result = system.query(_SIMULATE + tuple(words), rests_on=inputs)
    refused: Set[str] = set()
    others: List[str] = []
    for line in result.stderr.splitlines():
        match = _REFUSED.match(line)
        if match:
            refused.add(match.group(1) or match.group(2))
        elif line.startswith(_ERRORS) and not _NO_PATTERN.match(line):
            others.append(line)
    problem = ""
    if others or (result.rc != 0 and not refused):
        problem = result.explain()
    return refused, problem, result.stdout.splitlines()
