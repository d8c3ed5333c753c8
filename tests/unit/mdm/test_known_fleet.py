# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet against what the last run knew of it: size, lone look-ups, and what no source says any more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.appban.endpoint.plugins.module_utils.engine.previous_record import PreviousRecord, Remembered
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.planning.fleet import FleetDevice
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.run.known_fleet import (
    MOST_LOOK_UPS,
    OWN_ATTRIBUTES,
    FleetDoubted,
    FleetMemory,
    LoneLookUps,
    check_fleet_size,
)
from ansible_collections.appban.endpoint.plugins.module_utils.policy.decide import Decider
from tests.support.mdm_samples import NOW, device, exemption, policy

SINCE = "2023-03-19T09:00:00Z"
ATTRIBUTES = ("platform", "ownership", "supervised", "groups", "department", "user", "serial", "last_seen", "paid_use")


def previous(in_scope: Mapping[str, Remembered] | None = None, devices: int | None = None) -> PreviousRecord:
    known = dict(in_scope or {})
    return PreviousRecord("evidence/r/tenant.jsonl", "r", SINCE, len(known) if devices is None else devices, known)


def whole(count: int, more: int = 0) -> PreviousRecord:
    """A fleet of which all were in scope, and more that were not."""
    return previous({f"d{number}": Remembered(f"S{number}", {}) for number in range(count)}, count + more)


def left(count: int, gone: int) -> tuple[dict[str, None], frozenset[str]]:
    numbers = range(gone, count)
    return dict.fromkeys(f"d{number}" for number in numbers), frozenset(f"S{number}" for number in numbers)


# Size.


@pytest.mark.fault_kind("T1", "a list that comes short passes for the fleet")
@pytest.mark.parametrize(
    ("count", "gone", "stops"),
    [
        (100, 5, False),
        (100, 6, True),
        (10, 5, False),
        (6, 6, True),
        (5, 5, False),
        (1_000, 50, False),
        (1_000, 51, True),
        (1_500, 499, True),
    ],
)
def test_a_fleet_that_lost_many_stops_the_run(count: int, gone: int, stops: bool) -> None:
    ids, serials = left(count, gone)
    if not stops:
        check_fleet_size(whole(count), ids, serials, None)
        return
    with pytest.raises(FleetDoubted) as caught:
        check_fleet_size(whole(count), ids, serials, None)
    message = str(caught.value)
    assert f"the list has {count - gone} devices, and the run of {SINCE} counted {count}" in message
    assert f"-e appban_accept_fleet_size={count - gone}" in message
    assert "S0" in message
    assert len(message) < 500


@pytest.mark.fault_kind("T1", "an empty list")
def test_nobody_at_all_stops_the_run() -> None:
    with pytest.raises(FleetDoubted, match="the list has 0 devices"):
        check_fleet_size(whole(10), {}, frozenset(), None)


@pytest.mark.fault_kind("T1", "one in place of another, so that the count is the same")
def test_others_in_the_place_of_those_in_scope_stop_the_run() -> None:
    """The number is right, and those that the ban is about are not there."""
    others = dict.fromkeys(f"x{number}" for number in range(100))
    with pytest.raises(FleetDoubted, match="the list has 100 devices"):
        check_fleet_size(whole(10, more=90), others, frozenset(), None)


def test_devices_that_enrolled_again_under_new_ids_are_the_same_devices() -> None:
    again = dict.fromkeys(f"new{number}" for number in range(100))
    check_fleet_size(whole(100), again, frozenset(f"S{number}" for number in range(100)), None)


def test_without_a_previous_record_nothing_can_be_missing() -> None:
    check_fleet_size(PreviousRecord(), {}, frozenset(), None)


@pytest.mark.fault_kind("T1", "the option that confirms a shrunken fleet")
def test_only_the_exact_size_confirms_it() -> None:
    ids, serials = left(100, 40)
    check_fleet_size(whole(100), ids, serials, 60)
    for accepted in (0, 59, 61, 100):
        with pytest.raises(FleetDoubted, match=f"accept_fleet_size is {accepted}, which is another number"):
            check_fleet_size(whole(100), ids, serials, accepted)


@given(count=st.integers(0, 400), gone=st.integers(0, 400), more=st.integers(0, 400), new=st.integers(0, 50))
def test_the_bound_is_what_it_says(count: int, gone: int, more: int, new: int) -> None:
    """More than five devices and more than five percent: of those in scope, or of all."""
    gone = min(gone, count)
    ids, serials = left(count, gone)
    ids.update(dict.fromkeys(f"new{number}" for number in range(new)))
    lost = max(0, count + more - len(ids))
    stops = (gone > 5 and gone * 20 > count) or (lost > 5 and lost * 20 > count + more)
    if stops:
        with pytest.raises(FleetDoubted):
            check_fleet_size(whole(count, more), ids, serials, None)
    else:
        check_fleet_size(whole(count, more), ids, serials, None)


# Lone look-ups.


def asking(answers: Mapping[str, bool | None], most: int = MOST_LOOK_UPS) -> tuple[LoneLookUps, list[Sequence[str]]]:
    asked: list[Sequence[str]] = []

    def ask(names: Sequence[str]) -> Mapping[str, bool | None]:
        asked.append(list(names))
        return {name: answers[name] for name in names if name in answers}

    return LoneLookUps(ask, most), asked


@pytest.mark.fault_kind("T1", "a device is asked for alone before it loses anything")
def test_each_is_asked_for_once_a_run() -> None:
    look_ups, asked = asking({"d1": True, "d2": False})
    assert look_ups.managed(["d2", "d1", "d2"], "they leave a group") == {"d1": True, "d2": False}
    assert look_ups.managed(["d1"], "they lose an exemption") == {"d1": True}
    assert look_ups.managed([], "nothing") == {}
    assert asked == [["d1", "d2"]]


def test_who_got_no_answer_is_not_gone() -> None:
    look_ups, _asked = asking({})
    assert look_ups.managed(["d1"], "it leaves") == {"d1": None}


@pytest.mark.fault_kind("T1", "thousands that would have to be asked for one by one")
def test_a_run_asks_for_so_many_and_no_more() -> None:
    names = [f"d{number:03d}" for number in range(MOST_LOOK_UPS + 1)]
    look_ups, asked = asking(dict.fromkeys(names, True))
    look_ups.managed(names[:150], "they leave a group")
    look_ups.managed(names[:MOST_LOOK_UPS], "they leave a group")
    with pytest.raises(
        FleetDoubted, match=r"201 devices would have to be looked up one by one before they count as opted out.+at most 200"
    ):
        look_ups.managed(names, "they count as opted out")
    assert [len(each) for each in asked] == [150, 50], "of those beyond the bound nobody was asked for"


# Memory.


def memory(
    known: Mapping[str, Remembered], *policies: Any, attributes: Sequence[str] = ATTRIBUTES, groups: Sequence[str] = ()
) -> FleetMemory:
    return FleetMemory(previous(known), attributes, policies, frozenset(groups))


def facts(**values: Any) -> dict[str, Any]:
    return {"facts": values}


@pytest.mark.fault_kind("T1b", "a fact that no source says any more")
def test_what_was_known_counts_until_somebody_says_otherwise() -> None:
    kept = memory({"d1": Remembered("S1", facts(ownership="corporate", supervised=True, paid_use="full"))})
    record, since, decided_by = kept.fill({"id": "d1", "serial": "S1", "platform": "ios", "supervised": None, "paid_use": ""})
    assert record == {"id": "d1", "serial": "S1", "platform": "ios", "supervised": True, "ownership": "corporate", "paid_use": "full"}
    assert decided_by == record
    assert since == {"ownership": SINCE, "supervised": SINCE, "paid_use": SINCE}
    assert list(kept.notes()) == [
        f"ownership of 1 device is unknown now and counts as it was known at {SINCE}",
        f"paid_use of 1 device is unknown now and counts as it was known at {SINCE}",
        f"supervised of 1 device is unknown now and counts as it was known at {SINCE}",
    ]


def test_what_a_source_says_now_is_news() -> None:
    kept = memory({"d1": Remembered("S1", facts(ownership="corporate", supervised=True))})
    record = {"id": "d1", "serial": "S1", "ownership": "personal", "supervised": False}
    assert kept.fill(record) == (record, {}, record)
    assert list(kept.notes()) == []


def test_a_word_outside_the_vocabulary_says_nothing() -> None:
    kept = memory({"d1": Remembered("S1", facts(ownership="corporate"))})
    assert kept.fill({"id": "d1", "serial": "S1", "ownership": "company"})[0]["ownership"] == "corporate"


def test_its_date_stays_the_one_from_which_nobody_has_said_it() -> None:
    known = {**facts(ownership="corporate", supervised=True), "as_of": {"ownership": "2023-01-01T00:00:00Z"}}
    _record, since, _decided = memory({"d1": Remembered("S1", known)}).fill({"id": "d1", "serial": "S1"})
    assert since == {"ownership": "2023-01-01T00:00:00Z", "supervised": SINCE}


def test_a_stranger_is_not_filled_in() -> None:
    kept = memory({"d1": Remembered("S1", facts(ownership="corporate"))})
    record = {"id": "d2", "serial": "S2"}
    assert kept.fill(record) == (record, {}, record)


@pytest.mark.fault_kind("T1b", "a device without its serial number, by which assets and exemptions name it")
def test_a_serial_number_that_is_lost_is_remembered() -> None:
    kept = memory({"d1": Remembered("S1", facts()), "d3": Remembered(None, facts())})
    assert kept.identify({"id": "d1", "serial": None}) == {"id": "d1", "serial": "S1"}
    assert kept.identify({"id": "d1", "serial": "S9"})["serial"] == "S9"
    for stranger in ({"id": "d2", "serial": None}, {"id": "d3", "serial": None}):
        assert kept.identify(stranger) == stranger
    assert list(kept.notes()) == [f"serial of 1 device is unknown now and counts as it was known at {SINCE}"]


@pytest.mark.fault_kind("T1b", "groups that nobody can say the members of")
@pytest.mark.parametrize(
    ("now", "then"),
    [
        (None, ["press", "staff"]),
        ([], []),
        (["staff"], ["staff"]),
        ([None], ["press", "staff", None]),
        (["board", None], ["board", "press", "staff", None]),
    ],
)
def test_membership_is_lost_only_where_somebody_knows_the_members(now: Any, then: Any) -> None:
    kept = memory({"d1": Remembered("S1", facts(groups=["press", "staff"]))}, groups=["press", "staff"])
    assert kept.fill({"id": "d1", "serial": "S1", "groups": now})[0]["groups"] == then


EXEMPT = policy(
    rules=[{"name": "x", "when": {"ownership": "corporate"}, "actions": ["block"]}],
    exemptions=[exemption(users=["jane@city.example"], follow_user=True)],
)


@pytest.mark.fault_kind("T1b", "the user by whom a device is exempt is not known any more")
def test_an_exemption_by_user_holds_although_nobody_names_the_user() -> None:
    known = {**facts(), "exemptions": ["city/EX-1"]}
    record, since, decided_by = memory({"d1": Remembered("S1", known)}, EXEMPT).fill({"id": "d1", "serial": "S1", "user": None})
    assert decided_by["user"] == "jane@city.example"
    assert record["user"] is None, "no record and no line names the person"
    assert since == {}
    other = {"id": "d1", "serial": "S1", "user": "joe@city.example"}
    assert memory({"d1": Remembered("S1", known)}, EXEMPT).fill(other)[2] == other, "another user is news"


def test_an_exemption_that_the_policy_does_not_have_any_more_is_none() -> None:
    known = {**facts(), "exemptions": ["city/EX-9"]}
    record = {"id": "d1", "serial": "S1", "user": None}
    assert memory({"d1": Remembered("S1", known)}, EXEMPT).fill(record)[2] == record


@pytest.mark.fault_kind("T1b", "two exemptions of one device, by users of whom only one is named in both")
def test_the_user_is_one_whom_all_exemptions_name() -> None:
    """Exemptions of two policies may have one id."""
    one = policy("one", exemptions=[exemption(users=["joe@city.example", "jane@city.example"], follow_user=True)])
    two = policy("two", exemptions=[exemption(users=["jane@city.example", "ann@city.example"], follow_user=True)])
    known = {**facts(), "exemptions": ["one/EX-1", "two/EX-1"]}
    decided_by = memory({"d1": Remembered("S1", known)}, one, two).fill({"id": "d1", "serial": "S1", "user": None})[2]
    assert decided_by["user"] == "jane@city.example"


def member(**record: Any) -> FleetDevice:
    made = device(1, **record)
    return FleetDevice(made, Decider((EXEMPT,), NOW).decide(made.record))


@pytest.mark.fault_kind("T1b", "what the record keeps of a device in scope, at every level")
def test_a_class_holds_what_decisions_rest_on_and_nobodys_name() -> None:
    kept = memory({}, EXEMPT, groups=["press"])
    found = kept.facts_of(member(groups=["staff", "press", None], department=None, user="jane@city.example", name="Jane's iPhone"), {})
    assert found == {
        "facts": {"platform": "ios", "ownership": "corporate", "supervised": True, "groups": ["press"]},
        "exemptions": ["city/EX-1"],
    }
    assert "Jane" not in repr(found)
    assert not OWN_ATTRIBUTES & set(found["facts"])


def test_a_class_says_from_when_nobody_has_said_something() -> None:
    found = memory({}, EXEMPT).facts_of(member(user=None), {"supervised": SINCE})
    assert found["as_of"] == {"supervised": SINCE}
    assert "exemptions" not in found


@given(
    then=st.fixed_dictionaries(
        {
            "ownership": st.sampled_from(["corporate", "personal", None]),
            "supervised": st.sampled_from([True, False, None]),
            "department": st.sampled_from(["press", None]),
        }
    ),
    losses=st.lists(st.sets(st.sampled_from(["ownership", "supervised", "department"])), min_size=1, max_size=4),
)
def test_however_often_a_fact_is_lost_the_last_word_stands(then: dict[str, Any], losses: list[set[str]]) -> None:
    """A class that was written is filled in by the next run, whose class is filled in by the one after."""
    attributes = ("ownership", "supervised", "department")
    whole_record = {"id": "d1", "serial": "S1", "platform": "ios", "user": None, **then}
    kept = FleetMemory(PreviousRecord(), attributes, (EXEMPT,), frozenset())
    said, since = whole_record, {}
    for lost in losses:
        decision = Decider((EXEMPT,), NOW).decide(said)
        known = Remembered("S1", kept.facts_of(FleetDevice(device(1, **said), decision), since))
        kept = FleetMemory(previous({"d1": known}), attributes, (EXEMPT,), frozenset())
        now, since, _decided = kept.fill({key: None if key in lost else value for key, value in whole_record.items()})
        said = dict(now)
        assert {name: said[name] for name in attributes} == {name: then[name] for name in attributes}
        assert set(since) == {name for name in lost if then[name] is not None}
