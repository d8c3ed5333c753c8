# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes what a play did as JSON lines, next to the output people read."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = r"""
name: lab_events
type: notification
short_description: Events of a play as JSON lines
description:
  - One line per task result and host, then one line with the recap, to the file named by the environment variable LAB_EVENTS.
author: appban contributors
"""


def part_of(result: Any, name: str) -> Any:
    """The host, task or result of a task's result; before ansible-core 2.19 these attributes began with an underscore."""
    return getattr(result, name) if hasattr(result, name) else getattr(result, f"_{name}")


class CallbackModule(CallbackBase):  # type: ignore[misc]
    """The callback Ansible loads."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "lab_events"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self.events = Path(os.environ.get("LAB_EVENTS", os.devnull))

    def write_event(self, event: dict[str, Any]) -> None:
        with self.events.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(event, default=str) + "\n")

    def write_result(self, status: str, result: Any) -> None:
        data = {key: value for key, value in part_of(result, "result").items() if not key.startswith("_ansible")}
        if status in ("failed", "ignored"):
            # ansible-core takes it out of what an action plugin returns.
            data["failed"] = True
        self.write_event(
            {
                "host": part_of(result, "host").get_name(),
                "task": part_of(result, "task").get_name(),
                "action": part_of(result, "task").action,
                "status": status,
                "changed": bool(data.get("changed", False)),
                "result": data,
            }
        )

    def v2_runner_on_ok(self, result: Any) -> None:
        self.write_result("ok", result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        self.write_result("ignored" if ignore_errors else "failed", result)

    def v2_runner_on_skipped(self, result: Any) -> None:
        self.write_result("skipped", result)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        self.write_result("unreachable", result)

    def v2_playbook_on_stats(self, stats: Any) -> None:
        self.write_event({"recap": {host: stats.summarize(host) for host in sorted(stats.processed)}})
