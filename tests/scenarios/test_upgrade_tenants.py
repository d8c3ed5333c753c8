# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tenants in which the previous release put a ban in force, and this one takes over: nothing is made twice, and the lift is exact."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.engine.evidence import read_rows, verify_record
from ansible_collections.appban.endpoint.plugins.module_utils.policy.serialize import serialize_policy
from tests.conftest import skip_loudly
from tests.lab.previous_release import NotInHistory
from tests.support.intune import everything as intune
from tests.support.intune.tenant_devices import contact, prompt_tenant
from tests.support.jamf_pro import jamf_everything as jamf
from tests.support.jamf_pro.jamf_everything import jamf_city
from tests.support.nanomdm.fleet import make_fleet
from tests.support.nanomdm.nano_tenant import Organisation
from tests.support.nanomdm.servers import NanoServers
from tests.support.previous_run import PreviousRelease
from tests.support.target_runs import lifted

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("graph_contract", "no_waiting")]


@pytest.fixture(scope="module")
def previous(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> PreviousRelease:
    try:
        return PreviousRelease(tmp_path_factory.mktemp("previous"))
    except NotInHistory as why:
        skip_loudly(request.config, "the upgrade of tenants", "the previous release is needed", [str(why)])


def header_of(values: Mapping[str, Any]) -> Mapping[str, Any]:
    return read_rows(str(values["evidence"]))[0]


def follows(after: Mapping[str, Any], before: Mapping[str, Any]) -> None:
    """A record follows one of the previous release in one chain, and both can be verified."""
    assert header_of(before)["format"] == 1
    assert header_of(after)["format"] == 2
    assert header_of(after)["previous"] == verify_record(str(before["evidence"]))["hash"]


@pytest.mark.fault_kind("R6", "upgrade in Intune")
def test_intune(previous: PreviousRelease, tmp_path: Path) -> None:
    with prompt_tenant(tmp_path, intune.NOW) as city:
        start = city.state()
        policy = intune.everything(tmp_path)
        options = {**city.simulation.connection, "settle": 20.0, "policy": [policy], "evidence_dir": str(city.evidence_dir)}
        before = previous.run("intune", {**options, "now": intune.NOW, "evidence": "all"})
        ours = intune.picture(city)
        contact(city, intune.LATER)
        check = city.run(policy, intune.LATER, check=True)
        assert check.changes() == []
        follows(check.values, before)
        taken_over = city.run(policy, intune.LATER)
        assert (taken_over.writes(), taken_over.values["drift"]) == ([], [])
        assert intune.picture(city) == ours
        city.run(lifted(policy), intune.NEXT_DAY)
        assert city.state()["objects"] == start["objects"]
        assert city.run(lifted(policy), intune.NEXT_DAY).writes() == []


@pytest.mark.fault_kind("R6", "upgrade in Jamf Pro")
def test_jamf_pro(previous: PreviousRelease, tmp_path: Path) -> None:
    with jamf_city(tmp_path) as city:
        start = city.objects()
        policies = jamf.everything(tmp_path)
        connection = {name: value for name, value in city.simulation.connection.items() if name not in ("username", "password")}
        options = {**connection, "policy": policies, "evidence_dir": str(city.evidence_dir), "evidence": "all"}
        before = previous.run("jamf_pro", {**options, "now": jamf.NOW})
        city.simulation.forget_requests()
        made = city.objects()
        city.contact(jamf.LATER)
        check = city.run(policies, jamf.LATER, check=True)
        assert check.changes() == []
        follows(check.values, before)
        taken_over = city.run(policies, jamf.LATER)
        assert (taken_over.writes(), taken_over.values["drift"]) == ([], [])
        assert city.objects() == made
        city.run([lifted(each) for each in policies], jamf.NEXT_DAY)
        assert city.objects() == start
        assert city.run([lifted(each) for each in policies], jamf.NEXT_DAY).writes() == []


@pytest.mark.fault_kind("R6", "upgrade with NanoMDM")
def test_nanomdm(previous: PreviousRelease, nano: NanoServers, tmp_path: Path) -> None:
    there = Organisation(nano, tmp_path, make_fleet(nano, 10, enrol=False))
    policy = there.policy("alberta")
    start = there.holdings()
    options = {
        **nano.connection, **there.options, "enrollments": [there.row(each) for each in there.devices],
        "policy": [serialize_policy(policy)],
        "evidence_dir": str(there.evidence_dir), "evidence": "all",
    }  # fmt: skip

    def by_previous() -> dict[str, Any]:
        there._write_log()
        done = previous.run("nanomdm", {**options, "now": there.now.isoformat()})
        there.connect()
        return done

    by_previous()
    there.later(hours=25)
    before = by_previous()
    made = there.holdings()
    there.later(hours=1)
    taken_over = there.run(policy)
    follows(taken_over.values, before)
    assert [each for each in taken_over.writes() if "/v1/enqueue/" not in each] == []
    assert there.holdings() == made
    there.settle(policy)
    there.later(hours=25)
    there.end(*[policy])
    assert there.holdings() == start
    for device in there.devices:
        assert device.installed_profiles() == {}
