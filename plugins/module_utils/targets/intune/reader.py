# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads the fleet and what a tenant holds. Only reads; only the fields and objects that a ban needs."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, Iterable, Iterator, Mapping, Sequence

from ...mdm.planning.ownership import read_marker
from . import objects
from .api.graph import Graph
from .api.graph_batch import BatchItem
from .api.odata import directory_name, literal
from .api.permissions import CONDITIONAL_ACCESS_READ, CONFIGURATION_READ, GROUPS_READ
from .bodies import BLOCKED_APPS_SETTING
from .objects import APPS, FILTERS, GROUPS, RESOURCES, AppObject, Collection, Filter, Group, Owned, TenantState

_MEMBERS_A_PAGE = 999
_APP_TYPES = ("androidManagedStoreApp", "winGetApp", "iosStoreApp", "iosVppApp", "managedIOSStoreApp")


def _with_policies(body: Mapping[str, Any], name_key: str) -> str:
    """What a list is called; for one of ours that another run made, also how both become one list."""
    name, marker = str(body.get(name_key)), read_marker(body.get("description"))
    if marker is None:
        return name
    return "%s (made for %s, which is not in this run: give the policies to the same run, and they share one list)" % (
        name, " and ".join(marker.policies),
    )  # fmt: skip


class StateReader:
    """Reads what a plan is made against, in a few requests that do not grow with the fleet.

    Args:
        prefix: how names of our objects begin.
        policies: ids of the run's policies.
        identifiers: exact names of the apps that a plan may need.
    """

    def __init__(self, graph: Graph, prefix: str, policies: frozenset[str], identifiers: frozenset[str]) -> None:
        self.graph = graph
        self.prefix = prefix.strip() + " "
        self.policies = policies
        self.identifiers = identifiers
        self.foreign: dict[tuple[str, str], str] = {}

    def read(self, conditional_access: bool) -> TenantState:
        """All of it. conditional_access: whether the run withdraws access, so that its conditions are worth a permission."""
        lists = [
            BatchItem(APPS.key, APPS.path, params={"$filter": _of_types(_APP_TYPES), "$expand": "assignments"}, permission=APPS.reading),
            BatchItem(FILTERS.key, FILTERS.path, permission=FILTERS.reading),
        ]
        for each in RESOURCES.values():
            params = {"$filter": "startswith(%s,%s)" % (each.name_key, literal(self.prefix)), "$expand": each.expand}
            lists.append(BatchItem(each.key, each.path, params=params, permission=each.reading))
        found = self._lists("beta", lists, "read what the tenant holds")
        params = {"$filter": "startswith(displayName,%s)" % literal(self.prefix), "$select": GROUPS.select}
        other = [BatchItem(GROUPS.key, GROUPS.path, params=params, permission=GROUPS.reading)]
        if conditional_access:
            other.append(BatchItem("conditional_access", "/identity/conditionalAccess/policies", permission=CONDITIONAL_ACCESS_READ))
        found.update(self._lists("v1.0", other, "read the tenant's groups"))
        groups = self._groups(found["groups"])
        filters = [each for each in map(_filter, found["filters"]) if each is not None]
        self._note_foreign(FILTERS, found["filters"])
        own_scopes = {group.id for group in groups} | {each.id for each in filters}
        apps = [objects.app_object(body) for body in found["apps"]]
        return TenantState(
            owned=tuple(self._owned(found)),
            groups=tuple(groups),
            filters=tuple(filters),
            apps=tuple(app for app in apps if self._is_of_interest(app, own_scopes)),
            foreign=self.foreign,
            ca_policies=tuple(demanding_compliance(found["conditional_access"])) if conditional_access else None,
            ca_covers_everybody=any(
                covers_everybody(each) for each in found.get("conditional_access", ()) if list(demanding_compliance([each]))
            ),
        )

    def other_block_lists(self) -> list[str]:
        """Objects that hide apps on iPhones and iPads and are no part of this run, each by its name and whose it is.

        Two lists for one device are a conflict in which Intune applies neither (Apple: one restriction, one payload). Whose devices
        they share can't be told from here, so all are named. Asked only before a list of ours is written: it costs a request for
        twenty policies.
        """
        policies = RESOURCES[objects.CONFIGURATION_POLICY]
        profiles = RESOURCES[objects.DEVICE_CONFIGURATION]
        what = "look for other lists of blocked apps"
        items = [
            BatchItem("catalog", policies.path, params={"$select": "id,name,description,platforms"}, permission=CONFIGURATION_READ),
            BatchItem("profiles", profiles.path, permission=CONFIGURATION_READ),
        ]
        found = self._lists("beta", items, what)
        apple = [each for each in found["catalog"] if "iOS" in str(each.get("platforms")) and self._is_of_no_policy_here(each)]
        items = [
            BatchItem(str(each["id"]), "%s/%s/settings" % (policies.path, each["id"]), permission=CONFIGURATION_READ) for each in apple
        ]
        settings = self._lists("beta", items, what) if items else {}
        names = [_with_policies(each, "name") for each in apple if BLOCKED_APPS_SETTING in json.dumps(settings[str(each["id"])])]
        hiding = ("appsInListCompliant", "appsNotInListCompliant")
        lists = [each for each in found["profiles"] if each.get("appsVisibilityListType") in hiding]
        names += [_with_policies(each, "displayName") for each in lists if self._is_of_no_policy_here(each)]
        return sorted(names)

    def _is_of_no_policy_here(self, body: Mapping[str, Any]) -> bool:
        marker = read_marker(body.get("description"))
        return marker is None or self.policies.isdisjoint(marker.policies)

    def _lists(self, version: str, items: Sequence[BatchItem], what: str) -> dict[str, list[Any]]:
        """Whole lists: the first pages in one batch, the following ones one by one."""
        answers = self.graph.batch(version, items, what=what)
        found: dict[str, list[Any]] = {}
        for item in items:
            found[item.id] = self.graph.read_list(answers[item.id], permission=item.permission)
        return found

    def _owned(self, found: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[Owned]:
        owned: list[Owned] = []
        for resource in RESOURCES.values():
            ours = [objects.owned_object(resource, body) for body in found[resource.key]]
            owned.extend(each for each in ours if each is not None)
            self._note_foreign(resource, found[resource.key])
        catalog = [each for each in owned if each.resource == objects.CONFIGURATION_POLICY and self._is_of_this_run(each)]
        if not catalog:
            return owned
        path = RESOURCES[objects.CONFIGURATION_POLICY].path
        items = [BatchItem(each.id, "%s/%s/settings" % (path, each.id), permission=CONFIGURATION_READ) for each in catalog]
        settings = self._lists("beta", items, "read the settings of our settings catalog policies")
        return [replace(each, body={**each.body, "settings": settings[each.id]}) if each.id in settings else each for each in owned]

    def _is_of_this_run(self, each: Owned) -> bool:
        return not self.policies.isdisjoint(each.marker.policies)

    def _groups(self, bodies: Sequence[Mapping[str, Any]]) -> list[Group]:
        self._note_foreign(GROUPS, bodies)
        marked = ((body, read_marker(body.get("description"))) for body in bodies)
        ours = [Group(str(body["id"]), str(body["displayName"]), marker) for body, marker in marked if marker is not None]
        params = {"$select": "id,deviceId", "$top": str(_MEMBERS_A_PAGE)}
        items = [
            BatchItem(group.id, "/groups/%s/members" % group.id, params=params, permission=GROUPS_READ)
            for group in ours
            if not self.policies.isdisjoint(group.marker.policies)
        ]
        listed = self._lists("v1.0", items, "list the members of our groups") if items else {}
        members = {group: {_member_name(body): str(body["id"]) for body in bodies} for group, bodies in listed.items()}
        return [replace(group, members=members.get(group.id, {})) for group in ours]

    def _note_foreign(self, collection: Collection, bodies: Sequence[Mapping[str, Any]]) -> None:
        for body in bodies:
            name = str(body.get(collection.name_key) or "")
            if name.startswith(self.prefix) and read_marker(body.get("description")) is None:
                self.foreign[(collection.key, name)] = str(body["id"])

    def _is_of_interest(self, app: AppObject, own_scopes: set[str]) -> bool:
        assigned_by_us = any(each.target.scopes & own_scopes for each in app.assignments)
        return bool(app.identifiers & self.identifiers) or app.marker is not None or assigned_by_us


def find_app(graph: Graph, odata_types: frozenset[str], identifier: str) -> AppObject | None:
    """An app of the tenant's list by its exact name; None while it is not there."""
    params = {"$filter": _of_types(sorted(odata_types)), "$expand": "assignments"}
    for body in graph.pages(APPS.version, APPS.path, params, what="look for an app", permission=APPS.reading):
        app = objects.app_object(body)
        if identifier in app.identifiers and app.odata_type in odata_types:
            return app
    return None


def _of_types(odata_types: Iterable[str]) -> str:
    return " or ".join("isof('microsoft.graph.%s')" % name for name in odata_types)


def _member_name(body: Mapping[str, Any]) -> str:
    """A device is known by its deviceId, which its management knows too; a user by the id of the object."""
    return directory_name(body.get("deviceId")) or directory_name(body["id"])


def _filter(body: Mapping[str, Any]) -> Filter | None:
    marker = read_marker(body.get("description"))
    if marker is None:
        return None
    return Filter(str(body["id"]), str(body.get("displayName") or ""), marker, str(body.get("rule") or ""))


def covers_everybody(policy: Mapping[str, Any]) -> bool:
    """Whether a conditional access policy leaves no user and no app out."""
    conditions = policy.get("conditions") or {}
    users, apps = conditions.get("users") or {}, conditions.get("applications") or {}
    left_out = [users.get("excludeUsers"), users.get("excludeGroups"), users.get("excludeRoles"), apps.get("excludeApplications")]
    everybody = "All" in (users.get("includeUsers") or ()) and "All" in (apps.get("includeApplications") or ())
    return everybody and not any(left_out)


def _is_about_ios(policy: Mapping[str, Any]) -> bool:
    platforms = (policy.get("conditions") or {}).get("platforms") or {}
    included, excluded = platforms.get("includePlatforms") or ["all"], platforms.get("excludePlatforms") or []
    return bool({"all", "iOS"} & set(included)) and "iOS" not in excluded


def demanding_compliance(policies: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Names of the conditional access policies that are in force and let nobody in from a device that is not compliant.

    Report-only policies let everybody in. So does one that takes something else instead (operator OR with several controls).
    """
    for policy in policies:
        grant = policy.get("grantControls") or {}
        controls = grant.get("builtInControls") or []
        others = grant.get("customAuthenticationFactors") or grant.get("termsOfUse") or grant.get("authenticationStrength")
        alone = controls == ["compliantDevice"] and not others
        demanded = "compliantDevice" in controls and (alone or str(grant.get("operator")).upper() == "AND")
        if policy.get("state") == "enabled" and demanded and _is_about_ios(policy):
            yield str(policy.get("displayName") or policy.get("id"))
