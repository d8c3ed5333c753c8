# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How much of what the parser refuses an editor sees too: ready policies spoiled by the thousand, from a seed.

No document makes the parser stumble, none is refused by the schema alone, and of those that the parser refuses few pass the schema:
only for reasons that no JSON Schema can express, which LEFT_TO_THE_PARSER lists and docs/policy-language.md explains.
"""

from __future__ import annotations

import copy
import json
import random
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.documents.load import load_document
from ansible_collections.appban.endpoint.plugins.module_utils.policy.parse import parse_policy
from ansible_collections.appban.endpoint.plugins.module_utils.policy.problems import PolicyError, Problem
from ansible_collections.appban.endpoint.plugins.plugin_utils.documents import read_catalog
from tests.support import mutations
from tests.support.policy_samples import ROOT

SEED = 20230315
SCHEMA = jsonschema.Draft202012Validator(json.loads((ROOT / "schemas" / "policy.schema.json").read_text(encoding="utf-8")))
CATALOG = read_catalog()

EXEMPT: dict[str, Any] = {
    "exemptions": [
        {
            "id": "EX-1",
            "devices": ["C02XK1"],
            "category": "enforcement",
            "reason": "Case work",
            "approved_by": "Head of Security",
            "granted": "2023-04-02",
            "expires": "2023-12-31",
            "mitigations": ["separate device"],
        },
    ],
    "exemption_rules": {"categories": ["enforcement", "other_work"], "max_days": 365, "require": ["mitigations"]},
    "limits": {"max_devices": 500, "max_percent": 20},
}
# Every ready policy as it is, to so many of those with exemptions.
AS_THEY_ARE = 2
OWN_APP: dict[str, Any] = {
    "id": "hexchat",
    "title": "HexChat",
    "platforms": ["linux", "windows"],
    "identifiers": {"deb": ["hexchat"], "winget": ["HexChat.HexChat"], "domain": [{"value": "hexchat.github.io", "tier": "core"}]},
}


def ready_policies() -> list[dict[str, Any]]:
    """The policies of the collection, and each of them with exemptions, limits and an app of its own."""
    plain = [load_document(path.read_bytes(), path.name) for path in sorted((ROOT / "policies").glob("*.yml"))]
    return [*(plain * AS_THEY_ARE), *({**document, **EXEMPT, "apps": [*document["apps"], OWN_APP]} for document in plain)]


def spoiled(count: int) -> Iterator[Any]:
    """Documents with one to three damages, the same for one seed."""
    chosen = random.Random(SEED)
    ready = ready_policies()
    for _number in range(count):
        document: Any = copy.deepcopy(chosen.choice(ready))
        for _damage in range(chosen.choice((1, 1, 2, 3))):
            document = _damaged(document, chosen)
        yield document


def _damaged(document: Any, chosen: random.Random) -> Any:
    path = chosen.choice(list(mutations.paths(document)))
    node = mutations.get(document, path)
    damage = chosen.choice(("replace", "delete", "list", "mapping", "unknown", "repeat", "letter", "swap"))
    if damage == "delete" and path:
        return mutations.deleted(document, path)
    if damage == "list":
        return mutations.replaced(document, path, [node])
    if damage == "mapping":
        return mutations.replaced(document, path, {"value": node})
    if damage == "unknown" and isinstance(node, dict):
        return mutations.replaced(document, path, {**node, chosen.choice(("unknown_key", "apps", "when", "follow_user")): node})
    if damage == "repeat" and isinstance(node, list) and node:
        return mutations.replaced(document, path, [*node, chosen.choice(node)])
    if damage == "letter" and isinstance(node, str) and node:
        at = chosen.randrange(len(node))
        return mutations.replaced(document, path, node[:at] + chosen.choice("aZ9 -.*\n") + node[at + chosen.randint(0, 1) :])
    if damage == "swap" and path:
        return mutations.replaced(document, path, mutations.get(document, chosen.choice(list(mutations.paths(document)))))
    return mutations.replaced(document, path, chosen.choice(mutations.REPLACEMENTS))


#: What no JSON Schema can say, by the words of the parser. Every document that only the parser refuses is refused for these alone.
LEFT_TO_THE_PARSER = {
    "names are looked up": r"the id of an app in the catalog|a vendor in the catalog|an app of this policy",
    "a new app is complete": r"no (title|identifiers) for the new app",
    "a category is one of the policy's own": r"exemptions\[\d+\]\.category: .*expected one of ",
    "ids and names are unique": (
        r"which .* (has|names) too|an id of its own|an identifier of no other app|a second time|that isn't banned too"
    ),
    "times are in order": r"an instant (after|not before) |at most \d+ days after granted",
    "a time zone is known": r"an IANA time zone .* that is known",
    "a local time comes once": r"a local time that ",
    "an expression is one": (
        r"JMESPath expression|attributes by name|asks for a device attribute|literal null|no function|no list or mapping"
        r"|compared with (one of|`true`)|in backquotes|in single quotes|groups is a list"
    ),
    "no rule comes after one for all": r"no rule after one with an empty when",
    "a domain is one that is blocked": r"a domain that the ban of its apps blocks",
    "no exemption is for all": r"an exemption for part of the policy's scope",
}


def explained(problem: Problem) -> str:
    """Which of the reasons of LEFT_TO_THE_PARSER a problem has; itself where it has none."""
    return next((name for name, pattern in LEFT_TO_THE_PARSER.items() if re.search(pattern, str(problem))), str(problem))


def weakness(count: int) -> tuple[int, list[list[str]]]:
    """How many of some spoiled documents the parser refuses, and the reasons for each of them that the schema accepts.

    Fails on a document that only the schema refuses, and on any error but a PolicyError.
    """
    refused, passed = 0, []
    for document in spoiled(count):
        accepted = SCHEMA.is_valid(document)
        try:
            parse_policy(document, "p.yml", CATALOG)
        except PolicyError as error:
            refused += 1
            if accepted:
                passed.append(sorted({explained(problem) for problem in error.problems}))
        else:
            assert accepted, json.dumps(document)
    return refused, passed


def check(count: int, most: int) -> None:
    refused, passed = weakness(count)
    reasons = Counter(reason for each in passed for reason in each)
    assert refused > count / 2
    assert set(reasons) <= set(LEFT_TO_THE_PARSER)
    assert len(passed) <= most, reasons


@pytest.mark.fault_kind("D5", "a schema weaker than the parser")
def test_a_sample_of_spoiled_policies_is_seen_by_the_schema_too() -> None:
    check(400, most=8)


@pytest.mark.long
def test_of_four_thousand_spoiled_policies_the_schema_sees_nearly_all() -> None:
    check(4_000, most=40)


def test_the_ready_policies_are_sound_for_both() -> None:
    for document in ready_policies():
        assert SCHEMA.is_valid(document)
        parse_policy(document, "p.yml", CATALOG)
