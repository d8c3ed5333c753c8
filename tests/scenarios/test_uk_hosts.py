# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The United Kingdom, 16 March 2023: corporate devices at once, personal ones never, exemptions case by case, others under review."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from tests.lab.snapshot import layer, writes_since
from tests.support.hosts.fleet import APP, DEB, HOST_APP, RPM, Fleet
from tests.support.hosts.life import LAWS, Life, live, name_of

# Whole runs take many seconds each.
pytestmark = pytest.mark.long

NOW = "2023-03-20T09:00:00Z"
UK = "policies/uk.yml"
LIFT = {"state: enforced": "state: lifted"}
EXEMPTION = """
exemptions:
  - id: EX-2023-014
    devices: [HO-0007]
    apps: [tiktok]
    category: online_harm
    reason: Case work on online harm
    approved_by: Head of Security, Home Office
    granted: 2023-03-17
    expires: 2023-12-31T23:59:59
    mitigations: [separate device, no work accounts]
"""


def corporate(department: str, serial: str = "", user: str = "") -> dict[str, object]:
    """What the inventory says of a government device."""
    known: dict[str, object] = {"ownership": "corporate", "department": department}
    if serial:
        known["appban_serial"] = serial
    if user:
        known["appban_device"] = {"user": user}
    return known


@pytest.fixture(scope="module")
def life(module_fleet: Fleet) -> Life:
    fleet = module_fleet
    fleet.add("tax-deb", DEB, ("deb", APP), ("deb", "vlc-lab"), **corporate("Treasury"))
    fleet.add("harm-deb", DEB, ("deb", APP), **corporate("Home Office", "HO-0007", "case.worker"))
    # The same user's other device.
    fleet.add("harm-rpm", RPM, ("rpm", APP), ("rpm", "vlc-lab"), **corporate("Home Office", "HO-0008", "case.worker"))
    fleet.add("own-deb", DEB, ("deb", APP), ("deb", "vlc-lab"), ownership="personal", department="Treasury")
    fleet.add("lost-deb", DEB, ("deb", APP), department="Treasury")
    enforced = fleet.policy(UK, append=EXEMPTION)
    return live(
        fleet,
        [enforced],
        [fleet.policy(UK, "lifted.yml", LIFT, EXEMPTION)],
        NOW,
        enforced=("tax-deb", "harm-rpm"),
        # Exempt from the ban, and like every corporate device part of the review of other apps.
        looked_at=("harm-deb",),
        unclassified=("lost-deb",),
    )


@pytest.mark.parametrize("law", LAWS, ids=name_of)
def test_the_whole_life(life: Life, law: Callable[[Life], None]) -> None:
    law(life)


def test_U1_corporate_devices_of_every_department_and_no_others(life: Life) -> None:
    assert life.apply.run.outcomes() == {
        "tax-deb": "removed",
        "harm-deb": "exempt",
        "harm-rpm": "removed",
        "own-deb": "out_of_scope",
        "lost-deb": "unclassified",
    }
    assert life.apply.run.totals["in_scope"] == 3
    # Nothing of a personal or unknown device's packages was read: a law of its life watched them being opened.
    for name in ("own-deb", "lost-deb"):
        assert life.fleet.installed(name, "deb")
        assert (life.apply.run.row(name)["before"], life.apply.run.row(name)["findings"]) == ("not_observed", [])


def test_U2_the_first_apply_enforces_and_the_app_stays_out(life: Life) -> None:
    assert life.check.run.header["policies"][0]["policy"] == "uk"
    assert life.apply.run.totals["totals"]["tiktok"] == {"removed": 2, "exempt": 1, "out_of_scope": 1, "unclassified": 1}
    assert [each["op"] for each in life.apply.run.changes("tax-deb")] == ["delete", "create"]
    assert life.again.run.totals["totals"]["tiktok"] == {"compliant": 2, "exempt": 1, "out_of_scope": 1, "unclassified": 1}


def test_U3_an_exempt_device_is_named_with_approver_reason_and_end_and_its_siblings_are_enforced(life: Life) -> None:
    row = life.check.run.row("harm-deb")
    assert row["outcome"] == "exempt"
    exemption = row["exemption"]
    assert (exemption["id"], exemption["approved_by"]) == ("EX-2023-014", "Head of Security, Home Office")
    assert (exemption["reason"], exemption["expires"]) == ("Case work on online harm", "2023-12-31T23:59:59")
    for said in ("EX-2023-014", "Head of Security, Home Office", "Case work on online harm", "2023-12-31"):
        assert said in row["explanation"]
    assert life.fleet.installed("harm-deb", "deb")
    assert life.apply.run.outcome("tax-deb") == "removed"


def test_U5_a_device_exemption_does_not_reach_the_users_other_device(life: Life) -> None:
    assert life.apply.run.outcome("harm-deb") == "exempt"
    assert life.apply.run.outcome("harm-rpm") == "removed"
    assert life.apply.run.row("harm-rpm")["exemption"] is None


def test_U6_apps_under_review_are_counted_per_department_and_never_touched(life: Life) -> None:
    for step in (life.check, life.apply, life.again):
        rows = [row for row in step.run.rows if row["app"] == "capcut"]
        assert Counter(row["department"] for row in rows if row["before"] == "present") == {"Treasury": 1, "Home Office": 1}
        assert all(row["actions"] == [] for row in rows)
        assert step.run.outcome("tax-deb", "capcut") == "not_in_force: under_review"
        # Personal and unknown devices are not counted either.
        assert step.run.row("own-deb", "capcut")["before"] == "not_observed"
        assert step.run.row("lost-deb", "capcut")["before"] == "not_observed"
    for name, kind in (("tax-deb", "deb"), ("harm-rpm", "rpm"), ("own-deb", "deb")):
        assert life.fleet.installed(name, kind, "vlc-lab")


def test_U8_mitigations_are_in_the_report(life: Life) -> None:
    assert life.apply.run.row("harm-deb")["exemption"]["mitigations"] == ["separate device", "no work accounts"]


def test_U4_U8_an_exemption_outside_the_rules_is_refused_before_any_host_is_contacted(fleet: Fleet) -> None:
    host = fleet.add("desk-deb", DEB, ("deb", APP), **corporate("Treasury", "T-1"))
    policy = fleet.policy(
        UK,
        append="""
exemptions:
  - {id: EX-1, devices: [T-1], category: curiosity, reason: To look, approved_by: A. Clerk, granted: 2023-03-17, expires: 2023-06-30,
     mitigations: [separate device]}
  - {id: EX-2, devices: [T-2], category: enforcement, reason: Case work, granted: 2023-03-17, expires: 2023-06-30, mitigations: [x]}
  - {id: EX-3, devices: [T-3], category: enforcement, approved_by: A. Clerk, granted: 2023-03-17, expires: 2023-06-30, mitigations: [x]}
  - {id: EX-4, devices: [T-4], category: enforcement, reason: Case work, approved_by: A. Clerk, granted: 2023-03-17, expires: 2023-06-30}
  - {id: EX-5, users: [case.worker], category: enforcement, reason: Case work, approved_by: A. Clerk, granted: 2023-03-17,
     expires: 2023-06-30, mitigations: [x]}
""",
    )
    written = layer(host)
    play = fleet.play(policy, NOW, must_succeed=False)
    assert play.returncode != 0
    said = play.stdout + play.stderr
    for problem in (
        "exemptions[0].category: found 'curiosity'",
        "exemptions[1]: found no approved_by",
        "exemptions[2]: found no reason",
        "exemptions[3].mitigations: found nothing",
        # U5: a user alone does not say which devices.
        "exemptions[4].users: ",
    ):
        assert problem in said, problem
    assert "enforcement, online_harm, other_work" in said
    assert "Traceback" not in said
    assert play.of("desk-deb", HOST_APP) == ()
    assert writes_since(host, written) == []
    assert fleet.records() == []


def test_U5_an_exemption_follows_its_user_only_if_it_says_so(fleet: Fleet) -> None:
    for name, serial, user in (
        ("one-deb", "HO-1", "case.worker"),
        ("two-deb", "HO-2", "case.worker"),
        ("three-deb", "HO-3", "someone.else"),
        ("four-deb", "HO-4", "someone.else"),
    ):
        fleet.add(name, DEB, **corporate("Home Office", serial, user))
    common = "category: enforcement, reason: Case work, approved_by: Head of Security, granted: 2023-03-17, expires: 2023-06-30"
    policy = fleet.policy(
        UK,
        append=f"""
exemptions:
  - {{id: EX-1, users: [case.worker], follow_user: true, {common}, mitigations: [separate device]}}
  - {{id: EX-2, users: [someone.else], devices: [HO-3], {common}, mitigations: [separate device]}}
""",
    )
    assert fleet.enforce(policy, NOW, check=True).outcomes() == {
        "one-deb": "exempt",
        "two-deb": "exempt",
        "three-deb": "exempt",
        "four-deb": "violating: check_mode",
    }
