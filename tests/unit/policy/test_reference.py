# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""docs/policy-language.md says all that the parser knows, and its examples are sound."""

from __future__ import annotations

import re

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.documents.load import load_document
from ansible_collections.appban.endpoint.plugins.module_utils.policy import devices, grammar, identifiers, model
from ansible_collections.appban.endpoint.plugins.module_utils.policy.catalog import parse_catalog
from ansible_collections.appban.endpoint.plugins.module_utils.policy.parse import parse_policy
from ansible_collections.appban.endpoint.plugins.module_utils.policy.problems import PolicyError
from tests.support.policy_samples import CATALOG, ROOT, SMALL, document, exemption, problems_of

TEXT = (ROOT / "docs" / "policy-language.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
WORDS = {
    **dict.fromkeys(grammar.POLICY.fields, "key"),
    **dict.fromkeys(grammar._EXEMPTION.fields, "key of an exemption"),
    **dict.fromkeys(grammar._EXEMPTION_RULES.fields, "exemption rule"),
    **dict.fromkeys(identifiers.KINDS, "kind"),
    **dict.fromkeys(model.ACTIONS, "action"),
    **dict.fromkeys(model.VERDICTS, "verdict"),
    **dict.fromkeys((*model.STATES, *model.ON_EXPIRY, *model.CONFIDENCES, *model.DOMAIN_TIERS), "state"),
    **dict.fromkeys(devices.ATTRIBUTES, "attribute"),
}


@pytest.mark.parametrize("word", sorted(WORDS))
def test_every_word_is_explained(word: str) -> None:
    assert f"`{word}`" in TEXT, WORDS[word]


@pytest.mark.parametrize("word", sorted({*devices.PLATFORMS, *devices.OWNERSHIPS, *devices.ENROLLMENTS}))
def test_every_value_of_a_closed_vocabulary_is_listed(word: str) -> None:
    assert re.search(rf"\b{word}\b", TEXT)


def test_the_first_example_is_a_sound_policy() -> None:
    assert parse_policy(load_document(EXAMPLES[0].encode(), "example.yml"), "example.yml", CATALOG).id == "city-tiktok"


def test_the_other_examples_are_sound_parts() -> None:
    inline, catalog_file, when = EXAMPLES[1:]
    assert problems_of({**SMALL, **load_document(inline.encode(), "example.yml")}) == ()
    assert list(parse_catalog([[("hexchat.yml", load_document(catalog_file.encode(), "example.yml"))]]).apps) == ["hexchat"]
    condition = load_document(when.encode(), "example.yml")["when"]
    assert problems_of(document(rules=[{"name": "x", "when": condition, "actions": ["audit"]}])) == ()


def test_the_messages_are_as_shown() -> None:
    shown = re.search(r"```text\n(.*?)```", TEXT, re.DOTALL)
    assert shown is not None
    found = problems_of(
        document(
            rules=[{"name": "x", "when": {"ownership": "corprate"}, "actions": ["remove"]}],
            exemptions=[exemption(expires="2025-03-02")],
        )
    )
    said = [str(problem).replace("policy.yml", "policies/city.yml") for problem in found]
    with pytest.raises(PolicyError) as caught:
        load_document(b"title: 'City\n", "policies/city.yml")
    said.append(str(caught.value).replace(":1:8:", ":"))
    # The places are those of a document that isn't shown.
    assert [re.sub(r":\d+:\d+:", ":", line, count=1) for line in shown[1].splitlines()] == said
