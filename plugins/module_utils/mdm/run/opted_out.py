# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private devices that had a story and have left the management since: their users gave the work apps up instead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...engine.evidence import Row
from ...engine.outcomes import Outcome
from .known_fleet import LoneLookUps
from .ledger import Ledger


def opted_out(
    ledger: Ledger, not_listed: Mapping[str, str | None], look_ups: LoneLookUps, apps: Sequence[str]
) -> list[tuple[str, str | None]]:
    """Ids and serial numbers of those that opted out.

    Only where neither the id nor the serial number is managed any more, asked for one by one; what the last run did not know of is not
    claimed.

    Args:
        not_listed: devices of the last run that the list doesn't have now, with their serial numbers.
        apps: ids of the run's. Of a story about another ban's app this run knows nothing to tell; the run of that ban counts the device.
    """
    left = {
        device: not_listed[device]
        for device in ledger.devices_with_a_story() & not_listed.keys()
        if ledger.is_personal(device) and any(_has_a_story(ledger, device, app) for app in apps)
    }
    gone = look_ups.gone(left, "they count as opted out")
    return sorted((device, left[device]) for device in gone)


def rows_of_opted_out(device: str, serial: str | None, apps: Sequence[str]) -> list[Row]:
    """What the record says of one of them."""
    said: dict[str, Any] = {
        "verdict": "out_of_scope",
        "actions": [],
        "policies": [],
        "exemption": None,
        "reason": "The device is not managed any more, and has no work apps with that.",
    }
    record = {"id": device, "serial": serial, "ownership": "personal"}
    return [Row(record, app, said, Outcome("out_of_scope", "opted_out")) for app in apps]


def _has_a_story(ledger: Ledger, device: str, app: str) -> bool:
    story = ledger.story(device, app)
    return story.present or story.withdrawn
