# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ask the host with a small module whether it is as it was at the last look, and send the large one only where it isn't."""

from __future__ import annotations

import hashlib
import json
import os
from typing import Any, Mapping

from ansible.plugins.action import ActionBase

from ..plugin_utils.collection_version import collection_version
from ..plugin_utils.old_python import old_python_message

_CODE = os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "module_utils", "hosts")
# Options that don't decide what a look sees.
_NOT_LOOKED_FOR = ("now", "plan_only", "approved", "look_digest", "lock_timeout")


class ActionModule(ActionBase):
    """The task's options go to the host as they are; the module's result comes out."""

    _supports_check_mode = True
    _supports_async = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        variables = task_vars or {}
        result: dict[str, Any] = super().run(tmp, variables)
        options = dict(self._task.args)
        digest = look_digest(options)
        # A plan that was approved has changes to make.
        if not self._task.async_val and options.get("approved") is None and acts(options):
            asked = {"digest": digest}
            if options.get("lock_timeout") is not None:
                asked["lock_timeout"] = options["lock_timeout"]
            looked = self._execute_module("appban.endpoint.host_look", module_args=asked, task_vars=variables)
            if looked.get("known"):
                result.update(looked["result"], changed=False)
                return result
            if looked.get("failed"):
                return self._told(looked, result, variables)
        options["look_digest"] = digest
        done = self._execute_module("appban.endpoint.host_app", module_args=options, task_vars=variables, wrap_async=self._task.async_val)
        return self._told(done, result, variables)

    def _told(self, answer: dict[str, Any], result: dict[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
        """The module's answer, or in place of a crash what it means that this host's Python is too old."""
        message = old_python_message(answer, self._interpreter(variables), self._standard_output)
        if message:
            return {"failed": True, "changed": False, "msg": message}
        result.update(answer)
        return result

    def _interpreter(self, variables: dict[str, Any]) -> str:
        """The Python that Ansible uses on this host: the one that was set, or the one that it found itself."""
        found = (variables.get("ansible_facts") or {}).get("discovered_interpreter_python") or self._discovered_interpreter
        chosen = str(self._templar.template(variables.get("ansible_python_interpreter") or "auto"))
        return str(found or "python3") if chosen.startswith("auto") else chosen

    def _standard_output(self, command: str) -> str:
        return str(self._low_level_execute_command(command)["stdout"])


def acts(options: Mapping[str, Any]) -> bool:
    """Whether something is to be removed or blocked: on a host where nothing is, no look is ever kept."""
    for app in options.get("apps") or ():
        asked = {"state": "absent", "remove": True, "block": "true", **options, **{k: v for k, v in app.items() if v is not None}}
        if asked["state"] == "absent" and (asked["remove"] or str(asked["block"]).lower() != "false"):
            return True
    return False


def look_digest(options: Mapping[str, Any]) -> str:
    """What the same look is known by: the options that decide what it sees, and the code that looks."""
    asked = {name: value for name, value in options.items() if name not in _NOT_LOOKED_FOR}
    known_by = [collection_version(), _state_of_the_code(), asked]
    return hashlib.sha256(json.dumps(known_by, sort_keys=True, default=str).encode("utf-8")).hexdigest()


def _state_of_the_code() -> list[tuple[str, int, int]]:
    # Two checkouts may call themselves the same version; and reading all files would cost more than the look.
    with os.scandir(_CODE) as entries:
        files = [(entry.name, entry.stat()) for entry in entries if entry.name.endswith(".py")]
    return sorted((name, status.st_size, status.st_mtime_ns) for name, status in files)
