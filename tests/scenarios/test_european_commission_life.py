# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole life of the European Commission's decision in a tenant, and runs that are killed at every write of it (properties b to e)."""

from __future__ import annotations

import copy
import json
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http import connection
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.transport import Transport
from tests.support.intune.commission import (
    ANNOUNCED,
    DEADLINE,
    NO_DIRECTORY_ID,
    Commission,
    SkippingClock,
    after,
    commission,
    decision,
    exemption,
)
from tests.support.intune.tenant import WRITES, lifted

pytestmark = pytest.mark.usefixtures("graph_contract")

ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
LONG_AFTER = after(DEADLINE, days=30)


class Killed(BaseException):
    """The process is gone: nothing of ours may catch it."""


class Killer:
    """Stands in a run's way out: lets a number of writes through, then the process dies before it hears what came of the last.

    Args:
        after: so many writes arrive; None for all.
    """

    def __init__(self, after: int | None = None) -> None:
        self.after = after
        self.seen = 0

    def wrap(self, exchange: Callable[..., Any]) -> Callable[..., Any]:
        def exchange_and_die(transport: Transport, request: Any, *more: Any, **options: Any) -> Any:
            answer = exchange(transport, request, *more, **options)
            if is_write(request):
                self.seen += 1
                if self.seen == self.after:
                    raise Killed
            return answer

        return exchange_and_die


def is_write(request: Any) -> bool:
    if request.method not in WRITES or "/oauth2/" in request.url:
        return False
    return not request.url.endswith("/$batch") or any(item["method"] != "GET" for item in json.loads(request.content)["requests"])


@contextmanager
def killer(monkeypatch: pytest.MonkeyPatch, after: int | None = None) -> Iterator[Killer]:
    with monkeypatch.context() as patched:
        one = Killer(after)
        patched.setattr(Transport, "exchange", one.wrap(Transport.exchange))
        yield one


def enroll_everything(ec: Commission) -> None:
    """One device of each kind that controls differ for, one that is exempt, one without a directory object, one without a user."""
    for kind in (
        "ios_supervised", "ios_corporate", "ios_personal", "ios_user_enrollment", "android_fully_managed", "android_cope",
        "android_work_profile", "windows_corporate", "mac_corporate", "mac_personal",
    ):  # fmt: skip
        ec.enroll(kind, kind)
    ec.enroll("EXEMPT", "ios_personal")
    ec.enroll("EXEMPT_OFFICIAL", "ios_supervised")
    ec.enroll("UNNAMED", "ios_personal", azure_id=NO_DIRECTORY_ID)
    ec.enroll("USERLESS", "ios_supervised_userless", user=None)


def exempting(tmp_path: Path) -> dict[str, Any]:
    return decision(tmp_path, exemptions=[exemption("press", "EXEMPT", "EXEMPT_OFFICIAL")])


def objects_by_name(ec: Commission) -> dict[str, list[Any]]:
    """What the tenant holds, names in the place of ids, so that two tenants can be compared; without the instants of arming."""
    collections = ec.simulation.state()["objects"]
    names = {item["id"]: name_of(item) for items in collections.values() for item in items if "id" in item}
    names |= {ec.device(serial)["directory_id"]: serial for serial in ec.ids}

    def named(value: Any) -> Any:
        if isinstance(value, dict):
            # An app from Google Play gets its mark once it has arrived. A run that is killed in between leaves it for somebody else's.
            unmarked = value.get("@odata.type") == "#microsoft.graph.androidManagedStoreApp"
            return {key: named(item) for key, item in value.items() if not (unmarked and key == "notes")}
        if isinstance(value, list):
            return sorted((named(item) for item in value), key=json.dumps)
        if isinstance(value, str):
            for key in ID.findall(value):
                value = value.replace(key, names.get(key, "an id"))
            return re.sub(r"armed=[0-9TZ:-]+", "armed", value)
        return value

    return {path: named(items) for path, items in collections.items()}


def name_of(item: dict[str, Any]) -> str:
    return str(item.get("displayName") or item.get("name") or "")


def duplicates(ec: Commission) -> list[str]:
    collections = ec.simulation.state()["objects"]
    counted = Counter((path, name_of(item)) for path, items in collections.items() for item in items if "id" in item)
    return [f"{path}: {name}" for (path, name), number in counted.items() if number > 1 and name.startswith("BAN")]


def settled(state: dict[str, Any]) -> dict[str, Any]:
    """A tenant's state without what a ban leaves behind on purpose: apps that were removed, notices that were sent."""
    devices = [{key: value for key, value in each.items() if key not in ("apps", "notifications")} for each in state["devices"]]
    return {**state, "devices": devices}


def test_E_life_check_apply_apply_check_lift_lift(tmp_path: Path) -> None:
    policy = exempting(tmp_path)
    with commission(tmp_path, policy) as ec:
        enroll_everything(ec)
        for now in (ANNOUNCED, LONG_AFTER):
            ec.clock(now)
            before = ec.tenant.state()
            check = ec.run(now, check=True)
            assert ec.tenant.state() == before
            apply = ec.run(now)
            assert apply.changes() == check.changes()
            assert apply.changed()
            ec.clock(after(now, hours=1))
            for check_mode in (False, True):
                again = ec.run(after(now, hours=2), check=check_mode)
                assert again.changes() == []
                assert again.writes() == []
                assert not again.changed()
    with commission(tmp_path / "lift", policy) as ec:
        enroll_everything(ec)
        ec.clock(ANNOUNCED)
        before = settled(ec.tenant.state())
        for now in (ANNOUNCED, after(ANNOUNCED, hours=1), LONG_AFTER, after(LONG_AFTER, hours=1), after(LONG_AFTER, hours=2)):
            ec.run(now)
        assert ec.device("ios_personal")["work_access"] is False
        check = ec.run(after(LONG_AFTER, hours=3), lifted(policy), check=True)
        lift = ec.run(after(LONG_AFTER, hours=3), lifted(policy))
        assert lift.changes() == check.changes()
        assert {change["op"] for change in lift.values["changes"]} == {"delete"}
        last = ec.run(after(LONG_AFTER, hours=4), lifted(policy))
        assert last.writes() == []
        assert {row["outcome"] for row in last.rows if row["row"] == "device"} == {"not_in_force"}
        assert settled(ec.tenant.state()) == before
        assert ec.device("ios_personal")["work_access"]
        assert [event for event, _at in ec.story("ios_personal", "withdrawn", "restored")] == ["withdrawn", "restored"]


PHASES = ("announcement", "deadline", "lift")


def run_phase(ec: Commission, policy: dict[str, Any], phase: str) -> Any:
    if phase == "announcement":
        return ec.run(ANNOUNCED, policy)
    if phase == "deadline":
        return ec.run(DEADLINE, policy)
    return ec.run(LONG_AFTER, lifted(policy))


def reach(ec: Commission, policy: dict[str, Any], phase: str) -> None:
    """Up to just before a phase."""
    enroll_everything(ec)
    for earlier in PHASES[: PHASES.index(phase)]:
        run_phase(ec, policy, earlier)


def check_convergence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, phase: str, settings: dict[str, int], runs: int) -> None:
    monkeypatch.setattr(connection, "SystemClock", SkippingClock)
    policy = exempting(tmp_path)
    with commission(tmp_path / "tenant", policy) as ec:
        ec.simulation.objects({"settings": settings})
        reach(ec, policy, phase)
        ec.tenant.evidence_dir.mkdir(parents=True, exist_ok=True)
        kept = copy.deepcopy(ec.simulation.front.vendor), shutil.copytree(ec.tenant.evidence_dir, tmp_path / "kept")
        with killer(monkeypatch) as counting:
            run_phase(ec, policy, phase)
        run_phase(ec, policy, phase)
        wanted = objects_by_name(ec)
        told = {serial: len(ec.notices(serial)) for serial in ec.ids}
        assert counting.seen > 5
        for number in range(1, counting.seen + 1):
            ec.simulation.front.vendor = copy.deepcopy(kept[0])
            ec.simulation.forget_requests()
            ec.tenant.evidence_dir = tmp_path / f"evidence-{number}"
            shutil.copytree(kept[1], ec.tenant.evidence_dir)
            with killer(monkeypatch, number), pytest.raises(Killed):
                run_phase(ec, policy, phase)
            for _run in range(runs):
                run = run_phase(ec, policy, phase)
            assert (number, run.changed()) == (number, False)
            assert (number, duplicates(ec)) == (number, [])
            assert (number, objects_by_name(ec)) == (number, wanted)
            assert all(len(ec.notices(serial)) <= told[serial] for serial in ec.ids)


@pytest.mark.long
@pytest.mark.parametrize("phase", PHASES)
def test_E_a_run_killed_at_any_write_is_finished_by_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, phase: str) -> None:
    check_convergence(tmp_path, monkeypatch, phase, {"eventual_consistency": 0}, 2)


@pytest.mark.long
@pytest.mark.parametrize("phase", ["announcement", "deadline"])
def test_E_a_killed_run_whose_writes_show_late_leaves_no_duplicates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, phase: str) -> None:
    """The run after the killed one doesn't see the last object yet and makes it again; later runs see both."""
    check_convergence(tmp_path, monkeypatch, phase, {"eventual_consistency": 1, "group_lag": 1}, 3)
