# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A path that a user gives is one from the directory of the command, for every target and every option that is a path."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.engine.errors import AppbanError
from ansible_collections.appban.endpoint.plugins.module_utils.engine.evidence import named_directory
from ansible_collections.appban.endpoint.plugins.plugin_utils.controller_paths import (
    absolute_options,
    absolute_path,
    evidence_directory,
    given_paths,
)
from ansible_collections.appban.endpoint.plugins.plugin_utils.left_records import has_records, notes_of_left_records
from ansible_collections.appban.endpoint.plugins.plugin_utils.tenant_settings import TARGETS


def paths_of(target: str) -> list[str]:
    return [name for name, option in TARGETS[target]().items() if option.get("type") == "path"]


@pytest.mark.fault_kind("R2", "every option of a module that is a path")
@pytest.mark.parametrize("target", TARGETS)
def test_every_path_of_a_module_is_absolute_and_nothing_else_is_touched(
    target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    given: dict[str, Any] = {name: "some/" + name for name in paths_of(target)}
    made = absolute_options({**given, "target": "city", "run_id": "x/y"}, TARGETS[target]("environment"), {})
    assert {name: made[name] for name in given} == {name: str(tmp_path / "some" / name) for name in given}
    assert (made["target"], made["run_id"]) == ("city", "x/y")
    assert {"evidence_dir", "assets", "ca_path"} <= set(given)


@pytest.mark.fault_kind("R2", "the default of the evidence directory")
@pytest.mark.parametrize("target", TARGETS)
def test_the_default_is_the_callers_too(target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert absolute_options({}, TARGETS[target]("environment"), {}) == {"evidence_dir": str(tmp_path / "evidence")}


@pytest.mark.fault_kind("R2", "a path in the environment")
def test_a_path_of_the_environment_is_made_absolute_where_the_option_is_not_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    spec = TARGETS["intune"]("environment")
    environment = {"AZURE_CLIENT_CERTIFICATE_PATH": "keys/city.pem", "AZURE_CLIENT_SECRET": "s", "AZURE_FEDERATED_TOKEN_FILE": ""}
    made = absolute_options({}, spec, environment)
    assert made == {"evidence_dir": str(tmp_path / "evidence"), "certificate_path": str(tmp_path / "keys" / "city.pem")}
    assert absolute_options({"certificate_path": "own.pem"}, spec, environment)["certificate_path"] == str(tmp_path / "own.pem")


def test_home_and_variables_are_expanded_and_nothing_stays_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/city")
    monkeypatch.setenv("WHERE", "there")
    assert [absolute_path(each) for each in ("~/a", "/srv/$WHERE", "")] == ["/home/city/a", "/srv/there", ""]


@pytest.mark.fault_kind("R2", "paths that are empty, and a directory that YAML takes for a number")
def test_what_is_empty_is_not_given_and_an_empty_evidence_directory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert [evidence_directory(each) for each in ("", " ", None, "mine")] == ["./evidence", "./evidence", "./evidence", "mine"]
    assert given_paths(["", None, " ", "a.yml"]) == [str(tmp_path / "a.yml")]
    assert absolute_options({"evidence_dir": 2023}, TARGETS["intune"](), {})["evidence_dir"] == str(tmp_path / "2023")
    for empty in ("", " ", None):
        with pytest.raises(AppbanError, match=r"the evidence directory is empty \(evidence_dir\)"):
            named_directory(empty)
    assert named_directory("mine") == "mine"


@pytest.mark.fault_kind("R2", "records that the previous release left inside the installed collection")
@pytest.mark.parametrize("left", ["20230320T090000Z/city.jsonl", "20230320T090000Z-2/city.jsonl.partial", "city.ledger.jsonl"])
def test_records_inside_an_installed_collection_are_named_with_the_command_that_moves_them(tmp_path: Path, left: str) -> None:
    place = tmp_path / "collections" / "ansible_collections" / "appban" / "endpoint" / "playbooks" / "evidence"
    (place / left).parent.mkdir(parents=True)
    (place / left).write_text("{}\n", encoding="utf-8")
    evidence = tmp_path / "my evidence"
    [note] = notes_of_left_records(str(evidence), "my evidence", [str(tmp_path / "collections"), str(tmp_path)], "")
    assert str(place) in note
    command = note.partition("go on: ")[2]
    assert os.system(command) == 0
    assert (evidence / left).read_text(encoding="utf-8") == "{}\n"
    assert not has_records(str(place))
    assert notes_of_left_records(str(evidence), "my evidence", [str(tmp_path / "collections")], "") == []


def test_the_runs_own_directory_and_strange_ones_are_not_named(tmp_path: Path) -> None:
    evidence = tmp_path / "evidence"
    (evidence / "20230320T090000Z").mkdir(parents=True)
    (evidence / "20230320T090000Z" / "city.jsonl").touch()
    assert notes_of_left_records(str(evidence), "./evidence", [], str(tmp_path)) == []
    (tmp_path / "play" / "evidence" / "notes").mkdir(parents=True)
    assert notes_of_left_records(str(evidence), "./evidence", [], str(tmp_path / "play")) == []
