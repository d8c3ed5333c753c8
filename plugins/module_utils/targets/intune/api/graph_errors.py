# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read the errors of Microsoft Graph, and of Intune, which packs a second document into their message."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ....mdm.http.http_errors import RequestFailed
from ....mdm.http.json_text import loads
from ....mdm.http.response import Response, ServerMessage, read_server_message, shorten

#: Intune's sentence is followed by ids and an internal URL, joined with " - ".
TAIL = re.compile(r"\s+-\s+(?:Operation ID|Activity ID|Url\b|CustomApiErrorPhrase).*", re.DOTALL)
ACTIVITY = re.compile(r"Activity ID:\s*([0-9a-fA-F-]{36})")
#: A tenant whose service is not set up answers so to every request.
NO_INTUNE = "not applicable to target tenant"


def read_graph_error(response: Response) -> ServerMessage:
    """Find code, sentence and ids in the answer to a failed request.

    The shape is ``{"error": {"code", "message", "innerError": {"request-id", "client-request-id", "date"}}}`` (Graph documentation, "Error
    responses"). In Intune's, ``message`` is itself JSON: ``{"Message": "... - Operation ID ... - Activity ID: ...", ...}``.
    """
    try:
        document = response.json()
    except RequestFailed:
        document = None
    error = document.get("error") if isinstance(document, dict) else None
    if not isinstance(error, dict):
        return read_server_message(response)
    inner = error.get("innerError") or error.get("innererror")
    request_id = str(inner.get("request-id", "")) if isinstance(inner, dict) else ""
    raw = str(error.get("message") or "")
    nested = read_nested(raw)
    sentence = str(nested.get("Message") or raw)
    activity = ACTIVITY.search(sentence)
    text = shorten(TAIL.sub("", sentence))
    phrase = str(nested.get("CustomApiErrorPhrase") or "")
    if phrase and phrase not in text:
        text = "%s (%s)" % (text, phrase)
    if activity and activity[1].lower() != (request_id or response.request_id()).lower():
        text = "%s (Activity ID %s)" % (text, activity[1])
    advice = "Check that the tenant has an Intune licence and that the app may use it" if NO_INTUNE in text.lower() else ""
    return ServerMessage(text, str(error.get("code") or ""), request_id, advice)


def read_nested(message: str) -> Mapping[str, Any]:
    """Read the document within a message of Intune; empty if the message is a plain sentence."""
    if not message.lstrip().startswith("{"):
        return {}
    try:
        nested = loads(message)
    except (ValueError, RecursionError):
        return {}
    return nested if isinstance(nested, dict) else {}
