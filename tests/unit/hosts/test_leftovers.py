# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Desktop leftovers: what counts as one, what never does, and that nothing else is ever read, told or deleted."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.appban.endpoint.plugins.module_utils.engine.errors import WriteInCheckMode
from ansible_collections.appban.endpoint.plugins.module_utils.hosts import accounts, basis, found_files, leftovers
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.backend import Unseen
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.desktop_entry import (
    appimage_names,
    is_installed_web_app,
    is_named,
    leads_to,
    parse_desktop_entry,
)
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.request import AppRequest
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.steps import perform
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.system import System

QUERY = leftovers.LeftoverQuery("tiktok", ("TikTok", "TikTok Desktop"), ("tiktok.com",), ("com.zhiliaoapp.musically",))


def entry(**keys: str):
    return parse_desktop_entry(("[Desktop Entry]\n" + "".join(f"{key}={value}\n" for key, value in keys.items())).encode())


# -- names -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "TikTok.AppImage",
        "tiktok.appimage",
        "TikTok-1.2.3.AppImage",
        "TikTok-1.2.3-x86_64.AppImage",
        "TikTok_v2.AppImage",
        "TikTok-x86_64.AppImage",
        "TikTok-Desktop-1.0.0-linux-arm64.AppImage",
        "tiktok_desktop.AppImage",
        "TikTok Desktop 3.AppImage",
    ],
)
def test_an_appimage_is_known_by_its_whole_name(name):
    assert any(is_named(each, QUERY.display_names) for each in appimage_names(name))


@pytest.mark.parametrize(
    "name",
    [
        "TikTok-Downloader-1.0.AppImage",
        "NotTikTok.AppImage",
        "TikTokenizer.AppImage",
        "TikTok.AppImage.zsync",
        "TikTok.zip",
        "TikTok",
        ".AppImage",
        "1.0.AppImage",
    ],
)
def test_a_look_alike_or_another_kind_of_file_is_none(name):
    assert not any(is_named(each, QUERY.display_names) for each in appimage_names(name))


@pytest.mark.parametrize(
    "keys",
    [
        {"Type": "Application", "Exec": "/usr/bin/chromium --app=https://www.tiktok.com/foryou %U"},
        {"Type": "Application", "Exec": '"/opt/google/chrome/chrome" "--app=https://tiktok.com"'},
        {"Type": "Application", "Exec": "epiphany --application-mode --profile=/x https://m.tiktok.com/"},
        {"Type": "Application", "Exec": 'sh -c "brave --app=HTTPS://WWW.TIKTOK.COM."'},
        {"Type": "Application", "Exec": "firefox --new-window https://user@www.tiktok.com:443/x"},
        {"Type": "Link", "URL": "https://www.tiktok.com/@someone"},
        {"Type": "Application", "Exec": "unbalanced ' --app=https://www.tiktok.com"},
    ],
)
def test_a_launcher_that_opens_the_domain_is_one(keys):
    assert leads_to(entry(**keys), QUERY.domains)


@pytest.mark.parametrize(
    "keys",
    [
        {"Type": "Application", "Exec": "chromium --app=https://nottiktok.com"},
        {"Type": "Application", "Exec": "chromium --app=https://tiktok.com.example.org/"},
        {"Type": "Application", "Exec": "chromium --app=https://example.org/?u=https://tiktok.com"},
        {"Type": "Application", "Exec": "chromium --app=https://tiktok.com@example.org/"},
        {"Type": "Application", "Exec": "chromium", "URL": "https://www.tiktok.com"},
        {"Type": "Link", "URL": "tiktok.com"},
        {"Type": "Link", "URL": "https://[broken"},
        {"Comment": "like https://www.tiktok.com", "Exec": "vlc %U"},
    ],
)
def test_another_address_is_none(keys):
    assert not leads_to(entry(**keys), QUERY.domains)


def test_only_the_main_group_of_a_launcher_counts():
    content = b"[Desktop Entry]\nName=Browser\nName[de]=TikTok\nExec=chromium\n[Desktop Action x]\nExec=chromium --app=https://tiktok.com\n"
    assert not leads_to(parse_desktop_entry(content), QUERY.domains)
    assert parse_desktop_entry(content)["Name"] == "Browser"


def test_a_name_counts_only_for_what_a_browser_installed():
    assert is_installed_web_app(entry(Exec="/opt/chrome/chrome --profile-directory=Default --app-id=abcdefghijklmnop"))
    assert is_installed_web_app(entry(Exec="/usr/bin/firefoxpwa site launch 01ABC --protocol %u"))
    assert not is_installed_web_app(entry(Exec="/usr/bin/player", Name="TikTok"))


@given(st.binary(max_size=300))
def test_no_content_of_a_launcher_breaks_the_search(content):
    parsed = parse_desktop_entry(b"[Desktop Entry]\nExec=" + content)
    leads_to(parsed, ["tiktok.com"])
    is_installed_web_app(parsed)


# -- the search --------------------------------------------------------------------------------------------------------


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home of jana's, and system directories, below tmp_path."""
    home = tmp_path / "home" / "jana"
    home.mkdir(parents=True)
    other = tmp_path / "home" / "eva"
    other.mkdir()
    monkeypatch.setattr(accounts, "HOME_ROOTS", ())
    scan = accounts.scan_home
    # Only root could give homes to other accounts.
    owners = {str(home): 1001, str(other): 1002}
    monkeypatch.setattr(accounts, "scan_home", lambda places, path, apps: scan(places, path, apps)._replace(uid=owners.get(path, 0)))
    passwd = f"eva:x:1002:1002::{other}:/bin/sh\njana:x:1001:1001::{home}:/bin/sh\n".encode()
    read = System.read
    monkeypatch.setattr(System, "read", lambda system, path, limit=None: passwd if path == "/etc/passwd" else read(system, path, limit))
    monkeypatch.setattr(leftovers, "_SYSTEM_PLACES", ((str(tmp_path / "opt"), 3),))
    monkeypatch.setattr(leftovers, "_SYSTEM_LAUNCHERS", ((str(tmp_path / "share"), 2),))
    monkeypatch.setattr(leftovers, "_OF_PACKAGES", str(tmp_path / "share"))
    return home


def put(base, path: str, content: str = "binary") -> str:
    file = base / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content)
    return str(file)


WEB_APP = "[Desktop Entry]\nType=Application\nName=TikTok\nExec=chrome --profile-directory=Default --app-id=abc\n"
SHORTCUT = "[Desktop Entry]\nType=Application\nName=Videos\nExec=chrome --app=https://www.tiktok.com\n"
PLAYER = "[Desktop Entry]\nType=Application\nName=TikTok\nExec=/usr/bin/player\n"


def find(system=None, users=("all",), queries=(QUERY,)):
    return leftovers.Leftovers(system or System()).find(queries, users)


def test_every_kind_is_found_where_people_keep_it(home, tmp_path):
    expected = {
        put(home, "TikTok.AppImage"): "appimage",
        put(home, "Downloads/old/TikTok-1.0-x86_64.AppImage"): "appimage",
        put(home, ".local/bin/tiktok.appimage"): "appimage",
        put(home, "Stahování/TikTok.AppImage"): "appimage",
        put(home, "Plocha/tiktok.desktop", SHORTCUT): "web_app",
        put(home, ".local/share/applications/chrome-abc-Default.desktop", WEB_APP): "web_app",
        put(home, ".local/share/applications/waydroid.com.zhiliaoapp.musically.desktop", ""): "waydroid",
        put(tmp_path, "opt/tiktok/TikTok.AppImage"): "appimage",
        put(tmp_path, "share/tiktok-web.desktop", SHORTCUT): "web_app",
    }
    put(
        home, ".config/user-dirs.dirs", 'XDG_DESKTOP_DIR="$HOME/Plocha"\nXDG_DOWNLOAD_DIR="$HOME/Stahování"\nXDG_MUSIC_DIR="$HOME/../eva"\n'
    )
    put(home, "Downloads/TikTok-Downloader.AppImage")
    put(home, "Documents/TikTok.AppImage")
    put(home, ".local/share/applications/player.desktop", PLAYER)
    put(home, ".local/share/applications/waydroid.com.example.desktop", "")
    found = find()
    assert {leftover.file.path: leftover.kind for leftover in found} == expected
    assert {leftover.user for leftover in found} == {"", "jana"}
    assert found[0].to_plain().keys() == {"app", "kind", "path", "user"}


def test_users_none_and_by_name(home, tmp_path):
    put(home, "TikTok.AppImage")
    system_wide = put(tmp_path, "opt/TikTok.AppImage")
    assert [leftover.file.path for leftover in find(users=("none",))] == [system_wide]
    assert [leftover.file.path for leftover in find(users=("eva",))] == [system_wide]
    assert {leftover.user for leftover in find(users=("jana", "nobody-here"))} == {"", "jana"}


def test_without_identifiers_nothing_is_read(home):
    system = System()
    assert find(system, queries=(leftovers.LeftoverQuery("tiktok"),)) == ()
    assert system.reads == 0


def test_links_are_never_followed_out_of_the_home(home, tmp_path):
    target = put(tmp_path, "elsewhere/TikTok.AppImage")
    (home / "Downloads").symlink_to(tmp_path / "elsewhere")
    (home / "TikTok.AppImage").symlink_to(target)
    (home / "Applications").mkdir()
    (home / "Applications" / "deep").symlink_to(tmp_path / "elsewhere")
    put(home, ".config/user-dirs.dirs", 'XDG_DOWNLOAD_DIR="$HOME/../../elsewhere"\nXDG_DESKTOP_DIR="$HOME/Downloads"\n')
    searching = leftovers.Leftovers(System())
    assert searching.find([QUERY], ("all",)) == ()
    # That a place was passed over is told: the app may be there.
    assert [part.reason for part in searching.unseen] == ["home_unreadable"]
    assert f"{home}/Downloads was not looked into: a link" in searching.unseen[0].note


def test_a_named_pipe_does_not_stop_the_run(home):
    (home / ".local/share/applications").mkdir(parents=True)
    os.mkfifo(home / ".local/share/applications/tiktok.desktop")
    (home / ".config").mkdir()
    os.mkfifo(home / ".config/user-dirs.dirs")
    assert find() == ()


def test_depth_and_number_are_limited_and_the_limit_is_said(home, monkeypatch):
    put(home, "Downloads/1/2/3/TikTok.AppImage")
    assert find() == ()
    monkeypatch.setattr(found_files, "MAX_ENTRIES", 50)
    for number in range(60):
        put(home, f"Downloads/{number}.txt")
    searching = leftovers.Leftovers(System())
    searching.find([QUERY], ("all",))
    assert searching.unseen == [Unseen("home_unreadable", f"{home}/Downloads was not looked into: there are too many files")]


def test_a_heap_of_launchers_fills_no_memory(home, monkeypatch):
    monkeypatch.setattr(found_files, "MAX_HOME_BYTES", 1000)
    for number in range(100):
        put(home, f".local/share/applications/{number}.desktop", SHORTCUT)
    searching = leftovers.Leftovers(System())
    assert 0 < len(searching.find([QUERY], ("all",))) < 20
    assert [part.reason for part in searching.unseen] == ["home_unreadable"]


def test_a_search_is_known_again_by_its_mark(home, tmp_path):
    put(home, "Downloads/TikTok.AppImage")
    put(home, ".local/share/applications/x.desktop", WEB_APP)
    system = System()
    find(system)
    marks = [each for each in system.basis.to_plain() if each[0] in ("levels", "homes")]
    assert {each[0] for each in marks} == {"levels", "homes"}
    levels = [each for each in marks if each[0] == "levels"]
    assert basis.unchanged(levels)
    put(home, "Downloads/letter.pdf")
    assert basis.unchanged(levels)
    put(home, "Downloads/new/Other.AppImage")
    assert not basis.unchanged(levels)
    (home / "Downloads/new/Other.AppImage").unlink()
    assert basis.unchanged(levels)
    put(home, ".local/share/applications/x.desktop", SHORTCUT)
    assert not basis.unchanged(levels)


# -- deleting ----------------------------------------------------------------------------------------------------------


def remove(system, found):
    changes = leftovers.Leftovers(system).plan_removal(found)
    for change in changes:
        perform(change.step, system)
    return changes


def test_delete_takes_the_found_files_and_nothing_else(home):
    put(home, "Downloads/TikTok.AppImage")
    put(home, ".local/share/applications/x.desktop", WEB_APP)
    kept = put(home, "Downloads/Talk.AppImage")
    system = System()
    found = find(system)
    changes = remove(system, found)
    assert [(change.op, change.kind, change.apps) for change in changes] == [("delete", "file", ("tiktok",))] * 2
    assert system.writes == 2
    assert all(leftovers.Leftovers(system).verify(change) is None for change in changes)
    assert find() == ()
    assert os.listdir(home / "Downloads") == [os.path.basename(kept)]
    # A second time, and a file that is gone already, is nothing.
    for change in changes:
        perform(change.step, system)
    assert system.writes == 2


def test_check_mode_deletes_nothing(home):
    path = put(home, "TikTok.AppImage")
    system = System(check_mode=True)
    (change,) = leftovers.Leftovers(system).plan_removal(find(system))
    assert change.diff
    assert "binary" not in change.before
    with pytest.raises(WriteInCheckMode):
        perform(change.step, system)
    assert os.path.exists(path)


def test_a_directory_swapped_for_a_link_after_the_search_saves_what_it_points_to(home, tmp_path):
    put(home, "Downloads/TikTok.AppImage")
    victim = put(tmp_path, "etc/TikTok.AppImage", "precious")
    system = System()
    found = find(system)
    (home / "Downloads").rename(home / "moved")
    (home / "Downloads").symlink_to(tmp_path / "etc")
    remove(system, found)
    assert os.path.exists(victim)
    assert system.writes == 0


def test_another_file_in_its_place_is_left_alone(home):
    put(home, "TikTok.AppImage")
    system = System()
    found = find(system)
    (home / "TikTok.AppImage").rename(home / "old")
    put(home, "TikTok.AppImage", "new one")
    remove(system, found)
    assert (home / "TikTok.AppImage").read_text() == "new one"


def test_what_belongs_to_a_package_or_is_only_looked_for_stays(home, tmp_path):
    put(tmp_path, "share/tiktok-web.desktop", SHORTCUT)
    put(home, "TikTok.AppImage")
    system = System()
    assert leftovers.Leftovers(system).plan_removal(find(users=("none",))) == ()
    looked_for = leftovers.LeftoverQuery("tiktok", ("TikTok",), actionable=False)
    assert len(find(queries=[looked_for])) == 1
    assert leftovers.Leftovers(system).plan_removal(find(queries=[looked_for])) == ()
    assert len(leftovers.Leftovers(system).plan_removal(find(queries=[looked_for, QUERY], users=("jana",)))) == 1


def test_a_name_that_is_no_text_is_shown_as_one(home):
    directory = os.fsencode(str(home)) + b"/Downloads"
    os.mkdir(directory)
    with open(directory + b"/\xff\n", "wb"):
        pass
    os.mkdir(directory + b"/\xfe\x1b")
    with open(directory + b"/\xfe\x1b/TikTok.AppImage", "wb"):
        pass
    (leftover,) = find()
    assert leftover.file.shown.endswith("/Downloads/\\xfe\\x1b/TikTok.AppImage")
    system = System()
    remove(system, [leftover])
    assert find() == ()


def test_the_apps_of_a_run_become_queries():
    app = AppRequest("tiktok", {"display_name": ("TikTok",), "deb": ("tiktok",)}, {"domain": ("tiktok.com",)})
    lifted = AppRequest("old", {"display_name": ("Old",)}, state="lifted")
    assert [(query.app, query.display_names, query.domains, query.actionable) for query in leftovers.leftover_queries([app, lifted])] == [
        ("tiktok", ("TikTok",), (), True),
        ("tiktok", (), ("tiktok.com",), False),
        ("old", ("Old",), (), False),
    ]


@given(st.lists(st.binary(min_size=1, max_size=6).filter(lambda name: b"\0" not in name), min_size=2, max_size=2, unique=True))
def test_no_two_paths_look_alike(names):
    shown = [found_files.FoundFile("/home/jana", (os.fsdecode(name),), 1, 1).shown for name in names]
    assert shown[0] != shown[1]
    assert all(each.isprintable() for each in shown)


@pytest.mark.parametrize("names", [(b"\xff", b"\\xff"), (b"\x01", b"\\x01"), (b"\x80", "\x80".encode()), (b"\n", b"\\n")])
def test_no_escape_looks_like_a_name(names):
    assert len({found_files.FoundFile("/home/jana", (os.fsdecode(name),), 1, 1).shown for name in names}) == 2


def test_directories_that_a_desktop_names_are_bounded_and_told(home):
    put(home, ".config/user-dirs.dirs", "".join(f'XDG_DESKTOP_DIR="$HOME/d{number}"\n' for number in range(11)))
    searching = leftovers.Leftovers(System())
    searching.find([QUERY], ("all",))
    assert ["there are too many files" in part.note for part in searching.unseen] == [True]
