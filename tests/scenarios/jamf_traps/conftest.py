# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Jamf Pro server on which bans are to be made, and what they make where nothing goes wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.jamf_pro.jamf_everything import (
    NOW,
    JamfCity,
    everything,
    jamf_city,
    picture,
)
from tests.support.jamf_pro.writes import WRITES


@pytest.fixture
def city(tmp_path: Path) -> Iterator[JamfCity]:
    with jamf_city(tmp_path) as opened:
        yield opened


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What the bans make on a server where nothing goes wrong."""
    directory = tmp_path_factory.mktemp("undisturbed")
    with jamf_city(directory) as opened:
        run = opened.run(everything(directory), NOW)
        assert len(run.writes()) == WRITES
        return picture(opened)
