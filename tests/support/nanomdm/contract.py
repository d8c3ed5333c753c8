# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Recorded exchanges held against the OpenAPI documents of NanoMDM and KMFDDM, which are read where they lie and not copied.

Where the pinned servers do otherwise than their own documents say, KNOWN_DEVIATIONS has it, with the reason.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import jsonschema
import yaml

from tests.contract.graph_files import contract_folder

if TYPE_CHECKING:
    from tests.support.nanomdm.servers import NanoServers

FOLDER = "nanomdm"
DOCUMENTS = ("nanomdm-openapi.yaml", "kmfddm-openapi.yaml")


#: (document, method, beginning of the path, what the violation says, reason)
KNOWN_DEVIATIONS = (
    ("nanomdm", "POST", "/v1/enqueue/", "no such method", "the server takes POST as well as PUT"),
    ("kmfddm", "GET", "/v1/set-declarations/", "None is not of type 'array'", "a set that is not there is answered with null"),
    ("kmfddm", "GET", "/v1/declaration-sets/", "None is not of type 'array'", "a declaration in no set is answered with null"),
    ("kmfddm", "GET", "/v1/enrollment-sets/", "None is not of type 'array'", "an enrolment without sets is answered with null"),
    ("kmfddm", "DELETE", "/v1/enrollment-sets-all/sets/", "no such path", "here is what the document has at /v1/enrollment-sets-all/"),
    ("kmfddm", "DELETE", "/v1/enrollment-sets-all/", "the status is not documented", "so the documented path is not there"),
    ("kmfddm", "GET", "/v1/sets", "None is not of type 'array'", "no sets at all are answered with null"),
    ("kmfddm", "GET", "/v1/declarations", "None is not of type 'array'", "no declarations at all are answered with null"),
    ("kmfddm", "GET", "/v1/declaration-status/", "'ManifestType' was unexpected", "rows carry ManifestType, which the document leaves out"),
    ("kmfddm", "GET", "/v1/declaration-status/", "'ReasonsJSON' was unexpected", "rows carry ReasonsJSON beside reasons"),
    ("kmfddm", "GET", "/v1/declaration-status/", "is not of type 'object'", "reasons are the list that the device sent"),
)


def missing_contracts() -> list[str]:
    """Documents that are not at hand."""
    folder = contract_folder() / FOLDER
    return [f"{folder / name} is missing" for name in DOCUMENTS if not (folder / name).is_file()]


def contract_violations(servers: NanoServers) -> list[str]:
    """What is wrong with everything that the fronts recorded, one line each."""
    found = [*violations("nanomdm", servers.nanomdm.requests()), *violations("nanomdm", servers.notifier.requests())]
    return [*found, *violations("kmfddm", servers.kmfddm.requests())]


def violations(server: str, exchanges: Iterable[Mapping[str, Any]]) -> list[str]:
    """What is wrong with exchanges of ``nanomdm`` or ``kmfddm``, known deviations left out, each line once."""
    document = _document(server)
    lines: dict[str, None] = {}
    for exchange in exchanges:
        for problem in _problems(document, exchange):
            if not _is_known(server, exchange, problem):
                lines[f"{server}: {exchange['method']} {exchange['path']} {exchange['status']}: {problem}"] = None
    return list(lines)


def _is_known(server: str, exchange: Mapping[str, Any], problem: str) -> bool:
    return any(
        (server, exchange["method"]) == (which, method) and exchange["path"].startswith(path) and part in problem
        for which, method, path, part, _reason in KNOWN_DEVIATIONS
    )


@functools.cache
def _document(server: str) -> Mapping[str, Any]:
    text = (contract_folder() / FOLDER / f"{server}-openapi.yaml").read_text(encoding="utf-8")
    document: Mapping[str, Any] = _closed(yaml.load(text, Loader=yaml.CSafeLoader))
    return document


def _closed(part: Any) -> Any:
    """The same document read strictly: an object has the properties it is said to have and no others.

    A property that is called ``$id`` stands for enrolment ids, which are any.
    """
    if isinstance(part, list):
        return [_closed(entry) for entry in part]
    if not isinstance(part, dict):
        return part
    read = {key: _closed(value) for key, value in part.items()}
    properties = read.get("properties")
    if read.get("type") == "object" and isinstance(properties, dict):
        by_id = properties.pop("$id", False)
        read.setdefault("additionalProperties", by_id)
    return read


def _problems(document: Mapping[str, Any], exchange: Mapping[str, Any]) -> list[str]:
    found = _operation(document, exchange)
    if isinstance(found, str):
        return [found]
    operation, parameters = found
    problems = _query_problems(exchange, parameters)
    has_key = str(_header(exchange["headers"], "Authorization") or "").startswith("Basic ")
    if "security" in operation and not has_key and exchange["status"] != 401:
        problems.append("a request without Basic authorization was let in")
    body = _resolved(document, operation.get("requestBody", {}))
    json_body = body.get("content", {}).get("application/json")
    if json_body and exchange["status"] not in (None, 400, 500):
        problems += _schema_problems(document, json_body["schema"], exchange["body"], "request")
    # What the front spoilt on purpose says nothing about the server.
    if exchange["status"] is None or exchange["fault"]:
        return problems
    answer = operation["responses"].get(str(exchange["status"]))
    if answer is None:
        return [*problems, f"the status is not documented; documented: {', '.join(operation['responses'])}"]
    content = _resolved(document, answer).get("content", {}).get("application/json")
    if content is not None:
        kind = _header(exchange["response_headers"], "Content-Type") or ""
        if not kind.startswith("application/json"):
            problems.append(f"the answer is {kind or 'of no type'} and should be application/json")
        problems += _schema_problems(document, content["schema"], exchange["response"], "answer")
    return problems


def _operation(document: Mapping[str, Any], exchange: Mapping[str, Any]) -> tuple[Mapping[str, Any], list[Mapping[str, Any]]] | str:
    path = urlsplit(exchange["url"]).path
    for template, item in document["paths"].items():
        if re.fullmatch(re.sub(r"\\{[^}]*\\}", "[^/]+", re.escape(template)), path):
            operation = item.get(exchange["method"].lower())
            if operation is None:
                return "no such method is documented for this path"
            listed = [*item.get("parameters", []), *operation.get("parameters", [])]
            return operation, [_resolved(document, parameter) for parameter in listed]
    return "no such path is documented"


def _query_problems(exchange: Mapping[str, Any], parameters: list[Mapping[str, Any]]) -> list[str]:
    given = {name for name, _value in parse_qsl(urlsplit(exchange["url"]).query, keep_blank_values=True)}
    known = {parameter["name"]: parameter.get("required", False) for parameter in parameters if parameter["in"] == "query"}
    problems = [f"the query has {name}, which is not documented" for name in sorted(given - set(known))]
    if exchange["status"] not in (None, 400, 500):
        problems += [f"the query lacks {name}" for name, required in known.items() if required and name not in given]
    return problems


def _schema_problems(document: Mapping[str, Any], schema: Mapping[str, Any], value: Any, where: str) -> list[str]:
    validator = jsonschema.Draft202012Validator({**schema, "components": document["components"]})
    lines: list[str] = []
    for error in validator.iter_errors(value):
        if error.validator == "additionalProperties" and error.validator_value is False:
            lines += [f"{where}: '{name}' was unexpected" for name in sorted(set(error.instance) - set(error.schema["properties"]))]
        else:
            lines.append(f"{where}: {error.message[-200:]}")
    return lines


def _resolved(document: Mapping[str, Any], part: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" not in part:
        return part
    found: Any = document
    for step in part["$ref"].split("/")[1:]:
        found = found[step]
    return _resolved(document, found)


def _header(headers: Mapping[str, str], name: str) -> str | None:
    return next((value for key, value in headers.items() if key.lower() == name.lower()), None)
