# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings catalog, device configurations, compliance policies, filters, scripts: create, change, assign, delete."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..exchange import Response
from .assigning import taken_over
from .call import Call, not_found
from .errors import Refusal, stable_id
from .filter_rule import parse_rule

if TYPE_CHECKING:
    from .tenant import Tenant

ZERO_GUID = "00000000-0000-0000-0000-000000000000"
LIMITS = {
    "restrictedApps": 100, "compliantAppsList": 10000, "appsVisibilityList": 10000, "personalProfilePersonalApplications": 500,
    "omaSettings": 1000,
}  # fmt: skip
APP_LIST_ITEM = {"name": None, "publisher": None, "appStoreUrl": None, "appId": None}
NO_TEMPLATE = {"templateId": "", "templateFamily": "none", "templateDisplayName": None, "templateDisplayVersion": None}


@dataclass(frozen=True)
class Resource:
    """A collection of objects with one life cycle."""

    path: str
    type: str
    assigned_as: str = ""
    assignment_type: str = ""
    answers_assign_with_set: bool = True


RESOURCES = {
    resource.path: resource
    for resource in (
        Resource("deviceManagement/configurationPolicies", "deviceManagementConfigurationPolicy", "assignments",
                 "deviceManagementConfigurationPolicyAssignment"),
        Resource("deviceManagement/deviceConfigurations", "deviceConfiguration", "assignments", "deviceConfigurationAssignment"),
        Resource("deviceManagement/deviceCompliancePolicies", "deviceCompliancePolicy", "assignments", "deviceCompliancePolicyAssignment"),
        Resource("deviceManagement/assignmentFilters", "deviceAndAppManagementAssignmentFilter"),
        Resource("deviceManagement/deviceHealthScripts", "deviceHealthScript", "deviceHealthScriptAssignments",
                 "deviceHealthScriptAssignment", False),
        Resource("deviceManagement/deviceShellScripts", "deviceShellScript", "deviceManagementScriptAssignments",
                 "deviceManagementScriptAssignment", False),
        Resource("deviceManagement/notificationMessageTemplates", "notificationMessageTemplate"),
        Resource("deviceManagement/roleScopeTags", "roleScopeTag"),
        Resource("deviceAppManagement/mobileApps", "mobileApp", "mobileAppAssignments", "mobileAppAssignment", False),
        Resource("identity/conditionalAccess/policies", "conditionalAccessPolicy"),
    )
}  # fmt: skip


def list_objects(call: Call, resource: Resource) -> Response:
    if resource.path == "deviceAppManagement/mobileApps":
        call.tenant.play.note_read()
    rows = call.tenant.stores[resource.path].read_all(call.stale)
    return call.collection(
        resource.type, [masked(row) for row in call.filtered(rows, declared="" if resource.type == "mobileApp" else resource.type)]
    )


def get_object(call: Call, resource: Resource, key: str) -> Response:
    stored = call.tenant.stores[resource.path].read(key, call.stale)
    return call.object(resource.type, None if stored is None else masked(stored))


def create_object(call: Call, resource: Resource) -> Response:
    body = call.checked_body(resource.type)
    store = call.tenant.stores[resource.path]
    refuse_managed_play(body)
    created = new_object(call.tenant, resource, body)
    store.put(created["id"], created, call.tenant.settings.eventual_consistency)
    status = (call.contract.methods(call.segments) or {})["post"][0]
    return call.object(resource.type, masked(created), status)


def new_object(tenant: Tenant, resource: Resource, body: dict[str, Any]) -> dict[str, Any]:
    """What the service keeps of a new object, its own additions included."""
    now = tenant.now()
    key = tenant.new_id(resource.path)
    kind = str(body.get("@odata.type", f"#microsoft.graph.{resource.type}"))
    beta = tenant.contracts["beta"]
    defaults = beta.defaults(kind.removeprefix("#microsoft.graph."))
    written = {name: content for name, content in body.items() if name != "assignments"}
    stored = {**defaults, **written, "@odata.type": kind, "id": key, "createdDateTime": now, "lastModifiedDateTime": now, "assignments": []}
    if "roleScopeTagIds" in defaults and not body.get("roleScopeTagIds"):
        stored["roleScopeTagIds"] = ["0"]
    COMPLETERS.get(resource.path, lambda _stored: None)(stored)
    return stored


def masked(stored: dict[str, Any]) -> dict[str, Any]:
    """OMA settings' texts are secrets and come back masked (Intune fact sheet, 3.9)."""
    if not stored.get("omaSettings"):
        return stored
    shown = copy.deepcopy(stored)
    for index, setting in enumerate(shown["omaSettings"]):
        if str(setting["@odata.type"]).startswith("#microsoft.graph.omaSettingString"):
            setting["value"] = "****"
            setting["isEncrypted"] = True
            setting["secretReferenceValueId"] = f"{stored['id']}_{stable_id(stored['id'], index)}"
    return shown


def complete_catalog(stored: dict[str, Any]) -> None:
    if not stored.get("name"):
        raise Refusal(400, "The name of the policy is missing.")
    if stored.get("platforms", "none") == "none" or stored.get("technologies", "none") == "none":
        raise Refusal(400, "platforms and technologies of the policy are missing.")
    if not stored.get("settings"):
        raise Refusal(400, "A policy needs at least one setting.")
    stored.update(settings=numbered(stored["settings"]), settingCount=len(stored["settings"]), isAssigned=False)
    stored["templateReference"] = stored.get("templateReference") or dict(NO_TEMPLATE)


def numbered(settings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The service gives settings their ids, adds empty references and keeps collections in an order of its own."""
    return [{"id": str(index), "settingInstance": instance_as_kept(item["settingInstance"])} for index, item in enumerate(settings)]


def instance_as_kept(instance: dict[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {"settingInstanceTemplateReference": None, **instance}
    for name, content in instance.items():
        if name == "choiceSettingValue":
            kept[name] = value_as_kept(content)
        elif name.endswith(("CollectionValue",)):
            values = [value_as_kept(item) for item in content]
            kept[name] = sorted(values, key=lambda item: str(item.get("value"))) if name == "simpleSettingCollectionValue" else values
    return kept


def value_as_kept(value: dict[str, Any]) -> dict[str, Any]:
    kept = {"settingValueTemplateReference": None, **value}
    if "children" in value:
        kept["children"] = [instance_as_kept(child) for child in value["children"]]
    return kept


def complete_configuration(stored: dict[str, Any]) -> None:
    if not stored.get("displayName"):
        raise Refusal(400, "The displayName of the profile is missing.")
    stored.update(version=1, supportsScopeTags=True)
    check_lists(stored)
    if "CustomConfiguration" in stored["@odata.type"] and not stored.get("omaSettings") and not stored.get("payload"):
        raise Refusal(400, "A custom profile needs its payload.")
    for setting in stored.get("omaSettings") or []:
        if not setting.get("omaUri") or not setting.get("displayName") or setting.get("value") is None:
            raise Refusal(400, "An OMA setting needs displayName, omaUri and value.")


def check_lists(stored: dict[str, Any]) -> None:
    for name, limit in LIMITS.items():
        items = stored.get(name) or []
        if len(items) > limit:
            raise Refusal(400, f"The collection {name} can't have more than {limit} elements.")
        if name != "omaSettings" and items:
            stored[name] = [{**APP_LIST_ITEM, **item} for item in items]


def complete_compliance(stored: dict[str, Any]) -> None:
    if not stored.get("displayName"):
        raise Refusal(400, "The displayName of the policy is missing.")
    check_lists(stored)
    stored.update(version=1, scheduledActionsForRule=checked_rules(stored["id"], stored.get("scheduledActionsForRule") or []))


def checked_rules(owner: str, rules: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Exactly one block action, of the rule PasswordRequired (Intune fact sheet, 3.4)."""
    actions = [action for rule in rules for action in rule.get("scheduledActionConfigurations") or []]
    if [action.get("actionType") for action in actions].count("block") != 1:
        raise Refusal(400, "A compliance policy must have one and only one block scheduled action.")
    if len(rules) != 1 or rules[0].get("ruleName") not in ("PasswordRequired", None):
        raise Refusal(400, "The scheduled actions must belong to the one rule PasswordRequired.")
    for action in actions:
        if not 0 <= action.get("gracePeriodHours", 0) <= 8760:
            raise Refusal(400, "gracePeriodHours must be between 0 and 8760.")
    kept = [
        {
            "id": stable_id(owner, index), "gracePeriodHours": action.get("gracePeriodHours", 0), "actionType": action["actionType"],
            "notificationTemplateId": action.get("notificationTemplateId") or ZERO_GUID,
            "notificationMessageCCList": action.get("notificationMessageCCList") or [],
        }
        for index, action in enumerate(actions)
    ]  # fmt: skip
    # The service forgets the rule's name.
    return [{"id": owner, "ruleName": None, "scheduledActionConfigurations": kept}]


def complete_filter(stored: dict[str, Any]) -> None:
    if not stored.get("displayName") or not stored.get("rule"):
        raise Refusal(400, "displayName and rule of the filter are missing.")
    parse_rule(stored["rule"])
    stored["assignmentFilterManagementType"] = stored.get("assignmentFilterManagementType") or "devices"
    stored["roleScopeTags"] = stored.get("roleScopeTags") or ["0"]
    stored.pop("assignments")


def complete_app(stored: dict[str, Any]) -> None:
    kind = str(stored["@odata.type"]).removeprefix("#microsoft.graph.")
    needed = {"iosStoreApp": "bundleId", "winGetApp": "packageIdentifier"}.get(kind)
    if not stored.get("displayName") or (needed and not stored.get(needed)):
        raise Refusal(400, f"displayName{' and ' + needed if needed else ''} of the app must be given.")
    stored.update(publishingState="published", isAssigned=False)


def refuse_managed_play(body: dict[str, Any]) -> None:
    """Managed Google Play apps come through addApps and a sync (Intune fact sheet, 3.6)."""
    kind = str(body.get("@odata.type", "")).removeprefix("#microsoft.graph.")
    if kind in ("androidManagedStoreApp", "androidManagedStoreWebApp", "androidForWorkApp"):
        raise Refusal(400, f"Creating an app of type {kind} is not supported.")


def complete_conditional_access(stored: dict[str, Any]) -> None:
    if not stored.get("displayName") or not stored.get("conditions"):
        raise Refusal(400, "1002: displayName, state and conditions of the policy must be given.", intune=False)
    stored["modifiedDateTime"] = None
    stored.pop("assignments")


COMPLETERS = {
    "deviceManagement/configurationPolicies": complete_catalog,
    "deviceManagement/deviceConfigurations": complete_configuration,
    "deviceManagement/deviceCompliancePolicies": complete_compliance,
    "deviceManagement/assignmentFilters": complete_filter,
    "deviceAppManagement/mobileApps": complete_app,
    "identity/conditionalAccess/policies": complete_conditional_access,
}


def change_object(call: Call, resource: Resource, key: str) -> Response:
    """PATCH. It never reaches assignments, actions of compliance policies, nor settings of the catalog."""
    store = call.tenant.stores[resource.path]
    stored = store.truth(key)
    if stored is None or call.contract.show(resource.type, stored) is None:
        raise not_found(call.segments)
    body = call.checked_body(resource.type)
    if "@odata.type" in body and body["@odata.type"] != stored["@odata.type"]:
        raise Refusal(400, "The type of an object can't be changed.")
    if resource.type == "deviceManagementConfigurationPolicy" and not set(body) <= {
        "@odata.type",
        "name",
        "description",
        "roleScopeTagIds",
    }:
        raise Refusal(400, "PATCH changes name and description only; settings are replaced by PUT.")
    changes = {
        name: content for name, content in body.items() if name not in ("assignments", "scheduledActionsForRule", "@odata.type", "id")
    }
    check_lists(changes)
    if resource.type == "deviceAndAppManagementAssignmentFilter":
        if "rule" in changes:
            parse_rule(changes["rule"])
        if changes.get("platform", stored["platform"]) != stored["platform"]:
            raise Refusal(400, "The platform of a filter can't be changed.")
    if resource.path == "identity/conditionalAccess/policies":
        changes["modifiedDateTime"] = call.tenant.now()
    else:
        changes["lastModifiedDateTime"] = call.tenant.now()
    if "version" in stored:
        changes["version"] = stored["version"] + 1
    changed = store.change(key, call.tenant.settings.eventual_consistency, **changes)
    return call.object(resource.type, masked(changed))


def replace_catalog(call: Call, resource: Resource, key: str) -> Response:
    """PUT replaces a whole settings-catalog policy and keeps its assignments (Intune fact sheet, 3.1)."""
    store = call.tenant.stores[resource.path]
    stored = store.truth(key)
    if stored is None:
        raise not_found(call.segments)
    body = call.checked_body(resource.type)
    missing = {"name", "platforms", "technologies", "settings"} - set(body)
    if missing:
        raise Refusal(400, f"PUT takes the whole policy; missing: {', '.join(sorted(missing))}.")
    whole = new_object(call.tenant, resource, body)
    for name in ("id", "createdDateTime", "assignments", "isAssigned"):
        whole[name] = stored[name]
    if (whole["platforms"], whole["technologies"]) != (stored["platforms"], stored["technologies"]):
        raise Refusal(400, "platforms and technologies of a policy can't be changed.")
    store.put(key, whole, call.tenant.settings.eventual_consistency)
    return Response(204)


def delete_object(call: Call, resource: Resource, key: str) -> Response:
    """Accepted while it is assigned; devices revert at their next check-in. Filters in use are kept."""
    store = call.tenant.stores[resource.path]
    stored = store.truth(key)
    if stored is None or call.contract.show(resource.type, stored) is None:
        raise not_found(call.segments)
    if resource.type == "deviceAndAppManagementAssignmentFilter" and call.tenant.filter_is_used(key):
        raise Refusal(400, "The assignment filter is used by an assignment and can't be deleted.")
    store.remove(key)
    return Response(204)


def assign(call: Call, resource: Resource, key: str) -> Response:
    """The set that is sent replaces the set that was there (Intune fact sheet, 1.7)."""
    store = call.tenant.stores[resource.path]
    stored = store.truth(key)
    if stored is None or call.contract.show(resource.type, stored) is None:
        raise not_found(call.segments)
    body = call.body()
    if not isinstance(body, dict) or set(body) - {resource.assigned_as} or not isinstance(body.get(resource.assigned_as), list):
        raise Refusal(400, f"The action takes one collection, {resource.assigned_as}.")
    items = [
        call.contract.check(resource.assignment_type, item, f"{resource.assigned_as}[{index}]")
        for index, item in enumerate(body[resource.assigned_as])
    ]
    kept = taken_over(call, stored, items)
    keep_assignments(call, resource, key, kept)
    if not resource.answers_assign_with_set:
        return Response((call.contract.methods(call.segments) or {})["post"][0])
    return Response(200, {"value": [call.contract.show(resource.assignment_type, item) for item in kept]})


def keep_assignments(call: Call, resource: Resource, key: str, kept: list[dict[str, Any]]) -> None:
    flag = {"isAssigned": bool(kept)} if "isAssigned" in (call.tenant.stores[resource.path].truth(key) or {}) else {}
    call.tenant.stores[resource.path].change(key, call.tenant.settings.eventual_consistency, assignments=kept, **flag)


def list_assignments(call: Call, resource: Resource, key: str) -> Response:
    stored = call.tenant.stores[resource.path].read(key, call.stale)
    if stored is None or call.contract.show(resource.type, stored) is None:
        raise not_found(call.segments)
    return call.page(stored["assignments"], lambda item: call.contract.show(resource.assignment_type, item))


def schedule_actions(call: Call, resource: Resource, key: str) -> Response:
    """The only way to change the actions of a compliance policy (Intune fact sheet, 3.4)."""
    store = call.tenant.stores[resource.path]
    if store.truth(key) is None:
        raise not_found(call.segments)
    body = call.body()
    name = "deviceComplianceScheduledActionForRules"
    if not isinstance(body, dict) or set(body) != {name} or not isinstance(body[name], list):
        raise Refusal(400, f"The action takes one collection, {name}.")
    rules = [call.contract.check("deviceComplianceScheduledActionForRule", rule, name) for rule in body[name]]
    store.change(key, call.tenant.settings.eventual_consistency, scheduledActionsForRule=checked_rules(key, rules))
    return Response(204)


def list_settings(call: Call, resource: Resource, key: str) -> Response:
    stored = call.tenant.stores[resource.path].read(key, call.stale)
    if stored is None:
        raise not_found(call.segments)
    return call.page(stored["settings"], lambda item: call.contract.show("deviceManagementConfigurationSetting", item))
