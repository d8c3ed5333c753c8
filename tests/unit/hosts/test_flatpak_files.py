# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""flatpak's files read without flatpak, and the accounts whose homes hold installations."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.appban.endpoint.plugins.module_utils.hosts import accounts, basis, slow_places
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.accounts import People
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.data_places import data_places, is_shells
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.flatpak import people as flatpak_people
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.flatpak.backend import Flatpak
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.flatpak.filter import denies, render_filter
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.flatpak.installations import (
    Installation,
    Remote,
    deployed,
    parse_key_file,
    remotes,
    system_installations,
)
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.flatpak.people import PersonalFlatpaks
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.home_scan import scan_home
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.system import System
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.trust import Trust

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


def test_groups_of_one_name_are_one_remote_and_the_later_value_counts(tmp_path):
    (tmp_path / "repo").mkdir()
    (tmp_path / "repo" / "config").write_bytes(b'[remote "x"]\nxa.filter=/a\nxa.filter=/b\r\n[core]\n[remote "x"]\nurl=u\n')
    assert remotes(System(), Installation(str(tmp_path), "--installation=x", "system:x")) == (Remote("x", "/b"),)
    (tmp_path / "repo" / "config").write_bytes(b'[remote "x"] \nxa.filter=/a \n')
    assert remotes(System(), Installation(str(tmp_path), "--installation=x", "system:x")) == (Remote("x", "/a "),)


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


def test_extra_installations_are_those_that_flatpak_takes(tmp_path, monkeypatch):
    (tmp_path / "a.conf").write_text('[Installation "extra"]\nPath=/opt/x\n[Installation "-rf"]\nPath=/opt/y\n[Installation "z"]\nPath=z\n')
    (tmp_path / "b.txt").write_text('[Installation "no"]\nPath=/opt/no\n')
    monkeypatch.setattr(
        "ansible_collections.appban.endpoint.plugins.module_utils.hosts.flatpak.installations.EXTRA_INSTALLATIONS", str(tmp_path)
    )
    assert [place.scope for place in system_installations(System())] == ["system", "system:extra", "system:-rf"]


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

    def read(self, path, limit=None):
        return self.passwd if path == "/etc/passwd" else super().read(path, limit)


APP = "com.tiktok.Desktop"
PLACE = f"app/{APP}/x86_64/stable"


def deploy(place):
    """A deployment as flatpak makes one, as far as a look sees it."""
    (place / PLACE).mkdir(parents=True)
    (place / PLACE / "active").symlink_to("0123")
    (place / "repo").mkdir()
    (place / "repo" / "config").write_bytes(CONFIG)


@pytest.fixture
def homes(tmp_path, monkeypatch):
    """Homes of several accounts; who owns them is made up, because only root could give them away."""
    for name in ("jana", "jana.bak", "EXAMPLE/eva", "gone", "service", "lost"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "file").touch()
    (tmp_path / "line\nend\udcff").mkdir()
    owners = {
        "jana": 1001,
        "jana.bak": 1001,
        "eva": 70001,
        "EXAMPLE": 0,
        "service": 999,
        "lost": 55555,
        "gone": 0,
        "line\nend\udcff": 55555,
    }
    monkeypatch.setattr(accounts, "HOME_ROOTS", (str(tmp_path),))

    def owned(trust, path, apps):
        uid = owners.get(os.path.basename(path), -1)
        facts = scan_home(trust, path, apps)
        return facts if facts.problem else facts._replace(uid=uid, flatpak=facts.flatpak._replace(uid=uid))

    monkeypatch.setattr(accounts, "scan_home", owned)
    monkeypatch.setattr(People, "name_of", lambda self, uid: {0: "root", 999: "service", 1001: "jana", 70001: "eva@example"}.get(uid))
    return tmp_path


def passwd_of(homes):
    return f"""root:x:0:0::{homes}/gone:/bin/sh
daemon:x:1:1::{homes}/service:/bin/false
jana:x:1001:1001::{homes}/jana:/bin/sh
twin:x:1002:1002::{homes}/jana:/bin/sh
away:x:1003:1003::{homes}/nowhere:/bin/sh
slash:x:1004:1004::/:/bin/sh
nobody:x:65534:65534::{homes}/service:/bin/false
broken:x
bad:x:many:1::{homes}/lost:/bin/sh
huge:x:99999999999999999999:1::{homes}/lost:/bin/sh
""".encode()


def test_every_home_is_found_once_with_its_owner(homes):
    found = People(PasswdSystem(passwd_of(homes))).homes
    assert {home.path[len(str(homes)) + 1 :]: (home.facts.uid, home.claimed_by, home.is_of_a_person()) for home in found} == {
        "EXAMPLE/eva": (70001, (), True),
        "gone": (0, (0,), True),
        "jana": (1001, (1001, 1002), True),
        "jana.bak": (1001, (), True),
        "line\nend\udcff": (55555, (), True),
        "lost": (55555, (), True),
        "service": (999, (1,), False),
    }


def test_homes_of_a_directory_service_are_found_beside_those_of_local_people(homes, monkeypatch):
    monkeypatch.setattr(accounts, "HOME_ROOTS", ())
    monkeypatch.setattr(Trust, "is_trusted_directory", lambda self, path: True)
    (homes / "EXAMPLE/eva").rename(homes / "eva")
    passwd = f"jana:x:1001:1001::{homes}/jana:/bin/sh\n".encode()
    found = {os.path.basename(home.path): home.facts.uid for home in People(PasswdSystem(passwd)).homes}
    # What belongs to root or a system account is none: such a directory may hold anything beside the homes.
    assert found == {"jana": 1001, "jana.bak": 1001, "eva": 70001, "lost": 55555, "line\nend\udcff": 55555}


def test_a_host_without_accounts_has_no_people(homes, monkeypatch):
    monkeypatch.setattr(accounts, "HOME_ROOTS", (str(homes / "none"),))
    assert People(PasswdSystem(None)).homes == ()


def personal(homes):
    found = PersonalFlatpaks(PasswdSystem(passwd_of(homes)), frozenset((APP,)))
    found.found.sort(key=lambda each: each.place.scope)
    return found


def test_an_installation_is_its_homes_owners(homes):
    for name in ("jana", "jana.bak", "EXAMPLE/eva", "service", "lost", "line\nend\udcff"):
        deploy(homes / name / ".local/share/flatpak")
    found = personal(homes)
    assert [(each.place.scope, each.place.run_as) for each in found.found] == [
        ("user:eva@example", "eva@example"),
        ("user:jana", "jana"),
        (f"user:jana:{homes}/jana.bak/.local/share/flatpak", "jana"),
        ("user:service", "service"),
    ]
    assert [place.place.path for place in found.found][1] == f"{homes}/jana/.local/share/flatpak"
    assert found.further == [f"{homes}/jana.bak/.local/share/flatpak", f"{homes}/lost/.local/share/flatpak"]
    assert [part.reason for part in found.unseen] == ["account_unknown"] * 2
    assert "55555" in found.unseen[0].note
    assert "line\\nend\\xff" in found.unseen[0].note


@pytest.mark.parametrize("odd", ["repo/config", "overrides/global", f"overrides/{APP}"])
def test_what_flatpak_would_hang_on_is_told_and_not_run(homes, odd):
    place = homes / "jana/.local/share/flatpak"
    deploy(place)
    (place / odd).parent.mkdir(exist_ok=True)
    (place / odd).unlink(missing_ok=True)
    os.mkfifo(place / odd)
    found = personal(homes)
    assert found.found == []
    assert [part.reason for part in found.unseen] == ["home_unreadable"]
    assert f"{place}/{odd} is no regular file" in found.unseen[0].note


@pytest.mark.parametrize("part", [".local", ".local/share", ".local/share/flatpak", ".local/share/flatpak/app"])
def test_a_link_on_the_way_is_told_and_not_followed(homes, part):
    deploy(homes / "gone/elsewhere/.local/share/flatpak")
    (homes / "jana" / part).parent.mkdir(parents=True, exist_ok=True)
    (homes / "jana" / part).symlink_to(homes / "gone/elsewhere" / part)
    found = personal(homes)
    assert found.found == []
    assert [part.reason for part in found.unseen] == ["home_unreadable"]
    assert f"{homes}/jana/.local" in found.unseen[0].note


@pytest.mark.parametrize(
    ("file", "line"),
    [
        (".profile", "export XDG_DATA_HOME=$HOME/data"),
        (".profile", 'if true; then XDG_DATA_HOME="${HOME}/data" ; fi'),
        (".zshenv", "export XDG_DATA_HOME=${XDG_DATA_HOME:-$HOME/data}"),
        (".zshenv", 'export XDG_DATA_HOME="${XDG_DATA_HOME:-"$HOME/data"}"'),
        (".bash_profile", "export FLATPAK_USER_DIR=~/data/flatpak # mine"),
        (".pam_environment", "XDG_DATA_HOME DEFAULT=@{HOME}/data"),
        (".config/environment.d/x.conf", "XDG_DATA_HOME=$HOME/data"),
    ],
)
def test_the_place_that_settings_name_is_looked_at(homes, monkeypatch, file, line):
    deploy(homes / "jana/data/flatpak")
    (homes / "jana" / file).parent.mkdir(parents=True, exist_ok=True)
    (homes / "jana" / file).write_text(f"# settings\n{line}\n")
    scan = accounts.scan_place
    monkeypatch.setattr(accounts, "scan_place", lambda trust, path, apps: scan(trust, path, apps)._replace(uid=1001))
    found = personal(homes)
    assert [(each.place.path, each.place.scope) for each in found.found] == [(f"{homes}/jana/data/flatpak", "user:jana")]


def test_a_place_that_everybodys_settings_name_is_its_owners(homes, monkeypatch):
    deploy(homes / "shared/flatpak")
    for name in ("jana", "EXAMPLE/eva"):
        (homes / name / ".profile").write_text(f"XDG_DATA_HOME={homes}/shared\n")
    scan = accounts.scan_place
    for uid, scopes, reasons in ((70001, ["user:eva@example"], []), (1001, ["user:jana"], []), (4242, [], ["home_unreadable"])):
        monkeypatch.setattr(accounts, "scan_place", lambda places, path, apps, uid=uid: scan(places, path, apps)._replace(uid=uid))
        found = personal(homes)
        assert [each.place.scope for each in found.found] == scopes
        assert [part.reason for part in found.unseen] == reasons


def test_a_link_beside_a_deployment_is_told_and_hides_nothing(homes):
    place = homes / "jana/.local/share/flatpak"
    deploy(place)
    (place / f"app/{APP}/x86_64/other").symlink_to("/")
    found = personal(homes)
    assert [each.deployed for each in found.found] == [((APP, "x86_64/stable"),)]
    assert [part.note for part in found.unseen] == [
        f"{place}/app/{APP} was not looked into: a link leads there, and links in places of people are not followed"
    ]


def test_too_many_settings_hide_no_app(homes):
    deploy(homes / "jana/.local/share/flatpak")
    (homes / "jana/.config/environment.d").mkdir(parents=True)
    for number in range(501):
        (homes / f"jana/.config/environment.d/{number}.conf").touch()
    found = personal(homes)
    assert [each.place.scope for each in found.found] == ["user:jana"]
    assert [part.reason for part in found.unseen] == ["home_unreadable"]


def test_the_files_of_a_deployment_are_its_regular_files(tmp_path, monkeypatch):
    top = "ansible_collections.appban.endpoint.plugins.module_utils.hosts."
    monkeypatch.setattr(top + "flatpak.installations.SYSTEM_PATH", str(tmp_path))
    monkeypatch.setattr(accounts, "HOME_ROOTS", ())
    commit = tmp_path / "app/com.tiktok.Desktop/x86_64/stable/0123"
    (commit / "files/bin").mkdir(parents=True)
    (commit / "files/bin/app").touch()
    (commit / "files/link").symlink_to("bin/app")
    (commit / "files/odd\udcff").touch()
    (commit.parent / "active").symlink_to("0123")
    (tmp_path / "app/org.lab.Good/x86_64/stable/0123/files").mkdir(parents=True)
    (tmp_path / "app/org.lab.Good/x86_64/stable/0123/files/app").touch()
    # No directory of a test is root's alone.
    monkeypatch.setattr(Flatpak, "_is_roots_own", lambda self, place: True)
    backend = Flatpak(PasswdSystem(None))
    packages = backend.installed(frozenset((APP,)))
    assert [package.scope for package in packages] == ["system"]
    assert backend.files(packages) == (f"{commit}/files/bin/app",)


def test_what_only_a_shell_could_say_is_told(homes):
    (homes / "jana/.profile").write_text("export XDG_DATA_HOME=$(cat ~/.where)\n")
    found = personal(homes)
    assert [part.reason for part in found.unseen] == ["home_unreadable"]
    assert "$(cat ~/.where)" in found.unseen[0].note
    (homes / "jana/.profile").unlink()
    os.mkfifo(homes / "jana/.profile")
    assert [part.note for part in personal(homes).unseen] == [f"{homes}/jana/.profile was not looked into: it is no regular file"]


@given(st.binary(max_size=100))
def test_no_settings_break_the_reader(content):
    data_places(b"XDG_DATA_HOME=" + content, "/home/jana")
    data_places(b"FLATPAK_USER_DIR " + content + b"DEFAULT=" + content, "/home/jana")
    data_places(b"FLATPAK_USER_DIR=${XDG_DATA_HOME:-" + content, "/home/jana")


@pytest.mark.parametrize(
    "content",
    [
        'XDG_DATA_DIRS="${XDG_DATA_HOME:-"$HOME/.local/share"}/flatpak/exports/share:$XDG_DATA_DIRS"',
        # Debian's /etc/profile.d/flatpak.sh
        'new_dirs=$(\n (\n  echo "${XDG_DATA_HOME:-"$HOME/.local/share"}/flatpak"\n  flatpak --installations\n ) | (',
        "# XDG_DATA_HOME=/x\necho $XDG_DATA_HOME",
        "#XDG_DATA_HOME DEFAULT=@{HOME}/x",
        "umask 022 # XDG_DATA_HOME is set elsewhere",
        "export XDG_DATA_HOME",
        "unset XDG_DATA_HOME; export XDG_CONFIG_HOME XDG_DATA_HOME",
        'if [ -n "${XDG_DATA_HOME+set}" ]; then mkdir -p "$XDG_DATA_HOME"/x; fi',
        "dbus-update-activation-environment --systemd XDG_DATA_HOME DISPLAY",
        "MY_XDG_DATA_HOME=/x XDG_DATA_HOMES=/y",
        "XDG_DATA_HOME=",
    ],
)
def test_a_variable_that_is_only_used_sets_nothing(content):
    assert data_places(content.encode(), "/home/jana") == data_places(b"", "/home/jana")


@pytest.mark.parametrize(
    ("line", "places"),
    [
        ('export XDG_DATA_HOME="$HOME"/data', ["/home/jana/data/flatpak"]),
        ('export XDG_DATA_HOME=$HOME/"da ta"', ["/home/jana/da ta/flatpak"]),
        (r"XDG_DATA_HOME='/a\b'", [r"/a\b/flatpak"]),
        ('export "XDG_DATA_HOME=$HOME/data"', ["/home/jana/data/flatpak"]),
        ("XDG_DATA_HOME=/a FLATPAK_USER_DIR='/b'; export XDG_DATA_HOME", ["/a/flatpak", "/b"]),
        ("export XDG_DATA_HOME\\\n=/a", ["/a/flatpak"]),
        ("# a comment \\\nXDG_DATA_HOME=/a", ["/a/flatpak"]),
        ("XDG_DATA_HOME DEFAULT=/a OVERRIDE=@{HOME}/b", ["/a/flatpak", "/home/jana/b/flatpak"]),
    ],
)
def test_plain_words_are_understood(line, places):
    assert data_places(line.encode(), "/home/jana") == (tuple(places), "")


@pytest.mark.parametrize(
    "line",
    [
        ': "${XDG_DATA_HOME:=$HOME/data}"',
        ': "${XDG_DATA_HOME=/data}"',
        "XDG_DATA_HOME+=/data",
        "XDG_DATA_HOME =/data",
        'eval XDG_DATA_HOME"="/data',
        "read XDG_DATA_HOME < ~/.where",
        "printf -v XDG_DATA_HOME %s /data",
        "for XDG_DATA_HOME in /a /b; do :; done",
        "XDG_DATA_HOME=data",
        "XDG_DATA_HOME=/home/jana/link/../data",
        "XDG_DATA_HOME=~eva/data",
        "XDG_DATA_HOME='$HOME/data'",
        "XDG_DATA_HOME=$FLATPAK_USER_DIR",
        "XDG_DATA_HOME=${FLATPAK_USER_DIR:-/data}",
        'XDG_DATA_HOME="/data',
        "XDG_DATA_HOME=/a; XDG_DATA_HOME=$(cat x)",
        "XDG_DATA_HOME=/a\\ b",
        "XDG_DATA_HOME",
        "XDG_DATA_HOME DEFAULT=@{XDG_CONFIG_HOME}/x",
        r"eval 'XDG_DATA_HOME=/a\ b'",
        "XDG_DATA_HOME=\0",
    ],
)
def test_whatever_else_sets_a_variable_is_told(line):
    told = data_places(line.encode(), "/home/jana")
    assert told.not_understood == line


def test_outside_a_shell_a_value_is_the_rest_of_the_line():
    assert data_places(b"XDG_DATA_HOME=/my data", "/home/jana", shell=False).not_understood
    assert [is_shells(name) for name in (".profile", "/etc/profile.d/x.sh", ".pam_environment", "x/y.conf", "/etc/environment")] == [
        *(True, True),
        *(False, False, False),
    ]


def test_more_places_than_are_followed_are_told(homes):
    (homes / "jana/.profile").write_text("".join(f"XDG_DATA_HOME=/none/{number}\n" for number in range(6)))
    (homes / "jana/.zshenv").write_text("".join(f"XDG_DATA_HOME=/other/{number}\n" for number in range(6)))
    assert ["too many places" in part.note for part in personal(homes).unseen] == [True]
    content = "".join(f"XDG_DATA_HOME=/none/{number}\n" for number in range(11)).encode()
    assert data_places(content, "/home/jana").not_understood == "more than 10 places"


def test_settings_in_another_directory_of_the_home_are_read_there(homes, monkeypatch):
    deploy(homes / "jana/data/flatpak")
    (homes / "jana/dotfiles/sh").mkdir(parents=True)
    (homes / "jana/dotfiles/sh/profile").write_text("XDG_DATA_HOME=$HOME/data\n")
    scan = accounts.scan_place
    monkeypatch.setattr(accounts, "scan_place", lambda places, path, apps: scan(places, path, apps)._replace(uid=1001))
    for to in ("dotfiles/sh/profile", f"{homes}/jana/dotfiles/sh/profile"):
        (homes / "jana/.profile").unlink(missing_ok=True)
        (homes / "jana/.profile").symlink_to(to)
        found = personal(homes)
        assert [each.place.path for each in found.found] == [f"{homes}/jana/data/flatpak"]
        assert found.unseen == []


@pytest.mark.parametrize("to", ["/dev/null", "gone", ".config/gone"])
def test_a_link_to_nothing_says_nothing(homes, to):
    (homes / "jana/.profile").symlink_to(to)
    (homes / "jana/.config/environment.d").mkdir(parents=True)
    (homes / "jana/.config/environment.d/x.conf").symlink_to("/dev/null")
    assert personal(homes).unseen == []


def test_settings_without_an_end_are_told(homes):
    with open(homes / "jana/.profile", "wb") as handle:
        handle.truncate(1 << 40)
    assert ["there are too many files" in part.note or "too large" in part.note for part in personal(homes).unseen] == [True]


def test_what_a_reader_chokes_on_ends_the_part_of_that_account_only(homes, monkeypatch):
    for name in ("jana", "service"):
        deploy(homes / name / ".local/share/flatpak")
    (homes / "jana/.profile").write_text("XDG_DATA_HOME=/x\n")
    scan = accounts.scan_home

    def choke(places, path, apps):
        if path.endswith("/jana"):
            raise UnicodeError
        return scan(places, path, apps)

    monkeypatch.setattr(accounts, "scan_home", choke)
    found = personal(homes)
    assert [each.place.scope for each in found.found] == ["user:service"]
    assert [part.note for part in found.unseen] == [f"{homes}/jana was not looked into: what is there can't be made sense of"]


def test_one_accounts_deployments_are_bounded_and_change_no_others(homes):
    deploy(homes / "service/.local/share/flatpak")
    apps = [f"com.example.App{number}" for number in range(5)]
    for app in apps:
        for branch in range(5):
            (homes / f"jana/.local/share/flatpak/app/{app}/x86_64/{branch}").mkdir(parents=True)
            (homes / f"jana/.local/share/flatpak/app/{app}/x86_64/{branch}/active").touch()
    found = PersonalFlatpaks(PasswdSystem(passwd_of(homes)), frozenset((APP, *apps)))
    assert {each.place.scope: len(each.deployed) for each in found.found} == {"user:jana": 20, "user:service": 1}
    assert ["too many" in part.note for part in found.unseen] == [True]


def test_more_versions_than_a_run_deals_with_are_told(homes):
    place = homes / "jana/.local/share/flatpak"
    deploy(place)
    for number in range(6):
        (place / f"app/{APP}/x86_64/{number}").mkdir()
        (place / f"app/{APP}/x86_64/{number}/active").touch()
    found = personal(homes)
    assert [len(each.deployed) for each in found.found] == [5]
    assert [part.note for part in found.unseen] == [f"{place}/app/{APP} was not looked into: there are too many files"]


# -- what the next look knows again ------------------------------------------------------------------------------------


def homes_marks(system):
    return [each for each in system.basis.to_plain() if each[0] == "homes"]


def test_homes_are_known_again_until_something_in_them_counts(tmp_path, monkeypatch):
    # As the account that runs the test: a mark looks at the true owners.
    home = tmp_path / "me"
    home.mkdir()
    monkeypatch.setattr(accounts, "HOME_ROOTS", ())
    system = PasswdSystem(f"me:x:{os.getuid()}:1::{home}:/bin/sh\n".encode())
    PersonalFlatpaks(system, frozenset((APP,)))
    assert basis.unchanged(homes_marks(system))
    (home / "letter.txt").touch()
    assert basis.unchanged(homes_marks(system))
    for change in (
        lambda: (home / ".profile").write_text("XDG_DATA_HOME=/x"),
        lambda: deploy(home / ".local/share/flatpak"),
        (home / ".local/share/flatpak" / PLACE / "active").unlink,
        lambda: (home / ".local/share/flatpak/repo/config").write_text(""),
        lambda: home.rename(tmp_path / "moved"),
    ):
        system = PasswdSystem(system.passwd)
        PersonalFlatpaks(system, frozenset((APP,)))
        assert basis.unchanged(homes_marks(system))
        change()
        assert not basis.unchanged(homes_marks(system))


def test_a_mark_of_many_files_that_could_not_be_made_is_no_mark(tmp_path, monkeypatch):
    monkeypatch.setattr(basis, "MOST_FILES", 2)
    for number in range(3):
        (tmp_path / str(number)).touch()
    system = System()
    system.basis.add("contents", str(tmp_path))
    system.basis.add("content", str(tmp_path))
    marks = {kind: [[kind, of, found]] for kind, of, found in system.basis.to_plain()}
    assert marks["contents"][0][2].startswith("!")
    assert not basis.unchanged(marks["contents"])
    # One thing that can't be read and never could says the same as before.
    assert marks["content"][0][2].startswith("!")
    assert basis.unchanged(marks["content"])


# -- places that never answer ------------------------------------------------------------------------------------------


def test_a_place_that_gives_no_answer_is_given_up_and_the_others_are_not(monkeypatch, tmp_path):
    monkeypatch.setattr(slow_places, "PATIENCE", 0.2)
    os.mkfifo(tmp_path / "pipe")

    def look(place):
        if place == "hangs":
            os.open(tmp_path / "pipe", os.O_RDONLY)
        if place == "fails":
            raise PermissionError
        return f"answer of {place}"

    assert slow_places.each_in_time(look, ["a", "hangs", "b", "fails", "c"]) == ["answer of a", None, "answer of b", None, "answer of c"]
    monkeypatch.setattr(slow_places, "ALL_PATIENCE", 0.3)
    assert slow_places.each_in_time(look, ["hangs"] * 50 + ["late"]) == [None] * 51


def test_slow_file_systems_are_known_by_their_kind(monkeypatch, tmp_path):
    mounts = tmp_path / "mountinfo"
    mounts.write_bytes(
        b"22 1 8:1 / / rw - ext4 /dev/sda1 rw\n30 22 0:40 / /home rw shared:5 - nfs4 server:/home rw\n"
        b"31 22 0:41 / /data/with\\040blank rw - fuse.sshfs x rw\n32 22 0:42 / /run/user/1 rw - tmpfs tmpfs rw\nodd\n"
    )
    monkeypatch.setattr(slow_places, "_MOUNTS", str(mounts))
    slow = slow_places.slow_mounts()
    assert slow == ["/home", "/data/with blank"]
    assert [slow_places.is_slow(path, slow) for path in ("/home/jana", "/home", "/data", "/homes/jana", "/data/x")] == [
        True,
        True,
        True,
        False,
        False,
    ]


def test_homes_on_a_slow_file_system_are_looked_at_in_time_and_never_taken_for_known(homes, monkeypatch):
    deploy(homes / "jana/.local/share/flatpak")
    monkeypatch.setattr(accounts, "slow_mounts", lambda: [str(homes / "jana")])
    system = PasswdSystem(passwd_of(homes))
    found = PersonalFlatpaks(system, frozenset((APP,)))
    assert [each.place.scope for each in found.found] == ["user:jana"]
    assert not basis.unchanged(homes_marks(system))
    monkeypatch.setattr(slow_places, "ALL_PATIENCE", -1.0)
    found = PersonalFlatpaks(PasswdSystem(passwd_of(homes)), frozenset((APP,)))
    assert [part.note for part in found.unseen] == [f"{homes}/jana was not looked into: its file system gave no answer in time"]
    assert flatpak_people.LIMIT_NOTE.startswith("a person's own flatpak")


@pytest.fixture
def administered(tmp_path, monkeypatch):
    """A host whose flatpak is the system's alone, in directories of the test."""
    top = "ansible_collections.appban.endpoint.plugins.module_utils.hosts."
    monkeypatch.setattr(top + "flatpak.installations.SYSTEM_PATH", str(tmp_path / "system"))
    monkeypatch.setattr(top + "flatpak.installations.EXTRA_INSTALLATIONS", str(tmp_path / "installations.d"))
    monkeypatch.setattr(accounts, "HOME_ROOTS", ())
    # No directory of a test is root's alone.
    monkeypatch.setattr(Flatpak, "_is_roots_own", lambda self, place: True)
    (tmp_path / "installations.d").mkdir()
    return tmp_path


def looked_at():
    backend = Flatpak(PasswdSystem(None))
    return backend.installed(frozenset((APP,))), backend.unseen()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b'[Installation "a\x07b"]\nPath=/srv/x\n', "a\\x07b"),
        (b'[Installation "b\xfcro"]\nPath=/srv/x\n', "b\N{REPLACEMENT CHARACTER}ro"),
        (b'[Installation ""]\nPath=/srv/x\n', ""),
        (b'[Installation "default"]\nPath=/srv/x\n', "default"),
        (b'[Installation "x"]\nPath=srv/x\n', "srv/x"),
    ],
    ids=["control", "no-text", "no-name", "reserved", "relative"],
)
@pytest.mark.fault_kind("H7", "compliant without having looked")
def test_an_installation_that_flatpak_can_not_be_asked_for_is_told(administered, text, said):
    (administered / "installations.d/x.conf").write_bytes(text)
    packages, unseen = looked_at()
    assert packages == ()
    assert [part.reason for part in unseen] == ["place_unreadable"]
    assert said in unseen[0].note
    assert str(administered / "installations.d/x.conf") in unseen[0].note


def test_a_group_without_a_place_is_no_installation(administered):
    (administered / "installations.d/x.conf").write_text('[Installation "x"]\nDisplayName=X\n[Other "x"]\nPath=/srv/x\n')
    assert looked_at() == ((), ())


@pytest.mark.parametrize("version", ["x86 64/stable", "x86_64/st able", "x86_64/büro"])
@pytest.mark.fault_kind("H7", "compliant without having looked")
def test_a_deployment_under_a_name_that_is_no_reference_is_told(administered, version):
    for each in (version, "x86_64/stable", "current/a b"):
        (administered / "system/app" / APP / each / "active").mkdir(parents=True)
    packages, unseen = looked_at()
    assert [package.version for package in packages] == ["x86_64/stable"]
    assert [part.reason for part in unseen] == ["place_unreadable"]
    assert version in unseen[0].note
    # Not an architecture, but flatpak's link to a deployment.
    assert "current" not in unseen[0].note


@pytest.mark.fault_kind("H7", "compliant without having looked")
def test_a_persons_deployment_under_a_name_that_is_no_reference_is_told(homes):
    place = homes / "jana/.local/share/flatpak"
    deploy(place)
    (place / f"app/{APP}/x86_64/a b/active").mkdir(parents=True)
    found = personal(homes)
    assert [each.deployed for each in found.found] == [((APP, "x86_64/stable"),)]
    assert [part.reason for part in found.unseen] == ["home_unreadable"]
