# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which devices a control is for, and what of it is still to come: what a row of the evidence rests on. Pure data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Iterable, Mapping


@dataclass(frozen=True)
class ControlState:
    """One control and the devices on which it is wanted.

    Args:
        control: its name at the target.
        mechanism: what it is.
        apps: ids of the apps of which it carries a name, and no others.
        covers: positions of the devices that it reaches once the plan is carried out.
        unnamed: positions of the devices on which it is wanted and that it can't reach.
        new: those of ``covers`` that the plan affects for the first time.
        changed_at: instant of its last change before this run, by the target's clock; empty for a control that is not there yet.
        dated: the target says when it was last changed; otherwise ``changed_at`` is empty and the ledger has to remember.
        named: positions of the devices that it reaches by name, so that the ledger knows since when.
        changes: keys of the plan's changes that it needs; empty where it stands as it is wanted.
        deadline: instant from which it has an effect; empty for at once.
        obstacle: why it may have no effect although it stands; empty for none.
        prevented: it can't even be made, because of the obstacle.
        confirmed: positions of the devices that have said themselves that it is in force; None where the target's devices say no such
            thing, so that their last contact has to do.
        refused: positions of the devices that have refused it, with the reason.
        refusal_words: of those, what the device or its server said, where it said anything.
    """

    control: str
    mechanism: str
    apps: frozenset[str]
    covers: frozenset[int]
    unnamed: frozenset[int] = frozenset()
    new: frozenset[int] = frozenset()
    changed_at: str = ""
    dated: bool = True
    named: frozenset[int] = frozenset()
    changes: tuple[str, ...] = ()
    deadline: str = ""
    obstacle: str = ""
    prevented: bool = False
    confirmed: frozenset[int] | None = None
    refused: Mapping[int, str] = field(default_factory=dict)
    refusal_words: Mapping[int, str] = field(default_factory=dict)


class ControlStates:
    """All control states of a run, looked up by mechanism and app."""

    def __init__(self, control_states: Iterable[ControlState]) -> None:
        self.all: tuple[ControlState, ...] = tuple(control_states)
        self._by_use: dict[tuple[str, str], list[ControlState]] = {}
        for control_state in self.all:
            for app in control_state.apps:
                self._by_use.setdefault((control_state.mechanism, app), []).append(control_state)

    def reaching(self, index: int, mechanism: str, app: str) -> ControlState | None:
        """The control that reaches a device for an app; None where none does."""
        return next((each for each in self._by_use.get((mechanism, app), ()) if index in each.covers), None)

    def is_unnamed(self, index: int, mechanism: str, app: str) -> bool:
        """Whether a control would have to reach the device and can't, because the directory doesn't know it."""
        return any(index in each.unnamed for each in self._by_use.get((mechanism, app), ()))
