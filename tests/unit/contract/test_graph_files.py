# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the contracts are found, and what the compiled form keeps."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.contract import ContractMissing, graph_contracts, graph_files, openapi
from tests.contract.openapi import compile_contract
from tests.contract.shapes import Contract

SMALL = """
paths: {/things: {get: {responses: {'200': {description: success}}}}}
components: {schemas: {}}
"""


@pytest.fixture
def _fresh() -> None:
    graph_contracts.cache_clear()


@pytest.mark.usefixtures("_fresh")
def test_missing_folder_is_named_with_the_way_to_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APPBAN_CONTRACTS", str(tmp_path / "none"))
    with pytest.raises(ContractMissing, match=r"none has no graph-v1\.0.* and no graph-beta.*APPBAN_CONTRACTS"):
        graph_contracts()


@pytest.mark.usefixtures("_fresh")
def test_contract_is_compiled_once_and_again_when_its_file_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APPBAN_CONTRACTS", str(tmp_path))
    monkeypatch.setattr(graph_files, "CACHE", tmp_path / "cache")
    compiled: list[str] = []

    def compile_and_count(document: dict[str, object], version: str) -> Contract:
        compiled.append(version)
        return compile_contract(document, version)

    monkeypatch.setattr(openapi, "compile_contract", compile_and_count)
    for name in graph_files.FILES.values():
        (tmp_path / name).write_text(SMALL, encoding="utf-8")
    for _time in range(2):
        assert graph_contracts()["beta"].template(["things"]) == "/things"
        graph_contracts.cache_clear()
    assert compiled == ["v1.0", "beta"]
    (tmp_path / graph_files.FILES["beta"]).write_text(SMALL.replace("things", "others"), encoding="utf-8")
    assert graph_contracts()["beta"].template(["others"]) == "/others"
    assert compiled == ["v1.0", "beta", "beta"]
    graph_contracts.cache_clear()


@pytest.mark.usefixtures("_fresh")
def test_torn_cache_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APPBAN_CONTRACTS", str(tmp_path))
    monkeypatch.setattr(graph_files, "CACHE", tmp_path / "cache")
    for name in graph_files.FILES.values():
        (tmp_path / name).write_text(SMALL, encoding="utf-8")
    graph_contracts()
    for cached in (tmp_path / "cache").iterdir():
        cached.write_bytes(cached.read_bytes()[:20])
    graph_contracts.cache_clear()
    assert graph_contracts()["v1.0"].template(["things"]) == "/things"
    graph_contracts.cache_clear()


@pytest.mark.usefixtures("graph_contract")
def test_limits_that_stand_only_in_descriptions_are_known() -> None:
    types = graph_contracts()["beta"].types
    known = {
        ("iosCompliancePolicy", "restrictedApps"): 100,
        ("androidDeviceOwnerGeneralDeviceConfiguration", "personalProfilePersonalApplications"): 500,
        ("iosGeneralDeviceConfiguration", "appsVisibilityList"): 10_000,
        ("windows10CustomConfiguration", "omaSettings"): 1000,
    }
    assert {key: types[f"microsoft.graph.{key[0]}"].properties[key[1]].max_items for key in known} == known
    violation = types["microsoft.graph.restrictedAppsViolation"].properties
    assert {name for name, shape in violation.items() if shape.format == "uuid"} == {
        "userId", "managedDeviceId", "deviceConfigurationId"
    }  # fmt: skip


@pytest.mark.usefixtures("graph_contract")
@pytest.mark.parametrize("version", ["v1.0", "beta"])
def test_every_type_that_is_named_is_there(version: str) -> None:
    contract = graph_contracts()[version]
    for name, declared in contract.types.items():
        assert name in declared.subtypes
        for shape in declared.properties.values():
            target = shape.items if shape.kind == "array" and shape.items else shape
            assert target.kind != "object" or target.type_name in contract.types
