# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Find out, once for all tenants of a run and before any is contacted, which of them are one tenant under several names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.plugins.action import ActionBase

from ..module_utils.engine.run_lock import NAMED_ONCE, twice


class ActionModule(ActionBase):
    """Names of tenants go in; the trouble of each that has another name comes out."""

    _supports_check_mode = True
    _supports_async = False
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validated, options = self.validate_argument_spec(
            argument_spec={"tenants": {"type": "list", "elements": "str", "required": True}}
        )
        hostvars = (task_vars or {})["hostvars"]
        found: dict[str, list[str]] = {}
        described: dict[str, str] = {}
        for tenant in options["tenants"]:
            settings = hostvars[tenant].get("appban_tenant_settings")
            # A tenant that is served later has none yet: then its module finds it out.
            if isinstance(settings, Mapping) and settings.get("identity"):
                identity = str(settings["identity"])
                found.setdefault(identity, []).append(tenant)
                described.setdefault(identity, str(settings["described"]))
        troubles = {
            tenant: "%s. %s" % (twice(tenants, described[identity]), NAMED_ONCE)
            for identity, tenants in found.items()
            for tenant in tenants
            if len(tenants) > 1
        }
        result.update(changed=False, troubles=troubles)
        return result
