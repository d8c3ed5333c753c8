# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of the README, read from it and followed letter by letter in a fresh directory with a home of its own.

What only a user has is given as a user would give it: connections of the tenants as ``host_vars`` beside the example inventory. The
address of the repository leads to this checkout, and hosts of the example are not there to be reached.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.engine.evidence import verify_record
from tests.lab.playbook import ansible_environment
from tests.lab.root import CHECKOUT
from tests.simulators.intune import start as start_intune
from tests.simulators.jamf_pro import start as start_jamf
from tests.support.nanomdm.postgres import free_port
from tests.support.records_and_schemas import held_by_schemas

REPOSITORY = "https://github.com/appban/endpoint"


def steps(section: str) -> list[str]:
    """The commands of the first console block of a section of the README."""
    text = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    _before, heading, after = text.partition(f"\n## {section}\n")
    assert heading, f"the README has no section {section}"
    block = after.partition("\n## ")[0].partition("```console\n")[2].partition("```")[0]
    assert block, f"the README has no steps in {section}"
    return [line[2:] for line in block.splitlines() if line.startswith("$ ")]


@pytest.fixture
def connections(tmp_path: Path) -> Iterator[dict[str, dict[str, object]]]:
    """Name of a tenant of the example inventory -> the connection that its user fills in."""
    now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    with start_intune(devices=30, seed=3) as city, start_intune(devices=20, seed=4) as schools, start_jamf(devices=20, seed=3) as jamf:
        for simulation in (city, schools, jamf):
            simulation.clock(now)
        jamf.objects({"settings": {"nodes": 1}})
        (tmp_path / "webhook.jsonl").touch()
        # This one is switched off. Its paths are relative to where the command is called.
        nanomdm: dict[str, object] = {"nanomdm_url": f"http://127.0.0.1:{free_port()}", "nanomdm_api_key": "k", "deadline": 5}
        nanomdm.update(enrollments_file="inventories/nanomdm-enrollments.csv", webhook_log=str(tmp_path / "webhook.jsonl"))
        yield {
            "city-intune": dict(city.connection),
            "schools-intune": dict(schools.connection),
            "city-jamf": {name: jamf.connection[name] for name in ("url", "client_id", "client_secret")},
            "city-nanomdm": nanomdm,
        }


@pytest.mark.long
@pytest.mark.fault_kind("R2", "the README's own steps")
def test_the_readmes_steps_lead_to_records_in_the_users_directory(tmp_path: Path, connections: dict[str, dict[str, object]]) -> None:
    commands = [*steps("Installation"), *steps("Use cases")]
    assert commands[0].startswith(f"git clone {REPOSITORY}")
    home = tmp_path / "home"
    fresh = tmp_path / "fresh"
    home.mkdir()
    fresh.mkdir()
    fill_in = [
        "mkdir -p inventories/example/host_vars",
        *(
            "printf '%%s' '%s' > inventories/example/host_vars/%s.json" % (json.dumps({"appban_connection": connection}), name)
            for name, connection in connections.items()
        ),
    ]
    script = [line for command in [*commands[:2], *fill_in, *commands[2:]] for line in (command, 'echo "$?" >> ../statuses')]
    git = {"GIT_CONFIG_KEY_0": f"url.{CHECKOUT}.insteadOf", "GIT_CONFIG_VALUE_0": REPOSITORY}
    git.update(GIT_CONFIG_COUNT="2", GIT_CONFIG_KEY_1="safe.directory", GIT_CONFIG_VALUE_1="*")
    environment = ansible_environment(
        {"HOME": str(home), "ANSIBLE_HOME": str(home / ".ansible"), "ANSIBLE_SSH_EXECUTABLE": "/bin/false", **git}
    )
    for name in ("ANSIBLE_COLLECTIONS_PATH", "PYTHONPATH", "ANSIBLE_CALLBACK_PLUGINS", "ANSIBLE_CALLBACKS_ENABLED"):
        environment.pop(name, None)
    done = subprocess.run(
        ["sh", "-c", "\n".join(script)], cwd=fresh, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
    )
    printed = done.stdout + done.stderr
    statuses = (fresh / "statuses").read_text(encoding="utf-8").split()
    # The server that is switched off and the hosts that are not there count against both runs.
    assert statuses == ["0"] * (len(statuses) - 2) + ["2", "2"], printed
    assert "Traceback" not in printed
    evidence = fresh / "endpoint" / "evidence"
    check, apply = (held_by_schemas(path) for path in sorted(evidence.iterdir()) if path.is_dir())
    # What NanoMDM is asked in a check stands in files.
    for said, expected, switched_off in ((check, "drift", "drift"), (apply, "changed", "failed")):
        known = {name: target["status"] for name, target in said["targets"].items()}
        assert known == {
            "city-intune": expected,
            "schools-intune": expected,
            "city-jamf": expected,
            "city-nanomdm": switched_off,
            "hosts": "failed",
        }, printed
        assert said["status"] == "failed"
        assert said["run_by"]["commit"]
    for path in evidence.glob("*/*.jsonl"):
        verify_record(str(path))
    installed = home / ".ansible" / "collections" / "ansible_collections" / "appban" / "endpoint"
    assert (installed / "MANIFEST.json").exists()
    assert [str(path) for path in installed.rglob("*") if path.name in ("evidence", "run.json")] == []
