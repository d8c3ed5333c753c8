# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asset facts: CSV, YAML and JSON as an office keeps them."""

from __future__ import annotations

import pathlib

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.documents.assets import read_assets
from ansible_collections.appban.endpoint.plugins.module_utils.policy.problems import PolicyError


def written(path: pathlib.Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("name", ["assets.csv", "assets.yml", "list.yml", "assets.json"])
def test_asset_facts(name: str, tmp_path: pathlib.Path) -> None:
    texts = {
        "assets.csv": "\ufeffserial, paid_use ,work_apps,accesses,cost\nS1,full,True,city;mail,0042\n\nS2,,FALSE,,\n",
        "assets.yml": "S1: {paid_use: full, work_apps: true, accesses: [city, mail], cost: '0042'}\n"
        "S2: {paid_use: null, work_apps: False, accesses:, cost:}\n",
        "list.yml": "- {serial: S1, paid_use: full, work_apps: TRUE, accesses: [city, mail], cost: '0042'}\n"
        "- {serial: S2, paid_use: , work_apps: false, accesses: , cost: }\n",
        "assets.json": '{"S1": {"paid_use": "full", "work_apps": true, "accesses": ["city", "mail"], "cost": "0042"},'
        ' "S2": {"paid_use": null, "work_apps": false, "accesses": null, "cost": null}}',
    }
    assert read_assets(written(tmp_path / name, texts[name])) == {
        "S1": {"paid_use": "full", "work_apps": True, "accesses": ["city", "mail"], "cost": "0042"},
        "S2": {"paid_use": None, "work_apps": False, "accesses": None, "cost": None},
    }


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name,paid\nx,y\n", "the column serial"),
        ("serial,paid,paid\nS1,a,b\n", "the column 'paid' twice"),
        ("serial,paid\nS1\n", "line 2: found 1 cells, expected 2 cells"),
        ("serial,paid\nS1,a\nS1,b\n", "line 3, column 1 (serial): found 'S1' a second time"),
        ("serial,paid\n,a\n", "line 2, column 1 (serial): found no serial number"),
        ('serial,paid\n"S1,a\n', "line 2, column 1: found a quote that is never closed"),
        ("", "a header row"),
    ],
)
def test_csv_mistakes_say_the_line(text: str, words: str, tmp_path: pathlib.Path) -> None:
    with pytest.raises(PolicyError) as error:
        read_assets(written(tmp_path / "assets.csv", text))
    assert words in str(error.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("3", "a mapping of serial numbers"),
        ("[{paid: x}]", "[0].serial"),
        ("[{serial: 12}]", "put it in quotes"),
        ("S1: 3", "a mapping of attributes"),
        ("S1: {owner: {a: b}}", "S1.owner"),
        ("[{serial: A}, {serial: A}]", "each serial number once"),
    ],
)
def test_asset_mistakes_say_where(text: str, words: str, tmp_path: pathlib.Path) -> None:
    with pytest.raises(PolicyError) as error:
        read_assets(written(tmp_path / "assets.yml", text))
    assert words in str(error.value)
