# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what is known of a device to its outcome, over the whole capability table: no combination of facts makes it dishonest."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from typing import Any

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.engine.outcomes import Observation, Outcome, judge
from ansible_collections.appban.endpoint.plugins.module_utils.engine.plan import Change, Plan
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.planning.capability import ACTIONS_WITH_SUPPORT, Capability
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.planning.control_state import ControlState, ControlStates
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.planning.fleet import FleetDevice
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.run.assess import Assessor, RunState
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.run.ledger import Assigned, Ended, Ledger, Story
from ansible_collections.appban.endpoint.plugins.module_utils.targets.intune import capabilities
from ansible_collections.appban.endpoint.plugins.module_utils.targets.intune.target import IntuneTarget
from tests.support.mdm_samples import NOW, device, exemption, fleet, policy

# One device for each row of the table.
DEVICES: dict[str, dict[str, Any]] = {
    "ios_supervised": {},
    "ios_corporate": {"supervised": False},
    "ios_personal": {"ownership": "personal", "supervised": False},
    "ios_personal_supervised": {"ownership": None},
    "ios_user_enrollment": {"ownership": "personal", "supervised": False, "enrollment": "user"},
    "android_fully_managed": {"platform": "android", "supervised": None, "enrollment": "fully_managed"},
    "android_cope": {"platform": "android", "supervised": None, "enrollment": "cope"},
    "android_work_profile": {"platform": "android", "ownership": "personal", "supervised": None, "enrollment": "work_profile"},
    "windows_corporate": {"platform": "windows", "supervised": None},
    "windows_co_managed": {
        "platform": "windows", "supervised": None, "management_agent": "configurationManagerClientMdm",
        "workloads": ["deviceConfiguration", "inventory", "modernApps"],
    },
    "windows_personal": {"platform": "windows", "ownership": "personal", "supervised": None},
    "macos_corporate": {"platform": "macos", "supervised": None},
    "macos_personal": {"platform": "macos", "ownership": "personal", "supervised": None},
    "leaving": {"management_state": "wipePending"},
    "unreached": {"management_agent": "msSense"},
    "other": {"platform": "linux", "supervised": None},
}
ACTION_SETS = (
    ("audit",),
    ("advise",),
    ("remove",),
    ("block",),
    ("remove", "block"),
    ("remove", "block", "block_web"),
    ("advise", "withdraw_access"),
    ("block_web",),
)
CONTROLS = (
    "none", "stands", "not reached yet", "planned", "failed", "changed", "unnamed", "obstacle",
    # Of targets whose devices say themselves what is in force on them, and of those that keep no dates.
    "confirmed", "not confirmed", "refused", "undated", "undated and not reached yet",
)  # fmt: skip
# It stands, and the device has it.
REACHED = ("stands", "obstacle", "confirmed", "undated")
STORIES = {
    "new": Story(),
    "asked": Story(present=True, requested_at="2023-03-18T09:00:00Z"),
    "asked long ago": Story(present=True, requested_at="2023-03-01T09:00:00Z"),
    "removed before": Story(removals=1),
    "asked again": Story(present=True, requested_at="2023-03-18T09:00:00Z", removals=1),
    "withdrawn": Story(present=True, withdrawn=True),
}


@dataclass(frozen=True)
class Case:
    """One combination and what came of it."""

    row: Capability
    actions: tuple[str, ...]
    found: bool
    controls: str
    story: str
    stale: bool
    depends: bool | None
    check: bool
    seen: Observation
    outcome: Outcome

    def reaches(self, *actions: str) -> bool:
        """Whether controls for all of these actions stand on the device, as far as the tenant can tell."""
        return self.controls in ("stands", "confirmed", "undated") and all(self.row.support(action).mechanisms for action in actions)


@cache
def member(kind: str, actions: tuple[str, ...], stale: bool) -> FleetDevice:
    synced_at = "2023-01-01T08:00:00Z" if stale else "2023-03-20T08:00:00Z"
    rule = {"name": "All", "when": {"work_apps": True}, "actions": list(actions)}
    return fleet([policy(rules=[rule])], [device(synced_at=synced_at, access_withdrawn=True, **DEVICES[kind])])[0]


@cache
def control_states(state: str) -> ControlStates:
    """One control for every mechanism, all in the same state."""
    if state == "none":
        return ControlStates(())
    here = frozenset({0})
    facts: dict[str, Any] = {
        "stands": {"changed_at": "2022-12-01T00:00:00Z"},
        "not reached yet": {"changed_at": "2023-03-20T08:30:00Z"},
        "planned": {"changes": ("policy:x",), "new": here},
        "failed": {"changes": ("policy:x",), "new": here},
        "changed": {"changes": ("policy:x",), "changed_at": "2022-12-01T00:00:00Z", "new": here},
        "unnamed": {"covers": frozenset(), "unnamed": here},
        "obstacle": {"changed_at": "2022-12-01T00:00:00Z", "obstacle": "foreign_assignment"},
        "confirmed": {"confirmed": here},
        "not confirmed": {"confirmed": frozenset()},
        "refused": {"confirmed": frozenset(), "refused": {0: "unsupervised"}},
        "undated": {"dated": False},
        "undated and not reached yet": {"dated": False},
    }[state]
    return ControlStates(
        ControlState(**{"control": f"BAN {name}", "mechanism": name, "apps": frozenset({"banned"}), "covers": here, **facts})
        for name in capabilities.NAMES
        if name not in (capabilities.NOTICE, capabilities.DEFENDER)
    )


def run_state(state: str, story: str, found: bool, depends: bool | None, check: bool, **changes: Any) -> RunState:
    device_id = "device-1"
    finding = {"app": "banned", "backend": "discovered apps", "name": "Banned"}
    notices = {(device_id, "city/All/2023-03-01T00:00:00Z", "banned"): "2023-03-19T09:00:00Z"} if story == "asked" else {}
    since = {"undated": "2022-12-01T00:00:00Z", "undated and not reached yet": "2023-03-20T08:30:00Z"}.get(state, "")
    standing = {f"BAN {name}": since for name in capabilities.NAMES} if since else {}
    facts: dict[str, Any] = {
        "control_states": control_states(state),
        "capability_of": capabilities.capability_of,
        "findings": {(device_id, "banned"): [finding]} if found else {},
        "reporting": IntuneTarget.reporting,
        "findable": lambda app, platform, sees: True,
        "ledger": Ledger("", stories={(device_id, "banned"): STORIES[story]}, notices=notices, standing=standing, writable=False),
        "now": NOW,
        "failed": frozenset({"policy:x"} if state == "failed" and not check else ()),
        "pending": frozenset({"policy:x"} if check else ()),
        "access_depends_on_compliance": depends,
        "stale_after": timedelta(days=30),
    }
    return RunState(**{**facts, **changes})


def cases(step: int) -> Iterator[Case]:
    number = itertools.count()
    for state, story, found, depends, check in itertools.product(CONTROLS, STORIES, (True, False), (True, False), (True, False)):
        assessor = Assessor(run_state(state, story, found, depends, check), capabilities.NAMES)
        for kind, actions, stale in itertools.product(DEVICES, ACTION_SETS, (True, False)):
            if next(number) % step:
                continue
            each = member(kind, actions, stale)
            app = each.decision.apps["banned"]
            seen = assessor.assess(0, each, app).observation
            outcome = judge(app.to_plain(), seen, check)
            yield Case(capabilities.BY_KIND[kind], actions, found, state, story, stale, depends, check, seen, outcome)


#: A step through the product that shares no divisor with the number of choices of any field: every few fields meet in every combination.
STEP = 11


@pytest.fixture(scope="module", params=[STEP, pytest.param(1, marks=pytest.mark.long)])
def judged(request: pytest.FixtureRequest) -> list[Case]:
    """The product, judged: that it can be made is the proof that every combination has an outcome. All of it in make test-long."""
    return list(cases(request.param))


def test_each_row_has_its_device() -> None:
    assert set(DEVICES) == set(capabilities.BY_KIND)
    for kind, record in DEVICES.items():
        assert capabilities.capability_of(device(**record).record).kind == kind


def test_the_table_leads_to_every_outcome_that_a_tenant_can_have(judged: list[Case]) -> None:
    assert {case.outcome.name for case in judged} == {
        "compliant", "removed", "removal_requested", "blocked_not_removed", "violating", "advised", "access_withdrawn", "recurred",
        "cannot_enforce", "not_observable", "stale", "failed",
    }  # fmt: skip


def test_an_app_that_is_there_is_never_in_order(judged: list[Case]) -> None:
    told = {
        "violating", "cannot_enforce", "blocked_not_removed", "removal_requested", "access_withdrawn", "advised", "failed",
    }  # fmt: skip
    for case in judged:
        if case.found:
            assert case.outcome.name in told, case


def test_removed_needs_a_request_and_an_inventory_that_no_longer_has_it(judged: list[Case]) -> None:
    for case in judged:
        if case.outcome.name in ("removed", "recurred"):
            assert not case.found
            assert not case.stale
            assert STORIES[case.story].requested_at, case
            assert case.row.sees != "none"


def test_compliant_is_never_said_of_what_can_not_be_seen(judged: list[Case]) -> None:
    for case in judged:
        if case.outcome.name == "compliant":
            assert not case.found
            assert not case.stale
            assert case.row.sees == "all" or (case.row.sees == "reported" and case.controls in REACHED), case


def test_compliant_needs_every_demanded_block_to_stand(judged: list[Case]) -> None:
    for case in judged:
        if case.outcome.name in ("compliant", "removed"):
            for action in {"block", "block_web"} & set(case.actions):
                assert case.row.support(action).mechanisms, case
                assert case.controls not in ("none", "unnamed", "failed", "refused"), case
        if case.outcome.name == "compliant" and "block" in case.actions:
            assert case.controls in REACHED, f"nobody knows yet whether the block has reached the device: {case}"


def test_what_is_said_to_be_blocked_is_blocked(judged: list[Case]) -> None:
    for case in judged:
        if case.outcome.name == "blocked_not_removed":
            assert case.found
            assert case.controls in REACHED
            assert case.row.block.mechanisms


def test_a_removal_is_requested_only_where_something_removes(judged: list[Case]) -> None:
    for case in judged:
        if case.outcome.name == "removal_requested":
            assert case.row.remove.mechanisms
            assert case.controls not in ("none", "unnamed", "obstacle", "failed", "refused"), case
            assert not case.check
            if not case.row.remove.certain and case.controls == "stands":
                assert case.story != "asked long ago", "a removal that has no effect is not requested for ever"


def test_access_is_withdrawn_only_where_it_depends_on_compliance(judged: list[Case]) -> None:
    for case in judged:
        if case.outcome.name == "access_withdrawn":
            assert case.depends
            assert case.found
            assert case.row.withdraw_access.mechanisms
            assert case.controls in (*REACHED, "not reached yet", "changed", "undated and not reached yet"), case


def test_what_can_not_be_done_or_seen_has_a_reason_of_its_row(judged: list[Case]) -> None:
    for case in judged:
        if case.outcome.name in ("cannot_enforce", "not_observable"):
            assert case.outcome.reason
        if case.outcome.name == "not_observable":
            assert not case.found
            if case.outcome.reason == "source_contradicts":
                assert case.stale, "its last look is older than the order"
                assert STORIES[case.story].requested_at, case
            else:
                assert case.outcome.reason in {case.row.why_unseen, "awaiting_check_in", "no_backend"} - {""}, case
        if case.outcome.name == "cannot_enforce" and case.controls == "stands" and case.depends and not case.found:
            reasons = {case.row.support(action).why_not for action in ACTIONS_WITH_SUPPORT if action in case.actions}
            assert case.outcome.reason in reasons - {""}, case


def test_advised_means_that_a_notice_was_sent(judged: list[Case]) -> None:
    for case in judged:
        if case.outcome.name == "advised":
            assert case.found
            assert case.story == "asked"
            assert "advise" in case.actions


def test_a_control_that_could_not_be_made_is_a_failure_of_the_device(judged: list[Case]) -> None:
    for case in judged:
        if (
            case.controls == "failed"
            and not case.check
            and any(case.row.support(a).mechanisms for a in case.actions if a not in ("audit", "advise"))
        ):
            assert case.outcome == Outcome("failed", "error"), case


def test_what_a_stale_inventory_does_not_show_is_not_gone(judged: list[Case]) -> None:
    for case in judged:
        if case.stale and not case.found:
            assert case.outcome.name in ("stale", "not_observable", "cannot_enforce", "failed"), case


def test_a_rehearsal_never_looks_better_than_the_run(judged: list[Case]) -> None:
    for case in judged:
        if case.check:
            assert case.outcome.name not in ("removed", "recurred", "removal_requested") or (
                not case.found and case.story.startswith("asked")
            )
            if (
                case.controls == "planned"
                and case.found
                and any(case.row.support(a).mechanisms for a in case.actions if a not in ("audit", "advise"))
            ):
                assert case.outcome.name in ("violating", "cannot_enforce"), case


def assessed(kind: str, *actions: str, state: str = "stands", found: bool = False, story: str = "new", **changes: Any) -> Any:
    each = member(kind, actions, False)
    return Assessor(run_state(state, story, found, True, False, **changes), capabilities.NAMES).assess(
        0, each, each.decision.apps["banned"]
    )


def test_a_row_names_what_acts_on_the_device() -> None:
    seen = assessed("ios_supervised", "remove", "block", found=True)
    assert seen.mechanism == ("uninstall assignment: BAN ios_uninstall", "list of blocked apps: BAN ios_blocked_apps")
    assert seen.seen_at == "2023-03-20T08:00:00Z"
    assert seen.requested_at == "2023-03-20T09:00:00Z"


def test_a_request_keeps_its_first_instant() -> None:
    assert assessed("ios_supervised", "remove", found=True, story="asked").requested_at == "2023-03-18T09:00:00Z"


def test_nothing_is_kept_of_a_device_that_may_not_be_looked_at() -> None:
    spared = fleet([policy()], [device(ownership="personal")])[0]
    seen = Assessor(run_state("stands", "new", True, True, False), capabilities.NAMES).assess(0, spared, spared.decision.apps["banned"])
    assert seen == type(seen)(Observation())


def test_an_app_without_a_name_that_the_inventory_knows_is_not_called_absent() -> None:
    seen = assessed("ios_supervised", "block", findable=lambda app, platform, sees: False)
    assert (seen.observation.before, seen.observation.why_not_seen) == (None, "no_identifier")


def test_a_site_that_is_blocked_elsewhere_is_asked_about_there() -> None:
    seen = assessed("windows_corporate", "block_web", site_blocks=lambda app, record: "no_identifier")
    assert seen.observation.why_site_open == "no_identifier"
    assert assessed("windows_corporate", "block_web", site_blocks=lambda app, record: "").observation.why_site_open == ""


def test_an_exemption_that_opens_every_site_leaves_nothing_to_block() -> None:
    rule = {"name": "All", "when": {"work_apps": True}, "actions": ["block_web"]}
    opened = policy(rules=[rule], exemptions=[exemption(devices=["SN0001"], domains=["banned.example"])])
    each = fleet([opened], [device()])[0]
    seen = Assessor(run_state("none", "new", False, True, False), capabilities.NAMES).assess(0, each, each.decision.apps["banned"])
    assert judge(each.decision.apps["banned"].to_plain(), seen.observation) == Outcome("compliant")


def test_a_device_added_by_name_later_is_reached_later() -> None:
    ledger = Ledger("", assigned={("device-1", "BAN ios_blocked_apps"): Assigned("2023-03-20T08:30:00Z")}, writable=False)
    assert assessed("ios_supervised", "block", ledger=ledger).observation.unconfirmed
    assert not assessed("ios_supervised", "block").observation.unconfirmed


def test_access_that_came_back_is_said_to_have_come_back() -> None:
    rule = {"name": "All", "when": {"work_apps": True}, "actions": ["withdraw_access"]}
    back = fleet([policy(rules=[rule])], [device(access_withdrawn=False)])[0]
    seen = Assessor(run_state("stands", "withdrawn", False, True, False), capabilities.NAMES).assess(0, back, back.decision.apps["banned"])
    assert seen.observation.access_restored
    assert judge(back.decision.apps["banned"].to_plain(), seen.observation) == Outcome("compliant", "access_restored")


# What was seen, and when.


def looking(story: Story, last_seen: str = "", previous_now: str = "", **facts: str) -> Any:
    """What is said of a phone whose inventory does not show the app."""
    key = ("device-1", "banned")
    looked = replace(member("ios_supervised", ("remove", "block"), False).device, **facts)
    each = fleet([policy()], [looked])[0]
    run = run_state(
        "stands", "new", False, True, False, ledger=Ledger("", stories={key: story}, writable=False),
        previous={key: last_seen} if last_seen else {}, previous_now=previous_now,
    )  # fmt: skip
    seen = Assessor(run, capabilities.NAMES).assess(0, each, each.decision.apps["banned"])
    return seen, judge(each.decision.apps["banned"].to_plain(), seen.observation)


HERE = Story(present=True, requested_at="2023-03-10T09:00:00Z")


@pytest.mark.fault_kind("T2", "a removal that an inventory confirms which is older than the order, or the one that showed the app")
@pytest.mark.parametrize(
    ("last_seen", "facts", "outcome"),
    [
        ("2023-03-09T08:00:00Z", {"inventory_at": "2023-03-19T08:00:00Z"}, Outcome("removed")),
        ("2023-03-09T08:00:00Z", {"inventory_at": "2023-03-10T09:00:00Z"}, Outcome("not_observable", "source_contradicts")),
        ("2023-03-09T08:00:00Z", {"inventory_at": "2023-03-09T08:00:00Z"}, Outcome("not_observable", "source_contradicts")),
        ("2023-03-19T08:00:00Z", {"inventory_at": "2023-03-19T08:00:00Z"}, Outcome("not_observable", "source_contradicts")),
        ("", {"inventory_at": "2023-03-19T08:00:00Z"}, Outcome("removed")),
        # A list of apps that can be of any time between two instants: an order between them may have come after the look.
        ("2023-03-01T08:00:00Z", {"synced_at": "2023-03-09T08:00:00Z", "inventory_days": 4},
         Outcome("not_observable", "source_contradicts")),
        ("2023-03-01T08:00:00Z", {"synced_at": "2023-03-12T08:00:00Z", "inventory_days": 7}, Outcome("removed")),
        # Without an instant of the list the contact has to do.
        ("2023-03-09T08:00:00Z", {"synced_at": "2023-03-20T08:00:00Z"}, Outcome("removed")),
        ("2023-03-20T08:00:00Z", {"synced_at": "2023-03-20T08:00:00Z"}, Outcome("not_observable", "source_contradicts")),
    ],
)  # fmt: skip
def test_a_removal_is_confirmed_by_a_look_that_is_newer_than_the_order(last_seen: str, facts: dict[str, Any], outcome: Outcome) -> None:
    seen, judged_so = looking(HERE, last_seen, **facts)
    assert judged_so == outcome
    assert seen.last_seen_at == (None if outcome.name == "removed" or not last_seen else last_seen)


@pytest.mark.parametrize(
    ("previous_now", "outcome"),
    [("2023-03-15T00:00:00Z", Outcome("removed")), ("2023-03-20T08:00:00Z", Outcome("not_observable", "source_contradicts"))],
)
def test_a_device_that_enrolled_lately_shows_what_is_new_at_its_next_contact(previous_now: str, outcome: Outcome) -> None:
    # Its list of apps is of some time since it enrolled, so the earliest instant of two different lists is the same.
    facts = {"enrolled_at": "2023-03-14T08:00:00Z", "synced_at": "2023-03-20T08:00:00Z", "inventory_days": 7}
    assert looking(HERE, "2023-03-14T08:00:00Z", previous_now, **facts)[1] == outcome


def test_an_app_that_was_never_seen_there_contradicts_nothing() -> None:
    assert looking(Story(), "")[1] == Outcome("compliant")


@pytest.mark.fault_kind("T8d", "an old list of apps behind a fresh contact")
def test_freshness_is_the_age_of_the_look_and_not_of_the_contact() -> None:
    seen, outcome = looking(Story(), inventory_at="2023-02-10T08:00:00Z", synced_at="2023-03-20T08:00:00Z")
    assert (seen.seen_at, outcome) == ("2023-02-10T08:00:00Z", Outcome("stale", "old_inventory"))
    seen, outcome = looking(Story(), inventory_at="2023-03-10T08:00:00Z", synced_at="2023-03-20T08:00:00Z")
    assert (seen.seen_at, outcome) == ("2023-03-10T08:00:00Z", Outcome("compliant"))


# What a control is for.


@pytest.mark.fault_kind("T5", "an app of several in one control that carries no name of it")
def test_a_control_covers_an_app_only_where_it_carries_one_of_its_names() -> None:
    other = ControlStates(
        ControlState("BAN", name, frozenset({"another"}), frozenset({0}), changed_at="2022-12-01T00:00:00Z") for name in capabilities.NAMES
    )
    seen = assessed("windows_corporate", "block", control_states=other, found=True)
    assert seen.mechanism == ()
    assert seen.observation.block == "none"
    assert judge(asked("windows_corporate", "block"), seen.observation) == Outcome("cannot_enforce", "no_identifier")


def asked(kind: str, *actions: str) -> dict[str, Any]:
    return member(kind, actions, False).decision.apps["banned"].to_plain()


@pytest.mark.fault_kind("T8", "a refusal by device or server, with its words")
def test_a_refusal_is_told_with_the_words_of_who_refused() -> None:
    refused = ControlStates(
        replace(each, confirmed=frozenset(), refused={0: "refused_by_device"}, refusal_words={0: "Error.UnknownDeclarationType"})
        for each in control_states("stands").all
    )
    seen = assessed("ios_supervised", "block", control_states=refused)
    assert seen.words == "Error.UnknownDeclarationType"
    assert judge(asked("ios_supervised", "block"), seen.observation) == Outcome("cannot_enforce", "refused_by_device")
    assert assessed("ios_supervised", "block").words == ""


# Who was affected.


def changed(*changes: Change, failed: tuple[str, ...] = (), failed_on: Any = None, **more: Any) -> dict[str, Any]:
    return {"plan": Plan(changes), "failed": frozenset(failed), "failed_on": failed_on or {}, **more}


EXEMPT = fleet(
    [policy(rules=[{"name": "All", "when": {"work_apps": True}, "actions": ["block"]}], exemptions=[exemption(devices=["SN0001"])])],
    [device()],
)[0]


def exempted(**changes: Any) -> Outcome:
    run = run_state("none", "new", False, True, False, **changes)
    seen = Assessor(run, capabilities.NAMES).assess(0, EXEMPT, EXEMPT.decision.apps["banned"])
    return judge(EXEMPT.decision.apps["banned"].to_plain(), seen.observation)


RELEASE = Change("update", "policy", "x", apps=("banned",), releases=frozenset({0, 1}))


@pytest.mark.fault_kind("T6", "an exempt device whose release was not made is called exempt")
@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        (changed(), Outcome("exempt")),
        (changed(RELEASE), Outcome("exempt", "release_pending")),
        (changed(RELEASE, failed=("policy:x",)), Outcome("failed", "error")),
        (changed(RELEASE, failed=("policy:x",), failed_on={"policy:x": frozenset({0})}), Outcome("failed", "error")),
        (changed(RELEASE, failed=("policy:x",), failed_on={"policy:x": frozenset({1})}), Outcome("exempt", "release_pending")),
        (changed(replace(RELEASE, apps=("another",)), failed=("policy:x",)), Outcome("exempt")),
        (changed(replace(RELEASE, apps=()), failed=("policy:x",)), Outcome("failed", "error")),
        (changed(replace(RELEASE, releases=frozenset({1})), failed=("policy:x",)), Outcome("exempt")),
        (changed(replace(RELEASE, reaches=frozenset({0}), releases=frozenset()), failed=("policy:x",)), Outcome("exempt")),
    ],
)
def test_outcomes_follow_from_what_became_of_the_changes(changes: dict[str, Any], outcome: Outcome) -> None:
    assert exempted(**changes) == outcome


@pytest.mark.fault_kind("T6", "one failed phone makes another one failed")
@pytest.mark.parametrize(
    ("reaches", "failed_on", "failed"),
    [({0, 1}, None, True), ({0, 1}, {0}, True), ({0, 1}, {1}, False), ({1}, None, False), (set(), None, True)],
    ids=["as a whole", "here", "on another", "meant for another", "for nobody that it would say"],
)
def test_a_change_that_failed_elsewhere_fails_nobody_here(reaches: set[int], failed_on: set[int] | None, failed: bool) -> None:
    change = Change("update", "policy", "x", apps=("banned",), reaches=frozenset(reaches))
    what = {"policy:x": None if failed_on is None else frozenset(failed_on)}
    seen = assessed("ios_supervised", "block", state="changed", **changed(change, failed=("policy:x",), failed_on=what))
    assert bool(seen.observation.error) == failed


# Done is not arrived.

ENDED = {"device-1": (Ended("2023-03-20T08:30:00Z", "BAN", ("banned",)),)}


@pytest.mark.fault_kind("T8b", "a device that has not been in contact since something was taken from it")
@pytest.mark.parametrize(
    ("facts", "held"),
    [
        ({"synced_at": "2023-03-20T08:00:00Z"}, True),
        ({"synced_at": "2023-03-20T08:30:00Z"}, True),
        ({"synced_at": "2023-03-20T08:45:00Z"}, False),
        ({"synced_at": ""}, True),
        ({"synced_at": "2023-03-20T08:00:00Z", "enrolled_at": "2023-03-20T08:45:00Z"}, False),
    ],
)
def test_a_release_is_pending_until_the_device_has_been_in_contact(facts: dict[str, str], held: bool) -> None:
    each = replace(EXEMPT, device=replace(EXEMPT.device, **facts))
    for told, expected in ((None, held), (True, True), (False, False)):
        run = run_state(
            "none", "new", False, True, False, ledger=Ledger("", ended=ENDED, writable=False), may_still_hold=lambda _d, _a, told=told: told
        )
        seen = Assessor(run, capabilities.NAMES).assess(0, each, each.decision.apps["banned"])
        assert seen.observation.still_held == expected


def test_what_was_taken_of_another_app_is_not_held_of_this_one() -> None:
    other = {"device-1": (Ended("2023-03-20T08:30:00Z", "BAN", ("another",)),)}
    assert exempted(ledger=Ledger("", ended=other, writable=False)) == Outcome("exempt")
