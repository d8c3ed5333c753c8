# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Assignments of single apps, and Managed Google Play."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..exchange import Response
from .assigning import taken_over
from .assignments import target_key
from .call import Call, not_found
from .errors import Refusal, stable_id
from .policies import Resource, keep_assignments

if TYPE_CHECKING:
    from .tenant import Tenant

PLAY_NAMES = {
    "com.zhiliaoapp.musically": ("TikTok", "TikTok Pte. Ltd."),
    "com.zhiliaoapp.musically.go": ("TikTok Lite", "TikTok Pte. Ltd."),
}


def add_assignment(call: Call, resource: Resource, key: str) -> Response:
    """POST of one assignment leaves the others alone."""
    stored = call.tenant.stores[resource.path].truth(key)
    if stored is None or call.contract.show(resource.type, stored) is None:
        raise not_found(call.segments)
    [new] = taken_over(call, stored, [call.checked_body(resource.assignment_type)])
    if target_key(new["target"]) in {target_key(item["target"]) for item in stored["assignments"]}:
        raise Refusal(400, "An assignment for this target already exists.")
    keep_assignments(call, resource, key, [*stored["assignments"], new])
    return call.object(resource.assignment_type, new, 201)


def one_assignment(call: Call, resource: Resource, key: str, assignment: str) -> tuple[dict[str, Any], dict[str, Any]]:
    stored = call.tenant.stores[resource.path].truth(key)
    found = [item for item in (stored or {}).get("assignments", []) if item["id"] == assignment]
    if stored is None or not found:
        raise not_found(call.segments)
    return stored, found[0]


def get_assignment(call: Call, resource: Resource, key: str, assignment: str) -> Response:
    return call.object(resource.assignment_type, one_assignment(call, resource, key, assignment)[1])


def delete_assignment(call: Call, resource: Resource, key: str, assignment: str) -> Response:
    stored, found = one_assignment(call, resource, key, assignment)
    keep_assignments(call, resource, key, [item for item in stored["assignments"] if item is not found])
    return Response(204)


class ManagedPlay:
    """Apps approved in Managed Google Play show up in mobileApps only after a sync, and then some (Intune fact sheet, 3.6)."""

    def __init__(self, tenant: Tenant) -> None:
        self.tenant = tenant
        self.approved: list[str] = []
        self.waiting: dict[str, int] = {}
        self.last_sync: str | None = None

    def approve(self, products: list[Any], name: str) -> None:
        for product in products:
            package = str(product).removeprefix("app:")
            if not str(product).startswith("app:") or "." not in package:
                raise Refusal(400, f"'{product}' in {name} is no product id of the form app:<package>.")
            if package not in self.approved:
                self.approved.append(package)

    def sync(self) -> None:
        self.last_sync = self.tenant.now()
        known = {item.get("packageId") for item in self.tenant.stores["deviceAppManagement/mobileApps"]}
        for package in self.approved:
            if package not in known and package not in self.waiting:
                self.waiting[package] = self.tenant.settings.play_sync_reads

    def note_read(self) -> None:
        """Every reading of the app list brings waiting apps nearer."""
        for package in list(self.waiting):
            self.waiting[package] -= 1
            if self.waiting[package] < 0:
                del self.waiting[package]
                self.publish(package)

    def publish(self, package: str) -> None:
        name, publisher = PLAY_NAMES.get(package, (package, "Unknown"))
        now = self.tenant.now()
        key = stable_id("play", self.tenant.seed, package)
        stored = {
            **self.tenant.contracts["beta"].defaults("androidManagedStoreApp"),
            "@odata.type": "#microsoft.graph.androidManagedStoreApp", "id": key,
            "displayName": name, "publisher": publisher, "packageId": package, "appIdentifier": package, "publishingState": "published",
            "appStoreUrl": f"https://play.google.com/store/apps/details?id={package}", "createdDateTime": now, "lastModifiedDateTime": now,
            "roleScopeTagIds": ["0"], "assignments": [],
        }  # fmt: skip
        self.tenant.stores["deviceAppManagement/mobileApps"].put(key, stored, 0)


def add_apps(call: Call) -> Response:
    body = call.body()
    if not isinstance(body, dict) or set(body) != {"productIds"} or not isinstance(body["productIds"], list) or not body["productIds"]:
        raise Refusal(400, "addApps takes productIds, a collection.")
    call.tenant.play.approve(body["productIds"], "productIds")
    return Response(204)


def approve_apps(call: Call) -> Response:
    body = call.body()
    if (
        not isinstance(body, dict)
        or not set(body) <= {"packageIds", "approveAllPermissions"}
        or not isinstance(body.get("packageIds"), list)
    ):
        raise Refusal(400, "approveApps takes packageIds, a collection.")
    call.tenant.play.approve(body["packageIds"], "packageIds")
    return Response(204)


def sync_apps(call: Call) -> Response:
    call.tenant.play.sync()
    return Response(204)


def play_settings(call: Call) -> Response:
    play = call.tenant.play
    return call.object("androidManagedStoreAccountEnterpriseSettings", {
        "@odata.type": "#microsoft.graph.androidManagedStoreAccountEnterpriseSettings",
        "id": "androidManagedStoreAccountEnterpriseSettings",
        "bindStatus": "boundAndValidated", "lastAppSyncDateTime": play.last_sync, "lastAppSyncStatus": "success",
        "ownerUserPrincipalName": "play@city.example", "ownerOrganizationName": "City", "enrollmentTarget": "all",
        "deviceOwnerManagementEnabled": True, "androidDeviceOwnerFullyManagedEnrollmentEnabled": True, "companyCodes": [],
        "targetGroupIds": [],
    })  # fmt: skip
