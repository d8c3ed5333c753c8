# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Policies and catalogs in files, as people write them."""

from __future__ import annotations

import json
import pathlib

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.policy.problems import PolicyError
from ansible_collections.appban.endpoint.plugins.plugin_utils import documents
from tests.support.policy_samples import entry

POLICY = """
policy: one
title: One
apps: [hexchat]
effective: {from: 2023-03-01T00:00:00+01:00, review_on: 2023-09-01}
rules:
  - {name: Work devices, when: {ownership: corporate}, actions: [remove]}
"""
HEXCHAT = """
id: hexchat
title: HexChat
vendor: hexchat
identifiers:
  deb:
    - {value: hexchat, confidence: sure, source: packages list, last_verified: 2026-11-01}
"""


def said(error: pytest.ExceptionInfo[PolicyError]) -> str:
    return str(error.value)


def write(directory: pathlib.Path, **files: str) -> list[str]:
    directory.mkdir(exist_ok=True)
    written = []
    for name, text in files.items():
        path = directory / name.replace("_", ".")
        path.write_text(text, encoding="utf-8")
        written.append(str(path))
    return written


def test_a_user_directory_adds_an_app(tmp_path: pathlib.Path) -> None:
    write(tmp_path / "catalog", hexchat_yml=HEXCHAT)
    (policy,) = documents.read_policies(write(tmp_path, one_yml=POLICY), [str(tmp_path / "catalog")])
    assert [(found.kind, found.value) for found in policy.apps[0].identifiers] == [("deb", "hexchat")]
    assert len(policy.sha256) == 64


def test_a_user_directory_overrides_by_kind_and_value(tmp_path: pathlib.Path) -> None:
    mine = {
        "id": "tiktok",
        "title": "TikTok (all)",
        "identifiers": {"android_package": [entry("com.zhiliaoapp.musically", note="ours")], "deb": [entry("tt-wrap")]},
    }
    write(tmp_path / "catalog", tiktok_json=json.dumps(mine))
    app = documents.read_catalog([str(tmp_path / "catalog")]).apps["tiktok"]
    built_in = documents.read_catalog().apps["tiktok"]
    assert app.title == "TikTok (all)"
    assert app.vendor == built_in.vendor
    assert len(app.identifiers) == len(built_in.identifiers) + 1
    assert [found.note for found in app.identifiers if found.value == "com.zhiliaoapp.musically" and found.kind == "android_package"] == [
        "ours"
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("policy: a\npolicy: b\n", "bad.yml:2:1: policy: found the key 'policy' a second time (first on line 1)"),
        ("x:\n- [a\n", "bad.yml:2:3: found a list in [ ] that is not closed"),
        ("a: 1\n---\nb: 2\n", "bad.yml:2:1: found a second document after ---"),
        ("a: !!python/object:x.y {}\n", "bad.yml:1:4: found a tag"),
        ("a: &b [*b]\n", "nested"),
        ("1: x\n", "bad.yml:1:1: 1: found the key 1, expected keys that are text"),
        ("", "expected a mapping"),
        ("a: .nan\n", "a finite number"),
        ("a: !!binary aGk=\n", "a value of type bytes"),
    ],
)
def test_yaml_mistakes_say_where(text: str, words: str, tmp_path: pathlib.Path) -> None:
    with pytest.raises(PolicyError) as error:
        documents.read_policies(write(tmp_path, bad_yml=text))
    assert words in said(error)
    assert said(error).startswith(str(tmp_path / "bad.yml"))


def test_all_files_are_read_before_anything_is_said(tmp_path: pathlib.Path) -> None:
    with pytest.raises(PolicyError) as error:
        documents.read_policies([*write(tmp_path, a_yml="policy: A", b_yml="apps: 3"), str(tmp_path / "missing.yml")])
    assert {problem.file for problem in error.value.problems} == {str(tmp_path / name) for name in ("a.yml", "b.yml", "missing.yml")}


def test_two_files_with_one_policy_id(tmp_path: pathlib.Path) -> None:
    text = POLICY.replace("[hexchat]", "[tiktok]")
    with pytest.raises(PolicyError, match="an id of its own"):
        documents.read_policies(write(tmp_path, a_yml=text, b_yml=text))


def test_catalog_files_and_directories(tmp_path: pathlib.Path) -> None:
    with pytest.raises(PolicyError, match="a directory of catalog files"):
        documents.read_catalog([str(tmp_path / "none")])
    write(tmp_path / "twice", a_yml=HEXCHAT, b_yml=HEXCHAT)
    with pytest.raises(PolicyError, match="one file for one app"):
        documents.read_catalog([str(tmp_path / "twice")])
    write(tmp_path / "clash", a_yml=HEXCHAT, b_yml=HEXCHAT.replace("id: hexchat", "id: other"))
    with pytest.raises(PolicyError, match="an identifier that belongs to one app"):
        documents.read_catalog([str(tmp_path / "clash")])
    write(tmp_path / "thin", a_yml="id: thin\n")
    with pytest.raises(PolicyError) as error:
        documents.read_catalog([str(tmp_path / "thin")])
    assert all(key in said(error) for key in ("no title", "no vendor", "no identifiers"))
