# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of the faults."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.hosts import Host, Lab

# Before the first import of them, or their assertions would say no more than AssertionError.
pytest.register_assert_rewrite("tests.faults.support", "tests.support.hosts.fleet")

from tests.support.hosts.fleet import Fleet, lab_catalog  # noqa: E402

from .support import Machine  # noqa: E402


@pytest.fixture
def machine(lab_host: Host, tmp_path: Path) -> Machine:
    """One fresh host with every package manager of the lab."""
    return Machine(lab_host, tmp_path)


@pytest.fixture(scope="module")
def fleet(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Hosts under the real playbook with its evidence, one per fault; the tests of a module share its runs."""
    directory = tmp_path_factory.mktemp("faults")
    made = Fleet(lab, directory, lab_catalog(directory / "catalog"))
    try:
        yield made
    finally:
        made.destroy()
