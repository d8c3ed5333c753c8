# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names, CommandUUIDs, chunks of ids and instants."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.appban.endpoint.plugins.module_utils.engine.errors import AppbanError
from ansible_collections.appban.endpoint.plugins.module_utils.targets.nanomdm.api.id_chunks import fits_in_path, id_chunks, path_of
from ansible_collections.appban.endpoint.plugins.module_utils.targets.nanomdm.api.server_instants import utc_seconds
from ansible_collections.appban.endpoint.plugins.module_utils.targets.nanomdm.command_uuids import command_mark, command_uuid, mark_of
from ansible_collections.appban.endpoint.plugins.module_utils.targets.nanomdm.names import ACTIVATION, CONFIGURATION, ControlNames

IDS = st.lists(st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=1, max_size=40), max_size=400)
ASK = {"RequestType": "ProfileList"}


def test_a_command_uuid_is_a_uuid_that_tells_its_mark() -> None:
    mark = command_mark("ban", ASK)
    made = uuid.UUID(command_uuid(mark, ["A", "B"], "1"))
    assert (made.version, made.variant, mark_of(str(made)), mark_of(str(made).upper())) == (8, uuid.RFC_4122, mark, mark)
    assert mark_of(str(uuid.uuid4())) == mark_of("nonsense") == ""


def test_a_command_uuid_depends_on_who_what_and_when_and_on_nothing_else() -> None:
    mark, other = command_mark("ban", ASK), command_mark("ban", {**ASK, "ManagedOnly": True})
    assert command_uuid(mark, ["A", "B"], "1") == command_uuid(mark, ["B", "A", "A"], "1")
    different = [(mark, ["A", "B"], "1"), (mark, ["A"], "1"), (mark, ["a", "B"], "1"), (mark, ["A", "B"], "2"), (other, ["A", "B"], "1")]
    assert len({command_uuid(*each) for each in different}) == 5
    assert command_mark("ban", ASK) != command_mark("bar", ASK)
    assert command_mark("ban", {"RequestType": "X", "A": 1}) == command_mark("ban", {"A": 1, "RequestType": "X"})


@given(IDS, st.integers(1, 50), st.integers(10, 500))
def test_chunks_hold_each_id_once_within_their_bounds(ids: list[str], most: int, most_bytes: int) -> None:
    chunks = id_chunks(ids, most, most_bytes)
    assert [each for chunk in chunks for each in chunk] == sorted(set(ids))
    assert all(len(chunk) <= most and (len(chunk) == 1 or len(path_of(chunk)) <= most_bytes) for chunk in chunks)
    assert chunks == id_chunks(reversed(ids), most, most_bytes)


@pytest.mark.parametrize(
    ("text", "fits"), [("A-1", True), ("D:U", True), ("", False), ("A,B", False), ("A/B", False), ("A B", False), ("..", False)]
)
def test_an_id_fits_in_a_path_or_not(text: str, fits: bool) -> None:
    assert fits_in_path(text) is fits


def test_names_are_siblings_and_ours_are_told_from_others() -> None:
    names = ControlNames("org.example.ban")
    assert names.control_name("tiktok") == "org.example.ban.tiktok"
    both = [names.identifier("tiktok", part) for part in (CONFIGURATION, ACTIVATION)]
    assert both == ["org.example.ban.tiktok.cfg", "org.example.ban.tiktok.act"]
    assert {names.control_of(each) for each in both} == {"org.example.ban.tiktok"}
    assert names.pair("org.example.ban.tiktok") == tuple(both)
    foreign = [
        "org.example.ban",
        "org.example.ban.tiktok",
        "org.example.ban.a.b.cfg",
        "org.example.banana.tiktok.cfg",
        "org.example.ban..cfg",
    ]
    assert [each for each in foreign if names.control_of(each)] == []
    assert (names.slug_of_control("org.example.ban.tiktok"), names.slug_of_control("org.example.ban.tiktok.cfg")) == ("tiktok", "")
    for wrong in ("a.b", "", "a b", "ä"):
        with pytest.raises(AppbanError):
            names.identifier(wrong, CONFIGURATION)
    for wrong in ("", "org..ban", "org.ban.", "org ban"):
        with pytest.raises(AppbanError):
            ControlNames(wrong)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-03-01T13:00:00.123456789+01:00", "2026-03-01T12:00:00Z"), ("2026-03-01t12:00:00z", "2026-03-01T12:00:00Z"),
        (datetime(2026, 3, 1, 12), "2026-03-01T12:00:00Z"), ("0001-01-01T00:00:00Z", ""), ("2026-03-01", ""), ("2026-02-31T12:00:00Z", ""),
        ("2026-03-01T12:00:00", ""), (None, ""), (7, ""), ("9999-12-31T23:59:59-14:00", ""),
    ],
)  # fmt: skip
def test_instants_come_in_one_form(value: Any, expected: str) -> None:
    assert utc_seconds(value) == expected
