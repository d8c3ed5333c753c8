# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans are ordered and whole; of an executed plan every change is accounted for exactly once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.appban.endpoint.plugins.module_utils.engine.apply import apply_plan
from ansible_collections.appban.endpoint.plugins.module_utils.engine.errors import AppbanError, ChangeFailed
from ansible_collections.appban.endpoint.plugins.module_utils.engine.plan import OPS, Change, Plan


def change(name: str, *needs: str) -> Change:
    return Change("create", "file", name, needs=tuple("file:" + each for each in needs))


@st.composite
def plans(draw: st.DrawFn) -> tuple[Plan, frozenset[str]]:
    """A random dependency graph in a valid order, and the changes that will fail."""
    count = draw(st.integers(0, 12))
    keys = ["file:%d" % number for number in range(count)]
    changes = [
        Change("create", "file", str(number), needs=tuple(draw(st.sets(st.sampled_from(keys[:number]))) if number else ()))
        for number in range(count)
    ]
    return Plan(tuple(changes)), frozenset(draw(st.sets(st.sampled_from(keys)))) if keys else frozenset()


def reached_by(plan: Plan, failing: frozenset[str]) -> set[str]:
    """The changes that a failure reaches, directly or through what they need; computed backwards, unlike the engine."""
    needs = {each.key: each.needs for each in plan.changes}

    def broken(key: str) -> bool:
        return any(each in failing or broken(each) for each in needs[key])

    return {key for key in needs if broken(key)}


@given(plans())
def test_every_change_is_in_exactly_one_list(given_plan: tuple[Plan, frozenset[str]]) -> None:
    plan, failing = given_plan
    executed = []

    def execute(each: Change) -> None:
        executed.append(each.key)
        if each.key in failing:
            raise ChangeFailed("no", each.name)

    applied = apply_plan(plan, execute)
    done = [each.key for each in applied.done]
    failed = [each.change.key for each in applied.failed]
    skipped = [each.key for each in applied.skipped]
    assert sorted(done + failed + skipped) == sorted(each.key for each in plan.changes)

    unreachable = reached_by(plan, failing)
    assert set(skipped) == unreachable, "independent changes are made, dependent ones are not"
    assert set(failed) == failing - unreachable
    assert executed == [each.key for each in plan.changes if each.key not in unreachable], "in order, each once"
    assert len(applied.messages()) == len(failed) + len(skipped)


@given(plans())
def test_a_plan_without_some_changes_is_what_an_apply_would_have_made(given_plan: tuple[Plan, frozenset[str]]) -> None:
    """What is left out takes with it what needs it; the rest stays in order."""
    plan, left = given_plan
    kept, out = plan.without(left)
    gone = left | reached_by(plan, left)
    assert [each.key for each in kept.changes] == [each.key for each in plan.changes if each.key not in gone]
    assert [each.key for each in out] == [each.key for each in plan.changes if each.key in gone]
    assert plan.without(())[0] == plan
    assert plan.without(["file:unknown"]) == (plan, ())


reaching_plans = st.lists(st.tuples(st.frozensets(st.integers(0, 9)), st.frozensets(st.integers(0, 9))), max_size=6).map(
    lambda touched: Plan(
        tuple(
            Change("update", "file", str(number), reaches=reaches, releases=releases) for number, (reaches, releases) in enumerate(touched)
        )
    )
)


@pytest.mark.fault_kind("T6", "a change names the devices that it reaches and those that it releases")
@given(reaching_plans, st.sets(st.integers(0, 5)))
def test_a_plan_knows_whom_some_of_its_changes_touch(plan: Plan, chosen: set[int]) -> None:
    keys = {"file:%d" % number for number in chosen}
    for index in range(10):
        touching = [each for each in plan.changes if each.key in keys]
        assert (index in plan.reached_by(keys)) == any(index in each.reaches for each in touching)
        assert (index in plan.released_by(keys)) == any(index in each.releases for each in touching)


def test_a_record_keeps_numbers_and_texts_of_a_change_and_no_step() -> None:
    plan = Plan(
        (
            Change("update", "policy", "p", "a", "b", apps=("tiktok",), reaches=frozenset({1, 2}), releases=frozenset({3}), step="secret"),
            Change("command", "notice", "n", "x", "y", diff=False),
        )
    )
    assert plan.as_plain() == [
        {"op": "update", "kind": "policy", "name": "p", "apps": ["tiktok"], "reaches": 2, "releases": 1, "before": "a", "after": "b"},
        {"op": "command", "kind": "notice", "name": "n", "apps": [], "reaches": 0, "releases": 0, "before": None, "after": None},
    ]


@pytest.mark.fault_kind("T6", "one failed phone makes another one failed")
def test_a_failure_says_on_which_devices_it_failed() -> None:
    def execute(each: Change) -> None:
        raise ChangeFailed("no", each.name, devices=frozenset({4}) if each.name == "a" else None)

    failed = apply_plan(Plan((change("a"), change("b"))), execute).failed
    assert [each.devices for each in failed] == [frozenset({4}), None]


def test_messages_say_what_was_not_made_and_why() -> None:
    def execute(each: Change) -> None:
        raise ChangeFailed("a command failed with rc 1", "apt-get", "Run it by hand")

    applied = apply_plan(Plan((change("a"), change("b", "a"))), execute)
    assert applied.messages() == [
        "file:a: a command failed with rc 1 (apt-get). Run it by hand",
        "file:b: not attempted, because a change it needs failed",
    ]


def test_a_defect_is_not_taken_for_a_failure_of_the_host() -> None:
    def execute(each: Change) -> None:
        raise KeyError(each.name)

    with pytest.raises(KeyError):
        apply_plan(Plan((change("a"),)), execute)


def test_a_plan_is_refused_when_it_is_not_one() -> None:
    with pytest.raises(ValueError, match="two changes share the key file:a"):
        Plan((change("a"), change("a")))
    with pytest.raises(ValueError, match="file:a needs file:b, which does not come before it"):
        Plan((change("a", "b"), change("b")))
    with pytest.raises(ValueError, match="file:a needs file:a"):
        Plan((change("a", "a"),))
    with pytest.raises(ValueError, match="unknown op 'wipe'"):
        Plan((Change("wipe", "device", "a"),))
    assert OPS == ("create", "update", "delete", "command")


def test_summaries_and_diff_are_of_the_same_changes() -> None:
    plan = Plan(
        (
            Change("delete", "package", "tiktok", before="tiktok 1.0\n"),
            Change("create", "file", "/etc/x", after="a\n"),
            Change("command", "cache", "apt", diff=False),
        )
    )
    assert plan.summaries() == [
        {"op": "delete", "kind": "package", "name": "tiktok"},
        {"op": "create", "kind": "file", "name": "/etc/x"},
        {"op": "command", "kind": "cache", "name": "apt"},
    ]
    assert plan.diff() == [
        {"before_header": "package tiktok", "after_header": "package tiktok", "before": "tiktok 1.0\n", "after": ""},
        {"before_header": "file /etc/x", "after_header": "file /etc/x", "before": "", "after": "a\n"},
    ]
    assert len(plan) == 3
    assert plan
    assert not Plan()


def test_errors_say_what_where_and_what_to_do_next() -> None:
    assert str(AppbanError("it broke")) == "it broke"
    assert str(AppbanError("it broke", "/etc/x", "Mend it")) == "it broke (/etc/x). Mend it"
