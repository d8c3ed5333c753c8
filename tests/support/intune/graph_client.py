# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small Graph client for the simulator's own tests, and the strict check of everything that went over the wire."""

from __future__ import annotations

import http.client
import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from tests.simulators.intune.contract import Contract
from tests.simulators.intune.errors import Refusal
from tests.simulators.intune.graph import segments_of
from tests.simulators.intune.versions import contracts
from tests.simulators.simulation import Simulation

CATALOG = "/beta/deviceManagement/configurationPolicies"
PROFILES = "/beta/deviceManagement/deviceConfigurations"
COMPLIANCE = "/beta/deviceManagement/deviceCompliancePolicies"
FILTERS = "/beta/deviceManagement/assignmentFilters"
APPS = "/beta/deviceAppManagement/mobileApps"
DEVICES = "/beta/deviceManagement/managedDevices"
DETECTED = "/beta/deviceManagement/detectedApps"
SETTING = "#microsoft.graph.deviceManagementConfiguration"
TIKTOK = "com.zhiliaoapp.musically"
APP_LIST_ITEM = "#microsoft.graph.appListItem"


@dataclass(frozen=True)
class Answer:
    status: int
    body: Any
    headers: dict[str, str]

    @property
    def message(self) -> str:
        return str(self.body["error"]["message"])


class Dropped(Exception):
    """The server hung up without an answer."""


class Graph:
    """Sends requests with a token of the simulated tenant."""

    def __init__(self, sim: Simulation) -> None:
        self.sim = sim
        self.token = self.new_token()["access_token"]

    def send(self, method: str, url: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> Answer:
        parts = urlsplit(url)
        connection = http.client.HTTPConnection(str(parts.hostname), parts.port or 80, timeout=10)
        try:
            target = parts.path + ("?" + parts.query if parts.query else "")
            connection.request(method, quote(target, safe="/?&=$%(),':;+-_.~!*@"), body, headers or {})
            response = connection.getresponse()
            content = response.read()
        except (http.client.RemoteDisconnected, ConnectionError) as gone:
            raise Dropped from gone
        finally:
            connection.close()
        try:
            parsed = json.loads(content) if content else None
        except ValueError:
            parsed = content
        return Answer(response.status, parsed, {name.lower(): value for name, value in response.getheaders()})

    def new_token(self, **form: str) -> Any:
        connection = self.sim.connection
        fields = {
            "client_id": connection["client_id"],
            "client_secret": connection["client_secret"],
            "grant_type": "client_credentials",
            "scope": "https://graph.microsoft.com/.default",
            **form,
        }
        url = f"{connection['authority_url']}/{connection['tenant_id']}/oauth2/v2.0/token"
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.send("POST", url, urlencode({key: value for key, value in fields.items() if value}).encode(), headers).body

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        url = path if path.startswith("http") else self.sim.connection["graph_url"] + path
        sent = {"Authorization": f"Bearer {self.token}", **{name.replace("_", "-"): value for name, value in headers.items()}}
        if body is not None:
            sent["Content-Type"] = "application/json"
        return self.send(method, url, None if body is None else json.dumps(body).encode(), sent)

    def get(self, path: str, **headers: str) -> Answer:
        return self.call("GET", path, **headers)

    def post(self, path: str, body: Any = None) -> Answer:
        return self.call("POST", path, body)

    def patch(self, path: str, body: Any) -> Answer:
        return self.call("PATCH", path, body)

    def put(self, path: str, body: Any) -> Answer:
        return self.call("PUT", path, body)

    def delete(self, path: str) -> Answer:
        return self.call("DELETE", path)

    def make(self, path: str, body: Any) -> str:
        answer = self.post(path, body)
        assert answer.status in (200, 201), answer
        return str(answer.body["id"])

    def assign(self, path: str, key: str, *targets: dict[str, Any], intent: str | None = None) -> Answer:
        extra = {} if intent is None else {"intent": intent}
        items = [{**extra, "target": item} for item in targets]
        return self.post(f"{path}/{key}/assign", {"mobileAppAssignments" if path == APPS else "assignments": items})

    def pages(self, path: str) -> list[Any]:
        rows: list[Any] = []
        link: str | None = path
        while link:
            answer = self.get(link)
            assert answer.status == 200, answer
            rows += answer.body["value"]
            link = answer.body.get("@odata.nextLink")
        return rows


def target(kind: str, **fields: str) -> dict[str, Any]:
    return {"@odata.type": f"#microsoft.graph.{kind}AssignmentTarget", **fields}


ALL_DEVICES = target("allDevices")
ALL_USERS = target("allLicensedUsers")


def blocked_list(*bundle_ids: str, name: str = "BAN ios") -> dict[str, Any]:
    """A settings-catalog policy that hides apps on supervised iOS."""
    values = [{"@odata.type": f"{SETTING}StringSettingValue", "value": value} for value in bundle_ids]
    child = {
        "@odata.type": f"{SETTING}SimpleSettingCollectionInstance",
        "settingDefinitionId": "com.apple.applicationaccess_blockedappbundleids",
        "simpleSettingCollectionValue": values,
    }
    instance = {
        "@odata.type": f"{SETTING}GroupSettingCollectionInstance",
        "settingDefinitionId": "com.apple.applicationaccess_com.apple.applicationaccess",
        "groupSettingCollectionValue": [{"@odata.type": f"{SETTING}GroupSettingValue", "children": [child]}],
    }
    return {
        "name": name,
        "description": "managed-by=appban",
        "platforms": "iOS",
        "technologies": "mdm,appleRemoteManagement",
        "roleScopeTagIds": ["0"],
        "settings": [{"settingInstance": instance}],
    }


def compliance(*bundle_ids: str, hours: int = 72) -> dict[str, Any]:
    action = {"actionType": "block", "gracePeriodHours": hours, "notificationTemplateId": "", "notificationMessageCCList": []}
    return {
        "@odata.type": "#microsoft.graph.iosCompliancePolicy",
        "displayName": "BAN compliance",
        "restrictedApps": [{"@odata.type": APP_LIST_ITEM, "name": "TikTok", "appId": bundle_id} for bundle_id in bundle_ids],
        "scheduledActionsForRule": [{"ruleName": "PasswordRequired", "scheduledActionConfigurations": [action]}],
    }


def device_of(sim: Simulation, kind: str, app: str | None = TIKTOK, **wanted: Any) -> dict[str, Any]:
    """A device of that kind that is online, belongs to a user of one device, and has the app."""
    devices = sim.state()["devices"]
    users = [device["user"] for device in devices]
    for device in devices:
        right = all(device[name] == value for name, value in wanted.items())
        has_app = app is None or any(item["id"].startswith(app) for item in device["apps"])
        if device["kind"] == kind and device["online"] and right and has_app and users.count(device["user"]) <= 1:
            found: dict[str, Any] = device
            return found
    raise AssertionError(f"the fleet has no such {kind}")


def again(sim: Simulation, device: dict[str, Any]) -> dict[str, Any]:
    """The same device as it is now."""
    return next(item for item in sim.state()["devices"] if item["id"] == device["id"])


def app_ids(device: dict[str, Any]) -> set[str]:
    return {app["id"] for app in device["apps"]}


def check_in(graph: Graph, device: dict[str, Any]) -> dict[str, Any]:
    graph.sim.devices([{"op": "check_in", "device": device["id"]}])
    return again(graph.sim, device)


def assigned(graph: Graph, path: str, body: dict[str, Any], *targets: dict[str, Any], intent: str | None = None) -> str:
    key = graph.make(path, body)
    assert graph.assign(path, key, *(targets or (ALL_DEVICES,)), intent=intent).status in (200, 204)
    return key


def strict_complaints(sim: Simulation) -> list[str]:
    """Everything the simulator answered that the published description doesn't allow."""
    found = []
    for entry in sim.requests():
        match = re.fullmatch(r"/graph/(v1\.0|beta)/(.*)", entry["path"])
        if match and entry["fault"] is None and entry["status"] is not None and isinstance(entry["response"], dict):
            found += complaints_about(contracts()[match[1]], entry["method"], match[2], entry["status"], entry["response"])
            for item in entry["response"].get("responses", []) if match[2] == "$batch" else []:
                if item["id"] in entry["inner_faults"]:
                    continue
                asked = next(other for other in entry["body"]["requests"] if other["id"] == item["id"])
                path = urlsplit(asked["url"]).path
                found += complaints_about(contracts()[match[1]], asked["method"], path, item["status"], item.get("body"))
    return found


def complaints_about(contract: Contract, method: str, path: str, status: int, body: Any) -> list[str]:
    if body is None:
        return []
    declared: str | None = "oDataErrors.oDataError"
    if status < 400:
        methods = contract.methods(segments_of(path)) or {}
        expected, _body, declared = methods[method.lower()]
        if status != expected:
            return [f"{method} {path}: status {status}, the description says {expected}"]
    if declared in (None, "batchResponse"):
        return []
    try:
        contract.check(str(declared), body)
    except Refusal as refusal:
        return [f"{method} {path}: {refusal.message}"]
    return []
