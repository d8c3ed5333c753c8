# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names that were cut off in the middle of a character can be written down."""

from __future__ import annotations

import json

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.json_text import loads


@pytest.mark.fault_kind("T7", "half an emoji in a name")
@pytest.mark.parametrize(
    ("text", "read"),
    [
        ('{"serial": "SN-\\ud83d"}', {"serial": "SN-\ufffd"}),
        ('{"\\uDE00": ["a\\ud83d", 1, null]}', {"\ufffd": ["a\ufffd", 1, None]}),
        ('{"whole": "\\ud83d\\ude00"}', {"whole": "\U0001f600"}),
        ('{"escaped": "\\\\ud83d"}', {"escaped": "\\ud83d"}),
    ],
)
def test_half_a_character_becomes_one_that_can_be_written(text: str, read: object) -> None:
    assert loads(text) == loads(text.encode()) == read
    json.dumps(loads(text), ensure_ascii=False).encode("utf-8")


@pytest.mark.fault_kind("T7", "half an emoji in a name")
def test_half_a_character_in_the_bytes_themselves() -> None:
    assert loads(b'{"serial": "SN-\xed\xa0\xbd"}') == {"serial": "SN-\ufffd"}


def test_what_is_no_json_stays_an_error() -> None:
    with pytest.raises(ValueError, match="Expecting value"):
        loads(b"<html>")
