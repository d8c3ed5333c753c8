# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Variables of the roles held against their argument specs, each mistake in a few words.

Ansible's own check of a role prints the whole spec with the message, in a task of its own that stops at the first host.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ..module_utils.policy.problems import nearest_names, show
from ..module_utils.policy.sanitize import NotSanitized, sanitize

_ROLES = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "roles"))
#: Variables of which null is no absence: a task takes them apart.
_NEVER_NULL = frozenset(("appban_target", "appban_connection", "appban_options", "appban_host_block"))
#: Variables with secrets in them: names and types only.
SECRET = frozenset(("appban_connection", "appban_options"))
_EXPECTED = {
    "str": "a text", "path": "a path", "int": "a whole number", "float": "a number", "bool": "true or false", "dict": "a mapping",
    "list": "a list",
}  # fmt: skip
_MOST_LETTERS = 200


@functools.cache
def options_of_role(role: str) -> Mapping[str, Mapping[str, Any]]:
    """Variable of a role -> its entry in the argument spec. role: ``tenant`` or ``host``."""
    with open(os.path.join(_ROLES, role, "meta", "argument_specs.yml"), encoding="utf-8") as handle:
        options: Mapping[str, Mapping[str, Any]] = yaml.safe_load(handle)["argument_specs"]["main"]["options"]
    return options


def problems_of_variables(role: str, values: Mapping[str, Any], names: Iterable[str]) -> list[str]:
    """What is wrong with the values of variables, a sentence each.

    Args:
        role: whose variables they are.
        values: variable -> value; reading one may make a template. Those that are missing have their default.
        names: which of them are looked at.
    """
    options = options_of_role(role)
    found = []
    for name in names:
        if name in values:
            try:
                value = sanitize(values[name], name)
            except NotSanitized as error:
                found.append("%s %s" % (name, "can't be used: it has " + error.problems[0].found))
            except Exception as error:
                # An inventory's own template can fail in any way that Jinja knows.
                found.append(not_made(name, error))
            else:
                simple = isinstance(value, (str, int, float))
                kind = type(value).__name__
                found.append(_of_simple(role, name, kind, value) if simple else problem_of_value(name, value, options[name]))
    return [problem for problem in found if problem]


def problems_of_options(role: str, options: Mapping[str, Any], variables: Mapping[str, str]) -> dict[str, str]:
    """What is wrong with options of a task that are variables of a role: option -> a sentence with the variable's name.

    Args:
        role: whose variables they are.
        options: of the task.
        variables: option -> variable.
    """
    found = {}
    for option, variable in variables.items():
        for problem in problems_of_variables(role, {variable: options[option]} if option in options else {}, [variable]):
            found[option] = problem
    return found


def problem_of_value(name: str, value: Any, option: Mapping[str, Any]) -> str:
    """What is wrong with a value, in one sentence; empty for nothing.

    Args:
        name: of the variable.
        value: in plain types.
        option: its entry in an argument spec.
    """
    kind = option.get("type", "str")
    if value is None and name not in _NEVER_NULL:
        return ""
    expected = "one of: %s" % ", ".join(option["choices"]) if "choices" in option and kind != "list" else _EXPECTED.get(kind, "")
    if value is None or (isinstance(value, (Mapping, list)) and kind in ("str", "path", "int", "float", "bool")):
        return _told(name, value, expected)
    if kind == "dict" and isinstance(value, Mapping):
        return _problem_in_mapping(name, value, option.get("options") or {})
    if kind == "dict" and value == "" and name not in _NEVER_NULL:
        # From -e NAME=, which the roles take for none.
        return ""
    if _errors(name, value, option):
        if kind == "list":
            return _problem_in_list(name, value, option)
        near = nearest_names(value, option.get("choices") or ())
        return _told(name, value, expected) + (" (did you mean %s?)" % near[0] if near else "")
    return ""


@functools.lru_cache(maxsize=1000)
def _of_simple(role: str, name: str, _kind: str, value: Any) -> str:
    # Ten thousand hosts have a variable from their group.
    return problem_of_value(name, value, options_of_role(role)[name])


def not_made(name: str, error: Exception) -> str:
    """That the value of a variable can't be made from its template."""
    lines = str(error).strip().splitlines()
    first = lines[0] if lines else type(error).__name__
    return "%s can't be made: %s" % (name, first if len(first) <= _MOST_LETTERS else first[:_MOST_LETTERS] + " ...")


def kind_of(value: Any) -> str:
    """What a value is, without the value: it may be a secret."""
    if value is None:
        return "nothing (null)"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, str):
        return "a text" if value else "an empty text"
    return "a number" if isinstance(value, (int, float)) else "a mapping" if isinstance(value, Mapping) else "a list"


def _told(name: str, value: Any, expected: str) -> str:
    return "%s is %s, expected %s" % (name, kind_of(value) if name in SECRET else show(value), expected)


def _errors(name: str, value: Any, option: Mapping[str, Any]) -> Sequence[str]:
    spec = {each: option[each] for each in ("type", "elements", "choices") if each in option}
    messages: Sequence[str] = ArgumentSpecValidator({name: spec}).validate({name: value}).error_messages
    return messages


def _problem_in_mapping(name: str, value: Mapping[str, Any], options: Mapping[str, Mapping[str, Any]]) -> str:
    problems = []
    for key, each in value.items():
        if options and key not in options:
            near = nearest_names(key, options)
            instead = " (did you mean %s?)" % near[0] if near else ", expected: " + ", ".join(options)
            problems.append("%s has the unknown key %s%s" % (name, key if key.isidentifier() else show(key), instead))
        elif options:
            problems.append(problem_of_value("%s.%s" % (name, key), each, options[key]))
    return "; ".join(problem for problem in problems if problem)


def _problem_in_list(name: str, value: Any, option: Mapping[str, Any]) -> str:
    kind, words = option.get("elements", "str"), option.get("choices") or ()
    expected = "a list of: %s" % ", ".join(words) if words else "a list of texts"
    items = value if isinstance(value, list) else value.split(",") if isinstance(value, str) else []
    for item in items:
        if _errors(name, [item], option) or (kind in ("str", "path") and isinstance(item, (Mapping, list))):
            near = nearest_names(item, words)
            return "%s has %s, expected %s%s" % (name, show(item), expected, " (did you mean %s?)" % near[0] if near else "")
    return _told(name, value, expected)
