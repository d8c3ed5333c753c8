# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The real playbook on the oldest and on the newest ansible-core: a tenant and hosts, check and apply, and not one warning."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cores
import interpreters
import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.engine.evidence import read_rows, verify_record
from tests.conftest import Fleet, skip_loudly
from tests.lab import demo_tenant
from tests.lab.playbook import PlayResult, run_module, run_playbook, write_inventory
from tests.lab.snapshot import snapshot
from tests.simulators.intune import start
from tests.support.estate import TROUBLE

pytestmark = pytest.mark.long

CHECKOUT = Path(__file__).resolve().parents[2]
POLICY = CHECKOUT / "inventories" / "demo" / "city-tiktok.yml"
ENFORCE, HOST_APP, INTUNE = "appban.endpoint.enforce", "appban.endpoint.host_app", "appban.endpoint.intune"
NOW = "2023-03-20T09:00:00Z"
TENANT = demo_tenant.NAME
APPS = [{"id": "tiktok", "identifiers": {"deb": ["tiktok-desktop"]}}]


@pytest.fixture(params=[cores.OLDEST, cores.NEWEST], ids=lambda core: core.version)
def core(request: pytest.FixtureRequest) -> cores.Core:
    """An ansible-core with its environment. Skips where its Python is missing; with CI=true that is a failure."""
    chosen: cores.Core = request.param
    try:
        chosen.prepare()
    except cores.CoreMissing as missing:
        skip_loudly(request.config, f"ansible-core {chosen.version}", f"Python {chosen.python} is needed", [str(missing)])
    return chosen


@pytest.fixture(params=["2.7", "3.6", "3.7"])
def old_python(request: pytest.FixtureRequest) -> Path:
    """A Python that is too old for host code. Skips where it is missing; with CI=true that is a failure."""
    version: str = request.param
    found = interpreters.find_version(version)
    if found is None:
        skip_loudly(request.config, f"hosts with Python {version}", f"Python {version} is needed", [f"no python{version} was found"])
    return found


def enforce(core: cores.Core, inventory: Path, directory: Path, **options: Any) -> PlayResult:
    """One run of the playbook on an ansible-core. Any warning fails the test."""
    extra = {"policy_file": str(POLICY), "appban_now": NOW, "appban_evidence_dir": str(directory / "evidence"), "appban_evidence": "all"}
    return run_playbook(ENFORCE, inventory, extra_vars=extra, programs=core.environment / "bin", **options)


def add_group(inventory: Path, name: str, group: Mapping[str, Any]) -> None:
    """Adds a group to an inventory file."""
    document = json.loads(inventory.read_text(encoding="utf-8"))
    document["all"]["children"][name] = group
    inventory.write_text(json.dumps(document), encoding="utf-8")


def records(directory: Path, run: str, core: cores.Core) -> dict[str, list[Mapping[str, Any]]]:
    """Name of each record of a run -> its rows of devices; all verified, and written by this ansible-core."""
    found = {}
    for path in sorted((directory / "evidence" / run).glob("*.jsonl")):
        verify_record(str(path))
        rows = read_rows(str(path))
        assert rows[0]["versions"]["ansible-core"].startswith(f"{core.version}.")
        found[path.stem] = [row for row in rows if "outcome" in row]
    return found


def test_tenant_and_hosts_check_apply_and_again(core: cores.Core, lab_fleet: Fleet, tmp_path: Path) -> None:
    banned, unclassified = lab_fleet(2)
    for host in (banned, unclassified):
        host.keep_managers(["apt"])
        host.install("deb", "tiktok-desktop")
    known = {banned.name: {"ownership": "corporate"}, unclassified.name: {}}
    # The first host is the one of which nothing is asked: the tasks of the controller run on it.
    inventory = write_inventory(tmp_path / "inventory.json", [unclassified, banned], host_variables=known)
    before = {host.name: snapshot(host) for host in (banned, unclassified)}
    with start(devices=40, seed=3) as simulation:
        simulation.clock(NOW)
        add_group(inventory, "appban_tenants", demo_tenant.City(simulation).inventory())
        empty = simulation.state()["objects"]

        check = enforce(core, inventory, tmp_path, check=True, diff=True)
        assert simulation.state()["objects"] == empty
        assert before[banned.name].difference(snapshot(banned)) == []
        assert "+Package: tiktok-desktop" in check.stdout

        apply = enforce(core, inventory, tmp_path)
        assert simulation.state()["objects"] != empty
        (planned,), (made,) = (run.of(TENANT, INTUNE) for run in (check, apply))
        assert planned.result["changes"] == made.result["changes"] != []
        plan, carried_out = apply.of(banned.name, HOST_APP)
        assert plan.result["changes"] == carried_out.result["changes"] == check.of(banned.name, HOST_APP)[0].result["changes"]
        assert carried_out.result["verified"]
        assert carried_out.result["removed"] == ["apt: tiktok-desktop 2.0"]
        assert banned.run(["apt-get", "install", "-y", "tiktok-desktop"]).returncode != 0
        assert before[unclassified.name].difference(snapshot(unclassified)) == []

        again = enforce(core, inventory, tmp_path)
        assert again.changed() == 0

    for suffix in ("", "-2", "-3"):
        rows = records(tmp_path, f"20230320T090000Z{suffix}", core)
        assert set(rows) == {TENANT, "hosts"}
        expected = {"": "violating", "-2": "removed", "-3": "compliant"}[suffix]
        assert {row["device"]: row["outcome"] for row in rows["hosts"]} == {banned.name: expected, unclassified.name: "unclassified"}
        assert len(rows[TENANT]) >= 40


def test_old_python_on_a_host_is_one_message(core: cores.Core, old_python: Path, tmp_path: Path) -> None:
    inventory = tmp_path / "inventory.json"
    variables = {"ansible_connection": "local", "ansible_python_interpreter": str(old_python)}
    inventory.write_text(json.dumps({"all": {"hosts": {"old": variables}}}), encoding="utf-8")
    run = run_module(
        "old", HOST_APP, inventory, arguments={"apps": APPS}, check=True, must_succeed=False, programs=core.environment / "bin"
    )
    (task,) = run.of("old")
    assert task.status == "failed"
    assert f"{old_python} is Python {old_python.name.removeprefix('python')}." in task.result["msg"]
    assert "set ansible_python_interpreter" in task.result["msg"]
    assert {"module_stderr", "module_stdout"}.isdisjoint(task.result)
    assert not any(word in run.stdout + run.stderr for word in ("Traceback", "SyntaxError", "ImportError"))


def test_old_python_stops_no_other_host_and_is_in_the_evidence(
    core: cores.Core, old_python: Path, lab_fleet: Fleet, tmp_path: Path
) -> None:
    (sound,) = lab_fleet(1)
    sound.keep_managers(["apt"])
    known = {sound.name: {"ownership": "corporate"}}
    inventory = write_inventory(tmp_path / "inventory.json", [sound], host_variables=known)
    document = json.loads(inventory.read_text(encoding="utf-8"))
    old = {"ansible_connection": "local", "ansible_python_interpreter": str(old_python), "ownership": "corporate"}
    document["all"]["children"]["appban_hosts"]["hosts"]["old"] = old
    inventory.write_text(json.dumps(document), encoding="utf-8")
    run = enforce(core, inventory, tmp_path, check=True, must_succeed=False)
    assert run.returncode == 2
    assert [host for host, counters in run.recap.items() if counters["failures"]] == ["old"]
    rows = records(tmp_path, "20230320T090000Z", core)["hosts"]
    assert {row["device"]: row["outcome"] for row in rows} == {"old": "failed", sound.name: "violating"}
    named = [task.result["msg"] for task in run.of("old", TROUBLE) if task.status == "failed"]
    assert len(named) == 1
    assert "The Python of this host is too old" in named[0]
    assert not any(word in run.stdout + run.stderr for word in ("Traceback", "SyntaxError", "ImportError"))


@pytest.mark.parametrize("wrong", ["document", "tenant"])
def test_a_mistake_is_told_once(core: cores.Core, wrong: str, tmp_path: Path) -> None:
    policy = tmp_path / "policy.yml"
    text = POLICY.read_text(encoding="utf-8")
    policy.write_text(text.replace("state: enforced", "state: enforce") if wrong == "document" else text, encoding="utf-8")
    inventory = tmp_path / "inventory.json"
    tenant = {"appban_target": "intunes", "appban_connection": {}}
    inventory.write_text(json.dumps({"all": {"children": {"appban_tenants": {"hosts": {"city": tenant}}}}}), encoding="utf-8")
    extra = {"policy_file": str(policy), "appban_now": NOW, "appban_evidence_dir": str(tmp_path / "evidence")}
    run = run_playbook(ENFORCE, inventory, extra_vars=extra, programs=core.environment / "bin", must_succeed=False, check=True)
    said = run.stdout + run.stderr
    assert run.returncode == 2
    assert said.count("found 'enforce', expected one of enforced" if wrong == "document" else "appban_target is intunes") == 1
    assert not any(word in said for word in ("Traceback", "Origin:", "exception"))
