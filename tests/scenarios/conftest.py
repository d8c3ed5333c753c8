# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of the scenarios: fleets that a module or a test has for itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.clock import SystemClock
from tests.lab.hosts import Lab
from tests.simulators.intune import start
from tests.simulators.simulation import Simulation

# Before the first import of them, or their assertions would say no more than AssertionError.
pytest.register_assert_rewrite("tests.support.estate", "tests.support.hosts.fleet", "tests.support.hosts.life")

from tests.support.estate import NOW, Estate  # noqa: E402
from tests.support.hosts.fleet import Fleet, lab_catalog  # noqa: E402


def _fleet(lab: Lab, directory: Path) -> Iterator[Fleet]:
    fleet = Fleet(lab, directory, lab_catalog(directory / "catalog"))
    try:
        yield fleet
    finally:
        fleet.destroy()


@pytest.fixture(scope="module")
def module_fleet(lab: Lab, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """An empty fleet that the tests of a module share: its whole life costs many runs."""
    yield from _fleet(lab, tmp_path_factory.mktemp(re.sub(r"\W", "-", request.module.__name__.rpartition(".")[2])))


@pytest.fixture(scope="module")
def second_fleet(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Another one, for a module that tells two stories."""
    yield from _fleet(lab, tmp_path_factory.mktemp("second"))


@pytest.fixture
def fleet(lab: Lab, tmp_path: Path) -> Iterator[Fleet]:
    """An empty fleet of the test's own."""
    yield from _fleet(lab, tmp_path)


@pytest.fixture(scope="module")
def simulation() -> Iterator[Simulation]:
    """A small Intune tenant."""
    with start(devices=40, seed=3) as city:
        yield city


@pytest.fixture
def estate(tmp_path: Path, simulation: Simulation) -> Estate:
    """The small tenant alone, as it was at first, with an evidence directory of the test's own."""
    simulation.reset()
    simulation.clock(NOW)
    return Estate(tmp_path, {"city": simulation})


@pytest.fixture
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> Callable[[], float]:
    """Waits of a run in this process take no time; for the run they have passed all the same. Called, it says how long all were."""
    skipped = 0.0
    monotonic = SystemClock.monotonic

    def sleep(_clock: SystemClock, seconds: float) -> None:
        nonlocal skipped
        skipped += seconds

    monkeypatch.setattr(SystemClock, "sleep", sleep)
    monkeypatch.setattr(SystemClock, "monotonic", lambda clock: monotonic(clock) + skipped)
    return lambda: skipped
