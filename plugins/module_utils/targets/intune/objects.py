# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a tenant holds, as data: the objects of ours, the apps that a ban names, groups, filters, and what stands in our way."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Mapping

from ...mdm.planning.ownership import Marker, read_marker
from .api.odata import instant
from .api.permissions import (
    APPS_READ,
    APPS_WRITE,
    CONFIGURATION_READ,
    CONFIGURATION_WRITE,
    GROUPS_CREATE,
    GROUPS_DELETE,
    GROUPS_READ,
)

CONFIGURATION_POLICY = "configuration_policy"
DEVICE_CONFIGURATION = "device_configuration"
COMPLIANCE_POLICY = "compliance_policy"


@dataclass(frozen=True)
class Collection:
    """A collection of Microsoft Graph that holds objects of ours.

    All but the groups are beta: version 1.0 has neither the settings catalog nor restricted apps nor assignment filters, and writing an
    assignment through it could drop the filter.

    Args:
        key: its name here.
        what: what a reader calls one of its objects.
        path: below the version.
        name_key: the property with the object's name.
        expand: what a list has to ask for to get all that we compare.
        select: the fields that are read; empty for all.
        reading, creating, deleting: the application permissions for that.
        assignment: type of an object's assignment to devices or users; empty where it has none or has them one by one.
    """

    key: str
    what: str
    path: str
    name_key: str = "displayName"
    expand: str = ""
    select: str = ""
    version: str = "beta"
    reading: str = CONFIGURATION_READ
    creating: str = CONFIGURATION_WRITE
    deleting: str = CONFIGURATION_WRITE
    assignment: str = ""


GROUPS = Collection(
    "groups", "group", "/groups", version="v1.0", select="id,displayName,description",
    reading=GROUPS_READ, creating=GROUPS_CREATE, deleting=GROUPS_DELETE,
)  # fmt: skip
FILTERS = Collection("filters", "filter", "/deviceManagement/assignmentFilters")
APPS = Collection("apps", "app", "/deviceAppManagement/mobileApps", reading=APPS_READ, creating=APPS_WRITE, deleting=APPS_WRITE)
#: Those whose objects are assigned as a whole.
RESOURCES: dict[str, Collection] = {
    CONFIGURATION_POLICY: Collection(
        CONFIGURATION_POLICY, "settings catalog policy", "/deviceManagement/configurationPolicies", "name", "assignments",
        assignment="deviceManagementConfigurationPolicyAssignment",
    ),
    DEVICE_CONFIGURATION: Collection(
        DEVICE_CONFIGURATION, "configuration profile", "/deviceManagement/deviceConfigurations", expand="assignments",
        assignment="deviceConfigurationAssignment",
    ),
    COMPLIANCE_POLICY: Collection(
        COMPLIANCE_POLICY, "compliance policy", "/deviceManagement/deviceCompliancePolicies",
        expand="assignments,scheduledActionsForRule($expand=scheduledActionConfigurations)",
        assignment="deviceCompliancePolicyAssignment",
    ),
}  # fmt: skip

ALL_DEVICES = "allDevicesAssignmentTarget"
ALL_USERS = "allLicensedUsersAssignmentTarget"
GROUP = "groupAssignmentTarget"
EXCLUDED_GROUP = "exclusionGroupAssignmentTarget"
_NO_FILTER = (None, "", "00000000-0000-0000-0000-000000000000")


@dataclass(frozen=True, order=True)
class Target:
    """Whom an assignment is for. A wanted one has the names of its group and filter, which may not exist yet, in place of their ids.

    Args:
        kind: one of the four above.
        group: of a group target or an excluded group.
        filter: assignment filter that narrows an include target; empty for none.
        filter_type: ``include``; another tool may have made it ``exclude``.
    """

    kind: str
    group: str = ""
    filter: str = ""
    filter_type: str = "include"

    @property
    def scopes(self) -> frozenset[str]:
        """The group and the filter that it goes by."""
        return frozenset({self.group, self.filter} - {""})

    def to_wire(self) -> dict[str, Any]:
        """The target as Graph takes it."""
        body: dict[str, Any] = {"@odata.type": "#microsoft.graph." + self.kind}
        if self.group:
            body["groupId"] = self.group
        if self.filter:
            body["deviceAndAppManagementAssignmentFilterId"] = self.filter
            body["deviceAndAppManagementAssignmentFilterType"] = self.filter_type
        return body


def target_of(wire: Mapping[str, Any] | None) -> Target:
    """The target of an assignment as Graph gives it. A filter of type none is no filter."""
    body = wire or {}
    filter_id = body.get("deviceAndAppManagementAssignmentFilterId")
    filter_type = body.get("deviceAndAppManagementAssignmentFilterType") or "none"
    has_filter = filter_type != "none" and filter_id not in _NO_FILTER
    return Target(
        kind=str(body.get("@odata.type", "")).rsplit(".", 1)[-1],
        group=str(body.get("groupId") or ""),
        filter=str(filter_id) if has_filter else "",
        filter_type=str(filter_type) if has_filter else "include",
    )


@dataclass(frozen=True)
class Owned:
    """An assigned object of ours.

    Args:
        body: the object as Graph gives it.
        changed_at: instant of its last change, by the service's clock.
    """

    resource: str
    id: str
    name: str
    marker: Marker
    body: Mapping[str, Any]
    targets: frozenset[Target]
    created_at: str
    changed_at: str


@dataclass(frozen=True)
class Group:
    """A group of ours. members: name in the directory (a device's deviceId, a user's id) -> id of the directory object."""

    id: str
    name: str
    marker: Marker
    members: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Filter:
    """An assignment filter of ours."""

    id: str
    name: str
    marker: Marker
    rule: str


@dataclass(frozen=True)
class AppAssignment:
    """One assignment of an app: ours or somebody else's."""

    id: str
    intent: str
    target: Target


@dataclass(frozen=True)
class AppObject:
    """An app in the tenant's list. Apps are shared: we never make a second one, and delete only what we made ourselves."""

    id: str
    odata_type: str
    name: str
    identifiers: frozenset[str]
    marker: Marker | None
    assignments: tuple[AppAssignment, ...]


@dataclass(frozen=True)
class TenantState:
    """All that a plan is made against.

    Args:
        foreign: (collection, name) of objects that carry one of our names and no marker of ours, with their ids.
        ca_covers_everybody: whether one of those leaves no user and no app out.
        ca_policies: names of the conditional access policies in force that demand a compliant device; None if not asked for.
    """

    owned: tuple[Owned, ...] = ()
    groups: tuple[Group, ...] = ()
    filters: tuple[Filter, ...] = ()
    apps: tuple[AppObject, ...] = ()
    foreign: Mapping[tuple[str, str], str] = field(default_factory=dict)
    ca_policies: tuple[str, ...] | None = None
    ca_covers_everybody: bool = True

    def foreign_ids(self, collection: str, name: str) -> tuple[str, ...]:
        """Ids of objects of somebody else that have a name of ours."""
        return tuple(found for key, found in self.foreign.items() if key == (collection, name))

    @property
    def scopes(self) -> list[Group | Filter]:
        """Our groups and filters."""
        return [*self.groups, *self.filters]

    def scope_ids(self) -> dict[str, str]:
        """Name -> id of our groups and filters. Of two of a name the last one counts."""
        return {each.name: each.id for each in self.scopes}


def owned_object(resource: Collection, body: Mapping[str, Any]) -> Owned | None:
    """An object as ours; None where it carries no marker."""
    marker = read_marker(body.get("description"))
    if marker is None:
        return None
    return Owned(
        resource=resource.key,
        id=str(body["id"]),
        name=str(body.get(resource.name_key) or ""),
        marker=marker,
        body=body,
        targets=frozenset(target_of(each.get("target")) for each in body.get("assignments") or ()),
        created_at=instant(body.get("createdDateTime")),
        changed_at=instant(body.get("lastModifiedDateTime")),
    )


def app_object(body: Mapping[str, Any]) -> AppObject:
    """An app of the tenant's list."""
    names: list[str] = [str(body[key]) for key in ("packageId", "bundleId", "packageIdentifier", "appIdentifier") if body.get(key)]
    return AppObject(
        id=str(body["id"]),
        odata_type=str(body.get("@odata.type", "")).rsplit(".", 1)[-1],
        name=str(body.get("displayName") or ""),
        identifiers=frozenset(name[4:] if name.startswith("app:") else name for name in names),
        marker=read_marker(body.get("notes")),
        assignments=tuple(
            AppAssignment(str(each["id"]), str(each.get("intent")), target_of(each.get("target"))) for each in body.get("assignments") or ()
        ),
    )
