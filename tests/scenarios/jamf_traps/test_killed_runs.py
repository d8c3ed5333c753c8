# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run that is killed after any write, and a fault at each write in turn: the next run finishes, and a lift leaves nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.transport import Transport
from tests.support.intune.tenant import lifted
from tests.support.jamf_pro.jamf_everything import (
    NOW,
    JamfCity,
    everything,
    picture,
)
from tests.support.jamf_pro.writes import WRITES, lift_leaves_nothing

pytestmark = [pytest.mark.usefixtures("no_waiting"), pytest.mark.long]


class Killed(BaseException):
    """The process is gone."""


Interrupt = Callable[[int], None]


@pytest.fixture
def kill_after(monkeypatch: pytest.MonkeyPatch) -> Interrupt:
    """The process ends right after the n-th write has reached the server, before anybody reads its answer; 0 for never."""
    exchange = Transport.exchange
    counted = last = 0

    def counting(self: Transport, request: Any, *arguments: Any, **options: Any) -> Any:
        nonlocal counted
        answer = exchange(self, request, *arguments, **options)
        if request.method != "GET" and "token" not in request.url:
            counted += 1
            if counted == last:
                raise Killed
        return answer

    def arm(number: int) -> None:
        nonlocal counted, last
        counted, last = 0, number

    monkeypatch.setattr(Transport, "exchange", counting)
    return arm


def test_a_run_that_is_killed_after_any_write_is_finished_by_the_next(
    city: JamfCity, tmp_path: Path, kill_after: Interrupt, undisturbed: list[str]
) -> None:
    first = city.snapshot()
    for write in (1, 3, 6, 8, WRITES):
        city.restore(first)
        kill_after(write)
        with pytest.raises(Killed):
            city.run(everything(tmp_path), NOW)
        kill_after(0)
        city.run(everything(tmp_path), NOW)
        assert picture(city) == undisturbed, write
    assert city.run(everything(tmp_path), NOW).writes() == []


@pytest.mark.parametrize("write", [1, 5, 8])
def test_a_ban_that_is_lifted_after_a_kill_leaves_nothing(city: JamfCity, tmp_path: Path, write: int, kill_after: Interrupt) -> None:
    before = picture(city)
    kill_after(write)
    with pytest.raises(Killed):
        city.run(everything(tmp_path), NOW)
    kill_after(0)
    lift_leaves_nothing(city, tmp_path, before)


def test_a_lift_that_is_killed_after_any_write_is_finished_by_the_next(city: JamfCity, tmp_path: Path, kill_after: Interrupt) -> None:
    before = picture(city)
    policies = everything(tmp_path)
    ended = [lifted(each) for each in policies]
    city.run(policies, NOW)
    whole = city.snapshot()
    for write in (1, 4, 6, 9, WRITES):
        city.restore(whole)
        kill_after(write)
        with pytest.raises(Killed):
            city.run(ended, NOW)
        kill_after(0)
        city.run(ended, NOW)
        assert picture(city) == before, write
    assert city.run(ended, NOW).writes() == []


def test_a_fault_at_any_write_stops_what_needs_it_and_nothing_else(city: JamfCity, tmp_path: Path, undisturbed: list[str]) -> None:
    first = city.snapshot()
    for number in range(1, WRITES + 1):
        city.restore(first)
        city.simulation.faults([{"match": {"method": "POST", "path": r"/id/0$|-groups$"}, "nth": number, "kind": "500"}])
        run = city.run(everything(tmp_path), NOW, expect_failure=True)
        struck = [each["path"] for each in run.exchanges if each["fault"]]
        assert len(struck) == 1
        assert "500" in run.message
        # A profile that needs a group is left out; whatever doesn't is made.
        waiting = [line for line in run.message.splitlines() if "not attempted" in line]
        assert all("groups" in struck[0] and "configuration profile" in line for line in waiting), run.message
        assert len(run.writes()) == WRITES - len(waiting)
        city.simulation.faults([])
        city.run(everything(tmp_path), NOW)
        assert picture(city) == undisturbed, number
