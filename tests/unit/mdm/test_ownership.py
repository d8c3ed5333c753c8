# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names and markers: whose an object is."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.appban.endpoint.plugins.module_utils.mdm.planning.ownership import (
    MADE_BY,
    MAX_NAME,
    Marker,
    control_name,
    describe,
    is_ours,
    read_marker,
    same_description,
    spec_hash,
)

POLICY_ID = st.from_regex(r"[a-z0-9-]{1,40}", fullmatch=True)
MARKERS = st.builds(
    Marker,
    policies=st.lists(POLICY_ID, min_size=1, max_size=3, unique=True).map(tuple),
    mechanism=st.sampled_from(("ios_blocked_apps", "members", "filter")),
    sha256=st.text("0123456789abcdef", min_size=64, max_size=64),
    facts=st.sampled_from(((), (("deadline", "2023-03-15T00:00:00Z"), ("armed", "2023-03-01T00:00:00Z")))),
)
FOREIGN = [
    None,
    "",
    "Blocks TikTok, ask Jana",
    "managed-by=terraform;v=1;ban=city;mechanism=m;sha256=0",
    "see managed-by=appban.endpoint;v=1;ban=city;mechanism=m;sha256=0",
    "managed-by=appban.endpoint",
    "managed-by=appban.endpoint;v=1;ban=city",
    "managed-by=appban.endpointer;v=1;ban=city;mechanism=m;sha256=0",
    "MANAGED-BY=APPBAN.ENDPOINT;V=1;BAN=CITY;MECHANISM=M;SHA256=0",
    "managed-by=appban.endpoint;v=1;ban=city;mechanism=m;sha256=0 (copied by Jana)\nand more" + ";x",
]


@given(MARKERS, st.text(max_size=200), st.sampled_from(("\n", "\r\n")))
def test_a_marker_survives_its_description(marker: Marker, sentence: str, newline: str) -> None:
    description = describe(marker, sentence)
    assert read_marker(description.replace("\n", newline)) == marker
    assert is_ours(description, {marker.policies[-1]: True})
    assert not is_ours(description, {"another-policy-of-somebody": True})


@given(MARKERS, st.text(max_size=60), st.text(max_size=60))
def test_what_an_administrator_writes_around_it_does_no_harm(marker: Marker, above: str, below: str) -> None:
    assert read_marker(f"Note: {above}\n{marker.line()}\nNote: {below}") == marker


@pytest.mark.parametrize("description", FOREIGN[:-1])
def test_what_somebody_else_wrote_is_not_ours(description: str | None) -> None:
    assert read_marker(description) is None
    assert not is_ours(description, {"city": True})


def test_a_sentence_can_not_pretend_to_be_a_marker() -> None:
    real = Marker(("city",), "filter", "0" * 64)
    forged = Marker(("school",), "filter", "1" * 64).line()
    assert read_marker(describe(real, f"hello\n{forged}\n")) == real


def test_a_description_that_was_cut_off_is_not_ours() -> None:
    description = describe(Marker(("city",), "filter", "0" * 64), "A sentence")
    for length in range(len("A sentence"), description.index(";sha256=")):
        assert read_marker(description[:length]) is None


def test_facts_are_read_by_name() -> None:
    marker = Marker(("city",), "ios_compliance", "0", (("armed", "2023-03-01T00:00:00Z"),))
    assert marker.fact("armed") == "2023-03-01T00:00:00Z"
    assert marker.fact("deadline") == ""


@given(
    st.lists(POLICY_ID, min_size=1, max_size=6, unique=True), st.sets(st.text("abcdefg ", min_size=1, max_size=90), min_size=2, max_size=6)
)
def test_names_that_are_cut_short_stay_different(policies: list[str], suffixes: set[str]) -> None:
    distinct = {" ".join(["BAN", "+".join(policies), "iOS blocked apps", suffix]) for suffix in suffixes}
    names = {control_name("BAN", policies, "iOS blocked apps", suffix) for suffix in suffixes}
    assert len(names) == len(distinct)
    assert all(len(name) <= MAX_NAME and name.startswith("BAN ") for name in names)
    assert all(name == name.rstrip() or len(name) < MAX_NAME for name in names)


def test_a_name_says_what_it_is() -> None:
    assert control_name("BAN", ("city", "school"), "iOS blocked apps") == "BAN city+school iOS blocked apps"
    assert control_name(" BAN ", ("city",), "iOS compliance", "from 2023") == "BAN city iOS compliance from 2023"


@given(st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5) | st.lists(st.integers(), max_size=3), max_size=5))
def test_a_hash_does_not_depend_on_the_order_of_keys(spec: dict[str, object]) -> None:
    turned = dict(reversed(list(spec.items())))
    assert spec_hash(spec) == spec_hash(turned) == spec_hash(json.loads(json.dumps(spec)))
    assert spec_hash(spec) != spec_hash({**spec, "one more key": 1})


def test_line_ends_of_a_description_say_nothing() -> None:
    description = describe(Marker(("city",), "filter", "0" * 64), "A sentence.")
    assert same_description(description, description.replace("\n", "\r\n") + "\r\n")
    assert not same_description(description, description.replace("city", "school"))
    assert not same_description(description, None)


def test_the_marker_names_the_collection() -> None:
    assert Marker(("city",), "filter", "0").line() == f"managed-by={MADE_BY};v=1;ban=city;mechanism=filter;sha256=0"
