# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ask NanoMDM's PostgreSQL database, by the command-line client ``psql``: which enrolments there are, and what devices answered.

Tables and columns are those of NanoMDM v0.9.0 (``storage/pgsql/schema.sql``). Only SELECT is ever sent, in a session that the database
holds to be read-only; a role that may only read these tables is enough: ``enrollments``, ``devices``, ``command_results``. Of a device's
record neither the token update, which carries its unlock token, nor its certificate is read.

The database keeps only the last answer of each device to each command, and no list of apps can be told from it that wasn't asked for by
one of our own commands, because nothing else is read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from ....engine.errors import AppbanError
from ....mdm.http.json_text import loads
from ....mdm.http.redaction import Redactor
from ....mdm.http.server_values import text_in
from ..command_uuids import MARK_DIGITS
from ..device_answers import AUTHENTICATE, CHECK_OUT, DeviceAnswers, authenticate_attributes
from ..objects import DEVICE, USER, DeviceReport, Enrollment, Interests, platform_of
from .id_chunks import fits_in_path
from .postgres_login import login_environment
from .server_instants import utc_nanoseconds, utc_seconds

#: Runs a command: (words, environment to add) -> (exit status, output, error output). A module's ``run_command`` does.
RunCommand = Callable[[list[str], Mapping[str, str]], tuple[int, str, str]]

PSQL = ["psql", "--no-psqlrc", "--no-password", "--quiet", "--tuples-only", "--no-align", "--set", "ON_ERROR_STOP=1", "--command"]
#: NanoMDM's words for the channels that belong to a device.
CHANNELS = {"Device": DEVICE, "User Enrollment (Device)": USER}
STATEMENT_TIMEOUT = "120s"

# Times are written by the server's own clock without a zone, in the time zone of the database, which is that of our session, too.
_INSTANT = """to_char(%s AT TIME ZONE current_setting('TimeZone') AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')"""

ENROLLMENTS = """SELECT json_build_object('id', e.id, 'type', e.type, 'enabled', e.enabled, 'last_seen', %s, 'serial', d.serial_number,
 'authenticate', d.authenticate)
FROM enrollments e JOIN devices d ON d.id = e.device_id WHERE e.type IN (%s) ORDER BY e.id""" % (
    _INSTANT % "e.last_seen_at",
    ", ".join("'%s'" % each for each in CHANNELS),
)

LIVES = """SELECT json_build_object('id', e.id, 'enabled', e.enabled, 'enrolled', %s, 'last_seen', %s, 'serial', d.serial_number)
FROM enrollments e JOIN devices d ON d.id = e.device_id WHERE e.type IN (%s) ORDER BY e.id""" % (
    _INSTANT % "d.authenticate_at",
    _INSTANT % "e.last_seen_at",
    ", ".join("'%s'" % each for each in CHANNELS),
)

LOOK_UP = """SELECT json_build_object('id', e.id, 'enabled', e.enabled, 'serial', d.serial_number)
FROM enrollments e JOIN devices d ON d.id = e.device_id
WHERE e.type IN (%s) AND (lower(e.id) IN (SELECT lower(json_array_elements_text(%%s)))
 OR d.serial_number IN (SELECT json_array_elements_text(%%s)))""" % ", ".join("'%s'" % each for each in CHANNELS)

INSTANT = """SELECT json_build_object('now', to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))"""

# The mark is the first 13 characters of the UUID as it is written, its hyphen included.
ANSWERS = """SELECT json_build_object('id', r.id, 'uuid', r.command_uuid, 'status', r.status, 'at', %s, 'result', r.result)
FROM command_results r WHERE left(r.command_uuid, 13) IN (%%s) ORDER BY r.updated_at""" % (
    (_INSTANT % "r.updated_at").replace("SS", "SS.US")
)


class EnrollmentDatabase:
    """One database.

    Args:
        dsn: connection string, a secret.
        run: runs ``psql``.
        redactor: scrubs every message, and knows the password from now on.

    Raises:
        AppbanError: for a connection string that can't be used.
    """

    def __init__(self, dsn: str, run: RunCommand, redactor: Redactor) -> None:
        self._environment = {
            "PGCONNECT_TIMEOUT": "15",
            "PGAPPNAME": "appban.endpoint",
            **login_environment(dsn, redactor),
            "PGOPTIONS": "-c default_transaction_read_only=on -c statement_timeout=%s" % STATEMENT_TIMEOUT,
            "PGCLIENTENCODING": "UTF8",
            "LC_ALL": "C.UTF-8",
        }
        self._run = run
        self._redactor = redactor

    def __repr__(self) -> str:
        return "EnrollmentDatabase()"

    def enrollments(self) -> tuple[Enrollment, ...]:
        """All enrolments of devices, those that have left included (``managed`` False); never those of users of devices.

        The database doesn't know who owns a device, and whether it is supervised.

        Raises:
            AppbanError: with all rows that can't be used.
        """
        found: list[Enrollment] = []
        problems: list[str] = []
        for row in self._rows(ENROLLMENTS, "read the enrolments"):
            identifier = text_in(row, "id")
            if not fits_in_path(identifier):
                problems.append("an enrolment id that can't stand in a URL: %r" % identifier[:60])
                continue
            try:
                said = authenticate_attributes(text_in(row, "authenticate").encode("utf-8"))
            except ValueError:
                # A device that can't be read is a device nevertheless; it counts among those of which nothing is known.
                said = {}
            found.append(
                Enrollment(
                    id=identifier,
                    serial=text_in(row, "serial") or said.get("serial", ""),
                    name=said.get("name", ""),
                    platform=platform_of(said.get("model", "")),
                    os_version=said.get("os_version", ""),
                    model=said.get("model", ""),
                    enrollment=CHANNELS.get(text_in(row, "type"), ""),
                    last_seen=utc_seconds(row.get("last_seen")),
                    managed=row.get("enabled") is True,
                )
            )
        if problems:
            raise AppbanError("The database holds enrolments that can't be used", "; ".join(problems), "Delete them from the database")
        return tuple(found)

    def reports(self, interests: Interests) -> dict[str, DeviceReport]:
        """What devices have told, as ``webhook_log.read_webhook_log`` gives it, but only from answers to commands of ours.

        A device that is not enabled counts as checked out: it left, or it began to enrol and never came to its end.
        """
        answers = DeviceAnswers(interests)
        for row in self._rows(LIVES, "read when devices enrolled"):
            identifier = text_in(row, "id")
            if answers.wants(identifier):
                answers.check_in(identifier, AUTHENTICATE, utc_seconds(row.get("enrolled")), text_in(row, "serial"))
                answers.check_in(identifier, "" if row.get("enabled") is True else CHECK_OUT, utc_seconds(row.get("last_seen")))
        marks = sorted(interests.marks | set(interests.questions))
        for row in self._rows(ANSWERS % _marks_in_sql(marks), "read what devices answered") if marks else ():
            at, moment = utc_seconds(row.get("at")), utc_nanoseconds(row.get("at"))
            told = text_in(row, "result").encode("utf-8")
            try:
                answers.answer(text_in(row, "id"), text_in(row, "uuid"), text_in(row, "status"), told, at, moment)
            except ValueError:
                # One answer that can't be read is one answer less; the command counts as not answered.
                continue
        return answers.reports()

    def managed(self, ids: Iterable[str], serials: Iterable[str]) -> tuple[dict[str, bool], dict[str, bool]]:
        """Whether some devices are managed: by enrolment id in any letter case, and by serial number. One without a row is not."""
        found = dict.fromkeys(ids, False), dict.fromkeys(serials, False)
        by_folded: dict[str, list[str]] = {}
        for each in found[0]:
            by_folded.setdefault(each.lower(), []).append(each)
        for row in self._rows(LOOK_UP % (_json_in_sql(found[0]), _json_in_sql(found[1])), "look up devices"):
            if row.get("enabled") is True:
                found[0].update((each, True) for each in by_folded.get(text_in(row, "id").lower(), ()))
                if text_in(row, "serial") in found[1]:
                    found[1][text_in(row, "serial")] = True
        return found

    def instant(self) -> str:
        """What the database's clock says."""
        return max((utc_seconds(row.get("now")) for row in self._rows(INSTANT, "read the clock")), default="")

    def _rows(self, query: str, what: str) -> Iterator[dict[str, Any]]:
        try:
            status, output, errors = self._run([*PSQL, query], self._environment)
        except OSError as error:
            status, output, errors = 127, "", "psql: %s" % (error.strerror or error)
        if status != 0:
            reason = " ".join(errors.split()) or "psql ended with status %d" % status
            raise AppbanError(
                self._redactor.scrub("Failed to %s in NanoMDM's database: %s" % (what, reason[:600])),
                "",
                "Check enrollments_sql, that the PostgreSQL client psql is installed where the module runs, and that the role may SELECT",
            )
        for line in output.split("\n"):
            if line.strip():
                try:
                    row = loads(line)
                except ValueError:
                    row = None
                if not isinstance(row, dict):
                    raise AppbanError("Failed to %s in NanoMDM's database: psql gave something else than rows" % what, "", "Check psql")
                yield row


def _marks_in_sql(marks: Iterable[str]) -> str:
    """Marks as they stand at the beginning of UUIDs, as literals of SQL.

    Raises:
        ValueError: for anything but hexadecimal digits, which needs no quoting.
    """
    literals = []
    for mark in marks:
        if not re.fullmatch(r"[0-9a-f]{%d}" % MARK_DIGITS, mark):
            raise ValueError("not a mark: %r" % mark)
        literals.append("'%s-%s'" % (mark[:8], mark[8:]))
    return ", ".join(literals)


def _json_in_sql(texts: Iterable[str]) -> str:
    """Texts as a literal of SQL that holds a list in JSON, which is ASCII; a quote is written by its number."""
    written = json.dumps(sorted(each for each in texts if "\0" not in each)).replace("'", "\\u0027")
    return "E'%s'::json" % written.replace("\\", "\\\\")
