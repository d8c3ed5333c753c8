# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One message for one mistake, and what it says is what to type: zones, days, files that are none, quotes that never close."""

from __future__ import annotations

import pathlib
from datetime import datetime, timezone

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.documents.assets import read_assets
from ansible_collections.appban.endpoint.plugins.module_utils.policy.problems import PolicyError
from ansible_collections.appban.endpoint.plugins.plugin_utils.checked_documents import check_documents
from ansible_collections.appban.endpoint.plugins.plugin_utils.documents import read_policies

pytestmark = pytest.mark.fault_kind("D4", "messages about documents that people write")

NOW = datetime(2023, 6, 1, tzinfo=timezone.utc)
POLICY = """\
policy: city
title: City
timezone: Europe/Prague
apps: [tiktok]
effective: {from: 2023-03-01T00:00:00, until: 2023-12-31}
rules:
  - {name: Work, when: {ownership: corporate}, stages: [{actions: [advise]}, {from: 2023-04-01, actions: [remove]}]}
exemptions:
  - {id: EX-1, devices: [S1], reason: Case, approved_by: Head, granted: 2023-03-02, expires: 2023-04-30}
"""


def problems(path: pathlib.Path, text: str) -> list[str]:
    path.write_text(text, encoding="utf-8")
    try:
        read_policies([str(path)])
    except PolicyError as error:
        return [str(problem).removeprefix(f"{path}:") for problem in error.problems]
    return []


def problems_of_assets(path: pathlib.Path, content: bytes) -> list[str]:
    path.write_bytes(content)
    with pytest.raises(PolicyError) as error:
        read_assets(str(path))
    return [str(problem).removeprefix(str(path)).removeprefix(":").lstrip() for problem in error.value.problems]


@pytest.mark.parametrize(
    ("zone", "found"),
    [
        ("+01:00", "'+01:00'"),
        ("Central European Standard Time", "'Central European Standard Time'"),
        ("+10:00", "+10:00 (the number 600)"),
        ("1", "1"),
    ],
)
def test_a_zone_that_is_none_is_one_problem(zone: str, found: str, tmp_path: pathlib.Path) -> None:
    said = problems(tmp_path / "p.yml", POLICY.replace("Europe/Prague", zone))
    assert said == [f"3:11: timezone: found {found}, expected an IANA time zone such as Europe/Prague"]


INSTANT = "an instant such as 2023-03-15T00:00:00+01:00"
DAY_OR_INSTANT = "a day such as 2023-03-15, or an instant such as 2023-03-15T00:00:00+01:00"
UNTIL = "an instant such as 2023-09-10T00:00:00+02:00, a duration such as P6M, or with a timezone a day such as 2023-09-10"
INSTANT_OR_DAY = f"{INSTANT}, or with a timezone a day such as 2023-03-15"


@pytest.mark.parametrize(
    ("written", "instead", "said"),
    [
        ("expires: 2023-04-30", "expires: 2023", f"9:94: exemptions[0].expires: found 2023, expected {DAY_OR_INSTANT}"),
        ("expires: 2023-04-30", "expires: 30.4.2023", f"9:94: exemptions[0].expires: found '30.4.2023', expected {DAY_OR_INSTANT}"),
        ("from: 2023-04-01", "from: 20230315", f"7:85: rules[0].stages[1].from: found 20230315, expected {INSTANT_OR_DAY}"),
        ("from: 2023-03-01T00:00:00", "from: 2023", f"5:19: effective.from: found 2023, expected {INSTANT_OR_DAY}"),
        (
            "until: 2023-12-31",
            "until: 31.12.2023",
            f"5:47: effective.until: found '31.12.2023', expected {UNTIL}",
        ),
        ("title: City", "title: 2023", "2:8: title: found 2023, expected a line of text (put it in quotes)"),
        ("title: City", "title: true", "2:8: title: found true, expected a line of text (put it in quotes)"),
    ],
)
def test_a_number_is_told_what_a_day_looks_like(written: str, instead: str, said: str, tmp_path: pathlib.Path) -> None:
    assert problems(tmp_path / "p.yml", POLICY) == []
    assert problems(tmp_path / "p.yml", POLICY.replace(written, instead))[:1] == [said]


def test_a_broken_link_is_not_its_own_nearest_name(tmp_path: pathlib.Path) -> None:
    (tmp_path / "policy.yml").symlink_to("gone.yml")
    (tmp_path / "policy2.yml").write_text(POLICY, encoding="utf-8")
    with pytest.raises(PolicyError) as error:
        read_policies([str(tmp_path / "policy.yml")])
    assert str(error.value) == (
        f"{tmp_path}/policy.yml: found a symbolic link to gone.yml, which is not there, expected a file that can be read "
        f"(did you mean {tmp_path}/policy2.yml?)"
    )


def test_a_directory_is_for_validate_only(tmp_path: pathlib.Path) -> None:
    (tmp_path / "city.yml").write_text(POLICY, encoding="utf-8")
    with pytest.raises(PolicyError) as error:
        read_policies([str(tmp_path)])
    assert str(error.value) == (
        f"{tmp_path}: found Is a directory, expected a file: only validate takes a directory; name the files "
        f"(did you mean {tmp_path}/city.yml?)"
    )


@pytest.mark.parametrize(
    ("table", "place"),
    [
        (b'serial,paid\nS1,x\n"S2,full\nS3,part\n', "line 3, column 1"),
        (b'serial,paid\nS1,"a, b"\nS2,"full\nS3,part\n', "line 3, column 2"),
        (b'serial,paid\n"S1","a ""b"" c"\nS2,"one\ntwo"\nS4,"never ""\n\n', "line 5, column 2"),
        (b'"serial,paid\nS1,x\n', "line 1, column 1"),
    ],
)
def test_a_quote_that_never_closes_is_told_where_it_opens(table: bytes, place: str, tmp_path: pathlib.Path) -> None:
    assert problems_of_assets(tmp_path / "assets.csv", table) == [
        f"{place}: found a quote that is never closed, expected the closing quote (a quote inside a cell is written twice)"
    ]


def test_a_quote_that_closes_too_early_is_told_where_it_opens(tmp_path: pathlib.Path) -> None:
    table = b'serial,paid\n"S1,full\nS2,"part"\n'
    assert problems_of_assets(tmp_path / "assets.csv", table) == [
        (
            "line 2, column 1: found a cell in quotes with more behind its closing quote, expected a comma behind the closing quote "
            "(a quote inside a cell is written twice)"
        )
    ]


ENDINGS = ".csv, .yml, .yaml, .json"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("assets.xlsx", b"PK\x03\x04", f"found the ending .xlsx, expected one of {ENDINGS} (save the workbook as CSV UTF-8)"),
        ("assets.ODS", b"PK\x03\x04", f"found the ending .ODS, expected one of {ENDINGS} (save the workbook as CSV UTF-8)"),
        ("assets.xls", b"\xd0\xcf\x11\xe0", f"found the ending .xls, expected one of {ENDINGS} (save the workbook as CSV UTF-8)"),
        ("assets.txt", b"serial,paid\nS1,x\n", f"found the ending .txt, expected one of {ENDINGS}"),
        ("assets", b"serial,paid\nS1,x\n", f"found a name without an ending, expected one of {ENDINGS}"),
        ("assets.csv", b"PK\x03\x04\x14\0\0", "found a workbook that is called a table, expected a file in UTF-8 (save it as CSV UTF-8)"),
        ("assets.csv", b"\xd0\xcf\x11\xe0\xa1", "found a workbook that is called a table, expected a file in UTF-8 (save it as CSV UTF-8)"),
    ],
)
def test_a_file_that_is_no_table_is_told_by_its_ending(name: str, content: bytes, said: str, tmp_path: pathlib.Path) -> None:
    [problem] = problems_of_assets(tmp_path / name, content)
    assert problem.removeprefix("line 1, column 1: ") == said


def test_a_file_of_assets_that_is_not_there_is_told_before_its_ending(tmp_path: pathlib.Path) -> None:
    with pytest.raises(PolicyError, match="No such file"):
        read_assets(str(tmp_path / "assets.xlsx"))


def test_the_ending_of_a_table_has_no_letter_case(tmp_path: pathlib.Path) -> None:
    (tmp_path / "ASSETS.CSV").write_bytes(b"serial,paid\nS1,x\n")
    assert read_assets(str(tmp_path / "ASSETS.CSV")) == {"S1": {"paid": "x"}}


def test_the_same_file_twice_is_refused_and_not_called_good(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "city.yml"
    path.write_text(POLICY, encoding="utf-8")
    (tmp_path / "link.yml").symlink_to("city.yml")
    said = f"{path}:1:9: policy: found a file that is named twice, expected each file once"
    for paths in ([str(path), str(path)], [str(tmp_path / "city.yml"), f"{tmp_path}/./city.yml"]):
        checked = check_documents(paths, [], [], NOW)
        with pytest.raises(PolicyError) as error:
            read_policies(paths)
        assert [str(problem) for problem in checked.problems] == str(error.value).splitlines()
        assert [line.replace("/./", "/") for line in map(str, checked.problems)] == [said]
        assert not [line for line in checked.good if line.startswith(checked.problems[0].file + ":")]
    checked = check_documents([str(tmp_path)], [], [], NOW)
    assert [problem.file for problem in checked.problems] == [str(tmp_path / "link.yml")]


def test_a_document_with_a_problem_is_not_called_good(tmp_path: pathlib.Path) -> None:
    for name in ("a.yml", "b.yml"):
        (tmp_path / name).write_text(POLICY, encoding="utf-8")
    checked = check_documents([str(tmp_path)], [], [], NOW)
    assert [problem.file for problem in checked.problems] == [f"{tmp_path}/b.yml"]
    assert {line.split(":")[0] for line in checked.good} == {f"{tmp_path}/a.yml"}
