# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One simulated server: its accounts, fleet and objects, and what holds them together."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from ..clock import Clock
from ..exchange import Request, Response
from ..front import Front
from . import classic, odd_answers, pro
from .check_in import check_in
from .device import Device
from .errors import NOT_FOUND, ClassicRefusal, Refusal, edge_page, page, stable_id
from .fleet import BUILDINGS, DEPARTMENTS, make_fleet
from .orders import carry_out, change
from .resources import COLLECTIONS, RESOURCES
from .settings import Settings
from .state import described
from .store import Store
from .tokens import Identities, Nodes


class JamfServer:
    """Answers for both APIs below one base path."""

    fault_kinds: frozenset[str] = odd_answers.KINDS

    def __init__(self, devices: int, seed: int, base_path: str = "", gateway: bool = False) -> None:
        self.count = devices
        self.seed = seed
        self.base_path = "/" + base_path.strip("/") if base_path.strip("/") else ""
        self.gateway = gateway
        self.clock = Clock()
        self.settings = Settings()
        self.identities = Identities(seed, self.settings)
        self.fill()

    def fill(self) -> None:
        """Make the server as it is on its first day."""
        self.nodes = Nodes(self.settings)
        self.stores = {path: Store() for path in RESOURCES}
        self.commands: list[dict[str, Any]] = []
        self.pending: dict[str, list[dict[str, Any]]] = {}
        self.commands_given = 0
        self.uuids_given = 0
        self.seconds = 0.0
        self.request_seconds = 0.0
        self.devices: dict[str, Device] = {}
        # Devices whose record somebody deleted, with whatever they had received.
        self.ghosts: dict[str, Device] = {}
        self.numbers_given = {False: 0, True: 0}
        self.reenrolled = 0
        self.throttle = [self.settings.throttle_after, self.settings.throttle_refusals]
        for device in make_fleet(self.count, self.seed).values():
            self.enlist(device)
        for path, names in (("buildings", BUILDINGS), ("departments", DEPARTMENTS), ("categories", ["Security"])):
            for name in names:
                self.stores[path].add({"name": name, **({"priority": 9} if path == "categories" else {})})

    def enlist(self, device: Device) -> None:
        self.devices[device.key] = device
        self.numbers_given[device.is_mac] = max(device.number, self.numbers_given[device.is_mac])
        self._numbered: tuple[dict[int, Device], dict[int, Device]] | None = None

    def forget(self, device: Device) -> None:
        del self.devices[device.key]
        self._numbered = None
        for path, name in (("mobiledevicegroups", "mobile_devices"), ("computergroups", "computers")):
            for group in self.stores[path]:
                if device.is_mac == (name == "computers") and device.number in group[name]:
                    group[name].remove(device.number)

    def numbered(self) -> tuple[dict[int, Device], dict[int, Device]]:
        if self._numbered is None:
            both: tuple[dict[int, Device], dict[int, Device]] = ({}, {})
            for device in self.devices.values():
                both[device.is_mac][device.number] = device
            self._numbered = both
        return self._numbered

    def by_management_id(self) -> dict[str, Device]:
        return {device.management_id: device for device in self.devices.values()}

    @property
    def mobiles(self) -> dict[int, Device]:
        return self.numbered()[0] if self.devices else {}

    @property
    def macs(self) -> dict[int, Device]:
        return self.numbered()[1] if self.devices else {}

    def reset(self) -> None:
        self.clock.reset()
        self.settings = Settings()
        self.identities.settings = self.settings
        self.fill()

    def connect(self, url: str) -> dict[str, str]:
        """What an inventory needs to come in as an API client."""
        known = self.identities
        return {"url": url, "base_path": self.base_path, "client_id": known.client_id, "client_secret": known.client_secret}

    def user_login(self) -> dict[str, str]:
        """The other way to log in: never together with the API client's."""
        return {"username": self.identities.username, "password": self.identities.password}

    def new_number(self, mac: bool) -> int:
        """The next id of a computer or a mobile device. None is ever given twice."""
        return self.numbers_given[mac] + 1

    def new_uuid(self) -> str:
        self.uuids_given += 1
        return stable_id("payload", self.seed, self.uuids_given).upper()

    def spend(self, seconds: float) -> None:
        """Take note of work that a real server would be busy with."""
        self.request_seconds += seconds

    def answer(self, request: Request, front: Front) -> Response:
        """One request to either API. What takes longer than the edge waits is done, and answered by the edge."""
        self.request_seconds = 0.0
        node = self.nodes.choose(request)
        reader = node
        if odd_answers.struck(request, frozenset({"stale"})) and self.settings.nodes > 1:
            reader = node % self.settings.nodes + 1
        response = self.throttled(request) or self.refusing(request, reader if request.method == "GET" else node)
        if request.method == "DELETE" and response.status < 300:
            self.spend(self.settings.delete_seconds)
        response = self.after_effect(request, response)
        self.seconds += min(self.request_seconds, self.settings.edge_timeout_seconds)
        if self.request_seconds > self.settings.edge_timeout_seconds:
            response = edge_page(504)
        if self.settings.nodes > 1:
            response.headers["Set-Cookie"] = self.nodes.cookie_for(node)
        return response

    def throttled(self, request: Request) -> Response | None:
        """The refusal of a request that is one too many."""
        if request.method not in self.settings.throttle_methods or "/oauth/" in request.target or "/v1/auth/" in request.target:
            return None
        if self.throttle[0] > 0:
            self.throttle[0] -= 1
            return None
        if self.throttle[1] == 0:
            # The request that comes after the refusals is the first of those that pass.
            self.throttle = [max(0, self.settings.throttle_after - 1), self.settings.throttle_refusals]
            return None
        self.throttle[1] -= self.throttle[1] > 0
        return self.later(self.settings.throttle_status, request, self.settings.throttle_retry_after)

    def later(self, status: int, request: Request, retry_after: Any) -> Response:
        response = self.failure(status, request)
        if retry_after is not None:
            response.headers["Retry-After"] = str(retry_after)
        return response

    def after_effect(self, request: Request, response: Response) -> Response:
        """The answer, or what a test ordered to be said although the request was carried out."""
        kind = odd_answers.struck(request, frozenset(odd_answers.AFTER_EFFECT))
        if kind is not None and request.fault is not None:
            return self.later(odd_answers.AFTER_EFFECT[kind], request, request.fault.get("retry_after", 1 if kind[:3] == "429" else None))
        if request.fault is not None and not request.fault.get("acted") and response.status < 300:
            return odd_answers.senseless(request)
        return response

    def refusing(self, request: Request, node: int) -> Response:
        path = urlsplit(request.target).path
        if self.base_path and not path.startswith(self.base_path + "/"):
            return page(404, NOT_FOUND)
        path = path.removeprefix(self.base_path)
        try:
            if path.startswith("/api/"):
                return pro.answer(self, request, path.removeprefix("/api/"), node)
            if path.startswith("/JSSResource/"):
                self.require_classic(request)
                odd_answers.must_be_there(request, classic=True)
                response = classic.answer(self, request, path.removeprefix("/JSSResource/"), node)
                return odd_answers.bent_body(request, response)
            return page(404, NOT_FOUND)
        except (Refusal, ClassicRefusal) as refusal:
            return refusal.response()

    def require_classic(self, request: Request) -> None:
        try:
            self.identities.require(request)
        except Refusal as refusal:
            raise ClassicRefusal(401, "The request requires user authentication") from refusal

    def allow(self, privilege: str) -> None:
        """Raises Refusal without the privilege."""
        if privilege not in self.settings.privileges:
            raise Refusal(403, "INVALID_PRIVILEGE", "Forbidden")

    def allow_classic(self, privilege: str) -> None:
        if privilege not in self.settings.privileges:
            raise ClassicRefusal(403, "Error: the account doesn't have the privileges for this request")

    def json_of(self, request: Request) -> dict[str, Any]:
        """A request's body. Raises Refusal for anything but a JSON object."""
        if "json" not in (request.header("Content-Type") or ""):
            raise Refusal(415, "UNSUPPORTED_MEDIA_TYPE", "Content-Type is not supported")
        try:
            body = request.json()
        except ValueError as problem:
            raise Refusal(400, "INVALID_JSON", "The body is not JSON") from problem
        if not isinstance(body, dict):
            raise Refusal(400, "INVALID_JSON", "The body is not an object")
        return body

    def objects_in(self, body: dict[str, Any], name: str) -> list[dict[str, Any]]:
        """A list of objects in a body. Raises Refusal for anything else."""
        found = body.get(name)
        if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
            raise Refusal(400, "INVALID_JSON", f"{name} must be a list of objects", name)
        return found

    def failure(self, status: int, request: Request) -> Response:
        """A failure that a test ordered: from the edge, which speaks HTML, or of the Pro API itself."""
        if status in (502, 503, 504) or "/JSSResource/" in request.target:
            return edge_page(status)
        return Refusal(status, {429: "TOO_MANY_REQUESTS"}.get(status, "INTERNAL_SERVER_ERROR"), "Try again later").response()

    @property
    def unknown_names_conflict(self) -> bool:
        return self.settings.unknown_scope_names == "conflict"

    def name_of(self, collection: str, number: int) -> str | None:
        """The name of what a reference means, or None."""
        if collection in ("mobile_devices", "computers"):
            device = (self.mobiles if collection == "mobile_devices" else self.macs).get(number)
            return None if device is None else device.name
        stored = self.stores[COLLECTIONS[collection]].objects.get(number) if collection in COLLECTIONS else None
        return None if stored is None else str(stored["name"])

    def number_of(self, collection: str, name: str) -> int | None:
        """The first that has the name."""
        if collection in ("mobile_devices", "computers"):
            fleet = self.mobiles if collection == "mobile_devices" else self.macs
            return next((number for number, device in fleet.items() if device.name == name), None)
        if collection not in COLLECTIONS:
            return None
        return next((int(item["id"]) for item in self.stores[COLLECTIONS[collection]] if item["name"] == name), None)

    def extra_of(self, collection: str, number: int) -> dict[str, Any]:
        """What a reference to a device tells besides."""
        if collection == "mobile_devices":
            device = self.mobiles[number]
            return {"udid": device.udid, "wifi_mac_address": "", "serial_number": device.serial}
        return {"udid": self.macs[number].udid, "serial_number": self.macs[number].serial} if collection == "computers" else {}

    def state(self) -> dict[str, Any]:
        return described(self)

    def change_devices(self, operations: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [carry_out(self, operation) for operation in operations]

    def change_objects(self, order: dict[str, Any] | list[dict[str, Any]]) -> list[dict[str, Any]]:
        try:
            return [change(self, item) for item in (order if isinstance(order, list) else [order])]
        except ClassicRefusal as refusal:
            raise ValueError(refusal.reason) from refusal

    def check_in_all(self) -> None:
        for device in self.devices.values():
            if device.online:
                check_in(self, device)

    def time_passed(self) -> None:
        """Nothing to do: whatever depends on time is worked out when a device checks in."""
