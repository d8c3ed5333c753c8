# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""H7: ``compliant`` is said only of what was looked at; every other place has a reason of its own in the evidence."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.lab.hosts import Host
from tests.support.hosts.fleet import DEB, Fleet, Run

from .support import FLATPAK, JANAS_FLATPAK, add_host

# Whole runs on hosts of the lab take seconds each.
pytestmark = [pytest.mark.fault_kind("H7", "compliant without having looked"), pytest.mark.long]

CITY = "inventories/demo/city-tiktok.yml"
NOW, LATER = "2023-03-20T09:00:00+01:00", "2023-03-21T09:00:00+01:00"
PLACE = f"app/{FLATPAK}/x86_64/stable"

# Host -> what a person or an administrator did before; where the app then lies, no run of today's looks.
HOMES = {
    # XDG_DATA_HOME, set as systemd and as the shell read it.
    "xdg": (
        "jana",
        f"""
        mkdir -p ~/data/flatpak/{PLACE} ~/.config/environment.d; touch ~/data/flatpak/{PLACE}/active
        echo 'XDG_DATA_HOME=/home/jana/data' > ~/.config/environment.d/data.conf
        echo 'export XDG_DATA_HOME=$HOME/data' > ~/.profile""",
    ),
    # An account below the ids of persons that has a home all the same, such as a kiosk's.
    "kiosk": (
        "root",
        f"""
        useradd --system --create-home --home-dir /var/lib/kiosk --shell /bin/sh kiosk
        mkdir -p /var/lib/kiosk/.local/share/flatpak/{PLACE}; touch /var/lib/kiosk/.local/share/flatpak/{PLACE}/active
        chown -R kiosk: /var/lib/kiosk""",
    ),
    # A person of a directory service that doesn't answer now.
    "nameless": (
        "root",
        f"""
        mkdir -p /home/ann/.local/share/flatpak/{PLACE}; touch /home/ann/.local/share/flatpak/{PLACE}/active
        chown -R 70001:70001 /home/ann""",
    ),
    # A home that root may not read, as on NFS with root_squash. The interpreter below takes root's right to do so.
    "unreadable": (
        "root",
        f"""
        mkdir -p {JANAS_FLATPAK}/{PLACE}; touch {JANAS_FLATPAK}/{PLACE}/active; chown -R jana: /home/jana; chmod 0700 /home/jana""",
    ),
}
SQUASHED = '#!/bin/sh\nexec setpriv --bounding-set=-dac_override,-dac_read_search /usr/bin/python3 "$@"\n'


@dataclass(frozen=True)
class Story:
    """The first run and the next."""

    fleet: Fleet
    first: Run
    second: Run


@pytest.fixture(scope="module")
def story(fleet: Fleet) -> Story:
    left_out = {"appban_host_backends": list(DEB), "ownership": "corporate"}
    fleet.add("left-out", (*DEB, "flatpak"), ("flatpak", FLATPAK), **left_out)
    fleet.add("left-out-absent", (*DEB, "flatpak"), **left_out)
    add_host(fleet, "all-of-it", ["apt", "dnf4", "zypper", "pacman", "flatpak"])
    for name, (user, script) in HOMES.items():
        options = {"ansible_python_interpreter": "/usr/bin/python3-squashed"} if name == "unreadable" else {}
        host: Host = add_host(fleet, name, ["flatpak"], **options)
        host.write("/usr/bin/python3-squashed", SQUASHED, 0o755)
        host.run(["sh", "-euc", script], user=user, check=True)
    policy = fleet.policy(CITY)
    first, second = (fleet.enforce(policy, now, must_succeed=False) for now in (NOW, LATER))
    return Story(fleet, first, second)


def test_what_is_looked_at_everywhere_is_compliant(story: Story) -> None:
    """The measure of the others: a host without any of these is called compliant."""
    assert story.second.outcome("all-of-it") == "compliant"


@pytest.mark.parametrize("name", ["left-out", "left-out-absent"])
def test_a_package_manager_that_was_left_out_was_not_looked_at(story: Story, name: str) -> None:
    """flatpak is on both hosts, and nobody asked it: whether the app is in it makes no difference to what is known."""
    assert story.first.outcome(name) == "not_observable: backend_left_out"
    assert story.second.outcome(name) == "not_observable: backend_left_out"
    assert "flatpak" in "\n".join(story.second.host_app(name)["notes"])


def test_a_home_that_root_may_not_read_was_not_looked_at(story: Story) -> None:
    assert story.first.outcome("unreadable") == "not_observable: home_unreadable"
    assert story.second.outcome("unreadable") == "not_observable: home_unreadable"
    assert "/home/jana" in "\n".join(story.second.host_app("unreadable")["notes"])


def test_a_home_of_an_owner_without_an_account_is_told(story: Story) -> None:
    for run in (story.first, story.second):
        assert run.row("nameless")["outcome"] not in ("compliant", "removed")
        assert run.row("nameless")["reason"] == "account_unknown"
    assert "70001" in "\n".join(story.second.host_app("nameless")["notes"])


@pytest.mark.parametrize("name", ["xdg", "kiosk"])
def test_an_app_in_an_unusual_place_of_an_account_is_no_compliance(story: Story, name: str) -> None:
    for run in (story.first, story.second):
        assert run.row(name)["outcome"] not in ("compliant", "removed")


def test_the_systems_block_stands_on_all_of_them(story: Story) -> None:
    for name in HOMES:
        assert story.fleet.hosts[name].path("/etc/flatpak/appban.filter").exists(), name
