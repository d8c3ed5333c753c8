# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Enrolments from lists and files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.policy.problems import PolicyError
from ansible_collections.appban.endpoint.plugins.module_utils.targets.nanomdm.enrollments import enrollments_of_rows, read_enrollments_file
from ansible_collections.appban.endpoint.plugins.module_utils.targets.nanomdm.objects import Enrollment, platform_of

PHONE = {
    "id": "00008030-000A1B2C3D4E5F60",
    "serial": "C8TJ500QF1MN",
    "name": "Minister's phone",
    "model": "iPhone15,2",
    "os_version": "17.10",
    "supervised": "true",
    "enrollment": "device",
    "ownership": "corporate",
    "user": "anna@example.org",
    "groups": ["ministers"],
    "last_seen": "2026-03-01T13:00:00.123456789+01:00",
}


def test_a_row_becomes_an_enrolment_whose_platform_follows_from_its_model() -> None:
    (found,) = enrollments_of_rows([PHONE], "enrollments")
    assert found == Enrollment(
        id="00008030-000A1B2C3D4E5F60",
        serial="C8TJ500QF1MN",
        name="Minister's phone",
        platform="ios",
        os_version="17.10",
        model="iPhone15,2",
        supervised=True,
        enrollment="device",
        ownership="corporate",
        user="anna@example.org",
        groups=("ministers",),
        last_seen="2026-03-01T12:00:00Z",
    )
    assert found.record()["supervised"] is True


def test_what_nobody_says_is_missing_from_the_record_and_no_false() -> None:
    (found,) = enrollments_of_rows([{"id": "A", "serial": None, "supervised": "", "platform": "ios"}], "enrollments")
    assert (found.supervised, found.managed, found.record()) == (None, True, {"id": "A", "platform": "ios"})


def test_all_problems_of_all_rows_are_told_at_once_with_their_places() -> None:
    rows: list[Any] = [
        {"serial": "no id"},
        {"id": "A", "platform": "iso", "supervised": "perhaps", "os_version": 17.1},
        {"id": "A"},
        {"id": "a"},
        {"id": "B,C"},
        {"id": "DEVICE:USER"},
        {"id": 17},
        "D",
        {"id": "E", "groups": "ministers", "last_seen": "yesterday", "supervized": True, "serial": ["x"], "ownership": []},
    ]
    with pytest.raises(PolicyError) as caught:
        enrollments_of_rows(rows, "enrollments")
    places = [problem.path for problem in caught.value.problems]
    assert places == [
        "[0].id", "[1].platform", "[1].supervised", "[1].os_version", "[2].id", "[3].id", "[4].id", "[5].id", "[6].id", "[7]",
        "[8].groups", "[8].last_seen", "[8]", "[8].serial", "[8].ownership",
    ]  # fmt: skip
    text = str(caught.value)
    assert "did you mean ios" in text
    assert "did you mean supervised" in text
    assert "first in [1]" in text
    assert all(problem.file == "enrollments" for problem in caught.value.problems)


@pytest.mark.parametrize("rows", [None, {"id": "A"}, "A", 3])
def test_what_is_no_list_is_refused(rows: Any) -> None:
    with pytest.raises(PolicyError, match="a list of enrolments"):
        enrollments_of_rows(rows, "enrollments")


def test_a_file_says_the_same_in_csv_yaml_and_json(tmp_path: Path) -> None:
    header = list(PHONE)
    cells = ['"%s"' % (";".join(value) if isinstance(value, list) else value) for value in PHONE.values()]
    (tmp_path / "list.csv").write_text("\ufeff%s\n%s\n\n" % (",".join(header), ",".join(cells)), encoding="utf-8")
    (tmp_path / "list.json").write_text(json.dumps([PHONE]), encoding="utf-8")
    (tmp_path / "list.yml").write_text(json.dumps([PHONE]), encoding="utf-8")
    expected = enrollments_of_rows([PHONE], "enrollments")
    for name in ("list.csv", "list.json", "list.yml"):
        assert read_enrollments_file(str(tmp_path / name)) == expected


def test_a_csv_file_tells_the_line_of_each_problem(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("id,platform\nA,ios\n,ios\nB\nC,windows\n", encoding="utf-8")
    with pytest.raises(PolicyError) as caught:
        read_enrollments_file(str(path))
    assert sorted(problem.path for problem in caught.value.problems) == ["line 3.id", "line 4", "line 5.platform"]
    path.write_text("serial\nA\n", encoding="utf-8")
    with pytest.raises(PolicyError, match="a header row with the column id"):
        read_enrollments_file(str(path))


@pytest.mark.parametrize(
    ("product", "platform"),
    [
        ("iPhone15,2", "ios"), ("iPod9,1", "ios"), ("iPad13,1", "ipados"), ("AppleTV14,1", "tvos"), ("RealityDevice14,1", "visionos"),
        ("Mac16,1", "macos"), ("MacBookPro18,3", "macos"), ("iMac21,1", "macos"), ("Macmini9,1", "macos"), ("VirtualMac2,1", "macos"),
        ("Watch6,1", ""), ("", ""),
    ],
)  # fmt: skip
def test_a_product_name_tells_the_platform(product: str, platform: str) -> None:
    assert platform_of(product) == platform
