# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is written about the module is what the code says."""

from __future__ import annotations

import pytest
import yaml

from ansible_collections.appban.endpoint.plugins.module_utils.targets.jamf_pro.module import ENVIRONMENT, argument_spec
from ansible_collections.appban.endpoint.plugins.modules import jamf_pro
from tests.support.documented_options import documented_as, documented_options, specified_as

SPEC = argument_spec()
DOCUMENTED = documented_options(jamf_pro.DOCUMENTATION)


def test_documented_options_are_those_of_the_module() -> None:
    assert set(DOCUMENTED) == set(SPEC)


@pytest.mark.parametrize("name", SPEC)
def test_option_is_as_documented(name: str) -> None:
    assert documented_as(DOCUMENTED[name]) == specified_as(SPEC[name])


@pytest.mark.parametrize(("name", "variable"), ENVIRONMENT.items())
def test_option_names_the_variable_that_stands_in_for_it(name: str, variable: str) -> None:
    assert f"E({variable})" in str(DOCUMENTED[name]["description"])


def test_secrets_are_no_log() -> None:
    assert {name for name, option in SPEC.items() if option.get("no_log")} == {"client_secret", "password"}


def test_what_is_returned_is_documented() -> None:
    returned = yaml.safe_load(jamf_pro.RETURN)
    assert {"summary", "changes", "findings", "conflicts", "drift", "notes", "requests", "privileges", "evidence", "record"} <= set(
        returned
    )
