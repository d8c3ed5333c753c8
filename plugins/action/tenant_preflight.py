# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Check what the inventory says of a tenant, on the controller, before anything is contacted."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase

from ..module_utils.engine.errors import AppbanError
from ..plugin_utils.tenant_settings import check_tenant, record_name


class ActionModule(ActionBase):
    """A tenant's name, kind and options go in; the name of its record comes out, or the trouble."""

    _supports_check_mode = True
    _supports_async = False
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validated, options = self.validate_argument_spec(
            argument_spec={
                "tenant": {"type": "str", "required": True},
                "tenants": {"type": "list", "elements": "str", "required": True},
                "target": {"type": "str", "required": True},
                # Names only: a secret that is in no argument can't be printed.
                "connection": {"type": "list", "elements": "str", "default": []},
                "options": {"type": "list", "elements": "str", "default": []},
            }
        )
        given = {"appban_connection": options["connection"], "appban_options": options["options"]}
        try:
            record, trouble = check_tenant(options["tenant"], options["tenants"], options["target"], given), ""
        except AppbanError as error:
            # It is named with the trouble of all other targets.
            record, trouble = record_name(options["tenant"]), str(error)
        result.update(changed=False, record=record, trouble=trouble)
        return result
