# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The writes of a first run, and what has to be true of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.support.intune.tenant import lifted
from tests.support.jamf_pro.jamf_everything import (
    NOW,
    JamfCity,
    everything,
    picture,
)

#: Writes of a first run, and of the one that lifts it all.
WRITES = 11
#: What a first run may write to.
KINDS = {
    "smart group": r"/smart-groups$",
    "static group": r"/static-groups$",
    "mobile profile": r"/mobiledeviceconfigurationprofiles/id/0$",
    "mac profile": r"/osxconfigurationprofiles/id/0$",
    "restricted software": r"/restrictedsoftware/id/0$",
}


def once_each(run: Any) -> None:
    """No write was sent twice."""
    sent = [(each["method"], each["path"], str(each.get("body"))) for each in run.writes()]
    assert len(sent) == len(set(sent))


def lift_leaves_nothing(city: JamfCity, directory: Path, before: list[str]) -> None:
    city.run([lifted(each) for each in everything(directory)], NOW)
    assert picture(city) == before
    assert city.run([lifted(each) for each in everything(directory)], NOW).writes() == []
