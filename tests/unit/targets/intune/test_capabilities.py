# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Intune can do, as data: the table is whole, its kinds are total, and every word in it is known."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.appban.endpoint.plugins.module_utils.engine.outcomes import REASONS
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.planning.capability import ACTIONS_WITH_SUPPORT, Support, render_markdown
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.planning.requirements import requirements_of_policies
from ansible_collections.appban.endpoint.plugins.module_utils.policy.devices import ENROLLMENTS, OWNERSHIPS, PLATFORMS
from ansible_collections.appban.endpoint.plugins.module_utils.targets.intune import capabilities, controls
from ansible_collections.appban.endpoint.plugins.module_utils.targets.intune.capabilities import (
    BY_KIND,
    MANAGED_PLATFORMS,
    MECHANISMS,
    NAMES,
    TABLE,
    TYPES,
    capability_of,
    mechanisms,
)
from ansible_collections.appban.endpoint.plugins.module_utils.targets.intune.target import IntuneTarget
from tests.contract.shapes import Contract
from tests.support.mdm_samples import device, fleet, policy

ODD = st.sampled_from((None, "", "x", 0, [], {}))
RECORDS = st.fixed_dictionaries(
    {},
    optional={
        "platform": st.sampled_from(PLATFORMS) | ODD,
        "ownership": st.sampled_from(OWNERSHIPS) | ODD,
        "supervised": st.booleans() | ODD | st.just("true"),
        "enrollment": st.sampled_from(ENROLLMENTS) | ODD,
    },
)
ELSEWHERE = {capabilities.NOTICE, capabilities.DEFENDER}


@given(RECORDS)
def test_every_device_has_a_row(record: dict[str, Any]) -> None:
    row = capability_of(record)
    assert row in TABLE
    if record.get("platform") not in MANAGED_PLATFORMS:
        assert row.kind == "other"


@given(RECORDS)
def test_what_is_unknown_never_counts_as_more(record: dict[str, Any]) -> None:
    """Neither an unknown ownership as corporate nor an unknown supervision as supervised."""
    row = capability_of(record)
    if record.get("ownership") not in ("corporate", "shared"):
        assert row.kind not in ("ios_supervised", "ios_corporate", "windows_corporate", "macos_corporate")
    if record.get("supervised") is not True:
        assert capabilities.IOS_BLOCK not in row.block.mechanisms


def test_kinds_are_named_once_and_every_row_can_be_had() -> None:
    assert len(BY_KIND) == len(TABLE)
    had = {
        capability_of({"platform": platform, "ownership": ownership, "supervised": supervised, "enrollment": enrollment}).kind
        for platform in PLATFORMS
        for ownership in (*OWNERSHIPS, None)
        for supervised in (True, False, None)
        for enrollment in (*ENROLLMENTS, None)
    }
    by_manager = {
        capability_of({**WINDOWS, "management_agent": agent, "management_state": state}).kind
        for agent in ("msSense", "configurationManagerClientMdm")
        for state in ("managed", "wipePending")
    }
    assert had | by_manager == set(BY_KIND)


WINDOWS = {"platform": "windows", "ownership": "corporate", "enrollment": "device"}


@pytest.mark.fault_kind("T4", "Intune: every agent and state that Graph knows")
def test_every_agent_and_state_of_the_contract_has_a_row(graph_contract: dict[str, Contract]) -> None:
    """What manages a device decides first: the same device is another under another agent."""
    enums = {
        key: shape.enum
        for name, each in graph_contract["beta"].types.items()
        if name.endswith(".managedDevice")
        for key, shape in each.properties.items()
        if key in ("managementAgent", "managementState")
    }
    assert len(enums["managementAgent"]) == 16
    reached = {agent for agent in enums["managementAgent"] if capability_of({**WINDOWS, "management_agent": agent}).block.mechanisms}
    assert reached == {"mdm", "easMdm"}
    android = {"platform": "android", "ownership": "corporate", "enrollment": "fully_managed"}
    reached = {agent for agent in enums["managementAgent"] if capability_of({**android, "management_agent": agent}).remove.mechanisms}
    assert reached == {"mdm", "easMdm", "googleCloudDevicePolicyController"}
    managed = {state for state in enums["managementState"] if capability_of({**WINDOWS, "management_state": state}).kind != "leaving"}
    assert managed == {"managed", "retireFailed", "wipeFailed", "retireCanceled", "wipeCanceled"}


@pytest.mark.fault_kind("T4", "Intune: co-management by its workloads")
@pytest.mark.parametrize("workloads", [None, [], ["inventory"], ["deviceConfiguration"], ["modernApps"], ["inventory", "modernApps"]])
def test_a_co_managed_device_gets_what_its_workloads_let_through(workloads: list[str] | None) -> None:
    row = capability_of({**WINDOWS, "management_agent": "configurationManagerClientMdm", "workloads": workloads})
    listed = workloads or []
    assert (row.sees == "all") == ("inventory" in listed)
    assert bool(row.remove.mechanisms) == ("modernApps" in listed)
    assert bool(row.block.mechanisms) == bool(row.block_web.mechanisms) == ("deviceConfiguration" in listed)
    assert (
        capability_of({**WINDOWS, "ownership": "personal", "management_agent": "configurationManagerClientMdm"}).kind == "windows_personal"
    )


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.kind)
def test_a_row_is_whole(row: Any) -> None:
    assert row.sees in ("all", "reported", "none")
    assert (row.sees == "all") == (row.why_unseen == "")
    assert row.why_unseen in ("", *REASONS)
    assert row.label
    assert row.sees_note
    for action in ACTIONS_WITH_SUPPORT:
        support = row.support(action)
        assert set(support.mechanisms) <= set(NAMES)
        assert support.why_not in ("", *REASONS)


def test_every_mechanism_is_used_and_has_a_platform() -> None:
    used = {name for row in TABLE for action in ACTIONS_WITH_SUPPORT for name in row.support(action).mechanisms}
    assert set(NAMES) == used | set(IntuneTarget.reporting.values()) | {capabilities.DEFENDER, capabilities.ANDROID_UNINSTALL}
    assert {name for name, row in MECHANISMS.items() if row.platforms} == set(NAMES) - ELSEWHERE == set(controls._OBJECTS) | set(TYPES)


@pytest.mark.parametrize("platform", MANAGED_PLATFORMS)
@pytest.mark.parametrize("action", [action for action in ACTIONS_WITH_SUPPORT if action != "advise"])
def test_what_the_table_promises_is_wanted(platform: str, action: str) -> None:
    """For every row: a policy that asks for an action makes a requirement of a mechanism that the row names for it."""
    asking = policy(rules=[{"name": "All", "when": {"work_apps": True}, "actions": [action]}])
    for ownership in ("corporate", "personal"):
        for supervised in (True, False):
            for enrollment in ENROLLMENTS:
                member = fleet([asking], [device(platform=platform, ownership=ownership, supervised=supervised, enrollment=enrollment)])[0]
                requirements_of = requirements_of_policies([asking], mechanisms("browser"))
                wanted = {requirement.mechanism for requirement in requirements_of(member.device.record, member.decision)}
                support = capability_of(member.device.record).support(action)
                assert not support.mechanisms or wanted & set(support.mechanisms), (member.device.record, action)
                for name in support.mechanisms:
                    assert controls.supports(member.device.record, name)


def test_means_are_either_means_or_a_reason() -> None:
    for wrong in ({}, {"mechanisms": ("x",), "why_not": "no_backend"}):
        with pytest.raises(ValueError, match="either mechanisms or the reason"):
            Support(**wrong)  # type: ignore[arg-type]


def test_a_reader_can_read_it() -> None:
    text = render_markdown(TABLE, NAMES)
    lines = text.splitlines()
    assert len(lines) == len(TABLE) + 2
    assert {line.count("|") for line in lines} == {lines[0].count("|")}
    assert "| **iPhone, iPad, personal** | only what a list of ours prohibits | no (`unsupervised`) |" in text
    assert "list of blocked apps: hidden, can't be opened" in text


def test_what_only_the_office_calls_corporate_is_not_taken_for_a_full_inventory() -> None:
    """Intune lists all apps of devices that it calls corporate itself; an asset fact does not change what it collects."""
    known = {"platform": "ios", "ownership": "corporate", "enrollment": "device", "supervised": True}
    assert capability_of({**known, "intune_ownership": "corporate"}).sees == "all"
    assert capability_of({**known, "intune_ownership": None}).sees == "reported"
