# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A module that was not asked properly refuses; one that tried and did not succeed has failed. A pipeline tells them apart by that."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.counters import Counters
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.redaction import Redactor
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.run import options as shared
from ansible_collections.appban.endpoint.plugins.module_utils.policy.serialize import serialize_policy
from ansible_collections.appban.endpoint.plugins.module_utils.targets.intune import module as intune
from ansible_collections.appban.endpoint.plugins.module_utils.targets.jamf_pro import module as jamf_pro
from ansible_collections.appban.endpoint.plugins.module_utils.targets.nanomdm import module as nanomdm
from ansible_collections.appban.endpoint.plugins.plugin_utils.documents import read_policies

UK = serialize_policy(read_policies([str(Path(__file__).resolve().parents[3] / "policies" / "uk.yml")])[0])
TARGETS: dict[str, Any] = {"intune": intune, "jamf_pro": jamf_pro, "nanomdm": nanomdm}
#: Enough to be begun with; nobody listens there.
ENOUGH: dict[str, dict[str, Any]] = {
    "intune": {
        "tenant_id": "00000000-0000-0000-0000-000000000000",
        "client_id": "11111111-1111-1111-1111-111111111111",
        "client_secret": "secret-of-nobody",
        "graph_url": "http://127.0.0.1:9",
        "authority_url": "http://127.0.0.1:9",
    },
    "jamf_pro": {"url": "http://127.0.0.1:9", "client_id": "x", "client_secret": "secret-of-nobody"},
    "nanomdm": {"nanomdm_url": "http://127.0.0.1:9", "nanomdm_api_key": "secret-of-nobody", "enrollments": []},
}


class Ended(Exception):
    """The module ended with a result."""


class Module:
    """What the modules use of Ansible's own class."""

    ansible_version, check_mode, _diff = "2.19.0", True, False

    def __init__(self, params: Mapping[str, Any]) -> None:
        self.params = params

    def fail_json(self, msg: str, **more: Any) -> None:
        raise Ended({"msg": msg, **more})

    def exit_json(self, **more: Any) -> None:
        raise Ended(more)


def result_of(target: str, directory: Path, **given: Any) -> dict[str, Any]:
    params = {name: option.get("default") for name, option in TARGETS[target].argument_spec().items()}
    params.update({"policy": [UK], "evidence_dir": str(directory), "timeout": 1.0, "deadline": 2.0, **given})
    with pytest.raises(Ended) as ended:
        TARGETS[target].run_module(Module(params))
    result: dict[str, Any] = ended.value.args[0]
    return result


@pytest.mark.fault_kind("R5", "the same kind of mistake by two words")
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(
    "wrong",
    [
        {"policy": {"policy": "uk"}},
        {"policy": []},
        {"now": "yesterday"},
        {"assets": "/nowhere/assets.csv"},
        {"limits": {"max_devices": -1, "max_percent": None}},
        {"ca_path": "/nowhere/ca.pem"},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_what_a_module_finds_wrong_before_it_contacts_anything_is_refused(tmp_path: Path, target: str, wrong: dict[str, Any]) -> None:
    result = result_of(target, tmp_path, **{**ENOUGH[target], **wrong})
    assert (result["refused"], list(tmp_path.iterdir())) == (True, [])


@pytest.mark.fault_kind("R5", "missing credentials that read like a tenant that failed")
@pytest.mark.parametrize(("target", "missing"), [("intune", "client_secret"), ("jamf_pro", "client_secret"), ("nanomdm", "enrollments")])
def test_missing_credentials_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str, missing: str) -> None:
    for variable in ("IDENTITY_ENDPOINT", "IDENTITY_HEADER"):
        monkeypatch.delenv(variable, raising=False)
    result = result_of(target, tmp_path, **{name: value for name, value in ENOUGH[target].items() if name != missing})
    assert (result["refused"], list(tmp_path.iterdir())) == (True, [])


@pytest.mark.parametrize("target", TARGETS)
def test_a_directory_that_cannot_be_written_to_is_no_refusal(tmp_path: Path, target: str) -> None:
    (tmp_path / "file").touch()
    result = result_of(target, tmp_path / "file", **ENOUGH[target])
    assert result["refused"] is False
    assert "evidence" in result["msg"]


@pytest.mark.fault_kind("R5", "options that Ansible itself refuses")
def test_a_failure_before_the_module_began_is_one_of_its_options() -> None:
    module = shared.telling_refusals(Module)({})
    with pytest.raises(Ended, match="'refused': True"):
        module.fail_json(msg="Unsupported parameters", changed=False)

    def run() -> Any:
        module.fail_json(msg="no such program", rc=127)

    with pytest.raises(Ended, match="'refused': False"):
        shared.finish(module, Redactor(), run, Counters())
