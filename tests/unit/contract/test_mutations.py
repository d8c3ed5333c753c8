# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Spoil good exchanges anywhere: whatever is renamed, retyped or left out must be noticed."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.contract import violations
from tests.support import exchange_samples as samples

pytestmark = pytest.mark.usefixtures("graph_contract")

SPOILT = (
    samples.settings_catalog, samples.compliance, samples.compliance_read, samples.assign, samples.app_assign, samples.device_page,
    samples.group_create, samples.member_add, samples.members, samples.export_job, samples.throttled, samples.indicator,
)  # fmt: skip
CHOICES = frozenset({"intent", "platforms", "technologies", "actionType", "managedDeviceOwnerType", "complianceState", "managementAgent",
                     "deviceAndAppManagementAssignmentFilterType", "status", "format", "indicatorType", "action", "severity"})  # fmt: skip
TYPE = "@odata.type"


def places(value: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place of a document below its root."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*way, key)
        yield from places(item, (*way, key))


def parent_of(document: Any, place: tuple[Any, ...]) -> Any:
    for key in place[:-1]:
        document = document[key]
    return document


def wrong_types(value: Any) -> list[Any]:
    """Values of a JSON type that a place with this value can't take as well."""
    wrong: list[Any] = [{"unheard of": 1}] if not isinstance(value, dict) else ["text", []]
    if isinstance(value, bool):
        return [*wrong, "true", 1]
    if isinstance(value, int):
        return [*wrong, str(value), value + 0.5, 2**63]
    if isinstance(value, str):
        return [*wrong, 7, True, ["text"]]
    return [*wrong, 7] if value is not None else wrong


def mutations(document: Any) -> list[tuple[str, tuple[Any, ...], Any]]:
    """Every single mutation: how, where and, for a new value, which."""
    found: list[tuple[str, tuple[Any, ...], Any]] = []
    for place in places(document):
        value = parent_of(document, place)[place[-1]]
        found += [("retype", place, wrong) for wrong in wrong_types(value)]
        if isinstance(place[-1], str):
            found += [("rename", place, place[-1] + "X"), ("rename", place, place[-1].swapcase())]
        if place[-1] in CHOICES and value is not None:
            found += [("set", place, str(value) + "x"), ("set", place, "")]
    return found


def mutated(document: Any, how: str, place: tuple[Any, ...], new: Any) -> Any:
    changed = copy.deepcopy(document)
    parent = parent_of(changed, place)
    if how == "rename":
        parent[new] = parent.pop(place[-1])
    else:
        parent[place[-1]] = new
    return changed


CASES = [
    (build, part, mutation)
    for build in SPOILT
    for part in ("body", "response")
    if isinstance(build()[part], dict)
    for mutation in mutations(build()[part])
]


@given(case=st.sampled_from(CASES))
def test_any_mutation_is_noticed(case: tuple[Any, str, tuple[str, tuple[Any, ...], Any]]) -> None:
    build, part, (how, place, new) = case
    logged = build()
    logged[part] = mutated(logged[part], how, place, new)
    assert violations(logged), f"{how} {part} {place} -> {new!r}"


@given(build=st.sampled_from(SPOILT), data=st.data())
def test_any_type_left_out_of_a_request_is_noticed(build: Any, data: st.DataObject) -> None:
    logged = build()
    # Two of the types in the samples aren't polymorphic, so naming them is a courtesy.
    needed = [
        place
        for place in places(logged["body"] or {})
        if place[-1] == TYPE and not parent_of(logged["body"], place)[TYPE].endswith((".mobileAppAssignment", "ConfigurationSetting"))
    ]
    if not needed:
        return
    place = data.draw(st.sampled_from(needed))
    del parent_of(logged["body"], place)[TYPE]
    assert any(f"no {TYPE}" in violation for violation in violations(logged))


@given(builds=st.lists(st.sampled_from(samples.GOOD), min_size=1), prefix=st.sampled_from(["", "/graph", "/tenants/7/graph"]))
def test_prefix_before_the_version_changes_nothing(builds: list[Any], prefix: str) -> None:
    for build in builds:
        logged = build()
        logged["path"] = prefix + logged["path"]
        assert violations(logged) == []
