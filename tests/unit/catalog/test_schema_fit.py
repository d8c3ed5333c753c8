# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The catalog's files and the ready policies fit the JSON Schemas that editors and git checks use."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

ROOT = Path(__file__).parents[3]
CATALOG_FILES = sorted((ROOT / "catalog").glob("*.yml"))
POLICY_FILES = sorted((ROOT / "policies").glob("*.yml"))


def read(file: Path) -> Any:
    return yaml.safe_load(file.read_text(encoding="utf-8"))


def json_form(value: Any) -> Any:
    """What YAML read, with days and times as text: the form that JSON Schema knows."""
    return json.loads(json.dumps(value, default=lambda item: item.isoformat()))


@pytest.mark.parametrize("file", CATALOG_FILES, ids=lambda file: file.stem)
def test_catalog_files_fit_the_json_schema(file: Path) -> None:
    schema = json.loads((ROOT / "schemas" / "catalog.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(json_form(read(file)))


@pytest.mark.parametrize("file", POLICY_FILES, ids=lambda file: file.stem)
def test_ready_policies_fit_the_json_schema(file: Path) -> None:
    schema = json.loads((ROOT / "schemas" / "policy.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(json_form(read(file)))
