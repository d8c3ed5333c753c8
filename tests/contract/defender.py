# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract of Defender for Endpoint's indicators, made by hand from Microsoft's pages on the Indicator resource and its methods.

It says no more than those pages do (learn.microsoft.com, defender-endpoint/api: ti-indicator, post-ti-indicator, import-ti-indicators,
get-ti-indicators-collection, delete-ti-indicator-by-id).
"""

from __future__ import annotations

import functools
import re
from typing import Any

from .exchange import Exchange
from .openapi import compile_contract
from .query_options import split
from .shapes import Contract
from .values import Judge, listed, nearest, show

PATH = re.compile(r"(?P<prefix>.*?)(?P<path>/api/indicators(?:/.*)?)")
LARGEST_PAGE = 10_000
TYPES = ("FileSha1", "FileSha256", "FileMd5", "CertificateThumbprint", "IpAddress", "DomainName", "Url")
# Alert and AlertAndBlock ended in January 2022.
ACTIONS = ("Warn", "Block", "Audit", "BlockAndRemediate", "Allowed")
SEVERITIES = ("Informational", "Low", "Medium", "High")
SET_BY_SERVICE = {
    "id": {"type": "string"},
    "source": {"type": "string", "nullable": True},
    "sourceType": {"type": "string", "enum": ["User", "AadApp"]},
    "createdBySource": {"type": "string", "nullable": True},
    "createdBy": {"type": "string", "nullable": True},
    # The page on the list names it, the one on the resource doesn't.
    "createdByDisplayName": {"type": "string", "nullable": True},
    "lastUpdatedBy": {"type": "string", "nullable": True},
    "creationTimeDateTimeUtc": {"type": "string", "format": "date-time"},
    "lastUpdateTime": {"type": "string", "format": "date-time", "nullable": True},
    "rbacGroupIds": {"type": "array", "items": {"type": "string"}},
}
SET_BY_US = {
    "indicatorValue": {"type": "string"},
    "indicatorType": {"type": "string", "enum": list(TYPES)},
    "action": {"type": "string", "enum": list(ACTIONS)},
    "title": {"type": "string"},
    "description": {"type": "string"},
    "application": {"type": "string", "nullable": True},
    "externalID": {"type": "string", "nullable": True},
    "expirationTime": {"type": "string", "format": "date-time", "nullable": True},
    "severity": {"type": "string", "enum": list(SEVERITIES)},
    "recommendedActions": {"type": "string", "nullable": True},
    "rbacGroupNames": {"type": "array", "items": {"type": "string"}},
    "educateUrl": {"type": "string", "nullable": True},
    "generateAlert": {"type": "boolean"},
}
REQUIRED = ["indicatorValue", "indicatorType", "action", "title", "description"]
CONTEXT = {"@odata.context": {"type": "string"}}


def _json(name: str) -> dict[str, Any]:
    return {"content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}}


def _object(properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": required}


def _query(*names: str) -> list[dict[str, str]]:
    return [{"name": name, "in": "query"} for name in names]


ERROR = {"4XX": _json("failure"), "5XX": _json("failure")}
DOCUMENT: dict[str, Any] = {
    "paths": {
        "/api/indicators": {
            "get": {"parameters": _query("$filter", "$top", "$skip"), "responses": {"200": _json("indicators"), **ERROR}},
            "post": {"requestBody": _json("submission"), "responses": {"200": _json("indicator"), **ERROR}},
        },
        "/api/indicators/import": {"post": {"requestBody": _json("import"), "responses": {"200": _json("imported"), **ERROR}}},
        "/api/indicators/{id}": {"delete": {"responses": {"204": {}, **ERROR}}},
    },
    "components": {
        "schemas": {
            "submission": _object(SET_BY_US, REQUIRED),
            "indicator": _object({**SET_BY_SERVICE, **SET_BY_US}, ["id", "indicatorValue", "indicatorType", "action"]),
            "indicators": _object(
                {
                    **CONTEXT,
                    "@odata.nextLink": {"type": "string"},
                    "value": {"type": "array", "items": {"$ref": "#/components/schemas/indicator"}},
                },
                ["value"],
            ),
            "import": _object(
                {"Indicators": {"type": "array", "maxItems": 500, "items": {"$ref": "#/components/schemas/submission"}}}, ["Indicators"]
            ),
            "imported": _object({"value": {"type": "array", "items": {"$ref": "#/components/schemas/result"}}}, ["value"]),
            "result": _object(
                {
                    "id": {"type": "string", "nullable": True},
                    "indicator": {"type": "string"},
                    "isFailed": {"type": "boolean"},
                    "failureReason": {"type": "string", "nullable": True},
                },
                ["indicator", "isFailed"],
            ),
            "failure": _object({"error": {"$ref": "#/components/schemas/error"}}, ["error"]),
            "error": _object(
                {"code": {"type": "string"}, "message": {"type": "string"}, "target": {"type": "string"}}, ["code", "message"]
            ),
        }
    },
}


def is_defender(path: str) -> bool:
    return PATH.fullmatch(path) is not None


@functools.cache
def defender_contract() -> Contract:
    return compile_contract(DOCUMENT, "the indicators API")


def defender_violations(exchange: Exchange) -> list[str]:
    """List what is wrong with an exchange with the indicators API."""
    contract, found = defender_contract(), list[str]()
    match = PATH.fullmatch(exchange.path)
    template = contract.template(match["path"].strip("/").split("/")) if match else None
    operation = contract.paths[template].get(exchange.method) if template else None
    if operation is None:
        return [f"{exchange.lead}: not in the contract of {contract.version}, which has {listed(contract.paths)}"]
    _judge_query(exchange, operation.query, found)
    if operation.request is None:
        if exchange.body is not None:
            found.append(f"{exchange.lead}: request body: {show(exchange.body)}, expected none")
    else:
        said = (exchange.headers or {}).get("content-type", "")
        if exchange.headers is not None and not said.startswith("application/json"):
            found.append(f"{exchange.lead}: Content-Type is {said or 'missing'}, expected application/json")
        Judge(contract, found, exchange.lead, True).value(exchange.body, operation.request.shape)
        _judge_audit(exchange, found)
    if exchange.answer_counts:
        _judge_answer(exchange, contract, operation.responses, found)
    return found


def _judge_query(exchange: Exchange, declared: frozenset[str], found: list[str]) -> None:
    names = {**SET_BY_US, **SET_BY_SERVICE}
    for option, value in exchange.query:
        if option not in declared:
            found.append(f"{exchange.lead}: query: {option} is no option here{nearest(option, declared)}")
        elif option in {"$top", "$skip"} and not (value.isdigit() and int(value) <= LARGEST_PAGE):
            found.append(f"{exchange.lead}: query: {option} is {value!r}, expected up to {LARGEST_PAGE}")
        elif option == "$filter":
            for name in re.findall(r"([A-Za-z]\w*)\s+(?:eq|ne|gt|ge|lt|le|in)\s", " ".join(split(value, "'"))):
                if name not in names:
                    found.append(f"{exchange.lead}: query: $filter: {name!r} is no property of an indicator{nearest(name, names)}")


def _judge_audit(exchange: Exchange, found: list[str]) -> None:
    body = exchange.body if isinstance(exchange.body, dict) else {}
    several = body.get("Indicators")
    for indicator in several if isinstance(several, list) else [body]:
        if isinstance(indicator, dict) and indicator.get("action") == "Audit" and indicator.get("generateAlert") is not True:
            found.append(f"{exchange.lead}: request body /generateAlert: must be true with the action Audit")


def _judge_answer(exchange: Exchange, contract: Contract, responses: Any, found: list[str]) -> None:
    status = exchange.status or 0
    declared = str(status) if str(status) in responses else f"{status // 100}XX"
    if declared not in responses:
        found.append(f"{exchange.lead}: answered with {status}, the contract has {listed(responses)}")
        return
    body = responses[declared]
    if body is None:
        if exchange.response is not None:
            found.append(f"{exchange.lead}: response body: {show(exchange.response)}, but {status} has none")
        return
    Judge(contract, found, exchange.lead, False).value(exchange.response, body.shape)
