# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The list of excludes in dnf.conf: read as dnf reads it, edited by key, lifted byte for byte."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ansible_collections.appban.endpoint.plugins.module_utils.hosts.ledger import both
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.rpm.dnf_conf import (
    Addition,
    clears_excludes,
    effective_excludes,
    marked_excludes,
    masked,
    option_words,
    set_excludes,
)


def unmarked(content: bytes) -> bytes:
    """A file as the previous release wrote it."""
    return b"".join(line for line in content.splitlines(keepends=True) if not line.startswith(b"# appban: "))


# What dnf 4.14 itself read from these files (dnf.Base().conf.read, recorded).
READ_BY_DNF = [
    (b"excludepkgs=a,b\n", ["a", "b"]),
    (b"excludepkgs=a b\n", ["a", "b"]),
    (b"excludepkgs = a, b  c\n", ["a", "b", "c"]),
    (b"exclude=a\n", ["a"]),
    (b"exclude=a\nexcludepkgs=b\n", ["a", "b"]),
    (b"excludepkgs=b\nexclude=a\n", ["b", "a"]),
    (b"excludepkgs=a\nexcludepkgs=b\n", ["b"]),
    (b"excludepkgs=a\n[main]\nexcludepkgs=b\n", ["b"]),
    (b"excludepkgs=a,\n  b\n\tc\n", ["a", "b", "c"]),
    (b"excludepkgs=a\n  #b\n c\n", ["a", "#b", "c"]),
    (b"excludepkgs=a\n   \n c\nq=1\n", ["a", "c"]),
    (b"excludepkgs=a,b\r\nx=1\r\n", ["a", "b"]),
    (b"excludepkgs=a,,b\n", ["a", "b"]),
    (b"excludepkgs=,a\n", ["a"]),
    (b"excludepkgs=a,b,\n", ["a", "b"]),
    (b"excludepkgs=\n", []),
    (b"excludepkgs=  \n", []),
    (b"excludepkgs=a\nexcludepkgs=,b\n", ["b"]),
    (b"exclude=a\nexcludepkgs=,b\n", ["b"]),
    (b"exclude=a\nexcludepkgs=\n", []),
    (b"exclude=a\nexcludepkgs=b\nexclude=,c\n", ["c", "b"]),
    (b"excludepkgs=b\nexclude=x\nexcludepkgs=,c\n", ["c", "x"]),
    (b"exclude=z\nexcludepkgs=\n a\n", ["a"]),
    (b"exclude=z\nexcludepkgs= , a\n", ["a"]),
    (b"exclude=z\nexcludepkgs=\n ,a\n", ["a"]),
    (b"Excludepkgs=a\n", []),
    (b"excludepkgs=a #b\n", ["a", "#b"]),
    (b";excludepkgs=a\n", []),
    (b'excludepkgs="a,b"\n', ["a", "b"]),
    (b"excludepkgs='a,b'\n", ["a", "b"]),
    (b'excludepkgs="a,\n b"\n', ["a", "b"]),
    (b'excludepkgs="a" b\n', ['"a"', "b"]),
    (b'excludepkgs=""\n', []),
    (b'excludepkgs=",a"\n', ["a"]),
    (b"excludepkgs=a,b", ["a", "b"]),
    (b"excludepkgs=a\tb\x0bc\x0cd\n", ["a\tb\x0bc\x0cd"]),
    (b"excludepkgs=a,\r\n b\r\n c\r\n", ["a", "b", "c"]),
    (b"excludepkgs=a\t\n b\n", ["a", "b"]),
    (b"excludepkgs=a\n\r\n b\n", ["a", "b"]),
    (b"x=1\r\n excludepkgs=q\r\nexcludepkgs=a\n", ["a"]),
    (b"[foo]\nexcludepkgs=a\n", []),
]


@pytest.mark.parametrize(("body", "expected"), READ_BY_DNF)
def test_reads_what_dnf_reads(body: bytes, expected: list[str]) -> None:
    assert list(effective_excludes(b"[main]\n" + body)) == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"[Main]\nexcludepkgs=a\n", []),
        (b"[ main ]\nexcludepkgs=a\n", []),
        (b"[main] # x\nexcludepkgs=a\n", ["a"]),
        (b" [main]\nexcludepkgs=a\n", ["a"]),
        (b"[x]\na=1\n [main]\nexcludepkgs=a\n", ["a"]),
        (b"\xef\xbb\xbf[main]\nexcludepkgs=a\n", ["a"]),
        (b"# c\xe9\n[main]\nexcludepkgs=a\n", ["a"]),
        (b"", []),
        (None, []),
    ],
)
def test_reads_sections_as_dnf_does(content: bytes | None, expected: list[str]) -> None:
    assert list(effective_excludes(content)) == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, b"[main]\nexcludepkgs=tk,zz\n"),
        (b"", b"[main]\nexcludepkgs=tk,zz\n"),
        (b"# c", b"# c\n[main]\nexcludepkgs=tk,zz\n"),
        (b"[repo]\nx=1\r\n", b"[repo]\nx=1\r\n[main]\r\nexcludepkgs=tk,zz\r\n"),
        (b"[main]\ngpgcheck=1\n", b"[main]\nexcludepkgs=tk,zz\ngpgcheck=1\n"),
        (b"[main]\r\ngpgcheck=1\r\n", b"[main]\r\nexcludepkgs=tk,zz\r\ngpgcheck=1\r\n"),
        (b"[main]", b"[main]\nexcludepkgs=tk,zz"),
        (b"[main]\nexcludepkgs=b,a\n", b"[main]\nexcludepkgs=b,a,tk,zz\n"),
        (b"[main]\nexcludepkgs=b, a\n", b"[main]\nexcludepkgs=b, a, tk, zz\n"),
        (b"[main]\nexcludepkgs=b a  \n", b"[main]\nexcludepkgs=b a tk zz  \n"),
        (b"[main]\nexclude = b\n", b"[main]\nexclude = b,tk,zz\n"),
        (b"[main]\nexcludepkgs=b,\n", b"[main]\nexcludepkgs=b,tk,zz,\n"),
        (b"[main]\nexcludepkgs=b\r\n", b"[main]\nexcludepkgs=b,tk,zz\r\n"),
        (b"[main]\nexcludepkgs=b,\n  a\n\nx=1\n", b"[main]\nexcludepkgs=b,\n  a,tk,zz\n\nx=1\n"),
        (b"[main]\nexcludepkgs='b'\n", b"[main]\nexcludepkgs='b,tk,zz'\n"),
        (b"[main]\nexcludepkgs=\n", b"[main]\nexcludepkgs=,tk,zz\n"),
        (b"[main]\nexcludepkgs=  \n", b"[main]\nexcludepkgs=,tk,zz  \n"),
        (b"[main]\nexcludepkgs=,\n", b"[main]\nexcludepkgs=,tk,zz\n"),
        (b'[main]\nexcludepkgs=""\n', b'[main]\nexcludepkgs=",tk,zz"\n'),
        (b"[main]\nexcludepkgs=a\nexcludepkgs=b\n", b"[main]\nexcludepkgs=a\nexcludepkgs=b,tk,zz\n"),
        (b"[main]\nexcludepkgs=tk\n", b"[main]\nexcludepkgs=tk,zz\n"),
    ],
)
def test_merges_into_what_is_there(content: bytes | None, expected: bytes) -> None:
    new, ours = set_excludes(content, ("tk", "zz"), Addition())
    assert new is not None
    assert unmarked(new) == expected
    assert marked_excludes(new) == ours
    assert set_excludes(new, (), Addition()) == (content, Addition()) or content == b""
    assert set_excludes(new, ("tk", "zz"), ours) == (new, ours)
    assert set_excludes(new, (), ours) == (content, Addition()) or content == b""


def test_a_name_the_administrator_had_before_us_stays_on_lift() -> None:
    before = b"[main]\nexcludepkgs=tk\n"
    new, ours = set_excludes(before, ("tk",), Addition())
    assert new is before
    assert ours == Addition()
    assert set_excludes(new, (), ours)[0] is before


def test_a_file_that_was_not_there_goes_again() -> None:
    new, ours = set_excludes(None, ("tk",), Addition())
    assert ours.created
    assert set_excludes(new, (), ours) == (None, Addition())


def test_an_empty_file_that_was_there_stays() -> None:
    new, ours = set_excludes(b"", ("tk",), Addition())
    assert set_excludes(new, (), ours)[0] == b""


def test_lift_after_foreign_edits_takes_only_ours() -> None:
    new, ours = set_excludes(b"[main]\nexcludepkgs=a\n", ("tk", "zz"), Addition())
    assert new == b"[main]\n# appban: tk,zz\nexcludepkgs=a,tk,zz\n"
    edited = b"# mine\n[main]\nbest=1\nexcludepkgs=zz b, tk c\nx=1\n"
    assert set_excludes(edited, (), ours)[0] == b"# mine\n[main]\nbest=1\nexcludepkgs=b c\nx=1\n"


def test_lift_leaves_a_line_of_ours_that_the_administrator_uses_by_now() -> None:
    new, ours = set_excludes(b"[main]\nx=1\n", ("tk",), Addition())
    assert new is not None
    edited = new.replace(b"=tk", b"=tk,mine")
    assert set_excludes(edited, (), ours)[0] == b"[main]\nexcludepkgs=mine\nx=1\n"


def test_an_entry_removed_by_hand_comes_back() -> None:
    new, ours = set_excludes(b"[main]\nexcludepkgs=a\n", ("tk",), Addition())
    again, ours_again = set_excludes(b"[main]\nexcludepkgs=a\n", ("tk",), ours)
    assert again == new
    assert set(ours_again.names) == {"tk"}


def test_an_emptying_value_keeps_emptying() -> None:
    before = b"[main]\nexclude=z\nexcludepkgs=\n"
    new, ours = set_excludes(before, ("tk",), Addition())
    assert effective_excludes(new) == ("tk",)
    assert set_excludes(new, (), ours)[0] == before
    assert clears_excludes(before)
    assert not clears_excludes(b"[main]\nexclude=z\n")


def test_secrets_stay_out_of_the_diff() -> None:
    text = masked(b"[main]\nproxy_password = hunter2secret\n  more\nproxy=http://me:pw@proxy:1\nexcludepkgs=a\n")
    assert text is not None
    assert "hunter2" not in text
    assert "more" not in text
    assert "pw@" not in text
    assert "excludepkgs=a" in text
    assert masked(None) is None


def test_without_a_ledger_the_mark_tells_what_is_ours() -> None:
    before = b"[main]\r\nexcludepkgs=a,zz\r\n"
    new, ours = set_excludes(before, ("tk", "zz"), Addition())
    assert new == b"[main]\r\n# appban: tk\r\nexcludepkgs=a,zz,tk\r\n"
    assert set_excludes(new, ("tk", "zz"), Addition()) == (new, ours)
    assert set_excludes(new, (), Addition()) == (before, Addition())


def test_a_file_of_the_previous_release_is_left_alone_until_something_changes() -> None:
    """It has no mark: nothing is written for the mark alone, and the lift is exact with the ledger of that release."""
    for before in (None, b"", b"[main]\nexcludepkgs=a", b"[x]"):
        new, ours = set_excludes(before, ("tk",), Addition())
        assert new is not None
        old = unmarked(new)
        assert set_excludes(old, ("tk",), ours)[0] is old
        assert set_excludes(old, (), ours) == (before, Addition())
        grown, more = set_excludes(old, ("tk", "zz"), ours)
        assert marked_excludes(grown) == more
        assert set_excludes(grown, (), Addition()) == (before, Addition())


@pytest.mark.parametrize("later", [b"excludepkgs=\n", b"excludepkgs=b\n", b"exclude=\n", b"[main]\nexclude=,b\n"])
@pytest.mark.parametrize("before", [b"[main]\nbest=1\n", b"[main]\nexcludepkgs=a,c\n", b"[main]\nexcludepkgs=\n"])
def test_ours_moves_to_where_it_has_an_effect(before: bytes, later: bytes) -> None:
    new, ours = set_excludes(before, ("tk", "zz"), Addition())
    assert new is not None
    edited = new + later
    moved, ours = set_excludes(edited, ("tk", "zz"), ours)
    assert moved is not None
    assert moved.count(b"zz") == 2  # in the list and in the mark
    assert {"tk", "zz"} <= set(effective_excludes(moved))
    assert set_excludes(moved, (), Addition())[0] == before + later
    assert set_excludes(moved, (), ours)[0] == before + later


def test_a_mark_without_its_entries_goes_with_the_lift() -> None:
    assert set_excludes(b"[main]\n# appban: tk\nexcludepkgs=a\n", (), Addition())[0] == b"[main]\nexcludepkgs=a\n"


def test_other_lists_are_read_the_same_way() -> None:
    assert option_words(b"[main]\ndisable_excludes=a\ndisable_excludes = main, lab\n", "disable_excludes") == ("main", "lab")
    assert option_words(b"[x]\ndisable_excludes=all\n", "disable_excludes") == ()


PIECES = st.sampled_from(
    ["[main]", "[main]\t# x", "[repo]", " [main]", "excludepkgs=", "excludepkgs = a", "exclude=a,b", "excludepkgs=a b c", "excludepkgs=,"]
    + ["excludepkgs=,x", "excludepkgs='a, b'", 'exclude=""', "  c", "\td,e,", "   ", "", "# note", ";x=1", "best=1", "proxy=\xe9"]
    + ["excludepkgs=a,tk", "x", "=", "\xef\xbb\xbf"]
    + ["exclude=  ", "excludepkgs=a,,", "excludepkgs=tk tk", " ,", "excludepkgs=a;"]
)
FILES = st.lists(st.tuples(PIECES, st.sampled_from(["\n", "\n", "\n", "\r\n", ""])), max_size=8).map(
    lambda parts: "".join(text + end for text, end in parts).encode("latin-1")
)
NAMES = st.lists(st.sampled_from(["tk", "zz", "tiktok-desktop", "tk-docs", "a"]), unique=True, min_size=1, max_size=4).map(sorted)


@given(FILES | st.binary(max_size=40) | st.none(), NAMES)
@example(b"[main]\nexcludepkgs=", ["tk"])
@example(b"[main]\r\n", ["tk"])
def test_add_then_lift_gives_the_same_bytes(content: bytes | None, names: list[str]) -> None:
    new, ours = set_excludes(content, names, Addition())
    assert set(names) <= set(effective_excludes(new))
    assert set_excludes(new, names, ours) == (new, ours)
    assert Addition.from_plain(ours.to_plain()) == ours
    assert set_excludes(new, (), ours) == (content, Addition())
    # The same with the ledger lost.
    assert set_excludes(new, names, Addition()) == (new, ours)
    assert set_excludes(new, (), Addition()) == (content, Addition())


@given(FILES | st.none(), NAMES, NAMES, NAMES)
def test_grow_and_shrink_then_lift_gives_the_same_bytes(
    content: bytes | None, first: list[str], second: list[str], third: list[str]
) -> None:
    new, ours = set_excludes(content, first, Addition())
    for names in (second, third):
        new, ours = set_excludes(new, names, ours)
        assert set(names) <= set(effective_excludes(new))
        assert set(ours.names) <= set(names)
    assert set_excludes(new, (), ours) == (content, Addition())


@given(FILES, NAMES)
def test_everything_that_was_excluded_stays_so(content: bytes, names: list[str]) -> None:
    before = effective_excludes(content)
    new, _ours = set_excludes(content, names, Addition())
    after = [name for name in effective_excludes(new) if name not in names or name in before]
    assert [name for name in after if name in before] == list(before)


@given(FILES | st.none(), NAMES, NAMES, st.booleans())
def test_killed_between_ledger_and_file_a_lift_still_gives_the_same_bytes(
    content: bytes | None, first: list[str], second: list[str], written: bool
) -> None:
    before, ours = set_excludes(content, first, Addition())
    after, new = set_excludes(before, second, ours)
    meanwhile = Addition.from_plain(both(ours.to_plain(), new.to_plain()))
    assert set_excludes(after if written else before, (), meanwhile) == (content, Addition())
