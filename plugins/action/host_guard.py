# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stop a run before any write when it would newly affect more hosts than the policy allows."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase

from ..module_utils.engine.errors import LimitExceeded
from ..module_utils.engine.guard import Limits, check_limits


class ActionModule(ActionBase):
    """Counts the hosts whose plan affects them for the first time."""

    _supports_check_mode = True
    _supports_async = False
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validated, options = self.validate_argument_spec(
            argument_spec={
                "hosts": {"type": "list", "elements": "str", "required": True},
                "max_devices": {"type": "int"},
                "max_percent": {"type": "float"},
            }
        )
        hostvars = (task_vars or {})["hostvars"]
        newly_affected = []
        for host in options["hosts"]:
            planned = hostvars[host].get("appban_host_plan") or {}
            if planned.get("newly_affected"):
                newly_affected.append(host)
        result.update(changed=False, newly_affected=newly_affected, stopped=False, reason="")
        try:
            check_limits(Limits(options["max_devices"], options["max_percent"]), newly_affected, len(options["hosts"]))
        except LimitExceeded as error:
            # Not a failure yet: the run is recorded first, and fails at its end.
            result.update(stopped=True, reason=str(error))
        return result
