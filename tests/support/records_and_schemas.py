# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The records of a run held against their schemas, and what kills a run at a task so that its records stay as they are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema

from ansible_collections.appban.endpoint.plugins.module_utils.engine.evidence import read_rows
from tests.support.estate import CHECKOUT

SCHEMAS = {
    name: jsonschema.Draft202012Validator(json.loads((CHECKOUT / "schemas" / f"{name}.schema.json").read_text(encoding="utf-8")))
    for name in ("run", "plan", "evidence")
}
#: A callback plugin: the controller is gone when the task in KILL_AT begins.
KILLER = """
import os, signal
from ansible.plugins.callback import CallbackBase
class CallbackModule(CallbackBase):
    CALLBACK_VERSION, CALLBACK_TYPE, CALLBACK_NAME, CALLBACK_NEEDS_ENABLED = 2.0, "notification", "killer", True
    def v2_playbook_on_task_start(self, task, is_conditional):
        if os.environ["KILL_AT"] in task.get_name():
            os.kill(os.getpid(), signal.SIGKILL)
"""


def held_by_schemas(directory: Path, part: str = "") -> dict[str, Any]:
    """What run.json says, or that of a part of a job; it, the plan and every row of the records keep to their schemas."""
    said: dict[str, Any] = json.loads((directory / f"run{part}.json").read_text(encoding="utf-8"))
    SCHEMAS["run"].validate(said)
    SCHEMAS["plan"].validate(json.loads((directory / f"plan{part}.json").read_text(encoding="utf-8")))
    for path in directory.glob("*.jsonl"):
        for row in read_rows(str(path)):
            SCHEMAS["evidence"].validate(row)
    return said
