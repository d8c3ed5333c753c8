# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pacman backend against real pacman: its whole life, every way back in, and the traps."""

from __future__ import annotations

import pytest

from tests.lab.hosts import Host
from tests.lab.inside import Inside, holder
from tests.lab.packages import Package, build_package, package_path
from tests.lab.snapshot import layer, snapshot, writes_since

APP = "tiktok-desktop"
HOOK = "/etc/pacman.d/hooks/00-appban.hook"
CONF = "/etc/pacman.conf"
OLD = package_path("pacman", APP, "1.0")
NEW = package_path("pacman", APP, "2.0")
NO_HOOKS = "--hookdir=/srv/none"

WAYS = [
    pytest.param(("-S", APP), id="by-name"),
    pytest.param(("-S", f"lab/{APP}"), id="by-repository"),
    pytest.param(("-U", OLD), id="by-file"),
    pytest.param(("-U", NEW), id="by-version"),
    pytest.param(("-Sdd", APP), id="no-dependencies"),
    pytest.param(("-Udd", OLD), id="no-dependencies-file"),
    pytest.param(("-S", "--dbonly", APP), id="database-only"),
    pytest.param(("-S", "--noscriptlet", "--overwrite=*", APP), id="flags"),
    pytest.param(("-S", "--asdeps", "--needed", APP), id="as-dependency"),
    pytest.param(("-S", "media-suite"), id="dependency"),
    pytest.param(("-S", "tiktok-rev"), id="provider"),
]
PAST_THE_GUARD = [
    pytest.param(f"pacman {NO_HOOKS} -S --noconfirm --ask 4 {APP}", id="hookdir-ask"),
    pytest.param(f"yes | pacman {NO_HOOKS} -S {APP}", id="hookdir-yes"),
    pytest.param(f"yes | pacman -R appban-guard && pacman {NO_HOOKS} --noconfirm -S {APP}", id="guard-removed"),
]


@pytest.fixture
def pacman(lab_host: Host) -> Inside:
    """The backend on a fresh host."""
    return Inside(lab_host, "pacman", "Pacman")


def pacman_list(host: Host) -> dict[str, str]:
    """Installed packages of pacman and their versions, from its own list."""
    lines = host.run(["pacman", "-Q"], check=True).stdout.splitlines()
    return {line.split(" ")[0]: line.split(" ")[1] for line in lines}


def test_detects_exactly_the_named(pacman: Inside, lab_host: Host) -> None:
    lab_host.install("pacman", APP, "tiktok-desktop-docs", "lab-agent")
    assert [(each["name"], each["version"], each["protected"]) for each in pacman.installed(APP, "lab-agent", "vlc-lab")] == [
        ("lab-agent", "1.0-1", "hold_pkg"),
        (APP, "2.0-1", ""),
    ]
    assert pacman.version() == lab_host.run(["pacman", "--version"]).stdout.split("Pacman v")[1].split(" ")[0]


def test_nothing_installed_at_all(pacman: Inside, lab_host: Host) -> None:
    lab_host.run(["pacman", "-R", "--noconfirm", *pacman_list(lab_host)], check=True)
    assert lab_host.run(["pacman", "-Q"]).stdout == ""
    assert pacman.installed(APP) == []
    assert pacman.block([APP])["problems"] == []


def test_the_life_of_a_ban(pacman: Inside, lab_host: Host) -> None:
    lab_host.install("pacman", APP, "vlc-lab", "tiktok-desktop-docs")
    innocent = pacman_list(lab_host)
    del innocent[APP]
    lab_host.write("/etc/opt/pacman/tiktok-desktop.conf", "changed by its user\n")

    before = snapshot(lab_host)
    written = layer(lab_host)
    planned = pacman.remove(APP, check=True)
    assert [(each["op"], each["kind"], each["name"]) for each in planned["changes"]] == [
        ("delete", "package", "pacman: tiktok-desktop 2.0-1")
    ]
    assert pacman.block([APP], strong=[APP], check=True)["changes"]
    assert before.difference(snapshot(lab_host)) == []
    # The snapshot itself asks rpm, which rewrites these.
    assert writes_since(lab_host, written, allow=["/var/lib/rpm/rpmdb.sqlite-*"]) == []

    removed = pacman.remove(APP)
    assert removed["problems"] == []
    assert removed["changes"] == planned["changes"]
    assert pacman.installed(APP) == []
    assert pacman_list(lab_host) == innocent
    assert not lab_host.path("/etc/opt/pacman/tiktok-desktop.conf").exists()
    assert not lab_host.path("/etc/opt/pacman/tiktok-desktop.conf.pacsave").exists()

    clean = snapshot(lab_host)
    conf = lab_host.path(CONF).read_bytes()
    assert not lab_host.path("/etc/pacman.d").exists()
    first = pacman.block([APP], strong=[APP])
    assert first["problems"] == []
    assert [(each["op"], each["kind"]) for each in first["changes"]] == [("create", "file"), ("create", "guard"), ("update", "file")]
    assert [(each["mechanism"], each["strength"]) for each in first["blocks"]] == [("hook", "soft"), ("guard", "strong")]
    assert first["owned"]["providers"] == {"tiktok-rev": [APP]}
    assert first["owned"]["hook"]["made_directories"] == ["/etc/pacman.d", "/etc/pacman.d/hooks"]
    assert lab_host.run(["pacman", "-Qkk", "appban-guard"]).returncode == 0

    written = layer(lab_host)
    second = pacman.block([APP], strong=[APP], owned=first["owned"])
    assert (second["changes"], second["problems"], second["drift"], second["notes"], second["writes"]) == ([], [], [], [], 0)
    assert second["owned"] == first["owned"]
    assert second["blocks"] == first["blocks"]
    assert writes_since(lab_host, written) == []

    lifted = pacman.block([], owned=second["owned"])
    assert (lifted["problems"], lifted["owned"], lifted["blocks"], lifted["unblocked"]) == ([], {}, [], [APP])
    assert clean.difference(snapshot(lab_host)) == []
    assert lab_host.path(CONF).read_bytes() == conf
    assert pacman.block([], owned=lifted["owned"])["changes"] == []
    lab_host.install("pacman", APP)
    assert APP in pacman_list(lab_host)


@pytest.mark.parametrize("strong", [False, True], ids=["hook", "guard"])
@pytest.mark.parametrize("command", WAYS)
def test_the_block_stops(pacman: Inside, lab_host: Host, command: tuple[str, ...], strong: bool) -> None:
    assert pacman.block([APP], strong=[APP] if strong else [])["problems"] == []
    before = pacman_list(lab_host)
    assert lab_host.run(["pacman", "--noconfirm", *command]).returncode != 0
    assert pacman_list(lab_host) == before


@pytest.mark.parametrize("command", WAYS)
def test_the_guard_stops_where_the_hook_is_left_out(pacman: Inside, lab_host: Host, command: tuple[str, ...]) -> None:
    assert pacman.block([APP], strong=[APP])["problems"] == []
    before = pacman_list(lab_host)
    assert lab_host.run(["pacman", NO_HOOKS, "--noconfirm", *command]).returncode != 0
    assert pacman_list(lab_host) == before


def test_the_hook_stops_who_says_yes_to_removing_the_guard(pacman: Inside, lab_host: Host) -> None:
    pacman.block([APP], strong=[APP])
    assert lab_host.run(["sh", "-c", f"yes | pacman -S {APP}"]).returncode != 0
    assert APP not in pacman_list(lab_host)
    assert "appban-guard" in pacman_list(lab_host)


@pytest.mark.parametrize("how", [("--hookdir=/srv/none", "-S"), ("--config=/srv/other.conf", "-S")], ids=["hookdir", "config"])
def test_the_hook_does_not_stop(pacman: Inside, lab_host: Host, how: tuple[str, ...]) -> None:
    pacman.block([APP])
    lab_host.write("/srv/other.conf", lab_host.path(CONF).read_text().replace("[options]", "[options]\nHookDir = /srv/none"))
    lab_host.run(["pacman", "--noconfirm", *how, APP], check=True)
    assert APP in pacman_list(lab_host)


@pytest.mark.parametrize("command", PAST_THE_GUARD)
def test_the_guard_does_not_stop(pacman: Inside, lab_host: Host, command: str) -> None:
    pacman.block([APP], strong=[APP])
    lab_host.run(["sh", "-c", command], check=True)
    assert APP in pacman_list(lab_host)


@pytest.mark.parametrize("command", [("-R", "appban-guard"), ("-Rdd", "appban-guard"), ("-Syu",)], ids=lambda command: command[0])
def test_the_guard_survives(pacman: Inside, lab_host: Host, command: tuple[str, ...]) -> None:
    pacman.block([APP], strong=[APP])
    lab_host.run(["pacman", "--noconfirm", *command])
    assert "appban-guard" in pacman_list(lab_host)


def test_growing_shrinking_and_soft_again(pacman: Inside, lab_host: Host) -> None:
    conf = lab_host.path(CONF).read_bytes()
    first = pacman.block([APP], strong=[APP])
    grown = pacman.block([APP, "vlc-lab"], strong=[APP, "vlc-lab"], owned=first["owned"])
    assert grown["problems"] == []
    assert [(each["op"], each["kind"]) for each in grown["changes"]] == [("update", "file"), ("update", "guard")]
    assert lab_host.run(["pacman", NO_HOOKS, "--noconfirm", "-S", "vlc-lab"]).returncode != 0
    shrunk = pacman.block(["vlc-lab"], strong=["vlc-lab"], owned=grown["owned"])
    assert (shrunk["problems"], shrunk["unblocked"], shrunk["owned"]["providers"]) == ([], [APP], {})
    lab_host.install("pacman", APP)
    soft = pacman.block(["vlc-lab"], owned=shrunk["owned"])
    assert (soft["problems"], [(each["op"], each["kind"]) for each in soft["changes"]]) == ([], [("update", "file"), ("delete", "guard")])
    assert soft["changes"][1]["needs"] == [f"file:{CONF}"]
    assert "appban-guard" not in pacman_list(lab_host)
    assert lab_host.path(CONF).read_bytes() == conf
    assert lab_host.run(["pacman", "--noconfirm", "-S", "vlc-lab"]).returncode != 0


@pytest.mark.parametrize(
    "line",
    ["IgnorePkg = tiktok-desktop", "NoExtract = opt/*", "NoUpgrade = etc/opt/pacman/tiktok-desktop.conf"],
    ids=lambda line: line.split(" ")[0],
)
def test_what_is_in_the_way_hides_nothing(pacman: Inside, lab_host: Host, line: str) -> None:
    lab_host.install("pacman", APP)
    lab_host.write(CONF, lab_host.path(CONF).read_text().replace("[options]", f"[options]\n{line}"))
    owned = pacman.block([APP], present=[APP])["owned"]
    assert [each["name"] for each in pacman.installed(APP)] == [APP]
    assert pacman.remove(APP)["problems"] == []
    assert APP not in pacman_list(lab_host)
    assert pacman.block([APP], strong=[APP], owned=owned)["problems"] == []


def test_dependents_are_refused_or_go_along_but_nothing_more(pacman: Inside, lab_host: Host) -> None:
    lab_host.install("pacman", APP, "media-suite", "vlc-lab")
    deeper = build_package(lab_host.root, "pacman", Package("studio", depends=("media-suite",)), "/srv/extra")
    lab_host.run(["pacman", "--noconfirm", "-U", deeper], check=True)
    everything = pacman_list(lab_host)
    before = snapshot(lab_host)
    refused = pacman.remove(APP)
    assert [(each["reason"], each["names"]) for each in refused["refusals"]] == [("dependents", [APP])]
    assert refused["refusals"][0]["plan"] == ["remove media-suite 1.0-1", "remove studio 1.0-1", "remove tiktok-desktop 2.0-1"]
    assert refused["dependents"] == ["media-suite", "studio"]
    assert (refused["changes"], refused["writes"]) == ([], 0)
    assert before.difference(snapshot(lab_host)) == []
    assert pacman.remove(APP, allow_dependents=True)["problems"] == []
    gone = {APP, "media-suite", "studio"}
    assert pacman_list(lab_host) == {name: version for name, version in everything.items() if name not in gone}


def test_a_dependent_that_comes_after_the_plan_stops_all_of_it(pacman: Inside, lab_host: Host) -> None:
    lab_host.install("pacman", APP, "media-suite")
    late = build_package(lab_host.root, "pacman", Package("studio", depends=("media-suite",)), "/srv/extra")
    everything = pacman_list(lab_host)
    answer = pacman.remove(APP, allow_dependents=True, between=["pacman", "--noconfirm", "-U", late])
    assert "a command failed" in answer["problems"][0]
    assert pacman_list(lab_host) == {**everything, "studio": "1.0-1"}


def test_a_provider_that_satisfies_the_dependent_stays(pacman: Inside, lab_host: Host) -> None:
    lab_host.install("pacman", APP, "tiktok-rev", "media-suite")
    assert pacman.remove(APP)["problems"] == []
    assert {"tiktok-rev", "media-suite"} <= set(pacman_list(lab_host))
    answer = pacman.block([APP], strong=[APP])
    assert (answer["problems"], [each["mechanism"] for each in answer["blocks"]]) == ([], ["hook"])
    assert any("the installed tiktok-rev provides it" in note for note in answer["notes"])
    again = pacman.block([APP], strong=[APP], owned=answer["owned"])
    assert (again["changes"], again["owned"]) == ([], answer["owned"])
    lab_host.run(["pacman", "--noconfirm", "-Rc", "tiktok-rev"], check=True)
    assert [each["mechanism"] for each in pacman.block([APP], strong=[APP], owned=answer["owned"])["blocks"]] == ["hook", "guard"]


@pytest.mark.parametrize("values", ["lab-agent", "lab-*"])
def test_protected_packages_are_refused(pacman: Inside, lab_host: Host, values: str) -> None:
    lab_host.install("pacman", "lab-agent")
    lab_host.write(CONF, lab_host.path(CONF).read_text().replace("HoldPkg = pacman glibc lab-agent", f"HoldPkg = pacman {values}"))
    assert [each["protected"] for each in pacman.installed("lab-agent")] == ["hold_pkg"]
    refused = pacman.remove("lab-agent", allow_dependents=True)
    assert [(each["reason"], each["plan"]) for each in refused["refusals"]] == [("protected", ["remove lab-agent 1.0-1"])]
    assert "lab-agent" in pacman_list(lab_host)


def test_a_protected_dependent_is_refused(pacman: Inside, lab_host: Host) -> None:
    agent = build_package(lab_host.root, "pacman", Package("agent2", depends=(APP,)), "/srv/extra")
    lab_host.install("pacman", APP)
    lab_host.run(["pacman", "--noconfirm", "-U", agent], check=True)
    lab_host.write("/etc/pacman.d/more.conf", "[options]\nHoldPkg = agent2\n")
    lab_host.write(CONF, lab_host.path(CONF).read_text().replace("[options]", "[options]\nInclude = /etc/pacman.d/more.conf", 1))
    assert [each["reason"] for each in pacman.remove(APP, allow_dependents=True)["refusals"]] == ["protected"]
    assert APP in pacman_list(lab_host)


def test_a_lock_is_waited_for_and_left_alone(pacman: Inside, lab_host: Host) -> None:
    lab_host.install("pacman", APP)
    lock = lab_host.path("/var/lib/pacman/db.lck")
    lock.touch()
    assert "still uses the package manager" in pacman.remove(APP, lock_timeout=0)["problems"][0]
    assert lock.exists()
    lock.unlink()
    # Somebody else's transaction that ends after a moment.
    takes = "import os,sys,threading;p='/var/lib/pacman/db.lck';open(p,'x')"
    with holder(lab_host, takes + ";print(1,flush=True);threading.Timer(.5,os.unlink,[p]).start();sys.stdin.read()"):
        assert pacman.remove(APP, lock_timeout=60)["problems"] == []


def test_the_hook_goes_where_pacman_looks(pacman: Inside, lab_host: Host) -> None:
    clean = snapshot(lab_host)
    first = pacman.block([APP])
    plain = lab_host.path(CONF).read_text()
    lab_host.write(CONF, plain.replace("[options]", "[options]\nHookDir = /etc/one/\nHookDir = /etc/two"))
    moved = pacman.block([APP], owned=first["owned"])
    assert moved["problems"] == []
    assert [(each["op"], each["name"]) for each in moved["changes"]] == [("delete", HOOK), ("create", "/etc/two/00-appban.hook")]
    assert lab_host.run(["pacman", "--noconfirm", "-S", APP]).returncode != 0
    assert pacman.block([], owned=moved["owned"])["problems"] == []
    lab_host.write(CONF, plain)
    assert clean.difference(snapshot(lab_host)) == []


@pytest.mark.parametrize("hand", ["delete", "edit", "mask", "guard", "hold"])
def test_drift_is_named_and_repaired(pacman: Inside, lab_host: Host, hand: str) -> None:
    first = pacman.block([APP], strong=[APP])
    good = snapshot(lab_host)
    command = {
        "delete": f"rm {HOOK}",
        "edit": f"sed -i s/AbortOnFail// {HOOK}",
        "mask": f"ln -sf /dev/null {HOOK}",
        "guard": "yes | pacman -R appban-guard",
        "hold": f"sed -i '/^HoldPkg = appban-guard$/d' {CONF}",
    }[hand]
    lab_host.run(["sh", "-c", command], check=True)
    repaired = pacman.block([APP], strong=[APP], owned=first["owned"])
    assert len(repaired["drift"]) == 1
    assert repaired["problems"] == []
    assert good.difference(snapshot(lab_host)) == []
    assert lab_host.path("/dev/null").is_char_device()
    assert pacman.block([APP], strong=[APP], owned=repaired["owned"])["drift"] == []


def test_lift_without_a_ledger_still_knows_what_is_ours(pacman: Inside, lab_host: Host) -> None:
    lab_host.path("/etc/pacman.d/hooks").mkdir(parents=True)
    clean = snapshot(lab_host)
    pacman.block([APP], strong=[APP])
    lifted = pacman.block([])
    assert (lifted["problems"], lifted["unblocked"]) == ([], [APP, "tiktok-rev"])
    assert clean.difference(snapshot(lab_host)) == []


def test_somebody_elses_file_in_our_place_stays(pacman: Inside, lab_host: Host) -> None:
    lab_host.write(HOOK, "[Trigger]\nOperation = Remove\nType = Package\nTarget = *\n[Action]\nWhen = PostTransaction\nExec = /bin/true\n")
    before = snapshot(lab_host)
    answer = pacman.block([APP])
    assert (list(answer["unsupported"]), answer["changes"], answer["blocks"]) == ([APP], [], [])
    assert before.difference(snapshot(lab_host)) == []


def test_a_present_app_can_still_be_upgraded(pacman: Inside, lab_host: Host) -> None:
    lab_host.run(["pacman", "--noconfirm", "-U", OLD], check=True)
    answer = pacman.block([APP], strong=[APP], present=[APP])
    assert (answer["problems"], [each["mechanism"] for each in answer["blocks"]]) == ([], ["hook"])
    lab_host.run(["pacman", "--noconfirm", "-Syu"], check=True)
    assert pacman_list(lab_host)[APP] == "2.0-1"
