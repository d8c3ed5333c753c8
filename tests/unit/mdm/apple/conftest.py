# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Apple's schema, read once for all of these tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.contract.apple_schema import AppleSchema


@pytest.fixture(scope="session")
def apple_schema(vendor_file: Callable[[str], Path]) -> AppleSchema:
    """Apple's published schema; skips where it isn't at hand."""
    return AppleSchema(vendor_file)
