# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens to a host over time: every package manager at once, an exemption that comes and ends, a machine that changes owner."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pytest

from tests.lab.packages import package_path
from tests.lab.snapshot import Snapshot
from tests.support.hosts.fleet import APP, APPLY, DEB, FLATPAK, LEDGER, RPM, Fleet, Step
from tests.support.hosts.life import LAWS, Life, live, name_of

# Whole runs over hosts with real package managers take a quarter of a minute each.
pytestmark = pytest.mark.long

CITY = "inventories/demo/city-tiktok.yml"
NOW = "2023-03-20T09:00:00+01:00"
ALL_FIVE = ("apt", "dnf4", "zypper", "pacman", "flatpak")


@pytest.fixture(scope="module")
def life(module_fleet: Fleet) -> Life:
    """One host with the app from every package manager at once, the strong form of every block, and an exempt host beside it."""
    fleet = module_fleet
    fleet.add("five", ALL_FIVE, ("deb", APP), ("rpm", APP), ("pacman", APP), ("flatpak", FLATPAK), ownership="corporate")
    fleet.add("press", DEB, ("deb", APP), ownership="corporate", appban_serial="PRESS-0007")
    lifted = fleet.policy(CITY, "lifted.yml", {"state: enforced": "state: lifted"})
    return live(fleet, [fleet.policy(CITY)], [lifted], NOW, enforced=("five",), appban_host_block="strong")


@pytest.mark.parametrize("law", LAWS, ids=name_of)
def test_the_whole_life(life: Life, law: Callable[[Life], None]) -> None:
    law(life)


def test_all_package_managers_of_one_host_remove_and_block_in_one_task(life: Life) -> None:
    planned = life.check.run.host_app("five")
    # dnf and zypper share a database: the package is found, and removed, once.
    assert planned["would_remove"] == [
        "apt: tiktok-desktop 2.0",
        "dnf4: tiktok-desktop 2.0-1.noarch",
        "pacman: tiktok-desktop 2.0-1",
        "flatpak: com.tiktok.Desktop x86_64/stable",
    ]
    done = life.apply.run.host_app("five", APPLY)
    assert {each["backend"] for each in done["blocked"]} == set(ALL_FIVE)
    assert {each["backend"] for each in done["blocked"] if each["strength"] == "strong"} >= {"apt", "dnf4", "pacman"}
    gone = {line for line in life.apply.different["five"] if " gone " in line}
    assert gone == {
        "deb: gone tiktok-desktop 2.0 ii",
        "rpm: gone tiktok-desktop 0:2.0-1",
        "pacman: gone tiktok-desktop 2.0-1",
        "flatpak: gone app/com.tiktok.Desktop/x86_64/stable",
    }
    assert life.apply.run.outcome("five") == "removed"
    assert life.apply.run.outcome("press") == "exempt"


def test_no_package_manager_takes_the_app_back_and_after_the_lift_all_do(fleet: Fleet) -> None:
    host = fleet.add("again", ALL_FIVE, ("deb", APP), ownership="corporate")
    attempts = [
        ["apt-get", "-y", "install", APP],
        ["apt-get", "-y", "install", f"{APP}=1.0"],
        ["dpkg", "-i", package_path("deb", APP, "1.0")],
        ["dnf", "-y", "install", APP],
        ["rpm", "-i", package_path("rpm", APP, "1.0")],
        ["pacman", "--noconfirm", "-S", APP],
        ["flatpak", "install", "--system", "-y", "--noninteractive", "lab", FLATPAK],
    ]
    assert fleet.enforce(fleet.policy(CITY), NOW, appban_host_block="strong").outcome("again") == "removed"
    for attempt in attempts:
        assert host.run(attempt).returncode != 0, attempt
    assert not any(fleet.installed("again", kind) for kind in ("deb", "rpm", "pacman"))
    assert not fleet.installed("again", "flatpak", FLATPAK)

    fleet.enforce(fleet.policy(CITY, replace={"state: enforced": "state: lifted"}), NOW)
    for attempt in (attempts[0], attempts[3], attempts[5], attempts[6]):
        host.run(attempt, check=True)
    assert all(fleet.installed("again", kind) for kind in ("deb", "rpm", "pacman"))


@pytest.mark.fault_kind("H14", "the first host's block form decided for the whole fleet")
def test_the_form_of_a_block_is_each_hosts_own_whoever_comes_first(fleet: Fleet) -> None:
    fleet.add("a-soft", DEB, ownership="corporate")
    fleet.add("b-strong", DEB, ownership="corporate", appban_host_block="strong")
    fleet.add("c-soft", DEB, ownership="corporate")
    run = fleet.enforce(fleet.policy(CITY), NOW, appban_evidence="all")
    guarded = {host for host in fleet.hosts if "apt guard (asked)" in run.row(host)["mechanism"]}
    assert guarded == {"b-strong"}
    assert fleet.enforce(fleet.policy(CITY), NOW).changed == 0


# -- an exemption that comes and ends, and a machine that changes its owner ------------------------------------------------

UK = "policies/uk.yml"
# Nothing under review here: an exempt device and one of a former owner must not be looked at in any way.
NO_REVIEW = {"review: [capcut, lemon8, temu, wechat]\n": ""}
EXEMPTION = """
exemptions:
  - id: EX-2023-021
    devices: [CASE-1, CASE-2]
    category: enforcement
    reason: A case that can't wait
    approved_by: Head of Security
    granted: 2023-04-01
    expires: 2023-06-30
    mitigations: [separate device]
"""


@dataclass(frozen=True)
class Story:
    """Four runs over some months; what is told of each host stands in the fixture."""

    fleet: Fleet
    before: Mapping[str, Snapshot]
    banned: Step
    exempted: Step
    expired: Step
    later: Step


@pytest.fixture(scope="module")
def story(second_fleet: Fleet) -> Story:
    """case-*: exempted in April, until the end of June. desk-deb: never. sold-rpm: becomes its user's own in April."""
    fleet = second_fleet
    fleet.add("case-deb", DEB, ("deb", APP), ownership="corporate", appban_serial="CASE-1")
    fleet.add("case-rpm", RPM, ("rpm", APP), ownership="corporate", appban_serial="CASE-2")
    fleet.add("desk-deb", DEB, ("deb", APP), ownership="corporate", appban_serial="DESK-1")
    fleet.add("sold-rpm", RPM, ("rpm", APP), ownership="corporate", appban_serial="SOLD-1")
    fleet.watched = tuple(fleet.hosts)
    policy = fleet.policy(UK, replace=NO_REVIEW)
    before = fleet.snapshots()
    banned = fleet.step(before, policy, "2023-03-20T09:00:00Z")
    policy = fleet.policy(UK, replace=NO_REVIEW, append=EXEMPTION)
    fleet.variables["sold-rpm"]["ownership"] = "personal"
    exempted = fleet.step(banned.after, policy, "2023-04-03T09:00:00Z")
    fleet.hosts["case-deb"].run(["apt-get", "-y", "install", APP], check=True)
    fleet.hosts["sold-rpm"].run(["dnf", "-y", "install", APP], check=True)
    # Expires at the end of 30 June in London: 23:00 UTC.
    expired = fleet.step(fleet.snapshots(), policy, "2023-06-30T23:00:00Z")
    later = fleet.step(expired.after, policy, "2023-07-01T09:00:00Z")
    return Story(fleet, before, banned, exempted, expired, later)


def test_an_exemption_granted_later_lifts_the_block_from_its_device_only(story: Story) -> None:
    assert story.banned.run.outcomes() == dict.fromkeys(story.fleet.variables, "removed")
    assert story.exempted.run.outcome("case-deb") == "exempt"
    assert story.exempted.run.outcome("case-rpm") == "exempt"
    for name in ("case-deb", "case-rpm"):
        left = story.before[name].difference(story.exempted.after[name])
        assert left
        assert [line for line in left if "tiktok" not in line and not line.startswith(("gone /etc/opt", "gone /opt"))] == []
    assert (story.exempted.run.outcome("desk-deb"), story.exempted.different["desk-deb"]) == ("compliant", [])


def test_lifting_for_an_exemption_asks_no_package_manager_what_is_installed(story: Story) -> None:
    assert story.exempted.opened["case-rpm"] == []
    # dpkg is asked for our guard package and for the names that we blocked, whose leftover wishes go with the pin; to answer, it
    # opens its database. tests/unit/hosts/test_apt.py shows that no other name is asked for.
    assert {path for path in story.exempted.opened["case-deb"] if not path.startswith("/var/lib/dpkg")} == {"/usr/bin/dpkg-query"}


def test_a_machine_that_becomes_personal_gets_our_block_lifted_and_nothing_else_read(story: Story) -> None:
    assert story.exempted.run.outcome("sold-rpm") == "out_of_scope"
    assert [each["op"] for each in story.exempted.run.changes("sold-rpm", APPLY)] == ["update"]
    assert story.exempted.opened["sold-rpm"] == []
    assert not any(LEDGER in path or "appban" in path for path in story.exempted.after["sold-rpm"].files)
    row = story.exempted.run.row("sold-rpm")
    assert (row["before"], row["findings"], row["actions"]) == ("not_observed", [], [])
    # Its owner may have the app from then on, and nobody looks.
    for step in (story.expired, story.later):
        assert (step.different["sold-rpm"], step.written["sold-rpm"], step.opened["sold-rpm"]) == ([], [], [])
        assert step.run.outcome("sold-rpm") == "out_of_scope"


def test_an_exemption_that_expired_is_enforced_and_named_and_then_it_is_over(story: Story) -> None:
    row = story.expired.run.row("case-deb")
    assert (row["outcome"], row["reason"], row["before"]) == ("exemption_expired", "removed", "present")
    assert (row["exemption"]["id"], row["exemption"]["state"]) == ("EX-2023-021", "expired")
    # The other device of the exemption never used it: nothing to remove, only the block comes back.
    assert story.expired.run.outcome("case-rpm") == "compliant"
    assert {each["kind"] for each in story.expired.run.changes("case-rpm")}.isdisjoint({"package"})
    assert story.expired.run.totals["totals"]["tiktok"] == {"compliant": 2, "exemption_expired": 1, "out_of_scope": 1}
    assert story.later.run.changed == 0
    assert story.later.run.outcome("case-deb") == "compliant"
