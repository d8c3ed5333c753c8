# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Exchanges as a simulator logs them, right in every part: what the tests begin with."""

from __future__ import annotations

import base64
import json
from typing import Any

GROUP = "11111111-2222-4333-8444-555555555555"
EXEMPT = "66666666-7777-4888-9999-aaaaaaaaaaaa"
POLICY = "0f0f0f0f-1111-4222-8333-444444444444"
FILTER = "abababab-1111-4222-8333-444444444444"
DEVICE = "dddddddd-1111-4222-8333-444444444444"
JSON = {"Content-Type": "application/json"}
MANAGED = "/v1.0/deviceManagement/managedDevices"
COMPLIANCE = "/beta/deviceManagement/deviceCompliancePolicies"
CATALOG = "/beta/deviceManagement/configurationPolicies"
SETTING = "#microsoft.graph.deviceManagementConfiguration"
BLOCKED = "com.apple.applicationaccess_blockedappbundleids"


def exchange(method: str, path: str, status: int, body: Any = None, response: Any = None, **more: Any) -> dict[str, Any]:
    """A log entry; a body comes with the header that says what it is."""
    return {
        "method": method,
        "path": path,
        "query": {},
        "headers": dict(JSON) if body is not None else {},
        "body": body,
        "status": status,
        "response_headers": dict(JSON) if response is not None else {},
        "response": response,
        **more,
    }


def app(bundle: str = "com.zhiliaoapp.musically") -> dict[str, Any]:
    item = {"@odata.type": "#microsoft.graph.appListItem", "name": "TikTok", "publisher": "ByteDance"}
    return {**item, "appId": bundle, "appStoreUrl": "https://apps.apple.com/app/id835599320"}


def include() -> dict[str, Any]:
    return {
        "@odata.type": "#microsoft.graph.groupAssignmentTarget",
        "groupId": GROUP,
        "deviceAndAppManagementAssignmentFilterId": FILTER,
        "deviceAndAppManagementAssignmentFilterType": "include",
    }


def exclude() -> dict[str, Any]:
    return {"@odata.type": "#microsoft.graph.exclusionGroupAssignmentTarget", "groupId": EXEMPT}


def block(hours: int = 0) -> dict[str, Any]:
    return {"actionType": "block", "gracePeriodHours": hours, "notificationTemplateId": "", "notificationMessageCCList": []}


def settings_catalog_body() -> dict[str, Any]:
    """An iOS policy that hides two apps."""
    bundles = ("com.zhiliaoapp.musically", "com.lemon.lvoverseas")
    texts = [{"@odata.type": SETTING + "StringSettingValue", "value": bundle} for bundle in bundles]
    collection = {
        "@odata.type": SETTING + "SimpleSettingCollectionInstance",
        "settingDefinitionId": BLOCKED,
        "simpleSettingCollectionValue": texts,
    }
    group = {"@odata.type": SETTING + "GroupSettingValue", "children": [collection]}
    instance = {
        "@odata.type": SETTING + "GroupSettingCollectionInstance",
        "settingDefinitionId": "com.apple.applicationaccess_com.apple.applicationaccess",
        "groupSettingCollectionValue": [group],
    }
    return {
        "name": "BAN tiktok ios block",
        "description": "managed-by=appban.endpoint;ban=tiktok",
        "platforms": "iOS",
        "technologies": "mdm,appleRemoteManagement",
        "roleScopeTagIds": ["0"],
        "settings": [{"@odata.type": SETTING + "Setting", "settingInstance": instance}],
    }


def settings_catalog() -> dict[str, Any]:
    stored = {key: value for key, value in settings_catalog_body().items() if key != "settings"}
    answer = {"@odata.context": "https://graph/beta/$metadata#x/$entity", "id": POLICY, "createdDateTime": "2026-03-01T08:00:00.1234567Z"}
    return exchange("POST", CATALOG, 201, settings_catalog_body(), {**answer, "settingCount": 1, "isAssigned": False, **stored})


def compliance_body() -> dict[str, Any]:
    rule = {"ruleName": "PasswordRequired", "scheduledActionConfigurations": [block(72)]}
    return {
        "@odata.type": "#microsoft.graph.iosCompliancePolicy",
        "displayName": "BAN tiktok ios report",
        "description": "managed-by=appban.endpoint;ban=tiktok",
        "restrictedApps": [app()],
        "scheduledActionsForRule": [rule],
    }


def compliance() -> dict[str, Any]:
    stored = {key: value for key, value in compliance_body().items() if key != "scheduledActionsForRule"}
    return exchange("POST", COMPLIANCE, 201, compliance_body(), {"id": POLICY, "version": 1, **stored})


def compliance_read() -> dict[str, Any]:
    rule = {"id": "r1", "ruleName": None, "scheduledActionConfigurations": [{"id": "a1", **block(72)}]}
    policy = {
        "@odata.type": "#microsoft.graph.iosCompliancePolicy",
        "id": POLICY,
        "displayName": "BAN tiktok ios report",
        "assignments@odata.context": "https://graph/beta/$metadata#assignments",
        "assignments": [{"id": "x_y", "target": include()}],
        "scheduledActionsForRule@odata.context": "https://graph/beta/$metadata#rules",
        "scheduledActionsForRule": [rule],
    }
    query = {
        "$select": "id,displayName,restrictedApps",
        "$expand": "assignments,scheduledActionsForRule($expand=scheduledActionConfigurations)",
        "$filter": "startswith(displayName,'BAN tik''tok') and lastModifiedDateTime gt 2026-03-01T00:00:00Z",
    }
    return exchange("GET", COMPLIANCE, 200, None, {"value": [policy]}, query=query)


def assign() -> dict[str, Any]:
    body = {"assignments": [{"target": include()}, {"target": exclude()}]}
    answer = {"@odata.context": "https://graph/beta/$metadata#assignments", "value": [{"id": "1", "target": include()}]}
    return exchange("POST", f"{CATALOG}('{POLICY}')/assign", 200, body, answer)


def app_assign() -> dict[str, Any]:
    assignment = {"@odata.type": "#microsoft.graph.mobileAppAssignment", "intent": "uninstall", "settings": None, "target": include()}
    return exchange("POST", f"/beta/deviceAppManagement/mobileApps/{POLICY}/assign", 204, {"mobileAppAssignments": [assignment]})


def device() -> dict[str, Any]:
    return {
        "id": DEVICE,
        "deviceName": "iPhone of Ada",
        "operatingSystem": "iOS",
        "managedDeviceOwnerType": "company",
        "isSupervised": True,
        "complianceState": "inGracePeriod",
        "managementAgent": "mdm",
        "lastSyncDateTime": "2026-03-14T23:59:59Z",
        "totalStorageSpaceInBytes": 64_000_000_000,
        "serialNumber": "C02XX",
    }


def device_page() -> dict[str, Any]:
    page = {
        "@odata.context": "https://graph/v1.0/$metadata#deviceManagement/managedDevices",
        "@odata.count": 1001,
        "@odata.nextLink": f"https://graph{MANAGED}?$top=1000&$skiptoken=abc",
        "value": [device()],
    }
    return exchange("GET", MANAGED, 200, None, page, query=f"$top=1000&$select={','.join(device())}")


def next_page() -> dict[str, Any]:
    return exchange("GET", MANAGED, 200, None, {"value": [device()]}, query={"$top": "1000", "$skiptoken": "abc"})


def group_create() -> dict[str, Any]:
    body = {
        "displayName": "BAN tiktok exempt",
        "description": "managed-by=appban.endpoint",
        "mailEnabled": False,
        "mailNickname": "ban-tiktok-exempt",
        "securityEnabled": True,
        "members@odata.bind": [f"https://graph.microsoft.com/v1.0/users/{DEVICE}"],
    }
    context = "https://graph/v1.0/$metadata#groups/$entity"
    answer = {"@odata.context": context, "id": EXEMPT, "groupTypes": [], "displayName": "BAN tiktok exempt"}
    return exchange("POST", "/v1.0/groups", 201, body, answer)


def group_search() -> dict[str, Any]:
    query = {"$filter": "displayName eq 'BAN'", "$select": "id,displayName", "$count": "true"}
    headers = {"ConsistencyLevel": "eventual"}
    return exchange("GET", "/v1.0/groups", 200, None, {"@odata.count": 0, "value": []}, query=query, headers=headers)


def member_add() -> dict[str, Any]:
    body = {"@odata.id": f"https://graph.microsoft.com/v1.0/directoryObjects/{DEVICE}"}
    return exchange("POST", f"/v1.0/groups/{EXEMPT}/members/$ref", 204, body)


def members() -> dict[str, Any]:
    answer = {"value": [{"@odata.type": "#microsoft.graph.user", "id": DEVICE, "displayName": "Ada"}]}
    return exchange("GET", f"/v1.0/groups/{EXEMPT}/members", 200, None, answer)


def export_job() -> dict[str, Any]:
    body = {"reportName": "AppInvRawData", "format": "csv", "select": ["DeviceId", "ApplicationKey"], "filter": ""}
    answer = {"id": "AppInvRawData_1", "status": "notStarted", "url": None, "requestDateTime": "2026-03-15T00:00:00Z", **body}
    return exchange("POST", "/v1.0/deviceManagement/reports/exportJobs", 201, body, answer)


def export_poll() -> dict[str, Any]:
    url = "https://x.blob.core.windows.net/a.zip?sv=1"
    answer = {"id": "AppInvRawData_1", "status": "completed", "url": url, "reportName": "AppInvRawData"}
    return exchange("GET", "/v1.0/deviceManagement/reports/exportJobs('AppInvRawData_1')", 200, None, answer)


def throttled() -> dict[str, Any]:
    inner = {"date": "2026-03-15T00:00:00", "request-id": DEVICE, "client-request-id": DEVICE}
    error = {"error": {"code": "TooManyRequests", "message": "", "innerError": inner}}
    headers = {**JSON, "Retry-After": "7"}
    return exchange("GET", MANAGED, 429, None, error, response_headers=headers)


def batched(count: int = 2) -> dict[str, Any]:
    """Reads, and after them one write that depends on the first."""
    requests: list[dict[str, Any]] = [
        {"id": str(number), "method": "GET", "url": "/deviceManagement/managedDevices?$top=5"} for number in range(1, count)
    ]
    write = {"id": "w", "method": "POST", "url": f"/groups/{EXEMPT}/members/$ref", "headers": dict(JSON), "body": member_add()["body"]}
    requests.append({**write, "dependsOn": ["1"]} if count > 1 else write)
    answers = [{"id": "w", "status": 204, "headers": {}}]
    answers += [{"id": str(number), "status": 200, "headers": dict(JSON), "body": {"value": [device()]}} for number in range(1, count)]
    return exchange("POST", "/v1.0/$batch", 200, {"requests": requests}, {"responses": answers})


def token() -> dict[str, Any]:
    form = {
        "client_id": DEVICE,
        "scope": "https://graph.microsoft.com/.default",
        "grant_type": "client_credentials",
        "client_secret": "s3cret",
    }
    answer = {"token_type": "Bearer", "expires_in": 3599, "ext_expires_in": 3599, "access_token": "eyJ"}
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    return exchange("POST", f"/login/{POLICY}/oauth2/v2.0/token", 200, form, answer, headers=headers)


def token_by_assertion(**changes: Any) -> dict[str, Any]:
    """As token, with a certificate's assertion in place of the secret; the changes go into its claims, or into its header."""
    header = {"alg": "PS256", "typ": "JWT", "x5t#S256": "abc"}
    aud = f"https://login.microsoftonline.com/{POLICY}/oauth2/v2.0/token"
    claims: dict[str, Any] = {"aud": aud, "iss": DEVICE, "sub": DEVICE, "jti": FILTER, "iat": 1_000_000, "exp": 1_000_600}
    for name, value in changes.items():
        (header if name in header else claims)[name] = value
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in (header, claims)]
    asked = token()
    del asked["body"]["client_secret"]
    asked["body"]["client_assertion_type"] = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    asked["body"]["client_assertion"] = ".".join([*parts, "c2ln"])
    return asked


def indicator() -> dict[str, Any]:
    body = {
        "indicatorValue": "tiktok.com",
        "indicatorType": "DomainName",
        "action": "Block",
        "title": "BAN tiktok",
        "description": "managed-by=appban.endpoint",
        "severity": "Informational",
        "expirationTime": "2026-09-15T00:00:00Z",
        "rbacGroupNames": [],
    }
    made = {"id": "994", "sourceType": "AadApp", "createdByDisplayName": "appban", "creationTimeDateTimeUtc": "2026-03-15T00:00:00Z"}
    answer = {**made, **body}
    return exchange("POST", "/defender/api/indicators", 200, body, answer)


def indicators() -> dict[str, Any]:
    query = {"$filter": "indicatorValue eq 'tiktok.com'", "$top": "10"}
    return exchange("GET", "/defender/api/indicators", 200, None, {"value": [indicator()["response"]]}, query=query)


GOOD = (
    settings_catalog, compliance, compliance_read, assign, app_assign, device_page, next_page, group_create, group_search, member_add,
    members, export_job, export_poll, throttled, batched, token, token_by_assertion, indicator, indicators,
)  # fmt: skip
