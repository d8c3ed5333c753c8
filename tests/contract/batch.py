# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Judge a $batch beyond its envelope: its rules of its own, and every request in it with its answer as an exchange."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from . import graph
from .exchange import Exchange, read_exchange
from .shapes import Contract
from .values import show

ITEM_KEYS = ("id", "method", "url")


def batch_violations(exchange: Exchange, prefix: str, contracts: Mapping[str, Contract]) -> list[str]:
    """List what is wrong inside a batch. The envelope itself has been held against the contract before."""
    found: list[str] = []
    requests = _items(exchange.body, "requests")
    answers = _answers(exchange, found)
    root = exchange.path.removesuffix("/$batch")
    _judge_ids(exchange, requests, answers, found)
    for request in requests:
        if not all(isinstance(request.get(key), str) for key in ITEM_KEYS):
            continue
        lead = f"{exchange.lead}: request {request['id']}"
        if not _judge_url(request["url"], lead, found):
            continue
        headers = request.get("headers")
        if request.get("body") is not None and "content-type" not in {str(name).lower() for name in headers or ()}:
            found.append(f"{lead}: a body without the header Content-Type")
        inner = _inner(request, None if answers is None else answers.get(request["id"]), root)
        found += [f"{lead}: {text}" for text in graph.graph_violations(inner, contracts)]
    return found


def _items(body: Any, name: str) -> list[dict[str, Any]]:
    items = body.get(name) if isinstance(body, dict) else None
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def _answers(exchange: Exchange, found: list[str]) -> dict[str, dict[str, Any]] | None:
    """The answers by id; None where the batch as a whole was not answered."""
    if not exchange.answer_counts or exchange.status != 200:
        return None
    answers: dict[str, dict[str, Any]] = {}
    for answer in _items(exchange.response, "responses"):
        key = str(answer.get("id"))
        if key in answers:
            found.append(f"{exchange.lead}: response {key}: answered twice")
        answers[key] = answer
    return answers


def _judge_ids(
    exchange: Exchange, requests: list[dict[str, Any]], answers: dict[str, dict[str, Any]] | None, found: list[str]
) -> None:
    before: set[Any] = set()
    every = {str(request.get("id")) for request in requests}
    for request in requests:
        key = str(request.get("id"))
        if key in before:
            found.append(f"{exchange.lead}: request {key}: the id is there twice, each has to be unique")
        depends = request.get("dependsOn")
        for needed in depends if isinstance(depends, list) else []:
            if needed not in every:
                found.append(f"{exchange.lead}: request {key}: dependsOn {show(needed)}, which is no id of this batch")
            elif needed not in before or needed == key:
                found.append(f"{exchange.lead}: request {key}: dependsOn {show(needed)}, which doesn't stand before it")
        before.add(key)
    if answers is not None:
        found += [f"{exchange.lead}: request {key}: not answered" for key in sorted(every - answers.keys())]
        found += [f"{exchange.lead}: response {key}: answers no request" for key in sorted(answers.keys() - every)]


def _judge_url(url: str, lead: str, found: list[str]) -> bool:
    if not url.startswith("/"):
        found.append(f"{lead}: the url {show(url)} doesn't begin with /")
    elif re.match(r"/(?:v1\.0|beta)(?:/|$)", url):
        found.append(f"{lead}: the url {show(url)} names a version; the batch's own holds")
    elif url.partition("?")[0] == "/$batch":
        found.append(f"{lead}: a batch in a batch")
    else:
        return True
    return False


def _inner(request: dict[str, Any], answer: dict[str, Any] | None, root: str) -> Exchange:
    url = urlsplit(request["url"])
    headers = request.get("headers") if isinstance(request.get("headers"), dict) else {}
    # A missing Content-Type has been reported as a rule of batches, so the headers are left out then.
    has_type = any(str(name).lower() == "content-type" for name in headers or {})
    return read_exchange(
        {
            "method": request["method"],
            "path": root + unquote(url.path),
            "query": url.query,
            "headers": headers if has_type or request.get("body") is None else None,
            "body": request.get("body"),
            "status": answer.get("status") if answer and isinstance(answer.get("status"), int) else None,
            "response_headers": answer.get("headers") if answer and isinstance(answer.get("headers"), dict) else None,
            "response": answer.get("body") if answer else None,
        }
    )
