# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The blast radius: exactly at the limit a run goes on, one device more stops it."""

from __future__ import annotations

import json
import shlex
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.appban.endpoint.plugins.module_utils.engine.errors import AppbanError, LimitExceeded
from ansible_collections.appban.endpoint.plugins.module_utils.engine.guard import Limits, check_limits, check_reach, strictest_limits


def names(count: int) -> list[str]:
    return ["pc-%d" % number for number in range(count)]


@pytest.mark.parametrize(
    ("limits", "affected", "devices"),
    [
        (Limits(), 10, 10),
        (Limits(max_devices=3), 3, 100),
        (Limits(max_devices=0), 0, 100),
        (Limits(max_percent=20), 20, 100),
        (Limits(max_percent=0.7), 7, 1000),
        (Limits(max_percent=100), 5, 5),
        (Limits(max_percent=0), 0, 0),
        (Limits(0, 0), 0, 0),
    ],
)
def test_at_the_limit_a_run_goes_on(limits: Limits, affected: int, devices: int) -> None:
    check_limits(limits, names(affected), devices)


@pytest.mark.parametrize(
    ("limits", "affected", "devices", "told"),
    [
        (Limits(max_devices=3), 4, 100, "4 of 100 devices, but max_devices is 3"),
        (Limits(max_devices=0), 1, 100, "max_devices is 0"),
        (Limits(max_percent=20), 21, 100, r"max_percent is 20 and this is 21\.0 %"),
        (Limits(max_percent=0), 1, 1000, r"max_percent is 0 and this is 0\.1 %"),
        (Limits(2, 1), 3, 100, r"max_devices is 2 and max_percent is 1 and this is 3\.0 %"),
    ],
)
def test_one_device_more_stops_before_any_write(limits: Limits, affected: int, devices: int, told: str) -> None:
    with pytest.raises(LimitExceeded, match=told) as caught:
        check_limits(limits, names(affected), devices)
    assert "stopped before any write" in str(caught.value)
    assert "Look at the plan" in str(caught.value)
    assert "or begin with a smaller rule" in str(caught.value)


def test_only_a_few_devices_are_named() -> None:
    with pytest.raises(LimitExceeded) as caught:
        check_limits(Limits(max_devices=1), names(10_000), 10_000)
    assert "pc-0, pc-1, pc-2, pc-3, pc-4, ..." in str(caught.value)
    assert len(str(caught.value)) < 500


# What a message tells to type next.


def advised(error: LimitExceeded) -> dict[str, float]:
    """The limits that a message tells to allow, as a shell and ansible-playbook read them."""
    words = shlex.split(str(error).partition("allow it for one run with ")[2].partition(", or begin")[0])
    assert words[0] == "-e"
    found: dict[str, float] = json.loads(words[1])["appban_limits"]
    return found


@pytest.mark.fault_kind("R5", "a stopped run does not say what to type next")
@given(
    affected=st.integers(1, 300),
    lost=st.integers(0, 50),
    others=st.integers(0, 300),
    max_devices=st.none() | st.integers(0, 200),
    tenths=st.none() | st.integers(0, 1000),
)
def test_what_a_stopped_run_tells_to_type_is_the_smallest_that_lets_it_go_on(
    affected: int, lost: int, others: int, max_devices: int | None, tenths: int | None
) -> None:
    limits = Limits(max_devices, None if tenths is None else tenths / 10)
    losing = ["lost-%d" % number for number in range(lost)]
    devices = affected + lost + others
    try:
        check_limits(limits, names(affected), devices, losing)
    except LimitExceeded as error:
        allowed = advised(error)
        told = Limits(int(allowed["max_devices"]) if "max_devices" in allowed else None, allowed.get("max_percent"))
        check_limits(told, names(affected), devices, losing)
        # Nothing that was kept is lifted, and what was exceeded is no larger than it has to be.
        assert (told.max_devices is None, told.max_percent is None) == (limits.max_devices is None, limits.max_percent is None)
        if told.max_devices != limits.max_devices:
            with pytest.raises(LimitExceeded):
                check_limits(Limits((told.max_devices or 0) - 1), names(affected), devices, losing)
        if told.max_percent != limits.max_percent:
            with pytest.raises(LimitExceeded):
                check_limits(Limits(None, round((told.max_percent or 0) - 0.1, 1)), names(affected), devices, losing)


@pytest.mark.fault_kind("R5", "what a stopped run tells to type lifts a limit that was kept")
def test_the_advice_keeps_the_limit_that_was_not_exceeded() -> None:
    with pytest.raises(LimitExceeded) as caught:
        check_limits(Limits(500, 20), names(30), 100)
    assert """-e '{"appban_limits": {"max_devices": 500, "max_percent": 30}}'""" in str(caught.value)


# Protection lost.


@pytest.mark.fault_kind("T1", "leaving an exclude group does not count against the limits")
def test_devices_that_lose_protection_count_with_those_newly_affected() -> None:
    check_limits(Limits(max_devices=4), names(2), 100, ["a", "b"])
    check_limits(Limits(max_devices=2), names(2), 100, names(2))
    with pytest.raises(LimitExceeded, match="newly affect 2 of 100 devices and take its protection from 3, but max_devices is 4"):
        check_limits(Limits(max_devices=4), names(2), 100, ["a", "b", "c"])
    with pytest.raises(LimitExceeded, match="newly affect 0 of 100 devices and take its protection from 1"):
        check_limits(Limits(max_devices=0), [], 100, ["a"])


@pytest.mark.fault_kind("T6", "a plan that reaches whom it must not touch")
def test_a_plan_that_reaches_whom_it_must_not_is_refused_by_name() -> None:
    check_reach({})
    with pytest.raises(AppbanError) as caught:
        check_reach({"policy:b": names(9), "group:a": ["pc-x"]})
    message = str(caught.value)
    assert "group:a reaches pc-x; policy:b reaches pc-0, pc-1, pc-2, pc-3, pc-4, ..." in message
    assert "stopped before any write" in message
    assert not isinstance(caught.value, LimitExceeded), "no option allows it"


@given(
    affected=st.integers(0, 200),
    others=st.integers(0, 200),
    max_devices=st.none() | st.integers(0, 200),
    tenths=st.none() | st.integers(0, 1000),
)
def test_the_guard_is_exact(affected: int, others: int, max_devices: int | None, tenths: int | None) -> None:
    devices = affected + others
    too_many = max_devices is not None and affected > max_devices
    too_large = tenths is not None and devices > 0 and Fraction(affected, devices) > Fraction(tenths, 1000)
    limits = Limits(max_devices, None if tenths is None else tenths / 10)
    if too_many or too_large:
        with pytest.raises(LimitExceeded):
            check_limits(limits, names(affected), devices)
    else:
        check_limits(limits, names(affected), devices)


def test_of_several_policies_the_strictest_limits_count() -> None:
    assert strictest_limits([]) == Limits(None, None)
    assert strictest_limits([{"max_devices": 500, "max_percent": None}, {"max_devices": 20, "max_percent": 50.0}, {}]) == Limits(20, 50.0)
    assert strictest_limits([{"max_devices": 0}, {"max_devices": 9}]) == Limits(0, None)


@pytest.mark.parametrize("wrong", [{"max_percent": float("nan")}, {"max_percent": 101}, {"max_percent": -1}, {"max_devices": -1}])
def test_a_limit_that_limits_nothing_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(AppbanError, match=r"the limits can't be used: max_\w+ is .+expected 0"):
        strictest_limits([wrong])
