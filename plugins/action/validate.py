# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Check policies, catalogs and asset facts on the controller, without any device."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase

from ..module_utils.engine.errors import AppbanError
from ..module_utils.policy.problems import PolicyError
from ..plugin_utils.action_refusal import refusal
from ..plugin_utils.checked_documents import check_documents
from ..plugin_utils.controller_paths import given_paths
from ..plugin_utils.known_names import notes_of_variables, variables_of
from ..plugin_utils.run_instant import run_instant
from ..plugin_utils.shown_lines import show, warn
from ..plugin_utils.typed_words import refuse_lost_words


class ActionModule(ActionBase):
    """Paths go in; what is wrong is a failure, what is good comes out."""

    _supports_check_mode = True
    _supports_async = False
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validated, options = self.validate_argument_spec(
            argument_spec={
                "policies": {"type": "list", "elements": "path", "required": True},
                "catalog_dirs": {"type": "list", "elements": "path", "default": []},
                "assets": {"type": "list", "elements": "path", "default": []},
                "now": {"type": "str"},
            }
        )
        variables = task_vars or {}
        try:
            refuse_lost_words(options["policies"], variables)
        except AppbanError as error:
            raise refusal(self, str(error)) from None
        unknown = []
        if "hostvars" in variables:
            unknown = notes_of_variables(variables_of(variables.get("ansible_play_hosts_all") or (), variables["hostvars"]), False)
        for note in unknown:
            # Here and not in the result: a task that fails shows no warnings of its result.
            warn(self, note)
        paths = {name: given_paths(options[name]) for name in ("policies", "catalog_dirs", "assets")}
        if not any(paths.values()):
            raise refusal(self, "No document was given. Run with -e policy_file=PATH, or set appban_policies to a list of paths")
        try:
            checked = check_documents(paths["policies"], paths["catalog_dirs"], paths["assets"], run_instant(options["now"]))
        except AppbanError as error:
            raise refusal(self, str(error)) from None
        show(self, (*checked.good, *checked.notes))
        if checked.problems:
            raise refusal(self, "The documents can't be used:\n%s" % PolicyError(checked.problems))
        result.update(changed=False, good=list(checked.good), notes=[*unknown, *checked.notes])
        return result
