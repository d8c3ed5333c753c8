# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Jamf Pro module alone under the real ansible-playbook: no warnings, and no secret however much is printed."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from tests.lab.playbook import PlayResult, run_playbook
from tests.support.jamf_pro.jamf_everything import NOW, jamf_city, policy

MODULE = "appban.endpoint.jamf_pro"


def play(directory: Path, *tasks: dict[str, Any]) -> PlayResult:
    """One play, as loud and as curious as Ansible can be. Its last task is to fail."""
    host = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    inventory = directory / "inventory.json"
    inventory.write_text(json.dumps({"all": {"hosts": {"localhost": host}}}), encoding="utf-8")
    playbook = directory / "play.yml"
    listed = [{"name": "Ban", MODULE: task, "check_mode": bool(task.pop("dry", False))} for task in map(dict, tasks)]
    playbook.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": listed}]), encoding="utf-8")
    return run_playbook(playbook, inventory, diff=True, arguments=["-vvv"], must_succeed=False)


def test_the_module_in_a_play_prints_no_warning_and_no_secret(tmp_path: Path) -> None:
    with jamf_city(tmp_path) as city:
        before = city.objects()
        policy(tmp_path)
        known = {**city.simulation.connection, **city.simulation.user_login}
        place = {name: known[name] for name in ("url", "base_path")}
        client = {**place, "client_id": known["client_id"], "client_secret": known["client_secret"]}
        account = {**place, "username": known["username"], "password": known["password"]}
        # One policy as the module's own example gives it, without a list around it.
        lookup = "{{ lookup('appban.endpoint.policy', '%s') }}" % (tmp_path / "city.yml")
        task = {"policy": lookup, "now": NOW, "evidence_dir": str(tmp_path / "evidence")}
        refused = {**task, **client, "client_secret": "not-the-secret-of-this-client"}
        # A play takes much longer to start than a task does to run, so the wrong secret is in the same one.
        done = play(tmp_path, {**task, **client, "dry": True}, {**task, **client}, {**task, **account}, refused)
        checked, applied, again, wrong = done.of("localhost", MODULE)
        assert (checked.changed, applied.changed, again.changed) == (True, True, False)
        assert checked.result["changes"] == applied.result["changes"]
        assert applied.result["summary"]["devices"] == 40
        assert city.objects() != before
        assert (done.returncode != 0, "The server doesn't accept the credentials" in wrong.result["msg"]) == (True, True)
        answers = [entry["response"] for entry in city.simulation.requests() if "/token" in entry["path"] and entry["response"]]
        tokens = [str(answer.get("access_token") or answer.get("token")) for answer in answers if {"access_token", "token"} & set(answer)]
        assert len(tokens) == 3
        for secret in (known["client_secret"], known["password"], "not-the-secret-of-this-client", *tokens):
            assert secret not in done.stdout + done.stderr
        for trouble in ("[WARNING]", "[DEPRECATION", "Traceback"):
            assert trouble not in done.stdout + done.stderr
