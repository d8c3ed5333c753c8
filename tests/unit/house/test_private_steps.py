# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is not public says so where Ansible lists it, and its documentation says what the code takes."""

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
from tests.support.documented_options import documented_as, specified_as

CHECKOUT = working_copy.CHECKOUT
ACTIONS = sorted(path.stem for path in (CHECKOUT / "plugins" / "action").glob("*.py"))
PAGE = (CHECKOUT / "docs" / "contents.md").read_text(encoding="utf-8")
PUBLIC = set(re.findall(r"^\| module `(\w+)` \|", PAGE, re.MULTILINE))
#: Actions whose module holds nothing but their documentation.
PRIVATE = [name for name in ACTIONS if name not in PUBLIC]


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


@pytest.mark.parametrize("name", PRIVATE)
def test_options_are_as_documented(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module = importlib.import_module(f"ansible_collections.appban.endpoint.plugins.modules.{name}")
    document = yaml.safe_load(module.DOCUMENTATION)
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
    assert {name for name in listed if name in PUBLIC} == PUBLIC
    assert {name for name, said in listed.items() if not said.startswith("(internal) ")} == PUBLIC
    assert set(listed) - PUBLIC == {*PRIVATE, "host_look"}
