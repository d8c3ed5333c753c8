# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The XML of the Classic API: read without entities, written from nested pairs, with profiles escaped the way the server wants them."""

from __future__ import annotations

import re
from typing import TypeAlias
from xml.etree import ElementTree
from xml.parsers import expat
from xml.sax.saxutils import escape

from ....engine.errors import AppbanError
from ....mdm.http.http_errors import RequestFailed
from ....mdm.http.response import Response


class ProfileText(str):
    """The text of a configuration profile; written into ``<payloads>`` as ``cdata_twice`` says."""


#: What an element holds: a text, a number, a flag, or further elements.
Content: TypeAlias = "str | int | bool | list[Pair] | tuple[Pair, ...]"
#: An element: its tag and what it holds.
Pair: TypeAlias = "tuple[str, Content]"

#: What XML 1.0 has no way to write (section 2.2).
IMPOSSIBLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Forbidden(Exception):
    """A document type in an answer."""


def parse(response: Response) -> ElementTree.Element:
    """Read the XML of an answer.

    A document type is refused before anything in it takes effect: no answer of the Classic API has one, and entities are how XML attacks
    its reader.

    Raises:
        RequestFailed: for what is no XML, or has a document type.
    """
    builder = ElementTree.TreeBuilder()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(response.body, True)
        return builder.close()
    except (Forbidden, expat.ExpatError, ValueError, LookupError) as error:
        content = response.content()
        problem = "the answer is not XML but " + content
        if isinstance(error, Forbidden) and not content.startswith("a page"):
            problem = "the answer has a document type, which is not read"
    raise RequestFailed(
        "Failed to %s: %s" % (response.request.what, problem),
        response.place(),
        "Check the URL and the base path in the connection options, and what a proxy may put in the way",
        response.status,
        client_request_id=response.client_request_id,
    )


def refuse(*_declaration: object) -> None:
    """Called by the parser at the start of a document type."""
    raise Forbidden


def render(root: str, content: Content) -> bytes:
    """Write a document.

    Raises:
        AppbanError: for a text that XML can't hold.
    """
    return ('<?xml version="1.0" encoding="UTF-8"?>' + element(root, content)).encode("utf-8")


def element(tag: str, content: Content) -> str:
    """Write an element."""
    if isinstance(content, bool):
        inner = "true" if content else "false"
    elif isinstance(content, int):
        inner = str(content)
    elif isinstance(content, str):
        inner = cdata_twice(content) if isinstance(content, ProfileText) else escape(checked(tag, content))
    else:
        inner = "".join(element(name, part) for name, part in content)
    return "<%s>%s</%s>" % (tag, inner, tag) if inner else "<%s/>" % tag


def checked(tag: str, text: str) -> str:
    """A text that XML can hold.

    Raises:
        AppbanError: for another one; the server would keep something else, or nothing.
    """
    found = IMPOSSIBLE.search(text)
    if found:
        raise AppbanError(
            "The %s has a character that Jamf Pro can't hold: U+%04X" % (tag.replace("_", " "), ord(found[0])),
            repr(text),
            "Remove it from the policy or the catalog",
        )
    return text


def storable(text: str) -> str:
    """What the server would keep of a text: lines end in one character, no blanks at either end, nothing that XML can't hold."""
    return IMPOSSIBLE.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).strip()


def cdata_twice(text: str) -> str:
    """A profile for ``<payloads>``.

    The server decodes entities there once more than XML asks for (product issue PI-827): in CDATA each ampersand has to be escaped once,
    or the answer is 409 "Unable to update the database".
    """
    return "<![CDATA[%s]]>" % checked("payloads", text).replace("&", "&amp;").replace("]]>", "]]]]><![CDATA[>")


def text_of(parent: ElementTree.Element, path: str) -> str:
    """The text at a path, without blanks at its ends; empty if there is none."""
    return (parent.findtext(path) or "").strip()


def flag_of(parent: ElementTree.Element, path: str) -> bool:
    """The flag at a path; false if there is none."""
    return text_of(parent, path).lower() == "true"


def number_of(parent: ElementTree.Element, path: str = "id") -> int:
    """The number at a path; 0 if there is none, which is no object's id."""
    text = text_of(parent, path)
    return int(text) if re.fullmatch(r"-?[0-9]{1,18}", text) else 0
