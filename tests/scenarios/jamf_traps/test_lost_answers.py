# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes whose answer is lost: each is sent once, and looked up."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.intune.tenant import lifted
from tests.support.jamf_pro.jamf_everything import (
    LATER,
    NOW,
    SECOND_MAC,
    SECOND_PHONE,
    TABLET,
    JamfCity,
    everything,
    picture,
)
from tests.support.jamf_pro.writes import KINDS, WRITES, lift_leaves_nothing, once_each

pytestmark = [pytest.mark.usefixtures("no_waiting"), pytest.mark.long]


@pytest.mark.parametrize("kind", KINDS)
def test_a_write_whose_answer_is_lost_is_looked_up_and_not_made_twice(
    city: JamfCity, tmp_path: Path, kind: str, undisturbed: list[str]
) -> None:
    city.simulation.faults([{"match": {"method": "POST", "path": KINDS[kind]}, "nth": "all", "kind": "timeout_after_effect"}])
    run = city.run(everything(tmp_path), NOW)
    assert [each for each in run.exchanges if each["fault"]]
    once_each(run)
    assert len(run.writes()) == WRITES
    assert picture(city) == undisturbed
    city.simulation.faults([])
    assert city.run(everything(tmp_path), NOW).writes() == []


def test_504_after_every_write_was_done_costs_nothing(city: JamfCity, tmp_path: Path, undisturbed: list[str]) -> None:
    before = picture(city)
    city.settings(fan_out_seconds_per_device=10)
    run = city.run(everything(tmp_path), NOW)
    assert {each["status"] for each in run.writes()} == {504}
    once_each(run)
    assert (len(run.writes()), picture(city)) == (WRITES, undisturbed)
    assert city.run(everything(tmp_path), NOW).writes() == []
    changed = city.run(everything(tmp_path, exempt=[SECOND_PHONE, SECOND_MAC]), NOW)
    assert {each["status"] for each in changed.writes()} == {504}
    once_each(changed)
    assert city.run(everything(tmp_path, exempt=[SECOND_PHONE, SECOND_MAC]), NOW).writes() == []
    lift_leaves_nothing(city, tmp_path, before)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_changes_and_deletions_whose_answer_is_lost_are_not_repeated(city: JamfCity, tmp_path: Path, method: str) -> None:
    before = picture(city)
    city.run(everything(tmp_path), NOW)
    city.simulation.faults([{"match": {"method": method}, "nth": "all", "kind": "timeout_after_effect"}])
    changed = everything(tmp_path, apps=["tiktok", "capcut"], exempt=[TABLET, SECOND_PHONE, SECOND_MAC])
    for policies in (changed, [lifted(each) for each in changed]):
        run = city.run(policies, LATER)
        once_each(run)
        assert city.run(policies, LATER).writes() == []
    assert picture(city) == before
    struck = [each for each in city.exchanges if each["fault"]]
    assert {each["method"] for each in struck} == {method}


@pytest.mark.parametrize("kind", ["drop", "504", "html", "503"])
def test_a_write_that_fails_is_sent_once_and_the_next_run_makes_it(
    city: JamfCity, tmp_path: Path, kind: str, undisturbed: list[str]
) -> None:
    city.simulation.faults(
        [{"match": {"method": "POST", "path": r"/id/0$|-groups$"}, "nth": [1, 3, 7, 9, 11], "kind": kind, "retry_after": 1}]
    )
    run = city.run(everything(tmp_path), NOW, expect_failure=True)
    once_each(run)
    assert run.changed
    assert ("failed", "error") in run.outcomes().values()
    city.simulation.faults([])
    city.run(everything(tmp_path), NOW)
    assert picture(city) == undisturbed


@pytest.mark.parametrize("kind", ["429", "503"])
def test_a_server_that_asks_for_time_gets_it(city: JamfCity, tmp_path: Path, kind: str, undisturbed: list[str]) -> None:
    city.simulation.faults([{"match": {"method": "GET"}, "nth": [2, 3, 7, 15, 22], "kind": kind, "retry_after": 3}])
    run = city.run(everything(tmp_path), NOW)
    assert run.values["requests"]["retries"] >= 5
    assert picture(city) == undisturbed
