# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab drives its hosts with the real ansible-playbook and reads back what it did."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Fleet
from tests.lab.hosts import Host
from tests.lab.playbook import PlayFailed, WarningPrinted, run_module, run_playbook, write_inventory
from tests.lab.snapshot import layer, writes_since

# What every other test with a play would reveal as well.
pytestmark = pytest.mark.long

PLAY = """\
- name: Names
  hosts: appban_hosts
  gather_facts: false
  tasks:
    - name: Write the host's own name
      ansible.builtin.copy:
        content: "{{ inventory_hostname }} {{ number }}\\n"
        dest: /etc/lab-name
        mode: "0644"
"""


def test_ping_over_a_fleet(lab_fleet: Fleet, tmp_path: Path) -> None:
    inventory = write_inventory(tmp_path / "inventory.json", lab_fleet(3))
    result = run_module("appban_hosts", "ansible.builtin.ping", inventory)
    assert sorted(task.host for task in result.tasks) == ["h01", "h02", "h03"]
    assert [task.result["ping"] for task in result.tasks] == ["pong"] * 3
    assert {host: counters["ok"] for host, counters in result.recap.items()} == {"h01": 1, "h02": 1, "h03": 1}
    assert result.changed() == 0


def test_ping_writes_nothing_to_the_host(lab_host: Host, tmp_path: Path) -> None:
    inventory = write_inventory(tmp_path / "inventory.json", [lab_host])
    before = layer(lab_host)
    run_module("all", "ansible.builtin.ping", inventory)
    assert writes_since(lab_host, before) == []


def test_playbook_reaches_each_host_check_and_apply(lab_fleet: Fleet, tmp_path: Path) -> None:
    hosts = lab_fleet(2)
    numbers = {"h01": {"number": 1}, "h02": {"number": 2}}
    inventory = write_inventory(tmp_path / "inventory.json", hosts, host_variables=numbers)
    play = tmp_path / "play.yml"
    play.write_text(PLAY, encoding="utf-8")

    checked = run_playbook(play, inventory, check=True, diff=True)
    assert checked.changed() == 2
    assert "+h01 1" in checked.stdout
    assert not any(host.path("/etc/lab-name").exists() for host in hosts)

    applied = run_playbook(play, inventory)
    assert [host.path("/etc/lab-name").read_text(encoding="utf-8") for host in hosts] == ["h01 1\n", "h02 2\n"]
    assert applied.of("h02", "ansible.builtin.copy")[0].changed
    assert run_playbook(play, inventory).changed() == 0


def test_failure_and_warning_are_noticed(lab_host: Host, tmp_path: Path) -> None:
    inventory = write_inventory(tmp_path / "inventory.json", [lab_host])
    with pytest.raises(PlayFailed, match="lab says no"):
        run_module("all", "ansible.builtin.fail", inventory, arguments={"msg": "lab says no"})
    failed = run_module("all", "ansible.builtin.fail", inventory, arguments={"msg": "lab says no"}, must_succeed=False)
    assert failed.returncode == 2
    assert failed.recap["h01"]["failures"] == 1
    with pytest.raises(WarningPrinted, match="Could not match supplied host pattern"):
        run_module("nobody", "ansible.builtin.ping", inventory)
