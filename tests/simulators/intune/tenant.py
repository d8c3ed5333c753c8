# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One simulated tenant: its identities, directory, devices and objects, and what holds them together."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

from ..clock import Clock, instant
from ..exchange import Request, Response
from ..front import Front
from . import defender, exports, graph, spoil, truth
from .apps import ManagedPlay
from .assignments import FILTER_ID
from .baseline import furnish
from .call import PAGE_FAULTS
from .check_in import check_in
from .device import ZERO_GUID, Arrived, Device
from .errors import Refusal, error_response, stable_id
from .fleet import User, add_every_agent, make_fleet
from .inventory import Inventory
from .managed_devices import DeviceRows
from .orders import carry_out, change
from .policies import RESOURCES
from .settings import Settings
from .state import described
from .store import Store
from .throttle import Throttle
from .tokens import Identities
from .versions import contracts

JSON_TYPE = "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"


class Tenant:
    """Answers for Graph, the login service, the metadata service and Defender; the report store listens elsewhere."""

    fault_kinds = frozenset({"stale"}) | PAGE_FAULTS | spoil.KINDS
    fault_options = spoil.OPTIONS

    def __init__(self, devices: int, seed: int, types: str | None = None, agents: bool = False) -> None:
        self.count = devices
        self.agents = agents
        self.seed = seed
        self.clock = Clock()
        self.settings = Settings()
        self.identities = Identities(seed, self.settings)
        self.graph_url = ""
        self.blob_url = ""
        self.contracts = contracts(types)
        self.device_rows = {version: DeviceRows(contract) for version, contract in self.contracts.items()}
        self.fill()

    def fill(self) -> None:
        """Make the tenant as it is on its first day."""
        self.ids_given = 0
        self.requests_seen = 0
        self.throttle = Throttle(self.settings, self.throttle_time)
        self.stores = {path: Store(path) for path in (*RESOURCES, "groups")}
        self.members: dict[str, dict[str, None]] = {}
        self.members_before: dict[str, dict[str, None]] = {}
        self.member_lag: dict[str, int] = {}
        self.devices: dict[str, Device]
        self.users: dict[str, User]
        self.devices, self.users = make_fleet(self.count, self.seed)
        if self.agents:
            add_every_agent(self.devices, self.users, self.seed)
        self.departed: dict[str, Device] = {}
        self.digests: dict[str, tuple[dict[str, Any], Arrived]] = {}
        self.inventory = Inventory()
        self.inventory.load(self.devices)
        self.play = ManagedPlay(self)
        self.jobs: dict[str, dict[str, Any]] = {}
        self.job_polls: dict[str, int] = {}
        self.failing_jobs: set[str] = set()
        self.files: dict[str, bytes] = {}
        self.indicators: dict[str, dict[str, Any]] = {}
        self._directory: dict[str, Device] | None = None
        furnish(self)

    def reset(self) -> None:
        self.clock.reset()
        self.settings = Settings()
        self.identities.settings = self.settings
        self.fill()

    def connect(self, url: str, blob_url: str) -> dict[str, str]:
        """Take note of the addresses and return what a client needs to come in."""
        self.graph_url = url + "/graph"
        self.blob_url = blob_url
        self.identities.graph_url = self.graph_url
        self.identities.defender_url = url + "/defender"
        return {
            "tenant_id": self.identities.tenant_id, "client_id": self.identities.client_id, "client_secret": self.identities.client_secret,
            "graph_url": self.graph_url, "authority_url": url + "/login", "defender_url": url + "/defender",
            "managed_identity_url": url + "/metadata/identity/oauth2/token",
        }  # fmt: skip

    def throttle_time(self) -> float:
        return self.clock.now.timestamp() if self.settings.throttle_clock == "tenant" else time.monotonic()

    def now(self) -> str:
        return instant(self.clock.now)

    def new_id(self, path: str) -> str:
        self.ids_given += 1
        return stable_id(self.seed, path, self.ids_given)

    def answer(self, request: Request, front: Front) -> Response:
        """One request to any of the services behind this address."""
        self.requests_seen += 1
        request_id = stable_id("request", self.seed, self.requests_seen)
        try:
            response = self.route(request, front)
        except Refusal as refusal:
            inner = request.with_path_below("/graph")
            response = error_response(refusal, inner, request_id, self.now())
        if request.fault is not None:
            response = spoil.spoilt(response, request.fault)
        response.headers.setdefault("request-id", request_id)
        response.headers.setdefault("client-request-id", request.header("client-request-id") or request_id)
        if response.status != 204:
            response.headers.setdefault("Content-Type", JSON_TYPE)
        return response

    def route(self, request: Request, front: Front) -> Response:
        parts = request.path.split("/")
        if parts[1] == "graph":
            return graph.answer(self, request.with_path_below("/graph"), front)
        if parts[1] == "login" and parts[3:] == ["oauth2", "v2.0", "token"]:
            return self.identities.token_endpoint(request, parts[2])
        if request.path == "/metadata/identity/oauth2/token" and request.method == "GET":
            return self.identities.managed_identity(request)
        if parts[1] == "defender":
            return defender.answer(self, request.with_path_below("/defender"))
        raise Refusal(404, "There is nothing here.", intune=False)

    def failure(self, status: int, request: Request) -> Response:
        """A failure that a test ordered, in the service's own words."""
        messages = {429: "Too Many Requests", 503: "The service is temporarily unavailable.", 504: "The gateway timed out.",
                    502: "Bad gateway.", 500: "Internal server error"}  # fmt: skip
        code = {502: "BadGateway"}.get(status)
        refusal = Refusal(status, messages[status], code or None, intune=False) if code else Refusal(status, messages[status], intune=False)
        self.requests_seen += 1
        return error_response(refusal, request, stable_id("request", self.seed, self.requests_seen), self.now())

    def serve_file(self, request: Request) -> Response:
        """The report store on its own origin."""
        return exports.serve_file(self, request)

    def directory_index(self) -> dict[str, Device]:
        """Devices by the id of their directory object; one without a deviceId has none."""
        if self._directory is None:
            self._directory = {device.directory_id: device for device in self.devices.values() if device.azure_id != ZERO_GUID}
        return self._directory

    def forget_directory_index(self) -> None:
        self._directory = None

    def filter_is_used(self, key: str) -> bool:
        return any(
            item["target"].get(FILTER_ID) == key
            for store in self.stores.values()
            for stored in store
            for item in stored.get("assignments") or []
        )

    def compliance(self, device: Device) -> tuple[str, str | None]:
        """A device's compliance state, and when its grace ends. Grace counts per device from when it failed (Intune fact sheet, 3.4)."""
        if device.other_compliance != "compliant" or not device.failing:
            return device.other_compliance, None
        end = min(since + self.grace(policy) for policy, since in device.failing.items())
        return ("inGracePeriod", instant(end)) if self.clock.now < end else ("noncompliant", None)

    def grace(self, policy: str) -> timedelta:
        stored = self.stores["deviceManagement/deviceCompliancePolicies"].truth(policy)
        if stored is None:
            # The device keeps its state until it hears that the policy is gone.
            return timedelta(0)
        actions = stored["scheduledActionsForRule"][0]["scheduledActionConfigurations"]
        return timedelta(hours=next(action["gracePeriodHours"] for action in actions if action["actionType"] == "block"))

    def work_access(self, device: Device) -> bool:
        """Whether conditional access would let the device in; during grace it does (Intune fact sheet, 3.4)."""
        if self.compliance(device)[0] in ("compliant", "inGracePeriod"):
            return True
        return not any(self.demands_compliance(policy, device) for policy in self.stores["identity/conditionalAccess/policies"])

    def demands_compliance(self, policy: dict[str, Any], device: Device) -> bool:
        if policy.get("state") != "enabled":
            return False
        controls = policy.get("grantControls") or {}
        wanted = controls.get("builtInControls") or []
        if "compliantDevice" not in wanted or (controls.get("operator") == "OR" and len(wanted) > 1):
            return False
        users = (policy.get("conditions") or {}).get("users") or {}
        groups = {key for key in self.members if device.user is not None and device.user in self.members[key]}
        if device.user in (users.get("excludeUsers") or []) or groups & set(users.get("excludeGroups") or []):
            return False
        included = users.get("includeUsers") or []
        return "All" in included or device.user in included or bool(groups & set(users.get("includeGroups") or []))

    def violations(self) -> list[dict[str, Any]]:
        """Restricted-app violations, by bundle id, also of personal devices (Intune fact sheet, 1.4)."""
        profiles = self.stores["deviceManagement/deviceConfigurations"]
        found = []
        for device in self.devices.values():
            for policy, apps in device.violations.items():
                stored = profiles.truth(policy)
                if stored is None or device.user is None:
                    continue
                prohibited = stored.get("compliantAppListType") == "appsNotInListCompliant"
                found.append({
                    "@odata.type": "#microsoft.graph.restrictedAppsViolation", "id": f"{device.user}_{device.id}_{policy}",
                    "userId": device.user,
                    "userName": self.users[device.user].display_name, "managedDeviceId": device.id, "deviceName": device.name,
                    "deviceConfigurationId": policy, "deviceConfigurationName": stored["displayName"],
                    "platformType": "iOS" if device.platform == "ios" else "macOS",
                    "restrictedAppsState": "prohibitedApps" if prohibited else "notApprovedApps",
                    "restrictedApps": [{"appId": app} for app in apps],
                })  # fmt: skip
        return found

    def state(self) -> dict[str, Any]:
        return described(self)

    def truth(self) -> dict[str, Any]:
        return truth.told(self)

    def change_devices(self, operations: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [carry_out(self, operation) for operation in operations]

    def change_objects(self, order: dict[str, Any] | list[dict[str, Any]]) -> list[dict[str, Any]]:
        try:
            return [change(self, item) for item in (order if isinstance(order, list) else [order])]
        except Refusal as refusal:
            raise ValueError(refusal.message) from refusal

    def check_in_all(self) -> None:
        for device in self.devices.values():
            if device.online:
                check_in(self, device)

    def time_passed(self) -> None:
        """Nothing to do: whatever depends on time is worked out when it is read."""
