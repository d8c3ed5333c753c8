# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of the faults."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lab.hosts import Host

# Before the first import of it, or its assertions would say no more than AssertionError.
pytest.register_assert_rewrite("tests.faults.support")

from .support import Machine  # noqa: E402


@pytest.fixture
def machine(lab_host: Host, tmp_path: Path) -> Machine:
    """One fresh host with every package manager of the lab."""
    return Machine(lab_host, tmp_path)
