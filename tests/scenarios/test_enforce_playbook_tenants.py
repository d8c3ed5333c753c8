# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The real playbook over simulated tenants: one run for all targets, trouble that stops nobody else, secrets that nobody sees."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.simulators.intune import start
from tests.simulators.simulation import Simulation
from tests.support.estate import NOW, UK, Estate

# Whole runs take many seconds each.
pytestmark = pytest.mark.long

INTUNE = "appban.endpoint.intune"
WRONG = "wrong-secret-of-a-tenant-9d1f6c0b7a"
# Contacted by nobody, because its ownership is not recorded; so it needs no lab.
HOST = {"desk": {"ansible_connection": "local"}}


@pytest.fixture(scope="module")
def simulations() -> Iterator[dict[str, Simulation]]:
    with start(devices=60, seed=3) as city, start(devices=30, seed=4) as school:
        yield {"city": city, "school": school}


@pytest.fixture
def estate(tmp_path: Path, simulations: dict[str, Simulation]) -> Estate:
    for simulation in simulations.values():
        simulation.reset()
        simulation.clock(NOW)
    return Estate(tmp_path, simulations)


def test_check_apply_again_and_lift_in_two_tenants(estate: Estate) -> None:
    inventory = estate.inventory()
    before = {name: each.state()["objects"] for name, each in estate.tenants.items()}
    check = estate.run(inventory, check=True, diff=True)
    for name, simulation in estate.tenants.items():
        assert check.methods(name) == {"TOKEN", "GET"}
        assert simulation.state()["objects"] == before[name]
        assert check.text(name)[0].endswith("check mode: nothing was changed")
        assert "--- before: settings catalog policy BAN uk iOS blocked apps" in check.play.stdout
    apply = estate.run(inventory)
    again = estate.run(inventory)
    for name in estate.tenants:
        planned, made = (run.play.of(name, INTUNE)[0].result["changes"] for run in (check, apply))
        assert planned == made
        assert apply.play.recap[name]["changed"] == 1
        assert any(line.startswith("plan: ") for line in apply.text(name))
        assert again.methods(name) == {"TOKEN", "GET"}
    assert again.play.changed() == 0
    lifted = estate.directory / "lifted.yml"
    lifted.write_text(UK.read_text(encoding="utf-8").replace("state: enforced", "state: lifted"), encoding="utf-8")
    estate.run(inventory, lifted)
    assert {name: each.state()["objects"] for name, each in estate.tenants.items()} == before
    assert set(estate.records()) == {f"20230320T090000Z{number}/{name}" for number in ("", "-2", "-3", "-4") for name in estate.tenants}


def test_trouble_in_one_tenant_stops_nobody_else_and_shows_no_secret(estate: Estate) -> None:
    estate.connections["school"]["client_secret"] = WRONG
    run = estate.run(estate.inventory(HOST), arguments=["-vvv"], must_succeed=False)
    assert run.play.returncode == 2
    assert "AADSTS7000215" in run.trouble("school")
    assert [run.trouble("city"), run.trouble("desk")] == ["", ""]
    assert run.play.recap["city"]["changed"] == 1
    records = estate.records()
    # One run for all: the same id and the same instant, whatever the kind of target.
    assert set(records) - {"20230320T090000Z/school"} == {"20230320T090000Z/city", "20230320T090000Z/hosts"}
    said = estate.said()
    assert {name: each["status"] for name, each in said["targets"].items()} == {"city": "changed", "school": "failed", "hosts": "clean"}
    assert said["status"] == "failed"
    assert {header["now"] for header in records.values()} == {NOW}
    secrets = {WRONG, *(str(each.connection["client_secret"]) for each in estate.tenants.values())}
    for entries in run.exchanges.values():
        for entry in entries:
            if isinstance(entry["response"], Mapping) and "access_token" in entry["response"]:
                secrets.add(str(entry["response"]["access_token"]))
    assert len(secrets) > 3
    printed = run.play.stdout + run.play.stderr
    texts = [printed, *(path.read_text(encoding="utf-8") for path in estate.evidence.rglob("*") if path.is_file())]
    assert [secret for secret in secrets if any(secret in text for text in texts)] == []


def test_the_same_when_every_tenant_fails(estate: Estate) -> None:
    for connection in estate.connections.values():
        connection["client_secret"] = WRONG
    run = estate.run(estate.inventory(HOST), must_succeed=False)
    assert run.play.returncode == 2
    assert all("AADSTS7000215" in run.trouble(name) for name in estate.tenants)
    assert {name: each["status"] for name, each in estate.said()["targets"].items()} == {
        "city": "failed",
        "school": "failed",
        "hosts": "clean",
    }


def test_what_the_inventory_has_wrong_is_named_and_its_values_are_not(estate: Estate) -> None:
    inventory = estate.inventory(
        HOST,
        city={"appban_target": "jamf"},
        school={"appban_connection": {"client_secrets": WRONG, "evidence_dir": "/tmp"}, "appban_options": {"web_blok": "none"}},
    )
    run = estate.run(inventory, arguments=["-vvv"], must_succeed=False)
    assert run.trouble("city").startswith(
        "appban_target is jamf, expected one of: intune, jamf_pro, nanomdm (did you mean jamf_pro?) (city)."
    )
    assert run.trouble("school") == (
        "appban_connection has the unknown option client_secrets, perhaps client_secret; "
        "appban_connection sets evidence_dir, which is appban_evidence_dir; "
        "appban_options has the unknown option web_blok, perhaps web_block (school). Mend the inventory; nothing was contacted"
    )
    assert run.exchanges == {"city": [], "school": []}
    # The value is in no message, no argument and no result.
    assert WRONG not in run.play.stdout + run.play.stderr
    assert set(estate.records()) == {"20230320T090000Z/hosts"}
    assert {name: each["status"] for name, each in estate.said()["targets"].items()} == {
        "city": "refused",
        "school": "refused",
        "hosts": "clean",
    }


@pytest.mark.fault_kind("R5", "the same kind of mistake by two words")
def test_what_a_module_refuses_before_it_contacts_anything_is_refused(estate: Estate) -> None:
    limits = estate.run(estate.inventory(city={"appban_limits": {"max_devicez": 1}}), arguments=["--limit", "city"], must_succeed=False)
    assert "max_devicez" in limits.trouble("city")
    assert estate.said()["targets"]["city"]["status"] == "refused"
    estate.connections["school"].pop("client_secret")
    inventory = estate.inventory(city={"appban_accept_fleet_size": "viele"})
    run = estate.run(inventory, must_succeed=False)
    assert "accept_fleet_size" in run.trouble("city")
    assert "client_secret" in run.trouble("school")
    assert {name: entries for each in (limits, run) for name, entries in each.exchanges.items() if entries} == {}
    said = estate.said("20230320T090000Z-2")
    assert (said["status"], {name: each["status"] for name, each in said["targets"].items()}) == (
        "refused",
        {"city": "refused", "school": "refused"},
    )
    assert estate.records() == {}
    plan = (estate.evidence / "20230320T090000Z-2" / "plan.md").read_text(encoding="utf-8")
    assert plan.count("No plan was made: ") == 2


def test_every_problem_of_the_policies_comes_before_any_request(estate: Estate) -> None:
    broken = estate.directory / "broken.yml"
    broken.write_text(
        UK.read_text(encoding="utf-8").replace("apps: [tiktok]", "apps: [tiktokk]").replace("actions:", "action:"), encoding="utf-8"
    )
    run = estate.run(estate.inventory(HOST), broken, must_succeed=False)
    assert run.play.returncode == 2
    assert "nothing was contacted" in run.play.stdout
    assert "tiktokk" in run.play.stdout
    assert "rules[0].action" in run.play.stdout
    assert run.exchanges == {"city": [], "school": []}
    assert [path.name for path in estate.evidence.rglob("*") if path.is_file()] == ["run.json"]
    said = estate.said()
    assert (said["status"], said["targets"]) == ("refused", {})
    assert "tiktokk" in said["message"]


def test_a_limit_leaves_the_other_tenant_alone_and_credentials_come_from_the_environment(estate: Estate) -> None:
    connection = estate.connections["city"]
    given = {"AZURE_%s" % name.upper(): connection.pop(name) for name in ("tenant_id", "client_id", "client_secret")}
    # AWX sets what nobody filled in to nothing.
    empty = dict.fromkeys(("AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_FEDERATED_TOKEN_FILE", "AZURE_ACCESS_TOKEN", "AZURE_AUTHORITY_HOST"), "")
    run = estate.run(estate.inventory(HOST), arguments=["--limit", "city"], check=True, env={**given, **empty})
    assert run.methods("city") == {"TOKEN", "GET"}
    assert run.exchanges["school"] == []
    assert set(estate.records()) == {"20230320T090000Z/city"}


def test_an_inventory_of_hosts_only_warns_of_nothing(estate: Estate) -> None:
    run = estate.run(estate.inventory(HOST, tenants=False))
    assert run.play.changed() == 0
    assert set(estate.records()) == {"20230320T090000Z/hosts"}


def test_an_inventory_without_any_target_is_said(estate: Estate) -> None:
    path = estate.directory / "empty.json"
    path.write_text(json.dumps({"all": {"hosts": {"somebody": {}}}}), encoding="utf-8")
    run = estate.run(path, forbid_warnings=False, must_succeed=False)
    assert run.play.returncode == 2
    assert "No target: the inventory has no hosts in the groups appban_tenants and appban_hosts" in run.play.stdout


def test_the_role_alone_shares_one_run_and_fails_at_its_end(estate: Estate) -> None:
    estate.connections["school"]["client_secret"] = WRONG
    playbook = estate.directory / "play.yml"
    play = [{"name": "Enforce", "hosts": "appban_tenants", "gather_facts": False, "roles": [{"role": "appban.endpoint.tenant"}]}]
    playbook.write_text(json.dumps(play), encoding="utf-8")
    run = estate.run(estate.inventory(), playbook=playbook, must_succeed=False)
    assert run.play.returncode == 2
    assert (run.play.recap["city"]["failures"], run.play.recap["school"]["failures"]) == (0, 1)
    assert "AADSTS7000215" in run.trouble("school")
    assert "20230320T090000Z/city" in estate.records()
    assert {name: each["status"] for name, each in estate.said()["targets"].items()} == {"city": "changed", "school": "failed"}


@pytest.mark.parametrize("by_role", [False, True])
def test_the_action_group_gives_defaults_to_the_modules_of_tenants(estate: Estate, by_role: bool) -> None:
    task: dict[str, Any] = {"name": "Look", INTUNE: {"policy": "{{ query('appban.endpoint.policy', policy_file) }}", "now": NOW}}
    task[INTUNE].update(estate.connections["city"], evidence_dir=str(estate.evidence))
    task["vars"] = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}
    play: dict[str, Any] = {
        "name": "Enforce",
        "hosts": "city",
        "gather_facts": False,
        "module_defaults": {"group/appban.endpoint.tenants": {"name_prefix": "VERBOT"}},
    }
    play.update({"roles": [{"role": "appban.endpoint.tenant"}]} if by_role else {"tasks": [task]})
    playbook = estate.directory / "play.yml"
    playbook.write_text(json.dumps([play]), encoding="utf-8")
    run = estate.run(estate.inventory(), playbook=playbook, check=True)
    names = [change["name"] for change in run.play.of("city", INTUNE)[0].result["changes"]]
    assert any(name.startswith("VERBOT uk ") for name in names)
    assert not any(name.startswith("BAN ") for name in names)
