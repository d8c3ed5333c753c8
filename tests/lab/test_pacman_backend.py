# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pacman backend against real pacman: its whole life, every way back in, and the traps."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.lab import mounts
from tests.lab.hosts import Host
from tests.lab.inside import Inside, holder
from tests.lab.packages import Package, build_package, package_path
from tests.lab.playbook import run_module, write_inventory
from tests.lab.snapshot import layer, snapshot, writes_since
from tests.support.cases import cases

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
    return Inside(lab_host, "pacman.backend", "Pacman")


@pytest.fixture(scope="module", params=[False, True], ids=["hook", "guard"])
def blocked(request: pytest.FixtureRequest, module_hosts: Callable[[], Host]) -> Host:
    """A host with the block, for commands that it stops: they leave the host as it is."""
    host = module_hosts()
    assert Inside(host, "pacman.backend", "Pacman").block([APP], strong=[APP] if request.param else [])["problems"] == []
    return host


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
    assert (second["proof"], second["overridden"], second["undeclared"]) == ("read", {}, "")
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


@pytest.mark.parametrize("command", WAYS)
def test_the_block_stops(blocked: Host, command: tuple[str, ...]) -> None:
    before = pacman_list(blocked)
    assert blocked.run(["pacman", "--noconfirm", *command]).returncode != 0
    assert pacman_list(blocked) == before


@pytest.mark.parametrize("blocked", [True], ids=["guard"], indirect=True)
@pytest.mark.parametrize("command", WAYS)
def test_the_guard_stops_where_the_hook_is_left_out(blocked: Host, command: tuple[str, ...]) -> None:
    before = pacman_list(blocked)
    assert blocked.run(["pacman", NO_HOOKS, "--noconfirm", *command]).returncode != 0
    assert pacman_list(blocked) == before


def test_the_hook_stops_who_says_yes_to_removing_the_guard(pacman: Inside, lab_host: Host) -> None:
    pacman.block([APP], strong=[APP])
    assert lab_host.run(["sh", "-c", f"yes | pacman -S {APP}"]).returncode != 0
    assert APP not in pacman_list(lab_host)
    assert "appban-guard" in pacman_list(lab_host)


@cases("how", [("--hookdir=/srv/none", "-S"), ("--config=/srv/other.conf", "-S")], ids=["hookdir", "config"])
def test_the_hook_does_not_stop(pacman: Inside, lab_host: Host, how: tuple[str, ...]) -> None:
    pacman.block([APP])
    lab_host.write("/srv/other.conf", lab_host.path(CONF).read_text().replace("[options]", "[options]\nHookDir = /srv/none"))
    lab_host.run(["pacman", "--noconfirm", *how, APP], check=True)
    assert APP in pacman_list(lab_host)


@cases("command", PAST_THE_GUARD)
def test_the_guard_does_not_stop(pacman: Inside, lab_host: Host, command: str) -> None:
    pacman.block([APP], strong=[APP])
    lab_host.run(["sh", "-c", command], check=True)
    assert APP in pacman_list(lab_host)


@cases("command", [("-R", "appban-guard"), ("-Rdd", "appban-guard"), ("-Syu",)], ids=["-R", "-Rdd", "-Syu"])
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


@cases(
    "line",
    ["IgnorePkg = tiktok-desktop", "NoExtract = opt/*", "NoUpgrade = etc/opt/pacman/tiktok-desktop.conf"],
    ids=["IgnorePkg", "NoExtract", "NoUpgrade"],
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


@cases("values", ["lab-*", "lab-agent"])
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
    assert "no process has the lock open" in pacman.remove(APP, lock_timeout=0)["problems"][0]
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


@cases("hand", ["delete", "guard", "edit", "mask", "hold"], quick=2)
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


# -- whether the block holds, as pacman reads its configuration ----------------------------------------------------------

SITE = "/etc/pacman.d/site"
OTHER_HOOK = r"[Trigger]\nOperation = Remove\nType = Package\nTarget = x\n[Action]\nWhen = PostTransaction\nExec = /bin/true\n"


def set_hook_directories(host: Host, *directories: str) -> None:
    """Puts the HookDirs into pacman.conf and makes them."""
    lines = "".join(f"\nHookDir = {each}" for each in directories)
    host.write(CONF, host.path(CONF).read_text().replace("[options]", f"[options]{lines}", 1))
    for each in directories:
        host.path(each).mkdir(parents=True, exist_ok=True)


def gets_in(host: Host, *arguments: str) -> bool:
    """Whether pacman really installs the app, which is undone."""
    installed = host.run(["pacman", "--noconfirm", *arguments, "-S", APP]).returncode == 0
    if installed:
        host.run(["pacman", "--noconfirm", "-R", APP], check=True)
    return installed


@cases(
    "mask",
    ["ln -s /dev/null {}", "touch {}", f"printf '{OTHER_HOOK}' > {{}}; chmod 000 {{}}"],
    ids=["null", "empty", "other"],
)
def test_a_file_of_our_name_in_a_later_directory_is_told_and_left_alone(pacman: Inside, lab_host: Host, mask: str) -> None:
    first = pacman.block([APP])
    set_hook_directories(lab_host, "/etc/pacman.d/hooks", SITE)
    assert pacman.block([APP], owned=first["owned"])["changes"] == []
    lab_host.run(["sh", "-euc", mask.replace("{}", f"{SITE}/00-appban.hook")], check=True)
    before = snapshot(lab_host)
    told = pacman.block([APP], owned=first["owned"])
    assert (told["changes"], told["blocks"], told["owned"], told["proof"]) == ([], [], first["owned"], "read")
    assert [f"{SITE}/00-appban.hook has the name of our hook" in line for line in told["drift"]] == [True]
    assert sorted(told["overridden"]) == [APP, "tiktok-rev"]
    assert f"take {SITE} out of HookDir in {CONF}" in told["overridden"][APP]
    assert before.difference(snapshot(lab_host)) == []
    # A guard holds whatever the hooks are.
    strong = pacman.block([APP], strong=[APP], owned=first["owned"])
    assert ([each["mechanism"] for each in strong["blocks"]], list(strong["overridden"])) == (["guard"], ["tiktok-rev"])
    lab_host.path(f"{SITE}/00-appban.hook").unlink()
    again = pacman.block([APP], strong=[APP], owned=strong["owned"])
    assert (again["drift"], again["overridden"], [each["mechanism"] for each in again["blocks"]]) == ([], {}, ["hook", "guard"])
    assert not gets_in(lab_host)


def test_a_mask_that_is_not_in_the_last_directory_is_passed(pacman: Inside, lab_host: Host) -> None:
    clean = snapshot(lab_host)
    first = pacman.block([APP])
    plain = lab_host.path(CONF).read_text()
    set_hook_directories(lab_host, "/etc/pacman.d/hooks", SITE, "/srv/last")
    lab_host.path(f"{SITE}/00-appban.hook").symlink_to("/dev/null")
    assert gets_in(lab_host)
    moved = pacman.block([APP], owned=first["owned"])
    assert (moved["problems"], len(moved["drift"]), moved["overridden"]) == ([], 1, {})
    assert [(each["op"], each["name"]) for each in moved["changes"]] == [("delete", HOOK), ("create", "/srv/last/00-appban.hook")]
    assert not gets_in(lab_host)
    assert lab_host.path(f"{SITE}/00-appban.hook").is_symlink()
    assert pacman.block([APP], owned=moved["owned"])["changes"] == []
    assert pacman.block([], owned=moved["owned"])["problems"] == []
    lab_host.path(f"{SITE}/00-appban.hook").unlink()
    for each in (SITE, "/etc/pacman.d", "/srv/last"):
        if lab_host.path(each).exists():
            lab_host.path(each).rmdir()
    lab_host.write(CONF, plain)
    # The app takes /etc/opt away when it goes.
    assert clean.difference(snapshot(lab_host)) == ["gone /etc/opt"]


def test_what_does_not_count_as_a_hook_masks_nothing(pacman: Inside, lab_host: Host) -> None:
    first = pacman.block([APP])
    set_hook_directories(lab_host, "/etc/pacman.d/hooks", SITE)
    lab_host.path(f"{SITE}/00-appban.hook").mkdir()
    # The system's own directory comes before all others.
    lab_host.path("/usr/share/libalpm/hooks").mkdir(parents=True, exist_ok=True)
    lab_host.path("/usr/share/libalpm/hooks/00-appban.hook").symlink_to("/dev/null")
    assert not gets_in(lab_host)
    told = pacman.block([APP], owned=first["owned"])
    assert (told["changes"], told["drift"], told["overridden"], told["proof"]) == ([], [], {}, "read")


@cases("include", ["/etc/*/mirrorlist", "/etc/pacman.d/mirror*", "/etc/pacman.d/mirrorlist"])
def test_a_repositorys_included_file_may_move_the_hooks(pacman: Inside, lab_host: Host, include: str) -> None:
    first = pacman.block([APP])
    lab_host.write(CONF, lab_host.path(CONF).read_text() + f"Include = {include}\n")
    lab_host.write("/etc/pacman.d/mirrorlist", f"[options]\nHookDir = {SITE}\n")
    assert gets_in(lab_host)
    moved = pacman.block([APP], owned=first["owned"])
    assert (moved["problems"], len(moved["drift"])) == ([], 1)
    assert (moved["undeclared"] == "") is ("/*/" not in include)
    assert [each["name"] for each in moved["changes"]] == [HOOK, f"{SITE}/00-appban.hook"]
    assert not gets_in(lab_host)


def test_a_directory_that_is_a_link_to_ours_masks_nothing(pacman: Inside, lab_host: Host) -> None:
    first = pacman.block([APP])
    lab_host.path("/etc/hooks").symlink_to("pacman.d/hooks")
    set_hook_directories(lab_host, "/etc/pacman.d/hooks", "/etc/hooks")
    told = pacman.block([APP], owned=first["owned"])
    assert (told["changes"], told["drift"], told["overridden"]) == ([], [], {})
    assert not gets_in(lab_host)
    assert pacman.block([])["problems"] == []
    assert gets_in(lab_host)


def test_a_provider_that_is_seen_later_is_blocked_then(pacman: Inside, lab_host: Host) -> None:
    lab_host.run(["sh", "-euc", "rm -f /var/lib/pacman/sync/*"], check=True)
    first = pacman.block([APP])
    assert first["owned"]["providers"] == {}
    assert "does not exist" in first["notes"][0]
    lab_host.write("/var/lib/pacman/sync/lab.db", "no archive")
    broken = pacman.block([APP], owned=first["owned"])
    assert (broken["changes"], broken["drift"]) == ([], [])
    assert "Unrecognized archive format" in broken["notes"][0]
    lab_host.run(["pacman", "-Syy"], check=True)
    later = pacman.block([APP], owned=first["owned"])
    assert (later["problems"], len(later["drift"]), later["owned"]["providers"]) == ([], 1, {"tiktok-rev": [APP]})
    assert lab_host.run(["pacman", "--noconfirm", "-S", "tiktok-rev"]).returncode != 0
    settled = pacman.block([APP], owned=later["owned"])
    assert (settled["changes"], settled["drift"], settled["notes"]) == ([], [], [])


# -- our memory, and runs that were interrupted --------------------------------------------------------------------------


def test_a_ban_whose_ledger_was_lost_is_lifted_exactly(pacman: Inside, lab_host: Host) -> None:
    clean = snapshot(lab_host)
    pacman.block([APP], strong=[APP])
    stands = snapshot(lab_host)
    again = pacman.block([APP], strong=[APP])
    assert (again["changes"], again["drift"]) == ([], [])
    assert stands.difference(snapshot(lab_host)) == []
    assert pacman.block([], owned=again["owned"])["problems"] == []
    assert clean.difference(snapshot(lab_host)) == []


@cases("block", ["strong", "true"])
def test_a_lift_without_a_ledger_looks_where_pacman_looks(lab_host: Host, tmp_path: Path, block: str) -> None:
    lab_host.keep_managers(["pacman"])
    set_hook_directories(lab_host, SITE)
    clean = snapshot(lab_host)
    inventory = write_inventory(tmp_path / "inventory.json", [lab_host])
    apps = [{"id": "tiktok", "identifiers": {"pacman": [APP]}}]
    run_module("all", "appban.endpoint.host_app", inventory, arguments={"apps": apps, "block": block})
    assert lab_host.path(f"{SITE}/00-appban.hook").exists()
    lab_host.path("/var/lib/appban/ledger.json").unlink()
    run_module("all", "appban.endpoint.host_app", inventory, arguments={"apps": apps, "state": "lifted"})
    assert clean.difference(snapshot(lab_host)) == []


def test_a_directory_in_our_place_stays(pacman: Inside, lab_host: Host) -> None:
    lab_host.path(HOOK).mkdir(parents=True)
    before = snapshot(lab_host)
    answer = pacman.block([APP])
    assert (list(answer["unsupported"]), answer["changes"], answer["blocks"]) == ([APP], [], [])
    assert pacman.block([])["changes"] == []
    assert before.difference(snapshot(lab_host)) == []


def test_what_an_interrupted_run_had_only_claimed_is_no_drift(pacman: Inside, lab_host: Host) -> None:
    claimed = {**pacman.block([APP], strong=[APP], check=True)["owned"], "claimed": True}
    again = pacman.block([APP], strong=[APP], owned=claimed)
    assert (again["drift"], again["problems"], len(again["changes"])) == ([], [], 3)
    assert "claimed" not in again["owned"]


def test_a_block_of_the_previous_release_is_not_written_anew(pacman: Inside, lab_host: Host) -> None:
    clean = snapshot(lab_host)
    first = pacman.block([APP])
    hook = lab_host.path(HOOK)
    lines = hook.read_text().splitlines(keepends=True)
    assert lines.pop(3) == "# Directories made for this file: /etc/pacman.d /etc/pacman.d/hooks\n"
    hook.write_text("".join(lines))
    owned = {**first["owned"], "hook": {**first["owned"]["hook"], "sha256": [hashlib.sha256(hook.read_bytes()).hexdigest()]}}
    again = pacman.block([APP], owned=owned)
    assert (again["changes"], again["drift"], again["owned"]) == ([], [], owned)
    assert pacman.block([], owned=again["owned"])["problems"] == []
    assert clean.difference(snapshot(lab_host)) == []


def half_install(host: Host, name: str) -> None:
    """Leaves what pacman leaves when it is killed while it unpacks: the files, and an entry with nothing but the package's mtree."""
    (entry,) = host.path("/var/lib/pacman/local").glob(f"{name}-[0-9]*")
    for part in ("desc", "files"):
        (entry / part).unlink()
    assert [each.name for each in entry.iterdir()] == ["mtree"]


def test_a_guard_that_was_installed_by_half_is_installed_again(pacman: Inside, lab_host: Host) -> None:
    clean = snapshot(lab_host)
    first = pacman.block([APP], strong=[APP])
    half_install(lab_host, "appban-guard")
    assert gets_in(lab_host, NO_HOOKS)
    again = pacman.block([APP], strong=[APP], owned=first["owned"])
    assert (again["problems"], [each["kind"] for each in again["changes"]]) == ([], ["guard"])
    assert not gets_in(lab_host, NO_HOOKS)
    half_install(lab_host, "appban-guard")
    assert pacman.block([], owned=again["owned"])["problems"] == []
    assert clean.difference(snapshot(lab_host)) == ["gone /etc/opt"]


def test_the_files_of_a_package(pacman: Inside, lab_host: Host) -> None:
    lab_host.install("pacman", APP, "vlc-lab")
    app, menu = f"/opt/pacman/{APP}/app", f"/usr/share/applications/{APP}-pacman.desktop"
    everything = [f"/etc/opt/pacman/{APP}.conf", app, menu]
    assert pacman.files(APP) == everything
    # As --overwrite leaves it; pacman -Qo names the first owner only.
    (listing,) = lab_host.path("/var/lib/pacman/local").glob("vlc-lab-*/files")
    listing.write_text(listing.read_text().rstrip("\n") + f"\n{menu[1:]}\n\n")
    assert pacman.files(APP) == everything[:2]
    half_install(lab_host, APP)
    assert pacman.files(APP) == everything[:2]
    # pacman says that it removed it, and removes nothing.
    assert pacman.remove(APP)["problems"] == []
    assert lab_host.path(app).exists()


def test_a_file_that_is_mounted_stays_though_pacman_is_content(pacman: Inside, lab_host: Host) -> None:
    lab_host.install("pacman", APP)
    files = pacman.files(APP)
    held = lab_host.path(f"/opt/pacman/{APP}/app")
    mounts.mount(str(held), held, flags=mounts.MS_BIND)
    assert pacman.remove(APP)["problems"] == []
    assert [path for path in files if lab_host.path(path).exists()] == [f"/opt/pacman/{APP}/app"]
    mounts.detach(held)


def test_an_unchanged_host_is_not_asked_again(lab_host: Host, tmp_path: Path) -> None:
    """All is declared that the answers rest on: the next run finds the last look, and any change of an input ends it."""
    lab_host.keep_managers(["pacman"])
    inventory = write_inventory(tmp_path / "inventory.json", [lab_host])
    arguments = {"apps": [{"id": "tiktok", "identifiers": {"pacman": [APP]}}], "block": "strong"}
    looked = lab_host.path("/var/lib/appban/looked.json")

    def ban() -> list[str]:
        done = run_module("all", "appban.endpoint.host_app", inventory, arguments=arguments)
        (task,) = done.of(lab_host.name, "appban.endpoint.host_app")
        assert task.result["apps"]["tiktok"]["block_proof"] == "read"
        notes: list[str] = task.result["notes"]
        return notes

    ban()
    kept = json.loads(looked.read_text())
    kept["result"]["notes"] = ["from the last look"]
    looked.write_text(json.dumps(kept))
    assert ban() == ["from the last look"]
    lab_host.install("pacman", "vlc-lab")
    assert ban() == []
    kept = json.loads(looked.read_text())
    kept["result"]["notes"] = ["from the last look"]
    looked.write_text(json.dumps(kept))
    lab_host.run(["sh", "-euc", "touch /var/lib/pacman/sync/*"], check=True)
    assert ban() == []
