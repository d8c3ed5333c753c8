# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is written about Intune is what the code says: options, permissions, the ways to name a tenant."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from ansible_collections.appban.endpoint.plugins.module_utils.targets.intune.api import permissions
from ansible_collections.appban.endpoint.plugins.module_utils.targets.intune.module import ENVIRONMENT, argument_spec
from ansible_collections.appban.endpoint.plugins.modules import intune
from ansible_collections.appban.endpoint.plugins.plugin_utils.tenant_settings import OF_THE_ROLE, TARGETS
from tests.support.documented_options import documented_as, documented_options, specified_as
from tests.support.intune.permissions_page import PAGE, permission_rows

CHECKOUT = Path(__file__).resolve().parents[4]
SPEC = argument_spec()
DOCUMENTED = documented_options(intune.DOCUMENTATION)


def test_documented_options_are_those_of_the_module() -> None:
    assert set(DOCUMENTED) == set(SPEC)


@pytest.mark.parametrize("name", SPEC)
def test_option_is_as_documented(name: str) -> None:
    assert documented_as(DOCUMENTED[name]) == specified_as(SPEC[name])


@pytest.mark.parametrize(("name", "variable"), ENVIRONMENT.items())
def test_option_names_the_variable_that_stands_in_for_it(name: str, variable: str) -> None:
    assert f"E({variable})" in str(DOCUMENTED[name]["description"])
    assert f"`{variable}`" in PAGE


def test_what_is_returned_is_documented() -> None:
    returned = yaml.safe_load(intune.RETURN)
    assert {
        "summary",
        "totals",
        "changes",
        "findings",
        "conflicts",
        "drift",
        "notes",
        "requests",
        "permissions",
        "evidence",
        "record",
    } <= set(returned)


def test_permissions_on_the_page_are_those_of_the_code() -> None:
    named = {value for name, value in vars(permissions).items() if name.isupper()}
    assert set(permission_rows()) == named


def test_nothing_that_writes_is_needed_for_a_check() -> None:
    for permission, (check, apply) in permission_rows().items():
        assert apply == "yes"
        reads = ".Read." in permission and permission != permissions.DIRECTORY_DEVICES_READ
        # Defender has no lesser permission that shows an app its own indicators.
        assert check == ("yes" if reads or permission == permissions.INDICATORS else "no"), permission


def test_every_target_has_a_module_a_task_and_a_place_in_the_action_group() -> None:
    group = yaml.safe_load((CHECKOUT / "meta" / "runtime.yml").read_text(encoding="utf-8"))["action_groups"]["tenants"]
    modules = {
        path.stem
        for path in (CHECKOUT / "plugins" / "modules").glob("*.py")
        if "appban.endpoint.target.connection" in path.read_text(encoding="utf-8")
    }
    tasks = {path.stem for path in (CHECKOUT / "roles" / "tenant" / "tasks").glob("*.yml")} - {"main"}
    assert set(TARGETS) == set(group) == modules == tasks


@pytest.mark.parametrize("target", TARGETS)
def test_the_role_gives_what_it_keeps_for_itself(target: str) -> None:
    tasks = yaml.safe_load((CHECKOUT / "roles" / "tenant" / "tasks" / f"{target}.yml").read_text(encoding="utf-8"))
    given = [task[f"appban.endpoint.{target}"] for task in tasks if f"appban.endpoint.{target}" in task]
    assert [set(each) for each in given] == [set(OF_THE_ROLE)]
    assert set(OF_THE_ROLE) <= set(TARGETS[target]())
