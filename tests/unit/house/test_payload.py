# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a look sends to a host. AnsiballZ ships every file that a module imports, so one careless import costs every host of every run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[3]
# In a process of its own, for Ansible's loader of plugins is set up once in a process. Compressed as Ansible does by default.
SCRIPT = """
import json, sys
from ansible.executor.module_common import modify_module
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import init_plugin_loader, module_loader
from ansible.template import Templar

init_plugin_loader()
sizes = {}
for name in sys.argv[1:]:
    built = modify_module(
        module_name=name,
        module_path=module_loader.find_plugin(name),
        module_args={},
        templar=Templar(loader=DataLoader()),
        task_vars={"ansible_python_interpreter": "/usr/bin/python3"},
        module_compression="ZIP_DEFLATED",
    )
    sizes[name] = len(built[0] if isinstance(built, tuple) else built.b_module_data)
print(json.dumps(sizes))
"""


def payloads(*names: str) -> dict[str, int]:
    """Module -> bytes as it is sent."""
    environment = {
        **{name: os.environ[name] for name in ("PATH", "HOME", "LC_ALL") if name in os.environ},
        "ANSIBLE_COLLECTIONS_PATH": str(CHECKOUT / ".build" / "c"),
    }
    done = subprocess.run([sys.executable, "-c", SCRIPT, *names], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    sizes: dict[str, int] = json.loads(done.stdout)
    return sizes


def test_the_look_sends_little_more_than_a_ping() -> None:
    ping, look, everything = payloads("ansible.builtin.ping", "appban.endpoint.host_look", "appban.endpoint.host_app").values()
    assert ping < look <= 230_000
    assert look - ping <= 61_000
    # What is only needed where there is something to do stays on the controller.
    assert everything > look + 100_000
