# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON batching: up to twenty requests in one (Intune fact sheet, 4)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ..exchange import Request, Response, readable
from .errors import Refusal, directory_refusal

if TYPE_CHECKING:
    from ..front import Front

LIMIT = 20
METHODS = {"GET", "POST", "PATCH", "PUT", "DELETE"}


def run_batch(request: Request, version: str, front: Front) -> Response:
    """Answer every item on its own; the order of the answers is not that of the requests."""
    try:
        body = request.json()
        items = checked_items(body["requests"])
    except (ValueError, KeyError, TypeError, AttributeError) as problem:
        raise refusal(f"Invalid batch payload format: {problem}") from problem
    answers: dict[str, dict[str, Any]] = {}
    for item in items:
        if any(answers[other]["status"] >= 400 for other in item.get("dependsOn", [])):
            error = {"error": {"code": "FailedDependency", "message": "A request that this one depends on failed."}}
            answers[item["id"]] = {"id": item["id"], "status": 424, "body": error}
        else:
            answers[item["id"]] = answer(request, version, front, item)
    return Response(200, {"responses": list(reversed(answers.values()))})


def refusal(message: str) -> Refusal:
    return directory_refusal(400, message, "BadRequest")


def checked_items(items: Any) -> list[dict[str, Any]]:
    if not isinstance(items, list) or not items or len(items) > LIMIT:
        raise refusal(f"Number of batch request steps must be between 1 and {LIMIT}.")
    seen: list[str] = []
    for item in items:
        unknown = set(item) - {"id", "method", "url", "headers", "body", "dependsOn"}
        if unknown or not isinstance(item["id"], str) or item["method"] not in METHODS or not isinstance(item["url"], str):
            raise refusal("Invalid batch payload format: every step needs id, method and url, as texts, and nothing unknown.")
        if item["id"].lower() in seen:
            raise refusal(f"Duplicate request id in the batch: {item['id']}")
        if not set(item.get("dependsOn", [])) <= {other["id"] for other in items if other["id"].lower() in seen}:
            raise refusal(f"Step {item['id']} depends on a step that doesn't come before it.")
        seen.append(item["id"].lower())
    check_pattern(items)
    return items


def check_pattern(items: list[dict[str, Any]]) -> None:
    """All parallel, all one after the other, or all after one and the same."""
    dependencies = [tuple(item.get("dependsOn", [])) for item in items]
    if not any(dependencies):
        return
    serial = [(), *((item["id"],) for item in items[:-1])]
    if dependencies != serial and (dependencies[0] or len(set(dependencies[1:])) != 1):
        raise refusal("The steps must be all parallel, all serial, or all depend on the same one.")


def answer(outer: Request, version: str, front: Front, item: dict[str, Any]) -> dict[str, Any]:
    url = item["url"]
    if url.startswith(("http:", "https:", "/v1.0", "/beta", "v1.0/", "beta/")) or url.strip("/").startswith("$batch"):
        error = {"error": {"code": "BadRequest", "message": f"Invalid batch step url: {url}. It is relative to the version."}}
        return {"id": item["id"], "status": 400, "body": error}
    own = item.get("headers") or {}
    if item.get("body") is not None and not any(name.lower() == "content-type" for name in own):
        error = {"error": {"code": "BadRequest", "message": "Write request with a body needs a Content-Type header of its own."}}
        return {"id": item["id"], "status": 400, "body": error}
    inherited = {name: value for name, value in outer.headers.items() if name.lower() in ("authorization", "client-request-id")}
    body = b"" if item.get("body") is None else json.dumps(item["body"]).encode()
    inner = Request(item["method"], f"/graph/{version}/{url.lstrip('/')}", {**inherited, **own}, body, outer.origin, inner=True)
    response, fault = front.exchange(inner)
    if fault is not None:
        outer.inner_faults[item["id"]] = fault
    if response is None:
        error = {"error": {"code": "GatewayTimeout", "message": "The service did not answer in time."}}
        return {"id": item["id"], "status": 504, "body": error}
    headers = {name: value for name, value in response.headers.items() if name in ("Retry-After", "Content-Type", "Location")}
    result: dict[str, Any] = {"id": item["id"], "status": response.status, "headers": headers}
    content = response.document if response.body is None else readable(response.body)
    if content is not None or response.body:
        result["body"] = content
    return result
