# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the parser checks of a document beyond its validators, as far as JSON Schema can say it: fragments of schemas.

The parser has its own words for these mistakes ("a day that exists"); a schema only refuses. What these say is refused by the parser
too, which a test holds. docs/policy-language.md lists what no schema can say.
"""

from __future__ import annotations

import re
from typing import Any, Iterable

from .identifiers import KINDS
from .protected import PROTECTED
from .serial_texts import APOSTROPHES, BETWEEN_NAMES, MONTHS, PLACEHOLDERS, QUOTES

_YEAR = r"(?!0000)[0-9]{4}"
_LEAP_YEAR = r"(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:0[48]|[2468][048]|[13579][26])00)"
REAL_DAY = (
    rf"(?:{_YEAR}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))"
    rf"|{_LEAP_YEAR}-02-29)"
)
_TIME = r"[Tt ](?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,6})?)?"
_OFFSET = r"(?:[Zz]|[+-](?:0[0-9]|1[0-4]):[0-5][0-9])"
REAL_INSTANT = rf"{REAL_DAY}(?:{_TIME}{_OFFSET}?)?"
WITH_OFFSET = rf"{REAL_DAY}{_TIME}{_OFFSET}"
LONGER_THAN_NOTHING = r"P(?=.*[1-9]).*"
# Words beside each other, hyphens in names, digits in front: a sentence or a date is no expression.
NO_SENTENCE = r"(?![\w .:-]*(?:-|\w\s+\w)[\w .:-]*$)\s*[A-Za-z_\"'`!(][^\x00]*"
WITHOUT_REPETITION: dict[str, Any] = {"uniqueItems": True}


def whole(pattern: str) -> str:
    """The pattern of JSON Schema for a text that matches a pattern as a whole."""
    # Some engines let $ match before a final line feed.
    return f"^(?:{pattern})$(?!\\n)"


def also(pattern: str) -> dict[str, Any]:
    """A text that matches one more pattern as a whole."""
    return {"allOf": [{"pattern": whole(pattern)}]}


def nothing_protected(kind: str) -> dict[str, Any]:
    """An identifier of a kind that is none of those that no ban may name."""
    patterns = PROTECTED.get(kind)
    return {"not": {"pattern": whole(_in_any_case("|".join(patterns)))}} if patterns else {}


def one_serial_number() -> dict[str, Any]:
    """A text that is none of those which stand where a serial number should and are none; see :func:`.serial_texts.why_no_serial`."""
    placeholders = _in_any_case("|".join(sorted(re.escape(word) for word in PLACEHOLDERS)).replace("\\ ", " "))
    spoiled = r"[0-9](?:[.,][0-9]+)?[eE]\+[0-9]{1,3}|[0-9]+[.,]0+|#+|#[a-zA-Z/0!?]+"
    marks = "".join(mark if mark.isascii() else f"\\u{ord(mark):04x}" for mark in APOSTROPHES + QUOTES)
    begins = rf"[={marks}][^\x00]*"
    filled = r"0+|[fF]{4,}|[xX]{2,}|[-._*?\s]+"
    months = _in_any_case(MONTHS)
    dates = rf"[0-9]{{1,2}}-(?:{months})(?:-[0-9]{{2}}(?:[0-9]{{2}})?)?|(?:{months})-[0-9]{{2}}"
    several = rf"[^\x00]*[{BETWEEN_NAMES}*][^\x00]*"
    return {"not": {"pattern": whole("|".join((placeholders, filled, spoiled, begins, dates, several)))}}


def platforms_fit_identifiers(kinds: Iterable[str] = tuple(KINDS)) -> dict[str, Any]:
    """An app whose identifiers are all of kinds that belong to one of its platforms, where it declares any."""
    return {
        "allOf": [
            {
                "if": {"required": ["platforms", "identifiers"], "properties": {"identifiers": {"required": [kind]}}},
                "then": {"properties": {"platforms": {"contains": {"enum": list(KINDS[kind].platforms)}}}},
            }
            for kind in kinds
            if KINDS[kind].platforms
        ]
    }


def holders_of_an_exemption() -> dict[str, Any]:
    """An exemption for devices, for users, or for a condition, and not for several of these."""
    follows = {"required": ["follow_user"], "properties": {"follow_user": {"const": True}}}
    return {
        "anyOf": [{"required": [key]} for key in ("devices", "users", "when")],
        "dependentSchemas": {
            "when": {"properties": {"devices": False, "users": False}},
            "follow_user": {"required": ["users"]},
            "users": {"if": follows, "then": {"properties": {"devices": False}}, "else": {"required": ["devices"]}},
        },
        # One with an empty condition would be for every device.
        "not": {"required": ["when"], "properties": {"when": {"type": "object", "maxProperties": 0}}},
    }


def actions_or_stages() -> dict[str, Any]:
    """A rule with one of the two."""
    return {"oneOf": [{"required": ["actions"]}, {"required": ["stages"]}]}


def whole_policy(requirable: Iterable[str]) -> dict[str, Any]:
    """What depends on another part of a policy: offsets where there is no time zone, keys that its exemption rules ask for."""
    instant, day_or_instant = {"pattern": whole(WITH_OFFSET)}, {"pattern": whole(f"{WITH_OFFSET}|{REAL_DAY}")}
    offsets = {
        "if": {"not": {"required": ["timezone"]}},
        "then": {
            "properties": {
                "effective": {"properties": {"from": instant, "until": {"pattern": whole(f"{WITH_OFFSET}|P.*")}}},
                "rules": {"items": {"properties": {"stages": {"items": {"properties": {"from": instant}}}}}},
                "exemptions": {"items": {"properties": {"granted": day_or_instant, "expires": day_or_instant}}},
            }
        },
    }
    asked: list[tuple[str, dict[str, Any], str]] = []
    asked += [(key, {"require": {"type": "array", "contains": {"const": key}}}, "require") for key in requirable]
    asked.append(("category", {"categories": True}, "categories"))
    return {
        "allOf": [
            offsets,
            *(
                {
                    "if": {
                        "required": ["exemption_rules"],
                        "properties": {"exemption_rules": {"type": "object", "required": [asking], "properties": rules}},
                    },
                    "then": {"properties": {"exemptions": {"items": {"required": [key]}}}},
                }
                for key, rules, asking in asked
            ),
        ]
    }


def _in_any_case(pattern: str) -> str:
    """A pattern that matches in upper and lower case alike; JSON Schema has no flag for it."""
    made: list[str] = []
    inside = False
    for piece in re.findall(r"\\.|\[|\]|[A-Za-z]-[A-Za-z]|.", pattern):
        if piece in "[]":
            inside = piece == "["
            made.append(piece)
        elif len(piece) == 3 and inside:
            made.append(piece.lower() + piece.upper())
        else:
            made.extend(_letter(each, inside) for each in ([piece] if piece.startswith("\\") else piece))
    return "".join(made)


def _letter(piece: str, inside: bool) -> str:
    if len(piece) > 1 or not piece.isalpha():
        return piece
    both = piece.lower() + piece.upper()
    return both if inside else f"[{both}]"
