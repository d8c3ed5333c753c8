# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The devices of a simulated tenant as a person holding them would see them, and days that go by."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.simulators.intune.device import ZERO_GUID
from tests.support.intune.tenant import POLICIES, Run, Tenant, plain, tenant

Device = Mapping[str, Any]
TIKTOK = "com.zhiliaoapp.musically"
#: A tenant that shows every write at once, so that tests about other things lose no time.
PROMPT = {"eventual_consistency": 0, "group_lag": 0, "play_sync_reads": 0}


@contextmanager
def prompt_tenant(directory: Path, now: str, devices: int = 60, seed: int = 3) -> Iterator[Tenant]:
    """A tenant without lag whose devices have all just been in contact and have sent their inventories."""
    with tenant(directory, devices=devices, seed=seed, now=now) as city:
        city.simulation.objects({"settings": PROMPT})
        contact(city, now)
        yield city


def contact(city: Tenant, now: str) -> None:
    """An instant comes at which every device that is online checks in and sends its inventory."""
    city.simulation.clock(now=now, check_in=True)
    city.simulation.devices([{"op": "inventory", "device": {"online": True}}])


def devices_of(city: Tenant, **traits: Any) -> list[Device]:
    """The devices with these traits (``kind``, ``ownership`` ...), in the fleet's order."""
    return [device for device in city.state()["devices"] if all(device[name] == value for name, value in traits.items())]


def registered(city: Tenant, **traits: Any) -> list[Device]:
    """Those of them that are online, have a serial number and are known to the directory."""
    found = devices_of(city, online=True, **traits)
    return [device for device in found if device["serial"] and device["azure_id"] != ZERO_GUID]


def device_of(city: Tenant, device: str) -> Device:
    """One device by id."""
    return next(each for each in city.state()["devices"] if each["id"] == device)


def change(city: Tenant, device: str, **values: Any) -> None:
    """Set attributes of a device."""
    city.simulation.devices([{"op": "patch", "device": device, "set": values}])


def install_tiktok(city: Tenant, *devices: str, profile: str | None = None) -> None:
    """Users install TikTok, and nothing may keep them from it."""
    more = {"profile": profile} if profile else {}
    for answer in city.simulation.devices([{"op": "install", "device": device, "app": "tiktok", **more} for device in devices]):
        assert answer["refused"] == []


def without_tiktok(city: Tenant) -> None:
    """Nobody has TikTok."""
    city.simulation.devices([{"op": "remove", "device": "all", "app": "tiktok"}])
    city.simulation.devices([{"op": "inventory", "device": "all"}])


def has_tiktok(device: Device) -> bool:
    """Whether the app is installed."""
    return any(app["name"] == "TikTok" for app in device["apps"])


def can_open_tiktok(device: Device) -> bool:
    """Whether the app is installed and can be opened."""
    return any(app["name"] == "TikTok" and not app["launch_blocked"] for app in device["apps"])


def can_install_tiktok(city: Tenant, device: str) -> bool:
    """Whether a user could install it now; a trial that leaves no trace."""
    had = has_tiktok(device_of(city, device))
    refused = city.simulation.devices([{"op": "install", "device": device, "app": "tiktok"}])[0]["refused"]
    if not had and not refused:
        city.simulation.devices([{"op": "remove", "device": device, "app": "tiktok"}])
    return not refused


def bans(city: Tenant) -> dict[str, str]:
    """Id -> name of everything in the tenant that the ban made or uses to uninstall."""
    found = {}
    for path, objects in city.state()["objects"].items():
        for each in objects if path != "indicators" else ():
            text = f"{each.get('description')} {each.get('notes')}"
            uninstalls = any(one.get("intent") == "uninstall" for one in each.get("assignments") or [])
            if "managed-by=appban.endpoint" in text or uninstalls:
                found[each["id"]] = each.get("displayName") or each.get("name")
    return found


def reached(city: Tenant) -> dict[str, set[str]]:
    """Device id -> names of the ban's controls that reached it at its last check-in."""
    ours = bans(city)
    return {each["id"]: {ours[control] for control in each["controls"] if control in ours} for each in city.state()["devices"]}


def mentions(run: Run, *devices: Device) -> list[str]:
    """Requests of a run, other than reading whole lists, that carry an id of one of the devices."""
    ids = {value for device in devices for value in (device["id"], device["azure_id"], device["directory_id"]) if value != ZERO_GUID}
    asked = [json.dumps([entry["path"], entry.get("query"), entry["body"]]) for entry in run.exchanges if "/oauth2/" not in entry["path"]]
    return [text for text in asked if any(each in text for each in ids)]


def group_members(city: Tenant, ending: str) -> dict[str, list[str]]:
    """Group of ours whose name has this ending -> directory ids of its members."""
    return {group["displayName"]: group["members"] for group in city.state()["objects"]["groups"] if group["displayName"].endswith(ending)}


def written(directory: Path, name: str, append: str = "", **replaced: str) -> dict[str, Any]:
    """A policy file of ours with text appended (``exemptions:`` ...), as the lookup gives it."""
    return plain(policy_file(directory, name, append, replaced))


def policy_file(directory: Path, name: str, append: str = "", replaced: Mapping[str, str] | None = None) -> Path:
    """The same as a file."""
    text = (POLICIES / f"{name}.yml").read_text(encoding="utf-8")
    for old, new in (replaced or {}).items():
        assert old in text
        text = text.replace(old, new)
    path = directory / f"{name}.yml"
    path.write_text(text + append, encoding="utf-8")
    return path


def exemption(**fields: Any) -> str:
    """An exemption in the words of a policy file; fields that are None are left out."""
    whole = {
        "id": "EX-1",
        "apps": ["tiktok"],
        "category": "online_harm",
        "reason": "Case work on online harm",
        "approved_by": "Head of Security",
        "granted": "2023-03-20",
        "expires": "2023-12-31T23:59:59",
        "mitigations": ["separate device"],
        **fields,
    }
    return "\nexemptions:\n  - " + json.dumps({name: value for name, value in whole.items() if value is not None}) + "\n"


def assets_csv(directory: Path, facts: Mapping[str, Mapping[str, Any]], name: str = "assets.csv") -> str:
    """An assets file: serial number -> attribute -> value; None is an empty cell."""
    columns = sorted({attribute for each in facts.values() for attribute in each})
    lines = [",".join(["serial", *columns])]
    for serial, each in facts.items():
        cells = ["" if each.get(name) is None else str(each[name]) for name in columns]
        lines.append(",".join([serial, *cells]))
    path = directory / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)


def rows_of(run: Run, devices: Iterable[Device], app: str = "tiktok") -> list[Mapping[str, Any]]:
    """The rows of the record about some devices and an app."""
    ids = {device["id"] for device in devices}
    return [row for row in run.rows if row["row"] == "device" and row["app"] == app and row["device"] in ids]


def outcomes(run: Run, devices: Iterable[Device], app: str = "tiktok") -> set[tuple[str, str]]:
    """The outcomes and reasons of some devices."""
    return {(row["outcome"], row["reason"]) for row in rows_of(run, devices, app)}
