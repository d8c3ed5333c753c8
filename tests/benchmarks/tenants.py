# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A ban in a simulated Intune tenant: against one request a device, against a playbook of uri tasks, and how memory grows."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.connection import open_connection
from ansible_collections.appban.endpoint.plugins.module_utils.targets.intune.api.permissions import DEVICES_READ
from ansible_collections.appban.endpoint.plugins.module_utils.targets.intune.module import open_target, run_module
from tests.simulators.intune import start
from tests.support.intune.tenant import Ended, Module, parameters, plain

from .pairs import median_pair, seconds_of

CHECKOUT = Path(__file__).resolve().parents[2]
NOW = "2023-03-20T09:00:00Z"
SAMPLE = 200


def policy() -> dict[str, Any]:
    """The UK's ban, with no limit to what a first run may do."""
    return {**plain("uk"), "limits": {"max_devices": None, "max_percent": None}}


@contextmanager
def banned_tenant(devices: int) -> Iterator[tuple[Any, Path]]:
    """A tenant in which the ban stands: what is measured has nothing left to do."""
    with tempfile.TemporaryDirectory(prefix="bench.") as directory, start(devices=devices, seed=3) as simulation:
        simulation.clock(NOW)
        run(simulation, Path(directory))
        simulation.forget_requests()
        yield simulation, Path(directory)


def run(simulation: Any, directory: Path) -> Mapping[str, Any]:
    """One run of the module's code in this process."""
    module = Module(parameters(simulation.connection, [policy()], str(directory), now=NOW, evidence="exceptions"), False)
    try:
        run_module(module)
    except Ended:
        pass
    if module.failed:
        raise RuntimeError(str(module.values["msg"]))
    return module.values


def intune_steady_state(devices: int, unit: str) -> dict[str, Any]:
    """A run with nothing to do, and the way most scripts go: the inventory of every device, one by one, on the same session.

    unit: ``requests`` or ``s``. The baseline is measured on a sample and scaled up; its list of the devices is left out of it.
    """
    with banned_tenant(devices) as (simulation, directory):
        ids = [each["id"] for each in simulation.state()["devices"][:SAMPLE]]

        def ours() -> None:
            run(simulation, directory)

        def one_by_one() -> None:
            params = parameters(simulation.connection, [policy()], str(directory), now=NOW)
            with open_connection(os.environ, timeout=30.0, deadline=600.0) as connection:
                graph = open_target(params, (), connection, True).graph
                for each in ids:
                    path = f"/deviceManagement/managedDevices/{each}/detectedApps"
                    list(graph.pages("beta", path, what="list the apps of a device", permission=DEVICES_READ))

        scale = devices / len(ids)
        if unit == "s":
            mine, sampled = median_pair(ours, one_by_one, pairs=3)
            figures = round(mine, 2), round(sampled * scale, 1)
        else:
            counts = []
            for work in (ours, one_by_one):
                simulation.forget_requests()
                work()
                counts.append(sum("/oauth2/" not in entry["path"] for entry in simulation.requests()))
            figures = counts[0], round(counts[1] * scale)
    return {
        "ours": figures[0],
        "baseline": figures[1],
        "ratio": round(figures[1] / figures[0], 1),
        "unit": unit,
        "detail": f"{devices} devices, nothing to do, no latency; baseline: detected apps of {SAMPLE} devices one by one, scaled up",
    }


def intune_vs_uri(devices: int = 50) -> dict[str, Any]:
    """One task of ours, and a playbook of ``ansible.builtin.uri`` that only looks the same objects up, on a small tenant."""
    with banned_tenant(devices) as (simulation, directory):
        (directory / "policy.json").write_text(json.dumps(policy()), encoding="utf-8")
        plays = {"ours": our_tasks(simulation.connection, directory), "uri": _uri_tasks(simulation)}
        commands = {}
        for name, tasks in plays.items():
            path = directory / f"{name}.yml"
            path.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]), encoding="utf-8")
            commands[name] = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", "localhost,", "-c", "local", str(path)]
        environment = {
            **os.environ,
            "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
            "ANSIBLE_COLLECTIONS_PATH": str(CHECKOUT / ".build" / "c"),
        }

        def play(name: str) -> None:
            done = subprocess.run(commands[name], env=environment, cwd=directory, capture_output=True, text=True, timeout=600, check=False)
            if done.returncode or ("changed=0" not in done.stdout):
                raise RuntimeError(done.stdout[-3000:] + done.stderr[-1000:])

        # Once each: whole playbooks take their seconds for themselves.
        taken, counts = [], []
        for name in plays:
            simulation.forget_requests()
            taken.append(seconds_of(lambda name=name: play(name)))  # type: ignore[misc]
            counts.append(sum("/oauth2/" not in entry["path"] for entry in simulation.requests()))
    ours, baseline = taken
    return {
        "ours": round(ours, 2),
        "baseline": round(baseline, 2),
        "ratio": round(baseline / ours, 1),
        "unit": "s",
        "detail": f"{devices} devices, nothing to do, whole ansible-playbook; {counts[0]} requests against {counts[1]}; "
        f"baseline: {len(plays['uri'])} uri tasks that read the same objects and compare nothing",
    }


def our_tasks(connection: Mapping[str, str], directory: Path) -> list[dict[str, Any]]:
    """One task of ours with the policy in a directory."""
    loaded = "{{ lookup('ansible.builtin.file', '%s') | from_json }}" % (directory / "policy.json")
    options = {**connection, "policy": [loaded], "now": NOW, "evidence_dir": str(directory / "play")}
    return [{"name": "Ours", "appban.endpoint.intune": options}]


def token_task(connection: Mapping[str, str]) -> dict[str, Any]:
    """The task that fetches a token and registers it as ``token``."""
    return {
        "name": "Token",
        "ansible.builtin.uri": {
            "url": f"{connection['authority_url']}/{connection['tenant_id']}/oauth2/v2.0/token",
            "method": "POST",
            "body_format": "form-urlencoded",
            "body": {
                "client_id": connection["client_id"],
                "client_secret": connection["client_secret"],
                "scope": connection["graph_url"] + "/.default",
                "grant_type": "client_credentials",
            },
        },
        "register": "token",
    }


def _uri_tasks(simulation: Any) -> list[dict[str, Any]]:
    """What a playbook has to ask for the same answer: each object by its name, each row of the inventory, each app."""
    connection = simulation.connection
    graph = connection["graph_url"]
    objects = simulation.state()["objects"]

    def named(kind: str, key: str) -> list[dict[str, Any]]:
        found = objects[kind]
        return [each for each in (found.values() if isinstance(found, dict) else found) if str(each.get(key, "")).startswith("BAN ")]

    headers = {"Authorization": "Bearer {{ token.json.access_token }}"}

    def get(name: str, path: str, loop: list[str] | str | None = None, register: str = "ignored") -> dict[str, Any]:
        task: dict[str, Any] = {"name": name, "ansible.builtin.uri": {"url": graph + path, "headers": headers}, "register": register}
        if loop is not None:
            task.update(loop=loop, loop_control={"label": "one"})
        return task

    lists = {"configurationPolicies": "name", "deviceConfigurations": "displayName", "deviceCompliancePolicies": "displayName"}
    tasks: list[dict[str, Any]] = [
        token_task(connection),
        get("Devices", "/beta/deviceManagement/managedDevices"),
        get("Filters", "/beta/deviceManagement/assignmentFilters"),
        get("Groups", "/v1.0/groups"),
    ]
    for kind, key in lists.items():
        names = [each[key] for each in named(kind, key)]
        tasks.append(
            get(f"Look up in {kind}", f"/beta/deviceManagement/{kind}?$filter={key}%20eq%20'{{{{ item | urlencode }}}}'", names, kind)
        )
        tasks.append(
            get(
                f"Assignments in {kind}",
                f"/beta/deviceManagement/{kind}/{{{{ item.json.value[0].id }}}}/assignments",
                f"{{{{ {kind}.results }}}}",
            )
        )
    tasks.append(
        get(
            "Settings",
            "/beta/deviceManagement/configurationPolicies/{{ item.json.value[0].id }}/settings",
            "{{ configurationPolicies.results }}",
        )
    )
    tasks.append(get("Apps", "/beta/deviceAppManagement/mobileApps", None, "apps"))
    tasks.append(get("Assignments of apps", "/beta/deviceAppManagement/mobileApps/{{ item.id }}/assignments", "{{ apps.json.value }}"))
    tasks.append(get("Inventory", "/v1.0/deviceManagement/detectedApps?$filter=startswith(displayName,'TikTok')", None, "found"))
    tasks.append(get("Devices with the app", "/v1.0/deviceManagement/detectedApps/{{ item.id }}/managedDevices", "{{ found.json.value }}"))
    return tasks


def intune_memory(devices: int, few: int) -> dict[str, Any]:
    """Peak memory of a process that does one run with nothing to do, at two sizes of the fleet."""
    peaks = {}
    for count in (few, devices):
        with banned_tenant(count) as (simulation, directory):
            (directory / "policy.json").write_text(json.dumps(policy()), encoding="utf-8")
            arguments = [json.dumps(simulation.connection), str(directory / "policy.json"), str(directory), NOW]
            seconds = 0.0
            done: subprocess.CompletedProcess[str] | None = None

            def child(arguments: tuple[str, ...] = tuple(arguments)) -> None:
                nonlocal done
                command = [sys.executable, "-m", "tests.benchmarks.tenant_process", *arguments]
                done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=900, check=False)

            seconds = seconds_of(child)
            if done is None or done.returncode:
                raise RuntimeError(done.stderr if done else "no run")
            took = json.loads(done.stdout)
            if took["failed"] or took["changed"]:
                raise RuntimeError(f"it was to have nothing to do: {took}")
            peaks[count] = (took["peak_kib"] / 1024, took["before_kib"] / 1024, seconds)
    many, small = peaks[devices], peaks[few]
    return {
        "ours": round(many[0]),
        "baseline": round(small[0]),
        "ratio": round(many[0] / small[0], 2),
        "unit": "MiB",
        "detail": f"peak memory of a run over {devices} devices against {few}, of which {small[1]:.0f} MiB are Python and imports; "
        f"{(many[0] - small[0]) * 1024 / (devices - few):.1f} KiB a device; {many[2]:.0f} s against {small[2]:.1f} s",
    }
