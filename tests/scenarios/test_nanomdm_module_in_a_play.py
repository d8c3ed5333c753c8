# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The NanoMDM module alone under the real ansible-playbook: no warnings, and no secret however much is printed."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.lab.playbook import PlayResult, run_playbook
from tests.support.nanomdm.nano_tenant import TIKTOK, Organisation, is_blocked
from tests.support.nanomdm.servers import KMFDDM_KEY, NANOHUB_KEY, NANOMDM_KEY, NanoServers
from tests.support.target_runs import POLICIES

MODULE = "appban.endpoint.nanomdm"


def play(directory: Path, *tasks: dict[str, Any], env: dict[str, str] | None = None) -> PlayResult:
    """One play, as loud and as curious as Ansible can be. Its last task is to fail."""
    host = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    inventory = directory / "inventory.json"
    inventory.write_text(json.dumps({"all": {"hosts": {"localhost": host}}}), encoding="utf-8")
    playbook = directory / "play.yml"
    listed = [{"name": "Ban", MODULE: task, "check_mode": bool(task.pop("dry", False))} for task in map(dict, tasks)]
    playbook.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": listed}]), encoding="utf-8")
    return run_playbook(playbook, inventory, diff=True, arguments=["-vvv"], env=env, must_succeed=False)


def test_the_module_in_a_play_prints_no_warning_and_no_secret(nano_pgsql: NanoServers, tmp_path: Path) -> None:
    devices = [nano_pgsql.device(os_version=version, apps=[TIKTOK]) for version in ("26.1", "27.0")]
    city = Organisation(nano_pgsql, tmp_path, devices)
    city.assets = {each.facts.serial: {"ownership": "corporate"} for each in devices}
    # One policy as the module's own example gives it, without a list around it.
    task = {
        "policy": "{{ lookup('appban.endpoint.policy', '%s') }}" % (POLICIES / "calgary.yml"),
        "now": city.now.isoformat(),
        "evidence_dir": str(city.evidence_dir),
        "enrollments": [city.row(each) for each in devices],
        "enrollments_sql": nano_pgsql.dsn,
        "assets": city.assets_file(),
        "push": False,
        **nano_pgsql.connection,
    }
    # A play takes much longer to start than a task does to run, so the wrong key is in the same one.
    done = play(tmp_path, {**task, "dry": True}, task, task, {**task, "kmfddm_api_key": "not-the-key-of-this-server"})
    checked, applied, again, refused = done.of("localhost", MODULE)
    assert (checked.changed, applied.changed, again.changed) == (True, True, False)
    assert checked.result["changes"] == applied.result["changes"]
    assert applied.result["summary"]["devices"] == 2
    assert (done.returncode != 0, "401" in refused.result["msg"]) == (True, True)
    city.connect()
    assert [is_blocked(each) for each in devices] == [True, True]
    printed = done.stdout + done.stderr
    for secret in (NANOMDM_KEY, KMFDDM_KEY, "not-the-key-of-this-server", str(nano_pgsql.dsn)):
        assert secret not in printed
    for trouble in ("[WARNING]", "[DEPRECATION", "Traceback"):
        assert trouble not in printed


@pytest.mark.long
def test_a_nanohub_beside_the_keys_of_other_tenants_in_the_environment(nanohub: NanoServers, tmp_path: Path) -> None:
    device = nanohub.device(os_version="27.0", apps=[TIKTOK])
    city = Organisation(nanohub, tmp_path, [device])
    city.assets = {device.facts.serial: {"ownership": "corporate"}}
    task = {
        "policy": "{{ lookup('appban.endpoint.policy', '%s') }}" % (POLICIES / "calgary.yml"),
        "now": city.now.isoformat(),
        "evidence_dir": str(city.evidence_dir),
        "enrollments": [city.row(device)],
        "webhook_log": str(city.log),
        "assets": city.assets_file(),
        "inventory": "never",
        "push": False,
        "nanohub_url": nanohub.connection["nanohub_url"],
    }
    lent = {"APPBAN_NANOHUB_API_KEY": NANOHUB_KEY, "APPBAN_NANOMDM_URL": "http://127.0.0.1:9", "APPBAN_NANOMDM_API_KEY": NANOMDM_KEY}
    city._write_log()
    both = {**task, "nanomdm_url": "http://127.0.0.1:10"}
    done = play(tmp_path, {**task, "dry": True}, task, task, both, env=lent)
    checked, applied, again, refused = done.of("localhost", MODULE)
    assert (checked.changed, applied.changed, again.changed) == (True, True, False)
    assert "1 devices were not woken up" in applied.result["warnings_of_servers"][0]
    assert "nanomdm_url can't be given together with nanohub_url" in refused.result["msg"]
    city.connect()
    assert is_blocked(device)
    printed = done.stdout + done.stderr
    assert [secret for secret in (NANOHUB_KEY, NANOMDM_KEY) if secret in printed] == []
    assert [trouble for trouble in ("[WARNING]", "[DEPRECATION", "Traceback") if trouble in printed] == []
