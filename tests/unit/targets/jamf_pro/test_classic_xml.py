# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The XML of the Classic API, and the errors that both APIs answer with."""

from __future__ import annotations

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.engine.errors import AppbanError
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.http_errors import RequestFailed
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.response import Request, Response
from ansible_collections.appban.endpoint.plugins.module_utils.targets.jamf_pro.api.classic_xml import (
    ProfileText,
    element,
    parse,
    render,
    storable,
)
from ansible_collections.appban.endpoint.plugins.module_utils.targets.jamf_pro.api.jamf_errors import read_jamf_error
from tests.simulators.jamf_pro.errors import Refusal, conflict, edge_page


def answer(body: bytes, status: int = 200) -> Response:
    return Response(Request("GET", "https://jamf.example/x", "read x"), status, {}, body)


@pytest.mark.parametrize(
    "text",
    [
        '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
        '<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>',
        "<a>",
        "",
        "no xml",
        "<a/><b/>",
        "<a>&undefined;</a>",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_what_is_not_plain_xml_is_refused(text: str, encoding: str) -> None:
    with pytest.raises(RequestFailed, match=r"not XML|document type"):
        parse(answer(text.encode(encoding)))


def test_a_document_type_within_a_text_is_no_document_type() -> None:
    document = parse(answer(b"<a><![CDATA[<!DOCTYPE plist>]]><b>&lt;!DOCTYPE</b></a>"))
    assert (document.text, document.findtext("b")) == ("<!DOCTYPE plist>", "<!DOCTYPE")


def test_what_is_written_is_read_the_same() -> None:
    document = parse(answer(render("a", [("b", "x < y & z]]>"), ("c", True), ("d", -1), ("e", ()), ("f", [("g", "h")])])))
    assert [(child.tag, child.text) for child in document] == [("b", "x < y & z]]>"), ("c", "true"), ("d", "-1"), ("e", None), ("f", None)]


def test_a_profile_is_escaped_once_more() -> None:
    assert element("payloads", ProfileText("<a>&amp;</a>]]>")) == "<payloads><![CDATA[<a>&amp;amp;</a>]]]]><![CDATA[>]]></payloads>"


@pytest.mark.parametrize("character", ["\x00", "\x0b", "\x1f", "\ud800", "\ufffe", "\uffff"])
def test_what_xml_can_not_hold_is_refused_or_dropped(character: str) -> None:
    with pytest.raises(AppbanError, match="The display message has a character"):
        element("display_message", "a%sb" % character)
    assert storable(" a%sb\r\nc\rd " % character) == "ab\nc\nd"


@pytest.mark.parametrize("text", ["\t\n", "é", "\U0001f6ab", "\u0085"])
def test_what_xml_can_hold_stays(text: str) -> None:
    assert element("a", text) == "<a>%s</a>" % text


def test_the_sentence_of_a_status_page_is_found() -> None:
    response = conflict("Problem with computer in <computers>").response()
    message = read_jamf_error(answer(response.payload(), 409))
    assert (message.text, message.advice) == ("Problem with computer in <computers>", "")
    assert "next run" in read_jamf_error(answer(conflict("Duplicate name").response().payload(), 409)).advice


def test_the_errors_of_the_pro_api_are_found() -> None:
    response = Refusal(400, "INVALID_DEVICE", "The device 7 can't be a member", "assignments").response()
    message = read_jamf_error(answer(response.payload(), 400))
    assert (message.text, message.code) == ("The device 7 can't be a member (assignments)", "INVALID_DEVICE")
    assert "not managed any more" in message.advice


def test_what_is_in_front_of_the_server_speaks_otherwise() -> None:
    assert read_jamf_error(answer(edge_page(504).payload(), 504)).text == "504 Gateway Time-out"
    assert read_jamf_error(answer(b"", 502)).text == ""
    assert read_jamf_error(answer(b'{"errors": "none"}', 400)).code == ""
