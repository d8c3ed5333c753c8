# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the block of apt holds now: asked of apt where it can answer, otherwise read in its preferences as it reads them."""

from __future__ import annotations

import os
from typing import Dict, FrozenSet, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ..system import System, Unreadable
from .dpkg_database import ARCHITECTURES_PATH
from .places import AptPlaces
from .preferences import PIN_PATH, is_read_by_apt, pins
from .question import ask_apt

# Nothing in the preferences says why.
_UNKNOWN = "`apt-cache policy %s` shows what apt reads. Take away what gives it a priority"


class Holding(NamedTuple):
    """Whether a block whose parts are all in place holds.

    Args:
        proof: ``asked`` or ``read``.
        overridden: name -> why it would be installed all the same, and what can be done.
        past_the_pin: names that the pin does not keep out, whether or not the guard does.
        drift: one sentence for each cause.
        notes: sentences for a person.
    """

    proof: str
    overridden: Mapping[str, str]
    past_the_pin: FrozenSet[str] = frozenset()
    drift: Tuple[str, ...] = ()
    notes: Tuple[str, ...] = ()


def how_it_holds(
    system: System,
    places: AptPlaces,
    names: Sequence[str],
    providers: Mapping[str, Sequence[str]],
    installed: FrozenSet[str],
    guarded: Sequence[str],
    pinned: bool,
) -> Holding:
    """Find out for every blocked name whether the block holds: ask apt, or read its preferences where it gives no answer.

    Args:
        system: the host.
        places: where apt keeps its preferences.
        names: blocked names.
        providers: blocked package -> those of the names under which it offers itself.
        installed: names of installed packages. What apt would do about those says nothing of the block.
        guarded: names that the guard conflicts with.
        pinned: the pin is ours; without it only the guard can hold.
    """
    asked = [name for name in sorted(set(names).union(providers)) if name not in installed]
    guard = frozenset(guarded).union(each for each, of in providers.items() if set(of).intersection(guarded))
    offered = {name: [each for each, of in providers.items() if name in of] for name in names}
    notes: Tuple[str, ...] = ()
    if asked:
        answer = ask_apt(system, asked, _architectures(system), offered, guard, places.inputs)
        if not answer.problem:
            causes = _Causes(system, places)
            open_doors = {name: (by, causes.of(by or name)) for name, by in answer.let_in.items()}
            kept = {name: causes.of(name) for name in sorted(answer.kept_out)} if pinned else {}
            return _holding("asked", open_doors, kept, providers, notes)
        # What kept apt from answering may be of the moment.
        system.basis.rest_on(("apt-get",), None)
        notes = ("apt could not say whether the block holds (%s), so its preferences were read" % answer.problem,)
    causes = _Causes(system, places)
    found = {name: causes.of(name) for name in asked or names} if pinned else {}
    open_doors = {name: (name, cause) for name, cause in found.items() if cause and name not in guard}
    kept = {name: cause for name, cause in found.items() if cause and name in guard}
    return _holding("read", open_doors, kept, providers, notes)


def _holding(
    proof: str,
    open_doors: Mapping[str, Tuple[str, str]],
    kept: Mapping[str, str],
    providers: Mapping[str, Sequence[str]],
    notes: Tuple[str, ...],
) -> Holding:
    overridden: Dict[str, str] = {}
    for name, (by, cause) in sorted(open_doors.items()):
        told = "apt would install %s: %s, or use the block `strong`" % (_shown(name, by), cause or _UNKNOWN % (by or name))
        for each in providers.get(name, (name,)):
            overridden.setdefault(each, told)
    drift: List[str] = list(overridden.values())
    for name, cause in sorted(kept.items()):
        drift.append("only the guard package keeps %s out, no longer the pin: %s" % (name, cause or _UNKNOWN % name))
    return Holding(proof, overridden, frozenset(open_doors).union(kept), tuple(dict.fromkeys(drift)), notes)


def _shown(name: str, by: str) -> str:
    if not by:
        return "%s as soon as what it depends on is there" % name
    return name if by == name else "%s, which offers itself under the name %s" % (by, name)


class _Causes:
    """What in apt's preferences lets a name past our pin."""

    def __init__(self, system: System, places: AptPlaces) -> None:
        self._system = system
        self._places = places
        self._before_ours: Optional[List[str]] = None

    def of(self, name: str) -> str:
        """One sentence with the cause and what can be done; empty where the preferences give no cause."""
        parts = self._places.preferences_parts
        if parts != os.path.dirname(PIN_PATH):
            return "its configuration takes preferences from %s (Dir::Etc::PreferencesParts) and not from %s. %s" % (
                parts,
                os.path.dirname(PIN_PATH),
                "Take that setting away (`apt-config dump Dir::Etc` shows it)",
            )
        for path in self._files():
            for pin in pins(self._content(path)):
                if pin.priority > 0 and pin.concerns(name):
                    told = "%s gives it the priority %d, and apt reads that before our pin. Take that stanza away"
                    return told % (path, pin.priority)
        return ""

    def _content(self, path: str) -> bytes:
        try:
            return self._system.read(path) or b""
        except Unreadable:
            # A directory, say. Whatever it is, apt's own answer stands.
            return b""

    def _files(self) -> List[str]:
        if self._before_ours is None:
            parts = self._places.preferences_parts
            try:
                names = [name for name in self._system.names_in(parts) if is_read_by_apt(name) and name < os.path.basename(PIN_PATH)]
            except Unreadable:
                names = []
            self._before_ours = [self._places.preferences] + [os.path.join(parts, name) for name in names]
        return self._before_ours


def _architectures(system: System) -> Tuple[str, ...]:
    """The host's own architecture first; none where there are no others."""
    return tuple((system.read(ARCHITECTURES_PATH) or b"").decode("ascii", "replace").split())
