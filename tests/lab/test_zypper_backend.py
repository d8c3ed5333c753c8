# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The zypper backend against real zypper and rpm: its whole life, every way back in, and the traps."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.lab.hosts import Host
from tests.lab.inside import Inside, holder
from tests.lab.packages import Package, build_package, index_rpms, package_path
from tests.lab.snapshot import layer, snapshot, writes_since
from tests.support.cases import cases

APP = "tiktok-desktop"
LOCKS = "/etc/zypp/locks"
PROTECTED = "/etc/dnf/protected.d/appban-guard.conf"
FILE = package_path("rpm", APP, "1.0")
INSTALL = ("zypper", "-n", "--no-gpg-checks", "install")
RPM_READS = ["/var/lib/rpm/rpmdb.sqlite-*", "/var/lib/rpm/.rpm.lock", "/var/lib/rpm"]
# zypper notes every question, and makes its cache of what it was asked about.
ZYPPER_READS = [*RPM_READS, "/var/log/zypper.log", "/var/tmp", "/var/cache/zypp/solv/*"]
CONF = "/etc/zypp/zypp.conf"

STOPPED_BY_LOCKS = [
    pytest.param((*INSTALL, APP), id="by-name"),
    pytest.param((*INSTALL, f"{APP}=2.0"), id="by-version"),
    pytest.param((*INSTALL, "--allow-unsigned-rpm", FILE), id="by-file"),
    pytest.param((*INSTALL, "media-suite"), id="dependency"),
    pytest.param((*INSTALL, "tiktok-rev"), id="provider"),
    pytest.param((*INSTALL, "--capability", APP), id="by-capability"),
    pytest.param((*INSTALL, "--force-resolution", APP), id="force-resolution"),
    pytest.param((*INSTALL, "--oldpackage", "--replacefiles", f"{APP}=1.0"), id="flags"),
]
PAST_LOCKS = [
    pytest.param((*INSTALL, "--force", APP), id="force"),
    pytest.param(("rpm", "-i", FILE), id="rpm"),
    pytest.param(("sh", "-c", f"zypper -n removelock {APP} && zypper -n install {APP}"), id="removelock"),
]
PAST_GUARD_AND_LOCKS = [
    pytest.param(("rpm", "-i", "--nodeps", FILE), id="nodeps"),
    pytest.param(("sh", "-c", f"rpm -e appban-guard && rpm -i {FILE}"), id="erase-guard"),
    pytest.param(
        ("sh", "-c", f"zypper -n removelock appban-guard && zypper -n install --force --force-resolution {APP}"), id="removelock-and-force"
    ),
]


@pytest.fixture
def zypper(lab_host: Host) -> Inside:
    """The backend on a fresh host."""
    return Inside(lab_host, "zypper.backend", "Zypper")


@pytest.fixture(scope="module", params=[False, True], ids=["locks", "guard"])
def blocked(request: pytest.FixtureRequest, module_hosts: Callable[[], Host]) -> Host:
    """A host with the block, for commands that it stops: they leave the host as it is."""
    host = module_hosts()
    assert Inside(host, "zypper.backend", "Zypper").block([APP], strong=[APP] if request.param else [])["problems"] == []
    return host


def rpms(host: Host) -> set[str]:
    """Names of the installed rpm packages."""
    return set(host.run(["rpm", "-qa", "--qf", r"%{NAME}\n"], check=True).stdout.split())


def absent(host: Host) -> bool:
    """Whether neither the app, nor its provider, nor what needs it got in."""
    return {APP, "tiktok-rev", "media-suite"}.isdisjoint(rpms(host))


def test_the_life_of_a_ban(zypper: Inside, lab_host: Host) -> None:
    lab_host.install("zypper", APP)
    before = snapshot(lab_host)
    written = layer(lab_host)
    assert [(each["name"], each["version"]) for each in zypper.installed(APP)] == [(APP, "2.0-1.noarch")]
    planned = zypper.remove(APP, check=True)
    assert zypper.block([APP], strong=[APP], providers=False, check=True)["changes"]
    assert before.difference(snapshot(lab_host)) == []
    assert writes_since(lab_host, written, allow=RPM_READS) == []

    removed = zypper.remove(APP)
    assert (removed["problems"], removed["changes"]) == ([], planned["changes"])
    assert zypper.installed(APP) == []
    clean = snapshot(lab_host)
    assert [line for line in before.difference(clean) if not line.startswith("gone ")] == ["rpm: gone tiktok-desktop 0:2.0-1"]

    first = zypper.block([APP], strong=[APP])
    assert first["problems"] == []
    assert [(each["op"], each["kind"], each["name"]) for each in first["changes"]] == [
        ("create", "file", LOCKS),
        ("create", "guard", "appban-guard"),
        # dnf is on this host, too, and must not erase the guard.
        ("create", "file", PROTECTED),
    ]
    assert [(each["mechanism"], each["strength"], each["names"]) for each in first["blocks"]] == [
        ("lock", "soft", [APP, "tiktok-rev"]),
        ("guard", "strong", [APP]),
    ]
    shown = lab_host.run(["zypper", "-n", "-x", "locks"], check=True).stdout
    assert "<name>tiktok-desktop</name>" in shown
    assert "appban-guard" in lab_host.run(["zypper", "-n", "--no-refresh", "search", "-i", "appban-guard"], check=True).stdout

    written = layer(lab_host)
    second = zypper.block([APP], strong=[APP], owned=first["owned"])
    assert (second["changes"], second["problems"], second["drift"], second["notes"], second["writes"]) == ([], [], [], [], 0)
    assert (second["owned"], second["blocks"], second["proof"]) == (first["owned"], first["blocks"], "asked")
    assert writes_since(lab_host, written, allow=ZYPPER_READS) == []

    lifted = zypper.block([], owned=second["owned"])
    assert (lifted["problems"], lifted["owned"], lifted["blocks"], lifted["unblocked"]) == ([], {}, [], [APP])
    assert clean.difference(snapshot(lab_host)) == []
    assert zypper.block([], owned=lifted["owned"])["changes"] == []
    lab_host.install("zypper", APP)
    assert APP in rpms(lab_host)


def test_version(zypper: Inside, lab_host: Host) -> None:
    assert zypper.version() == lab_host.run(["zypper", "--version"], check=True).stdout.split()[1]


@pytest.mark.parametrize("blocked", [False], ids=["locks"], indirect=True)
@pytest.mark.parametrize("command", STOPPED_BY_LOCKS)
def test_the_locks_stop(blocked: Host, command: tuple[str, ...]) -> None:
    blocked.run(command)
    assert absent(blocked)


@cases("command", PAST_LOCKS)
def test_the_locks_do_not_stop(zypper: Inside, lab_host: Host, command: tuple[str, ...]) -> None:
    assert zypper.block([APP])["problems"] == []
    lab_host.run(command, check=True)
    assert APP in rpms(lab_host)


@pytest.mark.parametrize("blocked", [True], ids=["guard"], indirect=True)
@pytest.mark.parametrize(
    "command",
    [
        *STOPPED_BY_LOCKS,
        *(each for each in PAST_LOCKS if each.id != "removelock"),
        pytest.param(("rpm", "-i", "--force", FILE), id="rpm-force"),
        pytest.param((*INSTALL, "--force", "--force-resolution", APP), id="force-and-force-resolution"),
        pytest.param(("zypper", "-n", "remove", "appban-guard"), id="remove-guard"),
    ],
)
def test_guard_and_locks_stop(blocked: Host, command: tuple[str, ...]) -> None:
    blocked.run(command)
    assert absent(blocked)
    assert "appban-guard" in rpms(blocked)


def test_the_guard_stops_who_takes_the_lock_away(zypper: Inside, lab_host: Host) -> None:
    assert zypper.block([APP], strong=[APP])["problems"] == []
    lab_host.run(["sh", "-c", f"zypper -n removelock {APP} && zypper -n install {APP}"])
    assert absent(lab_host)
    assert "appban-guard" in rpms(lab_host)


@cases("command", PAST_GUARD_AND_LOCKS)
def test_guard_and_locks_do_not_stop(zypper: Inside, lab_host: Host, command: tuple[str, ...]) -> None:
    assert zypper.block([APP], strong=[APP])["problems"] == []
    lab_host.run(command, check=True)
    assert APP in rpms(lab_host)


@pytest.mark.parametrize("strong", [False, True], ids=["locks", "guard"])
def test_who_can_do_without_the_app_still_installs(zypper: Inside, lab_host: Host, strong: bool) -> None:
    assert zypper.block([APP], strong=[APP] if strong else [])["problems"] == []
    lab_host.run([*INSTALL, "media-rec", "vlc-lab", "tiktok-desktop-docs"], check=True)
    assert {"media-rec", "vlc-lab", "tiktok-desktop-docs"} <= rpms(lab_host)
    assert absent(lab_host)


@cases("lock", ["tiktok-*", APP])
def test_a_locked_app_is_found_and_removed_and_the_lock_stays(zypper: Inside, lab_host: Host, lock: str) -> None:
    lab_host.install_file("rpm", APP)
    lab_host.run(["zypper", "-n", "addlock", lock], check=True)
    before = lab_host.path(LOCKS).read_bytes()
    assert lab_host.run(["zypper", "-n", "remove", APP]).returncode == 4
    assert [each["held"] for each in zypper.installed(APP)] == ["lock"]
    assert zypper.remove(APP)["problems"] == []
    assert APP not in rpms(lab_host)
    blocked = zypper.block([APP])
    assert zypper.block([], owned=blocked["owned"])["problems"] == []
    assert lab_host.path(LOCKS).read_bytes() == before


def test_dependents_are_refused_or_go_along_but_nothing_more(zypper: Inside, lab_host: Host) -> None:
    lab_host.install("zypper", APP, "media-suite", "vlc-lab")
    everything = rpms(lab_host)
    refused = zypper.remove(APP)
    assert [(each["reason"], each["plan"]) for each in refused["refusals"]] == [
        ("dependents", ["remove media-suite 1.0-1.noarch", "remove tiktok-desktop 2.0-1.noarch"])
    ]
    assert rpms(lab_host) == everything
    assert zypper.remove(APP, allow_dependents=True)["problems"] == []
    assert rpms(lab_host) == everything - {APP, "media-suite"}


def test_what_zypper_requires_is_refused(zypper: Inside, lab_host: Host) -> None:
    lab_host.install_file("rpm", "vlc-lab")
    lab_host.write("/etc/zypp/systemCheck.d/lab.check", "# needed\nrequires:vlc-lab\n")
    assert [each["protected"] for each in zypper.installed("vlc-lab")] == ["protected"]
    assert [each["reason"] for each in zypper.remove("vlc-lab")["refusals"]] == ["protected"]


def test_a_running_zypper_is_waited_for_and_left_alone(zypper: Inside, lab_host: Host) -> None:
    lab_host.install_file("rpm", APP)
    hold = "import os,sys;open('/run/zypp.pid','w').write('%d\\n'%os.getpid());print('held',flush=True);sys.stdin.read()"
    with holder(lab_host, hold):
        assert "still uses the package manager" in zypper.remove(APP, lock_timeout=0)["problems"][0]
        assert lab_host.path("/run/zypp.pid").exists()
        assert APP in rpms(lab_host)
    # The number of a process that is gone locks nothing.
    assert zypper.remove(APP, lock_timeout=0)["problems"] == []


@cases("hand", ["unlocked", "guard", "empty"], quick=2)
def test_drift_is_named_and_repaired(zypper: Inside, lab_host: Host, hand: str) -> None:
    first = zypper.block([APP], strong=[APP], providers=False)
    good = snapshot(lab_host)
    commands = {
        "unlocked": ["zypper", "-n", "removelock", APP],
        "guard": ["rpm", "-e", "appban-guard"],
        "empty": ["truncate", "-s0", LOCKS],
    }
    lab_host.run(commands[hand], check=True)
    repaired = zypper.block([APP], strong=[APP], providers=False, owned=first["owned"])
    assert len(repaired["drift"]) == (2 if hand == "empty" else 1)
    assert repaired["problems"] == []
    assert [line for line in good.difference(snapshot(lab_host)) if LOCKS not in line] == []
    assert zypper.block([APP], strong=[APP], providers=False, owned=repaired["owned"])["drift"] == []
    assert zypper.block([], owned=repaired["owned"])["problems"] == []
    assert "appban-guard" not in rpms(lab_host)


def test_locks_that_zypper_rewrote_are_lifted_and_the_administrators_stay(zypper: Inside, lab_host: Host) -> None:
    lab_host.run(["zypper", "-n", "addlock", "aaa"], check=True)
    first = zypper.block([APP])
    lab_host.run(["zypper", "-n", "addlock", "zzz"], check=True)
    assert zypper.block([APP], owned=first["owned"])["changes"] == []
    assert zypper.block([], owned=first["owned"])["problems"] == []
    shown = lab_host.run(["zypper", "-n", "-x", "locks"], check=True).stdout
    assert [name in shown for name in ("aaa", "zzz", APP, "tiktok-rev")] == [True, True, False, False]


def test_dnf_and_zypper_share_one_guard(zypper: Inside, lab_host: Host) -> None:
    clean = snapshot(lab_host)
    dnf = Inside(lab_host, "dnf4.backend", "Dnf4", keeps_guard=True)
    second = Inside(lab_host, "zypper.backend", "Zypper", keeps_guard=False)
    kept = dnf.block([APP], strong=[APP])
    shared = second.block([APP], strong=[APP])
    assert (kept["problems"], shared["problems"]) == ([], [])
    assert [each["kind"] for each in shared["changes"]] == ["file"]
    assert [(each["mechanism"], each["names"]) for each in shared["blocks"]] == [("lock", [APP, "tiktok-rev"]), ("guard", [APP])]
    for command in [*INSTALL, "--force-resolution", APP], ["dnf", "-y", "-C", "--disableexcludes=all", "--allowerasing", "install", APP]:
        assert lab_host.run(command).returncode != 0
    assert absent(lab_host)
    assert "appban-guard" in rpms(lab_host)
    assert second.block([], owned=shared["owned"])["problems"] == []
    assert "appban-guard" in rpms(lab_host)
    assert dnf.block([], owned=kept["owned"])["problems"] == []
    assert clean.difference(snapshot(lab_host)) == []


def test_a_present_app_is_locked_only(zypper: Inside, lab_host: Host) -> None:
    lab_host.install_file("rpm", APP)
    answer = zypper.block([APP], strong=[APP], present=[APP])
    assert answer["problems"] == []
    assert [each["mechanism"] for each in answer["blocks"]] == ["lock"]
    lab_host.run(["zypper", "-n", "update"], check=True)
    assert [each["version"] for each in zypper.installed(APP)] == ["1.0-1.noarch"]


@pytest.mark.parametrize("strong", [False, True], ids=["locks", "guard"])
@cases("value", ["no", "FALSE", "0", "never"])
def test_locks_that_are_switched_off_are_told(zypper: Inside, lab_host: Host, value: str, strong: bool) -> None:
    first = zypper.block([APP], strong=[APP] if strong else [], providers=False)
    lab_host.write(CONF, f"[main]\nlocksfile.apply = {value}\n")
    second = zypper.block([APP], strong=[APP] if strong else [], providers=False, owned=first["owned"])
    assert (second["changes"], second["drift"]) == ([], [f"locksfile.apply in {CONF} switches all locks off: take it out there"])
    assert list(second["overridden"]) == ([] if strong else [APP])
    assert [each["mechanism"] for each in second["blocks"]] == (["guard"] if strong else [])
    shown = lab_host.run(["zypper", "-n", "--no-refresh", "install", "--dry-run", APP]).stdout
    assert ("going to be installed" in shown) is not strong


@cases(
    "text",
    [
        "[main]\nlocksfile.apply = no\nlocksfile.apply = yes\n",
        "locksfile.apply = no\n",
        "[other]\nlocksfile.apply = no\n",
        "[Main]\nlocksfile.apply = no\n",
        "[main]\nlocksfile.apply = no # x\n",
        "[main]\nlocksfile.apply = nonsense\n",
        "[main]\n;locksfile.apply = no\n",
        "[main]\nlocksfile.path = etc/zypp/./locks\n",
        "[main]\nlocksfile.path =\n",
    ],
    quick=2,
)
def test_settings_that_zypper_does_not_take_for_such_change_nothing(zypper: Inside, lab_host: Host, text: str) -> None:
    first = zypper.block([APP])
    lab_host.write(CONF, text)
    second = zypper.block([APP], owned=first["owned"])
    assert (second["changes"], second["drift"], second["overridden"], second["proof"]) == ([], [], {}, "asked")


def test_locks_follow_zypper_to_another_file_and_back(zypper: Inside, lab_host: Host) -> None:
    lab_host.run(["zypper", "-n", "addlock", "vlc-lab"], check=True)
    lab_host.write("/etc/zypp/others", "# kept\n")
    clean = snapshot(lab_host)
    first = zypper.block([APP], strong=[APP])
    lab_host.write(CONF, "[main]\nlocksfile.path = /srv/new/place/locks\n")
    moved = zypper.block([APP], strong=[APP], owned=first["owned"])
    assert moved["drift"] == [f"our locks are in {LOCKS}, and zypper reads /srv/new/place/locks (locksfile.path in {CONF})"]
    assert (moved["problems"], [each["path"] for each in moved["blocks"]]) == ([], ["/srv/new/place/locks", "appban-guard"])
    settled = zypper.block([APP], strong=[APP], owned=moved["owned"])
    assert (settled["changes"], settled["drift"], settled["proof"], settled["owned"]) == ([], [], "asked", moved["owned"])
    lab_host.write(CONF, "[main]\nlocksfile.path = /etc/zypp/others\n")
    again = zypper.block([APP], strong=[APP], owned=settled["owned"])
    assert again["problems"] == []
    assert not lab_host.path("/srv/new").exists()
    # A lift without a ledger looks into both files that may hold ours.
    assert zypper.block([])["problems"] == []
    lab_host.path(CONF).unlink()
    assert clean.difference(snapshot(lab_host)) == []


def test_a_provider_that_appears_later_is_drift_and_blocked(zypper: Inside, lab_host: Host) -> None:
    first = zypper.block([APP])
    build_package(lab_host.root, "rpm", Package("tiktok-new", provides=(APP,)), "/srv/new")
    index_rpms(lab_host.root, "/srv/new")
    lab_host.run(["zypper", "-n", "addrepo", "--no-gpgcheck", "/srv/new", "new"], check=True)
    unknown = zypper.block([APP], owned=first["owned"])
    assert (unknown["changes"], unknown["proof"]) == ([], "read")
    assert any("nothing is known of the repository new yet" in note for note in unknown["notes"])
    lab_host.run(["zypper", "-n", "--no-gpg-checks", "refresh"], check=True)
    grown = zypper.block([APP], owned=unknown["owned"])
    assert grown["drift"] == [f"tiktok-new, which no block held, offers itself as {APP}"]
    again = zypper.block([APP], owned=grown["owned"])
    assert (again["changes"], again["drift"], again["proof"], again["overridden"]) == ([], [], "asked", {})
    assert "tiktok-new" in again["blocks"][0]["names"]


def test_a_repository_that_was_never_fetched_is_not_fetched(zypper: Inside, lab_host: Host) -> None:
    """zypper would, in spite of --no-refresh."""
    first = zypper.block([APP])
    lab_host.write("/etc/zypp/repos.d/web.repo", "[web]\nname=web\nbaseurl=http://127.0.0.1:1/\nenabled=1\nautorefresh=1\n")
    written = layer(lab_host)
    second = zypper.block([APP], owned=first["owned"])
    assert (second["changes"], second["proof"], second["overridden"]) == ([], "read", {})
    assert any("nothing is known of the repository web yet" in note for note in second["notes"])
    assert writes_since(lab_host, written, allow=RPM_READS) == []
    lab_host.run(["sed", "-i", "s/enabled=1/enabled=0/", "/etc/zypp/repos.d/web.repo"], check=True)
    assert zypper.block([APP], owned=first["owned"])["proof"] == "asked"


def test_a_zypper_at_work_is_not_waited_for(zypper: Inside, lab_host: Host) -> None:
    first = zypper.block([APP])
    hold = "import os,sys;open('/run/zypp.pid','w').write('%d\\n'%os.getpid());print('held',flush=True);sys.stdin.read()"
    with holder(lab_host, hold):
        second = zypper.block([APP], owned=first["owned"])
    assert (second["changes"], second["proof"]) == ([], "read")
    assert any("System management is locked" in note for note in second["notes"])
    # That is over with the next look, so nobody may use this one again.
    assert second["undeclared"] != ""


@cases("command", ["addlock zzz", f"removelock {APP}", "removelock aaa", "addlock -t pattern tiktok"], quick=2)
def test_zyppers_own_rewriting_keeps_our_mark(zypper: Inside, lab_host: Host, command: str) -> None:
    lab_host.run(["zypper", "-n", "addlock", "aaa", "bbb"], check=True)
    zypper.block([APP], strong=[APP])
    lab_host.run(["zypper", "-n", *command.split()], check=True)
    again = zypper.block([APP], strong=[APP])
    assert len(again["drift"]) == (1 if APP in command else 0)
    assert zypper.block([])["problems"] == []
    shown = lab_host.run(["zypper", "-n", "-x", "locks"], check=True).stdout
    assert "bbb" in shown
    assert not any(name in shown for name in (APP, "tiktok-rev", "appban"))


def test_without_a_ledger_the_block_is_taken_over_and_lifted(zypper: Inside, lab_host: Host) -> None:
    clean = snapshot(lab_host)
    first = zypper.block([APP], strong=[APP])
    again = zypper.block([APP], strong=[APP])
    assert (again["changes"], again["drift"], again["owned"]) == ([], [], first["owned"])
    assert zypper.block([])["problems"] == []
    assert clean.difference(snapshot(lab_host)) == []
