# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Graph's front door: token, path, permission, budget, then the resource's own handler."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from ..exchange import Request, Response
from . import apps, directory, exports, managed_devices, policies
from .batch import run_batch
from .call import Call
from .errors import CODES, Refusal
from .permissions import require_permission

if TYPE_CHECKING:
    from ..front import Front
    from .tenant import Tenant

Handler = Callable[..., Response]
DEVICES = "deviceManagement/managedDevices"
PLAY = "deviceManagement/androidManagedStoreAccountEnterpriseSettings"
HANDLERS: dict[tuple[str, str], Handler] = {
    ("GET", DEVICES): managed_devices.list_devices,
    ("GET", f"{DEVICES}/{{}}"): managed_devices.get_device,
    ("PATCH", f"{DEVICES}/{{}}"): managed_devices.patch_device,
    ("GET", f"{DEVICES}/{{}}/detectedApps"): managed_devices.device_detected_apps,
    ("POST", f"{DEVICES}/{{}}/syncDevice"): managed_devices.sync_device,
    ("POST", f"{DEVICES}/{{}}/retire"): managed_devices.plain_action,
    ("POST", f"{DEVICES}/{{}}/remoteLock"): managed_devices.plain_action,
    ("POST", f"{DEVICES}/{{}}/rebootNow"): managed_devices.plain_action,
    ("POST", f"{DEVICES}/{{}}/sendCustomNotificationToCompanyPortal"): managed_devices.notify,
    ("POST", f"{DEVICES}/executeAction"): managed_devices.execute_action,
    ("GET", "deviceManagement/managedDeviceOverview"): managed_devices.device_overview,
    ("GET", "deviceManagement/detectedApps"): managed_devices.list_detected_apps,
    ("GET", "deviceManagement/detectedApps/{}"): managed_devices.get_detected_app,
    ("GET", "deviceManagement/detectedApps/{}/managedDevices"): managed_devices.detected_app_devices,
    ("GET", "deviceManagement/deviceConfigurationRestrictedAppsViolations"): managed_devices.list_violations,
    ("GET", PLAY): apps.play_settings,
    ("POST", f"{PLAY}/addApps"): apps.add_apps,
    ("POST", f"{PLAY}/approveApps"): apps.approve_apps,
    ("POST", f"{PLAY}/syncApps"): apps.sync_apps,
    ("GET", "deviceManagement/reports/exportJobs"): exports.list_jobs,
    ("POST", "deviceManagement/reports/exportJobs"): exports.create_job,
    ("GET", "deviceManagement/reports/exportJobs/{}"): exports.get_job,
    ("GET", "groups"): directory.list_groups,
    ("POST", "groups"): directory.create_group,
    ("GET", "groups/{}"): directory.get_group,
    ("PATCH", "groups/{}"): directory.patch_group,
    ("DELETE", "groups/{}"): directory.delete_group,
    ("GET", "groups/{}/members"): directory.list_members,
    ("GET", "groups/{}/transitiveMembers"): directory.list_members,
    ("POST", "groups/{}/members/$ref"): directory.add_member,
    ("DELETE", "groups/{}/members/{}/$ref"): directory.remove_member,
    ("GET", "users"): directory.list_users,
    ("GET", "users/{}"): directory.get_user,
    ("GET", "devices"): directory.list_directory_devices,
    ("GET", "devices/{}"): directory.get_directory_device,
}
for _path, _resource in policies.RESOURCES.items():
    HANDLERS[("GET", _path)] = partial(policies.list_objects, resource=_resource)
    HANDLERS[("POST", _path)] = partial(policies.create_object, resource=_resource)
    HANDLERS[("GET", f"{_path}/{{}}")] = partial(policies.get_object, resource=_resource)
    HANDLERS[("PATCH", f"{_path}/{{}}")] = partial(policies.change_object, resource=_resource)
    HANDLERS[("DELETE", f"{_path}/{{}}")] = partial(policies.delete_object, resource=_resource)
    if _resource.assigned_as:
        HANDLERS[("POST", f"{_path}/{{}}/assign")] = partial(policies.assign, resource=_resource)
        HANDLERS[("GET", f"{_path}/{{}}/assignments")] = partial(policies.list_assignments, resource=_resource)
_catalog = policies.RESOURCES["deviceManagement/configurationPolicies"]
HANDLERS[("PUT", f"{_catalog.path}/{{}}")] = partial(policies.replace_catalog, resource=_catalog)
HANDLERS[("GET", f"{_catalog.path}/{{}}/settings")] = partial(policies.list_settings, resource=_catalog)
_compliance = policies.RESOURCES["deviceManagement/deviceCompliancePolicies"]
HANDLERS[("POST", f"{_compliance.path}/{{}}/scheduleActionsForRules")] = partial(policies.schedule_actions, resource=_compliance)
_apps = policies.RESOURCES["deviceAppManagement/mobileApps"]
HANDLERS[("POST", f"{_apps.path}/{{}}/assignments")] = partial(apps.add_assignment, resource=_apps)
HANDLERS[("GET", f"{_apps.path}/{{}}/assignments/{{}}")] = partial(apps.get_assignment, resource=_apps)
HANDLERS[("DELETE", f"{_apps.path}/{{}}/assignments/{{}}")] = partial(apps.delete_assignment, resource=_apps)
KEY_FORM = re.compile(r"^(?P<name>[^()]+)\('(?P<key>[^']*)'\)$")
OPTIONS = {"$select", "$filter", "$expand", "$top", "$skip", "$count", "$orderby", "$search", "$skiptoken", "$format"}
# Read-only relations that exist and have nothing in this tenant.
EMPTY = {"deviceStatuses", "auditEvents", "deviceCompliancePolicyStates", "deviceConfigurationStates", "localizedNotificationMessages",
         "configurationPolicyTemplates", "configurationSettings", "iosManagedAppProtections", "androidManagedAppProtections"}  # fmt: skip


def segments_of(path: str) -> list[str]:
    """Split a path; name('key') means the same as name/key."""
    parts: list[str] = []
    for part in path.strip("/").split("/"):
        match = KEY_FORM.match(part)
        parts += [match["name"], match["key"]] if match else [part.replace("microsoft.graph.", "graph.")]
    return parts


def answer(tenant: Tenant, request: Request, front: Front) -> Response:
    """Answer a request to /v1.0/... or /beta/...; raises Refusal."""
    version, _slash, rest = request.path.lstrip("/").partition("/")
    if version not in tenant.contracts:
        raise Refusal(400, f"Invalid version: {version}", intune=False)
    claims = tenant.identities.claims_of(request, "graph")
    if rest.strip("/") == "$batch" and request.method == "POST":
        return run_batch(request, version, front)
    contract = tenant.contracts[version]
    segments = segments_of(rest)
    methods = contract.methods(segments)
    if methods is None:
        raise Refusal(400, f"Resource not found for the segment '{segments[-1]}'.", intune=False)
    require_permission(claims, request.method, segments)
    headers = tenant.throttle.charge(request.method, segments, request.query)
    if request.method.lower() not in methods:
        raise Refusal(405, "The requested resource does not support this method.", CODES[405], intune=False)
    unknown = {name for name in request.query if name.startswith("$")} - OPTIONS
    if unknown:
        raise Refusal(400, f"The query parameter '{sorted(unknown)[0]}' is not supported.")
    call = Call(tenant, request, version, segments, contract)
    response = dispatch(call)
    response.headers.update(headers)
    return response


def dispatch(call: Call) -> Response:
    """Find the handler whose path has this shape."""
    cast = call.segments[-1]
    if cast.startswith("graph.") and call.request.method == "GET":
        rows = call.tenant.stores["deviceAppManagement/mobileApps"].read_all(call.stale)
        wanted = "#microsoft.graph." + cast.removeprefix("graph.")
        return call.collection("mobileApp", call.filtered([row for row in rows if row["@odata.type"] == wanted]))
    found = handler_for(call.request.method, call.segments)
    if found is not None:
        handler, keys = found
        return handler(call, *keys) if not isinstance(handler, partial) else handler.func(call, handler.keywords["resource"], *keys)
    if call.request.method == "GET" and EMPTY & set(call.segments):
        return call.page([], lambda row: row)
    # GET scheduledActionsForRule is in the published description and still refused like this (Intune fact sheet, 3.4).
    raise Refusal(400, f"No method match route template for {'/'.join(call.segments)}")


def handler_for(method: str, segments: list[str]) -> tuple[Handler, list[Any]] | None:
    for (verb, template), handler in HANDLERS.items():
        parts = template.split("/")
        if (
            verb == method
            and len(parts) == len(segments)
            and all(part in ("{}", segment) for part, segment in zip(parts, segments, strict=True))
        ):
            return handler, [segment for part, segment in zip(parts, segments, strict=True) if part == "{}"]
    return None
