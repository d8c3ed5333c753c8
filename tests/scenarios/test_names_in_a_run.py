# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names under the real playbook: exemptions that match no device of any target, groups and variables that nobody knows, no target."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.engine.evidence import read_rows
from tests.simulators.simulation import Simulation
from tests.support.cases import cases
from tests.support.estate import CHECKOUT, Estate
from tests.support.records_and_schemas import held_by_schemas

# Contacted by nobody, because its ownership is not recorded.
HOST = {"desk-0042": {"ansible_connection": "local", "appban_serial": "PF-00123456"}}
RUN_ID = "20230320T090000Z"
OTHERS: Mapping[str, Any] = {"servers": {"hosts": {"web": {"ansible_connection": "local"}}}}
UNKNOWN_TO_ALL = "appban_fail_on: unmatched_exemption: names in exemptions match no device of any target: "


def policy(estate: Estate, *exempt: str) -> Path:
    document = {
        "policy": "names",
        "title": "TikTok on work devices",
        "apps": ["tiktok"],
        "effective": {"from": "2023-03-01T00:00:00Z"},
        "rules": [{"name": "Work devices", "when": {"ownership": "corporate"}, "actions": ["remove", "block"]}],
        "exemptions": [
            {
                "id": "EX-1", "devices": list(exempt), "reason": "Case work", "approved_by": "Head of Security", "granted": "2023-03-02",
                "expires": "2023-12-31",
            }
        ],
    }  # fmt: skip
    path = estate.directory / "names.yml"
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def serial_of(simulation: Simulation) -> str:
    devices = simulation.state()["devices"]
    return next(str(each["serial"]) for each in devices if each["serial"])


def status(estate: Estate) -> tuple[int, str]:
    done = subprocess.run(
        ["sh", str(CHECKOUT / "docs" / "run-status.sh"), str(estate.evidence), ""], capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout.strip()


@pytest.mark.fault_kind("D1", "exemptions over several targets of a run")
def test_an_exemption_is_matched_by_a_device_of_any_target(estate: Estate, simulation: Simulation) -> None:
    inventory = estate.inventory(HOST)
    document = policy(estate, "pf-00123456", serial_of(simulation).lower())
    run = estate.run(inventory, document, extra={"appban_fail_on": "unmatched_exemption"}, check=True)
    assert "exemption: names/EX-1 names 1 device" in run.text("city")
    assert "exemption: names/EX-1 names 1 device" in run.text("desk-0042")
    said = held_by_schemas(estate.evidence / RUN_ID)
    assert (said["unmatched_exemptions"], said["not_good"]) == ([], "")
    for name in ("city", "hosts"):
        [row] = [row for row in read_rows(str(estate.evidence / RUN_ID / f"{name}.jsonl")) if row["row"] == "exemption"]
        assert (row["devices"], len(row["unmatched"])) == (1, 1)


@pytest.mark.long
@pytest.mark.fault_kind("D1", "an exemption that matches nothing anywhere is no success where that is asked for")
def test_an_exemption_that_no_target_knows_fails_the_run_where_that_is_asked_for(estate: Estate) -> None:
    inventory = estate.inventory(HOST)
    document = policy(estate, "PF-123456", "PF-00123456")
    run = estate.run(inventory, document, check=True)
    near = "exemption names/EX-1: no device of this target is called 'PF-123456'"
    assert any(line == "note: " + near for line in run.text("desk-0042")), run.text("desk-0042")
    assert "Match no device of any target: names/EX-1 (devices[0])" in run.play.stdout
    said = held_by_schemas(estate.evidence / RUN_ID)
    assert (said["unmatched_exemptions"], said["not_good"]) == (["names/EX-1 (devices[0])"], "")
    assert status(estate)[0] == 13

    failed = estate.run(inventory, document, extra={"appban_fail_on": ["unmatched_exemption"]}, must_succeed=False)
    assert failed.play.returncode == 2
    assert failed.trouble("city").startswith(UNKNOWN_TO_ALL + "names/EX-1 (devices[0])")
    assert failed.trouble("desk-0042") == "", "one message"
    said = held_by_schemas(estate.evidence / f"{RUN_ID}-2")
    assert (said["status"], said["not_good"]) == ("changed", "unmatched_exemption")
    assert status(estate) == (14, f"{RUN_ID}-2: changed, and a name in an exemption matches no device")


@pytest.mark.long
@pytest.mark.parametrize("arguments", [["--limit", "desk-0042"], ["-e", "appban_part=1of2"]])
def test_a_part_of_a_fleet_says_nothing_of_the_whole(estate: Estate, arguments: list[str]) -> None:
    document = policy(estate, "another-part")
    extra = {"appban_fail_on": ["unmatched_exemption"]}
    run = estate.run(estate.inventory(HOST, tenants=False), document, arguments=arguments, extra=extra)
    note = "note: this run serves a part of the fleet: a name that no device has here may be one of another part"
    assert note in run.text("desk-0042")
    [path] = (estate.evidence / RUN_ID).glob("run*.json")
    said: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    assert (said["unmatched_exemptions"], said["not_good"]) == ([], "")


def groups(estate: Estate, **children: Any) -> Path:
    path = estate.directory / "inventory.json"
    path.write_text(json.dumps({"all": {"children": children}}), encoding="utf-8")
    return path


@pytest.mark.fault_kind("D2", "misspelt groups")
def test_misspelt_groups_are_named_with_the_right_ones(estate: Estate) -> None:
    entries = {"appban_tenant": {"hosts": {"city": {}}}, "appban-hosts": {"hosts": HOST}, "servers": {"hosts": {"web": {}}}}
    run = estate.run(groups(estate, **entries), policy(estate, "S1"), must_succeed=False, forbid_warnings=False)
    assert run.play.returncode == 2
    assert run.exchanges["city"] == []
    message = estate.said()["message"]
    assert message.startswith("No target: the inventory has no hosts in the groups appban_tenants and appban_hosts")
    assert "appban_tenant (perhaps appban_tenants)" in message
    assert "appban-hosts (perhaps appban_hosts)" in message
    assert "servers" not in message
    assert estate.said()["status"] == "refused"
    assert message in run.play.stdout.replace("\\n", "\n")


@pytest.mark.fault_kind("D2", "empty and missing groups")
@cases(
    ("children", "arguments"),
    # Ansible itself refuses a limit that matches nothing.
    [(OTHERS, ["--limit", "web"]), ({"appban_hosts": {}, "appban_tenants": {}}, []), ({}, []), (OTHERS, [])],
    quick=2,
)
def test_nothing_selected_is_a_failure(estate: Estate, children: Mapping[str, Any], arguments: list[str]) -> None:
    run = estate.run(
        groups(estate, **children), policy(estate, "S1"), arguments=arguments, must_succeed=False, forbid_warnings=False, check=True
    )
    assert run.play.returncode == 2
    assert estate.said()["status"] == "refused"
    assert estate.said()["message"].startswith("No target: ")


@cases("part", [True, False])
def test_a_slice_without_targets_is_none(estate: Estate, part: bool) -> None:
    if part:
        run = estate.run(groups(estate), policy(estate, "S1"), extra={"appban_part": "3of3"}, forbid_warnings=False)
        said = json.loads((estate.evidence / RUN_ID / "run.part-3of3.json").read_text(encoding="utf-8"))
        assert (said["status"], said["targets"]) == ("clean", {})
        assert said["message"] == "no target is in this part"
    else:
        children = {"appban_hosts": {"hosts": HOST}, "servers": {"hosts": {"web": {"ansible_connection": "local"}}}}
        run = estate.run(groups(estate, **children), policy(estate, "S1"), arguments=["--limit", "web"])
    assert run.play.returncode == 0


@pytest.mark.fault_kind("D2", "misspelt variables, and one group of two")
def test_unknown_variables_and_a_misspelt_group_beside_a_right_one_are_warned_of(estate: Estate) -> None:
    hosts = {"desk-0042": {**HOST["desk-0042"], "appban_host_blok": "strong"}, "desk-0043": {"ansible_connection": "local"}}
    inventory = groups(estate, appban_hosts={"hosts": hosts, "vars": {"appban_asets": "assets.csv"}}, appban_tenant={"hosts": {"city": {}}})
    extra = {"appban_evidence_level": "all", "appban_fail_in": ["drift"]}
    run = estate.run(inventory, policy(estate, "PF-00123456"), extra=extra, check=True, forbid_warnings=False)
    notes = estate.said()["notes"]
    assert notes == [
        "the inventory has a group appban_tenant, perhaps appban_tenants: nothing in it is served",
        "the variable appban_asets is unknown, perhaps appban_assets",
        "the variable appban_evidence_level is unknown, perhaps appban_evidence",
        "the variable appban_fail_in is unknown, perhaps appban_fail_on",
        "the variable appban_host_blok (of desk-0042) is unknown, perhaps appban_host_block",
    ]
    printed = " ".join((run.play.stdout + run.play.stderr).split())
    assert all(note in printed for note in notes)
