# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NanoMDM's database behind a real server, and how psql is told where it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.engine.errors import AppbanError
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.redaction import MARK, Redactor
from ansible_collections.appban.endpoint.plugins.module_utils.targets.nanomdm.api.enrollment_database import EnrollmentDatabase
from ansible_collections.appban.endpoint.plugins.module_utils.targets.nanomdm.api.postgres_login import login_environment
from ansible_collections.appban.endpoint.plugins.module_utils.targets.nanomdm.objects import Interests
from tests.support.nanomdm.nano_clients import Clients, clients_of, open_database, run_command
from tests.support.nanomdm.servers import NanoServers

PASSWORD = "correct horse battery"


@pytest.fixture
def clients(nano_pgsql: NanoServers) -> Iterator[Clients]:
    with clients_of(nano_pgsql) as opened:
        yield opened


def test_devices_are_listed_as_they_enrolled(clients: Clients) -> None:
    phone = clients.servers.device(udid="AAAAAAAA-0000-4000-8000-000000000001", serial="SERIAL1", platform="iPhone", os_version="26.1")
    private = clients.servers.device(
        udid="AAAAAAAA-0000-4000-8000-000000000002", serial="SERIAL2", platform="iPad", supervised=False, enrollment="user"
    )
    gone = clients.servers.device(udid="AAAAAAAA-0000-4000-8000-000000000003", serial="SERIAL3", platform="Mac")
    for device in (phone, private, gone):
        device.enrol()
    gone.check_out()
    found = {each.id: each for each in open_database(clients).enrollments()}
    assert set(found) == {phone.id, private.id, gone.id}
    told = {name: (each.platform, each.enrollment, each.serial, each.managed) for name, each in found.items()}
    assert told[phone.id] == ("ios", "device", "SERIAL1", True)
    assert told[private.id] == ("ipados", "user", "", True)
    assert told[gone.id] == ("macos", "device", "SERIAL3", False)
    assert found[phone.id].os_version == "26.1"
    assert {each.supervised for each in found.values()} == {None}, "the database doesn't know"
    assert all(each.last_seen.endswith("Z") for each in found.values())
    left = open_database(clients).reports(Interests())
    assert (left[gone.id].checked_out_at != "", left[phone.id].checked_out_at) == (True, "")
    assert set(open_database(clients).reports(Interests(enrollments=frozenset({phone.id})))) == {phone.id}


def test_users_of_devices_are_not_devices(clients: Clients) -> None:
    device = clients.servers.device(udid="AAAAAAAA-0000-4000-8000-000000000001", platform="Mac")
    device.enrol()
    user = {"UserID": "11111111-2222-3333-4444-555555555555", "UserShortName": "anna", "UserLongName": "Anna"}
    token = {"Topic": "com.apple.mgmt.test", "PushMagic": "magic", "Token": b"1"}
    device.wire.check_in({"MessageType": "TokenUpdate", **token, **user, **device.facts.names_itself})
    device.wire.hang_up()
    assert [each.id for each in open_database(clients).enrollments()] == [device.id]


def test_the_session_can_not_write_and_nothing_secret_is_on_the_command_line(clients: Clients) -> None:
    seen: list[tuple[list[str], Mapping[str, str]]] = []

    def run(words: list[str], environ: Mapping[str, str]) -> tuple[int, str, str]:
        seen.append((words, environ))
        return run_command([*words[:-1], "DELETE FROM enrollments"], environ)

    assert clients.servers.dsn is not None
    dsn = clients.servers.dsn.replace("appban@", "appban:%s@" % PASSWORD.replace(" ", "%20"))
    with pytest.raises(AppbanError, match="read-only transaction") as caught:
        EnrollmentDatabase(dsn, run, Redactor()).enrollments()
    assert "enrollments_sql" in caught.value.next_step
    ((words, environ),) = seen
    assert PASSWORD not in " ".join(words)
    assert environ["PGPASSWORD"] == PASSWORD


def failing(status: int, output: str, errors: str) -> EnrollmentDatabase:
    return EnrollmentDatabase("host=db dbname=n password='%s'" % PASSWORD, lambda words, environ: (status, output, errors), Redactor())


def test_what_goes_wrong_is_told_without_the_password() -> None:
    with pytest.raises(AppbanError, match="authentication failed") as caught:
        failing(2, "", "psql: error:\n authentication failed for %s" % PASSWORD).enrollments()
    assert PASSWORD not in str(caught.value)
    assert MARK in str(caught.value)
    with pytest.raises(AppbanError, match="something else than rows"):
        failing(0, "Hello\n", "").enrollments()


def test_no_psql_is_told() -> None:
    def run(words: list[str], environ: Mapping[str, str]) -> tuple[int, str, str]:
        raise FileNotFoundError(2, "No such file or directory")

    with pytest.raises(AppbanError, match="No such file") as caught:
        EnrollmentDatabase("dbname=n", run, Redactor()).enrollments()
    assert "is installed" in caught.value.next_step


def test_a_record_that_can_not_be_read_is_a_device_of_which_nothing_is_known() -> None:
    (found,) = failing(0, '{"id": "A", "type": "Device", "enabled": true, "authenticate": "<plist", "last_seen": null}\n', "").enrollments()
    assert (found.id, found.platform, found.managed, found.last_seen) == ("A", "", True, "")


@pytest.mark.parametrize(
    ("dsn", "environment"),
    [
        (
            "postgresql://anna:p%40ss@db.example.org:5433/nano?sslmode=verify-full&sslrootcert=/etc/ca.pem",
            {
                "PGUSER": "anna", "PGPASSWORD": "p@ss", "PGHOST": "db.example.org", "PGPORT": "5433", "PGDATABASE": "nano",
                "PGSSLMODE": "verify-full", "PGSSLROOTCERT": "/etc/ca.pem",
            },
        ),
        ("postgres://[::1]:5432,other:5433/nano", {"PGHOST": "::1,other", "PGPORT": "5432,5433", "PGDATABASE": "nano"}),
        ("postgresql:///nano?host=/run/postgresql", {"PGHOST": "/run/postgresql", "PGDATABASE": "nano"}),
        (
            r"host=db dbname = 'na no' password='it\'s' user=anna",
            {"PGHOST": "db", "PGDATABASE": "na no", "PGPASSWORD": "it's", "PGUSER": "anna"},
        ),
        ("service=nano", {"PGSERVICE": "nano"}),
    ],
)  # fmt: skip
def test_a_connection_string_becomes_an_environment(dsn: str, environment: dict[str, Any]) -> None:
    assert login_environment(dsn, Redactor()) == environment


@pytest.mark.parametrize(
    "dsn",
    [
        "",
        "host=db",
        "postgresql://anna:secret@db",
        "secret",
        "dbname=n options='-c secret'",
        "dbname='n secret",
        "postgresql://[secret/nano",
    ],
)
def test_a_connection_string_that_can_not_be_used_is_not_repeated(dsn: str) -> None:
    with pytest.raises(AppbanError) as caught:
        login_environment(dsn, Redactor())
    assert "secret" not in str(caught.value)
