# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What dpkg and apt print, read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.appban.endpoint.plugins.module_utils.engine.errors import AppbanError
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.apt.dpkg_database import (
    DpkgPackage,
    knows_protected,
    parse_dependents,
    parse_file_list,
    parse_listing,
    parse_owners,
    parse_selections,
    selections_before,
)
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.apt.preferences import (
    Pin,
    is_read_by_apt,
    pinned_names,
    pins,
    render_pin,
)
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.apt.providers import parse_reverse_provides
from tests.support.hosts.dpkg_output import DEPENDENTS, row

NAMES = st.lists(st.from_regex(r"[a-z0-9][a-z0-9+.-]{1,20}", fullmatch=True), min_size=1, unique=True)


@pytest.mark.parametrize(
    ("status", "there", "hold"),
    [
        ("ii ", True, False),
        ("hi ", True, True),
        ("pi ", True, False),
        ("ri ", True, False),
        ("iU ", True, False),
        ("iF ", True, False),
        ("iHR", True, False),
        ("it ", True, False),
        ("iW ", True, False),
        ("rc ", False, False),
        ("pc ", False, False),
        ("hc ", False, False),
        ("in ", False, False),
        ("hn ", False, False),
        ("un ", False, False),
    ],
)
def test_only_the_second_status_letter_tells_what_is_there(status: str, there: bool, hold: bool) -> None:
    packages = parse_listing(row("tiktok-desktop", status))
    assert [each.hold for each in packages] == ([hold] if there else [])


@pytest.mark.parametrize(
    ("marks", "protected"),
    [
        (("no", "no", "", "optional"), ""),
        (("yes", "no", "", "required"), "essential"),
        (("no", "yes", "", "optional"), "protected"),
        (("no", "", "yes", "optional"), "protected"),
        (("no", "no", "no", "required"), "required"),
        (("", "", "", ""), ""),
        (("no", "no", "", "important"), ""),
    ],
)
def test_marks_of_protected_packages(marks: tuple[str, str, str, str], protected: str) -> None:
    assert parse_listing(row("x1", marks=marks))[0].protected == protected


def test_multi_arch_epochs_and_provides() -> None:
    output = row("libfoo", unique="libfoo:amd64", version="1:2.0~rc1-1+b2") + row("libfoo", unique="libfoo:i386", version="1:2.0~rc1-1")
    output += row("apt", provides="apt-transport-https (= 2.6.2), apt-https") + row("x1", provides="a:any, b (= 1),c")
    packages = parse_listing(output)
    assert packages[:2] == (
        DpkgPackage("libfoo", "libfoo:amd64", "1:2.0~rc1-1+b2"),
        DpkgPackage("libfoo", "libfoo:i386", "1:2.0~rc1-1"),
    )
    assert packages[0].line == "libfoo:amd64 1:2.0~rc1-1+b2"
    assert packages[2].provides == {"apt-transport-https", "apt-https"}
    assert packages[3].provides == {"a", "b", "c"}


@pytest.mark.parametrize(
    "broken", ["tiktok-desktop\n", "tiktok-desktop\ttiktok-desktop\t1.0\tii ", row("x1", status="i"), "Speicherzugriffsfehler\n"]
)
def test_a_line_that_is_not_understood_is_never_skipped(broken: str) -> None:
    with pytest.raises(AppbanError, match="can't be understood"):
        parse_listing(row("bash") + broken)


def test_dependents_come_from_dpkgs_own_objections() -> None:
    assert parse_dependents(DEPENDENTS) == ("media-suite", "libfoo:i386", "media-alt")
    assert parse_dependents("dpkg: error: dpkg frontend lock was locked by another process with pid 1\n") == ()


def test_selections_that_contradict_what_is_there() -> None:
    output = "a1\tin \nb1\tpi \nc1\tri \nd1\tii \ne1\trc \nf1\tun \ng1\thn \nh1\thi \ni1\tpc \nj1\tic \n"
    assert parse_selections(output, {}) == (
        ("a1", "install", "purge"),
        ("b1", "purge", "install"),
        ("c1", "deinstall", "install"),
        ("j1", "install", "deinstall"),
    )


def test_selections_of_an_administrator_come_back() -> None:
    before = selections_before("a1\thn \nb1\tin \nc1\tun \nd1\thi \ne1\tii \nf1\trc \ng1\thc \n\n")
    assert before == {"a1": "hold", "b1": "install", "g1": "hold"}
    # A refused installation has taken the place of a1's hold and made c1 wanted.
    assert parse_selections("a1\tin \nb1\tin \nc1\tin \ng1\thc \n", before) == (("a1", "install", "hold"), ("c1", "install", "purge"))


LISTED = """/.
/etc/opt/deb/tiktok-desktop.conf
diverted by vlc-lab to: /etc/opt/deb/other
/opt/deb/a: b
/opt/deb/tiktok-desktop/app
locally diverted to: /opt/deb/tiktok-desktop/app.distrib
/usr/bin/true

/.
/usr/bin/true
"""
OWNED = """local diversion from: /opt/deb/tiktok-desktop/app
local diversion to: /opt/deb/tiktok-desktop/app.distrib
tiktok-desktop: /opt/deb/tiktok-desktop/app
diversion by vlc-lab from: /etc/opt/deb/tiktok-desktop.conf
diversion by vlc-lab to: /etc/opt/deb/other
duo:amd64, duo:i386, other: /opt/deb/a: b
"""


def test_files_are_where_diversions_have_put_them() -> None:
    assert parse_file_list(LISTED) == (
        "/etc/opt/deb/other",
        "/opt/deb/a: b",
        "/opt/deb/tiktok-desktop/app.distrib",
        "/usr/bin/true",
    )
    assert parse_file_list("") == ()


def test_owners_of_paths() -> None:
    assert parse_owners(OWNED) == {"/opt/deb/tiktok-desktop/app": {"tiktok-desktop"}, "/opt/deb/a: b": {"duo", "other"}}


PREFERENCES = b"""Explanation: of an administrator
# a comment
Package: tiktok-desktop
 vlc-lab
Pin: release *
Pin-Priority: 990

Package: /^media-/
Pin: version 1.0
Pin-Priority: -5
\t
package: src:studio lib*:any
Pin: origin ""
pin-priority: 1001

Package: *
Pin: release a=lab
Pin-Priority: 500

Package: nothing
Pin: release a=lab
"""


def test_the_pins_of_others_are_read_as_apt_reads_them() -> None:
    found = pins(PREFERENCES)
    assert found == (
        Pin(("tiktok-desktop", "vlc-lab"), 990),
        Pin(("/^media-/",), -5),
        Pin(("src:studio", "lib*:any"), 1001),
        Pin(("*",), 500),
    )
    concerned = [[name for name in ("tiktok-desktop", "media-rec", "studio", "libfoo", "vlc") if pin.concerns(name)] for pin in found]
    assert concerned == [["tiktok-desktop"], ["media-rec"], ["studio", "libfoo"], []]
    assert Pin(("/(/",), 1).concerns("whatever")
    assert pins(b"") == ()


@pytest.mark.parametrize(
    ("name", "read"),
    [("00-admin", True), ("own.pref", True), ("a.b.pref", True), ("own.conf", False), (".hidden", False), ("own~", False), ("a b", False)],
)
def test_which_files_apt_takes_preferences_from(name: str, read: bool) -> None:
    assert is_read_by_apt(name) is read


@pytest.mark.parametrize(
    ("version", "knows"),
    [
        ("1.20.1", True),
        ("1.20.0", False),
        ("1.19.7ubuntu3", False),
        ("1.21.22", True),
        ("1.22.6ubuntu6.1", True),
        ("2.0.0", True),
        ("", False),
        (None, False),
    ],
)
def test_which_dpkg_knows_protected(version: str | None, knows: bool) -> None:
    assert knows_protected(version) is knows


# Comments come as the request leaves them: printable, so without halves of surrogate pairs.
@given(NAMES, st.lists(st.text(st.characters(codec="utf-8", min_codepoint=32, exclude_characters="\x7f\x85\u2028\u2029"), max_size=30)))
def test_the_pin_names_exactly_what_it_was_given(names: list[str], comment: list[str]) -> None:
    content = render_pin(names, comment)
    assert pinned_names(content) == tuple(sorted(names))
    assert render_pin(reversed(names), comment) == content
    lines = content.decode().split("\n")
    assert lines[-4] == "Package: " + " ".join(f"{name}:any" for name in sorted(names))
    assert lines[-3:] == ["Pin: release *", "Pin-Priority: -1", ""]
    assert all(line.startswith("Explanation: ") for line in lines[:-4])


SHOWPKG = """\
Package: tiktok-desktop
Versions:
2.0 (/var/lib/apt/lists/lab_Packages)
 Description Language:

Reverse Depends:
  media-alt,tiktok-desktop
Dependencies:
2.0 -
Provides:
2.0 -
Reverse Provides:
tiktok-rev 1.0 (= )
tiktok-rev 1.1 (= 2.0)
tiktok-rev:i386 1.0 (= )
tok 3
Package: vlc
Versions:

Reverse Depends:
Dependencies:
Provides:
Reverse Provides:
"""


def test_reverse_provides() -> None:
    assert parse_reverse_provides(SHOWPKG) == {"tiktok-desktop": ["tiktok-rev", "tok"]}
    assert parse_reverse_provides("") == {}
