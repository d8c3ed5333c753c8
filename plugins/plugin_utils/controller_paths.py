# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Paths that a person gave on the controller, made absolute from the directory in which the command was called. Pure but for the directory.

A module of the local connection runs in the directory of its playbook, which for a playbook of this collection is a directory of the
installed collection. So a path must be absolute before a module gets it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

#: Where evidence is written that nobody has named a directory for.
EVIDENCE_DIRECTORY = "./evidence"


def evidence_directory(path: str | None) -> str:
    """The evidence directory that was given; the default where nothing was, as by ``-e appban_evidence_dir=$UNSET``."""
    return path if path and path.strip() else EVIDENCE_DIRECTORY


def given_paths(paths: Iterable[str | None]) -> list[str]:
    """The paths that were given, absolute: one that is empty, as by ``-e policy_file=$UNSET``, is none."""
    return [absolute_path(path) for path in paths if path and path.strip()]


def absolute_path(path: str) -> str:
    """The path with ``~`` and variables expanded, from the caller's directory; an empty one stays empty."""
    return os.path.abspath(os.path.expanduser(os.path.expandvars(path))) if path else path


def absolute_options(options: Mapping[str, Any], spec: Mapping[str, Mapping[str, Any]], environment: Mapping[str, str]) -> dict[str, Any]:
    """A module's options with every path absolute: those that were given, those that stand in the environment, and those by default.

    Args:
        options: what the task gives.
        spec: the module's argument spec; the fallback of an option is a pair of anything and a list of variables.
        environment: the environment that the module will have.
    """
    made = dict(options)
    for name, option in spec.items():
        value = made.get(name)
        if option.get("type") == "path":
            value = value if value is not None else _stand_in(option, environment)
            if value is not None and not isinstance(value, (Mapping, list, tuple)):
                # A directory may be called 2023, which YAML reads as a number.
                made[name] = absolute_path(str(value))
        elif option.get("elements") == "path" and isinstance(value, (list, tuple)):
            made[name] = [absolute_path(each) if isinstance(each, str) else each for each in value]
        elif option.get("options") and isinstance(value, Mapping):
            made[name] = absolute_options(value, option["options"], environment)
    return made


def _stand_in(option: Mapping[str, Any], environment: Mapping[str, str]) -> str | None:
    """What counts where an option is not given: the first variable that is set, else the default."""
    variables = option.get("fallback", (None, ()))[1]
    found: str | None = next((environment[name] for name in variables if environment.get(name)), option.get("default"))
    return found
