# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""zypper's file of locks: edited stanza by stanza, lifted byte for byte."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ansible_collections.appban.endpoint.plugins.module_utils.hosts.ledger import both
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.rpm.zypp_locks import Addition, locked_names, marked_locks, set_locks


def stanza(name: str) -> bytes:
    # As zypper 1.14.42 wrote it.
    return b"\ntype: package\nmatch_type: glob\ncase_sensitive: on\nsolvable_name: %s\n\n" % name.encode()


def mark(names: str) -> bytes:
    return b"\ntype: package\nmatch_type: glob\ncase_sensitive: on\ncomment: appban: %s\nsolvable_name: appban-locks\n\n" % names.encode()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, stanza("tk") + mark("tk (ours: created)")),
        (b"", stanza("tk") + mark("tk")),
        (stanza("aaa"), stanza("aaa") + stanza("tk") + mark("tk")),
        (b"\n# note", b"\n# note\n" + stanza("tk") + mark("tk (ours: newline)")),
        (stanza("tk").rstrip(b"\n"), stanza("tk").rstrip(b"\n")),
        # Not the lock that we mean, though the name is the same.
        (b"type: pattern\nsolvable_name: tk\n\n", b"type: pattern\nsolvable_name: tk\n\n" + stanza("tk") + mark("tk")),
    ],
)
def test_adds_what_zypper_would(content: bytes | None, expected: bytes) -> None:
    new, ours = set_locks(content, ("tk",), Addition())
    assert new == expected
    assert set_locks(new, (), ours) == (content, Addition())


def test_reads_locks_of_every_kind_of_match() -> None:
    regex = b"type: package\r\nmatch_type: regex\r\nsolvable_name: b.*\r\n\r\n"
    assert locked_names(stanza("a") + regex + b"type: pattern\nsolvable_name: c\n\nsolvable_name: d") == ("a", "b.*", "d")
    assert locked_names(None) == ()


def test_a_lock_the_administrator_had_before_us_stays_on_lift() -> None:
    before = stanza("tk")
    new, ours = set_locks(before, ("tk",), Addition())
    assert new is before
    assert ours == Addition()


def test_lift_after_foreign_edits_takes_only_ours() -> None:
    _new, ours = set_locks(stanza("aaa"), ("tk", "zz"), Addition())
    edited = b"# by hand\n" + stanza("zz") + stanza("bbb") + stanza("tk") + b"# end"
    assert set_locks(edited, (), ours)[0] == b"# by hand\n" + stanza("bbb") + b"# end"


def test_a_file_of_ours_that_others_use_by_now_stays() -> None:
    new, ours = set_locks(None, ("tk",), Addition())
    assert new is not None
    assert set_locks(new + stanza("mine"), (), ours)[0] == stanza("mine")


def test_without_a_ledger_the_mark_tells_what_is_ours() -> None:
    # As zypper 1.14.42 writes the file anew: in another order, and with our key before the name.
    rewritten = mark("tk,zz (ours: created)") + stanza("zz") + stanza("aaa") + stanza("tk")
    assert set_locks(rewritten, ("tk", "zz"), Addition()) == (rewritten, Addition(("tk", "zz"), created=True))
    assert set_locks(rewritten, (), Addition()) == (stanza("aaa"), Addition())
    assert "appban-locks" not in locked_names(rewritten)


def test_a_file_of_the_previous_release_is_left_alone_until_something_changes() -> None:
    """It has no mark: nothing is written for the mark alone, and the lift is exact with the ledger of that release."""
    for before in (None, b"", stanza("aaa"), b"# note"):
        new, ours = set_locks(before, ("tk",), Addition())
        assert new is not None
        old = new[: new.index(b"\ntype: package\nmatch_type: glob\ncase_sensitive: on\ncomment")]
        assert set_locks(old, ("tk",), ours)[0] is old
        assert set_locks(old, (), ours) == (before, Addition())
        grown, more = set_locks(old, ("tk", "zz"), ours)
        assert marked_locks(grown) == more
        assert set_locks(grown, (), Addition()) == (before, Addition())


def test_a_mark_without_its_locks_goes_with_the_lift() -> None:
    assert set_locks(stanza("aaa") + mark("tk"), (), Addition())[0] == stanza("aaa")


PIECES = st.sampled_from(
    [stanza("aaa"), stanza("tk"), stanza("tk-x"), b"\n", b"\n\n", b"# note\n", b"type: package\r\n", b"solvable_name: tk\r\n", b"\r\n"]
    + [b"match_type: glob\n", b"case_sensitive: on\n", b"solvable_name: zz\n", b"x", b"\xe9\n", b"type: package\nsolvable_name: zz", b" "]
)
FILES = st.lists(PIECES, max_size=7).map(b"".join)
NAMES = st.lists(st.sampled_from(["tk", "zz", "tiktok-desktop", "aaa"]), unique=True, min_size=1).map(sorted)


@given(FILES | st.binary(max_size=30) | st.none(), NAMES)
@example(b"type: package", ["tk"])
def test_add_then_lift_gives_the_same_bytes(content: bytes | None, names: list[str]) -> None:
    new, ours = set_locks(content, names, Addition())
    assert set(names) <= set(locked_names(new))
    assert set(locked_names(content)) <= set(locked_names(new))
    assert set_locks(new, names, ours) == (new, ours)
    assert Addition.from_plain(ours.to_plain()) == ours
    assert set_locks(new, (), ours) == (content, Addition())
    # The same with the ledger lost.
    assert set_locks(new, names, Addition()) == (new, ours)
    assert set_locks(new, (), Addition()) == (content, Addition())


@given(FILES | st.none(), NAMES, NAMES, NAMES)
def test_grow_and_shrink_then_lift_gives_the_same_bytes(
    content: bytes | None, first: list[str], second: list[str], third: list[str]
) -> None:
    new, ours = set_locks(content, first, Addition())
    for names in (second, third):
        new, ours = set_locks(new, names, ours)
        assert set(names) <= set(locked_names(new))
    assert set_locks(new, (), ours) == (content, Addition())


@given(FILES | st.none(), NAMES, NAMES, st.booleans())
def test_killed_between_ledger_and_file_a_lift_still_gives_the_same_bytes(
    content: bytes | None, first: list[str], second: list[str], written: bool
) -> None:
    before, ours = set_locks(content, first, Addition())
    after, new = set_locks(before, second, ours)
    meanwhile = Addition.from_plain(both(ours.to_plain(), new.to_plain()))
    assert set_locks(after if written else before, (), meanwhile) == (content, Addition())
