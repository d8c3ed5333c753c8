# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run of any target: what is counted, written, stopped, remembered; over a target as small as can be."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.engine.apply import Applied, apply_plan
from ansible_collections.appban.endpoint.plugins.module_utils.engine.errors import AppbanError, ChangeFailed, EvidenceError
from ansible_collections.appban.endpoint.plugins.module_utils.engine.evidence import read_rows, verify_record
from ansible_collections.appban.endpoint.plugins.module_utils.engine.plan import Change, Plan
from ansible_collections.appban.endpoint.plugins.module_utils.engine.run_lock import RunLock, RunLocked
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.journal import Journal
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.planning.capability import Capability
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.planning.control_state import ControlState
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.planning.fleet import FleetDevice, ManagedDevice
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.planning.notices import Notice
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.planning.order import Phase
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.planning.plan_draft import PlanDraft
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.run import fleet_store
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.run.known_fleet import FleetDoubted, LoneLookUps
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.run.ledger import Ledger
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.run.run_request import RunRequest, RunResult, Target
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.run.target_run import run_target
from ansible_collections.appban.endpoint.plugins.module_utils.policy.decide import Decider
from ansible_collections.appban.endpoint.plugins.module_utils.policy.model import Policy
from ansible_collections.appban.endpoint.plugins.module_utils.targets.intune import capabilities
from tests.support.mdm_samples import NOW, app, device, exemption, policy

BLOCK = {"name": "Corporate", "when": {"ownership": "corporate"}, "actions": ["block"]}
ADVISE = {"name": "Private", "when": {"ownership": "personal"}, "actions": ["advise"]}
DEVICES = (
    *(device(number) for number in range(1, 6)),
    device(6, ownership="personal", supervised=False),
    device(7, ownership=None),
    device(8, platform="linux", supervised=None),
)


class SmallTarget(Target):
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
        self.reaches: frozenset[int] = frozenset()
        self.more: tuple[Change, ...] = ()
        self.waits_for_notices = False

    def capability_of(self, record: Mapping[str, Any]) -> Capability:
        return capabilities.capability_of(record)

    def devices(self) -> Iterator[ManagedDevice]:
        yield from self.fleet

    def findings(self, fleet: Sequence[FleetDevice]) -> Mapping[tuple[str, str], Sequence[Mapping[str, str]]]:
        return {(device, "banned"): [{"app": "banned", "name": "Banned"}] for device in self.found}

    def findable(self, app: str, platform: str, sees: str) -> bool:
        return True

    def plan(self, fleet: Sequence[FleetDevice], decider: Decider) -> PlanDraft:
        covers = frozenset(
            index
            for index, each in enumerate(fleet)
            if "block" in each.decision.apps["banned"].actions and self.capability_of(each.device.record).block.mechanisms
        )
        changes = (
            []
            if self.made_at or not covers
            else [
                Change("create", "group", "g"),
                Change("create", "policy", "p", after="{}", needs=("group:g",), apps=("banned",), reaches=self.reaches or covers),
            ]
        )
        control = ControlState(
            "BAN", capabilities.IOS_BLOCK, frozenset({"banned"}), covers, new=frozenset() if self.made_at else covers,
            changed_at=self.made_at, changes=tuple(each.key for each in changes), named=covers,
        )  # fmt: skip
        changes.extend(self.more)
        draft = PlanDraft(fleet, (), False, {}, [control], ["drifted"], [f"somebody's {number}" for number in range(60)], ["a note"])
        for change in changes:
            draft.add(Phase.OBJECTS, change)
        return draft

    def notice_step(self, notices: tuple[Notice, ...]) -> Any:
        return notices

    def apply(self, plan: Plan, ledger: Ledger, now: str) -> Applied:
        def execute(change: Change) -> None:
            if self.refuse(change):
                raise ChangeFailed("the service said no")
            for notice in change.step or ():
                ledger.write(now, notice.events("noticed"))
            self.done.append(change.key)

        return apply_plan(plan, execute)

    def run_state(self) -> Mapping[str, Any]:
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
    assert target.done == ["notice:city/Private/2023-03-01T00:00:00Z", "group:g", "policy:p"]
    assert outcomes(first)["device-1"] == ("stale", "awaiting_check_in"), "it is blocked as soon as the device has been in contact"
    again = SmallTarget(made_at="2023-03-20T07:00:00Z")
    second = run(again, tmp_path)
    assert not second.changed
    assert again.done == []
    assert outcomes(second)["device-1"] == ("stale", "awaiting_check_in"), "assigned by name after its last contact"
    later = SmallTarget([device(1, synced_at="2023-03-20T10:00:00Z"), *DEVICES[1:]], made_at="2023-03-20T07:00:00Z")
    assert outcomes(run(later, tmp_path))["device-1"] == ("compliant", "")
    enrolling = device(1, synced_at="2023-03-20T10:00:00Z", enrolled_at="2023-03-20T10:00:00Z")
    anew = SmallTarget([enrolling, *DEVICES[1:]], made_at="2023-03-20T07:00:00Z")
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
    lines = read_rows(result.values["evidence"])
    assert "max_devices" in lines[-1]["stopped"]
    assert (lines[-1]["fleet"], lines[-1]["writes"]) == ("complete", 0)
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

    class Removing(SmallTarget):
        def plan(self, fleet: Sequence[FleetDevice], decider: Decider) -> PlanDraft:
            here = frozenset({0})
            control = ControlState("BAN", capabilities.IOS_UNINSTALL, frozenset({"banned"}), here, changed_at="2023-03-01T00:00:00Z")
            return PlanDraft(fleet, control_states=[control])

    story = []
    for day, found in enumerate((("device-1",), ("device-1",), (), (), ("device-1",), ())):
        now = NOW + timedelta(days=day)
        phone = device(1, synced_at=(now - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ"))
        result = run(Removing([phone], found), tmp_path, remove, now=now)
        story.append(outcomes(result)["device-1"])
    assert story == [
        ("removal_requested", ""), ("removal_requested", ""), ("removed", ""), ("compliant", ""),
        ("removal_requested", "recurrence"), ("recurred", ""),
    ]  # fmt: skip


def test_a_private_device_that_left_the_management_gave_up_its_work_apps(tmp_path: Path) -> None:
    private = [device(6, ownership="personal", supervised=False), device(1)]
    withdraw = policy(rules=[{"name": "All", "when": {"work_apps": True}, "actions": ["withdraw_access", "advise"]}])
    run(SmallTarget(private, found=("device-6", "device-1")), tmp_path, withdraw)
    empty = SmallTarget([])
    empty.managed = {"device-6": False, "serial:SN0006": False}
    result = run(empty, tmp_path, withdraw)
    assert outcomes(result) == {"device-6": ("out_of_scope", "opted_out")}, "of a corporate one nobody knows where it is"
    assert rows(result)["device-6"]["serial"] == "SN0006"
    assert result.values["record"]["devices"] == 1
    assert outcomes(run(empty, tmp_path, withdraw)) == {}, "it is told once"


@pytest.mark.fault_kind("T1", "a private device that the list leaves out is called opted out")
@pytest.mark.parametrize(
    "managed",
    [
        {},
        {"device-6": True, "serial:SN0006": True},
        {"device-6": False, "serial:SN0006": True},
        {"device-6": False, "serial:SN0006": None},
        {"device-6": None, "serial:SN0006": False},
    ],
    ids=["nobody answers", "there", "under another id", "only the id is gone", "only the serial is gone"],
)
def test_opted_out_needs_both_names_to_be_gone(tmp_path: Path, managed: Mapping[str, bool | None]) -> None:
    private = [device(6, ownership="personal", supervised=False)]
    withdraw = policy(rules=[{"name": "All", "when": {"work_apps": True}, "actions": ["withdraw_access", "advise"]}])
    run(SmallTarget(private, found=("device-6",)), tmp_path, withdraw)
    short = SmallTarget([])
    short.managed = managed
    assert outcomes(run(short, tmp_path, withdraw)) == {}
    short.managed = {"device-6": False, "serial:SN0006": False}
    assert outcomes(run(short, tmp_path, withdraw)) == {"device-6": ("out_of_scope", "opted_out")}, "the next run asks again"


@pytest.mark.fault_kind("T1", "what needs memory, without a previous record")
def test_without_a_previous_record_nobody_opted_out(tmp_path: Path) -> None:
    private = [device(6, ownership="personal", supervised=False)]
    withdraw = policy(rules=[{"name": "All", "when": {"work_apps": True}, "actions": ["withdraw_access", "advise"]}])
    first = run(SmallTarget(private, found=("device-6",)), tmp_path, withdraw)
    assert any(note.startswith("no_previous_record: ") for note in first.values["notes"])
    Path(first.values["evidence"]).unlink()
    empty = SmallTarget([])
    empty.managed = {"device-6": False, "serial:SN0006": False}
    result = run(empty, tmp_path, withdraw)
    assert outcomes(result) == {}
    assert any(note.startswith("no_previous_record: ") for note in result.values["notes"])


# The fleet.


def last_lines(directory: Path) -> list[dict[str, Any]]:
    paths = sorted(directory.glob("*/small.jsonl"), key=lambda path: path.stat().st_mtime_ns)
    return [read_rows(str(path))[-1] for path in paths]


@pytest.mark.fault_kind("T1", "a list that is short, or empty")
@pytest.mark.parametrize("count", [0, 1, 2])
def test_a_fleet_that_shrank_is_not_planned_against(tmp_path: Path, count: int) -> None:
    run(SmallTarget(), tmp_path)

    class Unplanned(SmallTarget):
        def plan(self, fleet: Sequence[FleetDevice], decider: Decider) -> PlanDraft:
            raise AssertionError("planned")

    with pytest.raises(FleetDoubted, match=f"the list has {count} devices, and the run of .+ counted 8"):
        run(Unplanned(DEVICES[:count]), tmp_path)
    last = last_lines(tmp_path)[-1]
    assert (last["fleet"], last["devices"], last["totals"]) == ("doubted", 0, {}), "nothing is claimed of anybody"
    assert "the list has" in last["stopped"]
    with pytest.raises(FleetDoubted):
        run(Unplanned(DEVICES[:count]), tmp_path)
    result = run(SmallTarget(DEVICES[:count]), tmp_path, accept_fleet_size=count)
    assert result.values["record"]["devices"] == count
    assert run(SmallTarget(DEVICES[:count]), tmp_path).failure == "", "it is the measure from now on"


@pytest.mark.fault_kind("T1", "a list that has a device twice")
def test_a_device_that_comes_twice_is_one_device(tmp_path: Path) -> None:
    result = run(SmallTarget([*DEVICES, DEVICES[0], DEVICES[3]]), tmp_path)
    assert result.values["record"]["devices"] == len(DEVICES)
    assert "the list of devices has 2 of them twice" in result.values["notes"]


@pytest.mark.fault_kind("T1", "doubled rows in the place of missing devices")
def test_a_list_of_the_right_length_that_names_too_few_stops_the_run(tmp_path: Path) -> None:
    run(SmallTarget(), tmp_path)
    with pytest.raises(FleetDoubted, match="the list has 2 devices"):
        run(SmallTarget([DEVICES[0], DEVICES[1]] * 4), tmp_path)


@pytest.mark.fault_kind("T1b", "supervision and ownership that no source says any more")
def test_a_fact_that_is_lost_releases_nobody(tmp_path: Path) -> None:
    run(SmallTarget(), tmp_path)
    forgotten = [device(number, ownership=None, supervised=None, platform=None) for number in range(1, 6)]
    target = SmallTarget([*forgotten, *DEVICES[5:]])
    result = run(target, tmp_path)
    assert {outcomes(result)[f"device-{number}"] for number in range(1, 6)} == {("stale", "awaiting_check_in")}
    assert any(
        "ownership of 5 devices is unknown now and counts as it was known at 2023-03-20T09:00:00Z" in each
        for each in result.values["notes"]
    )
    classes = [line for line in read_rows(result.values["evidence"]) if line["row"] == "class" and "as_of" in line["class"]]
    assert [line["class"]["as_of"] for line in classes] == [
        {"ownership": "2023-03-20T09:00:00Z", "platform": "2023-03-20T09:00:00Z", "supervised": "2023-03-20T09:00:00Z"}
    ]


@pytest.mark.fault_kind("T1b", "a device that one list left out comes back as a stranger")
def test_a_device_that_one_list_left_out_is_no_stranger_when_it_comes_back(tmp_path: Path) -> None:
    by_user = policy(rules=[BLOCK], exemptions=[exemption(users=["user1@city.example"], follow_user=True)])
    run(SmallTarget(), tmp_path, by_user)
    for day in (1, 2):
        short = run(SmallTarget(DEVICES[1:]), tmp_path, by_user, now=NOW + timedelta(days=day))
        assert short.values["record"]["devices"] == 7, "it is in no count"
        missing = [line for line in read_rows(short.values["evidence"]) if line["row"] == "class" and "missing_since" in line["class"]]
        assert [(line["devices"], line["class"]["missing_since"]) for line in missing] == [
            ([["device-1", "SN0001"]], "2023-03-21T09:00:00Z")
        ]
    back = SmallTarget([device(1, user=None, supervised=None), *DEVICES[1:]])
    result = run(back, tmp_path, by_user, now=NOW + timedelta(days=3))
    assert outcomes(result)["device-1"][0] == "exempt"
    assert not [line for line in read_rows(result.values["evidence"]) if line["row"] == "class" and "missing_since" in line["class"]]


def test_who_is_missing_for_long_or_enrolled_anew_or_was_confirmed_to_have_left_is_forgotten(tmp_path: Path) -> None:
    def missing(result: RunResult) -> list[str]:
        lines = [line for line in read_rows(result.values["evidence"]) if line["row"] == "class" and "missing_since" in line["class"]]
        return [device for line in lines for device, _serial in line["devices"]]

    run(SmallTarget(), tmp_path)
    anew = device(1, id="another-id")
    assert missing(run(SmallTarget([anew, *DEVICES[2:]]), tmp_path)) == ["device-2"], "its serial number is there"
    assert missing(run(SmallTarget([anew, *DEVICES[2:]]), tmp_path, now=NOW + timedelta(days=29))) == ["device-2"]
    assert missing(run(SmallTarget([anew, *DEVICES[2:]]), tmp_path, now=NOW + timedelta(days=31))) == []
    assert missing(run(SmallTarget(DEVICES[2:]), tmp_path, now=NOW + timedelta(days=32), accept_fleet_size=6)) == []


def test_who_has_been_missing_before_is_no_new_loss(tmp_path: Path) -> None:
    many = [device(number) for number in range(1, 101)]
    for day in range(12):
        run(SmallTarget(many[day * 5 :]), tmp_path, now=NOW + timedelta(days=day))
    with pytest.raises(FleetDoubted, match=r"the list has 39 devices, and the run of .+ counted 45"):
        run(SmallTarget(many[61:]), tmp_path, now=NOW + timedelta(days=13))


# Which sources are believed.


@pytest.mark.fault_kind("T2", "an inventory that lists no device beside a count that says that there are some")
def test_sources_that_contradict_themselves_prove_nothing(tmp_path: Path) -> None:
    target = SmallTarget(made_at="2023-03-01T00:00:00Z")
    target.contradicts = frozenset({("device-1", "banned")})
    result = run(target, tmp_path)
    assert outcomes(result)["device-1"] == ("not_observable", "source_contradicts")
    assert rows(result)["device-1"]["before"] == "not_observed"
    assert outcomes(result)["device-2"] == ("compliant", "")


@pytest.mark.fault_kind("T2", "a removal that the same inventory as before confirms")
def test_a_removal_is_not_confirmed_by_the_look_that_was_there_before_the_order(tmp_path: Path) -> None:
    """The device has told nothing since: that its app is not listed any more is the source's doing."""
    phones = [device(1)]
    target = SmallTarget(phones, found=("device-1",), made_at="2023-03-01T00:00:00Z")
    assert outcomes(run(target, tmp_path))["device-1"] == ("blocked_not_removed", "")
    silent = SmallTarget(phones, made_at="2023-03-01T00:00:00Z")
    for _again in range(3):
        doubted = run(silent, tmp_path, now=NOW + timedelta(days=1))
        assert outcomes(doubted)["device-1"] == ("not_observable", "source_contradicts")
        assert rows(doubted)["device-1"]["last_seen_at"] == "2023-03-20T08:00:00Z"
    later = SmallTarget([device(1, synced_at="2023-03-22T08:00:00Z")], made_at="2023-03-01T00:00:00Z")
    assert outcomes(run(later, tmp_path, now=NOW + timedelta(days=3)))["device-1"] == ("compliant", "")


@pytest.mark.fault_kind("T2", "a vanished app of which its target says that nothing is proved")
def test_what_a_target_can_not_prove_to_be_gone_is_not_gone(tmp_path: Path) -> None:
    asked: list[Sequence[tuple[str, str]]] = []

    class Unproved(SmallTarget):
        def absences(self, pairs: Sequence[tuple[str, str]]) -> frozenset[tuple[str, str]]:
            asked.append(list(pairs))
            return frozenset(pairs)

    run(SmallTarget(found=("device-1",), made_at="2023-03-01T00:00:00Z"), tmp_path)
    later = [device(number, synced_at="2023-03-21T08:00:00Z") for number in range(1, 9)]
    target = Unproved(later, made_at="2023-03-01T00:00:00Z")
    result = run(target, tmp_path, now=NOW + timedelta(days=1))
    assert asked == [[("device-1", "banned")]], "asked only of those that had it"
    assert outcomes(result)["device-1"] == ("not_observable", "source_contradicts")
    ledger = Ledger.open(str(tmp_path), "small", writable=False)
    assert ledger.story("device-1", "banned").present


# Whom a change touches.


@pytest.mark.fault_kind("R5", "the plan of a run that was refused is not recorded")
@pytest.mark.fault_kind("T6", "a plan that reaches a device that it must not touch")
@pytest.mark.parametrize(("index", "name"), [(5, "SN0006"), (6, "SN0007"), (0, "SN0001")], ids=["another rule's", "unclassified", "exempt"])
def test_a_plan_that_reaches_somebody_whom_it_must_not_is_refused_and_recorded(tmp_path: Path, index: int, name: str) -> None:
    target = SmallTarget()
    target.reaches = frozenset({1, index})
    narrow = policy(rules=[BLOCK], exemptions=[exemption(devices=["SN0001"])])
    with pytest.raises(AppbanError, match=rf"policy:p reaches {name}\. This is a defect"):
        run(target, tmp_path, narrow)
    assert target.done == []
    (path,) = tmp_path.glob("*/small.jsonl")
    lines = read_rows(str(path))
    assert [line["name"] for line in lines if line["row"] == "plan"] == ["g", "p"], "the plan that was refused can be read"
    assert (lines[-1]["writes"], lines[-1]["fleet"]) == (0, "unread")


@pytest.mark.fault_kind("R4", "an app that does not exist on a platform does not make its control a defect")
def test_a_control_of_two_apps_may_reach_who_has_only_one_of_them(tmp_path: Path) -> None:
    elsewhere = {**app("wechat", identifiers={"domain": ["wechat.example"]}), "platforms": ["linux"]}
    both = policy(rules=[BLOCK], apps=[app(), elsewhere])
    target = SmallTarget()
    target.more = (Change("update", "policy", "q", apps=("banned", "wechat"), reaches=frozenset({0, 1})),)
    assert run(target, tmp_path, both).failure == ""
    target = SmallTarget()
    target.more = (Change("update", "policy", "q", apps=("wechat",), reaches=frozenset({0, 1})),)
    with pytest.raises(AppbanError, match=r"policy:q reaches SN0001, SN0002"):
        run(target, tmp_path, both)


def releasing(*indexes: int, apps: tuple[str, ...] = ("banned",)) -> SmallTarget:
    target = SmallTarget(made_at="2023-03-01T00:00:00Z")
    target.more = (Change("delete", "policy", "old", before="{}", apps=apps, releases=frozenset(indexes)),)
    return target


@pytest.mark.fault_kind("T1", "protection that is lost does not count against the limits")
def test_devices_that_lose_their_protection_count_against_the_limits(tmp_path: Path) -> None:
    stands = releasing(5, 7)
    result = run(stands, tmp_path, policy(rules=[BLOCK]), limits={"max_devices": 1})
    assert stands.done == []
    assert "this run would newly affect 0 of 8 devices and take its protection from 2, but max_devices is 1" in result.failure
    assert """-e '{"appban_limits": {"max_devices": 2}}'""" in result.failure
    assert "SN0006, SN0008" in result.failure


def test_who_keeps_another_control_for_the_app_loses_nothing(tmp_path: Path) -> None:
    result = run(releasing(0, 1, 2), tmp_path, policy(rules=[BLOCK]), limits={"max_devices": 0})
    assert result.failure == ""


def test_a_lift_that_the_policy_orders_counts_against_nothing(tmp_path: Path) -> None:
    for ended in (
        {"state": "lifted"},
        {"effective": {"from": "2023-03-01T00:00:00Z", "until": "2023-03-10T00:00:00Z", "on_expiry": "lift"}},
    ):
        target = releasing(*range(8))
        result = run(target, tmp_path, policy(rules=[BLOCK], **ended), limits={"max_devices": 0})
        assert result.failure == ""
        assert target.done == ["policy:old"]


def test_an_app_that_another_policy_still_bans_is_not_lifted(tmp_path: Path) -> None:
    lifted = policy("lifted", rules=[BLOCK], state="lifted")
    other = policy("other", rules=[{**BLOCK, "when": {"department": "press"}}])
    result = run(releasing(5), tmp_path, lifted, other, limits={"max_devices": 0})
    assert "take its protection from 1" in result.failure


# Done is not arrived.


LIFTED = policy(rules=[BLOCK], state="lifted")


@pytest.mark.fault_kind("T8b", "a lift that the device has not heard of yet")
def test_a_lift_waits_for_the_device_and_says_so(tmp_path: Path) -> None:
    lift = releasing(0, 1)
    result = run(lift, tmp_path, LIFTED)
    assert outcomes(result)["device-1"] == ("not_in_force", "lift_pending")
    assert outcomes(result)["device-3"] == ("not_in_force", "ban_lifted"), "nothing was ever taken from it"
    assert result.values["record"]["reasons"]["banned"]["not_in_force"] == {"ban_lifted": 5, "lift_pending": 2}
    ledger = Ledger.open(str(tmp_path), "small", writable=False)
    assert ledger.last_ended("device-1", "banned") == "2023-03-20T09:00:00Z"
    nothing = SmallTarget(made_at="2023-03-01T00:00:00Z")
    assert outcomes(run(nothing, tmp_path, LIFTED, now=NOW + timedelta(days=1)))["device-1"] == ("not_in_force", "lift_pending")
    heard = SmallTarget([device(1, synced_at="2023-03-21T08:00:00Z"), *DEVICES[1:]])
    told = outcomes(run(heard, tmp_path, LIFTED, now=NOW + timedelta(days=1)))
    assert told["device-1"] == ("not_in_force", "ban_lifted")
    assert told["device-2"] == ("not_in_force", "lift_pending")


@pytest.mark.fault_kind("T8b", "a device that enrolled anew has nothing of what it had")
def test_who_enrolled_again_since_holds_nothing(tmp_path: Path) -> None:
    run(releasing(0), tmp_path, LIFTED)
    again = SmallTarget([device(1, enrolled_at="2023-03-20T10:00:00Z"), *DEVICES[1:]])
    assert outcomes(run(again, tmp_path, LIFTED))["device-1"] == ("not_in_force", "ban_lifted")


@pytest.mark.fault_kind("T8b", "a rehearsal of a lift")
def test_a_rehearsal_of_a_lift_says_that_it_is_still_to_come(tmp_path: Path) -> None:
    result = run(releasing(0), tmp_path, LIFTED, check_mode=True)
    assert outcomes(result)["device-1"] == ("not_in_force", "lift_pending")
    assert not list(tmp_path.glob("*.ledger.jsonl"))


@pytest.mark.fault_kind("T8b", "a device that says itself that it still holds our control")
@pytest.mark.parametrize(("holds", "reason"), [(True, "lift_pending"), (False, "ban_lifted"), (None, "ban_lifted")])
def test_the_devices_own_word_goes_before_its_contact(tmp_path: Path, holds: bool | None, reason: str) -> None:
    class Telling(SmallTarget):
        def may_still_hold(self, device: str, app: str) -> bool | None:
            return holds

    assert outcomes(run(Telling(), tmp_path, LIFTED))["device-1"] == ("not_in_force", reason)


@pytest.mark.fault_kind("T6", "the release of an exempt device fails")
def test_an_exempt_device_whose_release_failed_is_failed_and_nobody_else_is(tmp_path: Path) -> None:
    target = releasing(0)
    target.refuse = lambda change: True
    result = run(target, tmp_path, policy(rules=[BLOCK], exemptions=[exemption(devices=["SN0001", "SN0002"])]))
    assert outcomes(result)["device-1"] == ("failed", "error")
    assert outcomes(result)["device-2"] == ("exempt", "")
    assert outcomes(result)["device-3"] == ("compliant", "")
    # Said before it is tried: whatever becomes of it, the device may have it until its next contact.
    assert Ledger.open(str(tmp_path), "small", writable=False).last_ended("device-1", "banned") == "2023-03-20T09:00:00Z"


@pytest.mark.fault_kind("T6", "a failed lift")
def test_a_lift_that_failed_is_failed_where_it_would_have_released_somebody(tmp_path: Path) -> None:
    target = releasing(0, 5)
    target.refuse = lambda change: True
    told = outcomes(run(target, tmp_path, LIFTED))
    assert (told["device-1"], told["device-6"], told["device-2"]) == (
        ("failed", "error"),
        ("failed", "error"),
        ("not_in_force", "ban_lifted"),
    )


@pytest.mark.fault_kind("T6", "a change that failed on some of its devices")
def test_a_change_that_failed_on_one_phone_fails_no_other(tmp_path: Path) -> None:
    class Partly(SmallTarget):
        def apply(self, plan: Plan, ledger: Ledger, now: str) -> Applied:
            def execute(change: Change) -> None:
                if change.key == "policy:old":
                    raise ChangeFailed("one phone said no", devices=frozenset({1}))

            return apply_plan(plan, execute)

    target = Partly(made_at="2023-03-01T00:00:00Z")
    target.more = (Change("delete", "policy", "old", before="{}", apps=("banned",), releases=frozenset({0, 1})),)
    result = run(target, tmp_path, policy(rules=[BLOCK], exemptions=[exemption(devices=["SN0001", "SN0002"])]))
    assert outcomes(result)["device-1"] == ("exempt", "release_pending")
    assert outcomes(result)["device-2"] == ("failed", "error")
    ledger = Ledger.open(str(tmp_path), "small", writable=False)
    assert {ledger.last_ended(each, "banned") for each in ("device-1", "device-2")} == {"2023-03-20T09:00:00Z"}


@pytest.mark.fault_kind("T8b", "a run that is killed while it takes a control away")
def test_what_is_about_to_be_taken_is_remembered_before_it_is(tmp_path: Path) -> None:
    class Dying(SmallTarget):
        def apply(self, plan: Plan, ledger: Ledger, now: str) -> Applied:
            raise KeyboardInterrupt

    target = Dying(made_at="2023-03-01T00:00:00Z")
    target.more = (Change("delete", "policy", "old", before="{}", apps=("banned",), releases=frozenset({0})),)
    with pytest.raises(KeyboardInterrupt):
        run(target, tmp_path, policy(rules=[BLOCK], exemptions=[exemption(devices=["SN0001"])]))
    assert Ledger.open(str(tmp_path), "small", writable=False).last_ended("device-1", "banned") == "2023-03-20T09:00:00Z"


@pytest.mark.fault_kind("T1", "a control goes because a list leaves out the devices that it is for")
@pytest.mark.parametrize(
    ("asked", "stays"),
    [({"device-2": True}, True), ({"device-2": None}, True), ({"device-2": False, "serial:SN0002": True}, True),
     ({"device-2": False, "serial:SN0002": False}, False)],
)  # fmt: skip
def test_a_control_stays_as_long_as_a_device_in_scope_is_missing_and_not_gone(
    tmp_path: Path, asked: Mapping[str, bool | None], stays: bool
) -> None:
    city = policy(rules=[BLOCK])
    run(SmallTarget(made_at="2023-03-01T00:00:00Z"), tmp_path, city)
    target = SmallTarget([each for each in DEVICES if each.id != "device-2"], made_at="2023-03-01T00:00:00Z")
    target.managed = asked
    target.more = (
        Change("delete", "policy", "old", before="{}", apps=("banned",)),
        Change("delete", "group", "of old", needs=("policy:old",), apps=("banned",)),
        Change("update", "policy", "other", apps=("banned",)),
    )
    result = run(target, tmp_path, city, now=NOW + timedelta(days=1))
    assert target.done == (["policy:other"] if stays else ["policy:old", "group:of old", "policy:other"])
    told = [note for note in result.values["notes"] if note.startswith("of old, old stays: 1 device that was in scope")]
    assert len(told) == stays
    target.done = []
    run(target, tmp_path, policy(rules=[BLOCK], state="lifted"), now=NOW + timedelta(days=2))
    assert "policy:old" in target.done, "an end that a policy orders waits for nobody"


@pytest.mark.fault_kind("R3", "what another run wrote to the ledger while this one waited for the lock")
@pytest.mark.parametrize("there_before", [False, True])
def test_what_was_written_before_the_lock_was_had_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there_before: bool) -> None:
    def written(device: str) -> None:
        Ledger.open(str(tmp_path), "small", writable=True).write("2023-03-20T08:00:00Z", [{"event": "opted_out", "device": device}])

    class Remembering(SmallTarget):
        def remember(self, ledger: Ledger) -> None:
            self.remembered = set(ledger.opted_out)

    hold = RunLock.hold

    def held_late(lock: RunLock, holder: Mapping[str, str]) -> None:
        written("device-late")
        hold(lock, holder)

    if there_before:
        written("device-early")
    monkeypatch.setattr(RunLock, "hold", held_late)
    target = Remembering()
    run(target, tmp_path, policy(rules=[BLOCK]))
    assert target.remembered == {"device-late", *(["device-early"] if there_before else [])}


@pytest.mark.fault_kind("R1", "a fleet that can't be looked at any more after the writes")
def test_a_fleet_that_is_lost_after_the_writes_hides_none_of_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fleet_store, "MOST_IN_MEMORY", 1)

    class Losing(SmallTarget):
        def apply(self, plan: Plan, ledger: Ledger, now: str) -> Applied:
            applied = super().apply(plan, ledger, now)
            monkeypatch.setattr(fleet_store.FleetStore, "_read", unreadable)
            return applied

    def unreadable(*_arguments: Any) -> bytes:
        raise fleet_store.FleetUnreadable("it can't be read again")

    result = run(Losing(), tmp_path, policy(rules=[BLOCK]))
    assert result.changed
    assert result.failure.startswith("2 of 2 changes were made, and the record of them could not be finished: it can't be read again")


@pytest.mark.fault_kind("T8b", "somebody who could not join a group, because what has to make way stays, counts as in it")
def test_what_waits_for_an_end_in_doubt_is_told_as_not_done(tmp_path: Path) -> None:
    city = policy(rules=[BLOCK])
    run(SmallTarget(made_at="2023-03-01T00:00:00Z"), tmp_path, city)

    class Joining(SmallTarget):
        def plan(self, fleet: Sequence[FleetDevice], decider: Decider) -> PlanDraft:
            draft = super().plan(fleet, decider)
            join = "group members:g"
            draft.control_states = [replace(each, new=frozenset({0}), changes=(join,)) for each in draft.control_states]
            return draft

    target = Joining([each for each in DEVICES if each.id != "device-2"], made_at="2023-03-01T00:00:00Z")
    target.more = (
        Change("delete", "policy", "old", before="{}", apps=("banned",)),
        Change("update", "group members", "g", needs=("policy:old",), apps=("banned",), reaches=frozenset({0})),
    )
    target.managed = {"device-2": None}
    result = run(target, tmp_path, city, now=NOW + timedelta(days=1))
    assert target.done == []
    assert outcomes(result)["device-1"] == ("failed", "error")
    assert outcomes(result)["device-3"][0] != "failed"
    assert any("stays: 1 device that was in scope" in note for note in result.values["notes"])


@pytest.mark.fault_kind("T8d", "a contact in the future is believed")
def test_a_contact_that_has_not_come_yet_proves_nothing(tmp_path: Path) -> None:
    devices = [replace(each, synced_at="2931-01-01T00:00:00Z") if each.id == "device-1" else each for each in DEVICES]
    result = run(SmallTarget(devices, made_at="2023-03-01T00:00:00Z"), tmp_path, policy(rules=[BLOCK]))
    assert outcomes(result)["device-1"] == ("stale", "old_inventory")
    assert outcomes(result)["device-2"] == ("compliant", "")
    assert any("in the future" in note for note in result.values["notes"])


# Recorded before done.


@pytest.mark.fault_kind("R1", "a tenant is contacted before there is a record")
def test_the_record_is_there_before_anything_is_contacted(tmp_path: Path) -> None:
    seen: list[list[str]] = []

    class Looking(SmallTarget):
        def partial(self) -> None:
            (path,) = tmp_path.glob("*/small.jsonl.partial")
            seen.append([json.loads(line)["row"] for line in path.read_text(encoding="utf-8").splitlines()])

        def devices(self) -> Iterator[ManagedDevice]:
            self.partial()
            yield from super().devices()

        def apply(self, plan: Plan, ledger: Ledger, now: str) -> Applied:
            self.partial()
            return super().apply(plan, ledger, now)

    target = Looking()
    run(target, tmp_path)
    before, writing = seen
    assert before == ["header"]
    assert [kind for kind in writing if kind == "plan"] == ["plan"] * 3
    assert "class" in writing


@pytest.mark.fault_kind("R1", "no room for the record of a tenant")
def test_nothing_is_written_to_the_tenant_where_the_plan_can_not_be_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int, start: int, size: int) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "posix_fallocate", full)
    target = SmallTarget()
    with pytest.raises(EvidenceError, match="there is no room for the record"):
        run(target, tmp_path)
    assert target.done == []


def journalled(target: SmallTarget, directory: Path, journal: Journal) -> RunResult:
    request = RunRequest("small", (policy(rules=[BLOCK]),), NOW, {}, str(directory), False, evidence="all")
    return run_target(target, request, journal)


@pytest.mark.fault_kind("R1", "changed is false although something was sent")
@pytest.mark.parametrize("how", ["refused", "apart"])
def test_changed_is_true_when_anything_was_sent(tmp_path: Path, how: str) -> None:
    journal = Journal()
    journal.note("POST", "https://tenant.example/token", "log in")
    journal.add(1)

    class Writing(SmallTarget):
        def apply(self, plan: Plan, ledger: Ledger, now: str) -> Applied:
            journal.note("POST", "https://tenant.example/groups", "create a group")
            journal.add(1)
            if how == "apart":
                raise ChangeFailed("the service is gone", "https://tenant.example")
            return super().apply(plan, ledger, now)

    target = Writing()
    target.refuse = lambda change: True
    result = journalled(target, tmp_path, journal)
    assert result.changed
    assert ("which of its 2 changes were made is not known" if how == "apart" else "0 of 2 changes were made") in result.failure
    lines = read_rows(result.values["evidence"])
    assert [line["place"] for line in lines if line["row"] == "write"] == ["https://tenant.example/groups"]
    assert outcomes(result)["device-1"] == ("failed", "error")
    assert outcomes(result)["device-6"] == ("out_of_scope", "")


@pytest.mark.fault_kind("R1", "changed is true although nothing was sent")
def test_changed_is_false_when_logging_in_was_all_that_was_sent(tmp_path: Path) -> None:
    journal = Journal()
    journal.note("POST", "https://tenant.example/token", "log in")
    journal.add(1)
    target = SmallTarget()
    target.refuse = lambda change: True
    assert not journalled(target, tmp_path, journal).changed


@pytest.mark.fault_kind("R5", "a stopped run shows no plan")
def test_a_stopped_run_shows_and_records_its_plan(tmp_path: Path) -> None:
    result = run(SmallTarget(), tmp_path, policy(rules=[BLOCK]), limits={"max_devices": 3})
    assert """-e '{"appban_limits": {"max_devices": 5}}'""" in result.failure
    assert [each["name"] for each in result.values["changes"]] == ["g", "p"]
    assert [each["after_header"] for each in result.diff] == ["group g", "policy p"]
    plan = [line for line in read_rows(result.values["evidence"]) if line["row"] == "plan"]
    assert [(line["name"], line["reaches"]) for line in plan] == [("g", 0), ("p", 5)]
    assert {row["requested_at"] for row in rows(result).values()} == {None}


@pytest.mark.fault_kind("R3", "two runs over one tenant")
def test_a_second_run_is_told_and_contacts_nothing(tmp_path: Path) -> None:
    class Unread(SmallTarget):
        def devices(self) -> Iterator[ManagedDevice]:
            raise AssertionError("contacted")

    class During(SmallTarget):
        def devices(self) -> Iterator[ManagedDevice]:
            for check_mode in (False, True):
                with pytest.raises(RunLocked, match="another run over this target is under way: somebody"):
                    run(Unread(), tmp_path, check_mode=check_mode)
            yield from super().devices()

    assert run(During(), tmp_path).changed
    assert not run(SmallTarget(made_at="2023-03-01T00:00:00Z"), tmp_path).failure, "it is free again"


@pytest.mark.fault_kind("R1", "what an interrupted run may have done is forgotten")
def test_an_interrupted_run_is_told_by_the_next(tmp_path: Path) -> None:
    class Killed(SmallTarget):
        def apply(self, plan: Plan, ledger: Ledger, now: str) -> Applied:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(Killed(), tmp_path)
    (left,) = tmp_path.glob("*/small.jsonl.partial")
    result = run(SmallTarget(), tmp_path)
    assert f"an interrupted run left {left}: it says what that run was about to do" in result.values["notes"]
    assert result.failure == ""


@pytest.mark.fault_kind("T8d", "seen_at is the last contact, not the look")
def test_seen_at_is_the_instant_of_the_look(tmp_path: Path) -> None:
    old = replace(device(1), inventory_at="2023-02-10T08:00:00Z")
    fresh = replace(device(2), inventory_at="2023-03-19T08:00:00Z")
    result = run(SmallTarget([old, fresh], made_at="2023-02-01T00:00:00Z"), tmp_path)
    assert outcomes(result) == {"device-1": ("stale", "old_inventory"), "device-2": ("compliant", "")}
    assert rows(result)["device-2"]["seen_at"] == "2023-03-19T08:00:00Z"
    assert rows(result)["device-1"]["seen_at"] == "2023-02-10T08:00:00Z"


@pytest.mark.fault_kind("R4", "an app that exists elsewhere only counts against a device")
def test_an_app_that_exists_elsewhere_only_counts_against_nobody(tmp_path: Path) -> None:
    elsewhere = {**app("wechat", identifiers={"domain": ["wechat.example"]}), "platforms": ["linux"]}
    result = run(SmallTarget(made_at="2023-03-01T00:00:00Z"), tmp_path, policy(rules=[BLOCK], apps=[app(), elsewhere]))
    assert outcomes(result, "wechat")["device-1"] == ("not_applicable", "")
    assert rows(result, "wechat")["device-1"]["before"] == "not_observed"
    assert outcomes(result)["device-1"] == ("compliant", "")
    assert result.values["summary"]["compliant"] == 5


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
