# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The apt backend against real apt and dpkg: its whole life, every way back in, and the traps."""

from __future__ import annotations

import hashlib

import pytest

from tests.lab.hosts import Host
from tests.lab.inside import Inside, holder
from tests.lab.packages import Package, build_package, index_debs, package_path
from tests.lab.snapshot import layer, snapshot, writes_since

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
    """The backend on a fresh host, whose repository has a release name."""
    index = lab_host.path("/srv/repo/deb/Packages").read_bytes()
    digest = hashlib.sha256(index).hexdigest()
    lab_host.write("/srv/repo/deb/Release", f"Origin: Lab\nSuite: lab\nCodename: lab\nSHA256:\n {digest} {len(index)} Packages\n")
    lab_host.run(["apt-get", "-q", "update"], check=True)
    return Inside(lab_host, "apt", "Apt")


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
    assert writes_since(lab_host, written) == []

    lifted = apt.block([], owned=second["owned"])
    assert (lifted["problems"], lifted["owned"], lifted["blocks"], lifted["unblocked"]) == ([], {}, [], [APP])
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


@pytest.mark.parametrize("command", [each for each in BY_NAME if each.id != "provider"])
def test_the_pin_stops(pinned: dict[str, object], lab_host: Host, command: tuple[str, ...]) -> None:
    assert lab_host.run(command).returncode != 0
    assert {APP, "tiktok-rev", "media-suite"}.isdisjoint(dpkg_list(lab_host))


@pytest.mark.parametrize("command", PAST_THE_PIN)
def test_the_pin_does_not_stop(pinned: dict[str, object], lab_host: Host, command: tuple[str, ...]) -> None:
    lab_host.run(command, check=True)
    assert APP in dpkg_list(lab_host)


@pytest.mark.parametrize("names", [("media-alt",), ("--install-recommends", "media-rec")], ids=["alternative", "recommends"])
@pytest.mark.parametrize("strong", [False, True], ids=["pin", "guard"])
def test_who_can_do_without_the_app_still_installs(apt: Inside, lab_host: Host, names: tuple[str, ...], strong: bool) -> None:
    assert apt.block([APP], strong=[APP] if strong else [])["problems"] == []
    lab_host.run((*INSTALL, *names), check=True)
    assert names[-1] in dpkg_list(lab_host)
    assert {APP, "tiktok-rev"}.isdisjoint(dpkg_list(lab_host))


@pytest.mark.parametrize("command", [*BY_NAME, *PAST_THE_PIN, pytest.param(("dpkg", "-B", "-i", FILE), id="auto-deconfigure")])
def test_the_guard_stops(apt: Inside, lab_host: Host, command: tuple[str, ...]) -> None:
    assert apt.block([APP], strong=[APP])["problems"] == []
    assert lab_host.run(command).returncode != 0
    assert {APP, "tiktok-rev", "media-suite"}.isdisjoint(dpkg_list(lab_host))
    assert "appban-guard" in dpkg_list(lab_host)


@pytest.mark.parametrize("command", PAST_THE_GUARD)
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


@pytest.mark.parametrize(
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


def test_a_dependent_that_comes_after_the_plan_stops_all_of_it(apt: Inside, lab_host: Host) -> None:
    lab_host.install("deb", APP, "media-suite")
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


@pytest.mark.parametrize(("name", "reason"), [("lab-agent", "essential"), ("dpkg", "essential"), ("appban-guard", "protected")])
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


def test_lift_forgets_a_refused_installation(apt: Inside, lab_host: Host) -> None:
    clean = snapshot(lab_host)
    owned = apt.block([APP], strong=[APP])["owned"]
    assert lab_host.run(["dpkg", "-i", FILE]).returncode != 0
    assert apt.block([], owned=owned)["problems"] == []
    assert clean.difference(snapshot(lab_host)) == []
    assert lab_host.run(["apt-get", "-y", "dselect-upgrade"]).returncode == 0
    assert APP not in dpkg_list(lab_host)


@pytest.mark.parametrize("hand", ["delete", "edit", "link", "guard"])
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


def test_an_overriding_pin_is_told(apt: Inside, lab_host: Host) -> None:
    lab_host.write("/etc/apt/preferences", f"Package: {APP}\nPin: release *\nPin-Priority: 1001\n")
    assert "apt still offers tiktok-desktop" in apt.block([APP])["problems"][0]


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
