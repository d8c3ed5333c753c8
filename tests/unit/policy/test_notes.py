# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Notes: rules that can never match and stages after the end, said only where it is sure."""

from __future__ import annotations

import itertools
import random
from typing import Any

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.policy import scope
from ansible_collections.appban.endpoint.plugins.module_utils.policy.devices import ENROLLMENTS, OWNERSHIPS
from ansible_collections.appban.endpoint.plugins.module_utils.policy.notes import is_never_true, notes_of, unreachable_rules
from ansible_collections.appban.endpoint.plugins.module_utils.policy.parse import parse_policy
from tests.support.policy_samples import CATALOG, SMALL

CORPORATE, PRIVATE = {"ownership": "corporate"}, {"ownership": "personal"}


def reasons(*conditions: Any) -> dict[int, str]:
    return unreachable_rules([scope.compile_when(when) for when in conditions])


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ([CORPORATE, {"ownership": "corporate", "platform": "ios"}], {1: "rules[0] takes all its devices before it"}),
        ([{"ownership": ["personal", "corporate"]}, CORPORATE], {1: "rules[0] takes all its devices before it"}),
        ([{"any": [CORPORATE, {"platform": "ios"}]}, {"platform": "ios"}], {1: "rules[0] takes all its devices before it"}),
        # A device whose ownership isn't known is unclassified by the first of the two, and no device is left for the second.
        ([{"ownership": list(OWNERSHIPS)}, {"platform": "ios"}], {1: "rules[0] takes all its devices before it"}),
        ([PRIVATE, CORPORATE, {"platform": "ios"}], {}),
        (["department == 'press'", PRIVATE, "department == 'press'"], {2: "rules[0] takes all its devices before it"}),
        ([{"all": [CORPORATE, PRIVATE]}], {0: "its conditions contradict each other"}),
        ([{"ownership": "corporate", "not": CORPORATE}], {0: "its conditions contradict each other"}),
        ([{"not": {"ownership": list(OWNERSHIPS)}}], {0: "its conditions contradict each other"}),
        ([{"any": [{"all": [CORPORATE, PRIVATE]}, {"not": {}}]}], {0: "its conditions contradict each other"}),
        # A device may be in two groups, and an asset fact may be a list.
        ([{"all": [{"groups": "a"}, {"groups": "b"}]}], {}),
        ([{"all": [{"floor": 1}, {"floor": 2}]}], {}),
        ([{"paid_use": True}, {"paid_use": "full"}], {}),
    ],
)
def test_rules_that_can_never_match(conditions: list[Any], expected: dict[int, str]) -> None:
    assert reasons(*conditions) == expected


def test_no_rule_with_a_note_decides_for_any_device() -> None:
    chosen = random.Random(20230315)
    devices = [
        {"ownership": ownership, "enrollment": enrollment, "work_apps": work, "groups": groups, "floor": floor}
        for ownership, enrollment, work, groups, floor in itertools.product(
            (*OWNERSHIPS, None), (*ENROLLMENTS[:3], None), (True, False, None), (["a"], ["a", "b"], None), (1, "1", True, [1, 2], None)
        )
    ]

    def condition(depth: int) -> Any:
        kind = chosen.choice(["plain", "plain", "any", "all", "not"] if depth else ["plain"])
        if kind == "plain":
            return {
                name: values
                for name, values in {
                    "ownership": chosen.sample(OWNERSHIPS, chosen.randint(1, 3)),
                    "enrollment": chosen.sample(ENROLLMENTS[:3], chosen.randint(1, 2)),
                    "work_apps": chosen.choice([True, False, [True, False]]),
                    "groups": chosen.choice(["a", "b", ["a", "b"]]),
                    "floor": chosen.choice([1, 2, True, [1, 2]]),
                }.items()
                if chosen.random() < 0.4
            } or {"ownership": "shared"}
        if kind == "not":
            return {"not": condition(depth - 1)}
        return {kind: [condition(depth - 1) for _part in range(chosen.randint(1, 2))]}

    noted = 0
    for _round in range(60):
        conditions = [scope.compile_when(condition(2)) for _rule in range(5)]
        unreachable = unreachable_rules(conditions)
        noted += len(unreachable)
        for device in devices:
            values = [scope.evaluate(each, device) for each in conditions]
            first = next((index for index, value in enumerate(values) if value is not False), None)
            assert first is None or values[first] is None or first not in unreachable
    assert noted > 20


def test_a_stage_after_the_end_says_what_becomes_of_it() -> None:
    stages = [{"actions": ["advise"]}, {"from": "2023-10-01T00:00:00+01:00", "actions": ["block"]}]
    document = {
        **SMALL,
        "effective": {"from": "2023-03-01T00:00:00+01:00", "until": "P6M"},
        "rules": [{"name": "Work", "when": CORPORATE, "stages": stages}, {"name": "Twice", "when": CORPORATE, "actions": ["block"]}],
    }
    found = notes_of(parse_policy(document, "p.yml", CATALOG))
    assert [note.path for note in found] == ["rules[0].stages[1].from", "rules[1].when"]
    assert found[0].text.endswith("after the policy's end (P6M); it comes into force all the same, because on_expiry is keep")
    assert found[1].text == "the rule 'Twice' can never match: rules[0] takes all its devices before it"
    document["effective"]["on_expiry"] = "lift"
    assert notes_of(parse_policy(document, "p.yml", CATALOG))[0].text.endswith("it never comes into force")


@pytest.mark.heavy
def test_the_cost_of_many_rules_grows_with_their_number(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = 0
    implies = scope.implies

    def counting(narrow: Any, wide: Any) -> bool:
        nonlocal compared
        compared += 1
        return implies(narrow, wide)

    monkeypatch.setattr(scope, "implies", counting)

    def cost(rules: int) -> int:
        nonlocal compared
        compared = 0
        by_department = [{"ownership": "corporate", "department": f"d{n}"} for n in range(rules)]
        all_alike = [{"ownership": "corporate", "not": {"department": f"d{n}"}} for n in range(rules)]
        assert reasons(*by_department) == {}
        reasons(*all_alike)
        return compared

    assert cost(2000) <= 2.2 * cost(1000)


def test_a_condition_that_is_only_unlikely_is_not_called_impossible() -> None:
    assert not is_never_true(scope.compile_when({"platform": "ios", "enrollment": "work_profile"}))
