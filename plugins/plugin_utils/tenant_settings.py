# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an inventory says of a tenant, checked before its module runs. Values are never in a message: one of them may be a secret."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Any, Callable, Iterable, Mapping

from ansible_collections.appban.endpoint.plugins.module_utils.engine.errors import AppbanError
from ansible_collections.appban.endpoint.plugins.module_utils.targets.intune.module import argument_spec as intune_spec
from ansible_collections.appban.endpoint.plugins.module_utils.targets.jamf_pro.module import argument_spec as jamf_pro_spec
from ansible_collections.appban.endpoint.plugins.module_utils.targets.nanomdm.module import argument_spec as nanomdm_spec

#: Target -> the argument spec of its module.
TARGETS: dict[str, Callable[..., dict[str, Any]]] = {"intune": intune_spec, "jamf_pro": jamf_pro_spec, "nanomdm": nanomdm_spec}
#: Options that the role gives to every module, and the role's variable for each.
OF_THE_ROLE = {
    "policy": "appban_policies",
    "now": "appban_now",
    "assets": "appban_assets",
    "evidence_dir": "appban_evidence_dir",
    "evidence": "appban_evidence",
    "run_id": "appban_run_id",
    "limits": "appban_limits",
    "accept_fleet_size": "appban_accept_fleet_size",
    "provenance": "found out by the run itself",
    "target": "the tenant's name in the inventory",
}
#: The record of all hosts has this name.
_TAKEN = "hosts"
_MEND = "Mend the inventory; nothing was contacted"


def record_name(tenant: str) -> str:
    """The name of a tenant's record and ledger: its inventory name with an underscore for what no file name should have."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", tenant)


def check_tenant(tenant: str, tenants: Iterable[str], target: str, given: Mapping[str, Iterable[str]]) -> str:
    """The name of a tenant's record, if all that the inventory says of it can be used.

    Args:
        tenant: inventory name.
        tenants: inventory names of all tenants of the run.
        target: what it is.
        given: name of a variable -> names of the options in it.

    Raises:
        AppbanError: with every problem.
    """
    if target not in TARGETS:
        raise AppbanError("appban_target is %s, expected one of: %s" % (target, ", ".join(sorted(TARGETS))), tenant, _MEND)
    options = TARGETS[target]()
    problems = [_problem(variable, name, options) for variable, names in given.items() for name in names]
    problems.append(_name_problem(tenant, tenants))
    found = [problem for problem in problems if problem]
    if found:
        raise AppbanError("; ".join(found), tenant, _MEND)
    return record_name(tenant)


def _problem(variable: str, name: str, options: Mapping[str, Any]) -> str:
    if name in OF_THE_ROLE:
        return "%s sets %s, which is %s" % (variable, name, OF_THE_ROLE[name])
    if name in options:
        return ""
    near = get_close_matches(name, [option for option in options if option not in OF_THE_ROLE], 1)
    # A module would print the value of an option that it doesn't know.
    return "%s has the unknown option %s%s" % (variable, name, ", perhaps %s" % near[0] if near else "")


def _name_problem(tenant: str, tenants: Iterable[str]) -> str:
    name = record_name(tenant)
    others = sorted(other for other in tenants if other != tenant and record_name(other) == name)
    if others or name == _TAKEN:
        return "its record would be called %s, and so would that of %s" % (name, ", ".join(others) or "all hosts")
    fit = re.fullmatch("[A-Za-z0-9].{0,100}", name)
    return "" if fit else "its name can't be that of a record: begin it with a letter or a digit, and take at most 101 characters"
