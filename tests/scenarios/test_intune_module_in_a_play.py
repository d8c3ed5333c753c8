# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module alone under the real ansible-playbook: no warnings, and no secret however much is printed."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.lab.playbook import PlayResult, run_playbook
from tests.support.intune.tenant import POLICIES
from tests.support.intune.tenant_devices import bans, prompt_tenant

NOW = "2023-03-20T09:00:00Z"
MODULE = "appban.endpoint.intune"
UK = str(POLICIES / "uk.yml")

pytestmark = pytest.mark.usefixtures("graph_contract")


def play(directory: Path, *tasks: dict[str, Any]) -> PlayResult:
    """One play, as loud and as curious as Ansible can be. Its last task is to fail."""
    host = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    inventory = directory / "inventory.json"
    inventory.write_text(json.dumps({"all": {"hosts": {"localhost": host}}}), encoding="utf-8")
    playbook = directory / "play.yml"
    common = {"now": NOW, "evidence_dir": str(directory / "evidence"), "settle": 5}
    listed = [{"name": "Ban", "check_mode": bool(task.pop("dry", False)), MODULE: {**common, **task}} for task in map(dict, tasks)]
    playbook.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": listed}]), encoding="utf-8")
    return run_playbook(playbook, inventory, diff=True, arguments=["-vvv"], must_succeed=False)


def test_the_module_in_a_play_prints_no_warning_and_no_secret(tmp_path: Path) -> None:
    with prompt_tenant(tmp_path, NOW) as city:
        connection = dict(city.simulation.connection)
        task = {"policy": "{{ lookup('appban.endpoint.policy', '%s', wantlist=true) }}" % UK, **connection}
        # One policy as the module's own example gives it, without a list around it.
        single = {**task, "policy": "{{ lookup('appban.endpoint.policy', '%s') }}" % UK}
        # A play takes much longer to start than a task does to run, so the wrong secret is in the same one.
        done = play(tmp_path, {**single, "dry": True}, task, task, {**task, "client_secret": "not-the-secret-of-this-app"})
        checked, applied, again, wrong = done.of("localhost", MODULE)
        assert (checked.changed, applied.changed, again.changed) == (True, True, False)
        # A check that had written would have left the next task less to do.
        assert checked.result["changes"] == applied.result["changes"]
        assert applied.result["summary"]["devices"] == 60
        assert bans(city)
        assert (done.returncode != 0, "Invalid client secret" in wrong.result["msg"]) == (True, True)
        tokens = [
            str(entry["response"]["access_token"])
            for entry in city.simulation.requests()
            if "/oauth2/" in entry["path"] and "access_token" in entry["response"]
        ]
        assert len(tokens) == 3
        for secret in (connection["client_secret"], "not-the-secret-of-this-app", *tokens):
            assert secret not in done.stdout + done.stderr
        for trouble in ("[WARNING]", "[DEPRECATION", "Traceback"):
            assert trouble not in done.stdout + done.stderr


def test_a_policy_that_the_lookup_refuses_contacts_nobody(tmp_path: Path) -> None:
    broken = tmp_path / "broken.yml"
    text = Path(UK).read_text(encoding="utf-8")
    broken.write_text(text + "\nexemptions: [{id: EX-1, devices: [SN1], apps: [tiktok], granted: 2023-03-20}]\n", encoding="utf-8")
    with prompt_tenant(tmp_path, NOW) as city:
        city.simulation.forget_requests()
        lookup = "{{ lookup('appban.endpoint.policy', '%s', wantlist=true) }}" % broken
        refused = play(tmp_path, {"policy": lookup, **city.simulation.connection})
        assert refused.returncode != 0
        for missing in ("approved_by", "reason", "category"):
            assert missing in refused.stdout + refused.stderr
        assert city.simulation.requests() == []
