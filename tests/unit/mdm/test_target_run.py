# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run of any target: what is counted, written, stopped, remembered; over a target as small as can be."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.engine.apply import Applied, apply_plan
from ansible_collections.appban.endpoint.plugins.module_utils.engine.errors import AppbanError, ChangeFailed
from ansible_collections.appban.endpoint.plugins.module_utils.engine.evidence import read_rows, verify_record
from ansible_collections.appban.endpoint.plugins.module_utils.engine.plan import Change, Plan
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.capability import Capability
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.covering import Covering, Coverings
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.fleet import FleetDevice, ManagedDevice
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.known_fleet import LoneLookUps
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.ledger import Ledger
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.notices import Notice
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.target_run import RunRequest, RunResult, TargetPlan, run_target
from ansible_collections.appban.endpoint.plugins.module_utils.policy.decide import Decider
from ansible_collections.appban.endpoint.plugins.module_utils.policy.model import Policy
from ansible_collections.appban.endpoint.plugins.module_utils.targets.intune import capabilities
from tests.unit.mdm.mdm_samples import NOW, app, device, exemption, policy

BLOCK = {"name": "Corporate", "when": {"ownership": "corporate"}, "actions": ["block"]}
ADVISE = {"name": "Private", "when": {"ownership": "personal"}, "actions": ["advise"]}
DEVICES = (
    *(device(number) for number in range(1, 6)),
    device(6, ownership="personal", supervised=False),
    device(7, ownership=None),
    device(8, platform="linux", supervised=None),
)


class SmallTarget:
    """Eight devices and one control, a list of blocked apps that reaches every supervised corporate iPhone."""

    names: Mapping[str, str] = capabilities.NAMES
    reporting: Mapping[str, str] = {}

    def __init__(self, devices: Sequence[ManagedDevice] = DEVICES, found: Sequence[str] = (), made_at: str = "") -> None:
        self.fleet = list(devices)
        self.found = found
        self.made_at = made_at
        self.refuse: Callable[[Change], bool] = lambda change: False
        self.done: list[str] = []
        self.known: Mapping[str, Any] = {}

    def capability_of(self, record: Mapping[str, Any]) -> Capability:
        return capabilities.capability_of(record)

    def devices(self) -> Iterator[ManagedDevice]:
        yield from self.fleet

    def findings(self, fleet: Sequence[FleetDevice]) -> Mapping[tuple[str, str], Sequence[Mapping[str, str]]]:
        return {(device, "banned"): [{"app": "banned", "name": "Banned"}] for device in self.found}

    def findable(self, app: str, platform: str, sees: str) -> bool:
        return True

    def plan(self, fleet: Sequence[FleetDevice], decider: Decider, choose_notices: Any) -> TargetPlan:
        covers = frozenset(
            index
            for index, each in enumerate(fleet)
            if "block" in each.decision.apps["banned"].actions and self.capability_of(each.device.record).block.mechanisms
        )
        changes = (
            [] if self.made_at or not covers else [Change("create", "group", "g"), Change("create", "policy", "p", needs=("group:g",))]
        )
        control = Covering(
            "BAN", capabilities.IOS_BLOCK, frozenset({"banned"}), covers, new=frozenset() if self.made_at else covers,
            changed_at=self.made_at, changes=tuple(each.key for each in changes), named=covers,
        )  # fmt: skip
        notices: list[Notice] = list(choose_notices(Coverings((control,))))
        if notices:
            changes.append(Change("command", "notice", notices[0].stage, step=notices))
        return TargetPlan(Plan(tuple(changes)), Coverings((control,)), ("somebody's",) * 60, ("drifted",), ("a note",))

    def apply(self, plan: Plan, ledger: Ledger, now: str) -> Applied:
        def execute(change: Change) -> None:
            if self.refuse(change):
                raise ChangeFailed("the service said no")
            for notice in change.step or ():
                ledger.write(now, notice.events("noticed"))
            self.done.append(change.key)

        return apply_plan(plan, execute)

    def situation(self) -> Mapping[str, Any]:
        return self.known

    # What only a target knows; a test says otherwise where it is about that.
    look_ups: LoneLookUps
    managed: Mapping[str, bool | None] = {}
    contradicts: frozenset[tuple[str, str]] = frozenset()

    def look_up(self, devices: Sequence[str]) -> Mapping[str, bool | None]:
        return {name: self.managed.get(name) for name in devices}

    def doubted(self, device: str, app: str) -> str:
        return "source_contradicts" if (device, app) in self.contradicts else ""

    def may_still_hold(self, device: str, app: str) -> bool | None:
        return None

    def absences(self, pairs: Sequence[tuple[str, str]]) -> frozenset[tuple[str, str]]:
        return frozenset()


def run(target: SmallTarget, directory: Path, *policies: Policy, now: datetime = NOW, **changes: Any) -> RunResult:
    made = policies or (policy(rules=[BLOCK, ADVISE], review=[app("capcut")]),)
    facts: dict[str, Any] = {"assets": {}, "check_mode": False, "evidence": "all", **changes}
    return run_target(target, RunRequest("small", made, now, evidence_dir=str(directory), **facts))


def rows(result: RunResult, app: str = "banned") -> dict[str, dict[str, Any]]:
    return {row["device"]: row for row in read_rows(result.values["evidence"]) if row["row"] == "device" and row["app"] == app}


def outcomes(result: RunResult, app: str = "banned") -> dict[str, tuple[str, str]]:
    return {device: (row["outcome"], row["reason"]) for device, row in rows(result, app).items()}


@pytest.mark.parametrize("check_mode", [False, True])
@pytest.mark.parametrize("found", [(), ("device-1", "device-6")])
@pytest.mark.parametrize("made_at", ["", "2023-03-01T00:00:00Z"])
@pytest.mark.parametrize("level", ["all", "exceptions"])
def test_outcomes_of_each_app_add_up_to_the_devices(
    tmp_path: Path, check_mode: bool, found: tuple[str, ...], made_at: str, level: str
) -> None:
    result = run(SmallTarget(found=found, made_at=made_at), tmp_path, check_mode=check_mode, evidence=level)
    last = verify_record(str(result.values["evidence"]))
    assert last["devices"] == len(DEVICES)
    for name in ("banned", "capcut"):
        assert sum(result.values["totals"][name].values()) == len(DEVICES)
    summary = dict(result.values["summary"])
    assert summary["devices"] == len(DEVICES)


def test_a_first_run_makes_its_changes_and_a_second_has_nothing_to_do(tmp_path: Path) -> None:
    target = SmallTarget()
    first = run(target, tmp_path)
    assert first.changed
    assert first.failure == ""
    assert target.done == ["group:g", "policy:p", "notice:city/Private/2023-03-01T00:00:00Z"]
    assert outcomes(first)["device-1"] == ("stale", "awaiting_check_in"), "it is blocked as soon as the device has been in contact"
    again = SmallTarget(made_at="2023-03-20T07:00:00Z")
    second = run(again, tmp_path)
    assert not second.changed
    assert again.done == []
    assert outcomes(second)["device-1"] == ("stale", "awaiting_check_in"), "assigned by name after its last contact"
    later = SmallTarget([device(1, synced_at="2023-03-20T10:00:00Z")], made_at="2023-03-20T07:00:00Z")
    assert outcomes(run(later, tmp_path))["device-1"] == ("compliant", "")
    enrolling = device(1, synced_at="2023-03-20T10:00:00Z", enrolled_at="2023-03-20T10:00:00Z")
    anew = SmallTarget([enrolling], made_at="2023-03-20T07:00:00Z")
    assert outcomes(run(anew, tmp_path))["device-1"] == ("stale", "awaiting_check_in"), "what it told was told before anything reached it"


def test_check_mode_writes_a_record_and_nothing_else(tmp_path: Path) -> None:
    target = SmallTarget(found=("device-1",))
    result = run(target, tmp_path, check_mode=True)
    assert result.changed
    assert target.done == []
    assert not list(tmp_path.glob("*.ledger.jsonl"))
    assert next(iter(read_rows(result.values["evidence"])))["mode"] == "check"
    assert outcomes(result)["device-1"] == ("violating", "check_mode")


def test_a_run_beyond_its_limits_stops_before_any_write(tmp_path: Path) -> None:
    target = SmallTarget(found=("device-1",))
    result = run(target, tmp_path, limits={"max_devices": 3})
    assert not result.changed
    assert target.done == []
    assert "this run would newly affect 6 of 8 devices, but max_devices is 3" in result.failure
    assert outcomes(result)["device-1"] == ("failed", "limit_exceeded")
    assert outcomes(result)["device-8"] == ("cannot_enforce", "no_backend"), "nothing was to be done there"
    header = next(iter(read_rows(result.values["evidence"])))
    assert "max_devices" in header["stopped"]
    assert not list(tmp_path.glob("*.ledger.jsonl")), "what did not happen is not remembered"


def test_limits_that_can_not_be_used_are_refused_before_anything_is_read(tmp_path: Path) -> None:
    class Unread(SmallTarget):
        def devices(self) -> Iterator[ManagedDevice]:
            raise AssertionError("contacted")

    with pytest.raises(AppbanError, match=r"max_percent is 200.*Nothing was contacted"):
        run(Unread(), tmp_path, limits={"max_percent": 200})


def test_a_ban_that_stands_is_no_new_effect(tmp_path: Path) -> None:
    result = run(SmallTarget(made_at="2023-03-01T00:00:00Z"), tmp_path, policy(rules=[BLOCK]), limits={"max_devices": 0})
    assert result.failure == ""


@pytest.mark.parametrize(("refused", "made"), [("policy:p", 2), ("group:g", 1)])
def test_what_failed_is_named_and_no_device_is_called_blocked_by_it(tmp_path: Path, refused: str, made: int) -> None:
    target = SmallTarget(found=("device-1",))
    target.refuse = lambda change: change.key == refused
    result = run(target, tmp_path)
    assert result.changed, "the notice went out"
    assert result.failure.startswith(f"{made} of 3 changes were made; these were not:\n{refused}: the service said no")
    assert ("not attempted" in result.failure) == (refused == "group:g")
    assert {outcomes(result)[f"device-{number}"] for number in range(1, 6)} == {("failed", "error")}
    assert outcomes(result)["device-6"][0] != "failed"


def test_asset_facts_fill_in_what_the_target_does_not_know(tmp_path: Path) -> None:
    result = run(SmallTarget(), tmp_path, assets={"SN0007": {"ownership": "corporate"}, "SN0006": {"ownership": "corporate"}})
    assert outcomes(result)["device-7"] == ("stale", "awaiting_check_in")
    assert outcomes(result)["device-6"][0] != "stale", "where both know it, the target's word stands"


@pytest.mark.fault_kind("T1b", "the list of assets says something new of a device")
def test_what_the_assets_say_now_is_news_and_not_forgotten(tmp_path: Path) -> None:
    seventh = [DEVICES[6]]
    run(SmallTarget(seventh), tmp_path, assets={"SN0007": {"ownership": "corporate"}})
    told = run(SmallTarget(seventh), tmp_path, assets={"SN0007": {"ownership": "personal"}})
    assert rows(told)["device-7"]["ownership"] == "personal"
    lost = run(SmallTarget(seventh), tmp_path)
    assert rows(lost)["device-7"]["ownership"] == "personal", "what nobody says any more counts as it was known"
    without_serial = run(SmallTarget([device(7, ownership=None, serial=None)]), tmp_path, assets={"SN0007": {"ownership": "corporate"}})
    assert rows(without_serial)["device-7"]["ownership"] == "corporate", "the assets are found by the number that was known"


def test_an_exemption_that_leaves_nobody_is_refused(tmp_path: Path) -> None:
    everybody = policy(rules=[BLOCK], exemptions=[exemption(devices=[each.record["serial"] for each in DEVICES])])
    target = SmallTarget()
    with pytest.raises(AppbanError, match=r"an exemption leaves nobody of this run under its policy: city/EX-1"):
        run(target, tmp_path, everybody)
    assert target.done == []


def test_a_removal_is_proved_by_a_later_inventory_and_a_recurrence_by_one_after(tmp_path: Path) -> None:
    """The ledger carries a device's story from run to run."""
    remove = policy(rules=[{**BLOCK, "actions": ["remove"]}])
    phone = [device(1, synced_at="2023-03-20T10:00:00Z")]

    class Removing(SmallTarget):
        def plan(self, fleet: Sequence[FleetDevice], decider: Decider, choose_notices: Any) -> TargetPlan:
            here = frozenset({0})
            control = Covering("BAN", capabilities.IOS_UNINSTALL, frozenset({"banned"}), here, changed_at="2023-03-01T00:00:00Z")
            return TargetPlan(Plan(()), Coverings((control,)))

    story = []
    for day, found in enumerate((("device-1",), ("device-1",), (), (), ("device-1",), ())):
        now = NOW + timedelta(days=day)
        result = run(Removing(phone, found), tmp_path, remove, now=now)
        story.append(outcomes(result)["device-1"])
    assert story == [
        ("removal_requested", ""), ("removal_requested", ""), ("removed", ""), ("compliant", ""),
        ("removal_requested", "recurrence"), ("recurred", ""),
    ]  # fmt: skip


def test_a_private_device_that_left_the_management_gave_up_its_work_apps(tmp_path: Path) -> None:
    private = [device(6, ownership="personal", supervised=False), device(1)]
    withdraw = policy(rules=[{"name": "All", "when": {"work_apps": True}, "actions": ["withdraw_access", "advise"]}])
    run(SmallTarget(private, found=("device-6", "device-1")), tmp_path, withdraw)
    result = run(SmallTarget([]), tmp_path, withdraw)
    assert outcomes(result) == {"device-6": ("compliant", "opted_out")}, "of a corporate one nobody knows where it is"
    assert result.values["record"]["devices"] == 1
    assert outcomes(run(SmallTarget([]), tmp_path, withdraw)) == {}, "it is told once"


def test_people_are_told_once_and_again_of_another_app(tmp_path: Path) -> None:
    both = policy(rules=[ADVISE], apps=[app(), app("wechat")])

    class Found(SmallTarget):
        apps: tuple[str, ...] = ("banned",)

        def findings(self, fleet: Sequence[FleetDevice]) -> Mapping[tuple[str, str], Sequence[Mapping[str, str]]]:
            return {("device-6", each): [{"app": each, "name": each}] for each in self.apps}

        def capability_of(self, record: Mapping[str, Any]) -> Capability:
            return capabilities.BY_KIND["ios_corporate"]

    def told(*apps: str) -> tuple[list[str], dict[str, tuple[str, str]]]:
        target = Found([DEVICES[5]])
        target.apps = apps
        result = run(target, tmp_path, both)
        return target.done, {name: outcomes(result, name)["device-6"] for name in apps}

    stage = "notice:city/Private/2023-03-01T00:00:00Z"
    assert told("banned") == ([stage], {"banned": ("advised", "")})
    assert told("banned") == ([], {"banned": ("advised", "")})
    assert told("banned", "wechat") == ([stage], {"banned": ("advised", ""), "wechat": ("advised", "")})
    assert told("banned", "wechat")[0] == []


def test_what_a_module_returns_is_bounded_and_plain(tmp_path: Path) -> None:
    many = [device(number) for number in range(1, 400)]
    result = run(SmallTarget(many, found=[each.id for each in many]), tmp_path)
    assert len(result.values["findings"]) == 100
    assert len(result.values["conflicts"]) == 50
    assert result.values["drift"] == ["drifted"]
    assert "a note" in result.values["notes"]
    json.dumps(result.values)


def test_nothing_is_remembered_of_devices_out_of_scope(tmp_path: Path) -> None:
    run(SmallTarget(found=[each.id for each in DEVICES]), tmp_path, policy(rules=[BLOCK]))
    text = (tmp_path / "small.ledger.jsonl").read_text(encoding="utf-8")
    assert "device-1" in text
    assert "device-6" not in text
    assert datetime.now(timezone.utc).strftime("%Y-%m-%dT%H") not in text, "the run's instant is the only clock"
