# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The public doors, through Ansible itself: the lookup appban.endpoint.policy and the filter appban.endpoint.decide."""

from __future__ import annotations

import pathlib
from typing import Any

import pytest
from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import init_plugin_loader
from ansible.template import Templar, trust_as_template

POLICY = """
policy: one
title: One
apps: [tiktok]
effective: {from: 2023-03-01T00:00:00+01:00}
rules:
  - {name: Work devices, when: "ownership == 'corporate' && contains(groups, 'a')", actions: [remove]}
"""


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    init_plugin_loader()
    path = tmp_path_factory.mktemp("policies") / "one.yml"
    path.write_text(POLICY, encoding="utf-8")
    return path


def template(text: str, **variables: Any) -> Any:
    return Templar(loader=DataLoader(), variables=variables).template(trust_as_template(text))


def test_lookup_and_filter_work_together(path: pathlib.Path) -> None:
    found = template(
        "{{ lookup('appban.endpoint.policy', path) | appban.endpoint.decide(device, now='2023-05-01T00:00:00Z') }}",
        path=str(path),
        device={"serial": "S", "ownership": "corporate", "groups": ["a"]},
    )
    assert found["apps"]["tiktok"]["verdict"] == "enforce"
    assert found["apps"]["tiktok"]["actions"] == ["remove"]


def test_several_policies_and_devices(path: pathlib.Path) -> None:
    text = "{{ query('appban.endpoint.policy', path) | appban.endpoint.decide(fleet, now='2023-05-01T00:00:00+02:00') | map(attribute='scope') }}"
    fleet = [{"serial": "A", "ownership": "corporate", "groups": ["a"]}, {"serial": "B"}, {"serial": "C", "ownership": "personal"}]
    assert list(template(text, path=str(path), fleet=fleet)) == ["in_scope", "unclassified", "out_of_scope"]


def test_the_lookup_tells_what_the_policy_asks_for(path: pathlib.Path) -> None:
    found = template("{{ lookup('appban.endpoint.policy', path) }}", path=str(path))
    assert found["attributes"] == ["groups", "ownership"]
    assert found["apps"][0]["id"] == "tiktok"
    assert found["apps"][0]["identifiers"]["ios_bundle_id"][0]["confidence"] == "sure"
    assert all(entry["tier"] != "vendor_shared" for entry in found["apps"][0]["identifiers"]["domain"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{{ lookup('appban.endpoint.policy', 'missing.yml') }}", r"missing\.yml: \$: found No such file"),
        ("{{ lookup('appban.endpoint.policy', 3) }}", "expected paths of policy files"),
        ("{{ lookup('appban.endpoint.policy', path, catalog_dirs=['/nowhere']) }}", "/nowhere: "),
        ("{{ {} | appban.endpoint.decide({'serial': 'S'}) }}", "the result of the lookup"),
        ("{{ 3 | appban.endpoint.decide({'serial': 'S'}) }}", "the result of the lookup"),
        ("{{ lookup('appban.endpoint.policy', path) | appban.endpoint.decide(3) }}", "a mapping of device attributes"),
        ("{{ lookup('appban.endpoint.policy', path) | appban.endpoint.decide([3]) }}", r"\[0\]"),
        ("{{ lookup('appban.endpoint.policy', path) | appban.endpoint.decide({'os': 1}) }}", "without id, serial and name"),
        (
            "{{ lookup('appban.endpoint.policy', path) | appban.endpoint.decide({'serial': 'S'}, now='today') }}",
            "an instant with an offset",
        ),
    ],
)
def test_mistakes_are_explained(path: pathlib.Path, text: str, said: str) -> None:
    with pytest.raises(AnsibleError, match=said):
        str(template(text, path=str(path)))
