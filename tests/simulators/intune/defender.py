# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Indicators of Defender for Endpoint, an API of its own with a token of its own (Intune fact sheet, 3.11)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..clock import parse_instant
from ..exchange import Request, Response
from .errors import Refusal
from .query import Filter, NotUnderstood

if TYPE_CHECKING:
    from .tenant import Tenant

TYPES = {"FileSha1", "FileSha256", "FileMd5", "CertificateThumbprint", "IpAddress", "DomainName", "Url"}
ACTIONS = {"Warn", "Block", "Audit", "Alert", "AlertAndBlock", "BlockAndRemediate", "Allowed"}
SEVERITIES = {"Informational", "Low", "Medium", "High"}
FIELDS = {
    "indicatorValue", "indicatorType", "action", "title", "description", "severity", "expirationTime", "rbacGroupNames", "application",
    "recommendedActions", "generateAlert", "educateUrl",
}  # fmt: skip
ACTIVE_LIMIT = 15000
IMPORT_LIMIT = 500


def answer(tenant: Tenant, request: Request) -> Response:
    """Routes /api/indicators; a token sees only what its application submitted."""
    claims = tenant.identities.claims_of(request, "defender")
    if not {"Ti.ReadWrite", "Ti.ReadWrite.All"} & set(claims["roles"]):
        raise Refusal(403, "The application does not have any of the required application permissions (Ti.ReadWrite).", intune=False)
    parts = request.path.strip("/").split("/")
    if parts == ["api", "indicators", "import"] and request.method == "POST":
        tenant.throttle.take("defender imports", 1, tenant.settings.defender_imports_per_minute, 60, "60")
        return imported(tenant, request, claims)
    tenant.throttle.take("defender", 1, tenant.settings.defender_per_minute, 60, "60")
    if parts == ["api", "indicators"] and request.method == "GET":
        return listed(tenant, request, claims)
    if parts == ["api", "indicators"] and request.method == "POST":
        return submitted(tenant, request, claims)
    if parts[:2] == ["api", "indicators"] and len(parts) == 3 and request.method in ("GET", "DELETE"):
        indicator = tenant.indicators.get(parts[2])
        if indicator is None or not may_see(indicator, claims):
            raise Refusal(404, f"Resource not found: indicator {parts[2]}", "ResourceNotFound", intune=False)
        if request.method == "DELETE":
            del tenant.indicators[parts[2]]
            return Response(204)
        return Response(200, indicator)
    raise Refusal(404, "Resource not found for the segment.", "NotFound", intune=False)


def may_see(indicator: dict[str, Any], claims: dict[str, Any]) -> bool:
    return "Ti.ReadWrite.All" in claims["roles"] or indicator["createdBy"] == claims["appid"]


def active(tenant: Tenant) -> dict[str, dict[str, Any]]:
    """Expired ones are gone without anybody's doing."""
    now = tenant.clock.now
    return {
        key: item
        for key, item in tenant.indicators.items()
        if item["expirationTime"] is None or parse_instant(item["expirationTime"]) > now
    }


def listed(tenant: Tenant, request: Request, claims: dict[str, Any]) -> Response:
    rows = [item for item in active(tenant).values() if may_see(item, claims)]
    if "$filter" in request.query:
        try:
            parsed = Filter(request.query["$filter"])
        except NotUnderstood as problem:
            raise Refusal(400, f"Invalid filter: {problem}", "InvalidInput", intune=False) from problem
        rows = [row for row in rows if parsed.test(row)]
    start = int(request.query.get("$skip", "0"))
    return Response(200, {"value": rows[start : start + min(10000, int(request.query.get("$top", "10000")))]})


def submitted(tenant: Tenant, request: Request, claims: dict[str, Any]) -> Response:
    """Submit or update one indicator."""
    return Response(200, kept(tenant, json_of(request), claims))


def imported(tenant: Tenant, request: Request, claims: dict[str, Any]) -> Response:
    """Submit or update up to 500; every one is answered for on its own."""
    body = json_of(request)
    if not isinstance(body, dict) or set(body) != {"Indicators"} or not isinstance(body["Indicators"], list):
        raise Refusal(400, "The body must be one collection, Indicators.", "InvalidInput", intune=False)
    if not 1 <= len(body["Indicators"]) <= IMPORT_LIMIT:
        raise Refusal(400, f"Between 1 and {IMPORT_LIMIT} indicators can be imported at once.", "InvalidInput", intune=False)
    results = []
    for item in body["Indicators"]:
        result = {"id": None, "indicator": item.get("indicatorValue"), "isFailed": False, "failureReason": None}
        try:
            result["id"] = kept(tenant, item, claims)["id"]
        except Refusal as refusal:
            result.update(isFailed=True, failureReason=refusal.message)
        results.append(result)
    return Response(200, {"value": results})


def json_of(request: Request) -> Any:
    try:
        return request.json()
    except ValueError as problem:
        raise Refusal(400, "The request body is not valid JSON.", "InvalidInput", intune=False) from problem


def kept(tenant: Tenant, body: Any, claims: dict[str, Any]) -> dict[str, Any]:
    """The value and the type are the key: what exists is updated."""
    complaint = wrong_with(body, tenant)
    if complaint:
        raise Refusal(400, complaint, "InvalidInput", intune=False)
    existing = next((item for item in active(tenant).values()
                     if (item["indicatorValue"], item["indicatorType"])
                     == (body["indicatorValue"], body["indicatorType"])), None)  # fmt: skip
    if existing is not None and not may_see(existing, claims):
        raise Refusal(400, "An indicator with this value exists and belongs to another application.", "InvalidInput", intune=False)
    if existing is None and len(active(tenant)) >= ACTIVE_LIMIT:
        raise Refusal(400, f"Maximum number of indicators reached: {ACTIVE_LIMIT}.", "InvalidInput", intune=False)
    key = existing["id"] if existing else str(int(tenant.new_id("indicators")[:8], 16))
    now = tenant.now()
    tenant.indicators[key] = {
        **dict.fromkeys(sorted(FIELDS)), "rbacGroupNames": [], "generateAlert": False, **body, "id": key, "createdBy": claims["appid"],
        "createdByDisplayName": "appban", "createdBySource": "PublicApi", "source": "appban", "sourceType": "AadApp",
        "creationTimeDateTimeUtc": existing["creationTimeDateTimeUtc"] if existing else now, "lastUpdateTime": now,
        "lastUpdatedBy": claims["appid"],
    }  # fmt: skip
    return tenant.indicators[key]


def wrong_with(body: Any, tenant: Tenant) -> str | None:
    """What the service would complain about, if anything."""
    if not isinstance(body, dict):
        return "An object was expected."
    unknown = set(body) - FIELDS
    if unknown:
        return f"Unknown properties: {', '.join(sorted(unknown))}"
    missing = {"indicatorValue", "indicatorType", "action", "title", "description"} - {name for name, value in body.items() if value}
    if missing:
        return f"Missing: {', '.join(sorted(missing))}"
    if body["indicatorType"] not in TYPES or body["action"] not in ACTIONS or body.get("severity", "Low") not in SEVERITIES:
        return "indicatorType, action or severity is not valid."
    if body["action"] == "Audit" and not body.get("generateAlert"):
        return "generateAlert must be true with the action Audit."
    if body.get("expirationTime"):
        try:
            expired = parse_instant(body["expirationTime"]) <= tenant.clock.now
        except ValueError:
            return "expirationTime is no instant."
        if expired:
            return "expirationTime must be in the future."
    return None
