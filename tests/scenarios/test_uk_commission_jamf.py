# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The British and the European Commission's rules on a simulated Jamf Pro server: at once or at an instant, and other apps only counted."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support.jamf_pro.jamf_everything import has, opens
from tests.support.jamf_pro.jamf_tenant import NEXT_DAY, NOW, by_key, jamf_tenant, live, outcomes, record_id, rows_of
from tests.support.target_runs import lifted, plain

#: 15 March, 00:00 in Brussels, and the second before.
DEADLINE, BEFORE = "2023-03-14T23:00:00Z", "2023-03-14T22:59:59Z"
#: Apps under review by their bundle ids on iPhones and iPads.
REVIEWED = {"com.lemon.lvoverseas": "capcut", "com.tencent.xin": "wechat"}
PRIVATE = ("iphone_personal", "iphone_user_enrollment")


def test_U1_U2_the_first_run_enforces_at_once_and_private_devices_are_not_read(tmp_path: Path) -> None:
    with jamf_tenant(tmp_path, others=("uk",)) as government:
        life = live(government, plain("uk"))
    held = [each for kind in ("iphone_supervised", "ipad_supervised", "ipad_shared") for each in life.kind(kind) if has(each)]
    assert life.outcomes(held) == {("blocked_not_removed", "user_installed")}
    assert not any(opens(each) for each in held)
    private = [each for kind in PRIVATE for each in life.kind(kind)]
    assert any(has(each) for each in private)
    for run in (life.checked, life.applied, life.settled):
        rows = rows_of(run, private)
        assert {(row["verdict"], row["outcome"], row["before"]) for row in rows} == {("out_of_scope", "out_of_scope", "not_observed")}
        assert [row["findings"] for row in rows] == [[]] * len(private)
        assert {finding["device"] for finding in run.values["findings"]}.isdisjoint(record_id(each) for each in private)


def test_U6_apps_under_review_are_counted_and_nothing_is_done_about_them(tmp_path: Path) -> None:
    with jamf_tenant(tmp_path) as government:
        run = government.run(plain("uk"), NOW)
        government.contact(NEXT_DAY)
        devices = [each for each in government.state()["devices"] if each["platform"] != "macos"]
        assert not any(app["launch_blocked"] for each in devices for app in each["apps"] if app["id"] in REVIEWED)
    found = Counter(
        row["app"]
        for row in run.rows
        if row["row"] == "device" and row["verdict"] == "review" and row["before"] == "present" and row["platform"] != "macos"
    )
    theirs = [each for each in devices if each["kind"] not in PRIVATE]
    assert found == Counter(REVIEWED[app["id"]] for each in theirs for app in each["apps"] if app["id"] in REVIEWED)
    assert len(found) == len(REVIEWED)
    assert not any(name in json.dumps([each["body"] for each in run.writes()]) for name in REVIEWED)


def test_E3_E7_staff_are_told_until_the_deadline_and_from_that_second_on_the_app_is_hidden(tmp_path: Path) -> None:
    def outbox() -> list[Mapping[str, Any]]:
        return [json.loads(line) for line in (commission.evidence_dir / "jamf_pro.notices.jsonl").read_text(encoding="utf-8").splitlines()]

    with jamf_tenant(tmp_path, now="2023-03-14T12:00:00Z") as commission:
        work = [each for each in commission.reached(kind="iphone_supervised") if has(each)]
        private = [each for each in commission.reached(kind="iphone_personal") if has(each)]
        policy, start, before = plain("european-commission"), commission.every_object(), by_key(commission)
        told = commission.run(policy, BEFORE)
        assert (told.writes(), outcomes(told, [*work, *private])) == ([], {("advised", "")})
        first = outbox()
        assert {line["serial"] for line in first} >= {each["serial"] for each in (*work, *private)}
        assert commission.every_object() == start
        run = commission.run(policy, DEADLINE)
        assert run.changed
        assert commission.run(policy, DEADLINE).writes() == []
        commission.contact(NEXT_DAY)
        assert not any(opens(commission.now(each)) for each in work)
        run = commission.run(policy, NEXT_DAY)
        assert outcomes(run, work) == {("blocked_not_removed", "user_installed")}
        # E4: this server can't take the access to work away and says so, and the app of a private device is not touched.
        assert outcomes(run, private) == {("cannot_enforce", "no_backend")}
        assert [commission.now(each) for each in private] == [before[each["key"]] for each in private]
        # Each stage tells those whom it is for, once; on work devices the app is gone from sight without a further word.
        again = outbox()
        assert again[: len(first)] == first
        told_again = [line["device"] for line in again[len(first) :]]
        assert len(told_again) == len(set(told_again))
        assert {record_id(each) for each in private} <= set(told_again)
        assert set(told_again).isdisjoint(record_id(each) for each in work)
        commission.run(lifted(policy), NEXT_DAY)
        assert commission.every_object() == start
