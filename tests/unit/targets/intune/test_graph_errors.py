# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors of Graph, and of Intune within them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.response import Request, Response
from ansible_collections.appban.endpoint.plugins.module_utils.targets.intune.api.graph import read_graph_error

ACTIVITY = "0f8fad5b-d9cb-469f-a165-70867728950e"
REQUEST = Request("GET", "https://graph.example/v1.0/x", "read x")


def answer(body: Any, headers: dict[str, str] | None = None) -> Response:
    return Response(REQUEST, 400, headers or {}, body if isinstance(body, bytes) else json.dumps(body).encode())


def graph_error(message: Any, code: str = "BadRequest", **inner: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "innerError": inner}}


def intune_message(sentence: str, **more: Any) -> str:
    tail = f" - Operation ID (for customer support): 0000 - Activity ID: {ACTIVITY} - Url: https://fef.example/x?api-version=5023-08"
    return json.dumps({"_version": 3, "Message": sentence + tail, "CustomApiErrorPhrase": "", "RetryAfter": None, **more}, indent=2)


def test_a_plain_error_is_read() -> None:
    message = read_graph_error(answer(graph_error("Resource 'x' does not exist", "Request_ResourceNotFound", **{"request-id": "r-1"})))
    assert (message.text, message.code, message.request_id) == ("Resource 'x' does not exist", "Request_ResourceNotFound", "r-1")


def test_the_document_within_an_error_of_intune_is_read() -> None:
    message = read_graph_error(answer(graph_error(intune_message("An error has occurred"), "InternalServerError", **{"request-id": "r-1"})))
    assert message.text == f"An error has occurred (Activity ID {ACTIVITY})"
    assert message.code == "InternalServerError"


def test_an_activity_id_that_is_the_request_id_is_said_once() -> None:
    inner = {"request-id": ACTIVITY.upper()}
    assert read_graph_error(answer(graph_error(intune_message("Bad"), **inner))).text == "Bad"
    assert read_graph_error(answer(graph_error(intune_message("Bad")), {"request-id": ACTIVITY})).text == "Bad"


def test_the_phrase_of_intune_is_kept() -> None:
    text = read_graph_error(answer(graph_error(intune_message("Bad", CustomApiErrorPhrase="FilterNotSupported")))).text
    assert text.startswith("Bad (FilterNotSupported)")


def test_a_tenant_without_intune_is_told_so() -> None:
    message = read_graph_error(answer(graph_error(intune_message("Request not applicable to target tenant."))))
    assert "licence" in message.advice


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"<html><title>Bad gateway</title></html>", "Bad gateway"),
        ({"error": "x"}, "x"),
        (graph_error(None), ""),
        (graph_error("{broken"), "{broken"),
        (graph_error("{}"), "{}"),
        ({"error": {"code": "X", "message": "m", "innererror": {"request-id": "r"}}}, "m"),
    ],
)
def test_other_shapes(body: Any, text: str) -> None:
    assert read_graph_error(answer(body)).text == text


@given(st.recursive(st.none() | st.text() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8))
def test_no_shape_breaks_us(value: Any) -> None:
    for body in (value, {"error": value}, graph_error(value), graph_error(json.dumps(value)), {"error": {"innerError": value}}):
        read_graph_error(answer(body))
