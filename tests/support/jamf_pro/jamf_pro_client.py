# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small Jamf Pro client for the simulator's own tests, and the check of everything that went over the wire against the contract."""

from __future__ import annotations

import base64
import http.client
import json
import plistlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import urlencode, urlsplit
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import yaml

from tests.contract.graph_files import contract_folder
from tests.simulators.jamf_pro import JamfSimulation, start
from tests.simulators.simulation import Simulation

CONTRACT = "jamf-pro/jamf-pro-subset.yaml"
TIKTOK = "com.zhiliaoapp.musically"
PROFILES = "/JSSResource/mobiledeviceconfigurationprofiles"
MAC_PROFILES = "/JSSResource/osxconfigurationprofiles"
RESTRICTED = "/JSSResource/restrictedsoftware"
GROUPS = "/JSSResource/mobiledevicegroups"
SMART = "/api/v1/mobile-device-groups/smart-groups"
STATIC = "/api/v2/mobile-device-groups/static-groups"
DETAIL = "/api/v2/mobile-devices/detail"
COMPUTERS = "/api/v3/computers-inventory"
EVERYBODY = "<scope><all_mobile_devices>true</all_mobile_devices></scope>"


@dataclass(frozen=True)
class Answer:
    status: int
    text: str
    headers: dict[str, str]

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def xml(self) -> ElementTree.Element:
        return ElementTree.fromstring(self.text)

    @property
    def code(self) -> str:
        return str(self.json["errors"][0]["code"])


class Jamf:
    """Sends requests with a token of the simulated server, and keeps the cookie unless told otherwise."""

    def __init__(self, sim: JamfSimulation) -> None:
        self.sim = sim
        self.cookie: str | None = ""
        self.token = self.oauth().json["access_token"]

    def send(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        parts = urlsplit(self.sim.url)
        connection = http.client.HTTPConnection(str(parts.hostname), parts.port or 80, timeout=10)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.cookie:
            sent["Cookie"] = self.cookie
        try:
            connection.request(method, self.sim.connection["base_path"] + path, body, sent)
            response = connection.getresponse()
            answer = Answer(response.status, response.read().decode(), {key.lower(): value for key, value in response.getheaders()})
        finally:
            connection.close()
        if self.cookie is not None and "set-cookie" in answer.headers:
            self.cookie = answer.headers["set-cookie"].split(";")[0]
        return answer

    def oauth(self, path: str = "/api/v1/oauth/token", **form: str) -> Answer:
        connection = self.sim.connection
        fields = {"client_id": connection["client_id"], "client_secret": connection["client_secret"], "grant_type": "client_credentials"}
        return self.send("POST", path, urlencode({**fields, **form}).encode(), Content_Type="application/x-www-form-urlencoded")

    def basic(self, password: str | None = None) -> Answer:
        pair = f"{self.sim.user_login['username']}:{password or self.sim.user_login['password']}"
        return self.send("POST", "/api/v1/auth/token", Authorization="Basic " + base64.b64encode(pair.encode()).decode())

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        sent = {"Authorization": f"Bearer {self.token}", **headers}
        if isinstance(body, str):
            return self.send(method, path, body.encode(), **{"Content_Type": "application/xml", **sent})
        if body is not None:
            return self.send(method, path, json.dumps(body).encode(), **{"Content_Type": "application/json", **sent})
        return self.send(method, path, **sent)

    def get(self, path: str, **headers: str) -> Answer:
        return self.call("GET", path, **headers)

    def make(self, path: str, xml: str) -> int:
        answer = self.call("POST", f"{path}/id/0", xml)
        assert answer.status == 201, answer
        return int(answer.xml.findtext("id") or "")

    def put(self, path: str, number: int, xml: str) -> Answer:
        return self.call("PUT", f"{path}/id/{number}", xml)

    def stored(self, path: str, number: int) -> dict[str, Any]:
        document: dict[str, Any] = next(iter(self.get(f"{path}/id/{number}", Accept="application/json").json.values()))
        return document

    def plist(self, number: int, path: str = PROFILES) -> dict[str, Any]:
        profile: dict[str, Any] = plistlib.loads(self.stored(path, number)["general"]["payloads"].encode())
        return profile

    def device(self, kind: str, **wanted: Any) -> dict[str, Any]:
        """The first device of a kind that is managed and can be reached."""
        wanted = {"kind": kind, "managed": True, "online": True, **wanted}
        return next(item for item in self.sim.state()["devices"] if all(item[name] == value for name, value in wanted.items()))

    def again(self, device: dict[str, Any]) -> dict[str, Any]:
        return next(item for item in self.sim.state()["devices"] if item["key"] == device["key"])


def payload_text(*payloads: dict[str, Any], **top: Any) -> str:
    """A profile as a client would make it."""
    contents = [{"PayloadUUID": f"P{i}", "PayloadIdentifier": f"p{i}", "PayloadVersion": 1, **item} for i, item in enumerate(payloads)]
    profile = {"PayloadType": "Configuration", "PayloadVersion": 1, "PayloadUUID": "OWN", "PayloadIdentifier": "own", **top}
    return plistlib.dumps({"PayloadContent": contents, **profile}).decode()


def cdata(plist: str) -> str:
    """In CDATA, every & once more: what the server's extra decoding asks for."""
    return f"<![CDATA[{plist.replace('&', '&amp;')}]]>"


def block(*apps: str, **more: Any) -> dict[str, Any]:
    return {"PayloadType": "com.apple.applicationaccess", "blockedAppBundleIDs": list(apps), **more}


def web(*urls: str) -> dict[str, Any]:
    return {"PayloadType": "com.apple.webcontent-filter", "FilterType": "BuiltIn", "DenyListURLs": list(urls)}


def profile_xml(name: str, payloads: str, scope: str = EVERYBODY, general: str = "", root: str = "configuration_profile") -> str:
    return f"<{root}><general><name>{escape(name)}</name>{general}<payloads>{payloads}</payloads></general>{scope}</{root}>"


@contextmanager
def tenant(devices: int = 60, **options: Any) -> Iterator[Jamf]:
    """A server and a client of it; afterwards everything that went over the wire is held against the contract."""
    with start(devices=devices, seed=1, **options) as simulation:
        yield Jamf(simulation)
        assert complaints(simulation) == []


@cache
def contract() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((contract_folder() / CONTRACT).read_text(encoding="utf-8"))
    return document


def complaints(sim: Simulation) -> list[str]:
    """What in the traffic is not as the contract says, as far as it says anything. Failures that a test ordered are left out.

    Without the contract at hand there is nothing to complain about; test_jamf_pro_server.py says aloud that it is missing.
    """
    found: list[str] = []
    if not (contract_folder() / CONTRACT).is_file():
        return found
    spoiled = records_are_spoiled(sim)
    for entry in sim.requests():
        path = entry["path"].removeprefix(sim.connection["base_path"])
        entry = {**entry, "path": path}
        if entry["fault"] is None and 200 <= (entry["status"] or 0) < 300 and not (spoiled and path in (DETAIL, COMPUTERS)):
            check = check_classic if path.startswith("/JSSResource/") else check_pro
            found += [f"{entry['method']} {path}: {text}" for text in check(entry)]
    return found


def records_are_spoiled(sim: Simulation) -> bool:
    """Whether a test took sections or parts of rows away from records, so that no inventory keeps to the contract."""
    vendor: Any = sim.front.vendor
    devices = vendor.devices.values()
    return any(device.odd_sections or any(each.get("dropped") for each in device.spelled.values()) for device in devices)


def typed(spec: Any, value: Any, where: str = "") -> list[str]:
    """Complaints about a value for which the contract has a description like {totalCount: int, results: [{...}]}."""
    if isinstance(spec, dict):
        if not isinstance(value, dict):
            return [f"{where} is no object"]
        return [text for name, part in spec.items() if value.get(name, "") is not None
                for text in (typed(part, value[name], f"{where}.{name}") if name in value else [f"{where}.{name} is missing"])]  # fmt: skip
    if isinstance(spec, list):
        if not isinstance(value, list):
            return [f"{where} is no list"]
        return [text for item in value for text in typed(spec[0] if spec else None, item, f"{where}[]")]
    kind = {"str": str, "uuid": str, "ts": str, "int": int, "seconds": int, "bool": bool, "ISO8601": str}.get(str(spec))
    if spec == "and|or":
        return [] if value in ("and", "or") else [f"{where} is {value!r}"]
    return [] if kind is None or isinstance(value, kind) else [f"{where} is {value!r}, not {spec}"]


def check_pro(entry: dict[str, Any]) -> list[str]:
    rules, method, path, answer = contract(), entry["method"], entry["path"], entry["response"]
    auth, pro = rules["auth"], rules["pro_api"]
    if path in auth["oauth"]["paths"]:
        wanted = {**auth["oauth"]["response"], "scope": "str", "token_type": "str"}
        return typed({**auth["oauth"]["form"], "grant_type": "str"}, entry["body"]) + typed(wanted, answer)
    if path in (auth["basic"]["path"], auth["keep_alive"]["path"]):
        return typed(auth["basic"]["response"], answer)
    if path == auth["invalidate"]["path"]:
        return [] if entry["status"] == auth["invalidate"]["response_status"] else ["wrong status"]
    if not entry["headers"].get("Authorization", "").startswith("Bearer "):
        return ["no bearer token"]
    for name in ("mobile_inventory", "computer_inventory"):
        rule = pro[name]
        if path in rule.get("paths", [rule.get("path")]):
            unknown = set(entry["query"]) - {"section", "page", "page-size", "sort", "filter"}
            return typed(rule["response"], answer) + [f"unknown query {item}" for item in unknown]
    smart = pro["mobile_smart_groups_v1"]
    if re.fullmatch(re.escape(smart["base"]) + r"(/\d+)?", path):
        sent = typed(smart["body"], entry["body"]) if method in ("POST", "PUT") else []
        rows = answer["results"] if "results" in (answer or {}) else [answer] if method in ("GET", "PUT") else []
        made = typed({"id": "str", "href": "str"}, answer) if method == "POST" else []
        return sent + made + [text for row in rows for text in typed(smart["body"], row)]
    if path.startswith(STATIC + "/") and method == "PATCH":
        return typed(pro["mobile_static_groups_v2"]["body"], entry["body"])
    if path == pro["mdm_commands"]["path"] and method == "POST":
        return typed(pro["mdm_commands"]["body"], entry["body"]) + typed(pro["mdm_commands"]["response"], answer)
    if path == pro["blank_push"]["path"]:
        return typed(pro["blank_push"]["body"], entry["body"]) + typed(pro["blank_push"]["response"], answer)
    return typed(pro["ddm_status"]["response"], answer) if path.endswith("/status-items") else []


def missing_elements(spec: dict[str, Any], element: ElementTree.Element | None, where: str) -> list[str]:
    """Elements that the contract describes and a document doesn't have."""
    if element is None:
        return [f"{where} is missing"]
    found = []
    for name, part in spec.items():
        child = element.find(name.partition("/")[0])
        if child is None:
            found.append(f"{where}/{name} is missing")
        elif isinstance(part, dict) and child.find("id") is None:
            found += missing_elements(part, child, f"{where}/{name}")
    return found


def check_classic(entry: dict[str, Any]) -> list[str]:
    rules = {rule["base"]: rule for rule in contract()["classic_api"].values() if "base" in rule}
    base = "/".join(entry["path"].split("/")[:3])
    rule, method = rules.get(base), entry["method"]
    if rule is None:
        return []
    root = rule.get("root") or rule["body"]["root"]
    if method in ("POST", "PUT"):
        right = entry["status"] == contract()["classic_api"]["restricted_software"]["write_status"]
        tag = ElementTree.fromstring(entry["body"]).tag
        return ([] if right else ["wrong status"]) + ([] if tag == root else [f"the root is {tag}"])
    if method != "GET" or not isinstance(entry["response"], str):
        return []
    element = ElementTree.fromstring(entry["response"])
    if entry["path"] == base:
        return [] if element.find("size") is not None else ["a list without size"]
    if element.tag != root:
        return [f"the root is {element.tag}"]
    body = {name: part for name, part in (rule.get("body") or {}).items() if isinstance(part, dict) and name in ("general", "scope")}
    if base == MAC_PROFILES:
        body = {"general": rule["extra_general"]}
    return missing_elements(body, element, root)
