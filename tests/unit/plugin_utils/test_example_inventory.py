# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The example inventory can be begun with: every kind of tenant is in it, its options are the modules' own, and it holds no secret."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.appban.endpoint.plugins.module_utils.targets.nanomdm.enrollments import read_enrollments_file
from ansible_collections.appban.endpoint.plugins.plugin_utils.tenant_settings import TARGETS, check_tenant

EXAMPLE = Path(__file__).resolve().parents[3] / "inventories" / "example"
TENANTS: dict[str, dict[str, Any]] = yaml.safe_load((EXAMPLE / "hosts.yml").read_text(encoding="utf-8"))["appban_tenants"]["hosts"]
GIVEN = ("appban_connection", "appban_options")


def values_of(tenant: str) -> dict[str, Any]:
    """Every option that the inventory gives a tenant, with its value."""
    return {name: value for variable in GIVEN for name, value in TENANTS[tenant].get(variable, {}).items()}


def test_every_kind_of_tenant_is_shown() -> None:
    assert {entry["appban_target"] for entry in TENANTS.values()} == set(TARGETS)


@pytest.mark.parametrize("tenant", TENANTS)
def test_what_it_says_of_a_tenant_can_be_used(tenant: str) -> None:
    entry = TENANTS[tenant]
    assert check_tenant(tenant, TENANTS, entry) == tenant


@pytest.mark.parametrize("tenant", TENANTS)
def test_a_secret_is_looked_up_or_left_to_the_environment(tenant: str) -> None:
    spec = TARGETS[TENANTS[tenant]["appban_target"]]()
    secrets = {name: value for name, value in values_of(tenant).items() if spec[name].get("no_log")}
    assert [name for name, value in secrets.items() if not value.startswith("{{ lookup(")] == []


def test_its_list_of_enrolments_can_be_read() -> None:
    path = values_of("city-nanomdm")["enrollments_file"].replace("{{ inventory_dir }}", str(EXAMPLE))
    enrollments = read_enrollments_file(path)
    # Both of the ways to be blocked, a Mac, and a private device that the management sees nothing of.
    assert {(each.platform, each.supervised, each.enrollment) for each in enrollments} == {
        ("ipados", True, "device"),
        ("ios", True, "device"),
        ("macos", True, "device"),
        ("ios", False, "user"),
    }
