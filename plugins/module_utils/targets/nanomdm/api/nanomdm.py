# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Talk to a NanoMDM server, or to the part of a NanoHUB that is one: queue commands for enrolments. It can do nothing else for us; it lists
neither enrolments nor what it queued.

Facts are from NanoMDM's API description and from v0.9.0 itself, of which NanoHUB v0.2.0 is made. Its HTTP status says little (500 also for
a command that is queued and could only not be pushed), so answers are told apart by the fields of their JSON. Its storages differ:

- In memory and on disk it takes any id, also one that no device has. So "queued" is no sign that there is such a device; use ids of
  enrolments only.
- On an SQL database one id without an enrolment fails the whole request and undoes it, and doesn't say which id. Such a list is halved
  until the ids are found.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ....mdm.apple.commands import command_plist
from ....mdm.http.connection import Connection
from ....mdm.http.http_errors import RequestFailed, UncertainWrite
from ....mdm.http.response import Response
from ....mdm.http.session import Content, Session
from ..command_uuids import command_uuid
from ..objects import NO_ENROLLMENT, Enqueued
from .api_key import NANOMDM, ApiPlace, basic_key
from .id_chunks import id_chunks, path_of

#: Statuses under which the server gives its answer: 207 where pushing failed for some, 500 where anything failed for all.
ANSWERS = frozenset({207, 500})
#: Requests that one call of ``enqueue`` spends at most on finding unknown ids; a single one among 150 takes 16.
MOST_HALVINGS = 200

#: What storages say of a CommandUUID that they have: the first is NanoMDM's own word, then PostgreSQL's and MySQL's.
_REPEATED = ("command already exists", "commands_pkey", "duplicate entry")


class NanoMdm:
    """One server; several threads may use it at once.

    Args:
        url: the server's address.
        key: its API key.
        connection: what the sessions of the run share.
        check_mode: whether writes are refused.
        place: where on the server the API is.
    """

    def __init__(self, url: str, key: str, connection: Connection, check_mode: bool, place: ApiPlace = NANOMDM) -> None:
        self.place = place
        self.session = Session(place.below(url), basic_key(place.user, key, connection.redactor), connection, check_mode)

    def __repr__(self) -> str:
        return "NanoMdm(%s)" % self.session.base_url

    def enqueue(
        self,
        command: Mapping[str, Any],
        ids: Iterable[str],
        mark: str,
        idempotency_key: str,
        *,
        enrolled: Mapping[str, str] | None = None,
        push: bool = True,
    ) -> Enqueued:
        """Queue a command for enrolments, many per request.

        The same call again queues nothing and calls all ids ``already``, unless the ids have changed meanwhile: CommandUUIDs follow from
        mark, idempotency key, ids and when these enrolled, and the server takes each once. (One whose SQL storage deletes finished
        commands, ``delete=1``, forgets UUIDs, too.) So a request whose answer is lost can be sent once more.

        Args:
            command: what stands under ``Command``.
            ids: enrolment ids, letter for letter.
            mark, idempotency_key, enrolled: see :mod:`..command_uuids`.
            push: have the server wake the devices up. What goes wrong with that is a warning: the command waits in the queue.

        Raises:
            OutOfTime, WriteInCheckMode
            RequestFailed: for a refusal that has nothing to do with the ids, a key that is wrong for example.
        """
        queued, already, unknown = set[str](), set[str](), set[str]()
        failed, uuids, warnings = dict[str, str](), dict[str, str](), list[str]()
        chunks, halvings = id_chunks(ids), MOST_HALVINGS
        while chunks:
            chunk = chunks.pop(0)
            uuid = command_uuid(mark, chunk, idempotency_key, enrolled or {})
            error, said, lost = self._send(command, chunk, uuid, push)
            warnings += said
            has_unknown = NO_ENROLLMENT in error.lower()
            is_repeated = not has_unknown and any(words in error.lower() for words in _REPEATED)
            if has_unknown and len(chunk) == 1:
                unknown.update(chunk)
            elif has_unknown and halvings >= 2:
                # The request was undone, so nothing is queued for any of them.
                halvings -= 2
                chunks[:0] = [chunk[: len(chunk) // 2], chunk[len(chunk) // 2 :]]
            elif has_unknown:
                reason = "the server doesn't know some of %d enrolments, and there are too many such to find out which" % len(chunk)
                failed.update(dict.fromkeys(chunk, reason))
            elif error and not is_repeated:
                failed.update(dict.fromkeys(chunk, error))
            else:
                # After a lost answer it is our own first request that the server remembers.
                (already if is_repeated and not lost else queued).update(chunk)
                uuids.update(dict.fromkeys(chunk, uuid))
        told = tuple(dict.fromkeys(warnings))
        return Enqueued(frozenset(queued), frozenset(already), frozenset(unknown), failed, uuids, told)

    def _send(self, command: Mapping[str, Any], ids: tuple[str, ...], uuid: str, push: bool) -> tuple[str, list[str], bool]:
        """Send, and once more with the same CommandUUID if nobody knows what became of it.

        Returns:
            Why it isn't queued, empty if it is; warnings about pushing; whether the first answer was lost.
        """
        body = command_plist(uuid, command)
        lost = False
        try:
            response = self._put(ids, body, push, command)
        except UncertainWrite:
            lost = True
            try:
                response = self._put(ids, body, push, command)
            except UncertainWrite as again:
                return "nobody knows whether it is queued: %s" % again, [], lost
        error, warnings = read_answer(response)
        return self.session.redactor.scrub(error), [self.session.redactor.scrub(each) for each in warnings], lost

    def _put(self, ids: tuple[str, ...], body: bytes, push: bool, command: Mapping[str, Any]) -> Response:
        what = "queue the command %s for %d devices" % (command.get("RequestType"), len(ids))
        response = self.session.put(
            "enqueue/" + path_of(ids),
            content=Content(body, "application/xml"),
            params=None if push else {"nopush": "1"},
            what=what,
            accept=ANSWERS,
            repeatable=False,
        )
        if not isinstance(_document(response), dict):
            # A proxy's page, or half an answer: it may stand for anything.
            raise UncertainWrite(
                "Failed to %s: the answer, HTTP %d, is not NanoMDM's" % (what, response.status),
                response.place(),
                "Check %s, and what a proxy may put in the way" % self.place.option,
                response.status,
            )
        return response


def read_answer(response: Response) -> tuple[str, list[str]]:
    """Tell from the fields of an answer whether the command is queued.

    Returns:
        Why it isn't, empty if it is; and warnings about pushing.
    """
    document = _document(response)
    if not isinstance(document, dict):
        return "the answer is not NanoMDM's", []
    each = document.get("status")
    rows = [row for row in each.values() if isinstance(row, dict)] if isinstance(each, dict) else []
    errors = [document.get("command_error"), *(row.get("command_error") for row in rows)]
    pushes = [document.get("push_error"), *(row.get("push_error") for row in rows)]
    if not document.get("command_uuid") and not any(errors):
        errors.append(document.get("error") or "the server doesn't say that it queued anything")
    error = next((str(text) for text in errors if text), "")
    return error, ["Not woken up: %s" % text for text in dict.fromkeys(str(text) for text in pushes if text)] if not error else []


def _document(response: Response) -> Any:
    try:
        return response.json()
    except RequestFailed:
        return None
