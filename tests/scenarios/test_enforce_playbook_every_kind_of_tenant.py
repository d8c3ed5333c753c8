# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The real playbook over every kind of tenant at once: one run, one policy, and trouble in one that stops no other."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.engine.evidence import read_rows, verify_record
from ansible_collections.appban.endpoint.plugins.plugin_utils.tenant_settings import TARGETS
from tests.lab import demo_tenant
from tests.lab.demo_apple import JamfCity, NanoCity
from tests.lab.playbook import PlayResult, run_playbook
from tests.simulators.intune import start as start_intune
from tests.simulators.jamf_pro import start as start_jamf
from tests.support.estate import TROUBLE
from tests.support.nanomdm.postgres import free_port
from tests.support.nanomdm.servers import KMFDDM_KEY, NANOMDM_KEY, NanoServers

CHECKOUT = Path(__file__).resolve().parents[2]
CITY = CHECKOUT / "inventories" / "demo" / "city-tiktok.yml"
ENFORCE = "appban.endpoint.enforce"
INTUNE = demo_tenant.NAME
NOW, NEXT_DAY = "2023-03-20T09:00:00Z", "2023-03-21T09:00:00Z"
WRONG = "wrong-secret-of-a-tenant-5e0c7d41b2"
KEYS = {"nanomdm_api_key": "an-api-key-of-nanomdm-93b1", "kmfddm_api_key": "an-api-key-of-kmfddm-77c0"}


@pytest.fixture
def all_tenants(nano: NanoServers) -> Iterator[dict[str, Any]]:
    """Two simulated tenants, small, and the real servers."""
    with start_intune(devices=40, seed=3) as intune, start_jamf(devices=40, seed=3) as jamf:
        for simulation in (intune, jamf):
            simulation.clock(NOW)
        # One node: another one that lags behind has its own tests, and is waited for in real time here.
        jamf.objects({"settings": {"nodes": 1}})
        tenants = {INTUNE: demo_tenant.City(intune), JamfCity.name: JamfCity(jamf), NanoCity.name: NanoCity(nano)}
        yield tenants


class Runs:
    """Runs of the playbook with one evidence directory."""

    def __init__(self, directory: Path, hosts: Mapping[str, Mapping[str, Any]]) -> None:
        self.evidence = directory / "evidence"
        self.inventory = directory / "inventory.json"
        self.inventory.write_text(json.dumps({"all": {"children": {"appban_tenants": {"hosts": hosts}}}}), encoding="utf-8")

    def run(self, policy: Path, now: str, **options: Any) -> PlayResult:
        extra = {"policy_file": str(policy), "appban_now": now, "appban_evidence_dir": str(self.evidence), "appban_evidence": "all"}
        return run_playbook(ENFORCE, self.inventory, extra_vars=extra, **options)

    def records(self) -> dict[str, list[str]]:
        """Run id -> names of the records; each is verified."""
        found: dict[str, list[str]] = {}
        for path in sorted(self.evidence.glob("*/*.jsonl")):
            verify_record(str(path))
            found.setdefault(path.parent.name, []).append(path.stem)
        return found

    def texts(self) -> list[str]:
        """All that was kept."""
        return [path.read_text(encoding="utf-8") for path in self.evidence.rglob("*") if path.is_file()]

    def notices(self, name: str) -> list[Mapping[str, Any]]:
        """A tenant's outbox."""
        text = (self.evidence / f"{name}.notices.jsonl").read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines()]


def hosts_of(tenants: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Their entries in an inventory."""
    return {name: each.inventory()["hosts"][name] if name == INTUNE else each.host() for name, each in tenants.items()}


def changes(play: PlayResult, name: str) -> list[Any]:
    """What a tenant's module planned."""
    (result,) = [task.result for task in play.of(name) if "changes" in task.result]
    return list(result["changes"])


def trouble(play: PlayResult, name: str) -> str:
    """What a tenant failed with in the last play; empty where it did not."""
    return "\n".join(str(task.result["msg"]) for task in play.of(name, TROUBLE) if task.status == "failed")


def troubled(tenants: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Tenants beside the others with which nothing can be done, of each kind that can fail in a way of its own."""
    jamf = JamfCity.name
    nowhere = f"http://127.0.0.1:{free_port()}"
    reach = {"nanomdm_url": nowhere, "kmfddm_url": nowhere, "enrollments": [{"id": "A-1", "ownership": "corporate"}], "deadline": 2.0}
    connection = tenants[jamf].host()["appban_connection"]
    # By another name of the machine, because one address under two names is refused.
    locked = {"url": connection["url"].replace("127.0.0.1", "localhost"), "client_secret": WRONG}
    return {
        "locked-jamf": {"appban_target": "jamf_pro", "appban_connection": {**connection, **locked}},
        # Nobody listens there.
        "dead-nanomdm": {"appban_target": "nanomdm", "appban_connection": {**reach, **KEYS}},
        "odd-jamf": {"appban_target": "jamf_pro", "appban_connection": connection, "appban_options": {"findngs": "groups"}},
        "odd-nanomdm": {"appban_target": "nanomdm", "appban_connection": {"nanomdm_api_kay": WRONG}},
        "other": {"appban_target": "kandji"},
    }


TROUBLES = {
    "locked-jamf": "check that the API client is enabled and its secret the current one",
    "dead-nanomdm": "127.0.0.1",
    "odd-jamf": "appban_options has the unknown option findngs, perhaps findings",
    "odd-nanomdm": "appban_connection has the unknown option nanomdm_api_kay, perhaps nanomdm_api_key",
    "other": "appban_target is kandji, expected one of: intune, jamf_pro, nanomdm",
}


@pytest.mark.long
def test_one_policy_lives_in_every_kind_of_tenant_by_one_run_and_trouble_stops_none(tmp_path: Path, all_tenants: dict[str, Any]) -> None:
    hosts = hosts_of(all_tenants)
    assert {host["appban_target"] for host in hosts.values()} == set(TARGETS)
    runs = Runs(tmp_path, {**hosts, **troubled(all_tenants)})
    before = {name: each.objects() for name, each in all_tenants.items()}
    check = runs.run(CITY, NOW, check=True, diff=True, arguments=["-vvv"], must_succeed=False)
    assert check.returncode == 2
    for name, words in TROUBLES.items():
        assert words in trouble(check, name), trouble(check, name)
    for name, each in all_tenants.items():
        assert trouble(check, name) == ""
        assert (set(each.sent()), each.objects()) == ({"GET"}, before[name])
    secrets = [WRONG, *KEYS.values(), NANOMDM_KEY, KMFDDM_KEY]
    secrets += [str(all_tenants[name].simulation.connection["client_secret"]) for name in (INTUNE, JamfCity.name)]
    printed = check.stdout + check.stderr
    assert [secret for secret in secrets if any(secret in text for text in (printed, *runs.texts()))] == []
    assert "Traceback" not in printed

    made = runs.run(CITY, NOW, arguments=["--limit", ",".join(all_tenants)])
    for name, each in all_tenants.items():
        assert changes(check, name) == changes(made, name) != []
        assert made.recap[name]["changed"] == 1
        assert each.objects() != before[name]
        each.sent()
    # How it goes on in Intune has tests of its own.
    apples = [JamfCity.name, NanoCity.name]
    again = runs.run(CITY, NOW, arguments=["--limit", ",".join(apples)])
    assert again.changed() == 0
    assert [name for name in apples if set(all_tenants[name].sent()) != {"GET"}] == []
    # Intune delivers notices itself; the others hand each over, once, and to private devices only.
    for name in apples:
        rows = [row for path in sorted(runs.evidence.glob(f"*/{name}.jsonl")) for row in read_rows(str(path)) if row["row"] == "device"]
        private = {row["device"] for row in rows if row["ownership"] == "personal"}
        handed = runs.notices(name)
        assert handed
        assert len({line["id"] for line in handed}) == len(handed)
        assert {line["device"] for line in handed} <= private
    assert not (runs.evidence / f"{INTUNE}.notices.jsonl").exists()

    lifted = tmp_path / "lifted.yml"
    lifted.write_text(CITY.read_text(encoding="utf-8").replace("state: enforced", "state: lifted"), encoding="utf-8")
    runs.run(lifted, NEXT_DAY, arguments=["--limit", ",".join(apples)])
    assert {name: all_tenants[name].objects() for name in apples} == {name: before[name] for name in apples}
    # One run is one directory, with a record for each tenant that was contacted, also where it could not be read.
    served = [[*all_tenants, "dead-nanomdm", "locked-jamf"], all_tenants, apples, apples]
    assert list(runs.records().values()) == [sorted(each) for each in served]
