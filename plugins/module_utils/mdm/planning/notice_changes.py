# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Notices as changes of a plan: one for each stage, so that the diff shows the text once and how many devices get it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from ...engine.plan import Change
from .control_state import ControlState
from .fleet import FleetDevice
from .notices import Notice

KIND = "notice"
_SHOWN = 20


def notice_changes(
    notices: Sequence[Notice], fleet: Sequence[FleetDevice], step_of: Callable[[tuple[Notice, ...]], Any]
) -> Iterator[Change]:
    """One change per stage. step_of: what the edge executes for the notices of a stage."""
    by_stage: dict[str, list[Notice]] = {}
    for notice in notices:
        by_stage.setdefault(notice.stage, []).append(notice)
    for stage, listed in sorted(by_stage.items()):
        serials = [str(fleet[each.index].device.record.get("serial") or each.device) for each in listed]
        apps = tuple(sorted({app for each in listed for app in each.apps}))
        yield Change("command", KIND, stage, None, notices_text(listed, serials), apps=apps, step=step_of(tuple(listed)))


def announced_changes(notices: Iterable[Notice], control_states: Iterable[ControlState]) -> dict[str, tuple[str, ...]]:
    """Which changes have to wait for which notices, because they do to a device what its user is to be told first.

    Returns:
        Key of a change that puts something on a device for the first time -> keys of the notices that announce it there.
    """
    stages: dict[int, set[str]] = {}
    for notice in notices:
        stages.setdefault(notice.index, set()).add("%s:%s" % (KIND, notice.stage))
    found: dict[str, set[str]] = {}
    for control_state in control_states:
        first = [stages[index] for index in control_state.new if index in stages]
        for key in control_state.changes if first else ():
            found.setdefault(key, set()).update(*first)
    return {key: tuple(sorted(stage)) for key, stage in found.items()}


def notices_text(notices: Sequence[Notice], names: Sequence[str]) -> str:
    """Notices as a reader of them sees one, and to how many devices."""
    first = notices[0]
    return "%s\n%s\nto %d device%s:\n%s" % (first.title, first.body, len(notices), "" if len(notices) == 1 else "s", names_text(names))


def names_text(names: Sequence[str]) -> str:
    """Devices by what a person knows them as, the first of them, a line each."""
    shown = sorted(names)
    lines = ["- %s" % name for name in shown[:_SHOWN]]
    if len(shown) > _SHOWN:
        lines.append("- and %d more" % (len(shown) - _SHOWN))
    return "\n".join(lines) + "\n" if lines else ""
