# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A seeded fleet: the same number and seed give the same devices in every run."""

from __future__ import annotations

import random
from datetime import timedelta

from ..clock import START
from .device import KINDS, App, Device, Record

PATTERN = {
    "iphone_supervised": 8, "ipad_supervised": 3, "ipad_shared": 1, "iphone_unsupervised": 3, "iphone_personal": 3,
    "iphone_user_enrollment": 2, "apple_tv": 1, "mac_supervised": 5, "mac_unsupervised": 1,
}  # fmt: skip
VERSIONS = {
    "ios": ["16.3", "16.3.1", "15.7.3", "14.8"],
    "tvos": ["16.3.2", "15.6"],
    "macos": ["13.2.1", "12.6.3", "11.7"],
}
DEPARTMENTS = ["Finance", "Police", "Parks", "Communications", "Transport"]
BUILDINGS = ["City Hall", "Depot"]
TIKTOK_ID = "com.zhiliaoapp.musically"
# What a user may have installed: (share, app) per platform. The names that only look like TikTok must never match.
USER_APPS = {
    "ios": [
        (0.04, App("com.ss.iphone.ugc.tiktok.lite", "TikTok Lite", "27.1.0")),
        (0.04, App("com.example.tikdownloader", "TikTok Downloader", "2.0")),
        (0.03, App("com.tiktok.business", "TikTok for Business", "5.1")),
        (0.08, App("com.lemon.lvoverseas", "CapCut", "7.4.0")),
        (0.08, App("com.tencent.xin", "WeChat", "8.0.33")),
        (0.30, App("net.whatsapp.WhatsApp", "WhatsApp", "23.4")),
    ],
    "tvos": [(0.30, App("com.netflix.Netflix", "Netflix", "8.2"))],
    "macos": [
        (0.08, App("com.lemon.lvoverseas", "CapCut", "1.3.0", file="CapCut.app")),
        (0.08, App("com.tencent.xinWeChat", "WeChat", "3.7.0", file="WeChat.app")),
        (0.05, App("com.example.tikdownloader", "TikTok Downloader", "2.0", file="TikTok Downloader.app")),
    ],
}
WORK_APP = {
    "ios": App("com.microsoft.skype.teams", "Microsoft Teams", "5.3.1", True),
    "tvos": App("com.example.signage", "City Signage", "3.0", True),
    "macos": App("com.microsoft.teams", "Microsoft Teams", "1.6", True, "Microsoft Teams.app"),
}
SYSTEM_APPS = {
    "ios": [App("com.apple.Preferences", "Settings", "1.0"), App("com.apple.mobilephone", "Phone", "1.0")],
    "tvos": [],
    "macos": [App("com.apple.Safari", "Safari", "16.3", file="Safari.app")],
}


def tiktok(platform: str, version: str = "28.1.0", managed: bool = False) -> App:
    """TikTok as that platform knows it."""
    return App(TIKTOK_ID, "TikTok", version, managed, "TikTok.app" if platform == "macos" else "")


def uuid_from(generator: random.Random) -> str:
    digits = f"{generator.getrandbits(128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


def make_device(number: int, place: int, kind: str, has_tiktok: bool, generator: random.Random) -> Device:
    """One device with everything that makes it particular. `place` is its place in the whole fleet, which decides about gaps."""
    traits = KINDS[kind]
    stale = place % 17 == 11
    last = START - (timedelta(days=generator.randint(60, 130)) if stale else timedelta(seconds=generator.randint(600, 28800)))
    versions = VERSIONS[traits.platform]
    apps = [*SYSTEM_APPS[traits.platform], WORK_APP[traits.platform]]
    if has_tiktok:
        apps.append(tiktok(traits.platform, generator.choice(["28.1.0", "28.0.0", "27.9.0"])))
    apps += [app for share, app in USER_APPS[traits.platform] if generator.random() < share]
    owned = traits.platform != "tvos" and not traits.shared
    device = Device(
        number=number,
        kind=kind,
        # Nobody renames a private telephone, so that names aren't unique.
        name="iPhone" if kind in ("iphone_personal", "iphone_user_enrollment") else f"{traits.model.split(' ')[0]}-{place:06d}",
        serial="" if traits.user_enrollment else f"JP{place:08d}",
        udid="" if traits.user_enrollment else uuid_from(generator).upper(),
        management_id=uuid_from(generator),
        os_version=versions[place % len(versions)],
        user=f"user{place:05d}" if owned else "",
        department=DEPARTMENTS[place % len(DEPARTMENTS)] if owned else "",
        building=BUILDINGS[place % len(BUILDINGS)],
        enrolled=last - timedelta(days=generator.randint(30, 700)),
        last_check_in=last,
        last_inventory=last,
        supervised=traits.supervised,
        record=Record("", False, ()),
        online=not stale,
        managed=place % 23 != 19,
        agent=traits.platform == "macos" and place % 7 != 5,
        apps=apps,
    )
    device.take_inventory(last, unmanaged_apps=True)
    device.earlier = None
    # Some apps came after the last inventory.
    if generator.random() < 0.05:
        device.record = device.record._replace(apps=tuple(app for app in device.record.apps if app.name != "TikTok"))
    return device


def make_fleet(count: int, seed: int) -> dict[str, Device]:
    """Devices by key. The first device of every kind but Apple TVs has TikTok, of the others about a quarter."""
    generator = random.Random(f"jamf-fleet-{seed}")
    pattern = [kind for kind, share in PATTERN.items() for _unused in range(share)]
    generator.shuffle(pattern)
    devices: dict[str, Device] = {}
    seen: set[str] = set()
    numbers = {True: 0, False: 0}
    for place in range(count):
        kind = pattern[place % len(pattern)]
        mac = KINDS[kind].platform == "macos"
        numbers[mac] += 1
        has_tiktok = KINDS[kind].platform != "tvos" and (generator.random() < 0.24 or kind not in seen)
        seen.add(kind)
        device = make_device(numbers[mac], place, kind, has_tiktok, generator)
        device.earlier = (device.record, device.last_inventory)
        devices[device.key] = device
    return devices
