# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""pacman.conf edited by key: every byte that is not ours survives."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ansible_collections.appban.endpoint.plugins.module_utils.hosts.pacman.conf import (
    add_hold,
    hold_names,
    included_paths,
    mentions,
    remove_hold,
    without_secrets,
)

GUARD = "appban-guard"

# Lines as administrators, editors of other systems and other tools leave them.
LINES = st.sampled_from(
    [
        b"[options]",
        b"  [options]  ",
        b"[options] # general",
        b"#[options]",
        b"[core]",
        b"[options]x",
        b"HoldPkg     = pacman glibc",
        b"HoldPkg=pacman\tglibc",
        b"HoldPkg = appban-guards xappban-guard",
        b"\tHoldPkg =",
        b"HoldPkg",
        b"#HoldPkg = appban-guard",
        b"Include = /etc/pacman.d/mirrorlist",
        b"Server = https://user:secret@mirror.example/$repo",
        b"# K\xf6ln",
        b"\xef\xbb\xbf# BOM",
        b"\x00\xff\x0c",
        b"",
        b"   ",
        b"a\rb",
    ]
)
FILES = st.builds(
    lambda pairs, last: b"".join(line + end for line, end in pairs) + last,
    st.lists(st.tuples(LINES, st.sampled_from([b"\n", b"\r\n", b"\n\n"])), max_size=8),
    st.one_of(st.just(b""), LINES),
)
ANY_FILE = st.one_of(FILES, st.binary(max_size=80))


@given(ANY_FILE)
@example(b"")
@example(b"[options]")
@example(b"[options]\r\n")
@example(b"[core]\nServer = x")
@example(b"[options]\n[options]")
def test_add_and_lift_give_back_every_byte(content: bytes) -> None:
    added, record = add_hold(content, GUARD)
    assert GUARD in hold_names(added)
    assert remove_hold(added, GUARD, record) == content


@given(ANY_FILE)
def test_what_was_there_stays_in_its_order(content: bytes) -> None:
    added, _record = add_hold(content, GUARD)
    rest = iter(added.split(b"\n"))
    assert all(any(line.rstrip(b"\r") == other.rstrip(b"\r") for other in rest) for line in content.split(b"\n"))


@given(ANY_FILE)
def test_adding_twice_changes_nothing_more(content: bytes) -> None:
    added, _record = add_hold(content, GUARD)
    assert add_hold(added, GUARD) == (added, {"added": False})


@given(FILES, st.sampled_from([b"\n# added by hand\n", b"\n[extra]\nServer = file:///srv\n", b"\nHoldPkg = other\n"]))
def test_after_edits_below_only_ours_goes(content: bytes, edit: bytes) -> None:
    added, record = add_hold(content, GUARD)
    lifted = remove_hold(added + edit, GUARD, record)
    assert GUARD not in hold_names(lifted)
    kept = lines_of(content) + lines_of(edit)
    if record.get("section") and edit.startswith(b"\nHoldPkg"):
        # Somebody put an option of his own into the section that we made: it has to stay.
        kept = [*lines_of(content), b"[options]", *lines_of(edit)]
    assert lines_of(lifted) == kept


def lines_of(content: bytes) -> list[bytes]:
    return [line.strip() for line in content.split(b"\n") if line.strip()]


def test_an_entry_from_before_us_is_not_ours() -> None:
    content = b"[options]\nHoldPkg = pacman appban-guard\n"
    added, record = add_hold(content, GUARD)
    assert (added, record) == (content, {"added": False})
    assert remove_hold(content, GUARD, record) == content


@pytest.mark.parametrize(
    ("edited", "lifted"),
    [
        (b"[options]\nHoldPkg = appban-guard glibc\n", b"[options]\nHoldPkg = glibc\n"),
        (b"[options]\nHoldPkg = glibc appban-guard\n", b"[options]\nHoldPkg = glibc \n"),
        (b"[options]\nColor\nHoldPkg=appban-guard\n", b"[options]\nColor\n"),
        (b"[options]\nColor\n", b"[options]\nColor\n"),
        (b"", b""),
    ],
)
def test_our_entry_is_found_where_somebody_moved_it(edited: bytes, lifted: bytes) -> None:
    assert remove_hold(edited, GUARD, {"added": True}) == lifted


def test_without_a_record_only_a_line_of_its_own_is_taken_for_ours() -> None:
    assert remove_hold(b"[options]\nHoldPkg = appban-guard\nColor\n", GUARD, None) == b"[options]\nColor\n"
    shared = b"[options]\nHoldPkg = pacman appban-guard\n"
    assert remove_hold(shared, GUARD, None) == shared


def test_a_repository_section_is_none_of_our_business() -> None:
    content = b"[core]\nHoldPkg = appban-guard\nHookDir = /x\n[options]\nColor\n[extra]\nInclude = /etc/pacman.d/mirrorlist\n"
    assert hold_names(content) == ()


def test_a_setting_is_seen_wherever_it_stands() -> None:
    # An included file is read as if its lines stood there, so the section that it begins in is not known.
    assert mentions(b"[core]\n HookDir=/x\n", "HookDir")
    assert mentions(b"HookDir", "HookDir")
    assert not mentions(b"[options]\n#HookDir = /x\nHookDirs = /y\n", "HookDir")
    assert included_paths(b"[core]\n Include=/etc/a b*\r\n#Include = /no\nInclude =\nInclude = c\n") == ("/etc/a b*", "c")


def test_a_diff_shows_no_secrets() -> None:
    content = b"[options]\nXferCommand = /usr/bin/curl -H 'Authorization: hunter2' %u\n[lab]\nServer = https://jana:hunter2@mirror.example/x\nK\xf6ln\n"
    shown = without_secrets(content)
    assert "hunter2" not in shown
    assert "https://********@mirror.example/x" in shown
