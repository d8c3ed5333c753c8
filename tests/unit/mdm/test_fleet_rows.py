# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Devices that are alike are assessed once, and the record is byte for byte what it is when each is assessed alone."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

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
DEVICES = 60
#: Mechanisms of one platform, so that several controls meet on a device.
MECHANISMS = (capabilities.IOS_BLOCK, capabilities.IOS_UNINSTALL, capabilities.IOS_COMPLIANCE, capabilities.IOS_LIST, capabilities.IOS_WEB)
DECIDER = Decider(POLICIES, NOW)


class Drawing(random.Random):
    """Draws a run in which many devices are alike but for one thing."""

    def some(self, share: float) -> frozenset[int]:
        """Positions of a share of the devices; often of all or of none."""
        share = self.choice((0.0, 1.0, share, share))
        return frozenset(index for index in range(DEVICES) if self.random() < share)

    def pairs(self, share: float) -> list[tuple[str, str]]:
        """Some of a third of the devices, with apps."""
        return [(f"device-{index}", name) for index in range(0, DEVICES, 3) for name in APPS if self.random() < share]

    def fleet(self) -> list[FleetDevice]:
        """Devices of two kinds."""
        pool = RecordPool()
        kinds = [
            {
                "platform": self.choice(("ios", "ios", "ios", "windows", "macos", "android")),
                "ownership": self.choice(("corporate", "corporate", "corporate", "personal", None)),
                "supervised": self.choice((True, True, None)),
            }
            for _kind in range(2)
        ]
        usual = self.choice(INSTANTS[2:]), self.choice(INSTANTS[:2])
        fleet = []
        for number in range(DEVICES):
            synced_at, enrolled_at = (each if self.random() < 0.7 else self.choice(INSTANTS) for each in usual)
            contact = {"synced_at": synced_at, "enrolled_at": enrolled_at, "access_withdrawn": self.random() < 0.5}
            each = device(number, **self.choice(kinds), **contact)
            each = replace(each, record=pool.record_of(each.record), inventory_at=self.choice(("", synced_at, "2023-03-05T00:00:00Z")))
            fleet.append(FleetDevice(each, DECIDER.decide(each.record)))
        return fleet

    def controls(self) -> list[ControlState]:
        """Any, or one of each mechanism that stands on every device."""
        if self.random() < 0.4:
            return [self.control(number) for number in range(self.choice((0, 2, 4)))]
        since = self.choice(INSTANTS[1:])
        facts = {"apps": frozenset(APPS), "covers": frozenset(range(DEVICES)), "changed_at": since}
        return [ControlState(f"BAN {name}", name, **facts) for name in MECHANISMS]

    def control(self, number: int) -> ControlState:
        refused = dict.fromkeys(self.some(0.2) if self.random() < 0.3 else (), self.choice(("unsupervised", "refused_by_device")))
        return ControlState(
            control=f"BAN {number}",
            mechanism=self.choice(MECHANISMS if self.random() < 0.8 else tuple(capabilities.NAMES)),
            apps=frozenset(APPS),
            covers=self.some(0.8),
            unnamed=self.some(0.1),
            new=self.some(0.3) if self.random() < 0.3 else frozenset(),
            changed_at=self.choice((*INSTANTS, INSTANTS[1], INSTANTS[1])),
            dated=self.random() < 0.9,
            changes=self.choice(((), (), (), (), (), ("a:x",), ("a:y",))),
            obstacle="foreign_assignment" if self.random() < 0.1 else "",
            confirmed=self.some(0.5) if self.random() < 0.2 else None,
            refused=refused,
            refusal_words=dict.fromkeys(refused, self.choice(("no", 'a "quoted" \u017e'))),
        )

    def run(self) -> RunState:
        changes = [
            Change("update", "control", name, apps=self.choice(((), APPS, ("banned",))), reaches=self.some(0.3), releases=self.some(0.3))
            for name in self.choice(("", "", "", "x", "xy"))
        ]
        keys = [change.key for change in changes]
        told = {pair: self.choice((True, False, None)) for pair in self.pairs(0.1)}
        doubts = dict.fromkeys(self.pairs(self.choice((0.0, 0.2))), "source_contradicts")
        stories = [Story(self.random() < 0.7, self.choice((0, 1)), self.choice(INSTANTS), self.random() < 0.5) for _story in range(3)]
        findings = [{"app": "x", "backend": "discovered apps", "name": "X", "version": version} for version in "12"]
        ledger = Ledger(
            "",
            stories={pair: replace(self.choice(stories)) for pair in self.pairs(0.4)},
            standing={f"BAN {number}": self.choice(INSTANTS) for number in range(2)},
            assigned={("device-2", "BAN 0"): Assigned(INSTANTS[-1])},
            ended={"device-4": (Ended("2023-03-20T08:30:00Z", "BAN 0", ()),)},
            writable=False,
        )
        return RunState(
            control_states=ControlStates(self.controls()),
            capability_of=capabilities.capability_of,
            findings={pair: [self.choice(findings)] for pair in self.pairs(0.3)},
            reporting=IntuneTarget.reporting,
            findable=lambda _app, _platform, _sees: True,
            ledger=ledger,
            now=NOW,
            failed=frozenset(self.choice(([], [], ["a:x", *keys]))),
            pending=frozenset(self.choice(([], [], ["a:y", *keys]))),
            to_notify=self.some(0.1),
            access_depends_on_compliance=self.choice((True, True, False, None)),
            doubted=lambda name, about: doubts.get((name, about), ""),
            previous={pair: self.choice(INSTANTS[1:]) for pair in self.pairs(0.2)},
            previous_now=self.choice(INSTANTS),
            plan=Plan(tuple(changes)),
            failed_on={key: self.choice((None, self.some(0.5))) for key in keys},
            may_still_hold=self.choice((None, lambda name, about: told.get((name, about)))),
            stale_after=timedelta(days=30),
            stopped=self.random() < 0.2,
        )


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


@pytest.mark.parametrize("seed", range(60))
def test_the_record_is_that_of_devices_assessed_one_by_one(seed: int, tmp_path: Path) -> None:
    drawing = Drawing(seed)
    fleet, run = drawing.fleet(), drawing.run()
    level, check = drawing.choice(("exceptions", "all")), drawing.random() < 0.3
    left = []
    for write in (one_by_one, in_classes):
        record = EvidenceRecord(str(tmp_path / write.__name__), "20230320T090000Z", "sample", {"now": "2023-03-20T09:00:00Z"}, level)
        presence = Presence("2023-02-18T09:00:00Z", 30)
        told = write(fleet, run, check, record, presence)
        last = record.close(len(fleet), sum(each.decision.scope == "in_scope" for each in fleet))
        left.append((told, presence.as_plain(), last, Path(record.path).read_bytes()))
    assert left[0] == left[1]
