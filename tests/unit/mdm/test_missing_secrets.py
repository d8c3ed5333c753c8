# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A connection that lacks something is refused with the option and the environment variable, by the module as ansible-core runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest
import working_copy

from ansible_collections.appban.endpoint.plugins.module_utils.policy.serialize import serialize_policy
from ansible_collections.appban.endpoint.plugins.plugin_utils.documents import read_policies

UK = serialize_policy(read_policies([str(working_copy.CHECKOUT / "policies" / "uk.yml")])[0])


def refusal(module: str, **options: Any) -> dict[str, Any]:
    """What a module ends with when it is called with some options and no variables in the environment."""
    done = subprocess.run(
        [sys.executable, "-m", f"ansible_collections.appban.endpoint.plugins.modules.{module}"],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": {"policy": UK, **options}}),
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(working_copy.CHECKOUT / ".build" / "c"), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    said: dict[str, Any] = json.loads(done.stdout)
    return said


@pytest.mark.parametrize(
    ("module", "options", "words"),
    [
        (
            "intune",
            {"tenant_id": "t", "client_id": "c"},
            ["AZURE_CLIENT_SECRET for client_secret", "AZURE_CLIENT_CERTIFICATE_PATH"],
        ),
        (
            "intune",
            {"client_secret": "not-a-secret-0123456789"},
            ["tenant_id is missing", "AZURE_TENANT_ID for tenant_id", "AZURE_CLIENT_ID for client_id"],
        ),
        ("jamf_pro", {}, ["url", "JAMF_URL for url"]),
        (
            "jamf_pro",
            {"url": "https://127.0.0.1:9", "client_id": "c"},
            ["client_id is given without client_secret", "JAMF_CLIENT_SECRET for client_secret"],
        ),
        ("nanomdm", {"nanomdm_url": "https://127.0.0.1:9"}, ["APPBAN_NANOMDM_API_KEY for nanomdm_api_key"]),
    ],
)
def test_what_is_missing_is_named_with_its_option_and_its_variable(
    module: str, options: dict[str, Any], words: list[str], tmp_path: Any
) -> None:
    said = refusal(module, evidence_dir=str(tmp_path), **options)
    assert said["failed"]
    assert said["refused"]
    assert [word for word in words if word not in said["msg"]] == []


def test_what_is_given_is_not_asked_for_again(tmp_path: Any) -> None:
    said = refusal("jamf_pro", evidence_dir=str(tmp_path), url="https://127.0.0.1:9", client_id="c")
    assert "JAMF_URL" not in said["msg"]
    assert "JAMF_CLIENT_ID" not in said["msg"]
