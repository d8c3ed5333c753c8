# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is not public is out of users' sight as far as Ansible allows, and its documents say what the code takes."""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
from types import SimpleNamespace
from typing import Any

import pytest
import working_copy
import yaml
from ansible.plugins.action import ActionBase

from tests.lab.playbook import PROGRAMS, ansible_environment
from tests.unit.targets.documented_options import documented_as, specified_as

CHECKOUT = working_copy.CHECKOUT
MODULES = CHECKOUT / "plugins" / "modules"
PRIVATE = sorted(path.stem for path in MODULES.glob("*.yml"))
ACTIONS = sorted(path.stem for path in (CHECKOUT / "plugins" / "action").glob("*.py"))
# It runs on hosts, so it has to be a module, and every module has to be documented.
INTERNAL_MODULES = {"host_look"}


class Specified(Exception):
    """The argument spec that an action asks Ansible to check."""


def argument_spec(name: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    action = importlib.import_module(f"ansible_collections.appban.endpoint.plugins.action.{name}").ActionModule
    monkeypatch.setattr(ActionBase, "run", lambda _self, _tmp=None, _variables=None: {})

    def noted(_self: object, argument_spec: dict[str, Any]) -> None:
        raise Specified(argument_spec)

    monkeypatch.setattr(ActionBase, "validate_argument_spec", noted)
    made = action.__new__(action)
    made._task = SimpleNamespace(args={}, check_mode=False)
    with pytest.raises(Specified) as caught:
        made.run(None, {})
    return caught.value.args[0]


def public_modules(text: str) -> set[str]:
    """The modules that a page's table of parts names."""
    rows = re.findall(r"^\| module `(\w+)` \|", text, re.MULTILINE)
    assert len(rows) == len(set(rows))
    return set(rows)


def test_an_action_has_a_module_or_is_private() -> None:
    public = public_modules((CHECKOUT / "docs" / "contents.md").read_text(encoding="utf-8"))
    assert {path.stem for path in MODULES.glob("*.py")} - {"__init__"} == public | INTERNAL_MODULES
    assert set(PRIVATE) == set(ACTIONS) - public
    assert PRIVATE


@pytest.mark.parametrize("name", PRIVATE)
def test_options_are_as_documented(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    document = yaml.safe_load((MODULES / f"{name}.yml").read_text(encoding="utf-8"))["DOCUMENTATION"]
    assert document["module"] == name
    documented = {option: documented_as(said) for option, said in document["options"].items()}
    assert documented == {option: specified_as(said) for option, said in argument_spec(name, monkeypatch).items()}


def test_ansible_doc_lists_what_is_public_and_calls_the_rest_internal() -> None:
    done = subprocess.run(
        [str(PROGRAMS / "ansible-doc"), "-l", "-j", "appban.endpoint"],
        env={**os.environ, **ansible_environment()},
        capture_output=True,
        text=True,
        check=True,
    )
    listed = {name.rpartition(".")[2]: said for name, said in json.loads(done.stdout).items()}
    assert {name for name, said in listed.items() if "(internal)" in said} == INTERNAL_MODULES
    assert set(listed) - INTERNAL_MODULES == public_modules((CHECKOUT / "docs" / "contents.md").read_text(encoding="utf-8"))
