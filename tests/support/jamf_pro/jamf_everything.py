# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A simulated Jamf Pro server with two bans that use every mechanism, among the objects of two other administrators.

Whatever a test does on it: objects of others stay byte for byte what they are, the traffic keeps to the vendor's contract and never asks
for a part of an object, check mode only reads, and no secret is in a result, in the record or in the ledger.
"""

from __future__ import annotations

import copy
import dataclasses
import json
import plistlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from tests.simulators.jamf_pro import start
from tests.support.intune.tenant import plain
from tests.support.jamf_pro.jamf_pro_client import complaints
from tests.support.jamf_pro.jamf_run import OBJECTS, Run, Server

NOW = "2023-03-20T09:00:00Z"
LATER = "2023-03-20T17:00:00Z"
NEXT_DAY = "2023-03-21T09:00:00Z"
TIKTOK, CAPCUT = "com.zhiliaoapp.musically", "com.lemon.lvoverseas"
PROFILES, MAC_PROFILES, RECORDS, GROUPS, MAC_GROUPS = OBJECTS
BLOCK, FILTER = "BAN city iOS blocked apps", "BAN city iOS web filter"
EXEMPT_GROUP = "BAN city mobile devices (exempt)"
#: Of the fleet of seed 3: a supervised iPhone, a shared iPad and a Mac.
PHONE, TABLET, MAC = "JP00000009", "JP00000012", "JP00000006"
#: Others, which nobody spares at first: a supervised iPhone with TikTok, a Mac with it.
SECOND_PHONE, SECOND_MAC = "JP00000007", "JP00000024"
APPS = {
    "tiktok": {
        "id": "tiktok", "title": "TikTok", "vendor": "bytedance",
        "identifiers": {
            "ios_bundle_id": [TIKTOK], "macos_bundle_id": [TIKTOK], "display_name": ["TikTok"], "domain": ["tiktok.com", "tiktokv.com"],
        },
    },
    "capcut": {
        "id": "capcut", "title": "CapCut", "vendor": "bytedance",
        "identifiers": {"ios_bundle_id": [CAPCUT], "macos_bundle_id": [CAPCUT], "display_name": ["CapCut"]},
    },
}  # fmt: skip


def policy(
    directory: Path,
    name: str = "city",
    *,
    apps: Sequence[str] = ("tiktok",),
    when: Mapping[str, Any] | None = None,
    actions: Sequence[str] = ("remove", "block", "block_web"),
    exempt: Sequence[str] = (PHONE, TABLET, MAC),
    **more: Any,
) -> dict[str, Any]:
    """A policy by way of its file: devices of the organisation, or those that ``when`` says, with some of them exempt."""
    document: dict[str, Any] = {
        "policy": name, "title": "Apps on work devices", "authority": {"issued_by": "City IT"}, "contact": "help@city.example",
        "state": "enforced", "apps": [APPS[app] for app in apps], "effective": {"from": "2023-03-01T00:00:00Z"},
        "rules": [
            {"name": "Work devices", "when": dict(when or {"ownership": "corporate"}), "actions": list(actions)},
            *([] if when else [{"name": "Private devices", "when": {"ownership": "personal"}, "actions": ["advise"]}]),
        ],
        **more,
    }  # fmt: skip
    if exempt:
        document["exemptions"] = [
            {
                "id": "EX-1", "devices": list(exempt), "apps": list(apps), "reason": "Case work", "approved_by": "Head of Security",
                "granted": "2023-03-02", "expires": "2023-12-31T00:00:00Z",
            }
        ]  # fmt: skip
    path = directory / f"{name}.yml"
    path.write_text(json.dumps(document), encoding="utf-8")
    return plain(path)


def everything(directory: Path, **changes: Any) -> list[dict[str, Any]]:
    """Two bans whose objects are of every kind: one for whole platforms with exceptions, one for devices by name."""
    police = policy(directory, "police", apps=["capcut"], when={"department": "Police"}, actions=["block"], exempt=())
    return [policy(directory, **changes), police]


def profile_text(*payloads: Mapping[str, Any]) -> str:
    """A configuration profile of somebody's."""
    top = {"PayloadType": "Configuration", "PayloadVersion": 1, "PayloadIdentifier": "com.example.theirs", "PayloadUUID": "theirs"}
    return plistlib.dumps({**top, "PayloadContent": [{"PayloadVersion": 1, **each} for each in payloads]}).decode()


def profile_xml(name: str, *payloads: Mapping[str, Any], root: str = "configuration_profile", general: str = "", scope: str = "") -> str:
    """A profile as somebody writes it through the Classic API."""
    text = escape(escape(profile_text(*payloads)))
    return f"<{root}><general><name>{escape(name)}</name>{general}<payloads>{text}</payloads></general>{scope}</{root}>"


GAME = {"PayloadType": "com.apple.applicationaccess", "blockedAppBundleIDs": ["com.example.game"], "allowCamera": False}


class JamfCity(Server):
    """The server, an evidence directory, runs over them, and what must be true of each."""

    def __init__(self, simulation: Any, directory: Path) -> None:
        super().__init__(simulation, directory)
        self.secrets = [str(simulation.connection["client_secret"]), str(simulation.user_login["password"])]
        self.restored = 0
        #: Of all runs so far; the simulator's own log is emptied after each, for it is read as a whole.
        self.exchanges: list[Mapping[str, Any]] = []
        self._rows_held: set[tuple[object, ...]] = set()
        self.theirs: dict[str, list[int]] = {path: [] for path in OBJECTS}

    @property
    def vendor(self) -> Any:
        """The simulator itself, to make it worse than its settings can."""
        return self.simulation.front.vendor

    def run(self, policies: Any, now: str, *, check: bool = False, expect_failure: bool = False, **options: Any) -> Run:
        others = self.raw_theirs()
        run = super().run(policies, now, check=check, expect_failure=expect_failure, **options)
        assert self.raw_theirs() == others
        assert complaints(self.simulation) == []
        self.simulation.forget_requests()
        self.exchanges += run.exchanges
        return run

    def _hold_to_the_rules(self, run: Run) -> None:
        """Of rows that look alike one is held against the schema: it takes longer than the run."""
        kinds = {(row["row"], row.get("outcome"), row.get("reason"), row.get("platform")): row for row in run.rows}
        new = [row for kind, row in kinds.items() if kind not in self._rows_held]
        super()._hold_to_the_rules(dataclasses.replace(run, rows=new))
        self._rows_held |= set(kinds)
        assert [each["path"] for each in run.exchanges if "/subset" in each["path"] or "/name/" in each["path"]] == []
        for each in run.exchanges:
            answer = each.get("response")
            if isinstance(answer, dict):
                self.secrets += [str(answer[name]) for name in ("access_token", "token") if answer.get(name)]
        texts = [json.dumps(run.values, default=str)]
        texts += [path.read_text(encoding="utf-8") for path in self.evidence_dir.rglob("*") if path.is_file()]
        assert [secret for secret in self.secrets if any(secret in text for text in texts)] == []

    def objects(self) -> dict[str, list[dict[str, Any]]]:
        """What administrators see, by collection."""
        return {path: self.state()["objects"][path] for path in OBJECTS}

    def devices(self, **traits: Any) -> list[dict[str, Any]]:
        """The devices with these traits."""
        return [each for each in self.state()["devices"] if all(each[name] == value for name, value in traits.items())]

    def device(self, serial: str) -> dict[str, Any]:
        return next(each for each in self.state()["devices"] if serial in (each["serial"], each["key"]))

    def raw_theirs(self) -> str:
        """The objects of other administrators as the server keeps them, identifiers, texts and all."""
        stores = self.vendor.stores
        return json.dumps({path: [stores[path].objects[number] for number in numbers] for path, numbers in self.theirs.items()})

    def raw(self, path: str, name: str) -> dict[str, Any]:
        """An object as the server keeps it."""
        found = [each for each in self.vendor.stores[path] if (each.get("general") or each)["name"] == name]
        assert len(found) == 1, (path, name, len(found))
        return dict(copy.deepcopy(found[0]))

    def plant(self, path: str, xml: str) -> int:
        """Another administrator makes an object, which is theirs from now on."""
        number = int(self.simulation.objects({"plant": {"path": path, "xml": xml}})[0]["plant"])
        self.theirs[path].append(number)
        return number

    def edit(self, path: str, name: str, xml: str) -> None:
        """Somebody changes an object of ours."""
        self.simulation.objects({"patch": {"path": path, "id": self.raw(path, name)["id"], "xml": xml}})

    def settings(self, **changes: Any) -> None:
        """Turn something on the server."""
        self.simulation.objects({"settings": changes})

    def contact(self, now: str) -> None:
        """An instant comes at which every device that is online checks in and sends its inventory."""
        self.simulation.clock(now, check_in=True)
        self.simulation.devices([{"op": "inventory", "device": {"online": True}}])

    def snapshot(self) -> Any:
        """The server's objects, to go back to."""
        return copy.deepcopy(self.vendor.stores)

    def restore(self, stores: Any) -> None:
        """Go back, as if everything since had never been; the ledger too."""
        self.vendor.stores = copy.deepcopy(stores)
        self.simulation.faults([])
        self.restored += 1
        self.evidence_dir = self.evidence_dir.with_name(f"evidence-{self.restored}")

    def furnish(self) -> None:
        """Two other administrators had been there: profiles, restricted software, groups, some with names much like ours."""
        scope = "<scope><all_mobile_devices>true</all_mobile_devices></scope>"
        self.plant(PROFILES, profile_xml('Games & Co. <1+1> "x"', GAME, general="<description>Anna's</description>", scope=scope))
        self.plant(PROFILES, profile_xml("BAN city iOS blocked apps (old)", GAME))
        self.plant(MAC_PROFILES, profile_xml("BAN city is not ours", GAME, root="os_x_configuration_profile"))
        for name in ("Steam", "BAN city macOS restricted software TikTok.app [appban 000000:00000000]"):
            text = f"<name>{name}</name><process_name>TikTok.app</process_name><display_message>Bob's</display_message>"
            self.plant(RECORDS, f"<restricted_software><general>{text}</general></restricted_software>")
        for macs, path in ((False, GROUPS), (True, MAC_GROUPS)):
            members = ["JP00000001"] if not macs else [MAC]
            order = {"name": "BAN city board", "members": members, "macs": macs}
            self.theirs[path].append(int(self.simulation.objects({"group": order})[0]["group"]))
        criterion = "<criterion><name>Department</name><value>Parks</value></criterion>"
        xml = f"<name>Parks</name><is_smart>true</is_smart><criteria>{criterion}</criteria>"
        self.plant(GROUPS, f"<mobile_device_group>{xml}</mobile_device_group>")
        self.plant(MAC_GROUPS, f"<computer_group>{xml}</computer_group>")


@contextmanager
def jamf_city(directory: Path, devices: int = 40, alone: bool = False, **options: Any) -> Iterator[JamfCity]:
    """A server with a seeded fleet whose devices have all just been in contact. alone: nobody else has made anything there."""
    with start(devices=devices, seed=3, **options) as simulation:
        city = JamfCity(simulation, directory)
        if not alone:
            city.furnish()
        city.contact(NOW)
        yield city


def without_ids(value: Any) -> Any:
    """A document without the numbers that the server gives."""
    if isinstance(value, dict):
        return {name: without_ids(part) for name, part in value.items() if name != "id"}
    return [without_ids(part) for part in value] if isinstance(value, list) else value


def picture(city: JamfCity) -> list[str]:
    """Everything on a server as text, without ids, in a fixed order: what two servers with the same bans have in common."""
    return sorted(json.dumps([path, without_ids(each)], sort_keys=True) for path, listed in city.objects().items() for each in listed)


def opens(device: Mapping[str, Any], app: str = TIKTOK) -> bool:
    """Whether an app is on a device and can be opened."""
    return any(each["id"] == app and not each["launch_blocked"] for each in device["apps"])


def has(device: Mapping[str, Any], app: str = TIKTOK) -> bool:
    """Whether an app is on a device."""
    return any(each["id"] == app for each in device["apps"])


def sent_xml(run: Run, path: str) -> list[str]:
    """Bodies of a run's writes to a collection of the Classic API."""
    return [str(each["body"]) for each in run.writes() if f"/JSSResource/{path}/" in each["path"] and each["body"]]
