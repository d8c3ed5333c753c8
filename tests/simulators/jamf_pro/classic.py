# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Classic API, /JSSResource: XML in, XML or JSON out (Jamf Pro fact sheet, 4 to 6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, unquote_plus

from ..exchange import Request, Response
from . import commands, groups, odd_answers, profiles
from .classic_xml import defaults, merged, parsed, require, shown, written
from .errors import NOT_FOUND, ClassicRefusal, conflict
from .resources import RESOURCES, Resource

if TYPE_CHECKING:
    from xml.etree import ElementTree

    from .jamf_server import JamfServer

VERBS = {"GET": "Read", "POST": "Create", "PUT": "Update", "DELETE": "Delete"}
GROUPS = (groups.MOBILE, groups.MACS)


def answer(server: JamfServer, request: Request, path: str, node: int) -> Response:
    """One request; `path` is what follows /JSSResource/, not decoded yet."""
    parts = path.split("/")
    if parts[0] == "commandflush" and request.method == "DELETE":
        return commands.flush(server, parts[1:])
    if parts[0] == "computercommands" and request.method == "POST":
        return commands.computer_command(server, parts[1:])
    resource = RESOURCES.get(parts[0])
    if "subset" in parts:
        if server.gateway:
            raise ClassicRefusal(403, "The gateway does not proxy this path")
        raise ClassicRefusal(404, NOT_FOUND)
    if resource is None:
        raise ClassicRefusal(404, NOT_FOUND)
    if len(parts) == 1:
        return list_objects(server, request, resource, node)
    if len(parts) != 3 or parts[1] not in ("id", "name"):
        raise ClassicRefusal(404, NOT_FOUND)
    if request.method not in VERBS:
        raise ClassicRefusal(405, "The method is not allowed here")
    if request.method == "POST":
        if parts[1:] != ["id", "0"]:
            raise ClassicRefusal(400, "Error: a new object is sent to /id/0")
        return write(server, request, resource, None, node)
    key = find(server, resource, parts[1], parts[2], node)
    if request.method == "GET":
        return get_object(server, request, resource, key, node)
    if request.method == "PUT":
        return write(server, request, resource, key, node)
    return delete(server, resource, key, node)


def allow(server: JamfServer, resource: Resource, verb: str, is_smart: Any = None) -> None:
    """Raises ClassicRefusal without the privilege. Groups have one for smart and one for static ones."""
    names = [f"{verb} {resource.privilege}"]
    if resource.path in GROUPS:
        kinds = ["Smart", "Static"] if is_smart is None else ["Smart" if is_smart == "true" else "Static"]
        names = [f"{verb} {kind} {resource.privilege}" for kind in kinds]
    if not set(names) <= set(server.settings.privileges):
        raise ClassicRefusal(403, "Error: the account doesn't have the privileges for this request")


def name_of(resource: Resource, document: dict[str, Any]) -> str:
    return str((document["general"] if resource.nested else document)["name"])


def find(server: JamfServer, resource: Resource, by: str, text: str, node: int) -> int:
    """The number that a URL means. A name is decoded twice, so that "+" and "%" in it never match."""
    if by == "id":
        return int(text) if text.isdigit() else -1
    wanted = unquote_plus(unquote(text))
    hits = [item["id"] for item in server.stores[resource.path].read_all(node) if name_of(resource, item) == wanted]
    return hits[0] if hits else -1


def render(request: Request, root: str, document: Any, xml: str, status: int = 200) -> Response:
    if "json" in (request.header("Accept") or ""):
        return Response(status, {root: document}, {"Content-Type": "application/json"})
    text = f'<?xml version="1.0" encoding="UTF-8"?>{xml}'
    return Response(status, headers={"Content-Type": "application/xml;charset=UTF-8"}, body=text.encode())


def list_objects(server: JamfServer, request: Request, resource: Resource, node: int) -> Response:
    if request.method != "GET":
        raise ClassicRefusal(405, "The method is not allowed here")
    allow(server, resource, "Read")
    rows = []
    for item in server.stores[resource.path].read_all(node):
        row: dict[str, Any] = {"id": item["id"], "name": name_of(resource, item)}
        if resource.path in GROUPS:
            row["is_smart"] = item["is_smart"] == "true"
        if resource.path == "mobiledeviceapplications":
            row["bundle_id"] = item["general"]["bundle_id"]
        rows.append(row)
    rows = odd_answers.bent_list(request, rows)
    document, xml = odd_answers.classic_list(request, resource.roots, resource.item, rows, written)
    return render(request, resource.roots, document, xml)


def get_object(server: JamfServer, request: Request, resource: Resource, key: int, node: int) -> Response:
    stored = server.stores[resource.path].read(key, node)
    allow(server, resource, "Read", stored["is_smart"] if stored and resource.path in GROUPS else None)
    if stored is None:
        raise ClassicRefusal(404, NOT_FOUND)
    document = describe(server, resource, stored)
    return render(request, resource.root, document, written(resource.root, document, resource.schema))


def describe(server: JamfServer, resource: Resource, stored: dict[str, Any]) -> dict[str, Any]:
    """An object as readers see it."""
    with_id = {**stored, "general": {**stored["general"], "id": stored["id"]}} if resource.nested else stored
    document = shown(resource.schema, with_id, server)
    if resource.path in GROUPS:
        document["is_smart"] = stored["is_smart"] == "true"
    return document


def write(server: JamfServer, request: Request, resource: Resource, key: int | None, node: int) -> Response:
    """POST and PUT: both answer 201 with the number, whatever was dropped."""
    if "xml" not in (request.header("Content-Type") or ""):
        raise ClassicRefusal(415, "The server takes XML only")
    before = None if key is None else server.stores[resource.path].objects.get(key)
    if key is not None and before is None:
        raise ClassicRefusal(404, NOT_FOUND)
    number = save(server, resource, request.body, before, node)
    xml = f"<{resource.root}><id>{number}</id></{resource.root}>"
    return render(request, resource.root, {"id": number}, xml, 201)


def save(server: JamfServer, resource: Resource, body: bytes, before: dict[str, Any] | None, node: int) -> int:
    """What the server makes of a body, stored. Returns the object's number."""
    element = parsed(body, resource.root)
    empty = defaults(resource.schema)
    document = merged(resource.schema, element, empty if before is None else before, server)
    if resource.path in GROUPS:
        allow(server, resource, "Update" if before else "Create", document["is_smart"])
    else:
        allow(server, resource, "Update" if before else "Create")
    require(resource.schema, document)
    others = (item for item in server.stores[resource.path] if before is None or item["id"] != before["id"])
    if name_of(resource, document) in [name_of(resource, item) for item in others]:
        raise conflict("Duplicate name")
    if resource.path in GROUPS:
        groups.change_members(server, resource.path, document, element)
        groups.settle(server, resource.path, document)
    if resource.path in ("mobiledeviceconfigurationprofiles", "osxconfigurationprofiles"):
        settle_profile(server, resource, document, before, element)
    store = server.stores[resource.path]
    if before is None:
        number = store.add(document, node, server.settings.node_lag)
    else:
        number = int(before["id"])
        store.put(number, {**document, "id": number}, node, server.settings.node_lag)
    fans_out = resource.path in GROUPS or element.find("scope") is not None
    if fans_out:
        server.spend(len(server.devices) * server.settings.fan_out_seconds_per_device)
    return number


def settle_profile(
    server: JamfServer, resource: Resource, document: dict[str, Any], before: dict[str, Any] | None, element: ElementTree.Element
) -> None:
    """Rewrite what was uploaded, and take note whether devices that have the profile get it again."""
    general = document["general"]
    mac = resource.path == "osxconfigurationprofiles"
    stored = before["general"]["payloads"] if before else ""
    if element.find("general/payloads") is not None:
        general["payloads"] = profiles.rewritten(
            general["payloads"], general["name"], general["description"], stored, server.new_uuid, mac, server.settings.expand_restrictions
        )
    else:
        general["payloads"] = profiles.retitled(stored, general["name"], general["description"])
    general["uuid"] = profiles.uuid_of(general["payloads"])
    redeploy = element.findtext("general/redeploy_on_update") or ""
    document["round"] = (before or {}).get("round", 0) + (redeploy.strip() == "All")


def delete(server: JamfServer, resource: Resource, key: int, node: int) -> Response:
    stored = server.stores[resource.path].objects.get(key)
    allow(server, resource, "Delete", stored["is_smart"] if stored and resource.path in GROUPS else None)
    if stored is None:
        raise ClassicRefusal(404, NOT_FOUND)
    server.stores[resource.path].remove(key, node, server.settings.node_lag)
    text = f'<?xml version="1.0" encoding="UTF-8"?><{resource.root}><id>{key}</id></{resource.root}>'
    return Response(200, headers={"Content-Type": "application/xml;charset=UTF-8"}, body=text.encode())
