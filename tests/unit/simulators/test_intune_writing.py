# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What may be written, what the service makes of it, and how late it shows."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.simulators.simulation import Simulation
from tests.support.intune.graph_client import (
    ALL_DEVICES,
    APPS,
    CATALOG,
    COMPLIANCE,
    FILTERS,
    PROFILES,
    SETTING,
    Graph,
    blocked_list,
    compliance,
    target,
)

IOS = "#microsoft.graph.iosGeneralDeviceConfiguration"


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        (CATALOG, {**blocked_list("a.b"), "displayName": "x"}, "does not exist on type"),
        (CATALOG, {**blocked_list("a.b"), "platforms": "iPhone"}, "was not found"),
        (CATALOG, {**blocked_list("a.b"), "settings": {}}, "collection was expected"),
        (CATALOG, {**blocked_list("a.b"), "settings": []}, "at least one setting"),
        (CATALOG, {**blocked_list("a.b"), "settings": [{"settingInstance": {"settingDefinitionId": "x"}}]}, "abstract class"),
        (PROFILES, {"displayName": "x"}, "abstract class"),
        (PROFILES, {"@odata.type": "#microsoft.graph.noSuchThing", "displayName": "x"}, "cannot be resolved"),
        (PROFILES, {"@odata.type": IOS, "displayName": "x", "passcodeRequired": "yes"}, "Cannot convert"),
        (PROFILES, {"@odata.type": IOS, "displayName": "x", "appsVisibilityListType": "hidden"}, "was not found"),
        (PROFILES, {"@odata.type": IOS, "displayName": None}, "null value"),
        (COMPLIANCE, {**compliance("a.b"), "scheduledActionsForRule": []}, "one and only one block scheduled action"),
        (COMPLIANCE, compliance(*[f"a.b{n}" for n in range(101)]), "more than 100"),
        (COMPLIANCE, compliance("a.b", hours=9000), "gracePeriodHours"),
        ("/v1.0/deviceManagement/deviceCompliancePolicies", compliance("a.b"), "does not exist on type"),
        (FILTERS, {"displayName": "x", "platform": "iOS", "rule": "device.deviceOwnership = Corporate"}, "not valid"),
        (APPS, {"@odata.type": "#microsoft.graph.androidManagedStoreApp", "displayName": "TikTok"}, "not supported"),
        ("/v1.0/deviceAppManagement/mobileApps", {"@odata.type": "#microsoft.graph.winGetApp", "displayName": "x"}, "cannot be resolved"),
    ],
)
def test_bad_bodies_are_refused(graph: Graph, path: str, body: dict[str, Any], words: str) -> None:
    answer = graph.post(path, body)
    assert answer.status == 400
    assert words in answer.message


def test_v1_has_no_settings_catalog(graph: Graph) -> None:
    assert graph.post("/v1.0/deviceManagement/configurationPolicies", blocked_list("a.b")).status == 400


def test_v1_does_not_show_objects_of_beta_types(eager: Graph) -> None:
    body = {"@odata.type": "#microsoft.graph.winGetApp", "displayName": "TikTok", "packageIdentifier": "9NH2GPH4JZS4"}
    key = eager.make(APPS, body)
    assert eager.get(f"{APPS}/{key}").body["packageIdentifier"] == "9NH2GPH4JZS4"
    assert eager.get(f"/v1.0/deviceAppManagement/mobileApps/{key}").status == 404
    assert key not in {row["id"] for row in eager.pages("/v1.0/deviceAppManagement/mobileApps")}


def test_a_catalog_policy_comes_back_with_additions_and_in_another_order(eager: Graph) -> None:
    key = eager.make(CATALOG, blocked_list("z.last", "a.first"))
    policy = eager.get(f"{CATALOG}/{key}?$expand=settings,assignments").body
    assert (policy["settingCount"], policy["isAssigned"], policy["assignments"]) == (1, False, [])
    assert policy["templateReference"]["templateFamily"] == "none"
    child = policy["settings"][0]["settingInstance"]["groupSettingCollectionValue"][0]["children"][0]
    assert [item["value"] for item in child["simpleSettingCollectionValue"]] == ["a.first", "z.last"]
    assert policy["settings"][0]["id"] == "0"
    assert "settings" not in eager.get(f"{CATALOG}/{key}").body
    assert eager.get(f"{CATALOG}/{key}/settings").body["value"] == policy["settings"]


def test_catalog_settings_are_replaced_by_put_only(eager: Graph) -> None:
    key = eager.make(CATALOG, blocked_list("a.b"))
    eager.assign(CATALOG, key, ALL_DEVICES)
    assert eager.patch(f"{CATALOG}/{key}", {"settings": blocked_list("c.d")["settings"]}).status == 400
    assert eager.patch(f"{CATALOG}/{key}", {"description": "new"}).status == 200
    assert eager.put(f"{CATALOG}('{key}')", {"name": "x"}).status == 400
    for form, bundle_id in ((f"{CATALOG}('{key}')", "c.d"), (f"{CATALOG}/{key}", "e.f")):
        assert eager.put(form, blocked_list(bundle_id)).status == 204
        assert bundle_id in str(eager.get(f"{CATALOG}('{key}')?$expand=settings").body)
    assert len(eager.get(f"{CATALOG}/{key}/assignments").body["value"]) == 1


def test_catalog_policies_are_found_by_name(eager: Graph) -> None:
    key = eager.make(CATALOG, blocked_list("a.b", name="BAN one"))
    eager.make(CATALOG, blocked_list("a.b", name="BAN two"))
    assert [row["id"] for row in eager.get(f"{CATALOG}?$filter=name eq 'BAN one'").body["value"]] == [key]


def test_names_need_not_be_unique(eager: Graph) -> None:
    assert eager.make(COMPLIANCE, compliance("a.b")) != eager.make(COMPLIANCE, compliance("a.b"))


def test_profiles_get_defaults_and_a_version_that_counts(eager: Graph) -> None:
    key = eager.make(PROFILES, {"@odata.type": IOS, "displayName": "x"})
    before = eager.get(f"{PROFILES}/{key}").body
    assert (before["version"], before["appsVisibilityListType"], before["passcodeRequired"]) == (1, "none", False)
    assert eager.patch(f"{PROFILES}/{key}", {"description": "no type"}).status == 400
    assert eager.patch(f"{PROFILES}/{key}", {"@odata.type": IOS, "description": "new"}).status == 200
    after = eager.get(f"{PROFILES}/{key}").body
    assert (after["version"], after["description"]) == (2, "new")


def test_texts_of_oma_settings_come_back_masked(eager: Graph) -> None:
    setting = {"@odata.type": "#microsoft.graph.omaSettingString", "displayName": "x", "omaUri": "./Vendor/x", "value": "<RuleCollection/>"}
    body = {"@odata.type": "#microsoft.graph.windows10CustomConfiguration", "displayName": "x", "omaSettings": [setting]}
    key = eager.make(PROFILES, body)
    [shown] = eager.get(f"{PROFILES}/{key}").body["omaSettings"]
    assert (shown["value"], shown["isEncrypted"]) == ("****", True)
    assert shown["secretReferenceValueId"]
    [stored] = [item for item in eager.sim.state()["objects"]["deviceConfigurations"] if item["id"] == key]
    assert stored["omaSettings"][0]["value"] == "<RuleCollection/>"


def test_payloads_are_base64(graph: Graph) -> None:
    body = {"@odata.type": "#microsoft.graph.iosCustomConfiguration", "displayName": "x", "payloadName": "x", "payload": "not base64!"}
    assert graph.post(PROFILES, body).status == 400
    assert graph.post(PROFILES, {**body, "payload": base64.b64encode(b"<plist/>").decode()}).status == 201


def test_actions_of_a_compliance_policy_change_only_through_their_own_door(eager: Graph) -> None:
    key = eager.make(COMPLIANCE, compliance("a.b", hours=72))
    shown = f"{COMPLIANCE}/{key}?$expand=assignments,scheduledActionsForRule($expand=scheduledActionConfigurations)"

    def grace() -> int:
        return int(eager.get(shown).body["scheduledActionsForRule"][0]["scheduledActionConfigurations"][0]["gracePeriodHours"])

    assert grace() == 72
    assert eager.patch(f"{COMPLIANCE}/{key}", {**compliance("c.d", hours=1)}).status == 200
    assert grace() == 72
    rules = compliance("a.b", hours=5)["scheduledActionsForRule"]
    assert eager.post(f"{COMPLIANCE}/{key}/scheduleActionsForRules", {"deviceComplianceScheduledActionForRules": rules}).status == 204
    assert grace() == 5
    assert eager.post(f"{COMPLIANCE}/{key}/scheduleActionsForRules", {"deviceComplianceScheduledActionForRules": []}).status == 400
    refused = eager.get(f"{COMPLIANCE}/{key}/scheduledActionsForRule")
    assert refused.status == 400
    assert "No method match route template" in refused.message
    without = eager.get(f"{COMPLIANCE}/{key}?$expand=scheduledActionsForRule").body["scheduledActionsForRule"][0]
    assert "scheduledActionConfigurations" not in without


def test_reads_lag_behind_writes(sim: Simulation, graph: Graph) -> None:
    sim.objects({"settings": {"eventual_consistency": 2}})
    key = graph.make(CATALOG, blocked_list("a.b"))
    assert [graph.get(f"{CATALOG}/{key}").status for _unused in range(3)] == [404, 404, 200]
    graph.patch(f"{CATALOG}/{key}", {"description": "new"})
    seen = [graph.get(f"{CATALOG}?$filter=name eq 'BAN ios'").body["value"][0]["description"] for _unused in range(3)]
    assert seen == ["managed-by=appban", "managed-by=appban", "new"]


def test_an_assigned_object_may_be_deleted_but_a_used_filter_may_not(eager: Graph) -> None:
    rule = '(device.deviceOwnership -eq "Corporate")'
    chosen = eager.make(FILTERS, {"displayName": "Corporate", "platform": "iOS", "rule": rule})
    key = eager.make(CATALOG, blocked_list("a.b"))
    fields = {"deviceAndAppManagementAssignmentFilterId": chosen, "deviceAndAppManagementAssignmentFilterType": "include"}
    eager.assign(CATALOG, key, target("allDevices", **fields))
    assert eager.delete(f"{FILTERS}/{chosen}").status == 400
    assert eager.delete(f"{CATALOG}/{key}").status == 204
    assert eager.delete(f"{CATALOG}/{key}").status == 404
    assert eager.delete(f"{FILTERS}/{chosen}").status == 204


def test_a_choice_setting_keeps_its_children(eager: Graph) -> None:
    body = blocked_list("a.b")
    body.update(platforms="windows10", technologies="mdm")
    body["settings"] = [
        {
            "settingInstance": {
                "@odata.type": f"{SETTING}ChoiceSettingInstance",
                "settingDefinitionId": "some_choice",
                "choiceSettingValue": {"@odata.type": f"{SETTING}ChoiceSettingValue", "value": "some_choice_1", "children": []},
            }
        }
    ]
    key = eager.make(CATALOG, body)
    [setting] = eager.get(f"{CATALOG}/{key}/settings").body["value"]
    assert setting["settingInstance"]["choiceSettingValue"]["value"] == "some_choice_1"


def test_scripts_templates_and_conditional_access_live_as_well(eager: Graph) -> None:
    scripts = "/beta/deviceManagement/deviceHealthScripts"
    script = eager.make(scripts, {"displayName": "BAN remove", "detectionScriptContent": base64.b64encode(b"exit 0").decode()})
    item = {"target": ALL_DEVICES, "runRemediationScript": True}
    assert eager.post(f"{scripts}/{script}/assign", {"deviceHealthScriptAssignments": [item]}).status in (200, 204)
    assert eager.get(f"{scripts}/{script}/assignments").body["value"][0]["runRemediationScript"] is True
    templates = "/v1.0/deviceManagement/notificationMessageTemplates"
    template = eager.make(templates, {"displayName": "TikTok", "brandingOptions": "includeCompanyLogo,includeCompanyName"})
    assert eager.get(f"{templates}/{template}").body["brandingOptions"] == "includeCompanyLogo,includeCompanyName"
    policies = "/v1.0/identity/conditionalAccess/policies"
    body = {"displayName": "x", "state": "disabled", "conditions": {"users": {"includeUsers": ["All"]}}}
    policy = eager.make(policies, {"@odata.type": "#microsoft.graph.conditionalAccessPolicy", **body})
    assert eager.delete(f"{policies}/{policy}").status == 204
    assert [row["id"] for row in eager.get("/beta/deviceManagement/roleScopeTags").body["value"]] == ["0"]


def test_a_path_of_the_other_version_is_refused(graph: Graph) -> None:
    assert graph.get("/v1.0/deviceManagement/configurationPolicies").status == 400
    assert graph.get("/beta/deviceManagement/noSuchThing").status == 400
    assert graph.get("/v2.0/users").status == 400
    assert graph.call("PUT", "/beta/deviceManagement/deviceConfigurations/x", {}).status == 405
