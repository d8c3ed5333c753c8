# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Large policies cost in proportion to their size: calls are counted, not seconds."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import datetime, timezone
from types import FrameType
from typing import Any

import pytest
import yaml

from ansible_collections.appban.endpoint.plugins.module_utils.documents.load import read_document
from ansible_collections.appban.endpoint.plugins.module_utils.documents.positions import located
from ansible_collections.appban.endpoint.plugins.module_utils.policy.catalog import parse_catalog
from ansible_collections.appban.endpoint.plugins.module_utils.policy.decide import Decider
from ansible_collections.appban.endpoint.plugins.module_utils.policy.notes import notes_of
from ansible_collections.appban.endpoint.plugins.module_utils.policy.parse import parse_policy
from ansible_collections.appban.endpoint.plugins.module_utils.policy.problems import PolicyError, Problem
from ansible_collections.appban.endpoint.plugins.module_utils.policy.serialize import deserialize_policy, serialize_policy
from tests.benchmarks.decisions import large_policy

NOW = datetime(2023, 3, 20, tzinfo=timezone.utc)
NOTHING = parse_catalog([])
# Twice as much may cost a little more than twice, for what a longer table costs.
MOST = 2.2


def calls(work: Callable[[], Any]) -> int:
    """How many functions a piece of work calls, ours and Python's own."""
    counted = 0

    def count(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal counted
        counted += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(before)
    return counted


def whole_way(document: dict[str, Any]) -> None:
    policy = deserialize_policy(serialize_policy(parse_policy(document, "p.yml", NOTHING)))
    notes_of(policy)
    decider = Decider([policy], NOW)
    for number in range(20):
        decider.decide({"serial": f"SN{number:07d}", "ownership": "corporate", "department": f"d{number}"})


@pytest.mark.parametrize(
    "sizes",
    [{"rules": 300, "exemptions": 1}, {"rules": 3, "exemptions": 300}, {"rules": 3, "exemptions": 5, "serials": 400}],
    ids=["rules", "exemptions", "serials"],
)
def test_twice_as_much_costs_twice_as_much(sizes: dict[str, int]) -> None:
    small = large_policy(**sizes)
    large = large_policy(**{name: 2 * size if size > 5 else size for name, size in sizes.items()})
    whole_way(small)
    assert calls(lambda: whole_way(large)) <= MOST * calls(lambda: whole_way(small))


def test_twice_as_many_problems_cost_twice_as_much() -> None:
    def spoiled(rules: int) -> Callable[[], None]:
        document = large_policy(rules=rules, exemptions=1)
        for rule in document["rules"]:
            rule["when"]["ownership"] = "corprate"
        text = yaml.safe_dump(document)

        def read() -> None:
            content, _problems = read_document(text.encode(), "p.yml")
            with pytest.raises(PolicyError) as caught:
                parse_policy(content, "p.yml", NOTHING)
            found: list[Problem] = located(caught.value.problems, text, "p.yml")
            assert len(found) == rules
            assert all(problem.line for problem in found)

        return read

    spoiled(20)()
    assert calls(spoiled(200)) <= MOST * calls(spoiled(100))


@pytest.mark.long
def test_twenty_thousand_rules_and_exemptions_and_eight_hundred_thousand_serials_are_read() -> None:
    for sizes in ({"rules": 20_000, "exemptions": 20_000}, {"rules": 3, "exemptions": 20, "serials": 40_000}):
        whole_way(large_policy(**sizes))
