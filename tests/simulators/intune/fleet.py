# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A seeded fleet: the same number and seed give the same tenant in every run."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import timedelta

from ..clock import START
from .device import KINDS, ZERO_GUID, App, Device
from .management import AGENTS, CO_MANAGED, INVENTORY, STATES, WORKLOADS, let_through

PATTERN = {
    "ios_supervised": 8, "ios_supervised_userless": 1, "ios_corporate": 3, "ios_personal": 5, "ios_user_enrollment": 2,
    "android_fully_managed": 4, "android_dedicated": 2, "android_cope": 3, "android_work_profile": 4, "windows_corporate": 4,
    "windows_personal": 1, "mac_corporate": 2, "mac_personal": 1,
}  # fmt: skip
MODELS = {
    "ios": [("iPhone 12", "Apple", "16.3"), ("iPhone SE", "Apple", "15.7"), ("iPhone 13", "Apple", "16.3.1")],
    "android": [("SM-A536B", "samsung", "13"), ("Pixel 6", "Google", "13"), ("SM-T575", "samsung", "10")],
    "windows": [("Latitude 5430", "Dell Inc.", "10.0.19045.2604"), ("ThinkPad T14", "LENOVO", "10.0.22621.1265")],
    "macos": [("MacBook Air", "Apple", "13.2.1"), ("MacBook Pro", "Apple", "12.6.3")],
}
DEPARTMENTS = ["Finance", "Police", "Parks", "Communications", "Transport"]
WINDOWS_TIKTOK = {"package": "BytedancePte.Ltd.TikTok", "store_id": "9NH2GPH4JZS4"}
PUBLISHER = "TikTok Pte. Ltd."
# What a user may have installed: (share, app) per platform. The names that only look like TikTok must never match.
USER_APPS = {
    "ios": [
        (0.04, App("com.ss.iphone.ugc.tiktok.lite", "TikTok Lite", "27.1.0", PUBLISHER)),
        (0.04, App("com.example.tikdownloader", "TikTok Downloader", "2.0", "Example Apps")),
        (0.03, App("com.tiktok.business", "TikTok for Business", "5.1", PUBLISHER)),
        (0.05, App("com.larksuite.lark", "Lark - Work, Together", "5.30", "Lark Technologies")),
        (0.08, App("com.lemon.lvoverseas", "CapCut", "7.4.0", "Bytedance Pte. Ltd.")),
        (0.08, App("com.tencent.xin", "WeChat", "8.0.33", "Tencent")),
        (0.30, App("net.whatsapp.WhatsApp", "WhatsApp", "23.4", "WhatsApp Inc.")),
    ],
    "android": [
        (0.04, App("com.zhiliaoapp.musically.go", "TikTok Lite", "27.1.0", PUBLISHER)),
        (0.04, App("com.example.tikdownloader", "TikTok Downloader", "2.0", "Example Apps")),
        (0.03, App("com.tiktok.forbusiness", "TikTok for Business", "5.1", PUBLISHER)),
        (0.05, App("com.larksuite.suite", "Lark", "5.30", "Lark Technologies")),
        (0.08, App("com.lemon.lvoverseas", "CapCut", "7.4.0", "Bytedance Pte. Ltd.")),
        (0.08, App("com.tencent.mm", "WeChat", "8.0.33", "Tencent")),
        (0.30, App("com.whatsapp", "WhatsApp", "2.23.4", "WhatsApp Inc.")),
    ],
    "windows": [
        (0.05, App("Example.TikTokDownloader_1a2b3c4d5e6f7", "TikTok Downloader", "2.0.0.0", "Example Apps", "Example.TikTokDownloader")),
        (0.05, App("{5F2A0F53-3A2C-4B43-9A51-0D3B7D7E9C11}", "Lark", "5.30.0", "Lark Technologies")),
        (0.08, App("CapCut", "CapCut", "1.3.0", "Bytedance Pte. Ltd.")),
        (0.08, App("WeChat", "WeChat", "3.9.0", "Tencent")),
    ],
    "macos": [
        (0.05, App("com.electron.lark", "Lark", "5.30.0", "Lark Technologies")),
        (0.08, App("com.lemon.lvoverseas", "CapCut", "1.3.0", "Bytedance Pte. Ltd.")),
        (0.08, App("com.tencent.xinWeChat", "WeChat", "3.7.0", "Tencent")),
    ],
}
WORK_APP = {
    "ios": App("com.microsoft.skype.teams", "Microsoft Teams", "5.3.1", "Microsoft", managed=True),
    "android": App("com.microsoft.teams", "Microsoft Teams", "1416/1.0.0", "Microsoft", managed=True, profile="work"),
    "windows": App("MSTeams_8wekyb3d8bbwe", "Microsoft Teams", "23.1.0.0", "Microsoft", "MSTeams", managed=True),
    "macos": App("com.microsoft.teams", "Microsoft Teams", "1.6", "Microsoft", managed=True),
}
TIKTOK_VERSIONS = {
    "ios": ["28.1.0", "28.0.0", "27.9.0"],
    "android": ["28.1.4", "28.0.5", "27.8.3"],
    "windows": ["1.0.5.0", "1.0.4.0"],
    "macos": ["28.1.0"],
}


# On which kind of device an agent is found; elsewhere it is corporate Windows.
KIND_OF_AGENT = {
    "eas": "ios_personal", "easMdm": "ios_corporate", "mdm": "ios_corporate", "microsoft365ManagedMdm": "ios_corporate",
    "jamf": "mac_corporate", "googleCloudDevicePolicyController": "android_fully_managed", "intuneAosp": "android_dedicated",
    "google": "android_fully_managed",
}  # fmt: skip
# Which workloads Intune has of co-managed devices.
CO_MANAGEMENT: list[tuple[str, ...]] = [
    WORKLOADS, (), ("deviceConfiguration",), ("modernApps",), ("compliancePolicy", "resourceAccess"), ("inventory",),
    ("modernApps", "deviceConfiguration"),
]  # fmt: skip


@dataclass(frozen=True)
class User:
    """A directory user."""

    id: str
    number: int

    @property
    def principal_name(self) -> str:
        return f"user{self.number:05d}@city.example"

    @property
    def display_name(self) -> str:
        return f"User {self.number}"

    @property
    def department(self) -> str:
        return DEPARTMENTS[self.number % len(DEPARTMENTS)]


def tiktok(platform: str, version: str, profile: str = "personal", managed: bool = False) -> App:
    """TikTok as that platform knows it."""
    if platform == "windows":
        return App("BytedancePte.Ltd.TikTok_6yccndn6064se", "TikTok", version, PUBLISHER, **WINDOWS_TIKTOK, managed=managed)
    return App("com.zhiliaoapp.musically", "TikTok", version, PUBLISHER, managed=managed, profile=profile)


def guid(generator: random.Random) -> str:
    digits = f"{generator.getrandbits(128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


def user_profile(kind: str, generator: random.Random) -> str:
    """On which side of an Android device a user's own app is."""
    if kind in ("android_fully_managed", "android_dedicated"):
        return "work"
    if kind in ("android_cope", "android_work_profile"):
        return "work" if generator.random() < 0.15 else "personal"
    return "personal"


def installed_apps(kind: str, has_tiktok: bool, generator: random.Random) -> list[App]:
    platform = KINDS[kind].platform
    apps = [WORK_APP[platform]]
    if has_tiktok:
        apps.append(tiktok(platform, generator.choice(TIKTOK_VERSIONS[platform]), user_profile(kind, generator)))
    for share, app in USER_APPS[platform]:
        if generator.random() < share:
            apps.append(app._replace(profile=user_profile(kind, generator)))
    return apps


def make_device(number: int, kind: str, user: User | None, has_tiktok: bool, generator: random.Random) -> Device:
    """One device with everything that makes it particular, the gaps in its record included."""
    traits = KINDS[kind]
    model, manufacturer, os_version = MODELS[traits.platform][number % len(MODELS[traits.platform])]
    if traits.device_type == "iPad":
        model = "iPad"
    stale = number % 19 == 11
    enrolled = START - timedelta(days=generator.randint(140 if stale else 8, 700), seconds=generator.randint(0, 86399))
    last_sync = START - (timedelta(days=generator.randint(95, 130)) if stale else timedelta(seconds=generator.randint(600, 28800)))
    last_inventory = enrolled + timedelta(days=7) * ((last_sync - enrolled) // timedelta(days=7))
    device = Device(
        id=guid(generator),
        kind=kind,
        name=f"{traits.device_type}-{number:06d}",
        # Apple User Enrollment never tells a serial number.
        serial=None if kind == "ios_user_enrollment" or number % 37 == 20 else f"SN{number:08d}",
        model=model,
        manufacturer=manufacturer,
        os_version=os_version,
        user=user.id if user else None,
        azure_id=ZERO_GUID if number % 29 == 13 else guid(generator),
        directory_id=guid(generator),
        enrolled=enrolled,
        last_sync=last_sync,
        last_inventory=last_inventory,
        ownership="unknown" if number % 31 == 17 else traits.ownership,
        supervised=traits.supervised,
        online=not stale,
        apps=installed_apps(kind, has_tiktok, generator),
        other_compliance="noncompliant" if number % 43 == 21 else "compliant",
    )
    # Some apps came after the last inventory.
    late = generator.random() < 0.05
    device.reported = tuple(app for app in device.apps if device.sees(app) and not (late and app.name == "TikTok"))
    return device


def make_fleet(count: int, seed: int) -> tuple[dict[str, Device], dict[str, User]]:
    """Devices and their users. The first device of every kind has TikTok, of the others about a quarter."""
    generator = random.Random(f"fleet-{seed}")
    pattern = [kind for kind, share in PATTERN.items() for _unused in range(share)]
    generator.shuffle(pattern)
    devices: dict[str, Device] = {}
    users: dict[str, User] = {}
    seen: set[str] = set()
    user: User | None = None
    for number in range(count):
        kind = pattern[number % len(pattern)]
        owner = None
        if kind not in ("android_dedicated", "ios_supervised_userless"):
            if user is None or number % 6 != 5:
                user = User(guid(generator), len(users) + 1)
                users[user.id] = user
            owner = user
        has_tiktok = generator.random() < 0.24 or kind not in seen
        seen.add(kind)
        device = make_device(number, kind, owner, has_tiktok, generator)
        devices[device.id] = device
    return devices, users


def add_every_agent(devices: dict[str, Device], users: dict[str, User], seed: int) -> None:
    """Devices behind the others: every management agent and state there is, and co-management in several divisions. All have TikTok."""
    generator = random.Random(f"agents-{seed}")
    before = len(devices)

    def add(kind: str) -> Device:
        user = User(guid(generator), len(users) + 1)
        users[user.id] = user
        # A number that has no gaps in the record.
        device = make_device(1, kind, user, True, generator)
        device.name = f"{device.traits.device_type}-{len(devices):06d}"
        device.serial = f"SN{len(devices):08d}"
        devices[device.id] = device
        return device

    for agent in sorted(AGENTS):
        for workloads in CO_MANAGEMENT if agent in CO_MANAGED else [()]:
            device = add(KIND_OF_AGENT.get(agent, "windows_corporate"))
            device.agent = agent
            if agent in CO_MANAGED:
                device.workloads = {name: name in workloads for name in WORKLOADS}
    for state in sorted(STATES):
        add("ios_supervised").management_state = state
    for device in list(devices.values())[before:]:
        takes_lists = INVENTORY in let_through(device)
        device.reported = tuple(app for app in device.apps if takes_lists and device.sees(app))
        device.sends_inventory = takes_lists
