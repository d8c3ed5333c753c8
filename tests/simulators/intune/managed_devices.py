# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""managedDevices, their actions, detectedApps and violations."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..clock import instant
from ..exchange import Response
from . import management
from .call import Call, not_found
from .check_in import check_in
from .contract import NAVIGATION, Contract
from .device import Device
from .errors import Refusal, stable_id
from .query import expansions, list_of

if TYPE_CHECKING:
    from .tenant import Tenant

NEVER = "9999-12-31T23:59:59Z"
LONG_AGO = "0001-01-01T00:00:00Z"
# Null in lists and in a single read without $select (Intune fact sheet, 2.4).
ONLY_WHEN_ASKED: dict[str, Callable[[Device], Any]] = {
    "udid": lambda device: stable_id("udid", device.id), "notes": lambda device: device.notes,
    "iccid": lambda device: None, "ethernetMacAddress": lambda device: None, "activationLockBypassCode": lambda device: None,
    "physicalMemoryInBytes": lambda device: 4 * 1024**3,
}  # fmt: skip
Reader = Callable[["Tenant", Device], Any]
READERS: dict[str, Reader] = {
    "id": lambda tenant, device: device.id,
    "deviceName": lambda tenant, device: device.name,
    "managedDeviceName": lambda tenant, device: device.managed_name or f"{device.name}_{instant(device.enrolled)}",
    "operatingSystem": lambda tenant, device: device.traits.operating_system,
    "deviceType": lambda tenant, device: device.traits.device_type,
    "osVersion": lambda tenant, device: device.os_version,
    "managedDeviceOwnerType": lambda tenant, device: device.ownership,
    "ownerType": lambda tenant, device: device.ownership,
    "isSupervised": lambda tenant, device: device.supervised,
    "complianceState": lambda tenant, device: "configManager" if management.is_judged_elsewhere(device) else tenant.compliance(device)[0],
    "complianceGracePeriodExpirationDateTime": lambda tenant, device: tenant.compliance(device)[1] or NEVER,
    "lastSyncDateTime": lambda tenant, device: instant(device.last_sync),
    "enrolledDateTime": lambda tenant, device: instant(device.enrolled),
    "userPrincipalName": lambda tenant, device: tenant.users[device.user].principal_name if device.user else "",
    "enrolledByUserPrincipalName": lambda tenant, device: tenant.users[device.user].principal_name if device.user else "",
    "emailAddress": lambda tenant, device: tenant.users[device.user].principal_name if device.user else "",
    "userDisplayName": lambda tenant, device: tenant.users[device.user].display_name if device.user else "",
    "userId": lambda tenant, device: device.user or "",
    "azureADDeviceId": lambda tenant, device: device.azure_id,
    "azureActiveDirectoryDeviceId": lambda tenant, device: device.azure_id,
    "serialNumber": lambda tenant, device: device.serial,
    "model": lambda tenant, device: device.model,
    "manufacturer": lambda tenant, device: device.manufacturer,
    "deviceEnrollmentType": lambda tenant, device: device.traits.enrollment,
    "managementAgent": lambda tenant, device: device.management_agent,
    "managementState": lambda tenant, device: management.state_of(device),
    "configurationManagerClientEnabledFeatures": lambda tenant, device: management.shown_workloads(device),
    "managementCertificateExpirationDate": lambda tenant, device: NEVER,
    "jailBroken": lambda tenant, device: "Unknown",
    "deviceCategoryDisplayName": lambda tenant, device: "Unassigned",
    "deviceRegistrationState": lambda tenant, device: "registered",
    "requireUserEnrollmentApproval": lambda tenant, device: None,
    "enrollmentProfileName": lambda tenant, device: "Corporate" if device.traits.enrollment.startswith("appleBulk") else None,
    "easActivationDateTime": lambda tenant, device: LONG_AGO,
    "exchangeLastSuccessfulSyncDateTime": lambda tenant, device: LONG_AGO,
    "preferMdmOverGroupPolicyAppliedDateTime": lambda tenant, device: LONG_AGO,
    "retireAfterDateTime": lambda tenant, device: LONG_AGO,
    "deviceActionResults": lambda tenant, device: [
        {
            "@odata.type": "#microsoft.graph.deviceActionResult",
            "actionName": action["action"],
            "actionState": "pending",
            "startDateTime": action["at"],
            "lastUpdatedDateTime": action["at"],
        }
        for action in device.actions
    ],
}
FILTERS = frozenset({
    ("lastSyncDateTime", "lt"), ("lastSyncDateTime", "gt"), ("lastSyncDateTime", "le"), ("lastSyncDateTime", "ge"),
    ("enrolledDateTime", "lt"), ("enrolledDateTime", "gt"), ("jailBroken", "eq"), ("deviceCategoryDisplayName", "eq"),
    ("id", "eq"), ("serialNumber", "eq"), ("azureADDeviceId", "eq"), ("azureActiveDirectoryDeviceId", "eq"),
})  # fmt: skip
DETECTED_FILTERS = frozenset({("displayName", "eq"), ("displayName", "startswith"), ("displayName", "contains")})
NOTIFIED_PLATFORMS = {"ios", "android"}
BULK_LIMIT = 100


class DeviceRows:
    """Writes device records for one version of Graph; what is the same for all devices is worked out once."""

    def __init__(self, contract: Contract) -> None:
        self.contract = contract
        properties = contract.properties("managedDevice")
        self.fixed = {**contract.defaults("managedDevice"), **dict.fromkeys(ONLY_WHEN_ASKED, None), "physicalMemoryInBytes": 0}
        self.fixed = {name: value for name, value in self.fixed.items() if name in properties}
        self.readers = {name: reader for name, reader in READERS.items() if name in properties}
        self.enums = {name: set(contract.enums[kind.name]) for name, kind in properties.items() if kind.code == "e"}
        self.kinds = properties

    def row(self, tenant: Tenant, device: Device, names: list[str], single: bool = False) -> dict[str, Any]:
        wanted = list(names) if names else [*self.fixed, *self.readers]
        record: dict[str, Any] = {}
        for name in wanted:
            if name in NAVIGATION:
                continue
            if name in self.readers:
                value = self.readers[name](tenant, device)
                if isinstance(value, dict):
                    value = self.contract.show_value(self.kinds[name], value)
                if name in self.enums and value not in self.enums[name]:
                    value = "unknownFutureValue" if "unknownFutureValue" in self.enums[name] else "unknown"
            elif single and names and name in ONLY_WHEN_ASKED:
                value = ONLY_WHEN_ASKED[name](device)
            elif name in self.fixed:
                value = self.fixed[name]
            else:
                continue
            record[name] = value
        return record


def list_devices(call: Call) -> Response:
    names = selection(call)
    rows = call.tenant.device_rows[call.version]
    devices: list[Any] = list(call.tenant.devices.values())
    if call.query.get("$expand"):
        raise Refusal(400, "Expanding a relation is not supported on the collection.")
    if "$filter" in call.query:
        honours = call.tenant.settings.managed_devices_filter
        if honours == "refused":
            raise Refusal(400, "The filter is not supported.")
        fields = sorted({name for name, _operator in FILTERS})
        kept = {row["id"] for row in call.filtered(
            [rows.row(call.tenant, device, fields) for device in devices], FILTERS if honours == "honoured" else frozenset(),
            declared="managedDevice")}  # fmt: skip
        devices = [device for device in devices if device.id in kept]
    return call.page(devices, lambda device: rows.row(call.tenant, device, names))


def selection(call: Call) -> list[str]:
    names = list_of(call.query.get("$select"))
    known = call.contract.properties("managedDevice")
    for name in names:
        if name not in known:
            raise Refusal(
                400,
                f"Parsing OData Select and Expand failed: Could not find a property named '{name}' on type "
                "'microsoft.graph.managedDevice'.",
            )
    return names


def found_device(call: Call, key: str) -> Device:
    device = call.tenant.devices.get(key)
    if device is None:
        raise not_found(call.segments)
    return device


def get_device(call: Call, key: str) -> Response:
    device = found_device(call, key)
    record = call.tenant.device_rows[call.version].row(call.tenant, device, selection(call), single=True)
    if "detectedApps" in expansions(call.query.get("$expand")):
        if call.version != "beta":
            raise Refusal(400, "Could not find a property named 'detectedApps' on type 'microsoft.graph.managedDevice'.")
        record["detectedApps"] = [call.contract.show("detectedApp", row.document()) for row in call.tenant.inventory.rows_of(device)]
    return Response(200, record)


def patch_device(call: Call, key: str) -> Response:
    device = found_device(call, key)
    body = call.checked_body("managedDevice")
    writable = {"managedDeviceName", "notes", "managedDeviceOwnerType", "ownerType"}
    if not set(body) - {"@odata.type"} <= writable:
        raise Refusal(400, "Only managedDeviceName, notes and the owner type can be changed.")
    device.managed_name = body.get("managedDeviceName", device.managed_name)
    device.notes = body.get("notes", device.notes)
    device.ownership = body.get("ownerType", body.get("managedDeviceOwnerType", device.ownership))
    return get_device(call, key)


def device_overview(call: Call) -> Response:
    """The count to compare a complete list with."""
    agents = [device.management_agent for device in call.tenant.devices.values()]
    return call.object("managedDeviceOverview", {
        "@odata.type": "#microsoft.graph.managedDeviceOverview", "id": stable_id("overview", call.tenant.seed),
        "enrolledDeviceCount": sum(agent not in management.NOT_COUNTED for agent in agents),
        "mdmEnrolledCount": sum(agent in management.WITH_CHANNEL for agent in agents),
        "dualEnrolledDeviceCount": sum(agent in ("easMdm", "configurationManagerClientMdmEas") for agent in agents),
        "lastModifiedDateTime": call.tenant.now(),
    })  # fmt: skip


def execute_action(call: Call) -> Response:
    """The bulk form of the actions: every device is answered for on its own."""
    body = call.checked_body("deviceManagement.managedDevices.executeAction.executeActionPostRequestBody")
    action, keys = body.get("actionName"), body.get("deviceIds") or []
    if action not in ("customTextNotification", "syncDevice", "retire", "rebootNow") or not keys:
        raise Refusal(400, "actionName is not supported, or deviceIds is empty.")
    if len(keys) > BULK_LIMIT:
        raise Refusal(400, f"At most {BULK_LIMIT} devices can be given.")
    result: dict[str, Any] = {name: [] for name in ("successfulDeviceIds", "failedDeviceIds", "notFoundDeviceIds", "notSupportedDeviceIds")}
    for key in keys:
        device = call.tenant.devices.get(key)
        if device is None:
            result["notFoundDeviceIds"].append(key)
        elif action == "customTextNotification" and device.platform not in NOTIFIED_PLATFORMS:
            result["notSupportedDeviceIds"].append(key)
        else:
            result["successfulDeviceIds"].append(key)
            if action == "customTextNotification":
                send_message(call, device, body)
            elif action == "syncDevice":
                sync_device(call, key)
            else:
                note_action(call, device, action)
    return call.object("bulkManagedDeviceActionResult", {"@odata.type": "#microsoft.graph.bulkManagedDeviceActionResult", **result})


def send_message(call: Call, device: Device, body: dict[str, Any]) -> None:
    if not body.get("notificationTitle") or not body.get("notificationBody"):
        raise Refusal(400, "notificationTitle and notificationBody must be given.")
    device.notifications.append({"title": body["notificationTitle"], "body": body["notificationBody"], "at": call.tenant.now()})


def sync_device(call: Call, key: str) -> Response:
    """A device that is online comes at once."""
    device = found_device(call, key)
    note_action(call, device, "syncDevice")
    if device.online:
        check_in(call.tenant, device)
    return Response(204)


def plain_action(call: Call, key: str) -> Response:
    note_action(call, found_device(call, key), call.segments[-1])
    return Response(204)


def note_action(call: Call, device: Device, action: str) -> None:
    device.actions.append({"action": action, "at": call.tenant.now()})


def notify(call: Call, key: str) -> Response:
    """A push to the Company Portal app, which phones have."""
    device = found_device(call, key)
    body = call.body()
    if not isinstance(body, dict) or set(body) - {"notificationTitle", "notificationBody"}:
        raise Refusal(400, "The action takes notificationTitle and notificationBody.")
    if device.platform not in NOTIFIED_PLATFORMS:
        raise Refusal(400, "Custom notifications are supported on iOS, iPadOS and Android only.")
    send_message(call, device, body)
    return Response(204)


def device_detected_apps(call: Call, key: str) -> Response:
    device = found_device(call, key)
    return call.page(call.tenant.inventory.rows_of(device), lambda row: call.contract.show("detectedApp", row.document()))


def list_detected_apps(call: Call) -> Response:
    if "managedDevices" in expansions(call.query.get("$expand")):
        # Works on one id only (Intune fact sheet, 2.5).
        raise Refusal(400, "Expanding managedDevices is not supported on the collection.")
    rows = [row.document() for row in call.tenant.inventory.rows()]
    supported = DETECTED_FILTERS if call.tenant.settings.detected_apps_filter == "honoured" else frozenset()
    return call.collection("detectedApp", call.filtered(rows, supported, declared="detectedApp"))


def get_detected_app(call: Call, key: str) -> Response:
    """A single row can come with zeros where the list had numbers (Intune fact sheet, 2.5)."""
    row = call.tenant.inventory.row(key)
    if row is None:
        raise not_found(call.segments)
    document = row.document()
    if call.tenant.settings.detected_app_zeros:
        document["deviceCount"] = 0
    if "managedDevices" in expansions(call.query.get("$expand")):
        document["managedDevices"] = [brief_device(call, device) for device in devices_of(call, key)]
    return call.object("detectedApp", document)


def devices_of(call: Call, key: str) -> list[Device]:
    row = call.tenant.inventory.row(key)
    if row is None:
        raise not_found(call.segments)
    devices = [call.tenant.devices[device] for device in row.devices]
    said = call.tenant.settings.detected_app_devices
    how = said.get(row.id) or said.get(row.name or "") or said.get("*")
    return {"empty": [], "short": devices[: len(devices) // 2]}.get(how or "", devices)


def brief_device(call: Call, device: Device) -> dict[str, Any]:
    return call.tenant.device_rows[call.version].row(call.tenant, device, ["id", "deviceName", "osVersion", "emailAddress"])


def detected_app_devices(call: Call, key: str) -> Response:
    """Without $select the rows are brief."""
    names = selection(call) or ["id", "deviceName", "osVersion", "emailAddress"]
    rows = call.tenant.device_rows[call.version]
    return call.page(devices_of(call, key), lambda device: rows.row(call.tenant, device, names))


def list_violations(call: Call) -> Response:
    return call.collection("restrictedAppsViolation", call.tenant.violations())
