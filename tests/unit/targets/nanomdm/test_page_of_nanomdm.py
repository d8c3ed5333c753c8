# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What docs/nanomdm.md says a run needs of the servers is what runs ask of them, in a check and in the whole life of a ban."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.targets.nanomdm import capabilities
from ansible_collections.appban.endpoint.plugins.module_utils.targets.nanomdm.api import enrollment_database
from ansible_collections.appban.endpoint.plugins.module_utils.targets.nanomdm.server_options import ENVIRONMENT
from tests.support.mdm_samples import policy
from tests.support.nanomdm.nano_run import BANNED, Ban, Run, lifted
from tests.support.nanomdm.servers import NanoServers

PAGE = (Path(__file__).resolve().parents[4] / "docs" / "nanomdm.md").read_text(encoding="utf-8")
BOTH = {"name": "Corporate", "when": {"ownership": "corporate"}, "actions": ["remove", "block"]}
SERVERS = {"NanoMDM": "nanomdm_url", "KMFDDM": "kmfddm_url"}


def requests_of_the_page(server: str, apply: bool) -> set[tuple[str, str]]:
    """Methods and the first words of paths below /v1 that a server is asked for."""
    table = PAGE.split("<!-- requests: begin -->")[1].split("<!-- requests: end -->")[0]
    (row,) = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if line.startswith(f"| {server} ")]
    found = set()
    for text in row[1:] if apply else row[1:2]:
        for part in text.split(";"):
            words = re.findall(r"`([\w-]+)`", part)
            methods = [word for word in words if word.isupper()]
            found |= {(method, word) for method in methods for word in words if word not in methods}
    return found


def asked(runs: Iterable[Run], ban: Ban, server: str) -> set[tuple[str, str]]:
    """The same, as it was really asked for."""
    address = ban.nano.connection[SERVERS[server]]
    exchanges = [each for run in runs for each in run.exchanges if each["url"].startswith(address)]
    return {(each["method"], each["path"].split("/")[2]) for each in exchanges}


def test_the_page_names_what_a_check_and_an_apply_ask_of_the_servers_and_no_more(nano: NanoServers, tmp_path: Path) -> None:
    new, old = (nano.device(os_version=version, apps=[BANNED]) for version in ("27.0", "26.1"))
    ban = Ban(nano, tmp_path, [new, old])
    city = policy(rules=[BOTH])
    checks, applies = [ban.run(city, check=True)], [ban.run(city)]
    ban.connect()
    ban.later(minutes=1)
    checks.append(ban.run(city, check=True))
    applies += [ban.run(city), ban.run(*lifted(city))]
    for server in SERVERS:
        assert asked(checks, ban, server) == requests_of_the_page(server, apply=False), server
        assert asked(applies, ban, server) == requests_of_the_page(server, apply=True), server


@pytest.mark.parametrize("variable", ENVIRONMENT.values())
def test_the_page_names_every_variable_that_stands_in_for_an_option(variable: str) -> None:
    assert f"`{variable}`" in PAGE


def test_the_page_names_the_tables_of_the_database() -> None:
    queries = " ".join((enrollment_database.ENROLLMENTS, enrollment_database.LIVES, enrollment_database.ANSWERS))
    tables = set(re.findall(r"(?:FROM|JOIN) (\w+)", queries))
    told = re.search(r"may only `SELECT` from ([^.]*)\.", PAGE)
    assert told is not None
    assert set(re.findall(r"`(\w+)`", told[1])) == tables


def test_the_page_names_every_kind_of_control() -> None:
    assert [each.words for each in capabilities.MECHANISMS.values() if each.words and f"-{each.words}`" not in PAGE] == []
    commands = (capabilities.NAMES[capabilities.REMOVE], capabilities.NAMES[capabilities.APP_LIST])
    assert [name for name in commands if f"`{name}`" not in PAGE] == []
