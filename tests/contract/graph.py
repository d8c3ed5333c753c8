# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Judge one exchange with Microsoft Graph."""

from __future__ import annotations

import re
from collections.abc import Mapping

from . import batch
from .exchange import Exchange
from .query_options import QueryJudge
from .shapes import Body, Contract, Operation, Shape
from .values import Judge, Selection, listed, nearest, show

VERSIONED = re.compile(r"(?P<prefix>.*?)/(?P<version>v1\.0|beta)(?P<rest>/.*)?")
# configurationPolicies('...') is the same as configurationPolicies/...
KEYED = re.compile(r"(?P<name>[A-Za-z]\w*)\('?(?P<key>[^'=()]+)'?\)")
REFERENCE = re.compile(r"https?://.+/(?:directoryObjects|users|groups|devices|servicePrincipals)/[^/]+")
# Gateways in front of the service answer these, with whatever body they have.
GATEWAY_ERRORS = frozenset({502, 503, 504})


def is_graph(path: str) -> bool:
    """Whether a path has one of Graph's versions in it."""
    return VERSIONED.fullmatch(path) is not None


def graph_violations(exchange: Exchange, contracts: Mapping[str, Contract]) -> list[str]:
    """List what is wrong with an exchange whose path has one of Graph's versions in it."""
    match = VERSIONED.fullmatch(exchange.path)
    assert match
    contract = contracts[match["version"]]
    other = next((found for version, found in contracts.items() if version != match["version"]), None)
    segments = path_segments(match["rest"] or "/")
    template = contract.template(segments)
    if template is None:
        elsewhere = other and other.template(segments)
        hint = f"; {other.version} has it" if other and elsewhere else nearest("/" + "/".join(segments), contract.paths)
        return [f"{exchange.lead}: the path is not in the contract of {contract.version}{hint}"]
    operation = contract.paths[template].get(exchange.method)
    if operation is None:
        return [f"{exchange.lead}: the contract of {contract.version} has only {listed(contract.paths[template])} for {template}"]
    found = operation_violations(exchange, contract, operation, template, other)
    if template == "/$batch":
        found += batch.batch_violations(exchange, match["prefix"], contracts)
    return found


def path_segments(path: str) -> list[str]:
    """Split a path below the version, with keys in parentheses as segments of their own and short names of types."""
    found: list[str] = []
    for segment in path.removeprefix("/").split("/"):
        keyed = KEYED.fullmatch(segment)
        found += [keyed["name"], keyed["key"]] if keyed else [re.sub(r"^microsoft\.graph\.", "graph.", segment)]
    return found


def operation_violations(
    exchange: Exchange, contract: Contract, operation: Operation, template: str, other: Contract | None
) -> list[str]:
    """Judge query, headers, request and answer against one operation."""
    found: list[str] = []
    options = QueryJudge(contract, operation, template, _answered_type(contract, operation)).judge(exchange.query)
    found += [f"{exchange.lead}: {problem}" for problem in options.problems]
    _judge_advanced_query(exchange, operation, found)
    _judge_request(exchange, contract, operation, template, other, found)
    if exchange.answer_counts:
        selection = options.selection if exchange.method == "GET" else None
        _judge_answer(exchange, contract, operation, selection, other, found)
    return found


def _judge_advanced_query(exchange: Exchange, operation: Operation, found: list[str]) -> None:
    """The directory counts and searches only for those who accept answers that lag behind."""
    if "ConsistencyLevel" not in operation.headers or exchange.headers is None:
        return
    query = dict(exchange.query)
    needs = [name for name in ("$count", "$search") if query.get(name, "false") != "false"]
    if needs and exchange.headers.get("consistencylevel", "").lower() != "eventual":
        found.append(f"{exchange.lead}: {' and '.join(needs)} without the header ConsistencyLevel: eventual")


def _judge_request(
    exchange: Exchange, contract: Contract, operation: Operation, template: str, other: Contract | None, found: list[str]
) -> None:
    if operation.request is None:
        if exchange.body not in (None, ""):
            found.append(f"{exchange.lead}: request body: {show(exchange.body)}, expected none")
        return
    if exchange.body in (None, ""):
        found.append(f"{exchange.lead}: no request body, expected {operation.request.media_type}")
        return
    said = (exchange.headers or {}).get("content-type", "")
    if exchange.headers is not None and said.split(";")[0].strip().lower() != operation.request.media_type:
        found.append(f"{exchange.lead}: Content-Type is {said or 'missing'}, expected {operation.request.media_type}")
    Judge(contract, found, exchange.lead, True, other).value(exchange.body, operation.request.shape)
    if template.endswith("/$ref") and isinstance(exchange.body, dict):
        link = exchange.body.get("@odata.id")
        if not isinstance(link, str) or not REFERENCE.fullmatch(link):
            found.append(f"{exchange.lead}: request body /@odata.id: {show(link)}, expected the URL of a directory object")


def _judge_answer(
    exchange: Exchange, contract: Contract, operation: Operation, selection: Selection | None, other: Contract | None, found: list[str]
) -> None:
    status = exchange.status or 0
    if operation.rejected and 200 <= status < 300:
        found.append(f"{exchange.lead}: answered with {status}, but the service rejects this operation: {operation.rejected}")
        return
    declared = str(status) if str(status) in operation.responses else f"{status // 100}XX"
    if declared not in operation.responses:
        found.append(f"{exchange.lead}: answered with {status}, the contract has {listed(operation.responses)}")
        return
    body = operation.responses[declared]
    if status >= 400:
        _judge_error(exchange, contract, body, other, found)
        return
    if body is None:
        if exchange.response not in (None, ""):
            found.append(f"{exchange.lead}: response body: {show(exchange.response)}, but {status} has none")
        return
    if exchange.response is None:
        found.append(f"{exchange.lead}: no response body with {status}, expected {body.media_type}")
        return
    _judge_media_type(exchange, body, found)
    if selection is not None and _items(contract, body.shape):
        # What was selected holds for the objects of a collection, not for the envelope around them.
        selection = Selection(None, {"value": selection})
    Judge(contract, found, exchange.lead, False, other).value(exchange.response, body.shape, "", selection)


def _judge_error(exchange: Exchange, contract: Contract, body: Body | None, other: Contract | None, found: list[str]) -> None:
    retry_after = (exchange.response_headers or {}).get("retry-after")
    if retry_after is not None and not retry_after.isdigit():
        found.append(f"{exchange.lead}: Retry-After is {retry_after!r}, expected seconds")
    if exchange.status in GATEWAY_ERRORS and not isinstance(exchange.response, dict):
        return
    if body is None or exchange.response is None:
        found.append(f"{exchange.lead}: {exchange.status} without a body, expected the error's code and message")
        return
    _judge_media_type(exchange, body, found)
    Judge(contract, found, exchange.lead, False, other).value(exchange.response, body.shape)
    error = exchange.response.get("error") if isinstance(exchange.response, dict) else None
    for name in ("code", "message"):
        # Intune leaves the message empty for some errors, so it only has to be text.
        if not isinstance(error, dict) or not isinstance(error.get(name), str) or (name == "code" and not error[name]):
            found.append(f"{exchange.lead}: response body /error/{name}: missing, expected text")


def _judge_media_type(exchange: Exchange, body: Body, found: list[str]) -> None:
    said = (exchange.response_headers or {}).get("content-type")
    if said is not None and said.split(";")[0].strip().lower() != body.media_type:
        found.append(f"{exchange.lead}: the answer's Content-Type is {said}, expected {body.media_type}")


def _items(contract: Contract, shape: Shape) -> Shape | None:
    """The shape of a collection's objects; None for an answer that is no collection."""
    if shape.kind != "object":
        return None
    envelope = contract.types[shape.type_name].properties
    value = envelope.get("value")
    return value.items if value is not None and value.kind == "array" and "@odata.nextLink" in envelope else None


def _answered_type(contract: Contract, operation: Operation) -> str:
    """The type of the objects that an operation answers with; empty if it answers with none."""
    body = operation.responses.get("200")
    if body is None or body.shape.kind != "object":
        return ""
    items = _items(contract, body.shape)
    if items is None:
        return body.shape.type_name
    return items.type_name if items.kind == "object" else ""
