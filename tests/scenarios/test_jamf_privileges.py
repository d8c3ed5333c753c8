# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The privileges that docs/jamf_pro.md asks for are enough, for a check and for the whole life of a ban, and it asks for none in vain."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.targets.jamf_pro.api import privileges
from ansible_collections.appban.endpoint.plugins.module_utils.targets.jamf_pro.module import ENVIRONMENT
from tests.support.jamf_pro.jamf_everything import LATER, NEXT_DAY, NOW, SECOND_MAC, SECOND_PHONE, JamfCity, everything, jamf_city

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "jamf_pro.md").read_text(encoding="utf-8")
VERBS = (privileges.CREATE, privileges.READ, privileges.UPDATE, privileges.DELETE)
#: Only what somebody did to a group of ours takes these.
MENDING = {"Update Smart Mobile Device Groups", "Update Smart Computer Groups"}

pytestmark = pytest.mark.usefixtures("no_waiting")


def privilege_rows() -> dict[str, tuple[str, str]]:
    """Privilege -> whether check and apply need it, from the page's table."""
    table = PAGE.split("<!-- privileges: begin -->")[1].split("<!-- privileges: end -->")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.strip().splitlines()[2:]]
    assert all(len(row) == 4 and re.fullmatch(r"`[\w ]+`", row[0]) for row in rows)
    found = {row[0].strip("`"): (row[2], row[3]) for row in rows}
    assert len(found) == len(rows)
    return found


ROWS = privilege_rows()
READS = [name for name, (check, _apply) in ROWS.items() if check == "yes"]


def lifted(policies: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**each, "state": "lifted"} for each in policies]


def test_only_reading_is_needed_for_a_check_and_everything_for_an_apply() -> None:
    assert {name for name in ROWS if name.startswith("Read ")} == set(READS)
    assert {apply for _check, apply in ROWS.values()} == {"yes"}


def test_the_page_names_the_privileges_of_the_code() -> None:
    objects = [*privileges.PROFILES.values(), privileges.RESTRICTED_SOFTWARE]
    known = {privileges.privilege(verb, each) for verb in VERBS for each in objects}
    known |= {privileges.group_privilege(verb, family, smart) for verb in VERBS for family in privileges.GROUPS for smart in (True, False)}
    known |= {privileges.MOBILE_DEVICES_READ, privileges.COMPUTERS_READ}
    # No static group of Macs is ever made.
    known -= {"%s Static Computer Groups" % verb for verb in VERBS if verb != privileges.READ}
    assert set(ROWS) == known


@pytest.mark.parametrize("variable", ENVIRONMENT.values())
def test_the_page_names_every_variable_that_stands_in_for_an_option(variable: str) -> None:
    assert f"`{variable}`" in PAGE


def test_a_check_needs_no_more_than_the_page_says(tmp_path: Path) -> None:
    with jamf_city(tmp_path) as city:
        city.settings(privileges=READS)
        for findings in ("inventory", "groups"):
            run = city.run(everything(tmp_path), NOW, check=True, findings=findings)
            assert run.changes()
            assert set(run.values["privileges"]) <= set(READS)


def test_the_life_of_a_ban_needs_what_the_page_says_and_uses_all_of_it(tmp_path: Path) -> None:
    with jamf_city(tmp_path) as city:
        city.settings(privileges=list(ROWS))
        ban = everything(tmp_path)
        used = _used(city, ban, NOW)
        more = everything(tmp_path, apps=["tiktok", "capcut"], exempt=(SECOND_PHONE, SECOND_MAC))
        used |= _used(city, more, LATER, findings="groups")
        used |= _used(city, ban, NEXT_DAY, findings="groups")
        used |= _used(city, lifted(ban), NEXT_DAY, findings="groups")
    assert used == set(ROWS) - MENDING


def _used(city: JamfCity, policies: list[dict[str, Any]], now: str, **options: Any) -> set[str]:
    return set(city.run(policies, now, **options).values["privileges"])


def test_a_missing_privilege_is_named_with_the_way_to_grant_it(tmp_path: Path) -> None:
    with jamf_city(tmp_path) as city:
        city.settings(privileges=[name for name in ROWS if name != "Read Restricted Software"])
        run = city.run(everything(tmp_path), NOW, expect_failure=True)
        assert "the privilege Read Restricted Software (Settings, API roles and clients)" in run.message
        assert run.writes() == []
