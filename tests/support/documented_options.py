# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A target module's documentation, in a form that can be held against its argument spec."""

from __future__ import annotations

from typing import Any

import yaml

from ansible_collections.appban.endpoint.plugins.doc_fragments.target import ModuleDocFragment

COMPARED = {"type": "str", "default": None, "choices": None, "required": False, "elements": None}


def documented_options(documentation: str) -> dict[str, dict[str, Any]]:
    """The documented options of a module, those of its fragments under its own."""
    options: dict[str, dict[str, Any]] = {}
    for text in (ModuleDocFragment.DOCUMENTATION, ModuleDocFragment.CONNECTION, documentation):
        for name, option in yaml.safe_load(text)["options"].items():
            options[name] = {**options.get(name, {}), **option}
    return options


def documented_as(option: dict[str, Any]) -> dict[str, Any]:
    """A documented option as both sides can say it."""
    return _said(option, "suboptions")


def specified_as(option: dict[str, Any]) -> dict[str, Any]:
    """An option of an argument spec as both sides can say it."""
    return _said(option, "options")


def _said(option: dict[str, Any], nested: str) -> dict[str, Any]:
    plain = {name: option.get(name, default) for name, default in COMPARED.items()}
    return {**plain, "options": {name: _said(each, nested) for name, each in option.get(nested, {}).items()}}
