# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""H2: what is wrong with one person's account or home neither stops the system's block nor the other accounts' removals."""

from __future__ import annotations

import pytest

from tests.support.cases import cases

from .support import FILTER, FLATPAK, JANAS_FLATPAK, Machine, banned, seen, told

pytestmark = pytest.mark.fault_kind("H2", "a person's trouble stops the system's block")

APP = banned(flatpak=FLATPAK)
FAKE = f"app/{FLATPAK}/x86_64/stable"


def install_for_jana(machine: Machine) -> None:
    """The real app in jana's own installation."""
    machine.host.start_system_bus()
    machine.host.run(["flatpak", "install", "--user", "-y", "--noninteractive", "lab", FLATPAK], user="jana", check=True)


def is_janas(machine: Machine) -> bool:
    """Whether jana has the app."""
    return machine.host.path(f"{JANAS_FLATPAK}/app/{FLATPAK}").exists()


def is_filtered(machine: Machine) -> bool:
    """Whether the system's remote has our filter."""
    listed = machine.host.run(["flatpak", "remotes", "--system", "--columns=name,filter"], check=True).stdout
    return machine.host.path(FILTER).exists() and f"lab\t{FILTER}" in listed


@pytest.mark.long
def test_a_fake_deployment_in_a_home_does_not_stop_the_systems_block(machine: Machine) -> None:
    machine.as_jana(f"mkdir -p {JANAS_FLATPAK}/{FAKE}; touch {JANAS_FLATPAK}/{FAKE}/active")
    result = machine.ban(APP, backends=["flatpak"])
    assert is_filtered(machine)
    assert seen(result)["block"] == "soft"
    assert "jana" in told(result)
    # Neither is it forgotten: the next run says it again and has nothing to do for the system.
    again = machine.ban(APP, backends=["flatpak"])
    assert is_filtered(machine)
    assert "jana" in told(again)


@cases("trouble", ["usermod -L -s /usr/sbin/nologin -e 1 jana", "chage -E 0 jana", "chage -d 0 jana"])
def test_an_account_that_may_not_log_in_loses_the_app_like_others(machine: Machine, trouble: str) -> None:
    install_for_jana(machine)
    machine.as_root(trouble)
    result = machine.ban(APP, backends=["flatpak"])
    assert not is_janas(machine)
    assert is_filtered(machine)
    assert (seen(result)["removal"], seen(result)["error"]) == ("done", "")


@pytest.mark.long
def test_two_accounts_of_one_home_are_told_apart_by_its_owner(machine: Machine) -> None:
    install_for_jana(machine)
    # Another account of the same home, listed first: an old name, or a second login of the same person.
    accounts = machine.host.path("/etc/passwd")
    accounts.write_text("aaa:x:1002:1002::/home/jana:/bin/sh\n" + accounts.read_text(encoding="utf-8"), encoding="utf-8")
    machine.as_root("echo 'aaa:*:19000:0:99999:7:::' >> /etc/shadow; echo 'aaa:x:1002:' >> /etc/group")
    result = machine.ban(APP, backends=["flatpak"])
    assert not is_janas(machine)
    assert is_filtered(machine)
    assert seen(result)["removal"] == "done"


@pytest.mark.long
def test_a_backup_of_a_home_does_not_stop_the_removal_from_the_home(machine: Machine) -> None:
    install_for_jana(machine)
    machine.as_root("cp -a /home/jana /home/jana.bak")
    result = machine.ban(APP, backends=["flatpak"])
    assert not is_janas(machine)
    assert is_filtered(machine)
    # Somebody's copy of a home is no installation that anybody's flatpak uses; it is told where it lies.
    assert "/home/jana.bak" in told(result)


@pytest.mark.long
def test_a_home_elsewhere_is_found_by_the_account_database(machine: Machine) -> None:
    machine.as_root("mkdir -p /srv/people; usermod -m -d /srv/people/jana jana")
    machine.host.start_system_bus()
    install = ["flatpak", "install", "--user", "-y", "--noninteractive", "lab", FLATPAK]
    machine.host.run(install, user="jana", env={"HOME": "/srv/people/jana"}, check=True)
    result = machine.ban(APP, backends=["flatpak"])
    assert not machine.host.path(f"/srv/people/jana/.local/share/flatpak/app/{FLATPAK}").exists()
    assert seen(result)["removal"] == "done"


def test_an_account_in_trouble_does_not_stop_another_accounts_removal(machine: Machine) -> None:
    machine.as_root("useradd --create-home --uid 1002 --shell /bin/sh adam")
    install_for_jana(machine)
    place = f"/home/adam/.local/share/flatpak/{FAKE}"
    machine.as_root(f"setpriv --reuid adam --regid adam --clear-groups sh -c 'mkdir -p {place}; touch {place}/active'")
    result = machine.ban(APP, backends=["flatpak"])
    assert not is_janas(machine)
    assert is_filtered(machine)
    assert "adam" in told(result)
