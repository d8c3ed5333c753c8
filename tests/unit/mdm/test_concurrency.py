# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A few calls at a time, in order, with an end at the first failure."""

from __future__ import annotations

import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.concurrency import ordered_map


@given(st.lists(st.integers(), max_size=60), st.integers(1, 8))
def test_it_is_a_map(items: list[int], workers: int) -> None:
    assert list(ordered_map(lambda item: item * 2, iter(items), workers)) == [item * 2 for item in items]


def test_calls_run_at_once_but_not_more_than_allowed() -> None:
    gate = threading.Barrier(4, timeout=10)
    lock = threading.Lock()
    running = []
    most = []

    def call(item: int) -> int:
        with lock:
            running.append(item)
            most.append(len(running))
        gate.wait()
        with lock:
            running.remove(item)
        return item

    assert list(ordered_map(call, range(16))) == list(range(16))
    assert max(most) == 4


def test_items_are_taken_as_results_are() -> None:
    taken = []

    def items():
        for number in range(1000):
            taken.append(number)
            yield number

    results = ordered_map(lambda item: item, items(), workers=2)
    assert [next(results) for _number in range(10)] == list(range(10))
    assert len(taken) <= 14
    results.close()


@given(st.integers(0, 30), st.integers(1, 5))
def test_the_first_failure_stops_the_rest(bad: int, workers: int) -> None:
    started = []

    def call(item: int) -> int:
        started.append(item)
        if item == bad:
            raise ValueError(item)
        return item

    results: list[int] = []
    with pytest.raises(ValueError, match=str(bad)):
        results.extend(ordered_map(call, range(1000), workers))
    assert results == list(range(len(results)))
    assert len(results) <= bad
    assert max(started) < bad + 2 * workers


def test_nothing_is_started_after_a_failure_while_an_earlier_call_still_runs() -> None:
    started = []
    broken = threading.Event()

    def call(item: int) -> int:
        started.append(item)
        if item == 0:
            broken.wait(10)
            # Long enough for the other thread to take the next item, if it did.
            time.sleep(0.05)
        if item == 1:
            broken.set()
            raise ValueError("the first failure")
        return item

    results = ordered_map(call, range(100), workers=2)
    assert next(results) == 0
    with pytest.raises(ValueError, match="the first failure"):
        next(results)
    assert sorted(started) == [0, 1]


def test_what_runs_is_waited_for() -> None:
    ended = []
    go = threading.Event()

    def call(item: int) -> None:
        if item == 0:
            go.wait(10)
            raise ValueError
        go.set()
        time.sleep(0.01)
        ended.append(item)

    with pytest.raises(ValueError):
        list(ordered_map(call, [0, 1], workers=2))
    assert ended == [1]
