# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Texts that stand where a serial number should and are none: what spreadsheets make of them, and what makers write where there is none."""

from __future__ import annotations

import re

from .names_compared import comparable

#: Written into machines by makers that gave them no serial number (DMI tables of PCs and virtual machines), in the form in which names are
#: compared. Many machines have each, so one exemption would free all of them.
PLACEHOLDERS = frozenset(
    (
        "default string", "to be filled by o.e.m.", "to be filled by oem", "to be filled by o.e.m", "o.e.m.", "oem", "system serial number",
        "serial number", "chassis serial number", "base board serial number", "board serial number", "system product name", "no asset tag",
        "asset tag", "none", "null", "nil", "n/a", "na", "nan", "not applicable", "not available", "not specified", "not defined",
        "undefined", "unspecified", "unknown", "invalid", "empty", "tbd", "serial", "123456789", "1234567890", "0123456789",
        "01234567890123456789",
    )
)  # fmt: skip
#: As spreadsheets in English write them.
MONTHS = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
#: What stands between two names that share a cell or an item: a character class of a pattern, control characters and line breaks among it.
BETWEEN_NAMES = r",;\x00-\x1f\x7f-\x9f\u2028\u2029"
_FILLED = re.compile(r"0+|f{4,}|x{2,}|[-._*?\s]+")
# As Excel and LibreOffice write a long number; the digits after the sixth are gone.
_SCIENTIFIC = re.compile(r"\d(?:[.,]\d+)?e\+\d{1,3}")
_DECIMAL = re.compile(r"(\d+)[.,]0+")
_SHEET_ERROR = re.compile(r"#+|#[a-z/0!?]+")
_FORMULA = re.compile(r'=\s*"?(.*?)"?\s*')
_DATE = re.compile(rf"\d{{1,2}}-(?:{MONTHS})(?:-\d{{2}}(?:\d{{2}})?)?|(?:{MONTHS})-\d{{2}}", re.ASCII)
_SEVERAL = re.compile(rf"[{BETWEEN_NAMES}]")
APOSTROPHES = "'\u2018\u2019\u02bc\u00b4`"
QUOTES = '"\u201c\u201d\u201e'


def why_no_serial(text: str) -> tuple[str, tuple[str, ...]] | None:
    """What is expected instead of a text, and what it may have been; None where it can be a serial number or an id."""
    name = comparable(text)
    if not name:
        return "a serial number that can be seen", ()
    if name in PLACEHOLDERS or _FILLED.fullmatch(name):
        return "a serial number of one device: makers write this into machines that have none", ()
    bare = text.strip()
    if bare.startswith("="):
        found = _FORMULA.fullmatch(bare)
        return "a serial number, not a formula of a spreadsheet", _meant(found[1] if found else "")
    if bare[0] in APOSTROPHES:
        return "a serial number without the apostrophe", _meant(bare.strip(APOSTROPHES))
    if bare[0] in QUOTES:
        return "a serial number without quotes in it", _meant(bare.strip(QUOTES))
    if _SCIENTIFIC.fullmatch(name):
        return "all digits of the serial number: a spreadsheet has rounded it (format the column as text and enter it again)", ()
    decimal = _DECIMAL.fullmatch(name)
    if decimal:
        return "a serial number, not a decimal number", (decimal[1],)
    if _DATE.fullmatch(name):
        return "a serial number: a spreadsheet has made a date of it (format the column as text and enter it again)", ()
    if _SEVERAL.search(bare):
        return "one serial number or id: write each name by itself (an item of the list, a row of the table)", ()
    if "*" in bare:
        return "a whole serial number or id: names are no patterns", ()
    if _SHEET_ERROR.fullmatch(name):
        return "a serial number, not what a spreadsheet shows for an error", ()
    return None


def _meant(text: str) -> tuple[str, ...]:
    """What a text becomes without what is wrong with it, where that can be a serial number."""
    return (text,) if text.strip() and why_no_serial(text) is None else ()
