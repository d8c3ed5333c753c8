# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the contract lets through and what it refuses: every refusal here is something that plain OpenAPI or a lenient mock accepts."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.contract import assert_no_violations, check_all, violations
from tests.support import exchange_samples as samples
from tests.support.exchange_samples import GOOD, exchange

pytestmark = pytest.mark.usefixtures("graph_contract")

Build = Callable[[], dict[str, Any]]
GONE = object()


def changed(build: Build, path: str, value: Any) -> dict[str, Any]:
    """A good exchange with one thing replaced, or deleted, at a path like body/settings/0/id."""
    logged = copy.deepcopy(build())
    *way, last = [int(part) if part.isdigit() else part for part in path.split("/")]
    target: Any = logged
    for part in way:
        target = target[part]
    if value is GONE:
        del target[last]
    else:
        target[last] = value
    return logged


@pytest.mark.parametrize("build", GOOD, ids=lambda build: build.__name__)
def test_good_exchange_has_no_violation(build: Build) -> None:
    assert violations(build()) == []


INSTANCE = "body/settings/0/settingInstance"
DEEP = INSTANCE + "/groupSettingCollectionValue/0/children/0"
TARGET = "body/assignments/0/target"
GRACE = "body/scheduledActionsForRule/0/scheduledActionConfigurations/0/gracePeriodHours"

BODIES = [
    # Names that don't exist, at every depth.
    (samples.compliance, "body/restrictedApp", [], "'restrictedApp' of iosCompliancePolicy in beta; nearest: restrictedApps"),
    (samples.settings_catalog, DEEP + "/settingId", "x", "/children/0/settingId: unknown property"),
    (samples.compliance, "body/restrictedApps/0/bundleId", "x", "unknown property 'bundleId' of appListItem"),
    (samples.group_create, "body/security", True, "unknown property 'security' of group in v1.0"),
    (samples.assign, "body/assignment", [], "nearest: assignments"),
    (samples.assign, "body/@odata.type", "#microsoft.graph.x", "has no types"),
    (samples.device_page, "response/value/0/deviceNames", "x", "response body /value/0/deviceNames: unknown property"),
    (samples.device_page, "response/next", "x", "unknown property 'next'"),
    (samples.throttled, "response/error/requestId", "x", "unknown property 'requestId'"),
    # Types.
    (samples.compliance, "body/@odata.type", GONE, "no @odata.type, which deviceCompliancePolicy needs"),
    (samples.assign, TARGET + "/@odata.type", GONE, "/assignments/0/target: no @odata.type"),
    (samples.compliance, "body/restrictedApps/0/@odata.type", GONE, "no @odata.type, which appListItem needs"),
    (samples.settings_catalog, DEEP + "/simpleSettingCollectionValue/1/@odata.type", GONE, "SettingCollectionValue/1: no @odata.type"),
    (samples.compliance_read, "response/value/0/@odata.type", GONE, "no @odata.type, which deviceCompliancePolicy needs"),
    (samples.compliance, "body/@odata.type", "#microsoft.graph.deviceCompliancePolicy", "is abstract"),
    (samples.assign, TARGET + "/@odata.type", "#microsoft.graph.deviceAndAppManagementAssignmentTarget", "is abstract"),
    (samples.compliance, "body/@odata.type", "#microsoft.graph.iosGeneralDeviceConfiguration", "is no deviceCompliancePolicy"),
    (samples.compliance, "body/@odata.type", "#microsoft.graph.iosCompliance", "is no type of beta; nearest"),
    (samples.compliance, "body/@odata.type", "microsoft.graph.iosCompliancePolicy", "is no type of beta"),
    (samples.members, "response/value/0/@odata.type", "#microsoft.graph.appListItem", "is no directoryObject"),
    # What only the service sets.
    (samples.compliance, "body/id", samples.POLICY, "'id' is read-only"),
    (samples.settings_catalog, "body/isAssigned", False, "'isAssigned' is read-only"),
    (samples.app_assign, "body/mobileAppAssignments/0/sourceId", "x", "'sourceId' is read-only"),
    (samples.compliance, "body/@odata.etag", "x", "only @odata.type is control information there"),
    (samples.compliance, "body/@odata.context", "x", "only @odata.type is control information there"),
    # Values.
    (samples.app_assign, "body/mobileAppAssignments/0/intent", "Uninstall", "nearest: uninstall"),
    (samples.assign, TARGET + "/deviceAndAppManagementAssignmentFilterType", "includes", "nearest: include"),
    (samples.settings_catalog, "body/technologies", "mdm, appleRemoteManagement", '" appleRemoteManagement"'),
    (samples.settings_catalog, "body/technologies", "mdm,appleRemote", '"appleRemote"'),
    (samples.settings_catalog, "body/technologies", "mdm,mdm", "names a member twice"),
    (samples.settings_catalog, "body/platforms", "ios", "nearest: iOS"),
    (samples.settings_catalog, "body/platforms", ["iOS"], "expected text"),
    (samples.compliance, GRACE, "0", "expected a whole number"),
    (samples.compliance, GRACE, 8761, "expected 0 to 8760"),
    (samples.compliance, GRACE, 1.0, "expected a whole number"),
    (samples.compliance, GRACE, True, "expected a whole number"),
    (samples.compliance, "response/version", 2**31, "expected an int32"),
    (samples.device_page, "response/value/0/totalStorageSpaceInBytes", "64000000000", "expected a whole number (int64)"),
    (samples.device_page, "response/value/0/totalStorageSpaceInBytes", 6.4e10, "expected a whole number (int64)"),
    (samples.device_page, "response/value/0/lastSyncDateTime", "2026-03-14 23:59:59", "expected date-time"),
    (samples.device_page, "response/value/0/lastSyncDateTime", "2026-03-14T23:59:59", "expected date-time"),
    (samples.device_page, "response/value/0/lastSyncDateTime", "2026-02-30T00:00:00Z", "expected date-time"),
    (samples.device_page, "response/value/0/isSupervised", "true", "expected true or false"),
    (samples.device_page, "response/value", {}, "expected an array"),
    (samples.device_page, "response/value/0", None, "null, expected an object"),
    (samples.device_page, "response/@odata.count", "1001", "expected a whole number"),
    (samples.device_page, "response/@odata.nextLink", "/v1.0/deviceManagement", "expected an absolute URL"),
    (samples.compliance, "body/restrictedApps", None, "null, expected an array"),
    (samples.settings_catalog, INSTANCE, None, "null, expected an object"),
    (samples.compliance, "body/restrictedApps", [samples.app()] * 101, "101 elements, at most 100"),
    (samples.group_create, "body/displayName", "x" * 257, "257 characters, at most 256"),
    (samples.group_create, "body/members@odata.bind", samples.DEVICE, "expected an array"),
    (samples.member_add, "body/@odata.id", samples.DEVICE, "expected the URL of a directory object"),
    # Bodies and their headers.
    (samples.compliance, "body", None, "no request body"),
    (samples.compliance, "headers", {}, "Content-Type is missing"),
    (samples.device_page, "body", {}, "request body: {}, expected none"),
    (samples.device_page, "response", None, "no response body with 200"),
    (samples.app_assign, "response", {}, "but 204 has none"),
    (samples.compliance, "status", 200, "answered with 200, the contract has 201"),
    (samples.compliance, "status", 302, "answered with 302"),
    (samples.device_page, "response_headers", {"Content-Type": "text/html"}, "Content-Type is text/html"),
    (samples.throttled, "response", None, "429 without a body"),
    (samples.throttled, "response", {"error": {}}, "/error/code: missing"),
    (samples.throttled, "response", {"message": "slow down"}, "unknown property 'message'"),
    (samples.throttled, "response_headers", {"Retry-After": "soon"}, "expected seconds"),
]  # fmt: skip

QUERIES = [
    (samples.device_page, "$select=deviceName,bundleId", "'bundleId' is no property of managedDevice in v1.0"),
    (samples.device_page, "$select=joinType", "'joinType' is no property of managedDevice in v1.0"),
    (samples.device_page, "$select=id", "'deviceName' was not among the selected id"),
    (samples.device_page, "$top=1001", "expected 1 to 1000"),
    (samples.device_page, "$top=0", "expected 1 to 1000"),
    (samples.device_page, "$top=ten", "expected 1 to 1000"),
    (samples.group_search, "$top=1000&$count=false", "expected 1 to 999"),
    (samples.device_page, "$skip=-1", "expected 0 to"),
    (samples.device_page, "$count=1", "expected true or false"),
    (samples.device_page, "$filters=a", "$filters is no query option of this operation; nearest: $filter"),
    (samples.device_page, "top=5", "top is no query option"),
    (samples.device_page, "$top=5&$top=6", "$top is given twice"),
    (samples.device_page, "$filter=", "$filter is empty"),
    (samples.device_page, "$filter=deviceNames eq 'x'", "$filter: 'deviceNames' is no property"),
    (samples.device_page, "$filter=startswith(devicename,'x')", "$filter: 'devicename' is no property"),
    (samples.device_page, "$filter=deviceName eq 'it's'", "a quote is left open"),
    (samples.device_page, "$orderby=lastSync desc", "$orderby: 'lastSync' is no property"),
    (samples.device_page, "$expand=detectedApps", "'detectedApps' is no property of managedDevice in v1.0"),
    (samples.compliance_read, "$expand=displayName", "is no navigation property"),
    (samples.compliance_read, "$expand=assignments", "'scheduledActionsForRule' is a navigation property that the request didn't $expand"),
    (samples.compliance_read, "$expand=assignments,scheduledActionsForRule", "'scheduledActionConfigurations' is a navigation property"),
    (samples.compliance_read, "$expand=scheduledActionsForRule($expand=configurations)", "'configurations' is no property"),
    (samples.compliance_read, "$expand=scheduledActionsForRule(expand=x)", "'expand' is no option there"),
    (samples.compliance_read, "$expand=assignments($select=targets)", "'targets' is no property"),
    (samples.compliance_read, "$filter=isof('microsoft.graph.iosPolicy')", "'microsoft.graph.iosPolicy' is no type of beta"),
    (samples.compliance, "$select=id", "no query option of this operation; allowed: none"),
    (samples.export_poll, "$skiptoken=x", "$skiptoken is no query option"),
    (samples.indicators, "$filter=value eq 'x'", "'value' is no property of an indicator"),
    (samples.indicators, "$top=10001", "expected up to 10000"),
    (samples.indicators, "$select=id", "$select is no option"),
    (samples.token, "a=b", "expected none"),
]


@pytest.mark.parametrize(("build", "path", "value", "said"), BODIES, ids=[f"{row[1]}={str(row[2])[:20]}" for row in BODIES])
def test_bad_part_is_a_violation(build: Build, path: str, value: Any, said: str) -> None:
    found = violations(changed(build, path, value))
    assert any(said in violation for violation in found), found
    good = build()
    assert all(violation.startswith(f"{good['method']} {good['path']}: ") for violation in found)


@pytest.mark.parametrize(("build", "query", "said"), QUERIES, ids=[f"{row[0].__name__}?{row[1]}" for row in QUERIES])
def test_bad_query_is_a_violation(build: Build, query: str, said: str) -> None:
    found = violations(changed(build, "query", query))
    assert any(said in violation for violation in found), found


V1_IOS = {key: value for key, value in samples.compliance_body().items() if key != "restrictedApps"}
TOO_NEW = [
    ("POST", "/v1.0/deviceManagement/deviceCompliancePolicies", {**V1_IOS, "restrictedApps": []}, "of iosCompliancePolicy"),
    ("POST", f"/v1.0/deviceManagement/deviceConfigurations/{samples.POLICY}/assign", {"assignments": [{"target": samples.include()}]},
     "'deviceAndAppManagementAssignmentFilterId' of groupAssignmentTarget"),
    ("POST", "/v1.0/deviceManagement/deviceConfigurations",
     {"@odata.type": "#microsoft.graph.androidDeviceOwnerGeneralDeviceConfiguration", "displayName": "x"}, "is no type of v1.0"),
    ("POST", "/v1.0/deviceManagement/configurationPolicies", samples.settings_catalog_body(), "the path is not in the contract of v1.0"),
    ("GET", f"/v1.0/deviceManagement/managedDevices/{samples.DEVICE}/detectedApps", None, "the path is not in the contract of v1.0"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "body", "said"), TOO_NEW)
def test_what_only_beta_has_is_a_violation_of_v1(method: str, path: str, body: Any, said: str) -> None:
    found = [violation for violation in violations(exchange(method, path, 201, body)) if said in violation]
    assert found
    assert found[0].endswith("; beta has it")


READ_ONLY = [
    ("/v1.0/deviceAppManagement/mobileApps", "iosStoreApp", "createdDateTime", "2026-01-01T00:00:00Z"),
    ("/beta/deviceAppManagement/mobileApps", "androidManagedStoreApp", "packageId", "com.zhiliaoapp.musically"),
    ("/beta/deviceAppManagement/mobileApps", "winGetApp", "isAssigned", False),
]


@pytest.mark.parametrize(("path", "kind", "name", "value"), READ_ONLY)
def test_read_only_property_may_not_be_sent(path: str, kind: str, name: str, value: Any) -> None:
    app = {"@odata.type": f"#microsoft.graph.{kind}", "displayName": "TikTok"}
    assert violations(exchange("POST", path, 201, app, {**app, name: value})) == []
    found = violations(exchange("POST", path, 201, {**app, name: value}, {**app, name: value}))
    assert len(found) == 1
    assert f"{name!r} is read-only" in found[0]


PATHS = [
    ("GET", "/beta/deviceManagement/managedDevice", "nearest: /deviceManagement/managedDevices"),
    ("GET", "/beta/deviceManagement//managedDevices", "the path is not in the contract of beta"),
    ("GET", f"/v1.0/groups/{samples.GROUP}/members/$count", "the path is not in the contract of v1.0"),
    ("PUT", f"/v1.0/groups/{samples.GROUP}", "has only DELETE, GET, PATCH for /groups/{group-id}"),
    ("POST", f"/beta/deviceManagement/managedDevices/{samples.DEVICE}/wipe", "the path is not in the contract of beta"),
    ("GET", "/deviceManagement/managedDevices", "neither /v1.0 nor /beta is in it"),
    ("GET", "/blob/a.zip", "neither /v1.0 nor /beta is in it"),
    ("GET", "/defender/api/indicators/import", "not in the contract of the indicators API"),
    ("GET", "/t/oauth2/v2.0/token", "takes POST only"),
]


@pytest.mark.parametrize(("method", "path", "said"), PATHS)
def test_unknown_path_is_a_violation(method: str, path: str, said: str) -> None:
    found = violations(exchange(method, path, 404))
    assert said in found[0]


def test_only_a_named_path_of_another_service_is_let_through() -> None:
    blob = exchange("GET", "/blob/a.zip", 200, None, "<123 bytes>")
    assert violations(blob, not_graph=["/blob/"]) == []
    assert violations(blob, not_graph=["/bloc/"])


@pytest.mark.parametrize("key", [f"('{samples.POLICY}')", f"/{samples.POLICY}"])
def test_key_in_parentheses_is_a_segment(key: str) -> None:
    assert violations(exchange("PUT", samples.CATALOG + key, 204, samples.settings_catalog_body())) == []


def test_operation_that_the_service_rejects_must_not_succeed() -> None:
    path = f"{samples.COMPLIANCE}/{samples.POLICY}/scheduledActionsForRule"
    found = violations(exchange("GET", path, 200, None, {"value": []}))
    assert len(found) == 1
    assert "the service rejects this operation: 400" in found[0]
    error = {"error": {"code": "BadRequest", "message": "No method match route template"}}
    assert violations(exchange("GET", path, 400, None, error)) == []


def test_directory_counts_only_with_its_header() -> None:
    found = violations(changed(samples.group_search, "headers", {}))
    assert found == ["GET /v1.0/groups: $count without the header ConsistencyLevel: eventual"]


def test_page_after_a_link_may_show_what_the_first_one_selected() -> None:
    assert violations(samples.next_page()) == []


@pytest.mark.parametrize("status", [502, 503, 504])
def test_gateway_may_answer_with_a_page(status: int) -> None:
    page = exchange("GET", samples.MANAGED, status, None, "<html>", response_headers={"Content-Type": "text/html"})
    assert violations(page) == []
    assert violations({**page, "status": 400})


def test_spoilt_answer_is_not_judged_but_its_request_is() -> None:
    spoilt = changed(samples.device_page, "response", "{")
    assert violations(spoilt)
    assert violations({**spoilt, "fault": "bad_json"}) == []
    assert violations({**samples.device_page(), "status": None, "response": None}) == []
    assert violations({**samples.device_page(), "status": None, "response": None, "query": "$tops=1"})


BATCHES = [
    ("21 items", lambda: samples.batched(21), "21 elements, at most 20"),
    ("ids twice", lambda: changed(samples.batched, "body/requests/0/id", "w"), "the id is there twice"),
    ("body without type", lambda: changed(samples.batched, "body/requests/1/headers", GONE), "a body without the header Content-Type"),
    ("unknown dependency", lambda: changed(samples.batched, "body/requests/1/dependsOn", ["9"]), 'dependsOn "9", which is no id'),
    ("own dependency", lambda: changed(samples.batched, "body/requests/1/dependsOn", ["w"]), "doesn't stand before it"),
    ("later dependency", lambda: changed(samples.batched, "body/requests/0/dependsOn", ["w"]), "doesn't stand before it"),
    ("mixed versions", lambda: changed(samples.batched, "body/requests/0/url", "/beta/groups"), "names a version"),
    ("absolute url", lambda: changed(samples.batched, "body/requests/0/url", "https://graph/groups"), "doesn't begin with /"),
    ("beta path", lambda: changed(samples.batched, "body/requests/0/url", "/deviceManagement/configurationPolicies"), "beta has it"),
    ("batch in batch", lambda: changed(samples.batched, "body/requests/0/url", "/$batch"), "a batch in a batch"),
    ("method", lambda: changed(samples.batched, "body/requests/0/method", "OPTIONS"), "allowed are DELETE, GET"),
    ("number as id", lambda: changed(samples.batched, "body/requests/0/id", 1), "expected text"),
    ("no url", lambda: changed(samples.batched, "body/requests/0/url", GONE), "no url, which"),
    ("unknown key", lambda: changed(samples.batched, "body/requests/0/uri", "/x"), "nearest: url"),
    ("inner query", lambda: changed(samples.batched, "body/requests/0/url", "/deviceManagement/managedDevices?$top=0"), "request 1: "),
    ("inner body", lambda: changed(samples.batched, "body/requests/1/body/@odata.ids", "x"), "request w: POST"),
    ("inner answer", lambda: changed(samples.batched, "response/responses/1/body/value/0/deviceNames", "x"), "unknown property"),
    ("inner status", lambda: changed(samples.batched, "response/responses/0/status", 200), "answered with 200"),
    ("not answered", lambda: changed(samples.batched, "response/responses/0", {"id": "1", "status": 204}), "request w: not answered"),
    ("answered twice", lambda: changed(samples.batched, "response/responses/0", {"id": "1", "status": 204}), "response 1: answered twice"),
    ("answers nobody", lambda: changed(samples.batched, "response/responses/0/id", "9"), "response 9: answers no request"),
]  # fmt: skip


@pytest.mark.parametrize(("build", "said"), [row[1:] for row in BATCHES], ids=[row[0] for row in BATCHES])
def test_bad_batch_is_a_violation(build: Build, said: str) -> None:
    found = violations(build())
    assert any(said in violation for violation in found), found


def test_full_batch_with_a_throttled_and_a_failed_item_is_good() -> None:
    full = samples.batched(20)
    error = {"error": {"code": "TooManyRequests", "message": "later"}}
    full["response"]["responses"][1] = {"id": "1", "status": 429, "headers": {"Retry-After": "3", **samples.JSON}, "body": error}
    full["response"]["responses"][0] = {"id": "w", "status": 424, "headers": dict(samples.JSON), "body": error}
    assert violations(full) == []


OWN = [
    (samples.indicator, "body/action", "AlertAndBlock", "is no choice"),
    (samples.indicator, "body/action", "Audit", "must be true with the action Audit"),
    (samples.indicator, "body/title", GONE, "no title, which submission requires"),
    (samples.indicator, "body/indicator", "tiktok.com", "indicatorValue"),
    (samples.indicator, "body/expirationTime", "2026-09-15", "expected date-time"),
    (samples.indicator, "body/id", "994", "unknown property 'id'"),
    (samples.indicator, "status", 201, "answered with 201"),
    (samples.indicators, "response/value/0/indicatorType", "Domain", "DomainName"),
    (samples.token, "body/client_secret", "", "/client_secret: missing or empty"),
    (samples.token, "body/resource", "x", "/resource: unknown field"),
    (samples.token, "body/scope", "https://graph.microsoft.com/User.Read", "expected one resource with /.default"),
    (samples.token, "body/grant_type", "password", "expected client_credentials"),
    (samples.token, "headers", samples.JSON, "expected application/x-www-form-urlencoded"),
    (samples.token, "response/token", "x", "unknown property 'token'"),
    (samples.token, "response/expires_in", "3599", "expected a whole number"),
    (samples.token_by_assertion, "body/client_assertion", "abc", "no signed JWT"),
    (samples.token_by_assertion, "body/client_assertion_type", "jwt", "/client_assertion_type"),
]


@pytest.mark.parametrize(("build", "path", "value", "said"), OWN)
def test_contract_made_by_hand_is_as_strict(build: Build, path: str, value: Any, said: str) -> None:
    found = violations(changed(build, path, value))
    assert any(said in violation for violation in found), found


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"alg": "RS256"}, "alg PS256"),
        ({"sub": "somebody"}, "iss and sub"),
        ({"aud": "https://graph.microsoft.com"}, "as aud the token endpoint"),
        ({"jti": ""}, "needs jti"),
        ({"exp": 1_000_601}, "600 seconds at most"),
    ],
)
def test_assertion_of_ours_says_what_the_endpoint_checks(changes: dict[str, Any], said: str) -> None:
    found = violations(samples.token_by_assertion(**changes))
    assert len(found) == 1
    assert said in found[0]


def test_import_takes_500_indicators_at_most() -> None:
    results = {"value": [{"id": "1", "indicator": "tiktok.com", "isFailed": False, "failureReason": None}]}
    one = samples.indicator()["body"]
    assert violations(exchange("POST", "/api/indicators/import", 200, {"Indicators": [one] * 500}, results)) == []
    assert "at most 500" in violations(exchange("POST", "/api/indicators/import", 200, {"Indicators": [one] * 501}, results))[0]


def test_whole_log_is_checked_at_once() -> None:
    good = [build() for build in GOOD]
    assert_no_violations(good)
    bad = changed(samples.device_page, "query", "$tops=1")
    assert check_all([good[0], bad, bad])[0].startswith("exchange 2: GET /v1.0/deviceManagement/managedDevices: query: $tops")
    assert len(check_all([bad, bad])) == 1
    with pytest.raises(AssertionError, match="1 violations of the contract"):
        assert_no_violations([*good, bad])
    with pytest.raises(AssertionError, match="no exchange"):
        assert_no_violations([])


def test_log_entry_without_its_status_is_refused() -> None:
    with pytest.raises(ValueError, match="an exchange without status"):
        violations({"method": "GET", "path": "/v1.0/groups"})
