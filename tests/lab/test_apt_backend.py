# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The apt backend against real apt and dpkg: its whole life, every way back in, and the traps."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest

from tests.lab import mounts
from tests.lab.hosts import Host
from tests.lab.inside import Inside, holder
from tests.lab.packages import Package, build_package, index_debs, package_path
from tests.lab.snapshot import layer, snapshot, writes_since
from tests.support.cases import cases

APP = "tiktok-desktop"
PIN = "/etc/apt/preferences.d/appban"
FILE = package_path("deb", APP, "1.0")
INSTALL = ("apt-get", "-y", "-q", "install")

BY_NAME = [
    pytest.param((*INSTALL, APP), id="by-name"),
    pytest.param((*INSTALL, "--reinstall", APP), id="reinstall"),
    pytest.param((*INSTALL, "--ignore-hold", "--allow-downgrades", "--allow-change-held-packages", APP), id="flags"),
    pytest.param((*INSTALL, "media-suite"), id="dependency"),
    pytest.param((*INSTALL, "tiktok-rev"), id="provider"),
    pytest.param((*INSTALL, "--allow-remove-essential", APP), id="remove-essential"),
]
# What the pin lets through, and the guard does not.
PAST_THE_PIN = [
    pytest.param((*INSTALL, f"{APP}=2.0"), id="by-version"),
    pytest.param((*INSTALL, f"{APP}/lab"), id="by-release"),
    pytest.param((*INSTALL, FILE), id="by-file"),
    pytest.param(("dpkg", "-i", FILE), id="dpkg"),
    pytest.param((*INSTALL, "-o", "Dir::Etc::PreferencesParts=/srv/none", APP), id="other-preferences"),
]
PAST_THE_GUARD = [
    pytest.param(("dpkg", "--force-conflicts", "-i", FILE), id="force-conflicts"),
    pytest.param(("sh", "-c", f"dpkg --force-remove-protected -P appban-guard && dpkg -i {FILE}"), id="force-remove-protected"),
    pytest.param(
        ("sh", "-c", f"apt-get -y --allow-remove-essential purge appban-guard && apt-get -y install {APP}=1.0"), id="allow-remove-essential"
    ),
]


@pytest.fixture
def apt(lab_host: Host) -> Inside:
    """The backend on a fresh host."""
    return with_release(lab_host)


def with_release(host: Host) -> Inside:
    """The backend on a host whose repository gets a release name."""
    index = host.path("/srv/repo/deb/Packages").read_bytes()
    digest = hashlib.sha256(index).hexdigest()
    host.write("/srv/repo/deb/Release", f"Origin: Lab\nSuite: lab\nCodename: lab\nSHA256:\n {digest} {len(index)} Packages\n")
    host.run(["apt-get", "-q", "update"], check=True)
    return Inside(host, "apt.backend", "Apt")


@pytest.fixture(scope="module", params=[False, True], ids=["pin", "guard"])
def blocked(request: pytest.FixtureRequest, module_hosts: Callable[[], Host]) -> Host:
    """A host with the block, for commands that it stops: they leave the host as it is."""
    host = module_hosts()
    assert with_release(host).block([APP], strong=[APP] if request.param else [])["problems"] == []
    return host


def dpkg_list(host: Host) -> dict[str, str]:
    """Installed packages of dpkg and their versions, from its own list."""
    lines = host.run(["dpkg-query", "-W", "-f=${db:Status-Status} ${Package} ${Version}\\n"], check=True).stdout.splitlines()
    return {name: version for status, name, version in (line.split(" ") for line in lines) if status == "installed"}


def test_detects_both_versions_and_never_the_look_alike(apt: Inside, lab_host: Host) -> None:
    lab_host.install_file("deb", APP)
    lab_host.install_file("deb", "tiktok-desktop-docs")
    assert [(each["name"], each["version"], each["held"]) for each in apt.installed(APP, "vlc-lab")] == [(APP, "1.0", "")]
    lab_host.install("deb", f"{APP}=2.0")
    assert [each["version"] for each in apt.installed(APP)] == ["2.0"]
    assert apt.version() == dpkg_list(lab_host)["apt"]


def test_configuration_left_behind_is_no_finding(apt: Inside, lab_host: Host) -> None:
    lab_host.install_file("deb", APP)
    lab_host.run(["dpkg", "-r", APP], check=True)
    assert lab_host.path("/etc/opt/deb/tiktok-desktop.conf").exists()
    assert apt.installed(APP) == []
    assert apt.remove(APP)["changes"] == []


def test_the_life_of_a_ban(apt: Inside, lab_host: Host) -> None:
    lab_host.install("deb", f"{APP}=1.0")
    lab_host.install_file("deb", "vlc-lab")
    innocent = dpkg_list(lab_host)
    del innocent[APP]

    before = snapshot(lab_host)
    written = layer(lab_host)
    planned = apt.remove(APP, check=True)
    assert [(each["op"], each["kind"], each["name"]) for each in planned["changes"]] == [("delete", "package", "apt: tiktok-desktop 1.0")]
    assert apt.block([APP], strong=[APP], check=True)["changes"]
    assert before.difference(snapshot(lab_host)) == []
    # The snapshot itself asks rpm, which rewrites these.
    assert writes_since(lab_host, written, allow=["/var/lib/rpm/rpmdb.sqlite-*"]) == []

    removed = apt.remove(APP)
    assert removed["problems"] == []
    assert removed["changes"] == planned["changes"]
    assert apt.installed(APP) == []
    assert dpkg_list(lab_host) == innocent
    assert not lab_host.path("/etc/opt/deb/tiktok-desktop.conf").exists()

    clean = snapshot(lab_host)
    first = apt.block([APP], strong=[APP])
    assert first["problems"] == []
    assert [(each["op"], each["kind"]) for each in first["changes"]] == [("create", "file"), ("create", "guard")]
    assert [(each["mechanism"], each["strength"]) for each in first["blocks"]] == [("pin", "soft"), ("guard", "strong")]
    assert first["owned"]["providers"] == {"tiktok-rev": [APP]}

    written = layer(lab_host)
    second = apt.block([APP], strong=[APP], owned=first["owned"])
    assert (second["changes"], second["problems"], second["drift"], second["notes"], second["writes"]) == ([], [], [], [], 0)
    assert second["owned"] == first["owned"]
    assert second["blocks"] == first["blocks"]
    assert (second["proof"], second["overridden"], second["undeclared"]) == ("asked", {}, "")
    assert writes_since(lab_host, written) == []

    lifted = apt.block([], owned=second["owned"])
    assert (lifted["problems"], lifted["owned"], lifted["blocks"], lifted["unblocked"]) == ([], {}, [], [APP])
    assert lifted["drift"] == []
    assert clean.difference(snapshot(lab_host)) == []
    assert apt.block([], owned=lifted["owned"])["changes"] == []
    lab_host.install("deb", APP)
    assert APP in dpkg_list(lab_host)


@pytest.fixture
def pinned(apt: Inside) -> dict[str, object]:
    """The app blocked by the pin alone."""
    answer = apt.block([APP])
    assert answer["problems"] == []
    return answer


@pytest.mark.parametrize("blocked", [False], ids=["pin"], indirect=True)
@pytest.mark.parametrize("command", [each for each in BY_NAME if each.id != "provider"])
def test_the_pin_stops(blocked: Host, command: tuple[str, ...]) -> None:
    assert blocked.run(command).returncode != 0
    assert {APP, "tiktok-rev", "media-suite"}.isdisjoint(dpkg_list(blocked))


@cases("command", PAST_THE_PIN)
def test_the_pin_does_not_stop(pinned: dict[str, object], lab_host: Host, command: tuple[str, ...]) -> None:
    lab_host.run(command, check=True)
    assert APP in dpkg_list(lab_host)


@cases("names", [("media-alt",), ("--install-recommends", "media-rec")], ids=["alternative", "recommends"])
@pytest.mark.parametrize("strong", [False, True], ids=["pin", "guard"])
def test_who_can_do_without_the_app_still_installs(apt: Inside, lab_host: Host, names: tuple[str, ...], strong: bool) -> None:
    assert apt.block([APP], strong=[APP] if strong else [])["problems"] == []
    lab_host.run((*INSTALL, *names), check=True)
    assert names[-1] in dpkg_list(lab_host)
    assert {APP, "tiktok-rev"}.isdisjoint(dpkg_list(lab_host))


@pytest.mark.parametrize("blocked", [True], ids=["guard"], indirect=True)
@pytest.mark.parametrize("command", [*BY_NAME, *(each for each in PAST_THE_PIN if each.id != "dpkg")])
def test_the_guard_stops(blocked: Host, command: tuple[str, ...]) -> None:
    assert blocked.run(command).returncode != 0
    assert {APP, "tiktok-rev", "media-suite"}.isdisjoint(dpkg_list(blocked))
    assert "appban-guard" in dpkg_list(blocked)


# What dpkg refused it remembers as wanted, so each has a host of its own.
@pytest.mark.parametrize("command", [("dpkg", "-i", FILE), ("dpkg", "-B", "-i", FILE)], ids=["dpkg", "auto-deconfigure"])
def test_the_guard_stops_dpkg(apt: Inside, lab_host: Host, command: tuple[str, ...]) -> None:
    assert apt.block([APP], strong=[APP])["problems"] == []
    assert lab_host.run(command).returncode != 0
    assert {APP, "tiktok-rev", "media-suite"}.isdisjoint(dpkg_list(lab_host))
    assert "appban-guard" in dpkg_list(lab_host)


@cases("command", PAST_THE_GUARD)
def test_the_guard_does_not_stop(apt: Inside, lab_host: Host, command: tuple[str, ...]) -> None:
    apt.block([APP], strong=[APP])
    lab_host.run(command, check=True)
    assert APP in dpkg_list(lab_host)


@pytest.mark.parametrize(
    "command",
    [
        ("apt-get", "-y", "purge", "appban-guard"),
        ("apt-get", "-y", "autoremove", "--purge"),
        ("apt-get", "-y", "dist-upgrade"),
        ("dpkg", "-P", "appban-guard"),
    ],
    ids=lambda command: command[-2] + " " + command[-1],
)
def test_the_guard_survives(apt: Inside, lab_host: Host, command: tuple[str, ...]) -> None:
    apt.block([APP], strong=[APP])
    lab_host.run(command)
    assert "appban-guard" in dpkg_list(lab_host)


OLD_DPKG = """#!/bin/sh
/usr/bin/dpkg-query "$@" | sed 's/^dpkg\\tdpkg\\t[^\\t]*/dpkg\\tdpkg\\t1.19.7/'
"""


@pytest.fixture
def old_dpkg(lab_host: Host) -> None:
    """A dpkg that says it is older than the one that knows protected packages (Ubuntu 20.04 has 1.19.7)."""
    lab_host.write("/usr/local/sbin/dpkg-query", OLD_DPKG, 0o755)


@pytest.mark.usefixtures("old_dpkg")
def test_with_an_old_dpkg_a_hold_keeps_the_guard(apt: Inside, lab_host: Host) -> None:
    clean = snapshot(lab_host)
    first = apt.block([APP], strong=[APP])
    assert (first["problems"], first["owned"]["guard"]["hold"]) == ([], True)
    assert "Protected" not in lab_host.run(["dpkg-query", "-s", "appban-guard"]).stdout
    assert lab_host.run(["apt-mark", "showhold"]).stdout == "appban-guard\n"
    second = apt.block([APP], strong=[APP], owned=first["owned"])
    assert (second["changes"], second["drift"], second["writes"]) == ([], [], 0)
    grown = apt.block([APP, "vlc-lab"], strong=[APP, "vlc-lab"], owned=first["owned"])
    assert grown["problems"] == []
    assert lab_host.run(["apt-mark", "showhold"]).stdout == "appban-guard\n"
    lab_host.run(["apt-mark", "unhold", "appban-guard"], check=True)
    repaired = apt.block([APP], strong=[APP], owned=grown["owned"])
    assert repaired["drift"] == ["the hold on the guard package appban-guard was taken away"]
    for command in [each.values[0] for each in [*BY_NAME, *PAST_THE_PIN]]:
        assert lab_host.run(command).returncode != 0
    assert lab_host.run(["apt-get", "-y", "purge", "appban-guard"]).returncode != 0
    lab_host.run(["apt-get", "-y", "--allow-change-held-packages", "purge", "appban-guard"], check=True)
    repaired = apt.block([APP], strong=[APP], owned=repaired["owned"])
    lab_host.run(["dpkg", "-P", "appban-guard"], check=True)
    repaired = apt.block([APP], strong=[APP], owned=repaired["owned"])
    assert apt.block([], owned=repaired["owned"])["problems"] == []
    assert clean.difference(snapshot(lab_host)) == []
    assert lab_host.run(["apt-mark", "showhold"]).stdout == ""


@pytest.mark.usefixtures("old_dpkg")
def test_a_newer_dpkg_gets_the_protected_guard(apt: Inside, lab_host: Host) -> None:
    owned = apt.block([APP], strong=[APP])["owned"]
    lab_host.path("/usr/local/sbin/dpkg-query").unlink()
    newer = apt.block([APP], strong=[APP], owned=owned)
    assert (newer["problems"], newer["drift"]) == ([], [])
    assert lab_host.run(["apt-mark", "showhold"]).stdout == ""
    assert lab_host.run(["dpkg", "-P", "appban-guard"]).returncode != 0


def test_growing_shrinking_and_soft_again(apt: Inside, lab_host: Host) -> None:
    first = apt.block([APP], strong=[APP])
    grown = apt.block([APP, "vlc-lab"], strong=[APP, "vlc-lab"], owned=first["owned"])
    assert grown["problems"] == []
    assert [(each["op"], each["kind"]) for each in grown["changes"]] == [("update", "file"), ("update", "guard")]
    assert lab_host.run(["dpkg", "-i", package_path("deb", "vlc-lab")]).returncode != 0
    shrunk = apt.block(["vlc-lab"], strong=["vlc-lab"], owned=grown["owned"])
    assert (shrunk["problems"], shrunk["unblocked"], shrunk["owned"]["providers"]) == ([], [APP], {})
    assert lab_host.run(["dpkg", "-i", package_path("deb", "vlc-lab")]).returncode != 0
    lab_host.run((*INSTALL, APP), check=True)
    soft = apt.block(["vlc-lab"], owned=shrunk["owned"])
    assert [(each["op"], each["kind"]) for each in soft["changes"] if each["kind"] != "selection"] == [("delete", "guard")]
    assert "appban-guard" not in dpkg_list(lab_host)
    assert "guard" not in soft["owned"]


@cases(
    ("trap", "held"),
    [
        (["apt-mark", "hold", APP], "hold"),
        (["sh", "-c", f"printf 'Package: {APP}\\nPin: release *\\nPin-Priority: -1\\n' > /etc/apt/preferences.d/own"], ""),
        # A refused removal leaves the mark "purge" on the installed app.
        (["sh", "-c", f"dpkg -i {package_path('deb', 'media-suite')}; dpkg -P {APP}; dpkg -P media-suite"], ""),
    ],
    ids=["held", "pinned", "marked"],
)
def test_what_is_in_the_way_hides_nothing(apt: Inside, lab_host: Host, trap: list[str], held: str) -> None:
    lab_host.install_file("deb", APP)
    lab_host.run(trap, check=True)
    assert [each["held"] for each in apt.installed(APP)] == [held]
    assert apt.remove(APP)["problems"] == []
    assert APP not in dpkg_list(lab_host)


def test_removes_in_spite_of_its_own_block(apt: Inside, lab_host: Host) -> None:
    owned = apt.block([APP], strong=[APP])["owned"]
    lab_host.run(["dpkg", "--force-conflicts", "-i", FILE], check=True)
    answer = apt.block([APP], strong=[APP], owned=owned, check=True)
    assert [each["kind"] for each in answer["changes"]] == ([] if "appban-guard" in dpkg_list(lab_host) else ["guard"])
    assert apt.remove(APP)["problems"] == []
    assert apt.block([APP], strong=[APP], owned=owned)["problems"] == []
    assert APP not in dpkg_list(lab_host)
    assert "appban-guard" in dpkg_list(lab_host)


def test_dependents_are_refused_or_go_along_but_nothing_more(apt: Inside, lab_host: Host) -> None:
    lab_host.install("deb", APP, "media-suite", "media-rec")
    deeper = build_package(lab_host.root, "deb", Package("studio", depends=("media-suite",)), "/srv/extra")
    lab_host.run(["dpkg", "-i", deeper], check=True)
    everything = dpkg_list(lab_host)
    before = snapshot(lab_host)
    refused = apt.remove(APP)
    assert [(each["reason"], each["names"]) for each in refused["refusals"]] == [("dependents", [APP])]
    assert refused["refusals"][0]["plan"] == ["remove media-suite 1.0", "remove studio 1.0", "remove tiktok-desktop 2.0"]
    assert sorted(refused["dependents"]) == ["media-suite", "studio"]
    assert (refused["changes"], refused["writes"]) == ([], 0)
    assert before.difference(snapshot(lab_host)) == []
    done = apt.remove(APP, allow_dependents=True)
    assert (done["problems"], done["refusals"]) == ([], [])
    assert {name: version for name, version in everything.items() if name not in {APP, "media-suite", "studio"}} == dpkg_list(lab_host)


@pytest.mark.fault_kind("H13", "force-depends in dpkg.cfg took a package from under those that need it")
@cases("word", ["force-depends", "force-all"])
@pytest.mark.parametrize("needed", [{}, {"protected": True}], ids=["dependent", "protected-dependent"])
def test_dpkgs_configuration_switches_no_rail_off(apt: Inside, lab_host: Host, word: str, needed: dict[str, bool]) -> None:
    lab_host.install("deb", APP)
    agent = build_package(lab_host.root, "deb", Package("agent2", depends=(APP,), **needed), "/srv/extra")
    lab_host.run(["dpkg", "-i", agent], check=True)
    lab_host.write("/etc/dpkg/dpkg.cfg.d/site", f"{word}\n")
    everything = dpkg_list(lab_host)
    refused = apt.remove(APP)
    assert [each["reason"] for each in refused["refusals"]] == ["protected" if needed else "dependents"]
    assert refused["dependents"] == ["agent2"]
    assert (refused["changes"], refused["writes"]) == ([], 0)
    assert dpkg_list(lab_host) == everything


@cases("word", ["force-depends", ""], ids=["force-depends", "as-usual"])
def test_a_dependent_that_comes_after_the_plan_stops_all_of_it(apt: Inside, lab_host: Host, word: str) -> None:
    lab_host.install("deb", APP, "media-suite")
    lab_host.write("/etc/dpkg/dpkg.cfg.d/site", f"{word}\n")
    late = build_package(lab_host.root, "deb", Package("studio", depends=("media-suite",)), "/srv/extra")
    everything = dpkg_list(lab_host)
    answer = apt.remove(APP, allow_dependents=True, between=["dpkg", "-i", late])
    assert "a command failed" in answer["problems"][0]
    # dpkg by itself would have removed what it could.
    assert dpkg_list(lab_host) == {**everything, "studio": "1.0"}
    assert lab_host.run(["dpkg-query", "-W", "-f=${db:Status-Abbrev}", APP]).stdout == "ii "


def test_no_replacement_is_installed(apt: Inside, lab_host: Host) -> None:
    lab_host.install("deb", APP, "media-alt")
    lab_host.run(["dpkg", "-P", "vlc-lab"])
    assert apt.remove(APP)["refusals"][0]["reason"] == "dependents"
    lab_host.install("deb", "vlc-lab")
    assert apt.remove(APP)["problems"] == []
    assert {"media-alt", "vlc-lab"} <= set(dpkg_list(lab_host))
    assert "tiktok-rev" not in dpkg_list(lab_host)


@cases(("name", "reason"), [("lab-agent", "essential"), ("appban-guard", "protected"), ("dpkg", "essential")], quick=2)
def test_protected_packages_are_refused(apt: Inside, lab_host: Host, name: str, reason: str) -> None:
    apt.block([APP], strong=[APP])
    lab_host.install_file("deb", "lab-agent")
    assert [each["protected"] for each in apt.installed(name)] == [reason]
    refused = apt.remove(name, allow_dependents=True)
    assert [each["reason"] for each in refused["refusals"]] == ["protected"]
    assert refused["writes"] == 0


def test_a_protected_dependent_is_refused(apt: Inside, lab_host: Host) -> None:
    lab_host.install_file("deb", APP)
    agent = build_package(lab_host.root, "deb", Package("agent2", depends=(APP,), essential=True), "/srv/extra")
    lab_host.run(["dpkg", "-i", agent], check=True)
    assert [each["reason"] for each in apt.remove(APP, allow_dependents=True)["refusals"]] == ["protected"]
    assert APP in dpkg_list(lab_host)


def test_a_lock_is_waited_for_and_left_alone(apt: Inside, lab_host: Host) -> None:
    lab_host.install_file("deb", APP)
    hold = (
        "import fcntl,sys;f=open('/var/lib/dpkg/lock-frontend','r+');fcntl.lockf(f,fcntl.LOCK_EX);print('held',flush=True);sys.stdin.read()"
    )
    with holder(lab_host, hold):
        refused = apt.remove(APP, lock_timeout=0)
        assert "still uses the package manager" in refused["problems"][0]
        assert APP in dpkg_list(lab_host)
    assert apt.remove(APP, lock_timeout=0)["problems"] == []


@pytest.mark.fault_kind("H9", "a dpkg that outlived its run made the next one fail")
def test_the_database_lock_of_a_dpkg_that_outlived_its_caller_is_waited_for(apt: Inside, lab_host: Host) -> None:
    # A run that was killed leaves its dpkg at work: its frontend lock went with the run, and dpkg's own lock is still there.
    lab_host.install_file("deb", APP)
    hold = "import fcntl,sys;f=open('/var/lib/dpkg/lock','r+');fcntl.lockf(f,fcntl.LOCK_EX);print('held',flush=True);sys.stdin.read()"
    with holder(lab_host, hold):
        refused = apt.remove(APP, lock_timeout=0)
        assert "still uses the package manager" in refused["problems"][0]
        assert APP in dpkg_list(lab_host)
    assert apt.remove(APP, lock_timeout=0)["problems"] == []


def test_while_dpkg_runs_apt_is_kept_out(apt: Inside, lab_host: Host) -> None:
    slow = build_package(lab_host.root, "deb", Package("slow"), "/srv/extra")
    lab_host.run(["dpkg", "-i", slow], check=True)
    script = "#!/bin/sh\napt-get -y install vlc-lab > /tmp/apt.out 2>&1\ntrue\n"
    lab_host.write("/var/lib/dpkg/info/slow.prerm", script, 0o755)
    assert apt.remove("slow")["problems"] == []
    assert "Could not get lock /var/lib/dpkg/lock-frontend" in lab_host.path("/tmp/apt.out").read_text()


def test_a_failing_script_is_told_and_the_next_run_goes_on(apt: Inside, lab_host: Host) -> None:
    lab_host.install_file("deb", APP)
    script = lab_host.path("/var/lib/dpkg/info/tiktok-desktop.prerm")
    script.write_text("#!/bin/sh\nexit 1\n")
    script.chmod(0o755)
    assert "a command failed" in apt.remove(APP)["problems"][0]
    assert [each["name"] for each in apt.installed(APP)] == [APP]
    owned = apt.block([APP], present=[APP])["owned"]
    lifted = apt.block([], owned=owned)
    assert [(each["before"], each["after"]) for each in lifted["changes"] if each["kind"] == "selection"] == [
        (f"{APP} purge\n", f"{APP} install\n")
    ]
    assert lab_host.run(["dpkg-query", "-W", "-f=${db:Status-Abbrev}", APP]).stdout == "ii "
    script.unlink()
    assert apt.remove(APP)["problems"] == []


def test_a_removal_that_fails_halfway_is_told_and_finished_later(apt: Inside, lab_host: Host) -> None:
    """dpkg takes what it can, then fails: the app is half there, still found, and gone with the first run that nothing hinders."""
    lab_host.install_file("deb", APP)
    program = lab_host.path(f"/opt/deb/{APP}/app")
    mounts.mount(str(program), program, flags=mounts.MS_BIND)
    for _run in range(2):
        answer = apt.remove(APP)
        assert "Device or resource busy" in answer["problems"][0]
        assert [each["name"] for each in apt.installed(APP)] == [APP]
        assert f"/opt/deb/{APP}/app" in apt.files(APP)
    mounts.detach(program)
    assert apt.remove(APP)["problems"] == []
    assert apt.installed(APP) == []
    assert not program.exists()


@cases("odd", ["mkdir /etc/apt/apt.conf.d/odd", "ln -s /srv /etc/apt/apt.conf.d/odd", "mkdir /etc/apt/preferences.d/00odd"])
def test_what_apt_skips_ends_no_run(apt: Inside, lab_host: Host, odd: str) -> None:
    owned = apt.block([APP])["owned"]
    lab_host.run(["sh", "-c", odd], check=True)
    lab_host.write(ADMIN, STANZA.format(APP, "release *", 990))
    answer = apt.block([APP], owned=owned)
    assert (answer["proof"], list(answer["overridden"])) == ("asked", [APP])
    assert ADMIN in answer["overridden"][APP]


def test_lift_forgets_a_refused_installation(apt: Inside, lab_host: Host) -> None:
    clean = snapshot(lab_host)
    owned = apt.block([APP], strong=[APP])["owned"]
    assert lab_host.run(["dpkg", "-i", FILE]).returncode != 0
    assert apt.block([], owned=owned)["problems"] == []
    assert clean.difference(snapshot(lab_host)) == []
    assert lab_host.run(["apt-get", "-y", "dselect-upgrade"]).returncode == 0
    assert APP not in dpkg_list(lab_host)


@cases("hand", ["delete", "guard", "edit", "link"], quick=2)
def test_drift_is_named_and_repaired(apt: Inside, lab_host: Host, hand: str) -> None:
    first = apt.block([APP], strong=[APP])
    good = snapshot(lab_host)
    command = {
        "delete": ["rm", PIN],
        "edit": ["sh", "-c", f"echo >> {PIN}"],
        "link": ["ln", "-sf", "/dev/null", PIN],
        "guard": ["dpkg", "--force-remove-protected", "-P", "appban-guard"],
    }[hand]
    lab_host.run(command, check=True)
    repaired = apt.block([APP], strong=[APP], owned=first["owned"])
    assert len(repaired["drift"]) == 1
    assert repaired["problems"] == []
    assert good.difference(snapshot(lab_host)) == []
    assert lab_host.path("/dev/null").is_char_device()
    assert apt.block([APP], strong=[APP], owned=repaired["owned"])["drift"] == []


def test_lift_without_a_ledger_still_knows_what_is_ours(apt: Inside, lab_host: Host) -> None:
    clean = snapshot(lab_host)
    apt.block([APP], strong=[APP])
    lifted = apt.block([])
    assert (lifted["problems"], lifted["unblocked"]) == ([], sorted([APP, "tiktok-rev"]))
    assert clean.difference(snapshot(lab_host)) == []


def test_somebody_elses_file_in_our_place_stays(apt: Inside, lab_host: Host) -> None:
    lab_host.write(PIN, "Package: vlc-lab\nPin: release *\nPin-Priority: 10\n")
    before = snapshot(lab_host)
    answer = apt.block([APP])
    assert list(answer["unsupported"]) == [APP]
    assert (answer["changes"], answer["blocks"], answer["owned"].get("pin")) == ([], [], {})
    assert apt.block([], owned=answer["owned"])["changes"] == []
    assert before.difference(snapshot(lab_host)) == []


STANZA = "Package: {0}\nPin: {1}\nPin-Priority: {2}\n"
ADMIN = "/etc/apt/preferences.d/00-admin"
OTHER_PARTS = 'Dir::Etc::PreferencesParts "/etc/apt/other";\n'
# Path and content of what an administrator makes, and what a person is told of it.
OVERRIDES = [
    pytest.param(ADMIN, STANZA.format(APP, "release *", 990), ADMIN, id="earlier-file"),
    pytest.param("/etc/apt/apt.conf.d/99-other", OTHER_PARTS, "Dir::Etc::PreferencesParts", id="other-directory"),
    pytest.param("/etc/apt/preferences", STANZA.format(APP, "release *", 1001), "/etc/apt/preferences gives", id="first-file"),
    pytest.param(ADMIN, STANZA.format(APP, "version 1.0", 1001), ADMIN, id="version"),
    pytest.param(ADMIN, STANZA.format("/^tik/", "release *", 500), ADMIN, id="pattern"),
    pytest.param(ADMIN, STANZA.format("tiktok-*:any", "release *", 500), ADMIN, id="glob"),
]
# What leaves the block as it is.
NO_OVERRIDES = [
    pytest.param("/etc/apt/preferences.d/zz-admin", STANZA.format(APP, "release *", 990), id="later-file"),
    pytest.param("/etc/apt/preferences.d/00-admin.conf", STANZA.format(APP, "release *", 990), id="file-that-apt-skips"),
    pytest.param(ADMIN, STANZA.format("*", "release *", 990), id="everything"),
    pytest.param(ADMIN, STANZA.format(APP, "release a=none", 990), id="release-that-is-not-there"),
    pytest.param("/etc/apt/apt.conf.d/99-release", 'APT::Default-Release "lab";\n', id="default-release"),
]


@cases(("path", "content", "told"), OVERRIDES, quick=2)
def test_what_overrides_the_pin_is_told_with_what_can_be_done(apt: Inside, lab_host: Host, path: str, content: str, told: str) -> None:
    first = apt.block([APP])
    assert (first["problems"], first["proof"]) == ([], "")
    lab_host.path("/etc/apt/other").mkdir()
    held = apt.block([APP], owned=first["owned"])
    assert (held["proof"], held["undeclared"], apt.is_unchanged(held)) == ("asked", "", True)
    lab_host.write(path, content)
    assert not apt.is_unchanged(held)
    written = layer(lab_host)
    answer = apt.block([APP], owned=first["owned"])
    assert (answer["changes"], answer["proof"], list(answer["overridden"])) == ([], "asked", [APP])
    assert APP not in [name for block in answer["blocks"] for name in block["names"]]
    assert told in answer["overridden"][APP]
    assert answer["drift"] == [answer["overridden"][APP]]
    assert (answer["owned"], answer["undeclared"], writes_since(lab_host, written)) == (first["owned"], "", [])
    lab_host.run((*INSTALL, APP), check=True)
    lab_host.run(["dpkg", "-P", APP], check=True)
    # Without it the block holds as before.
    lab_host.path(path).unlink()
    again = apt.block([APP], owned=first["owned"])
    assert (again["changes"], again["drift"], again["overridden"], again["proof"]) == ([], [], {}, "asked")


@cases(("path", "content"), NO_OVERRIDES, quick=2)
def test_what_does_not_override_the_pin_is_no_drift(apt: Inside, lab_host: Host, path: str, content: str) -> None:
    owned = apt.block([APP])["owned"]
    lab_host.write(path, content)
    answer = apt.block([APP], owned=owned)
    assert (answer["changes"], answer["drift"], answer["overridden"], answer["proof"]) == ([], [], {}, "asked")
    assert lab_host.run((*INSTALL, APP)).returncode != 0


@cases("path", [ADMIN, "/etc/apt/preferences"])
def test_a_pin_that_was_there_before_the_ban_is_no_failure(apt: Inside, lab_host: Host, path: str) -> None:
    lab_host.write(path, STANZA.format(APP, "release *", 1001))
    first = apt.block([APP])
    assert first["problems"] == []
    assert list(apt.block([APP], owned=first["owned"])["overridden"]) == [APP]


@pytest.mark.parametrize("name", [APP, "tiktok-rev"])
def test_the_guard_holds_where_the_pin_is_overridden(apt: Inside, lab_host: Host, name: str) -> None:
    owned = apt.block([APP], strong=[APP])["owned"]
    lab_host.write(ADMIN, STANZA.format(name, "release *", 990))
    answer = apt.block([APP], strong=[APP], owned=owned)
    assert (answer["changes"], answer["overridden"], answer["proof"]) == ([], {}, "asked")
    assert [(each["mechanism"], each["names"]) for each in answer["blocks"]][-1] == ("guard", [APP])
    assert len(answer["drift"]) == 1
    assert "only the guard package keeps" in answer["drift"][0]
    assert lab_host.run((*INSTALL, name)).returncode != 0


@pytest.mark.usefixtures("old_dpkg")
def test_a_held_guard_holds_where_the_pin_is_overridden(apt: Inside, lab_host: Host) -> None:
    owned = apt.block([APP], strong=[APP])["owned"]
    lab_host.write(ADMIN, STANZA.format(APP, "release *", 990))
    answer = apt.block([APP], strong=[APP], owned=owned)
    assert (answer["changes"], answer["overridden"], len(answer["drift"])) == ([], {}, 1)
    assert lab_host.run((*INSTALL, APP)).returncode != 0


def test_a_provider_that_is_let_in_opens_the_name(apt: Inside, lab_host: Host) -> None:
    owned = apt.block([APP])["owned"]
    lab_host.write(ADMIN, STANZA.format("tiktok-rev", "release *", 990))
    answer = apt.block([APP], owned=owned)
    assert list(answer["overridden"]) == [APP]
    assert "tiktok-rev" in answer["overridden"][APP]
    assert answer["blocks"] == []


def selection(host: Host) -> str:
    """What dpkg was told to do with the app."""
    return host.run(["dpkg", "--get-selections", APP], check=True).stdout.split()[1]


def offer(host: Host, *packages: Package) -> None:
    """Has one more repository of the host offer these, without telling apt."""
    for each in packages:
        build_package(host.root, "deb", each, "/srv/new")
    index_debs(host.root, "/srv/new")


def test_a_provider_that_comes_later_is_blocked_at_once(apt: Inside, lab_host: Host) -> None:
    """A list of a local repository is a link to the repository's own file: no `apt-get update` tells of the change."""
    lab_host.path("/srv/new").mkdir()
    lab_host.path("/srv/new/Packages").touch()
    lab_host.write("/etc/apt/sources.list.d/new.list", "deb [trusted=yes] file:/srv/new ./\n")
    lab_host.run(["apt-get", "-qq", "update"], check=True)
    assert [each for each in lab_host.path("/var/lib/apt/lists").iterdir() if each.is_symlink()]
    first = apt.block([APP])
    held = apt.block([APP], owned=first["owned"])
    assert (held["proof"], held["undeclared"], apt.is_unchanged(held)) == ("asked", "", True)
    offer(lab_host, Package("tiktok-new", provides=(APP,)))
    assert not apt.is_unchanged(held)
    lab_host.run(["apt-get", "-s", "install", APP], check=True)
    seen = apt.block([APP], owned=first["owned"], check=True)
    assert seen["drift"] == [f"tiktok-new offers itself under the blocked name {APP} and was not blocked"]
    repaired = apt.block([APP], owned=first["owned"])
    assert (repaired["problems"], sorted(repaired["owned"]["providers"])) == ([], ["tiktok-new", "tiktok-rev"])
    again = apt.block([APP], owned=repaired["owned"])
    assert (again["changes"], again["drift"], again["notes"], again["proof"]) == ([], [], [], "asked")
    assert lab_host.run(["apt-get", "-s", "install", APP]).returncode != 0


HAPPENS = [
    pytest.param(["apt-get", "-qq", "update"], id="update"),
    pytest.param(["dpkg", "-i", package_path("deb", "vlc-lab")], id="installation"),
    pytest.param(["dpkg", "--add-architecture", "riscv64"], id="architecture"),
    pytest.param(["sh", "-c", "echo 'Dir::Etc::SourceParts \"/srv/sources\";' > /etc/apt/apt.conf"], id="configuration"),
    pytest.param(["sh", "-c", "touch /etc/apt/sources.list.d/more.list"], id="sources"),
    pytest.param(["sh", "-c", "echo > /srv/preferences/own"], id="linked-directory"),
]


@cases("command", HAPPENS, quick=2)
def test_an_answer_rests_on_all_that_decides_it(apt: Inside, lab_host: Host, command: list[str]) -> None:
    lab_host.path("/srv/preferences").mkdir()
    lab_host.run(["sh", "-c", "rmdir /etc/apt/preferences.d && ln -s /srv/preferences /etc/apt/preferences.d"], check=True)
    owned = apt.block([APP])["owned"]
    held = apt.block([APP], owned=owned)
    # A question leaves no trace that would make it be asked again.
    assert (held["proof"], held["undeclared"], apt.is_unchanged(held)) == ("asked", "", True)
    lab_host.run(command, check=True)
    assert not apt.is_unchanged(held)


def test_a_list_in_a_persons_directory_is_asked_about_every_time(apt: Inside, lab_host: Host) -> None:
    lab_host.run(["install", "-d", "-o", "jana", "/srv/janas"], check=True)
    lab_host.path("/srv/janas/Packages").touch()
    lab_host.write("/etc/apt/sources.list.d/janas.list", "deb [trusted=yes] file:/srv/janas ./\n")
    lab_host.run(["apt-get", "-qq", "update"], check=True)
    owned = apt.block([APP])["owned"]
    held = apt.block([APP], owned=owned)
    assert (held["proof"], held["changes"]) == ("asked", [])
    assert held["undeclared"] != ""


def test_providers_that_were_not_to_be_blocked_are_no_drift_later(apt: Inside) -> None:
    first = apt.block([APP], providers=False)
    assert list(first["owned"]["providers"]) == []
    later = apt.block([APP], owned=first["owned"])
    assert (later["drift"], list(later["owned"]["providers"])) == ([], ["tiktok-rev"])


def test_an_app_whose_dependencies_are_missing_is_not_called_blocked(apt: Inside, lab_host: Host) -> None:
    offer(lab_host, Package("odd", depends=("nowhere",)))
    lab_host.write("/etc/apt/sources.list.d/new.list", "deb [trusted=yes] file:/srv/new ./\n")
    lab_host.run(["apt-get", "-qq", "update"], check=True)
    owned = apt.block(["odd"])["owned"]
    assert apt.block(["odd"], owned=owned)["overridden"] == {}
    lab_host.write(ADMIN, STANZA.format("odd", "release *", 990))
    assert lab_host.run(["apt-get", "-s", "install", "odd"]).returncode != 0
    assert "as soon as what it depends on is there" in apt.block(["odd"], owned=owned)["overridden"]["odd"]


@cases("name", [f"{APP}-", "nosuch.any", "g++", "nosuch+", "nosuch-", "tiktok.desktop"], quick=2)
def test_no_name_is_taken_for_a_pattern_or_for_a_removal(apt: Inside, lab_host: Host, name: str) -> None:
    lab_host.install("deb", APP)
    lab_host.run(["dpkg", "-P", APP], check=True)
    present = [name] if apt.installed(name) else []
    owned = apt.block([name], present=present)["owned"]
    answer = apt.block([name], present=present, owned=owned)
    assert (answer["changes"], answer["overridden"], answer["drift"]) == ([], {}, [])
    assert answer["proof"] == ("read" if present else "asked")


@cases("path", ["/etc/apt/sources.list.d/odd.list", "/etc/apt/preferences.d/odd", "/etc/apt/apt.conf.d/odd"])
def test_where_apt_can_not_answer_its_preferences_are_read(apt: Inside, lab_host: Host, path: str) -> None:
    owned = apt.block([APP])["owned"]
    lab_host.write(path, "this is nothing that apt can read\n")
    answer = apt.block([APP], owned=owned)
    assert (answer["changes"], answer["overridden"], answer["proof"]) == ([], {}, "read")
    assert any("apt could not say whether the block holds" in note for note in answer["notes"])
    assert answer["undeclared"] != ""
    lab_host.write(ADMIN, STANZA.format(APP, "release *", 990))
    assert list(apt.block([APP], owned=owned)["overridden"]) == [APP]


def test_a_lock_of_others_keeps_nobody_from_asking(apt: Inside, lab_host: Host) -> None:
    owned = apt.block([APP])["owned"]
    paths = ["/var/lib/dpkg/lock-frontend", "/var/lib/dpkg/lock", "/var/cache/apt/archives/lock", "/var/lib/apt/lists/lock"]
    hold = f"import fcntl,sys;f=[open(path,'a+') for path in {paths}];[fcntl.lockf(each,fcntl.LOCK_EX) for each in f]"
    with holder(lab_host, f"{hold};print('held',flush=True);sys.stdin.read()"):
        assert apt.block([APP], owned=owned)["proof"] == "asked"


def test_other_architectures_are_asked_about(apt: Inside, lab_host: Host) -> None:
    """A pin of an administrator for one architecture lets the app of that one in."""
    native = lab_host.run(["dpkg", "--print-architecture"], check=True).stdout.strip()
    foreign = "i386" if native != "i386" else "amd64"
    lab_host.run(["dpkg", "--add-architecture", foreign], check=True)
    control = f"Package: duo\\nVersion: 1.0\\nArchitecture: {foreign}\\nMaintainer: L <l@localhost>\\nDescription: x\\n"
    build = f"mkdir -p /srv/repo/deb /tmp/x/DEBIAN && printf '{control}' > /tmp/x/DEBIAN/control"
    lab_host.run(["sh", "-c", f"{build} && dpkg-deb -b /tmp/x /srv/repo/deb/duo_{foreign}.deb"], check=True)
    lab_host.path("/srv/repo/deb/Release").unlink()
    index_debs(lab_host.root, "/srv/repo/deb")
    lab_host.run(["apt-get", "-q", "update"], check=True)
    owned = apt.block(["duo"])["owned"]
    held = apt.block(["duo"], owned=owned)
    assert (held["overridden"], held["proof"]) == ({}, "asked")
    lab_host.write(ADMIN, STANZA.format(f"duo:{foreign}", "release *", 990))
    assert list(apt.block(["duo"], owned=owned)["overridden"]) == ["duo"]


def test_an_administrators_hold_outlives_ban_and_lift(apt: Inside, lab_host: Host) -> None:
    lab_host.run(["apt-mark", "hold", APP], check=True)
    before = selection(lab_host)
    assert before == "hold"
    first = apt.block([APP], strong=[APP])
    assert first["owned"]["selections"] == {APP: "hold"}
    # A refused installation makes it "install".
    assert lab_host.run(["dpkg", "-i", FILE]).returncode != 0
    assert selection(lab_host) == "install"
    second = apt.block([APP], strong=[APP], owned=first["owned"])
    assert (second["changes"], second["owned"]) == ([], first["owned"])
    assert apt.block([], owned=second["owned"])["problems"] == []
    assert selection(lab_host) == before


def test_a_hold_of_an_administrator_stays_without_a_ledger(apt: Inside, lab_host: Host) -> None:
    lab_host.run(["apt-mark", "hold", APP], check=True)
    before = selection(lab_host)
    apt.block([APP])
    taken_over = apt.block([APP])
    assert (taken_over["changes"], taken_over["drift"], taken_over["owned"]["selections"]) == ([], [], {APP: "hold"})
    assert apt.block([])["problems"] == []
    assert selection(lab_host) == before


def test_the_files_of_a_package_are_where_diversions_put_them_and_its_own(apt: Inside, lab_host: Host) -> None:
    lab_host.install_file("deb", APP)
    assert apt.files(APP) == [f"/etc/opt/deb/{APP}.conf", f"/opt/deb/{APP}/app", f"/usr/share/applications/{APP}-deb.desktop"]
    lab_host.run(["dpkg-divert", "--local", "--rename", "--add", f"/opt/deb/{APP}/app"], check=True)
    lab_host.run(
        ["dpkg-divert", "--package", "vlc-lab", "--rename", "--divert", "/etc/other", "--add", f"/etc/opt/deb/{APP}.conf"], check=True
    )
    assert apt.files(APP) == ["/etc/other", f"/opt/deb/{APP}/app.distrib", f"/usr/share/applications/{APP}-deb.desktop"]
    # Another package has the launcher, too.
    list_of_other = lab_host.path("/var/lib/dpkg/info/vlc-lab.list")
    lab_host.install_file("deb", "vlc-lab")
    list_of_other.write_text(list_of_other.read_text() + f"/usr/share/applications/{APP}-deb.desktop\n")
    assert apt.files(APP) == ["/etc/other", f"/opt/deb/{APP}/app.distrib"]
    assert apt.files("nothing") == []


def test_a_present_app_is_pinned_only(apt: Inside, lab_host: Host) -> None:
    lab_host.install("deb", f"{APP}=1.0")
    answer = apt.block([APP], strong=[APP], present=[APP])
    assert answer["problems"] == []
    assert [each["mechanism"] for each in answer["blocks"]] == ["pin"]
    assert any("no guard against tiktok-desktop" in note for note in answer["notes"])
    lab_host.run(["apt-get", "-y", "dist-upgrade"], check=True)
    assert dpkg_list(lab_host)[APP] == "1.0"


def test_an_installed_provider_is_left_alone(apt: Inside, lab_host: Host) -> None:
    lab_host.install_file("deb", "tiktok-rev")
    answer = apt.block([APP], strong=[APP])
    assert answer["problems"] == []
    assert answer["owned"]["providers"] == {}
    assert [each["mechanism"] for each in answer["blocks"]] == ["pin"]
    assert any("the installed tiktok-rev provides it" in note for note in answer["notes"])
    assert apt.block([APP], strong=[APP], owned=answer["owned"])["changes"] == []
    assert "tiktok-rev" in dpkg_list(lab_host)


def test_every_architecture_goes_and_is_blocked(apt: Inside, lab_host: Host) -> None:
    native = lab_host.run(["dpkg", "--print-architecture"], check=True).stdout.strip()
    foreign = "i386" if native != "i386" else "amd64"
    lab_host.run(["dpkg", "--add-architecture", foreign], check=True)
    control = "Package: duo\\nVersion: 1.0\\nArchitecture: %s\\nMulti-Arch: same\\nMaintainer: L <l@localhost>\\nDescription: x\\n"
    for arch in (native, foreign):
        build = f"mkdir -p /srv/repo/deb /tmp/{arch}/DEBIAN && printf '{control % arch}' > /tmp/{arch}/DEBIAN/control"
        lab_host.run(["sh", "-c", f"{build} && dpkg-deb -b /tmp/{arch} /srv/repo/deb/duo_{arch}.deb"], check=True)
    lab_host.path("/srv/repo/deb/Release").unlink()
    index_debs(lab_host.root, "/srv/repo/deb")
    lab_host.run(["apt-get", "-q", "update"], check=True)
    lab_host.run((*INSTALL, f"duo:{native}", f"duo:{foreign}"), check=True)
    assert [(each["name"], each["version"]) for each in apt.installed("duo")] == [("duo", "1.0")]
    gone = apt.remove("duo")
    assert gone["problems"] == []
    assert gone["changes"][0]["before"] == "".join(f"duo:{arch} 1.0\n" for arch in sorted([native, foreign]))
    assert "duo" not in dpkg_list(lab_host)
    assert lab_host.path("/var/lib/dpkg/arch").read_text().split() == [native, foreign]

    soft = apt.block(["duo"])
    assert soft["problems"] == []
    for arch in (native, foreign):
        assert lab_host.run((*INSTALL, f"duo:{arch}")).returncode != 0
    assert apt.block(["duo"], strong=["duo"], owned=soft["owned"])["problems"] == []
    for arch in (native, foreign):
        assert lab_host.run(["dpkg", "-i", f"/srv/repo/deb/duo_{arch}.deb"]).returncode != 0
    assert "duo" not in dpkg_list(lab_host)


@pytest.mark.fault_kind("H5", "once looked, never again")
@cases(
    "files",
    [
        {"/etc/dpkg/dpkg.cfg.d/site": "force-conflicts\n"},
        {"/etc/dpkg/dpkg.cfg.d/a": "force-all\n", "/etc/dpkg/dpkg.cfg": "no-force-all\nforce-conflicts\n"},
        {"/etc/dpkg/dpkg.cfg.d/a": "force-all\n", "/etc/dpkg/dpkg.cfg": "refuse-conflicts\n"},
        {"/etc/dpkg/dpkg.cfg.d/9-Site_": 'force="all"\n'},
        {"/etc/dpkg/dpkg.cfg": "no-debsig\nforce depends,conflicts\n"},
        {"/root/.dpkg.cfg": "force =conflicts\n"},
        {"/root/.dpkg.cfg": "force=conflicts\nno-force-depends\n"},
        {"/etc/dpkg/dpkg.cfg.d/a": "force-conflicts\n", "/etc/dpkg/dpkg.cfg.d/b": "no-force-all\n"},
        {"/etc/dpkg/dpkg.cfg.d/site.cfg": "force-conflicts\n"},
        {"/etc/dpkg/dpkg.cfg": "# force-conflicts\nforce-confold\n"},
    ],
    quick=3,
    ids=["fragment", "back-on", "refused", "all", "main", "of-root", "another-refused", "all-refused", "not-read", "comment"],
)
def test_a_guard_is_strong_only_where_dpkg_obeys_conflicts(apt: Inside, lab_host: Host, files: dict[str, str]) -> None:
    first = apt.block([APP], strong=[APP])
    for path, content in files.items():
        lab_host.write(path, content)
    second = apt.block([APP], strong=[APP], owned=first["owned"])
    done = lab_host.run(["env", "HOME=/root", "dpkg", "-i", package_path("deb", APP)])
    gets_in = done.returncode == 0
    assert gets_in or "conflicting packages" in done.stderr
    strengths = {each["mechanism"]: each["strength"] for each in second["blocks"]}
    assert strengths == {"pin": "soft", "guard": "soft" if gets_in else "strong"}
    told = second["drift"] + second["notes"]
    assert any(path in line for path in files for line in told) is gets_in
    assert (bool(second["drift"]), second["changes"]) == (gets_in, [])
    if gets_in:
        assert any("dpkg -i" in each for each in second["blocks"][1]["bypasses"])


@pytest.mark.fault_kind("H12", "wrong line shown")
@cases(
    ("configuration", "status", "reason", "advice"),
    [
        ("pre-invoke=touch /srv/hook-ran; exit 3\n", "", "error executing hook 'touch /srv/hook-ran; exit 3'", "pre-invoke"),
        ("", "install reinstreq half-installed", "very bad inconsistent state; you should reinstall it before", "dpkg --audit"),
        ("post-invoke=touch /srv/hook-ran; exit 3\n", "", "error executing hook 'touch /srv/hook-ran; exit 3'", "post-invoke"),
        ("nonsense\n", "", "/etc/dpkg/dpkg.cfg.d/site:1: unknown option 'nonsense'", "Correct dpkg's configuration"),
    ],
    quick=2,
    ids=["pre-hook", "database", "post-hook", "configuration"],
)
def test_why_dpkg_would_not_remove_is_told_in_its_own_words(
    apt: Inside, lab_host: Host, configuration: str, status: str, reason: str, advice: str
) -> None:
    lab_host.install("deb", APP)
    lab_host.write("/etc/dpkg/dpkg.cfg.d/site", configuration)
    if status:
        database = lab_host.path("/var/lib/dpkg/status")
        before, name, after = database.read_text().partition(f"Package: {APP}\n")
        database.write_text(before + name + after.replace("Status: install ok installed", f"Status: {status}", 1))
    answer = apt.remove(APP)
    (refusal,) = answer["refusals"]
    assert refusal["reason"] == "unsolvable"
    assert reason in refusal["message"]
    assert advice in refusal["message"]
    assert ("dpkg --audit" in refusal["message"]) is bool(status)
    # The plan is what would be done.
    assert all(line.startswith(f"remove {APP} ") for line in refusal["plan"])
    assert answer["writes"] == 0
    # dpkg runs its hooks even when it is told to change nothing (docs/hosts.md, Limits).
    assert lab_host.path("/srv/hook-ran").exists() is ("hook-ran" in configuration)
