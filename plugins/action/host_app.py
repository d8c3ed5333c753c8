# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run the module of the same name on the host, and say it plainly where the host's Python is too old for it."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase

from ..plugin_utils.old_python import old_python_message


class ActionModule(ActionBase):
    """The task's options go to the host as they are; the module's result comes out."""

    _supports_check_mode = True
    _supports_async = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        variables = task_vars or {}
        result: dict[str, Any] = super().run(tmp, variables)
        result.update(self._execute_module("appban.endpoint.host_app", task_vars=variables, wrap_async=self._task.async_val))
        message = old_python_message(result, self._interpreter(variables), self._standard_output)
        if message:
            # In place of everything that the crash left behind.
            return {"failed": True, "changed": False, "msg": message}
        return result

    def _interpreter(self, variables: dict[str, Any]) -> str:
        """The Python that Ansible uses on this host: the one that was set, or the one that it found itself."""
        found = (variables.get("ansible_facts") or {}).get("discovered_interpreter_python") or self._discovered_interpreter
        chosen = str(self._templar.template(variables.get("ansible_python_interpreter") or "auto"))
        return str(found or "python3") if chosen.startswith("auto") else chosen

    def _standard_output(self, command: str) -> str:
        return str(self._low_level_execute_command(command)["stdout"])
