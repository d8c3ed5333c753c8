# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The facts about package managers that our code relies on, as a regression on the real tools.

Each test name carries the section of fact sheet hosts_linux it holds. When one fails after an update of the root, the code
that cites the section needs a look. They change with a distribution and not with our code, so all of them are
long.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest

from tests.lab.hosts import Host
from tests.lab.packages import BANNED, Package, build_package, package_path
from tests.lab.snapshot import installed, layer, writes_since

pytestmark = pytest.mark.long

PIN = f"Package: {BANNED}\nPin: release *\nPin-Priority: -1\n"


def names(host: Host, manager: str) -> set[str]:
    """The names of the installed packages of one manager (deb: fully installed only)."""
    rows = [row.split() for row in installed(host)[manager]]
    return {row[0] for row in rows if manager != "deb" or row[2] == "ii"}


def said(done: subprocess.CompletedProcess[str]) -> str:
    return done.stdout + done.stderr


# -- installing, in both versions --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "manager", "old", "new"),
    [
        ("deb", "deb", f"{BANNED}=1.0", f"{BANNED}=2.0"),
        ("rpm", "rpm", f"{BANNED}-1.0", f"{BANNED}-2.0"),
        ("zypper", "rpm", f"{BANNED}=1.0", f"{BANNED}=2.0"),
    ],
)
def test_installs_either_version_by_name(lab_host: Host, kind: str, manager: str, old: str, new: str) -> None:
    lab_host.install(kind, old)
    assert [row for row in installed(lab_host)[manager] if row.startswith(f"{BANNED} ") and "1.0" in row]
    lab_host.install(kind, new)
    assert [row for row in installed(lab_host)[manager] if row.startswith(f"{BANNED} ") and "2.0" in row]


def test_pacman_installs_by_name_and_by_file(lab_host: Host) -> None:
    lab_host.install_file("pacman", BANNED, "1.0")
    assert f"{BANNED} 1.0-1" in installed(lab_host)["pacman"]
    lab_host.install("pacman", BANNED)
    assert f"{BANNED} 2.0-1" in installed(lab_host)["pacman"]


def test_one_host_holds_the_app_from_every_manager(lab_host: Host) -> None:
    for kind in ("deb", "rpm", "pacman"):
        lab_host.install(kind, BANNED)
    lab_host.install("flatpak", "com.tiktok.Desktop")
    for kind in ("deb", "rpm", "pacman"):
        assert lab_host.run([f"/opt/{kind}/{BANNED}/app"], check=True).stdout == f"{BANNED} 2.0\n"
    assert lab_host.run(["flatpak", "list", "--system", "--app", "--columns=application"]).stdout == "com.tiktok.Desktop\n"


# -- apt and dpkg ------------------------------------------------------------------------------------------------------


def test_2_1_removed_package_leaves_its_configuration(lab_host: Host) -> None:
    lab_host.install("deb", BANNED)
    lab_host.run(["apt-get", "-y", "remove", BANNED], check=True)
    assert f"{BANNED} 2.0 rc" in installed(lab_host)["deb"]
    assert lab_host.path(f"/etc/opt/deb/{BANNED}.conf").exists()
    lab_host.run(["dpkg", "-P", BANNED], check=True)
    assert not lab_host.path(f"/etc/opt/deb/{BANNED}.conf").exists()


def test_2_2_essential_package_is_refused(lab_host: Host) -> None:
    lab_host.install_file("deb", "lab-agent")
    done = lab_host.run(["apt-get", "-y", "purge", "lab-agent"])
    assert done.returncode == 100
    assert "Essential packages were removed and -y was used" in said(done)
    fields = lab_host.run(["dpkg-query", "-W", "-f=${Essential}", "lab-agent"]).stdout
    assert fields == "yes"


def test_the_essential_package_joins_no_plan_unasked(lab_host: Host) -> None:
    lab_host.install("deb", BANNED)
    for command in (["purge", BANNED], ["install", "vlc-lab"], ["dist-upgrade"]):
        assert "lab-agent" not in lab_host.run(["apt-get", "-s", *command], check=True).stdout


def test_2_3_dpkg_refuses_dependants_and_apt_removes_them(lab_host: Host) -> None:
    lab_host.install("deb", BANNED, "media-suite")
    refused = lab_host.run(["dpkg", "-P", BANNED])
    assert refused.returncode == 1
    assert "media-suite depends on" in said(refused)
    plan = lab_host.run(["apt-get", "-s", "-qq", "purge", BANNED], check=True).stdout
    assert sorted(line.split()[1] for line in plan.splitlines() if line.startswith("Purg")) == ["media-suite", BANNED]
    lab_host.run(["apt-get", "-y", "purge", BANNED], check=True)
    assert not names(lab_host, "deb") & {BANNED, "media-suite"}


def test_2_3_hold_makes_apt_fail_and_dpkg_obeys(lab_host: Host) -> None:
    lab_host.install("deb", BANNED)
    lab_host.run(["apt-mark", "hold", BANNED], check=True)
    assert lab_host.run(["apt-get", "-y", "purge", BANNED]).returncode == 100
    assert f"{BANNED} 2.0 hi" in installed(lab_host)["deb"]
    lab_host.run(["dpkg", "-P", BANNED], check=True)
    assert not [row for row in installed(lab_host)["deb"] if row.startswith(f"{BANNED} ") and row.endswith(("i", "c"))]


def test_2_4_pin_stops_the_name_and_leaks_everywhere_else(lab_host: Host) -> None:
    lab_host.write("/etc/apt/preferences.d/ban", PIN)
    assert "Candidate: (none)" in lab_host.run(["apt-cache", "policy", BANNED]).stdout
    # The pin on the exact name makes apt take another provider.
    lab_host.install("deb", BANNED)
    assert "tiktok-rev" in names(lab_host, "deb")
    assert BANNED not in names(lab_host, "deb")
    lab_host.write("/etc/apt/preferences.d/ban", PIN.replace(BANNED, f"{BANNED} tiktok-rev"))
    lab_host.run(["dpkg", "-P", "tiktok-rev"], check=True)
    assert lab_host.run(["apt-get", "-y", "install", BANNED]).returncode == 100
    for way in ([f"{BANNED}=2.0"], [package_path("deb", BANNED, "2.0")]):
        lab_host.install("deb", *way)
        assert BANNED in names(lab_host, "deb")
        lab_host.run(["dpkg", "-P", BANNED], check=True)


def test_2_4_pin_file_with_another_ending_is_ignored(lab_host: Host) -> None:
    lab_host.write("/etc/apt/preferences.d/ban.conf", PIN)
    lab_host.install("deb", BANNED)
    assert BANNED in names(lab_host, "deb")


def test_2_4_alternative_is_chosen_when_the_app_is_pinned(lab_host: Host) -> None:
    lab_host.write("/etc/apt/preferences.d/ban", PIN.replace(BANNED, f"{BANNED} tiktok-rev"))
    lab_host.install("deb", "media-alt")
    assert names(lab_host, "deb") >= {"media-alt", "vlc-lab"}
    assert lab_host.run(["apt-get", "-y", "install", "media-suite"]).returncode == 100


def test_2_5_protected_guard_stops_every_ordinary_way(lab_host: Host) -> None:
    guard = Package("banned-app-guard", conflicts=(BANNED,), protected=True, formats=("deb",))
    lab_host.run(["dpkg", "-i", build_package(lab_host.root, "deb", guard, "/srv/extra")], check=True)
    tries = [
        ["apt-get", "-y", "install", BANNED],
        ["apt-get", "-y", "install", f"{BANNED}=1.0"],
        ["apt-get", "-y", "install", package_path("deb", BANNED, "1.0")],
        ["apt-get", "-y", "install", "media-suite"],
        ["apt-get", "-y", "install", "tiktok-rev"],
        ["dpkg", "-i", package_path("deb", BANNED, "1.0")],
        ["apt-get", "-y", "purge", "banned-app-guard"],
    ]
    for command in tries:
        assert lab_host.run(command).returncode != 0, command
    assert not names(lab_host, "deb") & {BANNED, "tiktok-rev", "media-suite"}
    assert "banned-app-guard" in names(lab_host, "deb")
    lab_host.run(["dpkg", "--force-remove-protected", "-P", "banned-app-guard"], check=True)


# -- dnf and rpm -------------------------------------------------------------------------------------------------------


def exclude(host: Host, *excluded: str) -> None:
    path = "/etc/dnf/dnf.conf"
    host.write(path, host.path(path).read_text(encoding="utf-8") + f"excludepkgs={','.join(excluded)}\n")


def test_3_3_dnf_says_yes_and_leaves_an_excluded_app(lab_host: Host) -> None:
    lab_host.install("rpm", BANNED)
    exclude(lab_host, BANNED)
    done = lab_host.run(["dnf", "-y", "remove", BANNED])
    assert done.returncode == 0
    assert BANNED in names(lab_host, "rpm")
    assert BANNED not in lab_host.run(["dnf", "-C", "-q", "list", "--installed"]).stdout
    lab_host.run(["rpm", "-e", BANNED], check=True)
    assert BANNED not in names(lab_host, "rpm")


def test_3_4_exclude_stops_name_and_file_but_not_rpm(lab_host: Host) -> None:
    exclude(lab_host, BANNED, "tiktok-rev")
    for what in (BANNED, f"{BANNED}-1.0", package_path("rpm", BANNED), "media-suite"):
        assert lab_host.run(["dnf", "-y", "install", what]).returncode == 1, what
    lab_host.run(["dnf", "-y", "install", "media-rec"], check=True)
    assert names(lab_host, "rpm") == {"lab-seed", "media-rec"}
    lab_host.install_file("rpm", BANNED)
    lab_host.run(["rpm", "-e", BANNED], check=True)
    lab_host.run(["dnf", "-y", "--disableexcludes=all", "install", BANNED], check=True)
    assert BANNED in names(lab_host, "rpm")


def test_3_2_removal_takes_dependants_or_brings_another_provider(lab_host: Host) -> None:
    lab_host.install("rpm", BANNED, "media-suite")
    done = lab_host.run(["rpm", "-e", "--test", BANNED])
    assert done.returncode == 1
    assert "is needed by (installed) media-suite" in said(done)
    lab_host.run(["dnf", "-y", "remove", BANNED], check=True)
    after = names(lab_host, "rpm")
    assert BANNED not in after
    assert ("media-suite" in after) == ("tiktok-rev" in after)


def test_3_6_protected_package_is_refused(lab_host: Host) -> None:
    lab_host.install("rpm", "lab-agent")
    done = lab_host.run(["dnf", "-y", "remove", "lab-agent"])
    assert done.returncode == 1
    assert "protected packages: lab-agent" in said(done)


# -- zypper ------------------------------------------------------------------------------------------------------------


def test_4_3_locked_app_can_only_be_removed_by_rpm(lab_host: Host) -> None:
    lab_host.install("zypper", BANNED)
    lab_host.run(["zypper", "-n", "al", BANNED], check=True)
    assert lab_host.run(["zypper", "-n", "remove", BANNED]).returncode == 4
    assert BANNED in names(lab_host, "rpm")
    lab_host.run(["rpm", "-e", BANNED], check=True)
    assert BANNED not in names(lab_host, "rpm")


def test_4_4_locks_on_the_app_and_its_provider_hold(lab_host: Host) -> None:
    lab_host.run(["zypper", "-n", "al", BANNED, "tiktok-r*"], check=True)
    for what in (BANNED, f"{BANNED}=1.0", package_path("rpm", BANNED), "media-suite"):
        assert lab_host.run(["zypper", "-n", "--no-gpg-checks", "install", what]).returncode == 4, what
    assert names(lab_host, "rpm") == {"lab-seed"}
    lab_host.install_file("rpm", BANNED)


def test_4_2_plan_names_dependants(lab_host: Host) -> None:
    lab_host.install("zypper", BANNED, "media-suite")
    plan = lab_host.run(["zypper", "-n", "-x", "remove", "--dry-run", BANNED], check=True).stdout
    removed = plan.partition("<to-remove>")[2].partition("</to-remove>")[0]
    assert 'name="media-suite"' in removed
    assert f'name="{BANNED}"' in removed
    assert lab_host.run(["zypper", "-n", "-x", "remove", "--dry-run", "no-such-package"]).returncode == 104


# -- pacman ------------------------------------------------------------------------------------------------------------


def test_5_2_pacman_refuses_dependants(lab_host: Host) -> None:
    lab_host.install("pacman", BANNED, "media-suite")
    done = lab_host.run(["pacman", "--noconfirm", "-R", BANNED])
    assert done.returncode == 1
    assert "required by media-suite" in said(done)
    plan = lab_host.run(["pacman", "-Rc", "--print", "--print-format", "%n %v", BANNED], check=True).stdout
    assert sorted(plan.split()[::2]) == ["media-suite", BANNED]


def test_5_3_ignore_is_no_block_and_5_4_a_hook_is(lab_host: Host) -> None:
    configuration = lab_host.path("/etc/pacman.conf").read_text(encoding="utf-8")
    lab_host.write("/etc/pacman.conf", configuration.replace("HoldPkg", f"IgnorePkg = {BANNED}\nHoldPkg"))
    lab_host.install("pacman", BANNED)
    assert BANNED in names(lab_host, "pacman")
    hook = "[Trigger]\nOperation = Install\nOperation = Upgrade\nType = Package\nTarget = {}\n\n"
    hook += "[Action]\nWhen = PreTransaction\nExec = /bin/false\nAbortOnFail\n"
    lab_host.write("/etc/pacman.d/hooks/00-ban.hook", hook.format(BANNED))
    lab_host.run(["pacman", "--noconfirm", "-R", BANNED], check=True)
    for command in (["-S", BANNED], ["-U", package_path("pacman", BANNED)], ["-Sdd", BANNED], ["-S", "--dbonly", BANNED]):
        assert lab_host.run(["pacman", "--noconfirm", *command]).returncode == 1, command
    assert names(lab_host, "pacman") == {"lab-seed"}


def test_5_5_held_package_is_refused(lab_host: Host) -> None:
    lab_host.install("pacman", "lab-agent")
    done = lab_host.run(["pacman", "--noconfirm", "-R", "lab-agent"])
    assert done.returncode == 1
    assert "lab-agent" in names(lab_host, "pacman")


# -- flatpak -----------------------------------------------------------------------------------------------------------


def test_7_3_mask_is_no_block_and_a_filter_is(lab_host: Host) -> None:
    lab_host.run(["flatpak", "mask", "--system", "com.tiktok.*"], check=True)
    lab_host.install("flatpak", "com.tiktok.Desktop")
    lab_host.run(["flatpak", "uninstall", "--system", "-y", "--noninteractive", "com.tiktok.Desktop"], check=True)
    lab_host.write("/etc/flatpak/banned.filter", "deny com.tiktok.Desktop\n")
    lab_host.run(["flatpak", "remote-modify", "--system", "--filter=/etc/flatpak/banned.filter", "lab"], check=True)
    refused = lab_host.run(["flatpak", "install", "--system", "-y", "--noninteractive", "lab", "com.tiktok.Desktop"])
    assert refused.returncode == 1
    lab_host.install("flatpak", "com.tiktok.DesktopNotes", "org.lab.Good")
    apps = lab_host.run(["flatpak", "list", "--system", "--app", "--columns=application"]).stdout.split()
    assert apps == ["com.tiktok.DesktopNotes", "org.lab.Good"]


def test_7_2_root_may_not_remove_from_a_users_installation(lab_host: Host) -> None:
    lab_host.start_system_bus()
    install = ["flatpak", "install", "--user", "-y", "--noninteractive", "lab", "com.tiktok.Desktop"]
    lab_host.run(install, user="jana", check=True)
    assert "com.tiktok.Desktop" in {row.split("/")[1] for row in installed(lab_host)["flatpak of jana"]}
    remove = ["flatpak", "uninstall", "--user", "-y", "--noninteractive", "com.tiktok.Desktop"]
    environment = {"FLATPAK_USER_DIR": "/home/jana/.local/share/flatpak"}
    refused = lab_host.run(remove, env=environment)
    assert refused.returncode == 1
    assert "Refusing to operate on a user installation as root" in said(refused)
    lab_host.run(["su", "jana", "-c", " ".join(remove)], check=True)
    assert not [row for row in installed(lab_host)["flatpak of jana"] if row.startswith("app/")]


# -- what reads leave behind -------------------------------------------------------------------------------------------

RPM_TRACES = ("/var/lib/rpm/rpmdb.sqlite-shm", "/var/lib/rpm/rpmdb.sqlite-wal")


@pytest.fixture(scope="module")
def full(module_hosts: Callable[[], Host]) -> Host:
    """A host with the app from every manager, for commands that only read."""
    host = module_hosts()
    for kind in ("deb", "rpm", "pacman"):
        host.install(kind, BANNED)
    host.install("flatpak", "com.tiktok.Desktop")
    return host


@pytest.mark.parametrize(
    ("command", "traces"),
    [
        ("dpkg-query -W", ()),
        (f"apt-cache policy {BANNED}", ()),
        (f"apt-get -s -qq purge {BANNED}", ("/var/log/apt", "/var/log/apt/eipp.log.xz")),
        ("rpm -qa", RPM_TRACES),
        ("pacman -Q", ()),
        (f"pacman -Rc --print {BANNED}", ()),
        ("zypper -x locks", ("/var/log", "/var/log/zypper.log", "/var/tmp")),
        ("flatpak list --system", ()),
        ("flatpak remotes --system --columns=name,filter", ()),
        ("flatpak mask --system", ()),
    ],
)
def test_reads_leave_only_known_traces(full: Host, command: str, traces: tuple[str, ...]) -> None:
    before = layer(full)
    full.run(command.split(), check=True)
    assert set(writes_since(full, before)) <= set(traces)
