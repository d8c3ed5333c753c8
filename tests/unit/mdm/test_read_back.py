# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for a write to show."""

from __future__ import annotations

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.engine.errors import ChangeFailed
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.read_back import wait_until
from tests.support.loopback import FakeClock


def test_a_value_that_is_there_is_read_once() -> None:
    clock = FakeClock()
    assert wait_until(lambda: 3, lambda value: value == 3, clock=clock, expected="there are 3") == 3
    assert clock.naps == []


def test_a_value_that_comes_late_is_waited_for() -> None:
    clock = FakeClock()
    values = iter([None, None, 1, 2, 2, 3])
    assert wait_until(lambda: next(values), lambda value: value == 3, clock=clock, expected="there are 3") == 3
    assert clock.naps == [1, 2, 4, 8, 8]


def test_a_value_that_never_comes_is_a_change_that_failed() -> None:
    clock = FakeClock()
    with pytest.raises(ChangeFailed, match="not seen within 20 s that there are 3") as caught:
        wait_until(lambda: 2, lambda value: value == 3, clock=clock, expected="there are 3", seconds=20)
    assert clock.naps == [1, 2, 4, 8, 5]
    assert caught.value.next_step
