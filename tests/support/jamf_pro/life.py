# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A ban of TikTok on a simulated Jamf Pro server: its policy, its moments, and what its objects and its devices are."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support.intune.tenant import plain
from tests.support.jamf_pro.jamf_run import OBJECTS, Server

NOW = "2023-03-20T09:00:00Z"
TOMORROW = "2023-03-21T09:00:00Z"
IN_AN_HOUR = "2023-03-21T10:00:00Z"
TIKTOK = "com.zhiliaoapp.musically"
BLOCK, FILTER = "BAN city iOS blocked apps", "BAN city iOS web filter"
EXEMPT_GROUP = "BAN city mobile devices (exempt)"
POLICY = """
policy: city
title: TikTok on work devices
authority: {issued_by: City IT}
contact: help@city.example
state: enforced
apps:
  - id: tiktok
    title: TikTok
    vendor: bytedance
    identifiers:
      ios_bundle_id: [com.zhiliaoapp.musically]
      macos_bundle_id: [com.zhiliaoapp.musically]
      display_name: [TikTok]
      domain: [tiktok.com, tiktokv.com]
effective: {from: 2023-03-01T00:00:00Z}
rules:
  - {name: Work devices, when: {ownership: corporate}, actions: [remove, block]}
  - {name: Private devices, when: {ownership: personal}, actions: [advise]}
exemptions:
  - {id: EX-1, devices: [EXEMPT], reason: Case work, approved_by: Head, granted: 2023-03-02, expires: 2023-12-31T00:00:00Z}
"""
#: Of the fleet of seed 3: a supervised iPhone and a shared iPad.
EXEMPT = ("JP00000009", "JP00000012")


def written(directory: Path, *exempt: str, **replaced: str) -> dict[str, Any]:
    """The policy, with some devices exempt and some texts replaced."""
    text = POLICY.replace("EXEMPT", ", ".join(exempt or EXEMPT))
    for old, new in replaced.items():
        assert REPLACED[old] in text
        text = text.replace(REPLACED[old], new)
    path = directory / "city.yml"
    path.write_text(text, encoding="utf-8")
    return plain(path)


REPLACED = {"actions": "[remove, block]", "when": "{ownership: corporate}", "names": "display_name: [TikTok]"}


def next_day(server: Server) -> None:
    """A day later: every device that is online has checked in and sent its inventory."""
    server.simulation.clock("2023-03-21T08:30:00Z", check_in=True)


def device_of(server: Server, serial: str) -> Mapping[str, Any]:
    return next(each for each in server.state()["devices"] if each["serial"] == serial)


def objects(server: Server) -> dict[str, Any]:
    return {path: server.state()["objects"][path] for path in OBJECTS}
