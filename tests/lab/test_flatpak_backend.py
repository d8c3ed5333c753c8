# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The flatpak backend on the real flatpak: the life of a ban, the ways around it, and the traps."""

from __future__ import annotations

import os
import re

import pytest

from tests.lab.hosts import Host
from tests.lab.inside import Inside
from tests.lab.snapshot import installed, layer, snapshot, writes_since
from tests.support.cases import cases

APP = "com.tiktok.Desktop"
LITE = "com.tiktok.Lite"
LOOK_ALIKE = "com.tiktok.DesktopNotes"
RUNTIME = "runtime/org.lab.Platform/x86_64/1"
FILTER = "/etc/flatpak/appban.filter"
CONFIG = "/var/lib/flatpak/repo/config"
COPY = "/var/lib/flatpak/repo/lab.filter"
REPOSITORY = "file:///srv/repo/flatpak"
INSTALL = ("flatpak", "install", "--system", "-y", "--noninteractive")


@pytest.fixture
def flatpak(lab_host: Host) -> Inside:
    return Inside(lab_host, "flatpak.backend", "Flatpak")


def system_apps(host: Host) -> set[str]:
    return {row.split("/")[1] for row in installed(host)["flatpak"] if row.startswith("app/")}


def janas_apps(host: Host) -> set[str]:
    return {row.split("/")[1] for row in installed(host)["flatpak of jana"] if row.startswith("app/")}


def install_for_jana(host: Host, app: str = APP) -> None:
    if not host.path("/run/dbus/pid").exists():
        host.start_system_bus()
    host.run(["flatpak", "install", "--user", "-y", "--noninteractive", "lab", app], user="jana", check=True)


def filters(host: Host) -> dict[str, str]:
    rows = host.run(["flatpak", "remotes", "--system", "--show-disabled", "--columns=name,filter"], check=True).stdout.splitlines()
    return dict(row.split("\t") for row in rows)


# -- the life of a ban -------------------------------------------------------------------------------------------------


def test_the_life_of_a_ban(lab_host: Host, flatpak: Inside) -> None:
    at_first = snapshot(lab_host)
    lab_host.install("flatpak", APP, LOOK_ALIKE)
    assert re.fullmatch(r"1\.[0-9.]+", flatpak.version() or "")
    assert flatpak.installed(APP, LITE) == [{"name": APP, "version": "x86_64/stable", "scope": "system", "protected": "", "held": ""}]

    written = layer(lab_host)
    planned = flatpak.remove(APP, check=True)
    planned_block = flatpak.block([APP, LITE], check=True)
    assert [change["name"] for change in planned["changes"]] == [f"flatpak: {APP} x86_64/stable"]
    assert writes_since(lab_host, written) == []
    assert planned["writes"] == planned_block["writes"] == 0

    removed = flatpak.remove(APP)
    assert (removed["problems"], removed["refusals"], removed["changes"]) == ([], [], planned["changes"])
    assert flatpak.installed(APP, LITE) == []
    assert system_apps(lab_host) == {LOOK_ALIKE}
    assert RUNTIME in installed(lab_host)["flatpak"]

    before_block = snapshot(lab_host)
    blocked = flatpak.block([APP, LITE])
    assert (blocked["problems"], blocked["changes"]) == ([], planned_block["changes"])
    assert [change["name"] for change in blocked["changes"]] == [FILTER, "flatpak: remote lab"]
    assert filters(lab_host) == {"lab": FILTER}
    (block,) = blocked["blocks"]
    assert (block["names"], block["mechanism"], block["path"], block["strength"]) == ([APP, LITE], "remote_filter", FILTER, "soft")

    written = layer(lab_host)
    again = flatpak.block([APP, LITE], owned=blocked["owned"])
    assert (again["changes"], again["drift"], again["owned"]) == ([], [], blocked["owned"])
    assert writes_since(lab_host, written) == []
    assert again["writes"] == 0

    lifted = flatpak.block([], owned=blocked["owned"])
    assert (lifted["problems"], lifted["owned"], lifted["unblocked"]) == ([], {}, [APP, LITE])
    assert before_block.difference(snapshot(lab_host)) == []
    assert not lab_host.path("/etc/flatpak").exists()
    assert not lab_host.path(COPY).exists()

    written = layer(lab_host)
    assert flatpak.block([], owned=lifted["owned"])["changes"] == []
    assert writes_since(lab_host, written) == []
    lab_host.install("flatpak", APP)
    lab_host.run(["flatpak", "uninstall", "--system", "-y", "--noninteractive", APP, LOOK_ALIKE, "org.lab.Platform"], check=True)
    assert [line for line in at_first.difference(snapshot(lab_host)) if not line.endswith("flatpak/.changed")] == []


def test_no_process_is_started_to_look_and_to_compare(lab_host: Host, flatpak: Inside) -> None:
    owned = flatpak.block([APP])["owned"]
    program = lab_host.path("/usr/bin/flatpak")
    program.rename(program.with_name("flatpak.away"))
    lab_host.write("/usr/bin/flatpak", "#!/bin/sh\ntouch /tmp/started\nexit 1\n", 0o755)
    assert flatpak.installed(APP) == []
    assert flatpak.block([APP], owned=owned)["changes"] == []
    assert not lab_host.path("/tmp/started").exists()


# -- ways around it ----------------------------------------------------------------------------------------------------


@cases(
    "ways",
    [
        ("lab", APP),
        ("lab", f"app/{APP}/x86_64/stable"),
        ("lab", f"{APP}//stable"),
        (APP,),
        ("--reinstall", "lab", APP),
        ("--or-update", "lab", APP),
        ("--no-deps", "--no-related", "lab", APP),
    ],
    quick=2,
)
def test_an_install_by_name_is_blocked(lab_host: Host, flatpak: Inside, ways: tuple[str, ...]) -> None:
    flatpak.block([APP])
    done = lab_host.run([*INSTALL, *ways])
    assert done.returncode == 1
    assert "matches" in done.stderr or "No remote refs found" in done.stderr
    assert system_apps(lab_host) == set()


def test_a_flatpakref_of_a_known_remote_is_blocked(lab_host: Host, flatpak: Inside) -> None:
    flatpak.block([APP])
    lab_host.write("/tmp/app.flatpakref", f"[Flatpak Ref]\nName={APP}\nBranch=stable\nUrl={REPOSITORY}\nIsRuntime=false\n")
    assert lab_host.run([*INSTALL, "--from", "/tmp/app.flatpakref"]).returncode == 1
    assert system_apps(lab_host) == set()


def test_everything_else_of_the_remote_stays_installable(lab_host: Host, flatpak: Inside) -> None:
    flatpak.block([APP])
    lab_host.install("flatpak", LOOK_ALIKE, LITE, "org.lab.Good")
    assert system_apps(lab_host) == {LOOK_ALIKE, LITE, "org.lab.Good"}


def test_documented_bypasses_get_through_and_the_app_is_seen_and_removed_again(lab_host: Host, flatpak: Inside) -> None:
    blocked = flatpak.block([APP])
    told = "\n".join(blocked["blocks"][0]["bypasses"])

    assert "an app that comes as a file" in told
    lab_host.run(["flatpak", "build-bundle", "/srv/repo/flatpak", "/tmp/app.flatpak", APP, "stable"], check=True)
    lab_host.run([*INSTALL, "/tmp/app.flatpak"], check=True)
    assert [package["name"] for package in flatpak.installed(APP)] == [APP]
    # The remote that the file brought goes with the app, so no filter is planned for it.
    assert flatpak.block([APP], owned=blocked["owned"])["changes"] == []
    assert flatpak.remove(APP)["problems"] == []
    assert set(filters(lab_host)) == {"lab"}

    assert "a remote added after this run" in told
    lab_host.run(["flatpak", "remote-add", "--system", "--no-gpg-verify", "other", REPOSITORY], check=True)
    lab_host.run([*INSTALL, "other", APP], check=True)
    assert flatpak.remove(APP)["problems"] == []
    covered = flatpak.block([APP], owned=blocked["owned"])
    assert covered["notes"][0] == "remote other is new and gets the filter"
    assert covered["drift"] == []
    assert filters(lab_host) == {"lab": FILTER, "other": FILTER}
    assert lab_host.run([*INSTALL, "other", APP]).returncode == 1

    assert "remote-add --if-not-exists" in told
    lab_host.write("/tmp/lab.flatpakrepo", f"[Flatpak Repo]\nTitle=lab\nUrl={REPOSITORY}\n")
    lab_host.run(["flatpak", "remote-add", "--system", "--no-gpg-verify", "--if-not-exists", "lab", "/tmp/lab.flatpakrepo"], check=True)
    lab_host.run([*INSTALL, "lab", APP], check=True)
    assert flatpak.remove(APP)["problems"] == []
    repaired = flatpak.block([APP], owned=covered["owned"])
    assert repaired["drift"] == ["remote lab lost its filter"]
    assert lab_host.run([*INSTALL, "lab", APP]).returncode == 1

    assert "remote-modify --no-filter" in told
    lab_host.run(["flatpak", "remote-modify", "--system", "--no-filter", "lab"], check=True)
    lab_host.run([*INSTALL, "lab", APP], check=True)

    assert "a person's own remotes" in told
    install_for_jana(lab_host)
    assert {package["scope"] for package in flatpak.installed(APP)} == {"system", "user:jana"}


def test_the_block_holds_when_the_file_is_deleted_and_the_next_run_reports_it(lab_host: Host, flatpak: Inside) -> None:
    first = flatpak.block([LITE])
    second = flatpak.block([APP, LITE], owned=first["owned"])
    # flatpak's own copy is renewed too, or the deletion below would bring the first list back.
    lab_host.path(FILTER).unlink()
    assert lab_host.run([*INSTALL, "lab", APP]).returncode == 1
    repaired = flatpak.block([APP, LITE], owned=second["owned"])
    assert repaired["drift"] == [f"{FILTER} was deleted"]
    assert (repaired["problems"], filters(lab_host)) == ([], {"lab": FILTER})


def test_a_list_that_shrinks_lets_the_dropped_app_in_again(lab_host: Host, flatpak: Inside) -> None:
    owned = flatpak.block([APP, LITE])["owned"]
    smaller = flatpak.block([APP], owned=owned)
    assert (smaller["unblocked"], smaller["problems"]) == ([LITE], [])
    lab_host.install("flatpak", LITE)
    assert lab_host.run([*INSTALL, "lab", APP]).returncode == 1
    assert LITE not in lab_host.path(COPY).read_text()


# -- traps -------------------------------------------------------------------------------------------------------------


def test_a_block_never_hides_the_installed_app(lab_host: Host, flatpak: Inside) -> None:
    lab_host.install("flatpak", APP)
    lab_host.run(["flatpak", "mask", "--system", APP], check=True)
    lab_host.run(["flatpak", "pin", "--system", f"app/{APP}/x86_64/stable"])
    blocked = flatpak.block([APP], present=[APP], strong=[APP])
    assert f"{APP} stays installed and gets no updates while it is blocked" in blocked["notes"]
    assert any("softly" in note for note in blocked["notes"])
    assert [package["name"] for package in flatpak.installed(APP)] == [APP]
    update = lab_host.run(["flatpak", "update", "--system", "-y", "--noninteractive"])
    assert update.returncode == 0
    assert flatpak.remove(APP)["problems"] == []
    assert flatpak.installed(APP) == []


def test_every_persons_own_installation_is_found_and_cleared_as_that_person(lab_host: Host, flatpak: Inside) -> None:
    install_for_jana(lab_host)
    install_for_jana(lab_host, LOOK_ALIKE)
    lab_host.install("flatpak", APP)
    lab_host.run(["flatpak", "remote-add", "--user", "--no-gpg-verify", "mine", REPOSITORY], check=True)
    lab_host.run(["flatpak", "install", "--user", "-y", "--noninteractive", "mine", APP], check=True)
    assert [package["scope"] for package in flatpak.installed(APP)] == ["system", "user:jana", "user:root"]
    removed = flatpak.remove(APP)
    assert removed["problems"] == []
    assert [change["name"] for change in removed["changes"]] == [
        f"flatpak: {APP} x86_64/stable",
        f"flatpak: {APP} x86_64/stable (user:jana)",
        f"flatpak: {APP} x86_64/stable (user:root)",
    ]
    assert flatpak.installed(APP) == []
    assert janas_apps(lab_host) == {LOOK_ALIKE}
    install_for_jana(lab_host)
    lab_host.kill_all()
    # Without a bus a person can install nothing, and we can still remove.
    assert flatpak.remove(APP)["problems"] == []
    home = lab_host.path("/home/jana/.local/share/flatpak")
    assert [path for path in home.rglob("*") if path.lstat().st_uid == 0] == []
    assert any(note.startswith("not filtered") and "jana" in note for note in flatpak.block([APP])["notes"])


def test_an_installation_elsewhere_and_a_copy_of_a_home_are_cleared_as_their_owner(lab_host: Host, flatpak: Inside) -> None:
    install_for_jana(lab_host)
    lab_host.run(["cp", "-a", "/home/jana", "/home/jana.bak"], check=True)
    line = 'export XDG_DATA_HOME="${XDG_DATA_HOME:-$HOME/data}"'
    lab_host.run(["sh", "-c", 'echo "$1" > ~/.profile', "-", line], user="jana", check=True)
    data = {"XDG_DATA_HOME": "/home/jana/data"}
    add = ["flatpak", "remote-add", "--user", "--no-gpg-verify", "lab", REPOSITORY]
    lab_host.run(add, user="jana", env=data, check=True)
    lab_host.run(["flatpak", "install", "--user", "-y", "--noninteractive", "lab", APP, LOOK_ALIKE], user="jana", env=data, check=True)
    places = [f"/home/{each}" for each in ("jana.bak/.local/share/flatpak", "jana/data/flatpak")]
    assert [package["scope"] for package in flatpak.installed(APP)] == ["user:jana", *(f"user:jana:{place}" for place in places)]
    assert flatpak.remove(APP)["problems"] == []
    assert flatpak.installed(APP) == []
    assert [path.name for path in lab_host.path("/home/jana/data/flatpak/app").iterdir()] == [LOOK_ALIKE]
    for place in ("/home/jana.bak", "/home/jana"):
        assert [path for path in lab_host.path(place).rglob("*") if path.lstat().st_uid == 0] == []
    (note,) = [note for note in flatpak.block([APP])["notes"] if note.startswith("looked at like")]
    assert all(place in note for place in places)


def test_what_keeps_a_persons_flatpak_waiting_keeps_nobody_else_back(lab_host: Host, flatpak: Inside) -> None:
    install_for_jana(lab_host)
    lab_host.install("flatpak", APP)
    config = lab_host.path("/home/jana/.local/share/flatpak/repo/config")
    config.unlink()
    os.mkfifo(config)
    assert [package["scope"] for package in flatpak.installed(APP)] == ["system"]
    assert flatpak.remove(APP)["problems"] == []
    assert system_apps(lab_host) == set()


def test_an_extra_installation_where_a_person_writes_is_left_alone(lab_host: Host, flatpak: Inside) -> None:
    lab_host.write("/etc/flatpak/installations.d/extra.conf", '[Installation "extra"]\nPath=/home/jana/apps\n')
    place = f"/home/jana/apps/app/{APP}/x86_64/stable"
    lab_host.run(["sh", "-c", f"mkdir -p {place} ~/apps/repo; touch {place}/active; mkfifo ~/apps/repo/config"], user="jana", check=True)
    assert flatpak.installed(APP) == []
    blocked = flatpak.block([APP])
    assert (blocked["problems"], [block["names"] for block in blocked["blocks"]]) == ([], [[APP]])
    assert any("/home/jana/apps" in note and "as root" in note for note in blocked["notes"])
    assert flatpak.block([], owned=blocked["owned"])["problems"] == []


def test_extra_installations_and_several_branches(lab_host: Host, flatpak: Inside) -> None:
    lab_host.write("/etc/flatpak/installations.d/extra.conf", '[Installation "extra"]\nPath=/opt/flatpak\nDisplayName=Extra\n')
    lab_host.run(["flatpak", "remote-add", "--installation=extra", "--no-gpg-verify", "labx", REPOSITORY], check=True)
    lab_host.run(["flatpak", "install", "--installation=extra", "-y", "--noninteractive", "labx", APP], check=True)
    lab_host.install("flatpak", APP)
    before = snapshot(lab_host, ["/etc", CONFIG, "/opt/flatpak/repo/config"])
    assert [package["scope"] for package in flatpak.installed(APP)] == ["system", "system:extra"]
    assert flatpak.remove(APP)["problems"] == []
    assert flatpak.installed(APP) == []
    blocked = flatpak.block([APP])
    assert blocked["owned"]["remotes"] == {"system": ["lab"], "system:extra": ["labx"]}
    assert lab_host.run(["flatpak", "install", "--installation=extra", "-y", "--noninteractive", "labx", APP]).returncode == 1
    assert flatpak.block([APP], owned=blocked["owned"])["changes"] == []
    assert flatpak.block([], owned=blocked["owned"])["problems"] == []
    after = snapshot(lab_host, ["/etc", CONFIG, "/opt/flatpak/repo/config"])
    assert before.files == after.files


def test_an_administrators_own_filter_stays_and_what_it_lets_through_is_said(lab_host: Host, flatpak: Inside) -> None:
    lab_host.write("/etc/flatpak/own.filter", f"# ours\ndeny {LITE}\n")
    lab_host.run(["flatpak", "remote-modify", "--system", "--filter=/etc/flatpak/own.filter", "lab"], check=True)
    before = snapshot(lab_host)
    blocked = flatpak.block([APP, LITE])
    assert list(blocked["unsupported"]) == [APP]
    assert f"add the line `deny app/{APP}` to it" in blocked["unsupported"][APP]
    assert [block["names"] for block in blocked["blocks"]] == [[LITE]]
    assert filters(lab_host) == {"lab": "/etc/flatpak/own.filter"}
    assert lab_host.run([*INSTALL, "lab", LITE]).returncode == 1

    lab_host.write("/etc/flatpak/own.filter", f"# ours\ndeny {LITE}\ndeny app/{APP}\n")
    followed = flatpak.block([APP, LITE], owned=blocked["owned"])
    assert (followed["unsupported"], followed["changes"]) == ({}, [])
    assert lab_host.run([*INSTALL, "lab", APP]).returncode == 1

    lab_host.write("/etc/flatpak/own.filter", f"# ours\ndeny {LITE}\n")
    assert flatpak.block([], owned=followed["owned"])["problems"] == []
    assert before.difference(snapshot(lab_host)) == []


@cases(
    ("rules", "hidden"),
    [
        ("deny com.tiktok.*", True),
        (f"allow {APP}\ndeny *", False),
        (f"deny {APP}", True),
        (f"deny app/{APP}/*/*", True),
        ("deny *", True),
        (f"deny runtime/{APP}", False),
        ("deny com.tiktok", False),
        (f"deny {APP}Notes", False),
        (f"deny *\nallow {APP}", False),
        (f"deny {APP}\nallow com.tiktok.L*", True),
        (f"# deny {APP}", False),
    ],
    quick=2,
)
def test_what_we_say_of_somebody_elses_filter_is_what_flatpak_does(lab_host: Host, flatpak: Inside, rules: str, hidden: bool) -> None:
    lab_host.write("/etc/flatpak/own.filter", rules + "\n")
    lab_host.run(["flatpak", "remote-modify", "--system", "--filter=/etc/flatpak/own.filter", "lab"], check=True)
    offered = lab_host.run(["flatpak", "remote-ls", "--system", "lab", "--columns=application"], check=True).stdout.split()
    assert (APP not in offered) is hidden
    assert (APP not in flatpak.block([APP], check=True)["unsupported"]) is hidden


def test_preconfigured_and_disabled_remotes_are_covered(lab_host: Host, flatpak: Inside) -> None:
    lab_host.write("/etc/flatpak/remotes.d/static.flatpakrepo", f"[Flatpak Repo]\nTitle=static\nUrl={REPOSITORY}\n")
    lab_host.run(["flatpak", "remote-modify", "--system", "--disable", "lab"], check=True)
    blocked = flatpak.block([APP])
    assert blocked["problems"] == []
    assert filters(lab_host) == {"lab": FILTER, "static": FILTER}
    assert flatpak.block([APP], owned=blocked["owned"])["changes"] == []
    lab_host.run(["flatpak", "remote-modify", "--system", "--enable", "lab"], check=True)
    assert lab_host.run([*INSTALL, "lab", APP]).returncode == 1


def test_a_host_without_remotes(lab_host: Host, flatpak: Inside) -> None:
    lab_host.run(["flatpak", "remote-delete", "--system", "--force", "lab"], check=True)
    before = snapshot(lab_host)
    blocked = flatpak.block([APP])
    assert any("no system remote" in note for note in blocked["notes"])
    assert flatpak.block([APP], owned=blocked["owned"])["changes"] == []
    lab_host.run(["flatpak", "remote-add", "--system", "--no-gpg-verify", "lab", REPOSITORY], check=True)
    covered = flatpak.block([APP], owned=blocked["owned"])
    assert lab_host.run([*INSTALL, "lab", APP]).returncode == 1
    lab_host.run(["flatpak", "remote-delete", "--system", "--force", "lab"], check=True)
    flatpak.block([], owned=covered["owned"])
    assert [line for line in before.difference(snapshot(lab_host)) if line != f"changed {CONFIG} (content)"] == []


def test_a_file_that_is_not_ours_is_left_alone(lab_host: Host, flatpak: Inside) -> None:
    lab_host.write(FILTER, "deny org.lab.Good\n")
    lab_host.run(["flatpak", "remote-modify", "--system", f"--filter={FILTER}", "lab"], check=True)
    before = snapshot(lab_host)
    answer = flatpak.block([APP])
    assert FILTER in answer["unsupported"][APP]
    assert (answer["changes"], answer["owned"]) == ([], {})
    assert flatpak.block([])["changes"] == []
    assert before.difference(snapshot(lab_host)) == []


def test_a_lost_ledger_does_not_lose_the_block(lab_host: Host, flatpak: Inside) -> None:
    before = snapshot(lab_host)
    flatpak.block([APP])
    again = flatpak.block([APP], owned={})
    assert again["changes"] == []
    assert flatpak.block([], owned={})["problems"] == []
    # That we made the directory was in the ledger.
    assert before.difference(snapshot(lab_host)) == ["added /etc/flatpak"]


def test_an_uninstall_that_fails_says_why(lab_host: Host, flatpak: Inside) -> None:
    lab_host.install("flatpak", APP)
    lab_host.path("/usr/bin/flatpak").unlink()
    lab_host.write("/usr/bin/flatpak", "#!/bin/sh\necho 'error: no space left' >&2\nexit 1\n", 0o755)
    (problem,) = flatpak.remove(APP)["problems"]
    assert "no space left" in problem
    lab_host.write("/usr/bin/flatpak", "#!/bin/sh\nexit 0\n", 0o755)
    (problem,) = flatpak.remove(APP)["problems"]
    assert "still deployed" in problem


@pytest.mark.fault_kind("H7", "compliant without having looked")
@cases("name", ["-x", "--", "+x", ".x"])
def test_an_installation_is_known_by_any_name_that_flatpak_takes(lab_host: Host, flatpak: Inside, name: str) -> None:
    lab_host.write("/etc/flatpak/installations.d/x.conf", f'[Installation "{name}"]\nPath=/srv/apps\n')
    lab_host.run(["mkdir", "-p", "/srv/apps"], check=True)
    there = f"--installation={name}"
    lab_host.run(["flatpak", there, "remote-add", "--no-gpg-verify", "lab", "file:///srv/repo/flatpak"], check=True)
    lab_host.run(["flatpak", there, "install", "-y", "--noninteractive", "lab", APP], check=True)
    assert [each["scope"] for each in flatpak.installed(APP)] == [f"system:{name}"]
    assert flatpak.remove(APP)["problems"] == []
    assert flatpak.installed(APP) == []
    assert flatpak.block([APP])["problems"] == []
    assert lab_host.run(["flatpak", there, "install", "-y", "--noninteractive", "lab", APP]).returncode != 0


@cases("name", ["ext 1", "default", "system", "user", ""])
def test_what_flatpak_ignores_is_no_installation(lab_host: Host, flatpak: Inside, name: str) -> None:
    lab_host.write("/etc/flatpak/installations.d/x.conf", f'[Installation "{name}"]\nPath=/srv/apps\n')
    lab_host.run(["mkdir", "-p", f"/srv/apps/app/{APP}/x86_64/stable/active"], check=True)
    assert APP not in lab_host.run(["flatpak", f"--installation={name}", "list", "--app"]).stdout
    assert flatpak.installed(APP) == []
