# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who really loses access to work under the European Commission's decision: conditional access, exemptions, odd devices (E4, E5, E7)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.intune.commission import ANNOUNCED, DEADLINE, NO_DIRECTORY_ID, REASON, after, commission, decision, exemption

pytestmark = [pytest.mark.usefixtures("graph_contract"), pytest.mark.long]

SOME_DAYS = after(ANNOUNCED, days=3)


def hour(number: int) -> str:
    """So many hours after the deadline."""
    return after(DEADLINE, hours=number)


def warns(run: Any) -> bool:
    return any("no conditional access policy in force demands a compliant device" in note for note in run.values["notes"])


@pytest.mark.parametrize("way", ["none", "disabled", "report-only", "or mfa"])
def test_E4_without_conditional_access_nobody_loses_access_and_nobody_says_so(tmp_path: Path, way: str) -> None:
    ways: dict[str, dict[str, Any]] = {
        "none": {"state": ""},
        "disabled": {"state": "disabled"},
        "report-only": {"state": "enabledForReportingButNotEnforced"},
        "or mfa": {"grantControls": {"operator": "OR", "builtInControls": ["mfa", "compliantDevice"]}},
    }
    with commission(tmp_path) as ec:
        ec.enroll("PRIVATE", "ios_personal")
        ec.conditional_access(**ways[way])
        assert warns(ec.run(ANNOUNCED))
        ec.run(DEADLINE)
        for number in (1, 2):
            run = ec.run(hour(number))
            assert run.outcome("PRIVATE") == ("cannot_enforce", "no_conditional_access")
            assert warns(run)
        assert ec.device("PRIVATE")["work_access"]
        assert ec.story("PRIVATE", "withdrawn") == []


@pytest.mark.parametrize("operator", ["AND", "OR"])
def test_E4_conditional_access_that_demands_compliance_counts(tmp_path: Path, operator: str) -> None:
    controls = ["mfa", "compliantDevice"] if operator == "AND" else ["compliantDevice"]
    with commission(tmp_path) as ec:
        ec.enroll("PRIVATE", "ios_personal")
        ec.conditional_access(grantControls={"operator": operator, "builtInControls": controls})
        assert not warns(ec.run(ANNOUNCED))
        ec.run(DEADLINE)
        assert ec.run(hour(1)).outcome("PRIVATE") == ("access_withdrawn", "")
        assert not ec.device("PRIVATE")["work_access"]


def test_E4_whoever_conditional_access_leaves_out_is_noted(tmp_path: Path) -> None:
    everybody = {"users": {"includeUsers": ["All"]}, "applications": {"includeApplications": ["All"]}, "clientAppTypes": ["all"]}
    but_one = {**everybody, "users": {"includeUsers": ["All"], "excludeUsers": ["00000000-0000-4000-8000-000000000001"]}}
    with commission(tmp_path) as ec:
        ec.enroll("PRIVATE", "ios_personal")
        for conditions, noted in ((everybody, False), (but_one, True), (everybody, False)):
            ec.conditional_access(conditions=conditions)
            notes = ec.run(ANNOUNCED).values["notes"]
            assert any("does not cover all users" in note for note in notes) is noted


def test_E4_conditional_access_that_comes_goes_and_comes_again_is_followed(tmp_path: Path) -> None:
    with commission(tmp_path) as ec:
        ec.enroll("PRIVATE", "ios_personal")
        ec.conditional_access(state="disabled")
        ec.run(ANNOUNCED)
        ec.run(DEADLINE)
        assert ec.run(hour(1)).outcome("PRIVATE") == ("cannot_enforce", "no_conditional_access")
        for number, state in enumerate(["enabled", "disabled", "enabled"], 2):
            ec.conditional_access(state=state)
            run = ec.run(hour(number))
            expected = ("access_withdrawn", "") if state == "enabled" else ("cannot_enforce", "no_conditional_access")
            assert run.outcome("PRIVATE") == expected
            assert ec.device("PRIVATE")["work_access"] is (state == "disabled")
            assert not run.changed()
        assert ec.story("PRIVATE", "withdrawn", "restored") == [("withdrawn", hour(2)), ("restored", hour(3)), ("withdrawn", hour(4))]


def test_E4_a_device_that_is_not_compliant_for_other_reasons_is_none_of_ours(tmp_path: Path) -> None:
    with commission(tmp_path) as ec:
        ec.enroll("BROKEN", "ios_personal", tiktok=False, other_compliance="noncompliant")
        for now in (ANNOUNCED, SOME_DAYS, DEADLINE, hour(1)):
            run = ec.run(now)
        assert run.outcome("BROKEN") == ("compliant", "")
        assert ec.story("BROKEN", "withdrawn", "restored") == []


def test_E4_an_exempt_private_device_is_never_reached(tmp_path: Path) -> None:
    policy = decision(tmp_path, exemptions=[exemption("press", "EXEMPT")])
    with commission(tmp_path, policy) as ec:
        ec.enroll("EXEMPT", "ios_personal")
        ec.enroll("PRIVATE", "ios_personal")
        ec.enroll("PRIVATE2", "ios_personal")
        for now in (ANNOUNCED, SOME_DAYS, DEADLINE, hour(1), hour(2)):
            run = ec.run(now)
            assert run.outcome("EXEMPT") == ("exempt", "")
            assert run.row("EXEMPT")["findings"] == []
            ec.clock(now)
            device = ec.device("EXEMPT")
            assert (device["compliance"], device["work_access"], device["notifications"]) == ("compliant", True, [])
            assert device["violations"] == {}
        assert not ec.device("PRIVATE")["work_access"]
        assert not ec.device("PRIVATE2")["work_access"]


def test_E4_a_user_with_an_exempt_and_another_device_reports_neither_by_mistake(tmp_path: Path) -> None:
    """The list that makes private devices report goes to users: the exempt device of a user must not be made to report by it."""
    policy = decision(tmp_path, exemptions=[exemption("press", "EXEMPT")])
    with commission(tmp_path, policy) as ec:
        ec.enroll("EXEMPT", "ios_personal")
        ec.enroll("OTHER", "ios_personal", user="EXEMPT")
        ec.enroll("PRIVATE", "ios_personal")
        for now in (ANNOUNCED, SOME_DAYS, DEADLINE, hour(1), hour(2)):
            run = ec.run(now)
            assert ec.device("EXEMPT")["violations"] == {}
            assert ec.device("EXEMPT")["compliance"] == "compliant"
        # The other one can't be made to report alone, and that is what its row says; it loses its access all the same.
        assert ec.device("OTHER")["violations"] == {}
        assert run.outcome("OTHER") == ("not_observable", "privacy_setting")
        assert not ec.device("OTHER")["work_access"]
        assert run.outcome("PRIVATE") == ("access_withdrawn", "")


def test_E4_a_user_whose_official_device_is_exempt_still_reports_from_the_private_one(tmp_path: Path) -> None:
    policy = decision(tmp_path, exemptions=[exemption("press", "EXEMPT")])
    with commission(tmp_path, policy) as ec:
        ec.enroll("EXEMPT", "ios_supervised")
        ec.enroll("PRIVATE", "ios_personal", user="EXEMPT")
        for now in (ANNOUNCED, SOME_DAYS, DEADLINE, hour(1)):
            run = ec.run(now)
        assert run.outcome("PRIVATE") == ("access_withdrawn", "")
        device = ec.device("EXEMPT")
        assert (device["violations"], device["compliance"], device["work_access"]) == ({}, "compliant", True)


def test_E5_an_exemption_gives_access_back_and_its_end_takes_it_again(tmp_path: Path) -> None:
    granted = decision(tmp_path, exemptions=[exemption("press", "PRIVATE", granted="2023-03-15", expires="2023-03-31")])
    end = "2023-03-31T22:00:00Z"
    with commission(tmp_path) as ec:
        ec.enroll("PRIVATE", "ios_personal")
        ec.enroll("OTHER", "ios_personal")
        for now in (ANNOUNCED, SOME_DAYS, DEADLINE):
            ec.run(now)
        assert ec.run(hour(1)).outcome("PRIVATE") == ("access_withdrawn", "")
        assert ec.run(hour(2), granted).outcome("PRIVATE") == ("exempt", "release_pending")
        ec.clock(hour(3))
        assert ec.device("PRIVATE")["work_access"]
        assert not ec.device("OTHER")["work_access"]
        quiet = ec.run(hour(4), granted)
        assert quiet.writes() == []
        last_second = ec.run(after(end, seconds=-1), granted)
        assert last_second.outcome("PRIVATE") == ("exempt", "")
        assert ec.device("PRIVATE")["work_access"]
        ec.run(end, granted)
        ec.clock(after(end, hours=1))
        assert not ec.device("PRIVATE")["work_access"]
        run = ec.run(after(end, hours=2), granted)
        assert run.outcome("PRIVATE")[0] == "exemption_expired"
        assert [event for event, _at in ec.story("PRIVATE", "withdrawn", "restored")] == ["withdrawn", "restored", "withdrawn"]
        assert REASON not in json.dumps(run.values)


def test_E4_a_device_that_the_directory_does_not_know(tmp_path: Path) -> None:
    """Groups hold directory objects. Without one a device is reached by its ownership or not at all, and its row says so."""
    exempting = decision(tmp_path, exemptions=[exemption("press", "UNNAMED")])
    with commission(tmp_path) as ec:
        ec.enroll("UNNAMED", "ios_personal", azure_id=NO_DIRECTORY_ID)
        ec.enroll("PRIVATE", "ios_personal")
        for now in (ANNOUNCED, SOME_DAYS, DEADLINE, hour(1)):
            run = ec.run(now)
        assert run.outcome("UNNAMED") == ("access_withdrawn", "")
        assert not ec.device("UNNAMED")["work_access"]
        # It can't be put into a group of exceptions, so nothing may reach all private devices any more.
        ec.run(hour(2), exempting)
        run = ec.run(hour(3), exempting)
        assert run.outcome("UNNAMED") == ("exempt", "")
        device = ec.device("UNNAMED")
        assert (device["work_access"], device["compliance"]) == (True, "compliant")
        assert run.outcome("PRIVATE") == ("access_withdrawn", "")


def test_E9_a_device_that_a_group_would_have_to_name_and_can_not(tmp_path: Path) -> None:
    replaced = {"when: {ownership: personal, work_apps: true}": "when: {ownership: personal, work_apps: true, organisation: commission}"}
    with commission(tmp_path, decision(tmp_path, replaced=replaced)) as ec:
        ec.enroll("UNNAMED", "ios_personal", azure_id=NO_DIRECTORY_ID)
        ec.enroll("NAMED", "ios_personal")
        assets = ec.assets({serial: {"organisation": "commission"} for serial in ec.ids})
        for now in (ANNOUNCED, SOME_DAYS, DEADLINE, hour(1)):
            run = ec.run(now, assets=assets)
        assert run.outcome("NAMED") == ("access_withdrawn", "")
        assert run.outcome("UNNAMED") == ("cannot_enforce", "not_registered")
        assert ec.device("UNNAMED")["work_access"]


def test_E7_a_device_without_a_user_loses_its_access_too(tmp_path: Path) -> None:
    with commission(tmp_path) as ec:
        ec.enroll("KIOSK", "ios_supervised_userless", user=None)
        ec.enroll("PRIVATE_USERLESS", "ios_personal", user=None)
        for now in (ANNOUNCED, SOME_DAYS, DEADLINE, hour(1), hour(2)):
            run = ec.run(now)
        assert ec.device("KIOSK")["compliance"] == ec.device("PRIVATE_USERLESS")["compliance"] == "noncompliant"
        assert run.outcome("KIOSK") == ("access_withdrawn", "")
        # Nothing makes it report: what its compliance says of its apps is not told apart from what else may be wrong with it.
        assert run.outcome("PRIVATE_USERLESS") == ("not_observable", "privacy_setting")
        assert not run.changed()


def test_E4_devices_that_can_not_lose_access_are_said_not_to(tmp_path: Path) -> None:
    kinds = ("ios_user_enrollment", "android_work_profile", "windows_personal", "mac_personal")
    with commission(tmp_path) as ec:
        for kind in kinds:
            ec.enroll(kind, kind)
        for now in (ANNOUNCED, SOME_DAYS, DEADLINE, hour(1), hour(2)):
            run = ec.run(now)
        assert not run.changed()
        for kind in kinds:
            assert "TikTok" in ec.apps(kind)
            assert ec.device(kind)["work_access"]
            assert run.outcome(kind)[0] in ("cannot_enforce", "not_observable")
