# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people write into inventories and on the command line, under the real playbooks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.lab.playbook import run_playbook
from tests.simulators.simulation import Simulation
from tests.support.cases import cases
from tests.support.estate import CHECKOUT, ENFORCE, NOW, UK, Estate

# Contacted by nobody, because its ownership is not recorded.
LOCAL = {"ansible_connection": "local"}
RUN_ID = "20230320T090000Z"
VALIDATE = "appban.endpoint.validate"
SECRET = "not-to-be-shown-anywhere"


def printed(play: Any) -> str:
    return " ".join((play.stdout + play.stderr).replace("\\n", " ").split())


def statuses(estate: Estate, run_id: str = RUN_ID) -> dict[str, str]:
    return {name: each["status"] for name, each in estate.said(run_id)["targets"].items()}


@pytest.mark.fault_kind("R2", "an empty evidence directory")
@pytest.mark.long
@pytest.mark.parametrize("empty", ["", None])
def test_an_empty_evidence_directory_is_the_default_for_run_tenant_and_hosts(estate: Estate, tmp_path: Path, empty: str | None) -> None:
    beside = set((CHECKOUT / "playbooks").iterdir())
    extra = {"policy_file": str(UK), "appban_now": NOW, "appban_evidence_dir": empty}
    play = run_playbook(ENFORCE, estate.inventory({"desk": LOCAL}), extra_vars=extra, cwd=tmp_path)
    assert set((CHECKOUT / "playbooks").iterdir()) == beside
    assert f"are in {tmp_path / 'evidence' / RUN_ID}" in play.stdout
    assert statuses(estate) == {"city": "changed", "hosts": "clean"}
    assert (tmp_path / "evidence" / "city.ledger.jsonl").exists()


@pytest.mark.long
@pytest.mark.fault_kind("R2", "other paths that are empty")
def test_empty_catalog_directories_and_asset_facts_are_none(estate: Estate) -> None:
    run = estate.run(estate.inventory({"desk": LOCAL}), extra={"appban_catalog_dirs": "", "appban_assets": ""}, check=True)
    assert (run.play.returncode, statuses(estate)) == (0, {"city": "drift", "hosts": "clean"})


@pytest.mark.fault_kind("R2", "an empty policy file")
@cases("empty", ["", [""]])
def test_an_empty_policy_file_is_none(estate: Estate, empty: Any) -> None:
    run = estate.run(estate.inventory({"desk": LOCAL}), extra={"policy_file": empty}, must_succeed=False)
    assert run.play.returncode == 2
    assert estate.said()["message"] == "No policy was given. Run with -e policy_file=PATH, or set appban_policies to a list of paths"
    assert run.exchanges == {"city": []}


@pytest.mark.fault_kind("D1", "words behind an extra variable")
@cases("playbook", [ENFORCE, VALIDATE])
@cases("typed", ["policy_file={0} policies/other.yml", "policy_file=['{0}', 'policies/other.yml']"])
def test_a_second_policy_is_never_dropped(estate: Estate, playbook: str, typed: str) -> None:
    extra = {"appban_now": NOW, "appban_evidence_dir": str(estate.evidence)}
    play = run_playbook(playbook, estate.inventory(), extra_vars=extra, arguments=["-e", typed.format(UK)], must_succeed=False, check=True)
    assert play.returncode == 2
    said = printed(play)
    assert "policies/other.yml" in said
    told = said.replace(chr(92), "")
    assert """several policies are a list in JSON: -e '{"policy_file": ["A.yml", "B.yml"]}'""" in told
    assert estate.tenants["city"].requests() == []


@pytest.mark.fault_kind("D2", "misspelt variables of a check of documents")
def test_validate_names_unknown_variables(tmp_path: Path) -> None:
    extra = {"policy_file": str(UK), "appban_now": NOW, "appban_asset": "assets.csv", "appban_catalog_dir": "catalog"}
    (tmp_path / "inventory.yml").write_text("all: {}\n", encoding="utf-8")
    play = run_playbook(VALIDATE, tmp_path / "inventory.yml", extra_vars=extra, forbid_warnings=False)
    said = printed(play)
    assert "the variable appban_asset is unknown, perhaps appban_assets" in said
    assert "the variable appban_catalog_dir is unknown, perhaps appban_catalog_dirs" in said


TWICE = "this tenant is in the inventory twice: city and town (intune, tenant %s"


def two_names(estate: Estate, **town: Any) -> Path:
    connection = estate.connections["city"]
    entries = {name: {"appban_connection": connection} for name in ("city", "town")}
    entries["town"] = {"appban_connection": {**connection, "graph_url": "%s/" % connection["graph_url"]}, **town}
    path = estate.directory / "inventory.json"
    group = {"hosts": entries, "vars": {"appban_target": "intune", "appban_options": {"settle": 20}}}
    path.write_text(json.dumps({"appban_tenants": group}), encoding="utf-8")
    return path


@pytest.mark.fault_kind("R3", "one tenant under two names")
@cases("check", [False, True])
def test_one_tenant_under_two_names_is_refused_twice(estate: Estate, check: bool) -> None:
    run = estate.run(two_names(estate), must_succeed=False, check=check)
    assert statuses(estate) == {"city": "refused", "town": "refused"}
    for name in ("city", "town"):
        assert (TWICE % estate.connections["city"]["tenant_id"]) in run.trouble(name), run.trouble(name)
    assert run.exchanges == {"city": []}


@pytest.mark.long
@pytest.mark.fault_kind("R3", "one tenant under two names, one after the other")
def test_one_tenant_under_two_names_is_refused_where_each_is_served_alone(estate: Estate) -> None:
    play = [
        {"hosts": "appban_tenants", "gather_facts": False, "tasks": [{"appban.endpoint.run_begin": {
            "policies": [str(UK)], "now": NOW, "evidence_dir": str(estate.evidence)}, "register": "appban_run", "run_once": True}]},
        {"hosts": "appban_tenants", "serial": 1, "gather_facts": False, "roles": ["appban.endpoint.tenant"]},
    ]  # fmt: skip
    path = estate.directory / "play.yml"
    path.write_text(json.dumps(play), encoding="utf-8")
    run = estate.run(two_names(estate), playbook=path, must_succeed=False)
    assert run.trouble("city") == ""
    assert (TWICE % estate.connections["city"]["tenant_id"]) in run.trouble("town")
    again = estate.run(two_names(estate), playbook=path, must_succeed=False, arguments=["--limit", "town"])
    assert again.trouble("town") == ""


WRONG_TENANTS: Mapping[str, tuple[dict[str, Any], str]] = {
    "no-target": ({"appban_target": None}, "appban_target is nothing (null), expected one of: intune, jamf_pro, nanomdm"),
    "text": ({"appban_connection": SECRET}, "appban_connection is a text, expected a mapping of the options of intune"),
    "list": ({"appban_connection": [SECRET]}, "appban_connection is a list, expected a mapping of the options of intune"),
    "null": ({"appban_connection": None}, "appban_connection is nothing (null), expected a mapping of the options of intune"),
    "options": ({"appban_options": SECRET}, "appban_options is a text, expected a mapping of the options of intune"),
    "limits": ({"appban_limits": [20]}, "appban_limits is a list of 1 item, expected a mapping"),
    "percents": ({"appban_limits": {"max_percents": 20}}, "appban_limits has the unknown key max_percents (did you mean max_percent?)"),
    "many": ({"appban_limits": {"max_devices": "many"}}, "appban_limits.max_devices is 'many', expected a whole number"),
    "full": ({"appban_evidence": "full"}, "appban_evidence is 'full', expected one of: exceptions, all"),
}  # fmt: skip
RAW = ("argument_spec", "has no attribute", "_Ansible", "Unsupported parameters", "Traceback", "<class", "tenant_preflight)")


@pytest.mark.fault_kind("D4", "variables of a tenant that have the wrong form")
def test_what_tenants_have_wrong_is_one_short_message_each(estate: Estate) -> None:
    connection = {"appban_target": "intune", "appban_connection": estate.connections["city"]}
    entries: dict[str, Any] = {name: {**connection, **wrong} for name, (wrong, _told) in WRONG_TENANTS.items()}
    entries["missing"] = {"appban_connection": estate.connections["city"]}
    path = estate.directory / "inventory.json"
    path.write_text(json.dumps({"appban_tenants": {"hosts": entries}}), encoding="utf-8")
    run = estate.run(path, must_succeed=False)
    for name, (_wrong, told) in WRONG_TENANTS.items():
        if name == "no-target":
            # Before ansible-core 2.19 a template makes an empty text of it.
            told = told.replace("nothing (null)", "").partition(",")[0].strip()
        assert run.trouble(name).startswith(told), (name, run.trouble(name))
        assert len(run.trouble(name)) < 300
    assert run.trouble("missing").startswith("appban_target is missing, expected one of: intune, jamf_pro, nanomdm")
    assert set(statuses(estate).values()) == {"refused"}
    said = printed(run.play)
    assert [raw for raw in RAW if raw in said] == []
    assert SECRET not in said
    assert run.exchanges == {"city": []}


@pytest.mark.fault_kind("D4", "variables of hosts that have the wrong form")
def test_what_hosts_have_wrong_is_told_of_all_at_once(estate: Estate) -> None:
    hosts: dict[str, dict[str, Any]] = {
        "a": {"appban_device": "corporate"},
        "b": {"appban_host_block": "stron"},
        "c": {"appban_host_block": "stron", "appban_host_max_removals": "many"},
        "d": {"appban_limits": {"max_percents": 20}},
        "e": {"appban_device": {"serial": "PF-00123456"}},
    }
    run = estate.run(estate.inventory({name: {**LOCAL, **each} for name, each in hosts.items()}, tenants=False), must_succeed=False)
    message = estate.said()["targets"]["hosts"]["message"].splitlines()
    assert message == [
        "The inventory can't be used; no host was contacted:",
        "a: appban_device is 'corporate', expected a mapping of device attributes",
        "b and c: appban_host_block is 'stron', expected one of: true, strong (did you mean strong?)",
        "c: appban_host_max_removals is 'many', expected a whole number",
        "d: appban_limits has the unknown key max_percents (did you mean max_percent?)",
    ]
    assert statuses(estate) == {"hosts": "refused"}
    said = printed(run.play)
    assert [raw for raw in RAW if raw in said] == []
    assert all(" ".join(line.split()) in said for line in message[1:])


@pytest.mark.long
@pytest.mark.fault_kind("D1", "names of tenants that give one record, placeholders for serial numbers, a host in both groups")
def test_names_that_two_share_and_serial_numbers_that_are_none_are_told(estate: Estate) -> None:
    connection = {"appban_target": "intune", "appban_connection": estate.connections["city"]}
    serials = {"one": "Default string", "two": "8.96529E+19"}
    hosts: dict[str, dict[str, Any]] = {name: {**LOCAL, "appban_serial": serial} for name, serial in serials.items()}
    hosts["both"] = {**LOCAL, **connection}
    path = estate.directory / "inventory.json"
    tenants = {"hosts": {"my city": connection, "my_city": connection, "both": {}}}
    path.write_text(json.dumps({"appban_tenants": tenants, "appban_hosts": {"hosts": hosts}}), encoding="utf-8")
    run = estate.run(path, must_succeed=False, check=True, forbid_warnings=False)
    assert "its record would be called my_city, and so would that of my_city" in run.trouble("my city")
    assert "its record would be called my_city, and so would that of my city" in run.trouble("my_city")
    refused = {name: each for name, each in statuses(estate).items() if each == "refused"}
    assert len(refused) == 2, statuses(estate)
    assert "4 targets (1 clean, 1 drift, 2 refused)" in run.play.stdout
    said = printed(run.play)
    assert "appban_serial is no serial number on 1 host (one 'Default string'): expected a serial number of one device" in said
    assert "appban_serial is no serial number on 1 host (two '8.96529E+19'): expected all digits of the serial number" in said
    assert "both is in appban_tenants and in appban_hosts" in said


@pytest.mark.long
@pytest.mark.fault_kind("D4", "one mistake, two statuses")
def test_an_exemption_of_everybody_is_refused_by_tenants_and_hosts(estate: Estate, simulation: Simulation) -> None:
    serials = sorted({str(each["serial"] or each["id"]) for each in simulation.state()["devices"]})
    document = {
        "policy": "all", "title": "TikTok", "apps": ["tiktok"], "effective": {"from": "2023-03-01T00:00:00Z"},
        "rules": [{"name": "All", "when": {"ownership": ["corporate", "personal"]}, "actions": ["block"]}],
        "exemptions": [{
            "id": "EX-1", "devices": [*serials, "PF-00123456", "PF-00123457"], "reason": "Case work", "approved_by": "Head of Security",
            "granted": "2023-03-02", "expires": "2023-12-31",
        }],
    }  # fmt: skip
    path = estate.directory / "all.yml"
    path.write_text(json.dumps(document), encoding="utf-8")
    hosts = {name: {**LOCAL, "ownership": "corporate", "appban_serial": "PF-0012345" + name} for name in ("6", "7")}
    run = estate.run(estate.inventory(hosts), path, must_succeed=False)
    assert "an exemption leaves nobody of this run under its policy" in run.trouble("city"), run.play.stdout
    assert statuses(estate) == {"city": "refused", "hosts": "refused"}
    assert run.methods("city") <= {"TOKEN", "GET"}


@pytest.mark.long
@pytest.mark.fault_kind("D2", "a failure that was asked for and is not judged")
def test_that_unmatched_exemptions_were_not_judged_is_said(estate: Estate) -> None:
    extra = {"appban_fail_on": ["unmatched_exemption"]}
    run = estate.run(estate.inventory({"desk": LOCAL}), arguments=["--limit", "desk"], extra=extra)
    assert "appban_fail_on: unmatched_exemption was not judged, because only a part was served (--limit)" in run.play.stdout
