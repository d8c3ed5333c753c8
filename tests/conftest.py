# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures that several rooms of the tests share."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator

import hypothesis
import pytest

from tests.lab.hosts import Host, Lab
from tests.lab.prerequisites import missing_prerequisites

# The same examples in every run: a red test is red for everybody, and a green one stays green until something changes.
# HYPOTHESIS_PROFILE=search looks for new ones.
hypothesis.settings.register_profile("repeatable", derandomize=True, deadline=None, database=None, print_blob=False)
hypothesis.settings.register_profile("search", deadline=None, database=None, print_blob=True, max_examples=1000)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))

SKIPPED = pytest.StashKey[list[str]]()
Fleet = Callable[..., list[Host]]


def is_ci() -> bool:
    """Whether a skip for want of a tool must be a failure."""
    return os.environ.get("CI", "").lower() in {"true", "1", "yes"}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Skips loudly: what was not proved stands at the end of the output, with what to do about it."""
    reasons = config.stash.get(SKIPPED, [])
    if reasons:
        terminalreporter.section("NOT TESTED: real package managers", sep="!", red=True, bold=True)
        for reason in reasons:
            terminalreporter.line(f"- {reason}")


@pytest.fixture(scope="session")
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    """The lab, its root built on first use. Skips where the machine can't be one; with CI=true that is a failure."""
    reporter = request.config.pluginmanager.get_plugin("terminalreporter")

    def progress(line: str) -> None:
        if reporter is not None:
            reporter.ensure_newline()
            reporter.write_line(f"lab: {line}")

    problems = missing_prerequisites(progress)
    if problems:
        if is_ci():
            pytest.fail("CI must prove the real package managers, but: " + "; ".join(problems), pytrace=False)
        request.config.stash[SKIPPED] = problems
        pytest.skip("the lab needs root on Debian: " + "; ".join(problems))
    opened = Lab.open(progress)
    yield opened
    opened.close()


@pytest.fixture
def lab_fleet(lab: Lab) -> Iterator[Fleet]:
    """Makes fresh hosts: lab_fleet(3) returns h01, h02, h03; they are gone after the test."""
    made: list[Host] = []
    numbers = itertools.count(1)

    def create(count: int) -> list[Host]:
        hosts = [lab.create(f"h{next(numbers):02d}") for _unused in range(count)]
        made.extend(hosts)
        return hosts

    yield create
    for host in made:
        lab.destroy(host)


@pytest.fixture
def lab_host(lab_fleet: Fleet) -> Host:
    """One fresh host, gone after the test."""
    return lab_fleet(1)[0]
