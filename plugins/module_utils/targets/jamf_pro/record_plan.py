# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The part of a plan that is about restricted software: one record for each process and scope. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ...engine.plan import Change
from . import diff_text, steps
from .controls import Control, WantedRecord
from .objects import RestrictedSoftware, Scope
from .scopes import differences as scope_differences
from .steps import Phase

if TYPE_CHECKING:
    from .planner import Planner

RECORD = "restricted software"
_SETTINGS = ("process_name", "exact", "kill", "delete")


def match_records(planner: Planner, controls: Sequence[Control]) -> dict[str, RestrictedSoftware]:
    """Name of a wanted record -> the record that holds it today, under its own name or one that it is to be renamed from."""
    wanted = {record.name: record for control in controls for record in control.records}
    matched: dict[str, RestrictedSoftware] = {}
    for each in planner.state.records:
        if each.name in matched:
            planner.problems.append("two records of ours are called %s (ids %d, %d)" % (each.name, matched[each.name].id, each.id))
        if each.name in wanted:
            matched[each.name] = each
    left = [each for each in planner.state.records if each.name not in wanted]
    for name, record in wanted.items():
        rename_candidates = [each for each in left if name not in matched and each.process_name == record.process_name]
        if rename_candidates:
            # Renaming it leaves no moment without a block.
            matched[name] = rename_candidates[0]
            left.remove(rename_candidates[0])
    return matched


def want_records(planner: Planner, control: Control, matched: Mapping[str, RestrictedSoftware]) -> None:
    """Plan the records of a control."""
    keys: list[str] = []
    before = control.control_scope.covers
    scope = Scope(everything=control.scope.everything, devices=control.scope.devices, excluded_devices=control.scope.excluded_devices)
    for wanted in control.records:
        current = matched.get(wanted.name)
        number = 0 if current is None else current.id
        record = RestrictedSoftware(number, wanted.name, wanted.process_name, True, False, True, wanted.delete, wanted.message, scope)
        same_effect = current is not None and all(getattr(current, name) == getattr(record, name) for name in _SETTINGS)
        reached = (
            planner.scope_members.of_scope(control.family, current.scope, before) if current is not None and same_effect else frozenset()
        )
        before = before & reached
        if current is None or not _is_same(record, current):
            keys.append(_write(planner, control, wanted, record, current))
    planner.cover(control, keys, "", before)


def _write(planner: Planner, control: Control, wanted: WantedRecord, record: RestrictedSoftware, current: RestrictedSoftware | None) -> str:
    names = planner.name_of(control.family)
    was = None if current is None else diff_text.record_text(current, names)
    after = diff_text.wanted_record_text(wanted, control.scope, names)
    if current is not None and current.name == record.name:
        other = [name for name in _SETTINGS if getattr(record, name) != getattr(current, name)]
        if other:
            planner.drift.append("%s had other settings (%s)" % (record.name, ", ".join(other)))
        planner.tell_scope_drift(control.family, record.name, current.scope)
    op = "create" if current is None else "update"
    change = Change(op, RECORD, record.name, was, after, apps=control.apps, step=steps.WriteRecord(record, current))
    planner.add(Phase.OBJECTS, change)
    return change.key


def _is_same(wanted: RestrictedSoftware, found: RestrictedSoftware) -> bool:
    names = (*_SETTINGS, "name", "notify", "message")
    return all(getattr(wanted, name) == getattr(found, name) for name in names) and not scope_differences(wanted.scope, found.scope)
