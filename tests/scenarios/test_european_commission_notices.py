# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Notices of the European Commission's decision: to whom, how often, and what a run that fails or is killed makes of them (E2)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http import connection
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.http_errors import RequestFailed
from ansible_collections.appban.endpoint.plugins.module_utils.targets.intune.api.graph import Graph
from tests.support.intune.commission import ANNOUNCED, DEADLINE, Commission, SkippingClock, after, commission, decision, exemption

pytestmark = [pytest.mark.usefixtures("graph_contract"), pytest.mark.long]

NOTIFY = "sendCustomNotificationToCompanyPortal"
LATER = after(ANNOUNCED, days=1)


class Killed(BaseException):
    """The process is gone: nothing of ours may catch it."""


def count(ec: Commission, *serials: str) -> list[int]:
    return [len(ec.notices(serial)) for serial in serials]


def is_notice(items: Any) -> bool:
    return any(NOTIFY in item.path for item in items)


def test_E2_whoever_may_have_the_app_is_told_once_a_stage(tmp_path: Path) -> None:
    with commission(tmp_path) as ec:
        ec.enroll("PRIVATE", "ios_personal")
        ec.enroll("CLEAN", "ios_personal", tiktok=False)
        ec.enroll("OFFICIAL", "ios_supervised")
        ec.enroll("OFFICIAL_CLEAN", "ios_supervised", tiktok=False)
        ec.enroll("HIDDEN", "android_work_profile")
        everybody = tuple(ec.ids)
        assert ec.run(ANNOUNCED, check=True).changed()
        assert count(ec, *everybody) == [0, 0, 0, 0, 0]
        # Before the list reports, nobody knows what is on private devices; of an official one it is known.
        ec.run(ANNOUNCED)
        assert count(ec, *everybody) == [1, 1, 1, 0, 1]
        for now in (LATER, after(ANNOUNCED, days=2), after(DEADLINE, seconds=-1)):
            ec.run(now)
        assert count(ec, *everybody) == [1, 1, 1, 0, 1]
        # A new stage asks anew: of the private device with the app, and of the one that nobody can look into.
        ec.run(DEADLINE)
        ec.run(after(DEADLINE, days=1))
        assert count(ec, *everybody) == [2, 1, 1, 0, 2]
        assert "2023-03-15" not in ec.notices("PRIVATE")[1]["body"]
        # Found later: told then, once.
        ec.user("CLEAN", "install", app="tiktok")
        ec.clock(after(DEADLINE, days=2))
        ec.run(after(DEADLINE, days=3))
        ec.run(after(DEADLINE, days=4))
        assert count(ec, "CLEAN") == [2]
        stages = [line["stage"] for line in ec.ledger("noticed") if line["device"] == ec.ids["PRIVATE"]]
        assert len(stages) == len(set(stages)) == 2


def test_E2_an_edited_deadline_is_another_stage_and_is_told_again(tmp_path: Path) -> None:
    with commission(tmp_path) as ec:
        ec.enroll("PRIVATE", "ios_personal")
        ec.run(ANNOUNCED)
        moved = decision(tmp_path, "2023-03-20T00:00:00")
        ec.run(LATER, moved)
        ec.run(DEADLINE, moved)
        assert count(ec, "PRIVATE") == [1]
        ec.run("2023-03-19T23:00:00Z", moved)
        assert count(ec, "PRIVATE") == [2]


@pytest.mark.parametrize("sent", [False, True])
def test_E2_a_run_killed_around_the_sending_tells_nobody_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sent: bool) -> None:
    batch = Graph.batch

    def kill(self: Graph, version: str, items: Any, **more: Any) -> Any:
        if not is_notice(items):
            return batch(self, version, items, **more)
        if sent:
            batch(self, version, items, **more)
        raise Killed

    with commission(tmp_path) as ec:
        ec.enroll("PRIVATE", "ios_personal")
        with monkeypatch.context() as patched:
            patched.setattr(Graph, "batch", kill)
            with pytest.raises(Killed):
                ec.run(ANNOUNCED)
        assert [line["event"] for line in ec.ledger()] == ["noticed"]
        assert count(ec, "PRIVATE") == [int(sent)]
        ec.run(LATER)
        ec.run(after(ANNOUNCED, days=2))
        assert count(ec, "PRIVATE") == [int(sent)]
        ec.run(DEADLINE)
        assert count(ec, "PRIVATE") == [int(sent) + 1]


def test_E2_a_refused_notice_is_said_and_sent_again_the_others_are_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "SystemClock", SkippingClock)
    with commission(tmp_path) as ec:
        for number in range(23):
            ec.enroll(f"P{number:02}", "ios_personal")
        refused = ec.ids["P03"]
        ec.simulation.faults([{"match": {"path": f"{refused}.*{NOTIFY}"}, "kind": "429", "nth": "all", "retry_after": 1}])
        run = ec.run(ANNOUNCED, expect_failure=True)
        assert "1 of 23 notices were not sent" in run.message
        assert run.outcome("P03") == ("not_observable", "awaiting_check_in")
        told = {serial: count(ec, serial)[0] for serial in ec.ids}
        assert {serial for serial, number in told.items() if not number} == {"P03"}
        ec.simulation.faults([])
        again = ec.run(LATER)
        assert set(count(ec, *ec.ids)) == {1}
        sent = [write["path"] for write in again.writes() if NOTIFY in write["path"]]
        assert sent == [f"/deviceManagement/managedDevices/{refused}/{NOTIFY}"]


def test_E2_a_notice_that_may_have_been_sent_is_not_sent_again(tmp_path: Path) -> None:
    with commission(tmp_path) as ec:
        ec.enroll("SENT", "ios_personal")
        ec.enroll("FINE", "ios_personal")
        ec.simulation.faults([{"match": {"path": f"{ec.ids['SENT']}.*{NOTIFY}"}, "kind": "timeout_after_effect"}])
        run = ec.run(ANNOUNCED, expect_failure=True)
        assert "may or may not have been sent" in run.message
        assert count(ec, "SENT", "FINE") == [1, 1]
        assert not ec.run(LATER).failed
        assert count(ec, "SENT", "FINE") == [1, 1]


def test_E2_a_batch_that_surely_did_not_arrive_is_sent_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    batch = Graph.batch

    def refuse(self: Graph, version: str, items: Any, **more: Any) -> Any:
        if is_notice(items):
            raise RequestFailed("Failed to notify: HTTP 403 Forbidden", status=403)
        return batch(self, version, items, **more)

    with commission(tmp_path) as ec:
        ec.enroll("PRIVATE", "ios_personal")
        with monkeypatch.context() as patched:
            patched.setattr(Graph, "batch", refuse)
            run = ec.run(ANNOUNCED, expect_failure=True)
        assert "1 of 1 notices were not sent" in run.message
        # What a notice announces is set up all the same: a person was told by the failure of the run.
        assert len(ec.objects("deviceCompliancePolicies")) == 1
        ec.run(LATER)
        assert count(ec, "PRIVATE") == [1]


def test_E2_a_batch_that_got_lost_is_not_sent_again_and_those_behind_it_are(tmp_path: Path) -> None:
    with commission(tmp_path) as ec:
        for number in range(41):
            ec.enroll(f"P{number:02}", "ios_personal")
        others = _batches_before_notices(tmp_path / "twin")
        # Nobody knows of the second batch of notices whether it arrived; the third is not tried.
        ec.simulation.faults([{"match": {"method": "POST", "path": r"beta/\$batch"}, "nth": others + 2, "kind": "drop"}])
        run = ec.run(ANNOUNCED, expect_failure=True)
        assert sum(count(ec, *ec.ids)) == 20
        assert "20 of 41 may or may not have been sent" in run.message
        assert "1 of 41 notices were not sent" in run.message
        ec.simulation.faults([])
        ec.run(LATER)
        assert sum(count(ec, *ec.ids)) == 21


def _batches_before_notices(directory: Path) -> int:
    """How many batches of the beta version a run sends before the first with notices."""
    directory.mkdir()
    with commission(directory) as ec:
        for number in range(41):
            ec.enroll(f"P{number:02}", "ios_personal")
        bodies = [json.dumps(entry["body"]) for entry in ec.run(ANNOUNCED).exchanges if entry["path"].endswith("beta/$batch")]
        return next(number for number, body in enumerate(bodies) if NOTIFY in body)


def test_E2_nobody_out_of_scope_or_exempt_is_told_anything(tmp_path: Path) -> None:
    policy = decision(tmp_path, exemptions=[exemption("press", "EXEMPT")])
    with commission(tmp_path, policy) as ec:
        ec.enroll("EXEMPT", "ios_personal")
        ec.enroll("UNKNOWN", "ios_personal", ownership="unknown")
        ec.enroll("PRIVATE", "ios_personal")
        for now in (ANNOUNCED, LATER, DEADLINE, after(DEADLINE, days=1)):
            ec.run(now)
        assert count(ec, "EXEMPT", "UNKNOWN", "PRIVATE") == [0, 0, 2]
        assert {line["device"] for line in ec.ledger()} == {ec.ids["PRIVATE"]}
