# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many devices at once, mixed by a seed, and quick enough for a test."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.support.nanomdm.device_facts import App
from tests.support.nanomdm.fake_device import FakeDevice
from tests.support.nanomdm.servers import NanoServers

TIKTOK = App("com.zhiliaoapp.musically", "TikTok", "31.5.3")
OTHERS = (App("org.example.mail", "Mail for work", "2.1", managed=True), App("org.example.notes", "Notes", "7.0"))
#: (platform, enrollment, supervised), one of them for each device.
_KINDS = (
    ("iPhone", "device", True),
    ("iPhone", "device", True),
    ("iPad", "device", True),
    ("iPhone", "device", False),
    ("iPad", "device", False),
    ("iPhone", "user", False),
    ("Mac", "device", True),
)


def make_fleet(nano: NanoServers, count: int, seed: int = 1, enrol: bool = True) -> list[FakeDevice]:
    """Make devices of all kinds, OS 26 and 27, about a quarter with TikTok; enrolled unless told otherwise.

    Equal arguments make equal fleets, ids included.
    """
    chance = random.Random(seed)
    devices = []
    for number in range(count):
        platform, enrollment, supervised = _KINDS[number] if number < len(_KINDS) else chance.choice(_KINDS)
        devices.append(
            nano.device(
                udid=f"{seed:08X}-0000-4000-8000-{number:012X}",
                serial=f"FLEET{seed:03d}{number:05d}",
                platform=platform,
                enrollment=enrollment,
                supervised=supervised,
                os_version=chance.choice(("26.1", "27.0")),
                apps=[*OTHERS, TIKTOK] if chance.random() < 0.25 else OTHERS,
            )
        )
    if enrol:
        all_at_once(devices, FakeDevice.enrol)
    return devices


def all_at_once(devices: Iterable[FakeDevice], act: Callable[[FakeDevice], Any] = FakeDevice.connect) -> list[Any]:
    """Have every device do something, several side by side; the answers in the devices' order."""
    with ThreadPoolExecutor(16) as pool:
        return list(pool.map(act, devices))
