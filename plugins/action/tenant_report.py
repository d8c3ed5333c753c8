# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Say what became of one tenant, from what its module returned."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase

from ..module_utils.policy.sanitize import sanitize
from ..plugin_utils.tenant_results import tenant_text, tenant_trouble


class ActionModule(ActionBase):
    """A module's result goes in; lines for a person and the trouble, if any, come out."""

    _supports_check_mode = True
    _supports_async = False
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validated, options = self.validate_argument_spec(
            argument_spec={
                "result": {"type": "dict", "required": True},
                "run": {"type": "dict", "required": True},
            }
        )
        tenant_result, run = sanitize(options["result"], "result"), sanitize(options["run"], "run")
        result.update(
            changed=False,
            text=tenant_text(tenant_result, run, bool(self._task.check_mode)),
            trouble=tenant_trouble(tenant_result, run),
        )
        return result
