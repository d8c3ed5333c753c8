# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The devices of Tiny MDM: what is on each, and what it has taken over from the server."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from ..clock import START, instant

#: The last letter of a serial number, so that two that are much alike are never both there.
CHECK = "ACEHKMPRTX"
TIKTOK = ("com.zhiliaoapp.musically", "TikTok")
CAPCUT = ("com.lemon.lvoverseas", "CapCut")
WORK = ("com.example.work", "Work")
OTHERS = (CAPCUT, ("com.tencent.xin", "WeChat"), ("com.example.tikdownloader", "TikTok Downloader"), ("net.whatsapp.WhatsApp", "WhatsApp"))
#: Whose devices are, as the server knows it; of some it doesn't.
OWNERSHIPS = ("corporate", "corporate", "corporate", "personal", "corporate", "corporate", "personal", None, "corporate", "corporate")


@dataclass
class Device:
    """One device.

    Args:
        apps: bundle id -> name of what is installed.
        told: the same as it was in its last list, None before the first; told_at is when that came.
        tells: it sends a list of its apps at each contact.
        holds: number of a list that it has taken over -> the list's name, and what it hides.
        managed: False for one that has left; the server knows nothing of it any more.
    """

    id: str
    serial: str
    platform: str
    ownership: str | None
    supervised: bool
    user: str
    enrolled: datetime
    apps: dict[str, str]
    online: bool = True
    managed: bool = True
    tells: bool = True
    last_contact: datetime | None = None
    told_at: datetime | None = None
    told: dict[str, str] | None = None
    holds: dict[str, tuple[str, frozenset[str]]] = field(default_factory=dict)

    def opens(self, bundle_id: str) -> bool:
        return not any(bundle_id in hidden for _name, hidden in self.holds.values())

    def row(self) -> dict[str, Any]:
        """What the API says of it."""
        apps = None if self.told is None else [{"id": key, "name": name, "version": "1.0"} for key, name in sorted(self.told.items())]
        return {
            "id": self.id, "serial": self.serial, "name": f"Device {self.id}", "platform": self.platform, "os_version": "16.3",
            "ownership": self.ownership, "supervised": self.supervised, "user": self.user, "enrolled": instant(self.enrolled),
            "last_contact": instant(self.last_contact) if self.last_contact else None,
            "apps_told": instant(self.told_at) if self.told_at else None, "apps": apps,
        }  # fmt: skip


def make_fleet(count: int, seed: int) -> dict[str, Device]:
    """The same number and seed give the same devices. None has been in contact yet."""
    chance = random.Random(f"tiny-fleet-{seed}")
    devices = {}
    for number in range(1, count + 1):
        apps = dict((WORK, *(app for app in OTHERS if chance.random() < 0.2)))
        if chance.random() < 0.25:
            apps.update((TIKTOK,))
        ownership = OWNERSHIPS[number % len(OWNERSHIPS)]
        devices[str(number)] = Device(
            id=str(number),
            serial=f"TM{number:05d}{CHECK[number % len(CHECK)]}",
            platform=chance.choice(["ios", "ios", "ipados"]),
            ownership=ownership,
            supervised=ownership == "corporate" and chance.random() < 0.7,
            user=f"user{number:04d}",
            enrolled=START - timedelta(days=chance.randint(30, 700)),
            apps=apps,
            online=number % 13 != 9,
        )
    return devices
