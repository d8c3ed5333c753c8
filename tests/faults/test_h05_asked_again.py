# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""H5: every run asks again whether its block holds, and says how it knows; what no longer holds is repaired or told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pytest

from tests.lab.hosts import Host
from tests.lab.packages import Package, build_package, index_rpms
from tests.support.hosts.fleet import ARCH, DEB, RPM, SUSE, Fleet, Run

from .support import APP, FILTER, FLATPAK, add_host

# Whole runs on hosts of the lab take seconds each.
pytestmark = [pytest.mark.fault_kind("H5", "once looked, never again"), pytest.mark.long]

CITY = "inventories/demo/city-tiktok.yml"
NOW, LATER, AT_LAST = "2023-03-20T09:00:00+01:00", "2023-03-21T09:00:00+01:00", "2023-03-22T09:00:00+01:00"
PROVIDER = "tiktok-rev"
CLAIMS = ("compliant", "removed")


# -- whether the package manager would let the app in, in its own words --------------------------------------------------


def by_apt(host: Host, name: str) -> bool:
    return host.run(["apt-get", "-s", "-q", "install", name]).returncode == 0


def by_dnf(host: Host, name: str) -> bool:
    return host.run(["dnf", "-y", "-q", "-C", "--setopt=tsflags=test", "install", name]).returncode == 0


def by_zypper(host: Host, name: str) -> bool:
    return "going to be installed" in host.run(["zypper", "-n", "--no-refresh", "install", "--dry-run", name]).stdout


def by_pacman(host: Host, name: str) -> bool:
    """pacman's simulation asks no hook: only a real installation tells, which is undone."""
    installed = host.run(["pacman", "--noconfirm", "-S", name]).returncode == 0
    if installed:
        host.run(["pacman", "--noconfirm", "-R", name], check=True)
    return installed


def by_flatpak(host: Host, name: str) -> bool:
    listed = host.run(["flatpak", "remote-ls", "--system", "--columns=application", "lab"], check=True).stdout
    return name in listed.split()


# -- what happens between two runs ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fault:
    """A host whose block stops holding between two runs.

    Args:
        backends: its package managers.
        prepare: before the ban, as the administrator.
        happen: after the ban, as the administrator.
        gets_in: whether the package manager lets a name in.
        name: that name.
        repaired: the next run can make it hold again; otherwise it must tell.
    """

    backends: tuple[str, ...]
    happen: str
    gets_in: Callable[[Host, str], bool]
    name: str = APP
    prepare: str = "true"
    repaired: bool = False


FAULTS: Mapping[str, Fault] = {
    "deb-pin": Fault(DEB, f"printf 'Package: {APP}\\nPin: release *\\nPin-Priority: 990\\n' > /etc/apt/preferences.d/00-admin", by_apt),
    "deb-parts": Fault(
        DEB, "mkdir /etc/apt/other; echo 'Dir::Etc::PreferencesParts \"/etc/apt/other\";' > /etc/apt/apt.conf.d/99-other", by_apt
    ),
    "deb-lists": Fault(
        DEB, "apt-get -qq update", by_apt, PROVIDER, prepare="rm -f /var/lib/apt/lists/*_* /var/cache/apt/*.bin", repaired=True
    ),
    "rpm-cache": Fault(RPM, "dnf -q makecache", by_dnf, PROVIDER, prepare="rm -rf /var/cache/dnf", repaired=True),
    "rpm-repo": Fault(
        RPM,
        "printf '[new]\\nname=new\\nbaseurl=file:///srv/new\\ngpgcheck=0\\nmetadata_expire=never\\n' > /etc/yum.repos.d/new.repo"
        "; dnf -q makecache",
        by_dnf,
        "tiktok-new",
        repaired=True,
    ),
    "rpm-conf": Fault(RPM, "echo 'disable_excludes=all' >> /etc/dnf/dnf.conf", by_dnf),
    "rpm-conf-cleared": Fault(RPM, "echo 'excludepkgs=' >> /etc/dnf/dnf.conf", by_dnf),
    "suse-apply": Fault(SUSE, "mkdir -p /etc/zypp; printf '[main]\\nlocksfile.apply = no\\n' > /etc/zypp/zypp.conf", by_zypper),
    "suse-path": Fault(SUSE, "mkdir -p /etc/zypp; printf '[main]\\nlocksfile.path = /etc/zypp/others\\n' > /etc/zypp/zypp.conf", by_zypper),
    "arch-masked": Fault(
        ARCH,
        "sed -i 's|^\\[options\\]|&\\nHookDir = /etc/pacman.d/hooks\\nHookDir = /etc/pacman.d/site|' /etc/pacman.conf"
        "; mkdir -p /etc/pacman.d/site; ln -s /dev/null /etc/pacman.d/site/00-appban.hook",
        by_pacman,
    ),
    "arch-hookdir": Fault(
        ARCH, "mkdir -p /etc/pacman.d/site; sed -i 's|^\\[options\\]|&\\nHookDir = /etc/pacman.d/site|' /etc/pacman.conf", by_pacman
    ),
    "arch-lists": Fault(ARCH, "pacman -Sy --noconfirm", by_pacman, PROVIDER, prepare="rm -f /var/lib/pacman/sync/*", repaired=True),
    "flat-added": Fault(
        ("flatpak",),
        "flatpak remote-delete --system --force lab; flatpak remote-add --system --no-gpg-verify lab file:///srv/repo/flatpak",
        by_flatpak,
        FLATPAK,
        repaired=True,
    ),
    "flat-opened": Fault(
        ("flatpak",),
        f"printf 'allow *\\n' > {FILTER}; flatpak remote-modify --system --filter={FILTER} lab",
        by_flatpak,
        FLATPAK,
        repaired=True,
    ),
}


@dataclass(frozen=True)
class Story:
    """Ban, fault, look, run: whether the app got in before and after, host by host."""

    fleet: Fleet
    first: Run
    looked: Run
    second: Run
    let_in: Mapping[str, bool]
    lets_in: Mapping[str, bool]


@pytest.fixture(scope="module")
def story(fleet: Fleet) -> Story:
    for name, fault in FAULTS.items():
        host = add_host(fleet, name, fault.backends)
        host.run(["sh", "-euc", fault.prepare], check=True)
    # What the new repository holds.
    host = fleet.hosts["rpm-repo"]
    build_package(host.root, "rpm", Package("tiktok-new", provides=(APP,)), "/srv/new")
    index_rpms(host.root, "/srv/new")
    policy = fleet.policy(CITY)
    first = fleet.enforce(policy, NOW)
    for name, fault in FAULTS.items():
        fleet.hosts[name].run(["sh", "-euc", fault.happen], check=True)
    let_in = {name: fault.gets_in(fleet.hosts[name], fault.name) for name, fault in FAULTS.items()}
    looked = fleet.enforce(policy, LATER, check=True)
    second = fleet.enforce(policy, AT_LAST, must_succeed=False)
    lets_in = {name: fault.gets_in(fleet.hosts[name], fault.name) for name, fault in FAULTS.items()}
    return Story(fleet, first, looked, second, let_in, lets_in)


def test_every_fault_is_one(story: Story) -> None:
    """The block held on every host, and on every host it stopped holding: the package manager itself says so."""
    assert story.first.outcomes() == dict.fromkeys(FAULTS, "compliant")
    assert story.let_in == dict.fromkeys(FAULTS, True)


@pytest.mark.parametrize("name", FAULTS)
def test_a_block_that_no_longer_holds_is_no_longer_claimed(story: Story, name: str) -> None:
    looked, row = story.looked.row(name), story.second.row(name)
    # A look changes nothing, so what it says is what is.
    assert looked["outcome"] not in CLAIMS
    assert looked["drift"] != []
    assert row["drift"] != []
    assert not (story.lets_in[name] and row["outcome"] in CLAIMS)


@pytest.mark.parametrize("name", [name for name, fault in FAULTS.items() if fault.repaired])
def test_what_can_be_closed_again_is_closed_by_the_next_run(story: Story, name: str) -> None:
    assert story.lets_in[name] is False
    assert story.second.outcome(name) == "compliant"


@pytest.mark.parametrize("name", [name for name, fault in FAULTS.items() if not fault.repaired])
def test_what_an_administrator_overrides_is_told_with_what_can_be_done(story: Story, name: str) -> None:
    """Whether the run wins the block back or not: if not, the reason says that somebody's own settings are in the way."""
    if story.lets_in[name]:
        assert story.second.outcome(name) == "cannot_enforce: block_overridden"
    else:
        assert story.second.outcome(name) == "compliant"


def test_the_record_says_whether_it_was_asked_or_read(story: Story) -> None:
    proofs = {"deb-lists": "apt pin (asked)", "rpm-cache": "dnf4 excludes (asked)", "flat-added": "flatpak remote_filter (read)"}
    proofs["arch-lists"] = "pacman hook (read)"
    assert {name: list(story.second.row(name)["mechanism"]) for name in proofs} == {name: [proof] for name, proof in proofs.items()}
