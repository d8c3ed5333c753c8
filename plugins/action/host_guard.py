# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Put the plan of all hosts into the record, and stop a run that would newly affect more hosts than the policy allows.

Both happen before any write.
"""

from __future__ import annotations

from typing import Any, Mapping

from ansible.plugins.action import ActionBase

from ..module_utils.engine.errors import AppbanError, LimitExceeded
from ..module_utils.engine.guard import Limits, check_limits
from ..module_utils.policy.sanitize import sanitize
from ..plugin_utils.action_refusal import refusal
from ..plugin_utils.host_record import diff_of, give_back, plan_rows, resume_record
from ..plugin_utils.tenant_module import show_diff


class ActionModule(ActionBase):
    """Counts the hosts whose plan affects them for the first time."""

    _supports_check_mode = True
    _supports_async = False
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validated, options = self.validate_argument_spec(
            argument_spec={
                "decisions": {"type": "dict", "required": True},
                "max_devices": {"type": "int"},
                "max_percent": {"type": "float"},
            }
        )
        hostvars = (task_vars or {})["hostvars"]
        run, hosts = sanitize(options["decisions"]["run"], "decisions"), options["decisions"]["hosts"]
        newly_affected = [host for host in hosts if (hostvars[host].get("appban_host_plan") or {}).get("newly_affected")]
        result.update(changed=False, newly_affected=newly_affected, stopped=False, reason="")
        try:
            changes = _record_plan(run, hosts, hostvars)
        except AppbanError as error:
            give_back(run)
            raise refusal(self, "%s. Nothing was changed on any host" % error) from None
        try:
            check_limits(Limits(options["max_devices"], options["max_percent"]), newly_affected, len(hosts))
        except LimitExceeded as error:
            # Not a failure yet: the run is recorded first, and fails at its end.
            result.update(stopped=True, reason=str(error))
            if self._task.diff and not self._task.check_mode:
                # In check mode the diff of each host was shown when it was planned.
                show_diff(self, list(diff_of(changes)))
        return result


def _record_plan(run: Mapping[str, Any], hosts: Mapping[str, Any], hostvars: Any) -> list[dict[str, Any]]:
    """Every change that is planned, after it was put on disk with the room for what comes after."""
    changes: list[dict[str, Any]] = []
    apps = 1
    for host in hosts:
        planned = sanitize(dict(hostvars[host].get("appban_host_plan") or {}), host)
        parts = hosts[host]["decision"]["apps"].values()
        apps = max(apps, len(parts))
        changes.extend(plan_rows(host, planned, any(part["verdict"] == "enforce" for part in parts)))
    record = resume_record(run)
    try:
        record.add_plan(changes, rows=len(hosts) * apps)
    finally:
        record.abandon()
    return changes
