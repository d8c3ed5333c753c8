# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One task of ours against playbooks as people write them without it: register and json_query, and looped ``ansible.builtin.uri``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from . import tenants
from .pairs import seconds_of

#: Devices of which a loop is measured; the rest is scaled.
SAMPLE = 20
#: What community.general.json_query does, so that nothing has to be installed for it.
JSON_QUERY = """import jmespath


class FilterModule:
    def filters(self):
        return {"json_query": lambda data, expression: jmespath.search(expression, data)}
"""
DEVICES_URL = "/beta/deviceManagement/managedDevices?$top=1000&$select=id,serialNumber,operatingSystem,managedDeviceOwnerType"


def audit_vs_register_json_query(devices: int) -> dict[str, Any]:
    """Who has a banned app on a corporate device: one task in check mode, and pages of ``uri`` that are registered and queried."""
    with tenants.banned_tenant(devices) as (simulation, directory):
        connection = simulation.connection
        graph = connection["graph_url"]
        (directory / "policy.json").write_text(json.dumps(tenants.policy()), encoding="utf-8")
        filters = directory / "filter_plugins"
        filters.mkdir()
        (filters / "json_query.py").write_text(JSON_QUERY, encoding="utf-8")
        page = [
            _get("Page", "{{ next_page }}", "page"),
            {
                "ansible.builtin.set_fact": {
                    "found": "{{ found + page.json.value }}",
                    "next_page": "{{ page.json['@odata.nextLink'] | default('') }}",
                }
            },
            {"ansible.builtin.include_tasks": str(directory / "page.yml"), "when": "next_page | length > 0"},
        ]
        (directory / "page.yml").write_text(json.dumps(page), encoding="utf-8")
        having = "/v1.0/deviceManagement/detectedApps/{{ item }}/managedDevices?$select=id&$top=1000"
        corporate = "[?managedDeviceOwnerType=='company'].{id: id, serial: serialNumber, system: operatingSystem}"
        theirs = [
            tenants.token_task(connection),
            {"ansible.builtin.set_fact": {"found": [], "next_page": graph + DEVICES_URL}},
            {"ansible.builtin.include_tasks": str(directory / "page.yml")},
            _get("Apps", graph + "/v1.0/deviceManagement/detectedApps?$filter=startswith(displayName,'TikTok')", "apps"),
            {
                **_get("Devices with the app", graph + having, "with_app"),
                "loop": "{{ apps.json.value | json_query(\"[?displayName=='TikTok'].id\") }}",
            },
            {"ansible.builtin.set_fact": {"having": "{{ with_app.results | json_query('[].json.value[].id') }}"}},
            {"ansible.builtin.set_fact": {"corporate": "{{ found | json_query(%s) }}" % json.dumps(corporate)}},
            {"ansible.builtin.set_fact": {"violating": "{{ corporate | selectattr('id', 'in', having) | list }}"}},
            {"ansible.builtin.debug": {"msg": "{{ violating | length }} of {{ found | length }}"}},
        ]
        ours = seconds_of(lambda: _play(directory, "ours", tenants.our_tasks(connection, directory), "--check"))
        baseline = seconds_of(lambda: _play(directory, "json_query", theirs))
    return {
        "ours": round(ours, 2),
        "baseline": round(baseline, 2),
        "ratio": round(baseline / ours, 1),
        "unit": "s",
        "detail": f"{devices} devices, whole ansible-playbook each; baseline: pages registered and put together, json_query, one list of "
        "devices an app; goal: at least 15",
    }


def change_vs_looped_uri(devices: int) -> dict[str, Any]:
    """A ban that ends for everybody: one task, and one ``uri`` a device in a loop, of which a sample is measured and scaled up."""
    with tenants.banned_tenant(devices) as (simulation, directory):
        connection = simulation.connection
        (directory / "policy.json").write_text(json.dumps({**tenants.policy(), "state": "lifted"}), encoding="utf-8")
        ids = [each["id"] for each in simulation.state()["devices"][: 2 * SAMPLE]]

        def looped(some: Sequence[str]) -> list[dict[str, Any]]:
            task = {
                "ansible.builtin.uri": {
                    "url": connection["graph_url"] + "/beta/deviceManagement/managedDevices/{{ item }}",
                    "method": "PATCH",
                    "headers": {"Authorization": "Bearer {{ token.json.access_token }}"},
                    "body_format": "json",
                    "body": {"notes": "TikTok is banned on this device"},
                },
                "loop": list(some),
            }
            return [tenants.token_task(connection), task]

        # The start of Ansible is no part of what grows.
        one = seconds_of(lambda: _play(directory, "one", looped(ids[:1])))
        more = seconds_of(lambda: _play(directory, "sample", looped(ids[1 : SAMPLE + 1])))
        ours = seconds_of(lambda: _play(directory, "ours", tenants.our_tasks(connection, directory)))
        each = (more - one) / (SAMPLE - 1)
        baseline = one + each * (devices - 1)
    return {
        "ours": round(ours, 2),
        "baseline": round(baseline, 1),
        "ratio": round(baseline / ours),
        "unit": "s",
        "detail": f"{devices} devices, one ban lifted; baseline: one PATCH a device by looped uri, scaled from {SAMPLE} devices "
        f"({each:.2f} s each); goal: at least 100",
    }


def _get(name: str, url: str, register: str) -> dict[str, Any]:
    headers = {"Authorization": "Bearer {{ token.json.access_token }}"}
    return {"name": name, "ansible.builtin.uri": {"url": url, "headers": headers, "return_content": False}, "register": register}


def _play(directory: Path, name: str, tasks: Sequence[Mapping[str, Any]], *options: str) -> None:
    path = directory / f"{name}.yml"
    path.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]), encoding="utf-8")
    command = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", "localhost,", "-c", "local", str(path), *options]
    environment = {
        **os.environ,
        "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
        "ANSIBLE_COLLECTIONS_PATH": str(tenants.CHECKOUT / ".build" / "c"),
        # A loop over many devices says so of each, which nobody would keep.
        "ANSIBLE_DISPLAY_OK_HOSTS": "false",
    }
    done = subprocess.run(command, env=environment, cwd=directory, capture_output=True, text=True, timeout=3600, check=False)
    if done.returncode:
        raise RuntimeError(done.stdout[-3000:] + done.stderr[-1000:])
