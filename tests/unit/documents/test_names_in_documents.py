# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What spreadsheets, firmware and habits make of serial numbers and words is refused where it stands, with the nearest right thing."""

from __future__ import annotations

import pathlib
from typing import Any

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.documents.assets import read_assets
from ansible_collections.appban.endpoint.plugins.module_utils.policy.problems import PolicyError
from tests.support.policy_samples import document, exemption, problems_of

TABLE = 'serial,department\n="0012",finance\n\'0012,finance\n8.96529E+19,finance\nSN1\u200e,finance\nc02a,finance\nC02A,sales\n'


def problems(path: pathlib.Path, content: bytes | str) -> list[str]:
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    with pytest.raises(PolicyError) as error:
        read_assets(str(path))
    return [str(problem).removeprefix(str(path)).removeprefix(":").lstrip() for problem in error.value.problems]


@pytest.mark.fault_kind("D1", "a table of asset facts that a spreadsheet has been at")
def test_everything_that_a_spreadsheet_did_is_named_at_once(tmp_path: pathlib.Path) -> None:
    assert problems(tmp_path / "assets.csv", TABLE) == [
        "line 2, column 1 (serial): found '=\"0012\"', expected a serial number, not a formula of a spreadsheet (did you mean 0012?)",
        'line 3, column 1 (serial): found "\'0012", expected a serial number without the apostrophe (did you mean 0012?)',
        (
            "line 4, column 1 (serial): found '8.96529E+19', expected all digits of the serial number: a spreadsheet has rounded it "
            "(format the column as text and enter it again)"
        ),
        "line 7, column 1 (serial): found 'C02A' a second time (first on line 6, 'c02a'), expected each serial number once",
    ]


def test_a_mark_that_nobody_sees_is_no_mistake(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "assets.csv"
    path.write_text("serial,department\nSN1\u200e,finance\n", encoding="utf-8")
    assert read_assets(str(path)) == {"SN1\u200e": {"department": "finance"}}


PLACEHOLDERS = [
    "Default string", "To be filled by O.E.M.", "to be filled by OEM", "0", "000000000", "System Serial Number", "None", "N/A",
    "Not Specified", "Unknown", "INVALID", "xxxxxxxx", "FFFFFFFF", "0123456789", "1234567890", "-", "Chassis Serial Number",
    "No Asset Tag", "DEFAULT STRING\u200b",
]  # fmt: skip


@pytest.mark.fault_kind("D1", "placeholder serial numbers of asset facts")
@pytest.mark.parametrize("serial", PLACEHOLDERS)
def test_a_placeholder_of_a_firmware_is_no_serial_number(serial: str, tmp_path: pathlib.Path) -> None:
    [problem] = problems(tmp_path / "assets.csv", f"serial,paid\nS1,x\n{serial},x\n")
    assert problem.startswith("line 3, column 1 (serial): found ")
    assert "expected a serial number of one device: makers write this into machines that have none" in problem
    [problem] = problems(tmp_path / "assets.json", '[{"serial": "S1"}, {"serial": "%s", "paid": "x"}]' % serial)
    assert problem.startswith("1:31: [1].serial: found ")


@pytest.mark.fault_kind("D1", "placeholder and spoiled serial numbers of exemptions")
@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        *((serial, ()) for serial in PLACEHOLDERS),
        ('="0012"', ("0012",)),
        ("=0012", ("0012",)),
        ("'0012", ("0012",)),
        ("\u20190012", ("0012",)),
        ('"0012"', ("0012",)),
        ("8.96529E+19", ()),
        ("8,96529E+19", ()),
        ("123456.0", ("123456",)),
        ("#N/A", ()),
        ("########", ()),
        ("\u200b", ()),
    ],
)
def test_an_exemption_names_devices_by_what_is_a_name(name: str, nearest: tuple[str, ...]) -> None:
    [problem] = problems_of(document(exemptions=[exemption(devices=["S1", name])]))
    assert problem.path == "exemptions[0].devices[1]"
    assert problem.nearest == nearest


@pytest.mark.parametrize(
    "name", ["00123456", "123456", "C02AB1CDXYZ9", "5E12345", "12E4", "0000-0012", "PF-0", "VMware-56 4d 2f", "none-1", "FF0"]
)
def test_what_may_be_a_serial_number_is_one(name: str) -> None:
    assert problems_of(document(exemptions=[exemption(devices=[name])])) == ()


@pytest.mark.fault_kind("D1", "leading zeros that a number has lost")
@pytest.mark.parametrize("number", [83, 123456, 8.96529e19])
def test_a_number_is_asked_for_in_quotes(number: Any, tmp_path: pathlib.Path) -> None:
    [problem] = problems_of(document(exemptions=[exemption(devices=[number])]))
    assert problem.path == "exemptions[0].devices[0]"
    assert "in quotes" in problem.expected
    assert "zeros" in problem.expected
    [said] = problems(tmp_path / "assets.yml", "- {serial: 00123, paid: x}\n")
    assert said.startswith(
        "1:12: [0].serial: found 00123 (the number 83), expected a serial number as text (put it in quotes: a number loses its "
    )


@pytest.mark.fault_kind("D1", "leading zeros that a number has lost")
def test_every_number_that_stands_as_a_serial_number_is_named_as_its_author_wrote_it(tmp_path: pathlib.Path) -> None:
    text = "00123: {paid: x}\nS1: {ownership: Company}\n0456: {paid: .inf}\n"
    assert problems(tmp_path / "assets.yml", text) == [
        "1:1: 83: found the key 00123 (the number 83), expected keys that are text (put it in quotes)",
        "2:17: S1.ownership: found 'Company', expected one of corporate, personal, shared (did you mean corporate?)",
        "3:1: 302: found the key 0456 (the number 302), expected keys that are text (put it in quotes)",
    ]


@pytest.mark.fault_kind("D1", "closed vocabularies of asset facts")
def test_closed_vocabularies_are_closed_in_asset_facts_too(tmp_path: pathlib.Path) -> None:
    rows = ["serial,ownership,supervised,work_apps,platform,paid", "S1,Company,maybe,yes,iOS,anything", "S2,,,no,,"]
    rows.append("S3,corporate;shared,true,,macos,")
    assert problems(tmp_path / "assets.csv", "\n".join(rows) + "\n") == [
        "line 2, column 2 (ownership): found 'Company', expected one of corporate, personal, shared (did you mean corporate?)",
        "line 2, column 3 (supervised): found 'maybe', expected one of true, false",
        (
            "line 2, column 5 (platform): found 'iOS', expected one of ios, ipados, android, chromeos, windows, macos, linux, tvos, "
            "visionos (did you mean ios?)"
        ),
        "line 4, column 2 (ownership): found a list of 2 items, expected one of corporate, personal, shared",
    ]
    said = problems(tmp_path / "assets.yml", "S1: {ownership: Corporate, enrollment: null}\nS2: {supervised: [true], work_apps: 'yes'}\n")
    assert said == [
        "1:17: S1.ownership: found 'Corporate', expected one of corporate, personal, shared (did you mean corporate?)",
        "2:18: S2.supervised: found a list of 1 item, expected one of true, false",
    ]


@pytest.mark.fault_kind("D1", "serial numbers in two spellings")
def test_two_spellings_of_one_serial_number_are_one(tmp_path: pathlib.Path) -> None:
    [problem] = problems(tmp_path / "assets.yml", "c02a: {paid: x}\nC02A: {paid: y}\n")
    assert problem == "2:7: C02A: found 'C02A' a second time (first in c02a), expected each serial number once"


@pytest.mark.fault_kind("D1", "tables with another separator or encoding")
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            b"serial;department\nS1;press\n",
            (
                "line 1, column 1: found columns separated by semicolons, expected columns separated by commas (save it as CSV with "
                "commas; a semicolon separates the items of a list in a cell)"
            ),
        ),
        (b"sep=;\nserial;department\nS1;press\n", "line 1, column 1: found 'sep=;', expected a header row with the column serial"),
        (
            b"serial\tdepartment\nS1\tpress\n",
            "line 1, column 1: found columns separated by tabs, expected columns separated by commas (save it as CSV with commas)",
        ),
        (
            "serial,department\nS1,press\n".encode("utf-16"),
            "line 1, column 1: found text in UTF-16, expected a file in UTF-8 (save it as CSV UTF-8)",
        ),
        (
            "serial,department\nS1,press\n".encode("utf-16-le"),
            "line 1, column 1: found text in UTF-16, expected a file in UTF-8 (save it as CSV UTF-8)",
        ),
        (
            "serial,department\nS1,press\nS2,Jan\u00e9 caf\u00e9\n".encode("latin-1"),
            "line 3, column 2: found the byte 0xe9, which is \u00e9 in Windows-1252, expected a file in UTF-8 (save it as CSV UTF-8)",
        ),
        (
            b"Serial,paid\nS1,x\n",
            "line 1: found the columns Serial, paid, expected a header row with the column serial (did you mean serial?)",
        ),
        (b"serial,Ownership\nS1,x\n", "line 1, column 2: found the column 'Ownership', expected the column ownership"),
    ],
)
def test_another_separator_or_encoding_is_named_with_what_to_do(content: bytes, said: str, tmp_path: pathlib.Path) -> None:
    [problem, *_more] = problems(tmp_path / "assets.csv", content)
    assert problem.startswith(said), problem
