# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract of the token endpoint for applications, made by hand: client credentials with a secret or a signed assertion.

See RFC 6749 section 4.4, RFC 7523 and Microsoft's page on certificate credentials.
"""

from __future__ import annotations

import base64
import functools
import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from .exchange import Exchange
from .openapi import compile_contract
from .shapes import Contract, Shape
from .values import Judge, listed, nearest, show

PATH = re.compile(r".*/[^/]+/oauth2/v2\.0/token")
FORM = "application/x-www-form-urlencoded"
ALWAYS = ("client_id", "scope", "grant_type")
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LONGEST_ASSERTION = 600
TOKEN = {
    "token_type": {"type": "string", "enum": ["Bearer"]},
    "expires_in": {"type": "integer"},
    "ext_expires_in": {"type": "integer"},
    "access_token": {"type": "string"},
}
FAILURE = {
    "error": {"type": "string"},
    "error_description": {"type": "string"},
    "error_codes": {"type": "array", "items": {"type": "integer"}},
    "timestamp": {"type": "string"},
    "trace_id": {"type": "string", "format": "uuid"},
    "correlation_id": {"type": "string", "format": "uuid"},
    "error_uri": {"type": "string"},
    "suberror": {"type": "string"},
    "claims": {"type": "string"},
}


def is_token_endpoint(path: str) -> bool:
    return PATH.fullmatch(path) is not None


@functools.cache
def token_contract() -> Contract:
    schemas = {
        "token": {"type": "object", "properties": TOKEN, "required": ["token_type", "expires_in", "access_token"]},
        "failure": {"type": "object", "properties": FAILURE, "required": ["error", "error_description"]},
    }
    return compile_contract({"paths": {}, "components": {"schemas": schemas}}, "the token endpoint")


def token_violations(exchange: Exchange) -> list[str]:
    """List what is wrong with a request for a token and its answer."""
    found: list[str] = []
    if exchange.method != "POST":
        return [f"{exchange.lead}: the token endpoint takes POST only"]
    if exchange.query:
        found.append(f"{exchange.lead}: query: expected none")
    said = (exchange.headers or {}).get("content-type", "")
    if exchange.headers is not None and said.split(";")[0].strip() != FORM:
        found.append(f"{exchange.lead}: Content-Type is {said or 'missing'}, expected {FORM}")
    form = _form(exchange.body)
    if form is None:
        found.append(f"{exchange.lead}: request body: {show(exchange.body)[:40]}, expected a form")
    else:
        found += [f"{exchange.lead}: request body {problem}" for problem in _form_problems(form)]
    if exchange.answer_counts:
        _judge_answer(exchange, found)
    return found


def _form(body: Any) -> dict[str, str] | None:
    if isinstance(body, str):
        return dict(parse_qsl(body, keep_blank_values=True))
    if isinstance(body, Mapping):
        plain = {str(name): value[0] if isinstance(value, list) and len(value) == 1 else value for name, value in body.items()}
        return plain if all(isinstance(value, str) for value in plain.values()) else None
    return None


def _form_problems(form: Mapping[str, str]) -> list[str]:
    by_secret = "client_secret" in form
    proof = ("client_secret",) if by_secret else ("client_assertion_type", "client_assertion")
    allowed = (*ALWAYS, *proof)
    problems = [f"/{name}: missing or empty" for name in allowed if not form.get(name)]
    problems += [f"/{name}: unknown field{nearest(name, allowed)}; allowed: {listed(allowed)}" for name in form if name not in allowed]
    if form.get("grant_type", "client_credentials") != "client_credentials":
        problems.append(f"/grant_type: {form['grant_type']!r}, expected client_credentials")
    if not re.fullmatch(r"https?://\S+/\.default", form.get("scope", "https://any/.default")):
        problems.append(f"/scope: {form['scope']!r}, expected one resource with /.default")
    if not by_secret:
        if form.get("client_assertion_type", ASSERTION_TYPE) != ASSERTION_TYPE:
            problems.append(f"/client_assertion_type: {form['client_assertion_type']!r}, expected {ASSERTION_TYPE}")
        problems += _assertion_problems(form.get("client_assertion", ""), form.get("client_id", ""))
    return problems


def _assertion_problems(assertion: str, client_id: str) -> list[str]:
    """What is wrong with a JWT: anybody's must be one, our own has to say what the endpoint checks."""
    try:
        header, claims = (json.loads(_decoded(part)) for part in assertion.split(".")[:2])
        parts = assertion.split(".")
        if len(parts) != 3 or not isinstance(header, dict) or not isinstance(claims, dict):
            raise ValueError
    except ValueError:
        return ["/client_assertion: no signed JWT"] if assertion else []
    if claims.get("iss") != client_id and "x5t#S256" not in header:
        return []  # Another issuer's token, passed on as it is.
    problems = []
    if header.get("alg") != "PS256" or "x5t#S256" not in header:
        problems.append("/client_assertion: its header needs alg PS256 and x5t#S256")
    if claims.get("iss") != client_id or claims.get("sub") != client_id:
        problems.append("/client_assertion: iss and sub have to be the client_id")
    if not PATH.search(str(claims.get("aud", ""))) or not claims.get("jti"):
        problems.append("/client_assertion: it needs jti, and as aud the token endpoint")
    start, end = claims.get("nbf", claims.get("iat")), claims.get("exp")
    if not isinstance(start, int) or not isinstance(end, int) or not 0 < end - start <= LONGEST_ASSERTION:
        problems.append(f"/client_assertion: it may be good for {LONGEST_ASSERTION} seconds at most")
    return problems


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _judge_answer(exchange: Exchange, found: list[str]) -> None:
    status = exchange.status or 0
    if status == 200 or 400 <= status < 500:
        contract = token_contract()
        judge = Judge(contract, found, exchange.lead, False)
        before = len(found)
        judge.value(exchange.response, Shape("object", type_name="token" if status == 200 else "failure"))
        if status == 200 and len(found) == before and not exchange.response["access_token"]:
            found.append(f"{exchange.lead}: response body /access_token: empty")
    elif status < 500:
        found.append(f"{exchange.lead}: answered with {status}, expected 200 or an error")
