# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs of a tenant's module as it was in an earlier commit, in a process of their own, over the same servers and evidence."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.lab.previous_release import TENANTS_COMMIT, unpack_previous_release

# What the process does: the earlier commit's own code, and of its tests (where they stood then) what stands in for AnsibleModule.
_PROGRAM = """
import importlib, json, subprocess, sys
from tests.scenarios.target_runs import Module, end_of
target, check, options = sys.argv[1], sys.argv[2] == "check", json.load(sys.stdin)
module = importlib.import_module("ansible_collections.appban.endpoint.plugins.module_utils.targets.%s.module" % target)
params = {name: each.get("default") for name, each in module.argument_spec().items()}
stand_in = Module({**params, **options}, check)
done = end_of(module.run_module, stand_in)
print(json.dumps({"failed": done.failed, "values": done.values}, default=str))
"""


class PreviousRelease:
    """The collection as it was.

    Args:
        directory: where it is unpacked.

    Raises:
        NotInHistory: where the repository's history does not reach back that far.
    """

    def __init__(self, directory: Path) -> None:
        self.collection = unpack_previous_release(directory, TENANTS_COMMIT)

    def run(self, target: str, options: Mapping[str, Any], check: bool = False) -> dict[str, Any]:
        """One run; what its module returned. options: parameters that differ from their defaults."""
        roots = [str(self.collection.parents[2]), str(self.collection)]
        done = subprocess.run(
            [sys.executable, "-c", _PROGRAM, target, "check" if check else "apply"],
            input=json.dumps(options),
            capture_output=True,
            text=True,
            check=False,
            cwd=self.collection,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(roots), "ANSIBLE_COLLECTIONS_PATH": roots[0]},
        )
        assert done.returncode == 0, done.stderr
        said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        assert not said["failed"], said["values"].get("msg")
        return dict(said["values"])
