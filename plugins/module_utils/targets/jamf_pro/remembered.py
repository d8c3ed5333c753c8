# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Profiles and records that the ledger remembers, against those that the server shows.

The nodes of a cluster don't know at once what was written to another one, so a list that lacks what was made a moment ago proves nothing.
Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ...engine.plan import Plan
from ...mdm.run.ledger import Ledger, ended_events
from .controls import Control
from .objects import MACOS
from .server_state import ServerState

#: How they stand in the ledger, apart from the controls, which may be made of several and bear other names.
_OBJECT = "object: "


def unseen_objects(ledger: Ledger, state: ServerState, desired: Sequence[Control], is_ours: Callable[[str], bool]) -> dict[str, str]:
    """Name -> family of each object that was made, that nobody is known to have deleted, that is not wanted, and that is not shown.

    Args:
        is_ours: whether a name is one of the run's policies.
    """
    known = {*shown_objects(state), *wanted_objects(desired)}
    remembered = {key[len(_OBJECT) :]: ledger.written.get(key, "") for key in ledger.standing if key.startswith(_OBJECT)}
    return {name: family for name, family in remembered.items() if name not in known and is_ours(name)}


def events_of_objects(
    ledger: Ledger, state: ServerState, desired: Sequence[Control], plan: Plan, done: frozenset[str]
) -> Iterator[dict[str, Any]]:
    """What the ledger is to remember of the objects that the server shows, and of those that this run has made or deleted.

    Args:
        state: before the plan.
        done: names of the plan's changes that were made.
    """
    shown, wanted = shown_objects(state), wanted_objects(desired)
    deleted = {change.name for change in plan.changes if change.op == "delete"}
    for name, family in {**shown, **wanted}.items():
        if (name in wanted and (name in shown or name in done)) or (name in shown and name in deleted - done):
            if _OBJECT + name not in ledger.standing:
                yield {"event": "stands", "device": "", "control": _OBJECT + name, "content": family}
        elif _OBJECT + name in ledger.standing:
            # It was deleted, or goes on under another name.
            yield forgotten(name)


def forgotten(name: str) -> dict[str, Any]:
    """That an object is not expected any more."""
    return next(iter(ended_events(_OBJECT + name, (), (), gone=True)))


def shown_objects(state: ServerState) -> Mapping[str, str]:
    """Name -> family of the profiles and records that a reading shows."""
    return {each.profile.name: each.profile.family for each in state.profiles} | {record.name: MACOS for record in state.records}


def wanted_objects(desired: Sequence[Control]) -> Mapping[str, str]:
    """Name -> family of the profiles and records that are wanted."""
    found = {control.name: control.family for control in desired if control.payloads is not None}
    return found | {record.name: MACOS for control in desired for record in control.records}
