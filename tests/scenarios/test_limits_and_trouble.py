# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits, hosts that refuse, hosts that don't answer, policies that are wrong, and secrets: what a run does when not all is well."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.lab.playbook import CONNECTION
from tests.lab.snapshot import layer, writes_since
from tests.support.hosts.fleet import APP, APPLY, DEB, HOST_APP, LEDGER, RPM, Fleet

# Whole runs over hosts with real package managers take a quarter of a minute each.
pytestmark = pytest.mark.long

CITY = "inventories/demo/city-tiktok.yml"
LIFT = {"state: enforced": "state: lifted"}
NOW = "2023-03-20T09:00:00+01:00"
LATER = "2023-03-21T09:00:00+01:00"
WORK = {"ownership": "corporate"}


def test_a_run_beyond_its_limits_stops_before_any_write_and_is_recorded(fleet: Fleet) -> None:
    names = [f"desk-{number}" for number in (1, 2, 3)]
    for name in names:
        fleet.add(name, DEB, ("deb", APP), **WORK)
    limited = fleet.policy(CITY, append="\nlimits: {max_devices: 2}\n")
    written = {name: layer(host) for name, host in fleet.hosts.items()}

    stopped = fleet.enforce(limited, NOW, must_succeed=False)
    assert stopped.play.returncode != 0
    assert {name: writes_since(fleet.hosts[name], written[name]) for name in names} == {name: [] for name in names}
    assert stopped.outcomes() == dict.fromkeys(names, "failed: limit_exceeded")
    assert "would newly affect 3 of 3 devices, but max_devices is 2" in stopped.totals["stopped"]
    # The option, the number and another way.
    assert '"appban_limits": {"max_devices": 3}' in stopped.text.replace("\\", "")
    assert "or begin with a smaller rule" in stopped.text
    assert "Traceback" not in stopped.text
    by_share = fleet.policy(CITY, "share.yml", append="\nlimits: {max_percent: 50}\n")
    looked = fleet.enforce(by_share, NOW, must_succeed=False, check=True)
    assert looked.play.returncode != 0
    assert "max_percent is 50 and this is 100.0 %" in looked.totals["stopped"]
    overridden = fleet.enforce(limited, NOW, check=True, appban_limits={"max_devices": 3})
    assert (overridden.totals["stopped"], overridden.header["limits"]["max_devices"]) == (None, 3)

    # In slices; then the rest is within the limits.
    first = fleet.enforce(limited, NOW, only=("desk-1",))
    assert (first.outcomes(), first.changed) == ({"desk-1": "removed"}, 1)
    rest = fleet.enforce(limited, LATER)
    assert rest.outcomes() == {"desk-1": "compliant", "desk-2": "removed", "desk-3": "removed"}


@pytest.fixture
def refusing_ssh(tmp_path: Path) -> Path:
    """What ssh does when nothing listens: exit status 255. No address is needed for that."""
    path = tmp_path / "ssh"
    path.write_text("#!/bin/sh\necho 'ssh: connect to host down port 22: Connection refused' >&2\nexit 255\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def test_hosts_in_trouble_are_named_the_others_are_served_and_the_next_run_finishes_the_rest(fleet: Fleet, refusing_ssh: Path) -> None:
    fleet.add("fine-deb", DEB, ("deb", APP), **WORK)
    suite = fleet.add("suite-deb", DEB, ("deb", "media-suite"), **WORK)
    # One that doesn't answer, and one whose connection can't even be made: its directory is not there.
    fleet.elsewhere = {
        "down": {"ansible_connection": "ssh", "ansible_ssh_executable": str(refusing_ssh), "ansible_host": "127.0.0.1", **WORK},
        "nowhere": {"ansible_connection": CONNECTION, "ansible_host": str(fleet.directory / "nowhere"), **WORK},
    }
    policy = fleet.policy(CITY)
    written = layer(suite)
    run = fleet.enforce(policy, NOW, must_succeed=False)
    assert run.play.returncode != 0
    assert run.outcomes() == {
        "down": "unreachable",
        "nowhere": "failed: error",
        "fine-deb": "removed",
        "suite-deb": "failed: refused_dependents",
    }
    assert run.totals["totals"]["tiktok"] == {"removed": 1, "unreachable": 1, "failed": 2}
    assert run.row("down")["before"] == run.row("nowhere")["before"] == "not_observed"
    assert writes_since(suite, written, allow=["/var/log/*"]) == []
    assert fleet.installed("suite-deb", "deb")
    assert fleet.installed("suite-deb", "deb", "media-suite")
    refused = run.host_app("suite-deb")
    assert "media-suite" in refused["msg"]
    assert refused["refused"][0]["reason"] == "dependents"
    assert run.play.recap["fine-deb"]["failures"] == 0
    assert {name for name, counters in run.play.recap.items() if counters["failures"] or counters["unreachable"]} == {
        "down",
        "nowhere",
        "suite-deb",
    }
    assert "unreachable, nothing is known of this host" in run.text
    assert "Traceback" not in run.text

    # Nobody knows whether our block stands on a host that can't be asked: lifting calls it neither lifted nor compliant.
    lifted = fleet.enforce(fleet.policy(CITY, "lifted.yml", LIFT), NOW, must_succeed=False)
    assert lifted.play.returncode != 0
    assert lifted.outcome("down") == "unreachable"
    assert lifted.outcome("nowhere") == "failed: error"
    assert lifted.outcome("fine-deb") == "not_in_force: ban_lifted"

    # The rest: the machine is switched on, and the package that needed the app may go with it.
    fleet.elsewhere = {}
    fleet.add("down", DEB, ("deb", APP), **WORK)
    rest = fleet.enforce(policy, LATER, appban_host_allow_dependents=True)
    assert rest.outcomes() == {"fine-deb": "compliant", "suite-deb": "removed", "down": "removed"}
    assert not fleet.installed("suite-deb", "deb", "media-suite")


def test_every_problem_of_every_policy_is_named_at_once_and_no_host_is_contacted(fleet: Fleet) -> None:
    host = fleet.add("desk-deb", DEB, ("deb", APP), **WORK)
    first = fleet.policy(
        CITY, "first.yml", {"actions: [remove, block]": "actions: [remove, blok]", "ownership: corporate": "ownership: corporat"}
    )
    second = fleet.write_policy(
        "second.yml",
        """\
policy: Second
title: Two
authority: {issued_by: City IT}
state: enforced
apps: [tikto]
effective: {from: 2023-03-15T00:00:00}
rules:
  - {name: All, when: {ownership: corporate}, actions: [remove]}
limit: {max_devices: 3}
""",
    )
    written = layer(host)
    play = fleet.play([first, second], NOW, must_succeed=False)
    assert play.returncode != 0
    said = play.stdout + play.stderr
    for file, path, hint in (
        ("first.yml", "rules[0].actions[1]", "block"),
        ("first.yml", "rules[0].when.ownership", "corporate"),
        ("second.yml", "policy", "Second"),
        ("second.yml", "apps[0]", "tiktok"),
        ("second.yml", "effective.from", "offset"),
        ("second.yml", "limit", "limits"),
    ):
        lines = [line for line in said.splitlines() if file in line and path in line and hint in line]
        assert lines, (file, path, hint, said)
    assert "nothing was contacted" in said
    assert "Traceback" not in said
    assert play.of("desk-deb", HOST_APP) == ()
    assert writes_since(host, written) == []
    assert fleet.records() == []


def test_secrets_of_the_inventory_and_of_edited_files_appear_nowhere(fleet: Fleet) -> None:
    become, proxy = "hunter2-of-the-inventory", "hunter2-of-the-proxy"
    host = fleet.add("proxy-rpm", RPM, ("rpm", APP), ansible_become_password=become, api_token=become, **WORK)
    host.write(
        "/etc/dnf/dnf.conf",
        # Next to the line that is edited, so it would be in a diff's context.
        f"[main]\nproxy_password={proxy}\nproxy=http://proxy.city.example:3128\nproxy_username=city\nbest=False\n",
        mode=0o600,
    )
    policy = fleet.policy(CITY)
    runs = [
        fleet.enforce(policy, NOW, check=True, diff=True),
        fleet.enforce(policy, NOW, diff=True, arguments=("-v",)),
    ]
    ledger = host.path(LEDGER).read_text(encoding="utf-8")
    runs.append(fleet.enforce(fleet.policy(CITY, "lifted.yml", LIFT), LATER, diff=True))
    assert "excludepkgs=tiktok-desktop" in runs[0].text
    assert runs[1].host_app("proxy-rpm", APPLY)["removed"]
    for run in runs:
        results = json.dumps([each.result for each in run.play.tasks], default=str)
        for place in (run.text, results, run.path.read_text(encoding="utf-8"), ledger):
            assert become not in place
            assert proxy not in place
    assert proxy in host.path("/etc/dnf/dnf.conf").read_text(encoding="utf-8")


def test_an_exemption_that_leaves_nobody_of_the_fleet_is_refused_but_a_run_over_exempt_hosts_only_is_not(fleet: Fleet) -> None:
    press = [fleet.add(name, DEB, **WORK, department="press") for name in ("press-1", "press-2")]
    policy = fleet.policy(CITY, replace={"    devices: [PRESS-0007]\n": "    when: {department: press}\n"})
    written = [layer(host) for host in press]
    play = fleet.play(policy, NOW, must_succeed=False)
    assert play.returncode != 0
    assert "city-tiktok/EX-2023-014" in play.stdout + play.stderr
    assert play.of("press-1", HOST_APP) == ()
    fleet.add("desk-deb", DEB, **WORK, department="town-hall")
    part = fleet.play(policy, NOW, arguments=("--limit", "press-1,press-2"))
    assert part.returncode == 0
    assert [writes_since(host, before) for host, before in zip(press, written, strict=True)] == [[], []]
    assert fleet.play(policy, NOW, check=True).returncode == 0
