# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet is decided about while its list is read; what is shared by devices that are alike is what each would have had for itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.appban.endpoint.plugins.module_utils.engine.previous_record import PreviousRecord, Remembered
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.planning.fleet import ListBeginsAgain, ManagedDevice, RecordPool
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.run.known_fleet import FleetMemory
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.run.read_fleet import ReadFleet
from ansible_collections.appban.endpoint.plugins.module_utils.policy.asset_index import AssetIndex
from ansible_collections.appban.endpoint.plugins.module_utils.policy.decide import Decider
from tests.support.mdm_samples import NOW, device, exemption, policy

POLICY = policy(exemptions=[exemption(devices=["SN0002"]), exemption("EX-2", users=["user3@city.example"], follow_user=True)])
ATTRIBUTES = ("platform", "ownership", "supervised", "enrollment", "department")
ASSETS = {"SN0001": {"department": "d1", "ownership": "personal"}, "SN0004": {"department": "d1"}}


def read(devices: Sequence[ManagedDevice | ListBeginsAgain], previous: PreviousRecord | None = None) -> ReadFleet:
    decider = Decider((POLICY,), NOW)
    memory = FleetMemory(previous or PreviousRecord(), ATTRIBUTES, (POLICY,), frozenset())
    return ReadFleet(devices, memory, decider, AssetIndex(ASSETS), NOW + timedelta(days=1))


def test_devices_of_a_list_that_was_not_whole_count_for_nothing() -> None:
    first = [device(1), device(2), device(2)]
    fleet = read([*first, ListBeginsAgain(), device(3), device(1)])
    assert [member.device.id for member in fleet.members] == ["device-3", "device-1"]
    assert list(fleet.notes()) == []


def test_what_was_known_of_devices_is_told_once_where_the_list_begins_again() -> None:
    known = {"device-1": Remembered("SN0001", {"facts": {"supervised": True}})}
    previous = PreviousRecord("p", "20230319T090000Z", "2023-03-19T09:00:00Z", 1, known)
    unknown = device(1, supervised=None)
    assert list(read([unknown, ListBeginsAgain(), unknown], previous).notes()) == list(read([unknown], previous).notes()) != []


def test_devices_that_are_alike_share_attributes_and_decision() -> None:
    one, other = read([device(5), device(6)]).members
    assert one.device.record.alike is other.device.record.alike  # type: ignore[attr-defined]
    assert one.decision.verdicts is other.decision.verdicts
    assert dict(one.device.record)["serial"] == "SN0005"


def test_true_and_one_are_not_alike() -> None:
    pool = RecordPool()
    records = [pool.record_of({"id": "a", "paid": paid, "groups": groups}) for paid, groups in ((True, [1]), (1, [1]), (1, [True]))]
    assert [record["paid"] for record in records] == [True, 1, 1]
    assert len({id(record.alike) for record in records}) == 3


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "number": st.integers(1, 5),
                "ownership": st.sampled_from(("corporate", "personal", None)),
                "supervised": st.sampled_from((True, False, None)),
                "serial": st.sampled_from(("SN0001", "SN0002", None)),
                "user": st.sampled_from(("user3@city.example", None)),
                "known": st.none() | st.fixed_dictionaries({}, optional={"ownership": st.just("corporate"), "supervised": st.just(True)}),
            }
        ),
        max_size=6,
        unique_by=lambda each: each["number"],
    )
)
def test_each_device_is_what_it_is_read_alone(said: list[dict[str, Any]]) -> None:
    devices, known = [], {}
    for each in said:
        facts = each.pop("known")
        devices.append(device(**each))
        if facts is not None:
            known[devices[-1].id] = Remembered("SN0004", {"facts": facts})
    previous = PreviousRecord("p", "20230319T090000Z", "2023-03-19T09:00:00Z", len(known), known)
    together = read(devices, previous)
    for one, member in zip(devices, together.members, strict=True):
        alone = read([one], replace(previous, in_scope={one.id: known[one.id]} if one.id in known else {}, devices=1)).members[0]
        assert dict(member.device.record) == dict(alone.device.record)
        assert member.decision.to_plain() == alone.decision.to_plain()
