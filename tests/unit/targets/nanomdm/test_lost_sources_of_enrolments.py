# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A list of enrolments that comes short, or says less than before, is no order to let devices go."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.targets.nanomdm.objects import Enrollment
from tests.support.mdm_samples import policy
from tests.support.nanomdm.fake_device import FakeDevice
from tests.support.nanomdm.nano_clients import clients_of, open_database, run_command
from tests.support.nanomdm.nano_run import BANNED, Ban, lifted
from tests.support.nanomdm.servers import NanoServers
from tests.support.nanomdm.target_of_a_log import check_in, looked, target_of

pytestmark = pytest.mark.fault_kind("T1b", "lists of enrolments and answers that are lost")
BLOCK = {"name": "Corporate", "when": {"ownership": "corporate"}, "actions": ["block"]}
ADVISE = {"name": "Private", "when": {"ownership": "personal"}, "actions": ["advise"]}
CITY = policy(rules=[BLOCK, ADVISE])


def in_force(nano: NanoServers, tmp_path: Path, *versions: str, **options: Any) -> tuple[Ban, list[FakeDevice]]:
    """A ban that all of some phones have."""
    phones = [nano.device(os_version=version, apps=[BANNED]) for version in versions]
    ban = Ban(nano, tmp_path, phones, inventory="never", **options)
    ban.run(CITY)
    ban.connect()
    ban.run(CITY)
    assert opened(phones) == [False] * len(phones)
    ban.skip(minutes=5)
    return ban, phones


def opened(phones: list[FakeDevice]) -> list[bool]:
    return [each.can_open(BANNED.identifier) for each in phones]


@pytest.mark.parametrize("kind", ["header", "rows"])
@pytest.mark.parametrize("ledger", ["kept", "lost"])
def test_an_empty_list_is_refused_and_nothing_is_written(nano: NanoServers, tmp_path: Path, kind: str, ledger: str) -> None:
    ban, phones = in_force(nano, tmp_path, "26.1", "27.0")
    if ledger == "lost":
        shutil.rmtree(ban.evidence_dir)
    header = tmp_path / "enrolments.csv"
    header.write_text("id,serial,platform,os_version,supervised,ownership\n", encoding="utf-8")
    source: dict[str, Any] = {"enrollments": None, "enrollments_file": str(header)} if kind == "header" else {"enrollments": []}
    for policies in ((CITY,), lifted(CITY)):
        refused = ban.run(*policies, expect_failure=True, **source)
        assert "no enrolments" in refused.message
        assert "nothing was written" in refused.message.lower()
        assert "accept_fleet_size" in refused.message
        assert refused.writes() == []
    ban.connect()
    assert opened(phones) == [False, False]


@pytest.mark.parametrize("missing", ["26.1", "27.0"])
def test_a_device_that_the_list_has_lost_keeps_its_block_and_is_told_of(nano: NanoServers, tmp_path: Path, missing: str) -> None:
    ban, phones = in_force(nano, tmp_path, "26.1", "27.0")
    rows = [ban.row(each) for each in phones if each.facts.os_version != missing]
    for _time in range(2):
        short = ban.run(CITY, enrollments=rows)
        assert short.writes() == []
        assert [note for note in short.values["notes"] if "not in the list of enrolments" in note]
    ban.connect()
    assert opened(phones) == [False, False]
    # Who confirms the size says that it is meant.
    ban.run(CITY, enrollments=rows, accept_fleet_size=1)
    ban.connect()
    assert opened(phones) == [each.facts.os_version == missing for each in phones]


def test_a_lift_takes_the_block_from_a_device_that_the_list_has_lost_too(nano: NanoServers, tmp_path: Path) -> None:
    ban, phones = in_force(nano, tmp_path, "26.1", "27.0", "27.0")
    ban.run(*lifted(CITY), enrollments=[ban.row(phones[2])])
    ban.connect()
    assert opened(phones) == [True] * 3


def test_a_device_that_the_list_calls_unmanaged_is_let_go(nano: NanoServers, tmp_path: Path) -> None:
    ban, phones = in_force(nano, tmp_path, "27.0", "27.0")
    rows = [{**ban.row(phones[0]), "managed": False}, ban.row(phones[1])]
    ban.run(CITY, enrollments=rows)
    ban.connect()
    assert opened(phones) == [True, False]


@pytest.mark.parametrize("ledger", ["kept", "lost"])
def test_ids_in_another_letter_case_are_those_of_the_same_devices(nano: NanoServers, tmp_path: Path, ledger: str) -> None:
    ban, phones = in_force(nano, tmp_path, "26.1", "27.0")
    rows = [{**ban.row(each), "id": each.id.lower()} for each in phones]
    if ledger == "lost":
        shutil.rmtree(ban.evidence_dir)
    told = ban.run(CITY, enrollments=rows)
    assert [write for write in told.writes() if phones[0].id.lower() in write or phones[1].id.lower() in write] == []
    assert set(told.outcomes()) == {each.id for each in phones}
    assert [note for note in told.values["notes"] if "letter case" in note]
    ban.connect()
    assert opened(phones) == [False, False]
    ban.run(*lifted(CITY), enrollments=rows)
    ban.connect()
    assert opened(phones) == [True, True]


@pytest.mark.parametrize("ledger", ["kept", "lost"])
@pytest.mark.parametrize("lost", ["ownership", "supervised", "os_version"])
def test_what_the_list_does_not_say_any_more_releases_nobody(nano: NanoServers, tmp_path: Path, lost: str, ledger: str) -> None:
    ban, phones = in_force(nano, tmp_path, "26.1", "27.0")
    rows = [{name: value for name, value in ban.row(each).items() if name != lost} for each in phones]
    # What devices have told of themselves is gone, too.
    ban.rotate_log()
    if ledger == "lost":
        shutil.rmtree(ban.evidence_dir)
    for _time in range(2):
        done = ban.run(CITY, enrollments=rows)
        assert [change for change in done.changes() if "ended" in change or "delete" in change] == []
        ban.connect()
        assert opened(phones) == [False, False]
    # A lift still lets everybody go of whom anything tells what it has.
    ban.run(*lifted(CITY), enrollments=rows)
    ban.connect()
    assert opened(phones)[1]
    assert opened(phones)[0] or ledger == "lost"


def test_finished_commands_that_are_deleted_from_the_database_release_nobody(nano_pgsql: NanoServers, tmp_path: Path) -> None:
    source: dict[str, Any] = {"webhook_log": None, "enrollments_sql": nano_pgsql.dsn}
    ban, phones = in_force(nano_pgsql, tmp_path, "26.1", "27.0", **source)
    rows = [{name: value for name, value in ban.row(each).items() if name != "supervised"} for each in phones]
    assert nano_pgsql.dsn is not None
    assert run_command(["psql", nano_pgsql.dsn, "-c", "DELETE FROM command_results"], {})[0] == 0
    done = ban.run(CITY, enrollments=rows)
    assert [change for change in done.changes() if "ended" in change] == []
    ban.connect()
    assert opened(phones) == [False, False]


def test_an_emptied_log_is_told_and_releases_nobody(nano: NanoServers, tmp_path: Path) -> None:
    ban, phones = in_force(nano, tmp_path, "26.1", "27.0")
    ban.rotate_log()
    done = ban.run(CITY)
    assert done.writes() == []
    assert [note for note in done.values["notes"] if "webhook log" in note and "empty" in note]
    assert opened(phones) == [False, False]


def test_the_database_tells_of_exactly_the_devices_that_it_is_asked_for(nano_pgsql: NanoServers) -> None:
    here, gone = nano_pgsql.device(), nano_pgsql.device()
    for each in (here, gone):
        each.enrol()
    gone.check_out()
    odd = "it's \\ \"odd\" %s \u00e9"
    with clients_of(nano_pgsql) as clients:
        ids, serials = open_database(clients).managed([here.id.lower(), here.id, gone.id, odd], [here.facts.serial, gone.facts.serial, odd])
    assert ids == {here.id.lower(): True, here.id: True, gone.id: False, odd: False}
    assert serials == {here.facts.serial: True, gone.facts.serial: False, odd: False}


def test_a_list_tells_only_of_whom_it_has_and_the_log_of_who_has_left(tmp_path: Path) -> None:
    listed = [Enrollment("A", serial="S1"), Enrollment("B", serial="S2", managed=False)]
    lines = [check_in("Authenticate", "2023-03-20T07:00:00Z", each) + check_in("CheckOut", "2023-03-20T08:00:00Z", each) for each in "AC"]
    target = target_of(tmp_path, CITY, lines, listed)
    target.ledger.write("2023-03-19T00:00:00Z", [{"event": "assigned", "device": "C", "control": "org.example.ban.city-SentApps"}])
    looked(target, CITY)
    asked = ["A", "B", "C", "D", "serial:S1", "serial:S2", "serial:S3"]
    assert target.look_up(asked) == {
        "A": False, "B": False, "C": False, "D": None, "serial:S1": True, "serial:S2": False, "serial:S3": None,
    }  # fmt: skip
