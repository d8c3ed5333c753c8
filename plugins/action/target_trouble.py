# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fail over a target's trouble: its message once, without a place in our own playbooks."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase

from ..plugin_utils.action_refusal import refusal


class ActionModule(ActionBase):
    """A message goes in; the task fails with it."""

    _supports_check_mode = True
    _supports_async = False
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        _validated, options = self.validate_argument_spec(
            argument_spec={
                "message": {"type": "str", "required": True},
                "shown": {"type": "bool", "default": False},
                "task": {"type": "str", "default": ""},
            }
        )
        if options["shown"]:
            told = "the task '%s' failed" % options["task"] if options["task"] else "a task for all targets failed"
            raise refusal(self, told + ", with the message that stands above")
        raise refusal(self, options["message"])
