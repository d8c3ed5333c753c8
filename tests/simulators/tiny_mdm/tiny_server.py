# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tiny MDM: a JSON API with a key, devices, and two kinds of objects, groups and lists of apps that devices hide."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

from ..clock import Clock, instant
from ..exchange import Request, Response
from ..front import Front
from ..server import Listener
from ..simulation import Simulation
from .tiny_fleet import CAPCUT, TIKTOK, Device, make_fleet

KEY = "tiny-key-2f6c1f0e"
PAGE = 8
#: What an object has besides its id, and of which type.
FIELDS: dict[str, dict[str, type]] = {
    "groups": {"name": str, "note": str, "members": list},
    "lists": {"name": str, "note": str, "apps": list, "everybody": bool, "groups": list, "except": list},
}
ITEMS: dict[str, Any] = {"item_null": None, "item_text": "unavailable", "item_list": []}
BODIES: dict[str, Any] = {"body_null": None, "body_text": "unavailable", "body_list": [], "body_error": {"error": "unavailable"}}
COUNTS: dict[str, Any] = {"count_null": None, "count_zero": 0, "count_text": "many"}
KINDS = frozenset(
    ("short_list", "empty_list", "double", "endless", "count_missing", "count_high", "item_without_id", "items_null", "items_text")
    + ("items_missing", "ownership_blank", "apps_odd", "lost", *ITEMS, *BODIES, *COUNTS)
)
APPS = {"tiktok": TIKTOK, "named": CAPCUT}


class Refusal(Exception):
    """An answer that says no."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class TinyServer:
    """One server. No id is ever given twice, and names of one kind are unique.

    lag: how many reads of a kind of objects still show what was there before a write.
    """

    fault_kinds = KINDS

    def __init__(self, devices: int, seed: int) -> None:
        self.count, self.seed = devices, seed
        self.reset()

    def reset(self) -> None:
        self.clock = Clock()
        self.lag = 0
        self.devices = make_fleet(self.count, self.seed)
        self.stores: dict[str, dict[str, dict[str, Any]]] = {kind: {} for kind in FIELDS}
        self.past: dict[str, tuple[int, dict[str, dict[str, Any]]]] = {}
        self.given = self.count
        # What somebody else has there.
        group = self.add("groups", {"name": "Reception", "note": "", "members": ["1"]})
        games = {"name": "Games", "note": "ours", "apps": ["com.example.game"], "everybody": False, "groups": [group], "except": []}
        self.add("lists", games)

    # --- the API

    def answer(self, request: Request, front: Front) -> Response:
        fault = request.fault["kind"] if request.fault else ""
        try:
            if request.header("X-Api-Key") != KEY:
                raise Refusal(401, "wrong key")
            kind, _slash, key = request.path.strip("/").partition("/")
            if request.method == "GET" and kind == "devices":
                rows = [device.row() for device in self.devices.values() if device.managed]
                return self.shown(request, [{**row, "ownership": None} for row in rows] if fault == "ownership_blank" else rows, key, fault)
            if kind not in self.stores:
                raise Refusal(404, "no such address")
            if request.method == "GET":
                return self.shown(request, list(self.seen(kind).values()), key, fault)
            return self.written(request, kind, key, fault == "lost")
        except Refusal as refusal:
            return Response(refusal.status, {"error": str(refusal)})

    def shown(self, request: Request, rows: list[dict[str, Any]], key: str, fault: str) -> Response:
        """A page of rows, or one of them: a device by its id or its serial number, another object by its id."""
        if fault in BODIES:
            return Response(200, BODIES[fault])
        if not key:
            return Response(200, self.page(request, rows, fault))
        found = next((row for row in rows if key in (row["id"], row.get("serial"))), None)
        if found is None:
            raise Refusal(404, "no such object")
        return Response(200, bent(found, fault))

    def page(self, request: Request, rows: list[Any], fault: str) -> dict[str, Any]:
        if fault == "empty_list":
            rows = []
        if fault == "short_list":
            rows = rows[: len(rows) // 2]
        after = int(request.query.get("after", 0))
        left = [row for row in rows if int(row["id"]) > after]
        page = [row if "serial" in row else {name: row[name] for name in ("id", "name", "note")} for row in left[:PAGE]]
        if fault == "endless":
            left = rows * 9
            page = [{**row, "id": str(after + place), "serial": f"XX{after + place}"} for place, row in enumerate(rows[:PAGE], 1)]
        document: dict[str, Any] = {"total": len(rows), "next": page[-1]["id"] if len(left) > len(page) else None}
        if fault == "double" and len(page) > 1:
            page = [page[1], *page[1:]]
        if fault in COUNTS or fault == "count_high":
            document["total"] = COUNTS.get(fault, 2 * len(rows) + 9)
        if fault == "count_missing":
            del document["total"]
        document["items"] = {"items_null": None, "items_text": "unavailable"}.get(fault, [bent(row, fault) for row in page[:1]] + page[1:])
        if fault == "items_missing":
            del document["items"]
        return document

    def written(self, request: Request, kind: str, key: str, lost: bool) -> Response:
        """What is refused is refused as a whole. lost: it is answered as if it were done, and isn't."""
        store = self.stores[kind]
        if key and key not in store:
            raise Refusal(404, "no such object")
        before = copy.deepcopy(store)
        status, number = {"POST": 201, "PUT": 200, "DELETE": 204}.get(request.method, 405), key
        if request.method == "POST" and not key:
            number = self.add(kind, self.valid(kind, request, ""))
        elif request.method == "PUT" and key:
            store[key] = {"id": key, **self.valid(kind, request, key), **self.dated(kind)}
        elif request.method == "DELETE" and key:
            if kind == "groups" and any(key in each["groups"] + each["except"] for each in self.stores["lists"].values()):
                raise Refusal(409, "a list goes by this group")
            del store[key]
        else:
            raise Refusal(405, "no such verb here")
        if lost:
            self.stores[kind] = before
        elif self.lag:
            self.past[kind] = (self.lag, before)
        return Response(status, None if status == 204 else {"id": number})

    def valid(self, kind: str, request: Request, key: str) -> dict[str, Any]:
        """A body that says everything and nothing else."""
        try:
            body = request.json()
        except ValueError:
            body = None
        fields = FIELDS[kind]
        if not isinstance(body, dict) or set(body) != set(fields) or not all(isinstance(body[name], fields[name]) for name in fields):
            raise Refusal(400, "an object of this kind has exactly: " + ", ".join(fields))
        if any(each["name"] == body["name"] and each["id"] != key for each in self.stores[kind].values()):
            raise Refusal(409, f"there is another object called {body['name']}")
        managed = {device.id for device in self.devices.values() if device.managed}
        groups = {*body.get("groups", ()), *body.get("except", ())}
        if not set(body.get("members", ())) <= managed or not groups <= set(self.stores["groups"]):
            raise Refusal(422, "no such device or group")
        return body

    def add(self, kind: str, value: dict[str, Any]) -> str:
        self.given += 1
        key = str(self.given)
        self.stores[kind][key] = {"id": key, **value, **self.dated(kind)}
        return key

    def dated(self, kind: str) -> dict[str, str]:
        return {"changed": instant(self.clock.now)} if kind == "lists" else {}

    def seen(self, kind: str) -> dict[str, dict[str, Any]]:
        """Objects as a read shows them."""
        left, before = self.past.get(kind, (0, {}))
        if left:
            self.past[kind] = (left - 1, before)
        return before if left else self.stores[kind]

    # --- devices

    def lists_for(self, device: Device) -> dict[str, tuple[str, frozenset[str]]]:
        """The lists that a device takes over at its next contact."""
        mine = {number for number, group in self.stores["groups"].items() if device.id in group["members"]}
        return {
            number: (each["name"], frozenset(each["apps"]))
            for number, each in self.stores["lists"].items()
            if ((each["everybody"] and device.ownership == "corporate") or mine & set(each["groups"])) and not mine & set(each["except"])
        }

    def check_in_all(self) -> None:
        for device in self.devices.values():
            if device.online and device.managed:
                device.holds, device.last_contact = self.lists_for(device), self.clock.now
                if device.tells:
                    device.told, device.told_at = dict(device.apps), self.clock.now

    def time_passed(self) -> None:
        """Nothing to do: all that happens happens at a contact."""

    # --- the tests' door

    def failure(self, status: int, request: Request) -> Response:
        return Response(status, {"error": "try again later"})

    def state(self) -> dict[str, Any]:
        return {"objects": {kind: list(store.values()) for kind, store in self.stores.items()}, "now": instant(self.clock.now)}

    def truth(self) -> dict[str, Any]:
        """Every device that there ever was, as it is."""
        found = {}
        for device in self.devices.values():
            coming, told = self.lists_for(device) if device.managed else device.holds, device.told or {}
            found[device.id] = {
                "serial": device.serial, "platform": device.platform, "managed": device.managed, "online": device.online,
                "ownership": device.ownership, "apps": [[name, device.opens(key)] for key, name in device.apps.items()],
                "told": sorted(told.values()), "told_at": instant(device.told_at) if device.told_at else None,
                "holds": sorted(name for name, _apps in device.holds.values()),
                "coming": [f"apply {coming[key][0]}" for key in coming if coming[key] != device.holds.get(key)]
                + [f"remove {device.holds[key][0]}" for key in device.holds if key not in coming],
            }  # fmt: skip
        return found

    def change_devices(self, operations: list[dict[str, Any]]) -> list[str]:
        """op: install, remove (app); set (values of attributes); leave; enrol, which answers with the new id."""
        answers = []
        for operation in operations:
            device = self.devices[operation["device"]]
            if operation["op"] == "install":
                device.apps.update((APPS[operation["app"]],))
            elif operation["op"] == "remove":
                device.apps.pop(APPS[operation["app"]][0], None)
            elif operation["op"] == "set":
                vars(device).update(operation["values"])
            else:
                device.managed, device.holds = False, {}
                for group in self.stores["groups"].values():
                    group["members"] = [each for each in group["members"] if each != device.id]
                if operation["op"] == "enrol":
                    self.given += 1
                    again = replace(device, id=str(self.given), managed=True, enrolled=self.clock.now, told=None, told_at=None, holds={})
                    device = self.devices[again.id] = again
            answers.append(device.id)
        return answers

    def change_objects(self, change: Any) -> dict[str, Any]:
        """Another administrator's object: kind, and all that it has; or the lag."""
        self.lag = change.get("lag", self.lag)
        return {"id": self.add(change["kind"], change["object"])} if "kind" in change else {}


def bent(row: dict[str, Any], fault: str) -> Any:
    """An item, or what a test ordered in its place."""
    if fault == "item_without_id":
        return {name: value for name, value in row.items() if name != "id"}
    if fault == "apps_odd" and "serial" in row:
        return {**row, "apps": [None, {"version": "1"}, *(row["apps"] or ())]}
    return ITEMS.get(fault, row)


def start(devices: int = 50, seed: int = 1, latency_ms: float = 0, port: int = 0) -> Simulation:
    """Start a server with that many devices in this process. Close it, or use it as a context manager."""
    front = Front(TinyServer(devices, seed), latency_ms)
    listener = Listener(front.serve, port)
    return Simulation(front, [listener], {"url": listener.url, "api_key": KEY})
