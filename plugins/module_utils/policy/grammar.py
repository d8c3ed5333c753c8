# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The grammar of policies and catalog files: every key of the language, as validators."""

from __future__ import annotations

from typing import Any

from .devices import FLAGS, PLATFORMS, VOCABULARY
from .identifiers import KINDS
from .instants import DAY_PATTERN, DURATION_PATTERN, INSTANT_PATTERN, ZONE_PATTERN
from .model import ACTIONS, CONFIDENCES, DOMAIN_TIERS, ON_EXPIRY, STATES
from .schema_patterns import (
    LONGER_THAN_NOTHING,
    NO_SENTENCE,
    REAL_DAY,
    REAL_INSTANT,
    WITHOUT_REPETITION,
    actions_or_stages,
    also,
    holders_of_an_exemption,
    nothing_protected,
    one_serial_number,
    platforms_fit_identifiers,
    whole_policy,
)
from .validators import ByType, Choice, Flag, ListOf, Named, Number, Record, Text, Validator

POLICY_ID = Text("an id of 1 to 40 lower-case letters, digits and hyphens", r"[a-z0-9-]{1,40}", 40)
APP_ID = Text("an app id of lower-case letters, digits and hyphens", r"[a-z0-9][a-z0-9-]{0,39}", 40)
VENDOR_ID = Text("a vendor id of lower-case letters, digits and hyphens", r"[a-z0-9][a-z0-9-]{0,39}", 40)
APP_REFERENCE = Text("an app id such as tiktok, or a family such as vendor:bytedance", r"(?:vendor:)?[a-z0-9][a-z0-9-]{0,39}", 47)
LINE = Text("a line of text", r"[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*", 200)
PROSE = Text("text", max_length=4000)
NAME = Text("a name without spaces around it", r"[^\s\x00-\x1f\x7f](?:[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f])?", 200)
DEVICE_NAME = Text(
    "a serial number or id without spaces around it, in quotes if it has digits only (a number loses its leading zeros)",
    # What is inside is refused with better words; see serial_texts.
    r"[^\s\x00-\x1f\x7f](?:[^\x00]*[^\s\x00-\x1f\x7f])?",
    NAME.max_length,
    stricter=one_serial_number(),
)
EXEMPTION_ID = Text("an id such as EX-2023-014", r"[A-Za-z0-9][A-Za-z0-9._/-]{0,63}", 64)
WORD = Text("a word of letters, digits, - and _", r"[A-Za-z0-9_-]{1,64}", 64)
INSTANT = Text(
    "an instant such as 2023-03-15T00:00:00+01:00, or with a timezone a day such as 2023-03-15",
    INSTANT_PATTERN,
    40,
    stricter=also(REAL_INSTANT),
)
DAY_OR_INSTANT = Text(
    "a day such as 2023-03-15, or an instant such as 2023-03-15T00:00:00+01:00", INSTANT_PATTERN, 40, stricter=also(REAL_INSTANT)
)
DAY = Text("a day such as 2023-09-01", DAY_PATTERN, 10, stricter=also(REAL_DAY))
INSTANT_OR_DURATION = Text(
    "an instant such as 2023-09-10T00:00:00+02:00, a duration such as P6M, or with a timezone a day such as 2023-09-10",
    f"(?:{INSTANT_PATTERN})|(?:{DURATION_PATTERN})",
    40,
    stricter=also(f"{REAL_INSTANT}|{LONGER_THAN_NOTHING}"),
)
ZONE = Text("an IANA time zone such as Europe/Prague", ZONE_PATTERN, 64)
DOMAIN = Text(KINDS["domain"].expected, KINDS["domain"].pattern, KINDS["domain"].max_length)
JMESPATH = Text("a JMESPath expression", max_length=1000, stricter=also(NO_SENTENCE))

_SCALAR = ByType(
    "text, a number, true or false",
    text=Text("text", r"[^\x00]+", 200),
    flag=Flag(),
    number=Number(-(10**15), 10**15, whole=False),
)
_WANTED = ByType(
    "a value (text, number, true or false) or a list of such values",
    text=_SCALAR.text,
    flag=_SCALAR.flag,
    number=_SCALAR.number,
    sequence=ListOf(_SCALAR),
)


def _of_vocabulary(words: tuple[Any, ...]) -> Validator:
    """One word of a closed vocabulary, or a list of them."""
    if words == FLAGS:
        return ByType("true or false, or a list of these", flag=Flag(), sequence=ListOf(Flag()))
    choice = Choice(words)
    return ByType(f"one of {', '.join(words)}, or a list of these", text=choice, sequence=ListOf(choice))


WHEN = Named("when", lambda: _WHEN, about="who: device attributes with their values, any, all, not, or a JMESPath expression")
_WHEN: Validator = ByType(
    "a mapping of device attributes, or a JMESPath expression",
    text=JMESPATH,
    mapping=Record(
        {
            "any": ListOf(WHEN),
            "all": ListOf(WHEN),
            "not": WHEN,
            **{attribute: _of_vocabulary(words) for attribute, words in VOCABULARY.items()},
        },
        rest=_WANTED,
        rest_pattern=r"[A-Za-z_][A-Za-z0-9_]{0,63}",
        rest_expected="a device attribute (letters, digits and _), any, all or not",
    ),
)

ACTION_LIST = ListOf(Choice(ACTIONS), about="what to do with the app", stricter=WITHOUT_REPETITION)
_STAGE = Record({"from": INSTANT, "actions": ACTION_LIST}, required=("actions",))
_RULE = Record(
    {"name": LINE, "when": WHEN, "actions": ACTION_LIST, "stages": ListOf(_STAGE)},
    required=("name", "when"),
    stricter=actions_or_stages(),
)

_EXEMPTION = Record(
    {
        "id": EXEMPTION_ID,
        "devices": ListOf(DEVICE_NAME, about="serial numbers or ids"),
        "users": ListOf(NAME),
        "follow_user": Flag("true: the users' exemption covers every device they use"),
        "when": WHEN,
        "apps": ListOf(APP_ID, about="left out: all apps of the policy"),
        "domains": ListOf(DOMAIN, about="narrows the exemption to these sites: only block_web is relaxed, for them only"),
        "category": WORD,
        "reason": PROSE,
        "approved_by": LINE,
        "granted": DAY_OR_INSTANT,
        "expires": DAY_OR_INSTANT,
        "mitigations": ListOf(LINE),
    },
    required=("id", "reason", "approved_by", "granted", "expires"),
    stricter=holders_of_an_exemption(),
)
REQUIRABLE = ("category", "mitigations", "apps", "devices", "users")
_EXEMPTION_RULES = Record(
    {
        "categories": ListOf(WORD, about="the closed list of categories"),
        "max_days": Number(1, 3660, about="the longest an exemption may run, in days from granted"),
        "require": ListOf(Choice(REQUIRABLE), about="keys that every exemption must have"),
    }
)


def _identifier_lists(inline: bool) -> dict[str, Validator]:
    """For every kind the shape of its list; entries may be bare strings inline only."""
    lists: dict[str, Validator] = {}
    for kind in KINDS.values():
        value = Text(kind.expected, kind.pattern, kind.max_length, stricter=nothing_protected(kind.name), meant=kind.meant)
        fields: dict[str, Validator] = {
            "value": value,
            "confidence": Choice(CONFIDENCES, about="detect_only is reported and never removed"),
            "source": PROSE,
            "last_verified": DAY,
            "note": PROSE,
        }
        required: tuple[str, ...] = ("value",) if inline else ("value", "confidence", "source", "last_verified")
        if kind.name == "domain":
            fields["tier"] = Choice(DOMAIN_TIERS)
            required = required if inline else (*required, "tier")
        entry: Validator = Record(fields, required=required)
        if inline:
            entry = ByType(f"{kind.expected}, or a mapping with the key value", text=value, mapping=entry)
        lists[kind.name] = ListOf(entry, stricter=WITHOUT_REPETITION)
    return lists


def _app(inline: bool) -> Record:
    return Record(
        {
            "id": APP_ID,
            "title": LINE,
            "vendor": VENDOR_ID,
            "note": PROSE,
            "platforms": ListOf(
                Choice(PLATFORMS),
                about="where the app exists at all; on other platforms it doesn't count",
                stricter=WITHOUT_REPETITION,
            ),
            "platforms_source": PROSE,
            "identifiers": Record(_identifier_lists(inline), about="kind of identifier -> entries", never_empty=True),
        },
        required=("id",),
        # In the catalog whoever says where an app exists says from where that is known; inline it is the policy's own word.
        beside={"platforms_source": "platforms"} if inline else {"platforms": "platforms_source", "platforms_source": "platforms"},
        stricter=platforms_fit_identifiers(),
    )


CATALOG_APP = _app(inline=False)
INLINE_APP = _app(inline=True)
_APPS = ListOf(
    ByType(
        "an app id, vendor: and a vendor id, or an app as a mapping", text=APP_REFERENCE, mapping=Named("inline_app", lambda: INLINE_APP)
    ),
    stricter=WITHOUT_REPETITION,
)

POLICY = Record(
    {
        "policy": POLICY_ID,
        "title": LINE,
        "authority": Record({"issued_by": LINE, "reference": PROSE, "advised_by": ListOf(LINE)}, required=("issued_by",)),
        "contact": LINE,
        "state": Choice(STATES, about="report_only is a proposed ban, lifted takes back what an earlier run made"),
        "timezone": ZONE,
        "apps": _APPS,
        "review": _APPS,
        "domain_tiers": ListOf(Choice(DOMAIN_TIERS), about="which tiers of domains the ban covers; default core and extended"),
        "effective": Record(
            {"from": INSTANT, "until": INSTANT_OR_DURATION, "on_expiry": Choice(ON_EXPIRY), "review_on": DAY},
            required=("from",),
            stricter={"dependentRequired": {"on_expiry": ["until"]}},
        ),
        "rules": ListOf(
            _RULE, about="the first match wins; no match is out of scope", stricter=WITHOUT_REPETITION
        ),
        "exemptions": ListOf(_EXEMPTION, stricter=WITHOUT_REPETITION),
        "exemption_rules": _EXEMPTION_RULES,
        "limits": Record({"max_devices": Number(1, 10**9), "max_percent": Number(0, 100, whole=False)}),
        "sources": ListOf(PROSE, about="where the directive can be read"),
        "notes": PROSE,
    },
    required=("policy", "title", "apps", "effective", "rules"),
    stricter=whole_policy(REQUIRABLE),
)
