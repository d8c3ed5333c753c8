# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an inventory says of a tenant, checked before its module runs. Values are never in a message: one of them may be a secret."""

from __future__ import annotations

import hashlib
import re
from difflib import get_close_matches
from typing import Any, Callable, Iterable, Iterator, Mapping

from ansible_collections.appban.endpoint.plugins.module_utils.engine.errors import AppbanError
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.identity import Identity
from ansible_collections.appban.endpoint.plugins.module_utils.policy.problems import nearest_names, show
from ansible_collections.appban.endpoint.plugins.module_utils.targets.intune import module as intune
from ansible_collections.appban.endpoint.plugins.module_utils.targets.jamf_pro import module as jamf_pro
from ansible_collections.appban.endpoint.plugins.module_utils.targets.nanomdm import module as nanomdm
from ansible_collections.appban.endpoint.plugins.plugin_utils.role_variables import (
    kind_of,
    not_made,
    options_of_role,
    problems_of_variables,
)

_MODULES: dict[str, Any] = {"intune": intune, "jamf_pro": jamf_pro, "nanomdm": nanomdm}
#: Target -> the argument spec of its module.
TARGETS: dict[str, Callable[..., dict[str, Any]]] = {name: module.argument_spec for name, module in _MODULES.items()}
#: The role's variables that hold options of the module.
OF_OPTIONS = ("appban_connection", "appban_options")
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
#: The role's variables that are only held against its argument spec.
_CHECKED = sorted(set(options_of_role("tenant")) - {*OF_OPTIONS, "appban_target", "appban_policies", "appban_fail_on"})
#: Stands for the value of an option that is given and not read.
_GIVEN = "given"
_MEND = "Mend the inventory; nothing was contacted"


def record_name(tenant: str) -> str:
    """The name of a tenant's record and ledger: its inventory name with an underscore for what no file name should have."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", tenant)


def record_of_refused(tenant: str, tenants: Iterable[str]) -> str:
    """What ``run.json`` calls a tenant that is refused; not the name of a record that is another's."""
    name = record_name(tenant)
    if not _name_problem(tenant, tenants):
        return name
    digest = hashlib.sha256(tenant.encode("utf-8", "replace")).hexdigest()[:8]
    return "%s.%s" % (re.sub(r"^[^A-Za-z0-9]+", "", name)[:80] or "tenant", digest)


def check_tenant(tenant: str, tenants: Iterable[str], variables: Mapping[str, Any]) -> str:
    """The name of a tenant's record, if all that the inventory says of it can be used.

    Args:
        tenant: inventory name.
        tenants: inventory names of all tenants of the run.
        variables: those of the role; reading one may make a template. Those that are missing have their default.

    Raises:
        AppbanError: with every problem.
    """
    problems = []
    target, wrong = target_of(variables)
    if wrong:
        problems.append(wrong)
    problems += problems_of_variables("tenant", variables, _CHECKED)
    problems += _option_problems(target, variables)
    size = "" if problems else str(variables.get("appban_accept_fleet_size") or "")
    if size and not re.fullmatch(r"[0-9]+", size):
        problems.append("appban_accept_fleet_size is %s, expected a whole number" % show(size))
    problems.append(_name_problem(tenant, tenants))
    found = [problem for problem in problems if problem]
    if found:
        raise AppbanError("; ".join(found), tenant, _MEND)
    return record_name(tenant)


def identity_of_tenant(target: str, variables: Mapping[str, Any], environment: Mapping[str, str]) -> Identity | None:
    """What a tenant is, whatever it is called, from what the inventory and the environment say; None where they don't.

    Args:
        target: what kind of tenant it is.
        variables: as for :func:`check_tenant`, and good. Of the options only those are read that say which tenant it is.
        environment: the environment that its module will have.
    """
    module = _MODULES[target]
    read: dict[str, Any] = {}
    try:
        given = [variables[name] for name in ("appban_connection", "appban_options") if name in variables]
        for name, option in module.argument_spec("environment").items():
            source = next((each for each in given if name in each and each[name] is not None), None) if name in module.IDENTITY else None
            if source is not None:
                read[name] = str(source[name])
            elif name not in module.IDENTITY and any(name in each for each in given):
                read[name] = _GIVEN
            else:
                read[name] = next((environment[each] for each in option.get("fallback", (None, ()))[1] if environment.get(each)), None)
        identity: Identity | None = module.identity_of(read, environment)
        return identity
    except Exception:
        # An address that is a template can fail in any way that Jinja knows; the task of the module says so.
        return None


def target_of(variables: Mapping[str, Any]) -> tuple[str, str]:
    """What a tenant is, and what is wrong with that; one of both is empty. variables: as for :func:`check_tenant`."""
    known = ", ".join(sorted(TARGETS))
    if "appban_target" not in variables:
        return "", "appban_target is missing, expected one of: " + known
    try:
        target = variables["appban_target"]
    except Exception as error:
        # An inventory's own template can fail in any way that Jinja knows.
        return "", not_made("appban_target", error)
    if isinstance(target, str) and target in TARGETS:
        return str(target), ""
    near = nearest_names(target, TARGETS)
    told = str(target) if isinstance(target, str) and target.isprintable() and 0 < len(target) < 60 else show(target)
    return "", "appban_target is %s, expected one of: %s%s" % (told, known, " (did you mean %s?)" % near[0] if near else "")


def _option_problems(target: str, variables: Mapping[str, Any]) -> Iterator[str]:
    options = TARGETS[target]() if target else {}
    for variable in OF_OPTIONS:
        if variable not in variables:
            continue
        try:
            value = variables[variable]
            names = [str(name) for name in value] if isinstance(value, Mapping) else []
        except Exception as error:
            # As above.
            yield not_made(variable, error)
            continue
        if not isinstance(value, Mapping):
            yield "%s is %s, expected a mapping of the options of %s" % (variable, kind_of(value), target or "the target's module")
        elif target:
            for name in names:
                yield _problem(variable, name, options)


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
