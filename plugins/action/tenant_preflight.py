# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Check what the inventory says of a tenant, on the controller, before anything is contacted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ansible.plugins.action import ActionBase

from ..module_utils.engine.errors import AppbanError
from ..plugin_utils.tenant_module import task_environment
from ..plugin_utils.tenant_settings import check_tenant, identity_of_tenant, record_of_refused, target_of


class ActionModule(ActionBase):
    """A tenant's name goes in; the name of its record comes out, or the trouble. Its variables are read here, so no task has them."""

    _supports_check_mode = True
    _supports_async = False
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validated, options = self.validate_argument_spec(
            argument_spec={
                "tenant": {"type": "str", "required": True},
                "tenants": {"type": "list", "elements": "str", "required": True},
            }
        )
        variables = _Made(task_vars or {}, self._templar)
        target, digest, described = target_of(variables)[0], "", ""
        try:
            record, trouble = check_tenant(options["tenant"], options["tenants"], variables), ""
            identity = identity_of_tenant(target, variables, task_environment(self))
            if identity is not None:
                digest, described = identity.digest, str(identity)
        except AppbanError as error:
            # It is named with the trouble of all other targets.
            record, trouble = record_of_refused(options["tenant"], options["tenants"]), str(error)
        result.update(changed=False, record=record, target=target, trouble=trouble, identity=digest, described=described)
        return result


class _Made(Mapping[str, Any]):
    """The variables of a task, each made from its template when it is first read: a look-up of a secret may be slow, or count."""

    def __init__(self, variables: Mapping[str, Any], templar: Any) -> None:
        self._variables, self._templar = variables, templar
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            self._made[name] = self._templar.template(self._variables[name])
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._variables)

    def __len__(self) -> int:
        return len(self._variables)

    def __contains__(self, name: object) -> bool:
        return name in self._variables
