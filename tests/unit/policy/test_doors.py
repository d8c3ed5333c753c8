# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The public doors, through Ansible itself: the lookup appban.endpoint.policy and the filter appban.endpoint.decide.

Ansible's collection loader must come before any import of the collection, so the templates run in a process of their own.
"""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.policy_samples import ROOT

POLICY = """
policy: one
title: One
apps: [tiktok]
effective: {from: 2023-03-01T00:00:00+01:00}
rules:
  - {name: Work devices, when: "ownership == 'corporate' && contains(groups, 'a')", actions: [remove]}
"""
PROGRAM = """
import json, sys
from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import init_plugin_loader
from ansible.template import Templar, trust_as_template

init_plugin_loader()
asked = json.load(sys.stdin)
templar = Templar(loader=DataLoader(), variables=asked["variables"])
answers = {}
for text in asked["templates"]:
    try:
        answers[text] = {"value": json.loads(json.dumps(templar.template(trust_as_template("{{ (" + text + ") | to_json }}"))))}
    except AnsibleError as error:
        answers[text] = {"error": str(error)}
json.dump(answers, sys.stdout)
"""
FLEET = [{"serial": "A", "ownership": "corporate", "groups": ["a"]}, {"serial": "B"}, {"serial": "C", "ownership": "personal"}]

ONE = "lookup('appban.endpoint.policy', path) | appban.endpoint.decide(fleet[0], now='2023-05-01T00:00:00Z')"
SEVERAL = (
    "query('appban.endpoint.policy', path) | appban.endpoint.decide(fleet, now='2023-05-01T00:00:00+02:00') | map(attribute='scope') | list"
)
LOOKUP = "lookup('appban.endpoint.policy', path)"
MISTAKES = {
    "lookup('appban.endpoint.policy', 'missing.yml')": "missing.yml: found No such file",
    "lookup('appban.endpoint.policy', 3)": "expected paths of policy files",
    "lookup('appban.endpoint.policy', path, catalog_dirs=['/nowhere'])": "/nowhere: ",
    "{} | appban.endpoint.decide({'serial': 'S'})": "the result of the lookup",
    "3 | appban.endpoint.decide({'serial': 'S'})": "the result of the lookup",
    f"{LOOKUP} | appban.endpoint.decide(3)": "a mapping of device attributes",
    f"{LOOKUP} | appban.endpoint.decide([3])": "[0]",
    f"{LOOKUP} | appban.endpoint.decide({{'os': 1}})": "without id, serial and name",
    f"{LOOKUP} | appban.endpoint.decide({{'serial': 'S'}}, now='today')": "an instant with an offset",
}
Answer = Callable[[str], dict[str, Any]]


@pytest.fixture(scope="module")
def answer(tmp_path_factory: pytest.TempPathFactory) -> Answer:
    """What Ansible makes of a template: its value or its error."""
    directory: pathlib.Path = tmp_path_factory.mktemp("policies")
    path = directory / "one.yml"
    path.write_text(POLICY, encoding="utf-8")
    asked = {"variables": {"path": str(path), "fleet": FLEET}, "templates": [ONE, SEVERAL, LOOKUP, *MISTAKES]}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=False,
        cwd=directory,
        env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".build" / "c"), "HOME": str(directory), "LC_ALL": "C.UTF-8"},
    )
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout)
    return lambda text: answers[text]


def value_of(found: dict[str, Any]) -> Any:
    assert "value" in found, found
    return json.loads(found["value"]) if isinstance(found["value"], str) else found["value"]


def test_lookup_and_filter_work_together(answer: Answer) -> None:
    found = value_of(answer(ONE))
    assert found["apps"]["tiktok"]["verdict"] == "enforce"
    assert found["apps"]["tiktok"]["actions"] == ["remove"]


def test_several_devices(answer: Answer) -> None:
    assert value_of(answer(SEVERAL)) == ["in_scope", "unclassified", "out_of_scope"]


def test_the_lookup_tells_what_the_policy_asks_for(answer: Answer) -> None:
    found = value_of(answer(LOOKUP))
    assert found["attributes"] == ["groups", "ownership"]
    assert found["apps"][0]["id"] == "tiktok"
    bundles = {entry["value"]: entry["confidence"] for entry in found["apps"][0]["identifiers"]["ios_bundle_id"]}
    assert bundles["com.zhiliaoapp.musically"] == "sure"
    assert all(entry["tier"] != "vendor_shared" for entry in found["apps"][0]["identifiers"]["domain"])


@pytest.mark.parametrize("text", MISTAKES)
def test_mistakes_are_explained(answer: Answer, text: str) -> None:
    found = answer(text)
    assert MISTAKES[text] in found.get("error", "no error"), found
    assert "Traceback" not in found["error"]
