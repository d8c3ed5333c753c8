# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the simulator's types come from: Microsoft's description, or the small table, which says nothing that the former doesn't."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.contract import graph_files
from tests.simulators.intune import boil_down, graph_types, start, versions
from tests.simulators.intune.contract import Contract, Kind, parse_kind
from tests.simulators.intune.graph import HANDLERS, handler_for
from tests.support.intune.graph_client import CATALOG, COMPLIANCE, PROFILES, Graph, blocked_list, compliance, strict_complaints

VERSIONS = ["v1.0", "beta"]
# Microsoft describes it, the simulator refuses it in the words of the service.
REFUSED = "deviceManagement/deviceCompliancePolicies/{}/scheduledActionsForRule"
TINY = "paths: {/things: {get: {responses: {'204': {description: done}}}}}\ncomponents: {schemas: {}}\n"


def small(version: str) -> Contract:
    return versions.contracts("small")[version]


def described(version: str) -> Contract:
    return versions.contracts("contract")[version]


def methods_of(contract: Contract) -> dict[str, dict[str, list[Any]]]:
    return {"/".join(path): methods for path, methods in contract.paths}


def is_page(contract: Contract, name: str) -> bool:
    return "value" in contract.properties(name) and "@odata.nextLink" in contract.properties(name)


def answer(contract: Contract, name: str | None) -> str | None:
    """Types of pages differ in their names only."""
    return "page of " + contract.properties(name)["value"].name if name and is_page(contract, name) else name


def same_kind(ours: Kind, theirs: Kind) -> bool:
    if ours.code == "f":
        listed, possible = ours.name.split(","), theirs.name.split(",")
        return set(listed) <= set(possible) and listed[0] == possible[0] and ours._replace(name=theirs.name) == theirs
    return ours == theirs


@pytest.mark.usefixtures("graph_contract")
@pytest.mark.parametrize("version", VERSIONS)
def test_paths_of_the_small_table_are_in_the_description(version: str) -> None:
    theirs = methods_of(described(version))
    for path, methods in methods_of(small(version)).items():
        for method, (status, _body, name) in methods.items():
            expected, _their_body, their_name = theirs[path][method]
            said = (status, answer(small(version), name))
            assert said == (expected, answer(described(version), their_name)), f"{method} {path}"


@pytest.mark.usefixtures("graph_contract")
@pytest.mark.parametrize("version", VERSIONS)
def test_types_of_the_small_table_are_in_the_description(version: str) -> None:
    ours, theirs = small(version), described(version)
    for name, entry in ours.types.items():
        if is_page(ours, name):
            continue
        described_entry = theirs.types[name]
        assert theirs.is_a(name, entry.get("base", name)), name
        assert bool(entry.get("abstract")) == bool(described_entry.get("abstract")), name
        must_say = entry.get("abstract") or entry.get("typed")
        assert bool(must_say) == bool(described_entry.get("abstract") or described_entry.get("typed")), name
        known = {**theirs.properties(name), "@odata.type": parse_kind("s")}
        wrong = {
            key: (kind, known.get(key))
            for key, kind in ours.properties(name).items()
            if key not in known or not same_kind(kind, known[key])
        }
        assert wrong == {}, name


@pytest.mark.usefixtures("graph_contract")
@pytest.mark.parametrize("version", VERSIONS)
def test_values_of_the_small_table_are_in_the_description(version: str) -> None:
    for name, values in small(version).enums.items():
        possible = described(version).enums[name]
        assert set(values) <= set(possible), name
        # It is what the service fills in.
        assert values[0] == possible[0], name


@pytest.mark.usefixtures("graph_contract")
def test_the_small_table_takes_nothing_from_v1_that_v1_has() -> None:
    ours, beta, theirs = small("v1.0"), small("beta"), described("v1.0")
    assert set(methods_of(beta)) & set(methods_of(theirs)) == set(methods_of(ours))
    for name in beta.types:
        if name in theirs.types:
            assert set(beta.properties(name)) & {*theirs.properties(name), "@odata.type"} == set(ours.properties(name)), name
    for name, values in ours.enums.items():
        assert [value for value in beta.enums[name] if value in theirs.enums[name]] == values


@pytest.mark.usefixtures("graph_contract")
@pytest.mark.parametrize("version", VERSIONS)
def test_the_small_table_has_every_path_that_is_served(version: str) -> None:
    theirs, ours = methods_of(described(version)), methods_of(small(version))
    served = {(method, path) for method, path in HANDLERS if method.lower() in theirs.get(path, {})}
    assert {(method, path) for method, path in served if method.lower() not in ours.get(path, {})} == set()


@pytest.mark.parametrize("version", VERSIONS)
def test_every_path_of_the_small_table_is_served(version: str) -> None:
    for path, methods in methods_of(small(version)).items():
        without_handler = path == "$batch" or path.startswith("deviceAppManagement/mobileApps/graph.")
        unserved = [method for method in methods if not without_handler and handler_for(method.upper(), path.split("/")) is None]
        assert unserved == (["get"] if path == REFUSED else []), path


@pytest.mark.parametrize("version", VERSIONS)
def test_every_type_of_the_small_table_is_used(version: str) -> None:
    ours = small(version)
    used = {name for methods in methods_of(ours).values() for _status, _body, name in methods.values()}
    used |= {kind.name for name in ours.types for kind in ours.properties(name).values() if kind.code == "o"}
    unused = {name for name in ours.types if not any(ours.is_a(name, other) or ours.is_a(other, name) for other in used if other)}
    # The bodies of refusals, and of the one action whose body is checked as a whole.
    assert {name for name in unused if not name.endswith("executeActionPostRequestBody")} == {"oDataErrors.oDataError"}


def test_a_kind_that_the_table_does_not_explain_is_named() -> None:
    with pytest.raises(ValueError, match="'apple' is no kind"):
        graph_types.sections([{"types": {"tree": {"fruit": "apple"}}}])
    with pytest.raises(ValueError, match="'tree' is no answer"):
        graph_types.sections([{"paths": {"trees": {"get": "tree"}}}])


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with the smallest descriptions, and a cache of the test's own."""
    folder = tmp_path / "contracts"
    folder.mkdir()
    for name in graph_files.FILES.values():
        (folder / name).write_text(TINY, encoding="utf-8")
    monkeypatch.setenv(graph_files.VARIABLE, str(folder))
    monkeypatch.setattr(versions, "CACHE", tmp_path / "cache")
    versions._read.cache_clear()
    yield folder
    versions._read.cache_clear()


def test_the_description_is_boiled_down_once_and_again_when_it_changes(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    boiled: list[Any] = []
    original = boil_down.boil_down

    def boil_down_and_count(document: dict[str, Any]) -> dict[str, Any]:
        boiled.append(document)
        return original(document)

    monkeypatch.setattr(boil_down, "boil_down", boil_down_and_count)
    for _time in range(2):
        assert methods_of(versions.contracts()["beta"]) == {"things": {"get": [204, None, None]}}
        versions._read.cache_clear()
    assert len(boiled) == 2
    (tiny / graph_files.FILES["beta"]).write_text(TINY.replace("things", "others"), encoding="utf-8")
    assert methods_of(versions.contracts()["beta"]) == {"others": {"get": [204, None, None]}}
    assert len(boiled) == 4


def test_a_torn_cache_is_made_again(tiny: Path, tmp_path: Path) -> None:
    versions.contracts()
    [cached] = (tmp_path / "cache").iterdir()
    cached.write_bytes(cached.read_bytes()[:20])
    versions._read.cache_clear()
    assert methods_of(versions.contracts()["v1.0"]) == {"things": {"get": [204, None, None]}}
    assert [cached] == list((tmp_path / "cache").iterdir())


def test_without_the_description_the_small_table_serves(tiny: Path) -> None:
    (tiny / graph_files.FILES["v1.0"]).unlink()
    assert versions.contracts() == versions.contracts("small")
    with pytest.raises(OSError, match=r"graph-v1\.0"):
        versions.contracts("contract")
    with pytest.raises(ValueError, match="not 'tiny'"):
        versions.contracts("tiny")


def test_the_small_table_refuses_what_it_does_not_know() -> None:
    with start(devices=5, types="small") as sim:
        refuses_what_is_unknown(Graph(sim))
        assert strict_complaints(sim) == []


@pytest.mark.usefixtures("graph_contract")
def test_the_description_refuses_what_it_does_not_know() -> None:
    with start(devices=5, types="contract") as sim:
        refuses_what_is_unknown(Graph(sim))
        assert strict_complaints(sim) == []


def refuses_what_is_unknown(graph: Graph) -> None:
    """Properties at the top and deep inside, values, types, paths, and what only the other version has."""
    policy = blocked_list("a.b")
    assert "blockApps" in graph.post(CATALOG, {**policy, "blockApps": True}).message
    inside = blocked_list("a.b")
    inside["settings"][0]["settingInstance"]["priority"] = 1
    assert "priority" in graph.post(CATALOG, inside).message
    assert graph.post(CATALOG, {**policy, "platforms": "iPhone"}).status == 400
    profile = {"@odata.type": "#microsoft.graph.iosGeneralDeviceConfiguration", "displayName": "x", "appsVisibilityListType": "hidden"}
    assert "hidden" in graph.post(PROFILES, profile).message
    assert graph.post(PROFILES, {**profile, "@odata.type": "#microsoft.graph.iosImaginaryConfiguration"}).status == 400
    assert graph.get("/beta/deviceManagement/imaginaryPolicies").status == 400
    assert graph.get("/beta/deviceManagement/managedDevices?$select=id,imaginary").status == 400
    assert "restrictedApps" in graph.post(COMPLIANCE.replace("beta", "v1.0"), compliance("a.b")).message
    assert graph.get(CATALOG.replace("beta", "v1.0")).status == 400
    assert graph.post(CATALOG, policy).status == 201
