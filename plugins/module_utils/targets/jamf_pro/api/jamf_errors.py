# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read how a Jamf Pro server says no: JSON from the Pro API, a page of HTML from the Classic API and from what is in front of it."""

from __future__ import annotations

import html
import re

from ....mdm.http.http_errors import RequestFailed
from ....mdm.http.response import Response, ServerMessage, read_server_message, shorten

#: What the Classic API's status page says below its one sentence.
SMALL_TALK = ("You can get technical details", "Please continue your visit")
#: What to do about an error, by a part of its sentence or by its code.
ADVICE = {
    "INVALID_DEVICE": "A device is not known or not managed any more; the next run reads the inventory again",
    "Unable to match": "A device is not known any more; the next run reads the inventory again",
    "is not managed": "A device is not managed any more; the next run reads the inventory again",
    "Duplicate name": "Somebody made an object of this name meanwhile; the next run looks at it",
    "DUPLICATE_FIELD": "Somebody made an object of this name meanwhile; the next run looks at it",
}


def read_jamf_error(response: Response) -> ServerMessage:
    """Find code and sentence in the answer to a failed request.

    The Pro API answers ``{"httpStatus", "errors": [{"code", "description", "id", "field"}]}`` (Jamf Pro API reference, "Error
    responses"); the Classic API a page of HTML with the status in its first paragraph and a sentence in its second.
    """
    message = in_errors(response) or in_page(response) or read_server_message(response)
    advice = next((text for part, text in ADVICE.items() if part == message.code or part in message.text), "")
    return ServerMessage(message.text, message.code, message.request_id, advice)


def in_errors(response: Response) -> ServerMessage | None:
    """The errors of the Pro API; None if the body is something else. The first code stands for all of them."""
    try:
        document = response.json()
    except RequestFailed:
        return None
    errors = document.get("errors") if isinstance(document, dict) else None
    found = [error for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []
    if not found:
        return None
    sentences = []
    for error in found:
        sentence = str(error.get("description") or "")
        field = error.get("field")
        sentences.append("%s (%s)" % (sentence, field) if field and str(field) not in sentence else sentence)
    return ServerMessage(shorten("; ".join(one for one in sentences if one)), str(found[0].get("code") or ""))


def in_page(response: Response) -> ServerMessage | None:
    """The sentence of the Classic API's status page; None if there is none."""
    text = response.body[:100_000].decode("utf-8", "replace")
    paragraphs = [html.unescape(re.sub(r"<[^>]*>", " ", part)) for part in re.findall(r"<p\b[^>]*>(.*?)</p>", text, re.I | re.S)]
    sentences = [part for part in map(shorten, paragraphs) if part and not part.startswith(SMALL_TALK)]
    # The first is the status once more.
    return ServerMessage(re.sub(r"^Error:\s*", "", sentences[1])) if len(sentences) > 1 else None
