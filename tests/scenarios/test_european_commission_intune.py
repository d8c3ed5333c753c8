# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The European Commission's decision of 23 February 2023 in a simulated Intune tenant: scopes, deadline, ways back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.intune.commission import ANNOUNCED, DEADLINE, REASON, after, commission, decision, exemption

pytestmark = [pytest.mark.usefixtures("graph_contract"), pytest.mark.long]

BEFORE, AT, PAST = after(DEADLINE, seconds=-1), DEADLINE, after(DEADLINE, seconds=1)


def test_E1_one_policy_has_two_scopes_and_nobody_else(tmp_path: Path) -> None:
    with commission(tmp_path) as ec:
        ec.enroll("OFFICIAL", "ios_supervised")
        ec.enroll("PRIVATE", "ios_personal")
        ec.enroll("WHOSE", "ios_supervised", ownership="unknown")
        ec.enroll("WHOSE2", "ios_personal", ownership="unknown")
        for now in (ANNOUNCED, after(ANNOUNCED, days=1), after(DEADLINE, hours=1)):
            run = ec.run(now)
        rules = {serial: run.row(serial)["rule"] for serial in ("OFFICIAL", "PRIVATE")}
        assert rules == {"OFFICIAL": "Corporate devices", "PRIVATE": "Personal devices with work apps"}
        ec.clock(after(DEADLINE, hours=2))
        assert not ec.device("PRIVATE")["work_access"]
        assert not ec.device("OFFICIAL")["work_access"]
        for serial in ("WHOSE", "WHOSE2"):
            assert run.outcome(serial) == ("unclassified", "")
            assert "tiktok" not in json.dumps(run.row(serial)["findings"]).lower()
            device = ec.device(serial)
            assert (device["work_access"], device["notifications"], device["compliance"]) == (True, [], "compliant")
            assert device["violations"] == {}


def test_E3_until_the_last_second_it_is_advice_and_nothing_is_blocked(tmp_path: Path) -> None:
    with commission(tmp_path) as ec:
        ec.enroll("PRIVATE", "ios_personal")
        ec.enroll("OFFICIAL", "ios_supervised")
        first = ec.run(ANNOUNCED)
        assert "2023-03-15" in ec.notices("PRIVATE")[0]["body"]
        assert "European Commission" in ec.notices("PRIVATE")[0]["body"]
        plan = json.dumps(first.values["diff"])
        assert "2023-03-15" in plan
        for now in (after(ANNOUNCED, days=5), BEFORE):
            run = ec.run(now)
            assert run.outcome("PRIVATE") == ("advised", "")
            assert run.outcome("OFFICIAL") == ("advised", "")
        ec.clock(BEFORE)
        for serial in ("PRIVATE", "OFFICIAL"):
            device = ec.device(serial)
            assert (device["work_access"], device["compliance"]) == (True, "inGracePeriod")
            assert "TikTok" in ec.apps(serial)
        assert not ec.objects("configurationPolicies")
        assert ec.story("PRIVATE", "withdrawn") == []


@pytest.mark.parametrize("now", [AT, PAST])
def test_E4_from_the_deadline_on_a_private_device_loses_work_and_keeps_its_app(tmp_path: Path, now: str) -> None:
    with commission(tmp_path) as ec:
        ec.enroll("PRIVATE", "ios_personal")
        ec.enroll("CLEAN", "ios_personal", tiktok=False)
        ec.run(ANNOUNCED)
        ec.run(after(ANNOUNCED, days=1))
        # The device was found a day after the policy was armed, so its own grace would end a day late without a run.
        assert ec.device("PRIVATE")["work_access"]
        run = ec.run(now)
        assert run.outcome("PRIVATE") == ("violating", "awaiting_check_in")
        ec.clock(now)
        assert not ec.device("PRIVATE")["work_access"]
        assert ec.device("CLEAN")["work_access"]
        assert ec.apps("PRIVATE") == ["Microsoft Teams", "TikTok"]
        later = ec.run(after(now, minutes=5))
        assert later.outcome("PRIVATE") == ("access_withdrawn", "")
        assert later.outcome("CLEAN") == ("compliant", "")
        assert ec.story("PRIVATE", "withdrawn") == [("withdrawn", after(now, minutes=5))]
        assert not ec.run(after(now, minutes=6)).changed()


@pytest.mark.parametrize("offset", ["2023-03-15T00:00:00+01:00", "2023-03-14T18:00:00-05:00", "2023-03-15T12:45:00+13:45"])
def test_E4_an_instant_is_the_same_in_every_offset(tmp_path: Path, offset: str) -> None:
    with commission(tmp_path) as ec:
        ec.enroll("PRIVATE", "ios_personal")
        ec.run(ANNOUNCED)
        run = ec.tenant.run(ec.policies, offset, check=True)
        assert run.row("PRIVATE")["actions"] == ["advise", "withdraw_access"]
        assert run.rows[0]["now"] == DEADLINE


@pytest.mark.parametrize(
    ("deadline", "instant"),
    [
        # The days on which the clock is moved, the hours next to it, and an hour that comes twice and so needs its offset.
        ("2023-03-26T01:59:59", "2023-03-26T00:59:59Z"),
        ("2023-03-26T03:00:00", "2023-03-26T01:00:00Z"),
        ("2023-03-27T00:00:00", "2023-03-26T22:00:00Z"),
        ("2023-10-29T00:00:00", "2023-10-28T22:00:00Z"),
        ("2023-10-29T02:30:00+01:00", "2023-10-29T01:30:00Z"),
        ("2023-10-30T00:00:00", "2023-10-29T23:00:00Z"),
    ],
)
def test_E4_summer_time_moves_the_deadline_with_the_wall_clock(tmp_path: Path, deadline: str, instant: str) -> None:
    with commission(tmp_path, decision(tmp_path, deadline)) as ec:
        ec.enroll("PRIVATE", "ios_personal")
        ec.run(ANNOUNCED)
        ec.run(after(ANNOUNCED, days=1))
        ec.run(after(instant, seconds=-1))
        ec.clock(after(instant, seconds=-1))
        assert ec.device("PRIVATE")["work_access"]
        ec.run(instant)
        ec.clock(instant)
        assert not ec.device("PRIVATE")["work_access"]


def test_E4_a_deadline_more_than_a_year_ahead_is_not_armed_and_the_run_says_so(tmp_path: Path) -> None:
    with commission(tmp_path, decision(tmp_path, "2024-03-15T00:00:00")) as ec:
        ec.enroll("PRIVATE", "ios_personal")
        first = ec.run(ANNOUNCED)
        assert ec.objects("deviceCompliancePolicies") == []
        assert any("less than a year ahead" in note for note in first.values["notes"])
        second = ec.run(after(ANNOUNCED, days=1))
        assert second.outcome("PRIVATE") == ("advised", "")
        nearer = ec.run("2023-03-20T00:00:00Z")
        assert ec.grace_hours() == [24 * 361]
        assert not any("year ahead" in note for note in nearer.values["notes"])


@pytest.mark.parametrize(
    ("edited", "at"),
    [
        ("2023-03-10T00:00:00", "2023-03-09T23:00:00Z"),
        ("2023-03-20T00:00:00", "2023-03-19T23:00:00Z"),
    ],
)
def test_E4_a_deadline_that_is_moved_counts_and_the_old_one_does_not(tmp_path: Path, edited: str, at: str) -> None:
    with commission(tmp_path) as ec:
        ec.enroll("PRIVATE", "ios_personal")
        ec.run(ANNOUNCED)
        ec.run(after(ANNOUNCED, days=2))
        moved = decision(tmp_path, edited)
        run = ec.run("2023-03-05T00:00:00Z", moved)
        assert len(ec.objects("deviceCompliancePolicies")) == 1
        assert run.changed()
        assert not ec.run("2023-03-06T00:00:00Z", moved).changed()
        ec.clock(after(at, seconds=-1))
        assert ec.device("PRIVATE")["work_access"]
        ec.run(at, moved)
        ec.clock(at)
        assert not ec.device("PRIVATE")["work_access"]


def test_E4_a_deadline_put_off_after_it_has_passed_gives_access_back_until_then(tmp_path: Path) -> None:
    with commission(tmp_path) as ec:
        ec.enroll("PRIVATE", "ios_personal")
        ec.run(ANNOUNCED)
        ec.run(DEADLINE)
        ec.run(after(DEADLINE, hours=1))
        assert not ec.device("PRIVATE")["work_access"]
        moved = decision(tmp_path, "2023-03-20T00:00:00")
        ec.run(after(DEADLINE, hours=2), moved)
        run = ec.run(after(DEADLINE, hours=3), moved)
        assert run.outcome("PRIVATE") == ("advised", "")
        assert ec.device("PRIVATE")["work_access"]
        assert ec.story("PRIVATE", "withdrawn", "restored") == [
            ("withdrawn", after(DEADLINE, hours=1)),
            ("restored", after(DEADLINE, hours=3)),
        ]


def test_E5_who_removes_the_app_has_access_again_and_it_is_said_once(tmp_path: Path) -> None:
    with commission(tmp_path) as ec:
        ec.enroll("PRIVATE", "ios_personal")
        ec.run(ANNOUNCED)
        ec.run(DEADLINE)
        lost, back = after(DEADLINE, hours=1), after(DEADLINE, days=2)
        assert ec.run(lost).outcome("PRIVATE") == ("access_withdrawn", "")
        ec.user("PRIVATE", "remove", app="tiktok")
        assert ec.run(back, check=True).outcome("PRIVATE") == ("compliant", "access_restored")
        assert ec.device("PRIVATE")["work_access"]
        assert ec.run(back).outcome("PRIVATE") == ("compliant", "access_restored")
        assert ec.story("PRIVATE", "withdrawn", "restored") == [("withdrawn", lost), ("restored", back)]
        assert ec.run(after(back, days=1)).outcome("PRIVATE") == ("compliant", "")
        ec.user("PRIVATE", "install", app="tiktok")
        again = after(back, days=3)
        ec.clock(after(back, days=2))
        assert ec.run(again).outcome("PRIVATE") == ("access_withdrawn", "")
        assert ec.story("PRIVATE", "withdrawn", "restored")[2:] == [("withdrawn", again)]


def test_E6_who_leaves_the_management_is_counted_once_as_opted_out(tmp_path: Path) -> None:
    with commission(tmp_path) as ec:
        ec.enroll("LEAVES", "ios_personal")
        ec.enroll("STAYS", "ios_personal")
        ec.enroll("CLEAN", "ios_personal", tiktok=False)
        ec.enroll("OFFICIAL", "ios_supervised")
        ec.run(ANNOUNCED)
        ec.run(after(ANNOUNCED, days=1))
        ec.run(DEADLINE)
        for serial in ("LEAVES", "CLEAN", "OFFICIAL"):
            ec.user(serial, "unenroll")
        leaver = ec.ids["LEAVES"]
        now = after(DEADLINE, days=1)
        assert ec.run(now, check=True).outcome(leaver) == ("out_of_scope", "opted_out")
        run = ec.run(now)
        assert run.outcome(leaver) == ("out_of_scope", "opted_out")
        assert run.values["summary"]["devices"] == 2
        assert {row["device"] for row in run.rows if row["row"] == "device"} == {leaver, ec.ids["STAYS"]}
        for day in (2, 3):
            later = ec.run(after(DEADLINE, days=day))
            assert later.values["summary"]["devices"] == 1
            assert leaver not in json.dumps(later.rows)
        assert ec.story("LEAVES", "opted_out") == [("opted_out", now)]
        assert ec.story("CLEAN", "opted_out") == ec.story("OFFICIAL", "opted_out") == []


def test_E6_the_run_of_another_ban_does_not_count_who_opted_out_of_this_one(tmp_path: Path) -> None:
    other = decision(tmp_path, name="another-ban", replaced={"apps: [tiktok]": "apps: [wechat]"})
    with commission(tmp_path) as ec:
        ec.enroll("LEAVES", "ios_personal")
        ec.enroll("STAYS", "ios_personal")
        for now in (ANNOUNCED, after(ANNOUNCED, days=1), DEADLINE):
            ec.run(now)
        ec.user("LEAVES", "unenroll")
        rows = ec.run(after(DEADLINE, days=1), other).rows
        assert ec.ids["LEAVES"] not in {row["device"] for row in rows if row["row"] == "device"}
        assert ec.run(after(DEADLINE, days=2)).outcome(ec.ids["LEAVES"]) == ("out_of_scope", "opted_out")


def test_E7_official_devices_lose_the_app_or_are_said_to_keep_it(tmp_path: Path) -> None:
    with commission(tmp_path) as ec:
        ec.enroll("SUPERVISED", "ios_supervised")
        ec.enroll("INSTALLED_BY_US", "ios_supervised", managed=True)
        ec.enroll("UNSUPERVISED", "ios_corporate")
        ec.enroll("ANDROID", "android_fully_managed")
        ec.enroll("WINDOWS", "windows_corporate")
        ec.enroll("MAC", "mac_corporate")
        ec.run(ANNOUNCED)
        ec.run(DEADLINE)
        for hours in (1, 2):
            run = ec.run(after(DEADLINE, hours=hours))
        assert not run.changed()
        apps = {serial: "TikTok" in ec.apps(serial) for serial in ec.ids}
        assert apps["ANDROID"] is apps["WINDOWS"] is False
        assert apps["UNSUPERVISED"] is apps["SUPERVISED"] is apps["MAC"] is True
        for serial in ("SUPERVISED", "UNSUPERVISED"):
            assert not ec.device(serial)["work_access"]
            # It was found, it can't be removed by a command, and the device has lost its access: no more, no less.
            assert run.outcome(serial) == ("access_withdrawn", "")
        tiktok = next(app for app in ec.device("SUPERVISED")["apps"] if app["name"] == "TikTok")
        assert tiktok["hidden"]
        # Nothing here removes from a Mac, blocks on it or takes its access.
        assert run.outcome("MAC") == ("cannot_enforce", "no_backend")


def test_E8_a_review_that_is_overdue_is_said_in_every_run(tmp_path: Path) -> None:
    with commission(tmp_path) as ec:
        ec.enroll("PRIVATE", "ios_personal")
        assert not any("review" in note for note in ec.run("2023-09-14T21:59:59Z").values["notes"])
        assert "european-commission: the review is due today" in ec.run("2023-09-14T22:00:00Z").values["notes"]
        for now, days in (("2023-09-15T22:00:00Z", "1 day"), ("2023-10-15T12:00:00Z", "30 days")):
            for check in (True, False):
                run = ec.run(now, check=check)
                words = f"european-commission: the review planned for 2023-09-15 is {days} overdue"
                assert words in run.values["notes"]
                assert words in run.rows[-1]["notes"]


def test_E9_two_organisations_have_two_dates_in_one_run(tmp_path: Path) -> None:
    def policy(name: str, organisation: str, deadline: str) -> dict[str, object]:
        replaced = {
            "when: {ownership: [corporate, shared]}": f"when: {{ownership: [corporate, shared], organisation: {organisation}}}",
            "when: {ownership: personal, work_apps: true}": f"when: {{ownership: personal, work_apps: true, organisation: {organisation}}}",
        }
        return decision(tmp_path, deadline, name, replaced=replaced)

    both = [policy("european-commission", "commission", "2023-03-15T00:00:00"), policy("parliament", "parliament", "2023-03-20T00:00:00")]
    later = "2023-03-19T23:00:00Z"
    with commission(tmp_path, both) as ec:
        for serial in ("EC1", "EC2", "EP1", "EP2", "NEITHER"):
            ec.enroll(serial, "ios_personal" if serial.endswith("1") else "ios_supervised")
        assets = ec.assets({
            "EC1": {"organisation": "commission"}, "EC2": {"organisation": "commission"},
            "EP1": {"organisation": "parliament"}, "EP2": {"organisation": "parliament"},
        })  # fmt: skip
        for now in (ANNOUNCED, after(ANNOUNCED, days=1), after(DEADLINE, seconds=-1)):
            ec.run(now, assets=assets)
        ec.clock(after(DEADLINE, seconds=-1))
        assert [ec.device(serial)["work_access"] for serial in ("EC1", "EC2", "EP1", "EP2")] == [True] * 4
        assert "2023-03-20" in ec.notices("EP1")[0]["body"]
        ec.run(DEADLINE, assets=assets)
        ec.run(after(later, seconds=-1), assets=assets)
        ec.clock(after(later, seconds=-1))
        assert [ec.device(serial)["work_access"] for serial in ("EC1", "EC2", "EP1", "EP2")] == [False, False, True, True]
        ec.run(later, assets=assets)
        last = ec.run(after(later, hours=1), assets=assets)
        assert [ec.device(serial)["work_access"] for serial in ("EC1", "EC2", "EP1", "EP2")] == [False] * 4
        assert last.outcome("NEITHER")[0] == "unclassified"
        assert ec.device("NEITHER")["work_access"]
        assert ec.notices("NEITHER") == []
        assert not ec.run(after(later, hours=2), assets=assets).changed()


def test_E10_staff_read_what_is_asked_of_them_and_nothing_of_the_reasons(tmp_path: Path) -> None:
    risk = "Classified assessment of the risk"
    policy = decision(
        tmp_path,
        exemptions=[exemption("press-office", "EXEMPT", expires="2023-03-25")],
        replaced={"state: enforced": f"state: enforced\nnotes: {risk}"},
    )
    with commission(tmp_path, policy) as ec:
        for serial, kind in (("PRIVATE", "ios_personal"), ("EXEMPT", "ios_personal"), ("OFFICIAL", "ios_supervised")):
            ec.enroll(serial, kind)
        for now in (ANNOUNCED, DEADLINE, after(DEADLINE, days=1), "2023-03-27T00:00:00Z"):
            run = ec.run(now)
            secret = (risk, "imherald", "Decision of 23 February", REASON, "CISO of the Commission")
            said = json.dumps(run.values) + json.dumps([ec.notices(serial) for serial in ec.ids])
            assert [words for words in secret if words in said] == []
        tenant = json.dumps(ec.simulation.state()["objects"])
        assert [words for words in secret if words in tenant] == []
