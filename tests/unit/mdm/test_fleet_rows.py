# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Devices that are alike are assessed once, and the record is byte for byte what it is when each is assessed alone."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.appban.endpoint.plugins.module_utils.engine.evidence import EvidenceRecord, Row
from ansible_collections.appban.endpoint.plugins.module_utils.engine.outcomes import judge
from ansible_collections.appban.endpoint.plugins.module_utils.engine.plan import Change, Plan
from ansible_collections.appban.endpoint.plugins.module_utils.engine.presence import Presence
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.planning.control_state import ControlState, ControlStates
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.planning.fleet import FleetDevice, RecordPool
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.run.assess import Assessor, RunState, may_look
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.run.fleet_rows import SHOWN_FINDINGS, FleetRows
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.run.ledger import Assigned, Ended, Ledger, Story
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.run.ledger_events import events_of_device
from ansible_collections.appban.endpoint.plugins.module_utils.policy.decide import Decider
from ansible_collections.appban.endpoint.plugins.module_utils.targets.intune import capabilities
from ansible_collections.appban.endpoint.plugins.module_utils.targets.intune.target import IntuneTarget
from tests.support.mdm_samples import NOW, app, device, exemption, policy

APPS = ("banned", "other", "watched")
RULES = [
    {"name": "Corporate", "when": {"ownership": "corporate"}, "actions": ["remove", "block", "withdraw_access"]},
    {"name": "Private", "when": {"ownership": "personal"}, "actions": ["advise"]},
]
POLICY = policy(apps=[app("banned"), app("other")], rules=RULES, exemptions=[exemption(devices=["SN0001"], apps=["other"])])
EVERYBODY = {"name": "All", "when": {"work_apps": True}, "actions": ["block"]}
WATCHED = policy("watch", apps=[app("watched")], state="report_only", rules=[EVERYBODY])
POLICIES = (POLICY, WATCHED)
INSTANTS = ("", "2023-01-01T00:00:00Z", "2023-03-10T00:00:00Z", "2023-03-19T00:00:00Z", "2023-03-20T08:00:00Z")
FEW = 6

indexes = st.frozensets(st.integers(0, FEW - 1))
instants = st.sampled_from(INSTANTS)
reasons = st.sampled_from(("unsupervised", "refused_by_device"))
pairs = st.tuples(st.sampled_from([f"device-{number}" for number in range(FEW)]), st.sampled_from(APPS))
kinds = st.fixed_dictionaries(
    {
        "platform": st.sampled_from(("ios", "windows", "macos", "android")),
        "ownership": st.sampled_from(("corporate", "personal", None)),
        "supervised": st.sampled_from((True, None)),
        "synced_at": instants,
        "enrolled_at": instants,
        "access_withdrawn": st.booleans(),
    }
)
controls = st.builds(
    ControlState,
    control=st.sampled_from(("BAN a", "BAN b")),
    mechanism=st.sampled_from(tuple(capabilities.NAMES)),
    apps=st.frozensets(st.sampled_from(APPS), min_size=1),
    covers=indexes,
    unnamed=indexes,
    new=indexes,
    changed_at=instants,
    dated=st.booleans(),
    changes=st.sampled_from(((), ("a:x",), ("a:y",))),
    obstacle=st.sampled_from(("", "foreign_assignment")),
    confirmed=st.none() | indexes,
    refused=st.dictionaries(st.integers(0, FEW - 1), reasons),
    refusal_words=st.dictionaries(st.integers(0, FEW - 1), st.sampled_from(("no", 'a "quoted" ž'))),
)
changes = st.builds(
    lambda name, apps, reaches, releases: Change("update", "control", name, apps=tuple(apps), reaches=reaches, releases=releases),
    st.sampled_from(("x", "y")),
    st.lists(st.sampled_from(APPS), unique=True),
    indexes,
    indexes,
)
stories = st.builds(Story, st.booleans(), st.integers(0, 2), instants, st.booleans(), st.booleans())


@st.composite
def runs(draw: Any) -> tuple[list[FleetDevice], RunState, bool]:
    few = draw(st.lists(kinds, min_size=1, max_size=3))
    pool, decider = RecordPool(), Decider(POLICIES, NOW)
    fleet = []
    for number in range(FEW):
        each = device(number, **draw(st.sampled_from(few)))
        each = replace(each, record=pool.record_of(each.record), inventory_at=draw(st.sampled_from(("", each.synced_at))))
        fleet.append(FleetDevice(each, decider.decide(each.record)))
    plan = Plan(tuple({each.name: each for each in draw(st.lists(changes, max_size=2))}.values()))
    keys = [change.key for change in plan.changes]
    told: dict[tuple[str, str], bool | None] = draw(st.dictionaries(pairs, st.sampled_from((True, False, None)), max_size=2))
    doubts = draw(st.dictionaries(pairs, st.just("source_contradicts"), max_size=2))
    finding = {"app": "x", "backend": "discovered apps", "name": "X", "version": draw(st.sampled_from(("1", "2")))}
    ledger = Ledger(
        "",
        stories=draw(st.dictionaries(pairs, stories, max_size=4)),
        standing=draw(st.dictionaries(st.sampled_from(("BAN a", "BAN b")), instants)),
        assigned=draw(st.dictionaries(st.tuples(st.just("device-2"), st.just("BAN a")), st.builds(Assigned, instants), max_size=1)),
        ended={"device-3": (Ended("2023-03-20T08:30:00Z", "BAN a", ()),)} if draw(st.booleans()) else {},
        writable=False,
    )
    run = RunState(
        control_states=ControlStates(draw(st.lists(controls, max_size=4))),
        capability_of=capabilities.capability_of,
        findings=draw(st.dictionaries(pairs, st.just([finding]), max_size=4)),
        reporting=IntuneTarget.reporting,
        findable=lambda _app, _platform, _sees: True,
        ledger=ledger,
        now=NOW,
        failed=frozenset(draw(st.lists(st.sampled_from(("a:x", *keys)), max_size=1))),
        pending=frozenset(draw(st.lists(st.sampled_from(("a:y", *keys)), max_size=1))),
        to_notify=draw(indexes),
        access_depends_on_compliance=draw(st.sampled_from((True, False, None))),
        doubted=lambda name, about: doubts.get((name, about), ""),
        previous=draw(st.dictionaries(pairs, instants.filter(bool), max_size=3)),
        previous_now=draw(instants),
        plan=plan,
        failed_on={key: draw(st.none() | indexes) for key in keys},
        may_still_hold=draw(st.sampled_from((None, lambda name, about: told.get((name, about))))),
        stale_after=timedelta(days=30),
        stopped=draw(st.booleans()),
    )
    return fleet, run, draw(st.booleans())


def one_by_one(fleet: list[FleetDevice], run: RunState, check: bool, record: EvidenceRecord, presence: Presence) -> Mapping[str, Any]:
    """Each device assessed for itself."""
    assessor = Assessor(run, capabilities.NAMES)
    events: list[Any] = []
    shown: list[Any] = []
    for index, member in enumerate(fleet):
        rows = []
        for app_id, decided in sorted(member.decision.apps.items()):
            seen = assessor.assess(index, member, decided)
            plain = decided.to_plain()
            doubted = decided.verdict in ("report_only", "pending", "review") and not may_look(decided)
            outcome = judge({**plain, "verdict": "unclassified"} if doubted else plain, seen.observation, check)
            before = {True: "present", False: "absent", None: "not_observed"}[seen.observation.before]
            rows.append(
                Row(
                    member.device.record, app_id, plain, outcome, before, seen.mechanism, seen.seen_at, seen.requested_at, seen.findings,
                    words=seen.words, last_seen_at=seen.last_seen_at,
                )
            )  # fmt: skip
            shown += [{"device": member.device.id, "serial": member.device.record.get("serial"), **each} for each in seen.findings]
            events += events_of_device(member, app_id, seen, outcome, run.ledger, run.access_depends_on_compliance)
        record.add_device(rows)
        if member.decision.scope == "in_scope":
            presence.add(rows)
    return {"events": events, "found": len(shown), "shown": shown[:SHOWN_FINDINGS]}


def in_classes(fleet: list[FleetDevice], run: RunState, check: bool, record: EvidenceRecord, presence: Presence) -> Mapping[str, Any]:
    rows = FleetRows(run, capabilities.NAMES, check, record, presence)
    rows.write(fleet)
    return {"events": rows.events, "found": rows.found, "shown": rows.shown}


@given(runs(), st.sampled_from(("exceptions", "all")))
def test_the_record_is_that_of_devices_assessed_one_by_one(made: tuple[list[FleetDevice], RunState, bool], level: str) -> None:
    fleet, run, check = made
    left = []
    for write in (one_by_one, in_classes):
        with tempfile.TemporaryDirectory() as directory:
            record = EvidenceRecord(directory, "20230320T090000Z", "sample", {"now": "2023-03-20T09:00:00Z"}, level)
            presence = Presence("2023-02-18T09:00:00Z", 30)
            told = write(fleet, run, check, record, presence)
            last = record.close(len(fleet), sum(each.decision.scope == "in_scope" for each in fleet))
            left.append((told, presence.as_plain(), last, Path(record.path).read_bytes()))
    assert left[0] == left[1]
