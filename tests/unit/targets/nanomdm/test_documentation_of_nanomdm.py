# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation says what the code does: the module's options and what it returns."""

from __future__ import annotations

import pytest
import yaml

from ansible_collections.appban.endpoint.plugins.module_utils.targets.nanomdm.enrollments import ATTRIBUTES
from ansible_collections.appban.endpoint.plugins.module_utils.targets.nanomdm.module import argument_spec
from ansible_collections.appban.endpoint.plugins.module_utils.targets.nanomdm.server_options import ENVIRONMENT
from ansible_collections.appban.endpoint.plugins.modules import nanomdm
from tests.support.documented_options import documented_as, documented_options, specified_as

SPEC = argument_spec()
DOCUMENTED = documented_options(nanomdm.DOCUMENTATION)
# What the module returns beside what every target does.
OWN_VALUES = {"requests", "warnings_of_servers"}


def test_documented_options_are_those_of_the_module() -> None:
    assert set(DOCUMENTED) == set(SPEC)


@pytest.mark.parametrize("name", SPEC)
def test_option_is_as_documented(name: str) -> None:
    assert documented_as(DOCUMENTED[name]) == specified_as(SPEC[name])


@pytest.mark.parametrize(("name", "variable"), ENVIRONMENT.items())
def test_option_names_the_variable_that_stands_in_for_it(name: str, variable: str) -> None:
    assert f"E({variable})" in str(DOCUMENTED[name]["description"])


def test_every_attribute_of_an_enrolment_is_named() -> None:
    assert not [name for name in ATTRIBUTES if f"C({name})" not in str(DOCUMENTED["enrollments"]["description"])]


def test_secrets_are_no_log() -> None:
    assert {name for name, option in SPEC.items() if option.get("no_log")} == {
        "nanomdm_api_key", "kmfddm_api_key", "nanohub_api_key", "enrollments_sql"
    }  # fmt: skip


def test_what_is_returned_is_documented() -> None:
    returned = yaml.safe_load(nanomdm.RETURN)
    assert {"summary", "changes", "findings", "conflicts", "drift", "notes", "evidence", "record", *OWN_VALUES} <= set(returned)


def test_examples_use_options_of_the_module() -> None:
    tasks = yaml.safe_load(nanomdm.EXAMPLES)
    assert tasks
    assert not [name for task in tasks for name in task["appban.endpoint.nanomdm"] if name not in SPEC]
