# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The JSON Schemas say about the structure of a document what the parser says."""

from __future__ import annotations

import itertools
import json
from typing import Any

import jsonschema
import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.documents.load import load_document
from ansible_collections.appban.endpoint.plugins.module_utils.policy.catalog import parse_catalog
from ansible_collections.appban.endpoint.plugins.module_utils.policy.problems import STRUCTURE, PolicyError, Problem
from ansible_collections.appban.endpoint.plugins.module_utils.policy.schema import catalog_schema, policy_schema
from tests.support import mutations
from tests.support.cases import drawn
from tests.support.policy_samples import CAPCUT, CATALOG, FULL, ROOT, SMALL, TIKTOK, exemption, problems_of

POLICY = jsonschema.Draft202012Validator(policy_schema())
APP = jsonschema.Draft202012Validator(catalog_schema())


def catalog_problems(document: Any) -> tuple[Problem, ...]:
    try:
        parse_catalog([[("app.yml", document)]])
    except PolicyError as error:
        return error.problems
    return ()


def disagreement(name: str, document: Any, validator: Any, problems: tuple[Problem, ...]) -> str | None:
    """Where the schema accepts a mistake of structure, or refuses what the parser has nothing against."""
    structural = [str(problem) for problem in problems if problem.kind == STRUCTURE]
    accepted = validator.is_valid(document)
    if accepted and structural:
        return f"{name}: only the parser refuses: {structural}"
    return None if accepted or problems else f"{name}: only the schema refuses"


@pytest.mark.parametrize("name", ["policy", "catalog"])
def test_the_files_are_generated_from_the_shapes(name: str) -> None:
    schema = policy_schema() if name == "policy" else catalog_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    written = json.loads((ROOT / "schemas" / f"{name}.schema.json").read_text(encoding="utf-8"))
    assert written == schema, "run tools/write_schemas.py"


@pytest.mark.parametrize(("document", "validator"), [(FULL, POLICY), (SMALL, POLICY), (TIKTOK, APP), (CAPCUT, APP)])
def test_sound_documents_pass_both(document: Any, validator: Any) -> None:
    assert validator.is_valid(document)
    assert (problems_of(document) if validator is POLICY else catalog_problems(document)) == ()


# Every seventh damage in the quick suite, each in the long one.
@pytest.mark.parametrize("step", [7, pytest.param(1, marks=pytest.mark.long)])
def test_every_damage_to_a_policy_is_seen_by_both_or_neither(step: int) -> None:
    count = 0
    found = []
    for name, document in itertools.islice(mutations.table(FULL), 0, None, step):
        count += 1
        found.append(disagreement(name, document, POLICY, problems_of(document)))
    assert count > 2000 // step
    assert [line for line in found if line] == []


def test_every_damage_to_a_catalog_app_is_seen_by_both_or_neither() -> None:
    found = [disagreement(name, document, APP, catalog_problems(document)) for name, document in mutations.table(TIKTOK)]
    assert len(found) > 500
    assert [line for line in found if line] == []


@drawn(mutations.spoiled(FULL, mutations.json_values), quick=60, full=300)
def test_heaped_damage_is_seen_by_both_or_neither(document: Any) -> None:
    assert disagreement("", document, POLICY, problems_of(document)) is None


def test_what_needs_meaning_is_the_parsers_alone() -> None:
    document = {**SMALL, "apps": ["tik-tok"], "exemptions": [exemption(expires="2033-01-01")]}
    assert POLICY.is_valid(document)
    assert {problem.path for problem in problems_of(document)} == {"apps[0]", "exemptions[0].expires"}


@pytest.mark.parametrize("path", sorted((ROOT / "policies").glob("*.yml")), ids=lambda path: path.name)
def test_the_ready_policies_follow_the_schema(path: Any) -> None:
    assert POLICY.is_valid(load_document(path.read_bytes(), path.name))


@pytest.mark.parametrize("path", sorted((ROOT / "catalog").glob("*.yml")), ids=lambda path: path.name)
def test_the_catalog_follows_the_schema(path: Any) -> None:
    assert APP.is_valid(load_document(path.read_bytes(), path.name))


@pytest.mark.parametrize("path", sorted((ROOT / "schemas").glob("*.json")), ids=lambda path: path.name)
def test_every_schema_has_an_id_that_ends_with_its_name(path: Any) -> None:
    assert json.loads(path.read_text(encoding="utf-8"))["$id"].endswith(f"/schemas/{path.name}")


def test_the_samples_use_a_catalog_of_their_own() -> None:
    assert set(CATALOG.apps) == {"tiktok", "capcut", "wechat"}
