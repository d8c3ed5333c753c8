# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads the devices of a tenant: all of them, or single ones."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ...engine.errors import AppbanError
from ...mdm.http.complete_lists import Distinct, require_complete
from ...mdm.http.http_errors import RequestFailed
from ...mdm.http.paging import items_of, object_of
from ...mdm.http.response import Response
from ...mdm.planning.fleet import DeviceRecord, ListBeginsAgain, ManagedDevice, RecordPool, alike_of
from ...policy.names_compared import comparable
from .api.graph import Graph
from .api.graph_batch import BatchItem
from .api.odata import directory_name, instant, literal, segment
from .api.permissions import DEVICES_READ
from .memberships import Memberships

_DEVICE_FIELDS = (
    "id", "deviceName", "serialNumber", "operatingSystem", "osVersion", "managedDeviceOwnerType", "isSupervised", "deviceEnrollmentType",
    "managementAgent", "managementState", "userId", "userPrincipalName", "azureADDeviceId", "lastSyncDateTime", "complianceState",
    "enrolledDateTime", "configurationManagerClientEnabledFeatures",
)  # fmt: skip
#: Those of them that many devices have in common.
_ALIKE_FIELDS = (
    "operatingSystem", "osVersion", "managedDeviceOwnerType", "isSupervised", "deviceEnrollmentType", "managementAgent", "managementState",
)  # fmt: skip
_FEATURES = "configurationManagerClientEnabledFeatures"
_PLATFORMS = {
    "ios": "ios", "ipados": "ipados", "windows": "windows", "macos": "macos", "linux": "linux", "chromeos": "chromeos",
    "tvos": "tvos", "visionos": "visionos",
}  # fmt: skip
_USER_ENROLLMENTS = frozenset(("appleUserEnrollment", "appleUserEnrollmentWithServiceAccount", "appleAccountDrivenUserEnrollment"))
_ANDROID_ENROLLMENTS = {
    "androidEnterpriseFullyManaged": "fully_managed",
    "androidEnterpriseDedicatedDevice": "dedicated",
    "androidEnterpriseCorporateWorkProfile": "cope",
}
_OWNERSHIPS = {"company": "corporate", "personal": "personal"}
#: How often a device sends its list of apps (Microsoft's documentation of discovered apps), counted from its enrollment.
INVENTORY_DAYS = 7


def read_devices(graph: Graph, memberships: Memberships) -> Iterator[ManagedDevice | ListBeginsAgain]:
    """Every device that the tenant manages, once each, with those of its groups that the policies ask for.

    Beta, because only there the kinds of Android Enterprise enrollment have names. The tenant's own count comes first: it bounds the
    list, and a device that enrols meanwhile makes the list longer than the count and never shorter.

    Devices are given while the list is read, and nothing may rest on them before it has ended: one that turns out not to be whole is read
    once more, which is said by a ListBeginsAgain.

    Raises:
        AppbanError: where there are fewer different devices than the service itself counts, twice; where it counts nothing usable. A list
            that is cut short must not pass for the fleet.
    """
    reader = DeviceReader(memberships)
    try:
        yield from _listed_devices(graph, reader)
        return
    except _NotComplete:
        # Somebody may have left, or enrolled, between the count and the last page.
        pass
    yield ListBeginsAgain()
    try:
        yield from _listed_devices(graph, reader)
    except _NotComplete as error:
        raise error.cause from None


class _NotComplete(Exception):
    def __init__(self, cause: AppbanError) -> None:
        super().__init__(str(cause))
        self.cause = cause


def _listed_devices(graph: Graph, reader: DeviceReader) -> Iterator[ManagedDevice]:
    overview = graph.get(
        "v1.0",
        "/deviceManagement/managedDeviceOverview",
        {"$select": "enrolledDeviceCount"},
        what="count the managed devices",
        permission=DEVICES_READ,
    )
    counted = overview.get("enrolledDeviceCount")
    expected = counted if isinstance(counted, int) and not isinstance(counted, bool) and counted > 0 else None
    params = {"$select": ",".join(_DEVICE_FIELDS), "$top": "1000"}
    distinct = Distinct()
    for body in graph.pages(
        "beta",
        "/deviceManagement/managedDevices",
        params,
        what="list the managed devices",
        permission=DEVICES_READ,
        expected=expected,
        ahead=True,
    ):
        device = reader.read(body)
        if distinct.add(str(body["id"]), _said_of(device)):
            if len(distinct) % 1000 == 0 or len(distinct) == expected:
                graph.session.counters.progress.read("devices", len(distinct), expected)
            yield device
    try:
        require_complete("managed devices", distinct, counted, "the tenant")
    except AppbanError as error:
        raise _NotComplete(error) from error


def _said_of(device: ManagedDevice) -> int:
    """What a list says of a device that decides about it, and that is the same wherever it stands in the list."""
    record = device.record
    return hash((id(alike_of(record)), record["serial"], record["user"], device.user_id, device.directory_id))


def look_up_devices(graph: Graph, names: Sequence[str]) -> dict[str, bool | None]:
    """Ask for devices one by one.

    Args:
        names: ids of managed devices; or ``serial:``, ``entra:`` (a device's name in the directory) or ``user:`` (any device of a user)
            and what to look for.

    Returns:
        Name -> True for what is managed, False for what is certainly not, None where the answer doesn't say.
    """
    items = [_look_up_item(str(number), name) for number, name in enumerate(names)]
    answers = graph.batch("beta", items, what="look devices up one by one", things="devices one by one")
    return {name: _is_managed(name, answers[str(number)]) for number, name in enumerate(names)}


_LOOKED_UP_BY = {"serial": "serialNumber", "entra": "azureADDeviceId", "user": "userId"}


def _look_up_item(number: str, name: str) -> BatchItem:
    path = "/deviceManagement/managedDevices"
    kind, _colon, value = name.partition(":")
    attribute = _LOOKED_UP_BY.get(kind)
    if attribute is None or not value:
        return BatchItem(number, "%s/%s" % (path, segment(name)), params={"$select": "id"}, permission=DEVICES_READ)
    params = {"$filter": "%s eq %s" % (attribute, literal(value)), "$select": "id,%s" % attribute, "$top": "10"}
    return BatchItem(number, path, params=params, permission=DEVICES_READ)


def _is_managed(name: str, answer: Response) -> bool | None:
    kind, _colon, value = name.partition(":")
    attribute = _LOOKED_UP_BY.get(kind)
    alone = attribute is None or not value
    if answer.status == 404 and alone:
        return False
    if not answer.ok():
        return None
    try:
        if alone:
            return True if str(object_of(answer).get("id")) == name else None
        found = items_of(answer, "value", "id")
    except RequestFailed:
        return None
    if any(comparable(each.get(str(attribute))) == comparable(value) for each in found):
        return True
    # A service that minds no filter gives others, and then nobody can say.
    return None if found else False


def device_of(body: Mapping[str, Any], memberships: Memberships | None = None) -> ManagedDevice:
    """A managed device of Graph in the collection's words. What Intune does not say stays unknown."""
    return DeviceReader(memberships).read(body)


class DeviceReader:
    """Reads devices of Graph. What is the same for many of them is read once.

    Args:
        memberships: who belongs to which groups; None where nobody asks.
    """

    def __init__(self, memberships: Memberships | None = None) -> None:
        self._memberships = memberships
        self._pool = RecordPool()
        #: What Graph says of devices that are alike -> what that means.
        self._known: dict[Any, dict[str, Any]] = {}

    def read(self, body: Mapping[str, Any]) -> ManagedDevice:
        """A managed device in the collection's words."""
        get = body.get
        synced_at, enrolled_at = instant(get("lastSyncDateTime")), instant(get("enrolledDateTime"))
        user_id, directory_id = directory_name(get("userId")), directory_name(get("azureADDeviceId"))
        alike = self._alike(body)
        if self._memberships is not None and self._memberships.asked:
            alike = self._pool.shared({**alike, "groups": self._memberships.groups_of(user_id, directory_id)})
        serial, name, user = get("serialNumber") or None, get("deviceName") or None, get("userPrincipalName") or None
        return ManagedDevice(
            record=DeviceRecord(alike, body["id"], serial, name, user, synced_at or None),
            native_ownership=alike["intune_ownership"],
            directory_id=directory_id,
            user_id=user_id,
            access_withdrawn=get("complianceState") == "noncompliant",
            synced_at=synced_at,
            enrolled_at=enrolled_at,
            inventory_days=INVENTORY_DAYS,
        )

    def _alike(self, body: Mapping[str, Any]) -> dict[str, Any]:
        said = tuple([body.get(name) for name in _ALIKE_FIELDS])
        workloads = _workloads(body.get(_FEATURES))
        try:
            # 1 and true are one key of a mapping, and not one answer of a service.
            key = (said, workloads and tuple(workloads), workloads is None, tuple(map(type, said)))
            alike = self._known.get(key)
            if alike is None:
                alike = self._known[key] = self._pool.shared(_attributes(body, self._memberships))
        except TypeError:
            # What no service should say is read for each device that it is said of.
            alike = self._pool.shared(_attributes(body, self._memberships))
        return alike


def _attributes(body: Mapping[str, Any], memberships: Memberships | None) -> dict[str, Any]:
    """The attributes of a device that it may share with others."""
    platform, enrollment = _platform_and_enrollment(body)
    ownership = _OWNERSHIPS.get(str(body.get("managedDeviceOwnerType")))
    attributes: dict[str, Any] = {
        "platform": platform,
        "os_version": str(body["osVersion"]) if body.get("osVersion") else None,
        "ownership": ownership,
        # Asset facts may fill in an ownership that Intune does not know; what Intune collects goes by its own.
        "intune_ownership": ownership,
        # Supervision is a thing of Apple's; false on others would only look like knowledge.
        "supervised": body.get("isSupervised") if platform in ("ios", "ipados", "tvos") else None,
        "enrollment": enrollment,
        # What manages it now decides what gets through to it.
        "management_agent": str(body["managementAgent"]) if body.get("managementAgent") else None,
        "management_state": str(body["managementState"]) if body.get("managementState") else None,
        "workloads": _workloads(body.get(_FEATURES)),
        # Whoever gives the work apps up leaves the management.
        "work_apps": True,
    }
    return attributes if memberships is None else {**attributes, "groups": None}


def _workloads(features: Any) -> list[str] | None:
    """Workloads of a co-managed device that are Intune's; None where nobody says."""
    if not isinstance(features, dict):
        return None
    return sorted(name for name, intune in features.items() if intune is True)


def _platform_and_enrollment(body: Mapping[str, Any]) -> tuple[str | None, str | None]:
    system = re.sub(r"[^a-z]", "", str(body.get("operatingSystem") or "").lower())
    kind = str(body.get("deviceEnrollmentType") or "")
    if system.startswith("android"):
        enrollment = _ANDROID_ENROLLMENTS.get(kind)
        if enrollment is None and body.get("managementAgent") == "googleCloudDevicePolicyController":
            # Android Enterprise that is none of the corporate kinds has a work profile; a corporate one without a name is not guessed.
            enrollment = "work_profile" if body.get("managedDeviceOwnerType") == "personal" else None
        return "android", enrollment
    if kind in _USER_ENROLLMENTS:
        return _PLATFORMS.get(system), "user"
    return _PLATFORMS.get(system), "device"
