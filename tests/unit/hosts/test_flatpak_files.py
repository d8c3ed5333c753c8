# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""flatpak's files read without flatpak, and the accounts whose homes hold installations."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.appban.endpoint.plugins.module_utils.hosts import accounts
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.accounts import Account, owner_of, people
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.flatpak_filter import denies, render_filter
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.flatpak_installations import (
    Installation,
    Remote,
    deployed,
    parse_key_file,
    remotes,
    system_installations,
)
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.system import System

CONFIG = b"""# comment
[core]
repo_version=1
xa.applied-remotes=static;

[remote "flathub"]
url=https://example.org/repo
xa.filter = /etc/flat\\spak/x.filter

[remote "desktop-origin"]
url=
xa.noenumerate=true
xa.main-ref=app/com.tiktok.Desktop/x86_64/stable
[remote "static"]
[remote "odd
nonsense
"""


def test_remotes_are_read_from_the_repositorys_configuration(tmp_path):
    (tmp_path / "repo").mkdir()
    (tmp_path / "repo" / "config").write_bytes(CONFIG)
    place = Installation(str(tmp_path), "--installation=x", "system:x")
    assert remotes(System(), place) == (
        Remote("flathub", "/etc/flat pak/x.filter"),
        Remote("desktop-origin", "", "app/com.tiktok.Desktop/x86_64/stable"),
        Remote("static"),
    )
    assert remotes(System(), Installation(str(tmp_path / "none"), "--user", "user:x")) == ()


def test_whatever_a_person_puts_in_the_place_of_the_configuration_stops_nothing(tmp_path):
    place = Installation(str(tmp_path), "--user", "user:jana", "jana")
    config = tmp_path / "repo" / "config"
    config.parent.mkdir()
    os.mkfifo(config)
    assert remotes(System(), place) == ()
    config.unlink()
    config.symlink_to(config)
    assert remotes(System(), place) == ()
    config.unlink()
    config.symlink_to("/dev/zero")
    assert remotes(System(), place) == ()
    config.unlink()
    config.write_bytes(CONFIG)
    assert [remote.name for remote in remotes(System(), place)] == ["flathub", "desktop-origin", "static"]


@given(st.binary(max_size=200))
def test_no_key_file_breaks_the_reader(content):
    parse_key_file(content)
    parse_key_file(b'[remote "x"]\n' + content)


def test_only_what_is_deployed_counts_and_only_the_asked_app_is_looked_at(tmp_path):
    top = tmp_path / "app" / "com.tiktok.Desktop"
    (top / "x86_64" / "stable").mkdir(parents=True)
    (top / "x86_64" / "stable" / "active").symlink_to("0123")
    (top / "aarch64" / "beta" / "active").mkdir(parents=True)
    (top / "x86_64" / "left-over").mkdir()
    (top / "x86_64" / "--delete-data" / "active").mkdir(parents=True)
    (top / "current").symlink_to("x86_64/stable")
    place = Installation(str(tmp_path), "--system", "system")
    assert deployed(System(), place, "com.tiktok.Desktop") == ["aarch64/beta", "x86_64/stable"]
    assert deployed(System(), place, "com.tiktok.DesktopNotes") == []


def test_extra_installations_with_an_odd_name_or_path_are_left_out(tmp_path, monkeypatch):
    (tmp_path / "a.conf").write_text('[Installation "extra"]\nPath=/opt/x\n[Installation "-rf"]\nPath=/opt/y\n[Installation "z"]\nPath=z\n')
    (tmp_path / "b.txt").write_text('[Installation "no"]\nPath=/opt/no\n')
    monkeypatch.setattr(
        "ansible_collections.appban.endpoint.plugins.module_utils.hosts.flatpak_installations.EXTRA_INSTALLATIONS", str(tmp_path)
    )
    assert [place.scope for place in system_installations(System())] == ["system", "system:extra"]


IDS = st.lists(st.sampled_from(["com.tiktok.Desktop", "com.tiktok.Lite", "org.lab.Good"]), unique=True)


@given(IDS, st.lists(st.text(alphabet="ab #*/", max_size=20)))
def test_our_filter_hides_exactly_its_names(names, comment):
    content = render_filter(names, comment)
    for app in ("com.tiktok.Desktop", "com.tiktok.DesktopNotes", "com.tiktok.Lite", "com.tiktok", "org.lab.Good"):
        assert denies(content, app) is (app in names)


@given(st.binary(max_size=200))
def test_no_filter_breaks_the_reader(content):
    denies(content, "com.tiktok.Desktop")
    denies(b"deny " + content, "com.tiktok.Desktop")


def test_a_filter_for_one_branch_hides_too_little():
    assert denies(b"deny app/com.tiktok.Desktop/*/*\n", "com.tiktok.Desktop")
    assert not denies(b"deny app/com.tiktok.Desktop/*/beta\n", "com.tiktok.Desktop")
    assert not denies(b"deny app/com.tiktok.Desktop/aarch64\n", "com.tiktok.Desktop")


# -- accounts ----------------------------------------------------------------------------------------------------------


class PasswdSystem(System):
    """A host with a /etc/passwd of the test's."""

    def __init__(self, passwd):
        super().__init__()
        self.passwd = passwd

    def read(self, path):
        return self.passwd if path == "/etc/passwd" else super().read(path)


@pytest.fixture
def homes(tmp_path, monkeypatch):
    for name in ("jana", "EXAMPLE/eva", "gone", "service", "lost"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "jana")
    (tmp_path / "file").touch()
    owners = {"jana": 1001, "eva": 70001, "EXAMPLE": 0, "service": 999, "lost": 55555}
    monkeypatch.setattr(accounts, "_owner_id", lambda path: owners.get(os.path.basename(path)))
    monkeypatch.setattr(accounts, "HOME_ROOTS", (str(tmp_path),))
    monkeypatch.setattr(accounts, "_name_of", {1001: "jana", 70001: "eva@example"}.get)
    return tmp_path


def test_people_are_root_local_accounts_and_owners_of_homes(homes):
    passwd = f"""root:x:0:0::{homes}/gone:/bin/sh
daemon:x:1:1::{homes}/service:/bin/false
jana:x:1001:1001::{homes}/jana:/bin/sh
twin:x:1002:1002::{homes}/jana:/bin/sh
away:x:1003:1003::{homes}/nowhere:/bin/sh
slash:x:1004:1004::/:/bin/sh
nobody:x:65534:65534::{homes}/service:/bin/false
broken:x
bad:x:many:1::{homes}/lost:/bin/sh
""".encode()
    assert people(PasswdSystem(passwd)) == (
        Account("eva@example", 70001, f"{homes}/EXAMPLE/eva"),
        Account("jana", 1001, f"{homes}/jana"),
        Account("root", 0, f"{homes}/gone"),
    )


def test_a_host_without_accounts_has_no_people(homes, monkeypatch):
    monkeypatch.setattr(accounts, "HOME_ROOTS", (str(homes / "none"),))
    assert people(PasswdSystem(None)) == ()
    assert owner_of(str(homes / "none")) is None
