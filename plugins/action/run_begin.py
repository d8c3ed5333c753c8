# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Begin a run, once for all its targets, on the controller: check the policies, fix the instant, take one run id."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ..module_utils.documents.assets import read_assets
from ..module_utils.engine.errors import AppbanError
from ..module_utils.engine.evidence import choose_run_id
from ..module_utils.policy.instants import utc_text
from ..module_utils.policy.plain import policy_to_plain
from ..module_utils.policy.problems import PolicyError
from ..plugin_utils.documents import read_policies
from ..plugin_utils.run_instant import run_instant


class ActionModule(ActionBase):
    """Paths go in; what all targets of the run share comes out."""

    _supports_check_mode = True
    _supports_async = False
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validated, options = self.validate_argument_spec(
            argument_spec={
                "policies": {"type": "list", "elements": "path", "required": True},
                "catalog_dirs": {"type": "list", "elements": "path", "default": []},
                "assets": {"type": "path"},
                "now": {"type": "str"},
                "evidence_dir": {"type": "path", "default": "./evidence"},
                "run_id": {"type": "str"},
            }
        )
        try:
            result.update(_begin(options))
        except PolicyError as error:
            raise AnsibleActionFail("The policy can't be used; nothing was contacted:\n%s" % error) from error
        except AppbanError as error:
            raise AnsibleActionFail(str(error)) from error
        result["changed"] = False
        return result


def _begin(options: dict[str, Any]) -> dict[str, Any]:
    if not options["policies"]:
        raise AppbanError("No policy was given", "", "Run with -e policy_file=PATH, or set appban_policies to a list of paths")
    now = utc_text(run_instant(options["now"]))
    policies = [policy_to_plain(policy) for policy in read_policies(options["policies"], options["catalog_dirs"])]
    if options["assets"]:
        # Each target reads it again; here only so that a mistake shows before any of them is contacted.
        read_assets(options["assets"])
    return {
        "now": now,
        "run_id": options["run_id"] or choose_run_id(options["evidence_dir"], now),
        "policies": [{name: policy[name] for name in ("policy", "title", "state", "sha256")} for policy in policies],
    }
