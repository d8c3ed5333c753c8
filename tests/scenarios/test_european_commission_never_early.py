# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nobody loses access before the European Commission's deadline, whenever runs and check-ins happen; everybody does after a run at it (E4).

Intune counts the grace of each device from the moment at which it was found not to comply. The decision names one instant for all.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ansible_collections.appban.endpoint.plugins.module_utils.targets.intune.controls import MAX_GRACE_HOURS, grace_hours
from tests.support.intune.commission import DEADLINE, Commission, after, commission, decision

pytestmark = [pytest.mark.usefixtures("graph_contract"), pytest.mark.long]

SERIALS = ("A", "B", "C")
_DATES = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(timezone.utc))
INSTANTS = _DATES.map(lambda at: at.replace(microsecond=0))
SECONDS = st.integers(0, 400 * 86400).map(lambda seconds: timedelta(seconds=seconds))


@given(armed=INSTANTS, ahead=SECONDS, until_now=SECONDS, until_found=SECONDS)
def test_E4_grace_never_ends_before_the_deadline(armed: datetime, ahead: timedelta, until_now: timedelta, until_found: timedelta) -> None:
    deadline, now = armed + ahead, armed + until_now
    hours = grace_hours(deadline, armed, now)
    if now >= deadline:
        assert hours == 0
        return
    if hours is None:
        assert ahead > timedelta(hours=MAX_GRACE_HOURS)
        return
    # Found whenever, but never before there was a policy to find it.
    found = armed + until_found
    assert found + timedelta(hours=hours) >= deadline
    # And not needlessly late for those that were found at once.
    assert armed + timedelta(hours=hours) < deadline + timedelta(hours=1)
    assert 0 < hours <= MAX_GRACE_HOURS


@given(armed=INSTANTS, ahead=SECONDS, runs=st.lists(SECONDS, max_size=5))
def test_E4_later_runs_do_not_change_the_grace_until_the_deadline(armed: datetime, ahead: timedelta, runs: list[timedelta]) -> None:
    deadline = armed + ahead
    before = {grace_hours(deadline, armed, armed + each) for each in runs if armed + each < deadline}
    assert len(before) <= 1


@dataclass(frozen=True)
class Event:
    """Something that happens so many minutes before the deadline.

    Args:
        what: ``run``, or what a device does: ``install``, ``remove``, ``check_in``.
    """

    minutes: int
    what: str
    serial: str = ""

    @property
    def at(self) -> str:
        return after(DEADLINE, minutes=-self.minutes)


# The first hours, where rounding shows, as often as the whole time since the announcement.
MINUTES = st.one_of(st.integers(1, 200), st.integers(1, 18 * 24 * 60))
RUNS = st.builds(Event, MINUTES, st.just("run"))
DEEDS = st.builds(Event, MINUTES, st.sampled_from(["install", "remove", "check_in", "check_in"]), st.sampled_from(SERIALS))
EVENTS = st.lists(st.one_of(RUNS, DEEDS), min_size=3, max_size=14).map(lambda events: sorted(events, key=lambda event: -event.minutes))


def happen(ec: Commission, event: Event) -> None:
    ec.clock(event.at, check_in=False)
    if event.what == "run":
        ec.tenant.run(ec.policies, event.at)
    elif event.what == "check_in" or (event.what == "install") != ("TikTok" in ec.apps(event.serial)):
        ec.user(event.serial, event.what, **({} if event.what == "check_in" else {"app": "tiktok"}))


def compliance(ec: Commission) -> dict[str, str]:
    return {serial: ec.device(serial)["compliance"] for serial in SERIALS}


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(events=EVENTS, late=st.integers(0, 3000))
# Armed 90 minutes ahead, run again 30 minutes ahead: hours that are counted anew would end within the grace of who was found early.
@example(events=[Event(90, "install", "A"), Event(90, "run"), Event(89, "check_in", "A"), Event(30, "run")], late=0)
# Found only just before the deadline: its own grace would end an hour and more after it.
@example(events=[Event(121, "run"), Event(1, "install", "B"), Event(1, "check_in", "B")], late=0)
# Nothing was armed before the deadline.
@example(events=[Event(3, "install", "C"), Event(2, "check_in", "C")], late=1)
def test_E4_nobody_is_early_and_nobody_is_spared(events: list[Event], late: int) -> None:
    with tempfile.TemporaryDirectory() as directory, commission(Path(directory), decision(Path(directory))) as ec:
        for serial in SERIALS:
            ec.enroll(serial, "ios_personal", tiktok=False)
        for event in events:
            happen(ec, event)
            assert "noncompliant" not in compliance(ec).values()
        ec.clock(after(DEADLINE, seconds=-1), check_in=False)
        assert "noncompliant" not in compliance(ec).values()
        ec.clock(after(DEADLINE, seconds=-1), check_in=True)
        assert "noncompliant" not in compliance(ec).values()
        now = after(DEADLINE, seconds=late)
        ec.run(now, check_in=False)
        ec.clock(now)
        wanted = {serial: "noncompliant" if "TikTok" in ec.apps(serial) else "compliant" for serial in SERIALS}
        assert compliance(ec) == wanted
        assert {serial: ec.device(serial)["work_access"] for serial in SERIALS} == {
            serial: state == "compliant" for serial, state in wanted.items()
        }
