# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an inventory says of a tenant: every mistake is named before anything is contacted, and no value ever is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.appban.endpoint.plugins.module_utils.engine.errors import AppbanError
from ansible_collections.appban.endpoint.plugins.module_utils.engine.evidence import EvidenceRecord
from ansible_collections.appban.endpoint.plugins.plugin_utils.tenant_settings import (
    OF_THE_ROLE,
    TARGETS,
    check_tenant,
    identity_of_tenant,
    record_name,
    record_of_refused,
)

TASKS = Path(__file__).resolve().parents[3] / "roles" / "tenant" / "tasks"


def variables(target: Any = "intune", **more: Any) -> dict[str, Any]:
    return {"appban_target": target, "appban_connection": {}, "appban_options": {}, **more}


def named(*names: str) -> dict[str, str]:
    return dict.fromkeys(names, "not-to-be-shown")


def refused(tenant: str = "city", tenants: tuple[str, ...] = ("city",), **given_variables: Any) -> str:
    with pytest.raises(AppbanError) as caught:
        check_tenant(tenant, tenants, variables(**given_variables))
    assert "not-to-be-shown" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("target", TARGETS)
def test_every_option_of_the_module_but_the_roles_own_is_taken(target: str) -> None:
    options = sorted(set(TARGETS[target]()) - set(OF_THE_ROLE))
    given = named(*options)
    assert check_tenant("city", ["city", "school"], variables(target, appban_connection=given, appban_options=given)) == "city"


def test_an_unknown_target_names_the_known_ones() -> None:
    said = refused(target="kandji")
    known = ", ".join(sorted(TARGETS))
    assert said == f"appban_target is kandji, expected one of: {known} (city). Mend the inventory; nothing was contacted"


@pytest.mark.parametrize("name", OF_THE_ROLE)
def test_what_the_role_gives_can_be_given_nowhere_else(name: str) -> None:
    assert f"appban_options sets {name}, which is {OF_THE_ROLE[name]}" in refused(appban_options=named(name))


def test_all_problems_come_at_once_with_the_nearest_name() -> None:
    said = refused(appban_connection=named("client_secert", "zzz"), appban_options=named("web_blocks"))
    assert "appban_connection has the unknown option client_secert, perhaps client_secret" in said
    assert "appban_connection has the unknown option zzz;" in said
    assert "appban_options has the unknown option web_blocks, perhaps web_block" in said


def test_two_tenants_never_share_a_record() -> None:
    said = refused("city a", ("city a", "city/a", "school"))
    assert "its record would be called city_a, and so would that of city/a" in said
    assert "and so would that of all hosts" in refused("hosts", tenants=("hosts",))
    assert "begin it with a letter or a digit" in refused("-city", tenants=("-city",))
    assert "at most 101 characters" in refused("c" * 102, tenants=())


@given(st.text(min_size=1, max_size=110))
def test_a_name_that_is_accepted_can_be_that_of_a_record(tmp_path_factory: pytest.TempPathFactory, tenant: str) -> None:
    try:
        name = check_tenant(tenant, [tenant], variables())
    except AppbanError:
        return
    assert name == record_name(tenant)
    record = EvidenceRecord(str(tmp_path_factory.mktemp("evidence")), "20230315T000000Z", name, {})
    record.abandon()


def test_the_tasks_of_all_kinds_of_tenants_differ_in_nothing_but_their_module() -> None:
    """A task can't have its module in a variable, so there is a file for each kind."""
    texts = {target: (TASKS / f"{target}.yml").read_text(encoding="utf-8").splitlines() for target in TARGETS}
    assert all(lines[1].startswith("- name: Converge the ") for lines in texts.values())
    alike = {
        target: [lines[0], *(line.replace(f"appban.endpoint.{target}:", "MODULE:") for line in lines[2:])]
        for target, lines in texts.items()
    }
    assert len({"\n".join(lines) for lines in alike.values()}) == 1


@pytest.mark.fault_kind("R3", "one tenant under two names")
@pytest.mark.parametrize(
    ("target", "connection", "environment"),
    [
        ("intune", {"tenant_id": "ABC"}, {}),
        ("intune", {"tenant_id": "abc", "cloud": "gcc"}, {}),
        ("intune", {"tenant_id": "abc", "graph_url": "https://Graph.microsoft.com/"}, {}),
        ("intune", {}, {"AZURE_TENANT_ID": "abc"}),
        ("jamf_pro", {"url": "https://city.example"}, {}),
        ("jamf_pro", {"url": "https://CITY.example:443/"}, {}),
        ("jamf_pro", {"url": "https://city.example", "base_path": ""}, {}),
        ("jamf_pro", {}, {"JAMF_URL": "https://city.example"}),
        ("nanomdm", {"nanomdm_url": "https://mdm.example", "nanomdm_api_key": "k"}, {}),
        ("nanomdm", {"nanomdm_url": "https://MDM.example/"}, {"APPBAN_NANOMDM_API_KEY": "k", "APPBAN_NANOHUB_URL": "https://hub.example"}),
        ("nanomdm", {"nanohub_url": "https://mdm.example", "nanohub_api_key": "k"}, {"APPBAN_NANOMDM_URL": "https://other.example"}),
    ],
)
def test_the_same_tenant_has_the_same_identity(target: str, connection: dict[str, str], environment: dict[str, str]) -> None:
    expected = {
        "intune": ("intune", "abc", "https", "graph.microsoft.com", "443", ""),
        "jamf_pro": ("jamf_pro", "https", "city.example", "443", ""),
        "nanomdm": ("nanomdm", "https", "mdm.example", "443", ""),
    }
    identity = identity_of_tenant(target, variables(target, appban_connection=connection), environment)
    assert identity is not None
    assert (identity.kind, *identity.key) == expected[target]


@pytest.mark.parametrize(
    ("target", "connection"),
    [
        ("intune", {}),
        ("intune", {"tenant_id": ""}),
        ("jamf_pro", {"url": "city.example"}),
        ("jamf_pro", {}),
        ("nanomdm", {}),
    ],
)
def test_what_does_not_say_which_tenant_it_is_has_no_identity(target: str, connection: dict[str, str]) -> None:
    assert identity_of_tenant(target, variables(target, appban_connection=connection), {}) is None


def test_refused_tenants_never_share_a_name_in_the_run() -> None:
    tenants = ["city a", "city_a", "hosts", "-x"]
    names = [record_of_refused(tenant, tenants) for tenant in tenants]
    assert len({*names, "city_a", "hosts", "-x"}) == 7
    assert record_of_refused("city b", tenants) == "city_b"
