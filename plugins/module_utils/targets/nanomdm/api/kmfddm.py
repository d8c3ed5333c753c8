# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Talk to a KMFDDM server, or to the part of a NanoHUB that is one: declarations, sets, which enrolment has which set, and what devices say
of their declarations.

Facts are from KMFDDM's API description and from v0.8.3 itself, and from NanoHUB v0.2.0, which is made of it. 204 means changed and 304
unchanged; its description of putting a declaration has the two the other way round. It has no list of the enrolments of a set:
``enrollment_sets`` is one request per enrolment, so ask ``statuses`` first, which takes many at a time, and then only for enrolments whose
status doesn't settle the question.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import quote

from ....mdm.http.concurrency import ordered_map
from ....mdm.http.connection import Connection
from ....mdm.http.http_errors import RequestFailed, UncertainWrite
from ....mdm.http.paging import described, items_in, object_of, odd
from ....mdm.http.response import Response, ServerMessage, read_server_message
from ....mdm.http.server_values import text_in
from ....mdm.http.session import Session
from ..objects import NO_ENROLLMENT, DeclarationStatus, Notified
from .api_key import KMFDDM, ApiPlace, basic_key
from .id_chunks import MOST_NOTIFIED, id_chunks, path_of
from .server_instants import utc_nanoseconds, utc_seconds

UNCHANGED = 304
#: Wake no devices up for a write; see ``Kmfddm.notify`` for why.
_QUIETLY = {"nonotify": "1"}

#: What KMFDDM says, always with HTTP 500 -> what to do about it.
_ADVICE = {
    "referenced by": "Somebody has put the declaration into a set of their own: take it out of that set first",
    "declaration not found": "The declaration was deleted meanwhile; run again",
}

#: In the text of an error of NanoMDM's enqueuing, which NanoHUB passes on: what failed.
_NOT_PUSHED, _NOT_QUEUED = "push error: ", "enqueue error: "


class Kmfddm:
    """One server; several threads may use it at once.

    Every write is sent once. When its answer is lost, or is an error, the server is read again, and the write counts as made if it shows.

    Args:
        url: the server's address.
        key: its API key.
        connection: what the sessions of the run share.
        check_mode: whether writes are refused.
        workers: requests at a time, where there are many.
        place: where on the server the API is.
    """

    def __init__(
        self, url: str, key: str, connection: Connection, check_mode: bool, workers: int = 4, place: ApiPlace = KMFDDM
    ) -> None:
        self.place = place
        api_key = basic_key(place.user, key, connection.redactor)
        self.session = Session(place.below(url), api_key, connection, check_mode, read_message=read_kmfddm_error)
        self.workers = workers

    def __repr__(self) -> str:
        return "Kmfddm(%s)" % self.session.base_url

    def declarations(self) -> list[str]:
        """Identifiers of all declarations, sorted; everybody's."""
        return self._names("declarations", "list the declarations")

    def declaration(self, identifier: str) -> dict[str, Any] | None:
        """A declaration: ``Type``, ``Identifier``, ``Payload``, ``ServerToken``; None if there is none.

        Raises:
            RequestFailed, OutOfTime
        """
        what = "read the declaration %s" % identifier
        response = self.session.get("declarations/" + quote(identifier, safe=""), what=what, accept={404})
        if not response.ok():
            return None
        document = object_of(response)
        if document.get("Identifier") != identifier:
            raise odd(response, "the answer is not that declaration")
        return document

    def put_declaration(self, document: Mapping[str, Any]) -> bool:
        """Store a declaration (``Type``, ``Identifier``, ``Payload``) in place of one with the same identifier.

        Returns:
            Whether that changed anything.

        Raises:
            RequestFailed, OutOfTime, WriteInCheckMode
        """
        identifier = str(document["Identifier"])
        wanted = (document.get("Type"), document.get("Payload"))

        def landed() -> bool:
            found = self.declaration(identifier)
            return found is not None and (found.get("Type"), found.get("Payload")) == wanted

        return self._write("PUT", "declarations", _QUIETLY, "store the declaration %s" % identifier, landed, dict(document))

    def delete_declaration(self, identifier: str) -> bool:
        """Delete a declaration that is in no set.

        Returns:
            Whether there was one.

        Raises:
            RequestFailed: also where a set still has it.
        """
        path = "declarations/" + quote(identifier, safe="")
        return self._write("DELETE", path, {}, "delete the declaration %s" % identifier, lambda: self.declaration(identifier) is None)

    def sets(self) -> list[str]:
        """Names of all sets, sorted. A set is there as long as a declaration is in it."""
        return self._names("sets", "list the sets")

    def set_declarations(self, name: str) -> list[str]:
        """Identifiers of the declarations in a set, sorted; none for a set that isn't there."""
        return self._names("set-declarations/" + quote(name, safe=""), "read the set %s" % name)

    def put_set_declaration(self, name: str, identifier: str) -> bool:
        """Put a declaration into a set. Returns whether that changed anything."""
        return self._associate("PUT", "declaration", identifier, name, self.set_declarations)

    def delete_set_declaration(self, name: str, identifier: str) -> bool:
        """Take a declaration out of a set. Returns whether that changed anything."""
        return self._associate("DELETE", "declaration", identifier, name, self.set_declarations)

    def enrollment_sets(self, enrollment_id: str) -> list[str]:
        """Names of the sets of one enrolment, sorted; none for an enrolment that the server has never heard of."""
        return self._names("enrollment-sets/" + quote(enrollment_id, safe=""), "read the sets of the enrolment %s" % enrollment_id)

    def enrollments_sets(self, ids: Iterable[str]) -> dict[str, list[str]]:
        """The same for several enrolments: one request each, a few at a time."""
        each = sorted(set(ids))
        found = {}
        for enrollment, sets in zip(each, ordered_map(self.enrollment_sets, each, self.workers), strict=True):
            found[enrollment] = sets
            self.session.counters.progress.read("devices' sets of declarations", len(found), len(each))
        return found

    def put_enrollment_set(self, enrollment_id: str, name: str) -> bool:
        """Give an enrolment a set. The server takes any id, also one that no device has. Returns whether that changed anything."""
        return self._associate("PUT", "set", name, enrollment_id, self.enrollment_sets)

    def delete_enrollment_set(self, enrollment_id: str, name: str) -> bool:
        """Take a set from an enrolment. Returns whether that changed anything."""
        return self._associate("DELETE", "set", name, enrollment_id, self.enrollment_sets)

    def statuses(self, ids: Iterable[str]) -> dict[str, tuple[DeclarationStatus, ...]]:
        """What devices last said of their declarations, many devices per request.

        A device that calls our declaration ``in_force`` has it, so nobody needs to ask for its sets. (On the MySQL storage ``current``
        compares with the declaration alone, and so stays true between taking a set away and the device's next report; on the others
        it is only true for a declaration that the enrolment is given now.)

        Returns:
            Enrolment id -> one status per declaration, sorted by identifier; empty for a device that never reported.
        """
        chunks = id_chunks(ids)
        found: dict[str, tuple[DeclarationStatus, ...]] = {each: () for chunk in chunks for each in chunk}

        def fetch(chunk: tuple[str, ...]) -> Response:
            what = "read the status of declarations of %d devices" % len(chunk)
            return self.session.get("declaration-status/" + path_of(chunk), what=what)

        done = 0
        for chunk, response in zip(chunks, ordered_map(fetch, chunks, self.workers), strict=True):
            done += len(chunk)
            self.session.counters.progress.read("devices' declarations", done, len(found))
            # Go writes null for a map or a list that has nothing in it.
            document = object_of(response) if response.json() is not None else {}
            for each, listed in document.items():
                rows = [] if listed is None else items_in(response, document, each, "identifier")
                if each in found:
                    found[each] = tuple(sorted({_status(row) for row in rows}, key=repr))
        return found

    def notify(self, ids: Iterable[str], doubtful: Iterable[str] = ()) -> Notified:
        """Have devices look for their declarations: the server queues a command for each, and wakes it up.

        KMFDDM (v0.8.3) hands more than 30 devices over in pieces that share one CommandUUID and one body that is used up after the first
        piece, so only the first 30 are ever woken up, and it doesn't say so. That holds for all notifications. So all writes here leave
        without, and this notifies 30 at a time.

        NanoMDM's SQL storages take a command for all of its enrolments or for none. KMFDDM says that all is well when NanoMDM has refused
        it, so one enrolment that NanoMDM doesn't have would keep all others of its piece asleep, and nobody would know.

        NanoHUB (v0.2.0) says what went wrong, always with HTTP 500. It queues first and pushes then, so where only the push failed, for
        any of the devices, the command is queued for all of them.

        Args:
            ids: enrolments that NanoMDM has for sure.
            doubtful: enrolments that it may not have; each gets a request of its own.

        Returns:
            Who was told. A device that wasn't keeps its old declarations until it is; the next run can try again.

        Raises:
            OutOfTime, WriteInCheckMode
        """
        told: set[str] = set()
        asleep: dict[str, str] = {}
        warnings: list[str] = []
        pieces = [*id_chunks(ids, MOST_NOTIFIED), *id_chunks(doubtful, 1)]
        while pieces:
            piece = pieces.pop(0)
            try:
                response = self.session.post("notify", params={"id": piece}, what="wake up %d devices" % len(piece), accept={500})
            except (RequestFailed, UncertainWrite) as error:
                warnings.append(str(error))
                if isinstance(error, RequestFailed) and error.unreachable:
                    break
                continue
            error_text = _error_of(response)
            is_unknown = NO_ENROLLMENT in error_text.lower()
            if is_unknown and len(piece) > 1:
                # Refused for all of them because of one, and the server doesn't say which.
                pieces[:0] = [(each,) for each in piece]
            elif is_unknown:
                # Other storages take it without a word.
                told.update(piece)
                warnings.append("the server does not know the enrolment %s" % piece[0])
            elif response.ok():
                told.update(piece)
            elif is_only_not_pushed(error_text):
                told.update(piece)
                asleep.update(dict.fromkeys(piece, self.session.redactor.scrub(error_text)))
            else:
                warnings.append(str(self.session.failure(response)))
        return Notified(frozenset(told), asleep, tuple(warnings))

    def _names(self, path: str, what: str) -> list[str]:
        response = self.session.get(path, what=what)
        names = response.json()
        if names is None:
            return []
        if isinstance(names, list) and all(isinstance(name, str) and name for name in names):
            return sorted(names)
        problem = "a list of something else" if isinstance(names, list) else described(names)
        raise odd(response, "the answer holds no list of names but %s" % problem)

    def _associate(self, method: str, kind: str, member: str, owner: str, members: Callable[[str], list[str]]) -> bool:
        """Put a declaration into a set, or give an enrolment a set; or the other way round."""
        what = ("put the %s %s into %s" if method == "PUT" else "remove the %s %s from %s") % (kind, member, owner)
        path = "%s/%s" % ("set-declarations" if kind == "declaration" else "enrollment-sets", quote(owner, safe=""))
        return self._write(method, path, {kind: member, **_QUIETLY}, what, lambda: (member in members(owner)) == (method == "PUT"))

    def _write(
        self, method: str, path: str, query: Mapping[str, str], what: str, landed: Callable[[], bool], body: object = None
    ) -> bool:
        """Write once. landed: whether the write shows, for when nobody knows what became of it. Returns whether it changed anything."""
        accept = {UNCHANGED, 500}
        try:
            if method == "PUT":
                response = self.session.put(path, body=body, params=query, what=what, accept=accept, repeatable=False)
            else:
                response = self.session.delete(path, params=query, what=what, accept=accept, missing_ok=False, repeatable=False)
        except UncertainWrite:
            if landed():
                return True
            raise
        if response.status == 500:
            # It also answers so when the write was made and only the notification failed.
            if landed():
                return True
            raise self.session.failure(response)
        return response.status != UNCHANGED


def read_kmfddm_error(response: Response) -> ServerMessage:
    """What the server says about an error: JSON with nothing but a text, and what to do about those that are known."""
    message = read_server_message(response)
    advice = next((words for part, words in _ADVICE.items() if part in message.text), "")
    return ServerMessage(message.text, "", message.request_id, advice)


def is_only_not_pushed(error: str) -> bool:
    """Whether an error of NanoHUB is about waking devices up and nothing else, so that what was asked for is queued."""
    return _NOT_PUSHED in error and _NOT_QUEUED not in error


def _error_of(response: Response) -> str:
    """The text of an answer with HTTP 500 that is the server's own; empty for one of a proxy."""
    try:
        document = None if response.ok() else response.json()
    except RequestFailed:
        return ""
    text = document.get("error") if isinstance(document, dict) else ""
    return text if isinstance(text, str) else ""


def _status(row: Mapping[str, Any]) -> DeclarationStatus:
    return DeclarationStatus(
        identifier=text_in(row, "identifier"),
        active=row.get("active") is True,
        valid=text_in(row, "valid"),
        current=row.get("current") is True,
        server_token=text_in(row, "server-token"),
        reasons=tuple(_reason(each) for each in row.get("reasons") or () if isinstance(row.get("reasons"), list)),
        received_at=utc_seconds(row.get("status_received")),
        received=utc_nanoseconds(row.get("status_received")),
    )


def _reason(reason: Any) -> str:
    """A reason in words; Apple gives it a code and mostly a description (schema of device management, "StatusReason")."""
    if not isinstance(reason, dict):
        return str(reason)
    words = [str(reason[key]) for key in ("code", "Code", "description", "Description") if reason.get(key)]
    return ": ".join(words) or "no reason given"
