# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON batching of Microsoft Graph: up to twenty requests in one, each with an answer and a throttle of its own."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ....engine.errors import AppbanError
from ....mdm.http.concurrency import ordered_map
from ....mdm.http.http_errors import RequestFailed, UncertainWrite
from ....mdm.http.response import Request, Response
from ....mdm.http.retry import CREATE, REPEATABLE, REPEATABLE_DELETE, Safety, retry_after
from ....mdm.http.retry_loop import LOOK_IT_UP, may_have_done
from ....mdm.http.session import Part, Session
from ....mdm.http.urls import QueryValue, with_query

#: Graph documentation, "Combine multiple HTTP requests using JSON batching".
LARGEST_BATCH = 20
#: How many plain reads run at once in check mode, in which no batch leaves because it is a POST.
_WORKERS = 4
#: What an item may come to. A token that is refused is refused for the whole batch.
ERRORS = frozenset(range(400, 600)) - {401}


@dataclass(frozen=True)
class BatchItem:
    """One request of a batch.

    Args:
        id: unique within the batch; its answer is found by it.
        path: below the API version: "/groups/1/members/$ref".
        method: in capitals.
        params: the query.
        body: sent as JSON.
        repeatable: the caller's word that a POST may be made twice.
        permission: what it needs.
        what: what it does, to follow "Failed to"; empty takes the batch's.
    """

    id: str
    path: str
    method: str = "GET"
    params: Mapping[str, QueryValue] = field(default_factory=dict)
    body: object = None
    repeatable: bool = False
    permission: str = ""
    what: str = ""

    def reads(self) -> bool:
        """Say whether it changes nothing."""
        return self.method == "GET"

    def safety(self) -> Safety:
        """When it may be sent again."""
        if self.method == "DELETE":
            return REPEATABLE_DELETE
        return REPEATABLE if self.method != "POST" or self.repeatable else CREATE

    def url(self) -> str:
        """The address as a batch wants it: relative, without the version."""
        return with_query("/" + self.path.lstrip("/"), self.params)


def run_batch(
    session: Session,
    version: str,
    items: Sequence[BatchItem],
    what: str,
    answers: dict[str, Response] | None = None,
    things: str = "",
) -> dict[str, Response]:
    """Make many requests with few.

    Args:
        session: of Graph.
        version: "v1.0" or "beta", for all items.
        items: more than twenty are split.
        what: what is being done, to follow "Failed to".
        answers: filled as they come, for a caller that has to know what was answered before the batch as a whole failed.
        things: what the items read or write, in the plural, where somebody may want to know how far it is.

    Returns:
        Id -> answer, in the order of the items. Answers with an error are among them; the caller decides what they mean.

    Raises:
        WriteInCheckMode, RequestFailed, UncertainWrite, OutOfTime, AppbanError: for the batch as a whole.
    """
    check_items(items, what)
    if session.check_mode and all(item.reads() for item in items):
        found: dict[str, Response] = {}
        for item, answer in zip(items, ordered_map(PlainRead(session, version, what), items, _WORKERS), strict=True):
            found[item.id] = answer
            if things:
                session.counters.progress.read(things, len(found), len(items))
        return found
    answers = {} if answers is None else answers
    progress = session.counters.progress
    for start in range(0, len(items), LARGEST_BATCH):
        Batch(session, version, what, answers).run(items[start : start + LARGEST_BATCH])
        if things:
            tell = progress.read if all(item.reads() for item in items) else progress.write
            tell(things, min(start + LARGEST_BATCH, len(items)), len(items))
    return {item.id: answers[item.id] for item in items}


def check_items(items: Sequence[BatchItem], what: str) -> None:
    """Refuse what Graph would refuse, or answer in a way that can't be told apart."""
    seen: set[str] = set()
    for item in items:
        problem = ""
        if item.id in seen:
            problem = "the id is there twice"
        elif "://" in item.path:
            problem = "its path is not relative"
        if problem:
            text = "Failed to %s: a batch is malformed, %s" % (what, problem)
            raise AppbanError(text, "item %s" % item.id, "This is a defect of the collection, please report it")
        seen.add(item.id)


@dataclass(frozen=True)
class PlainRead:
    """Makes one item of a batch as a request of its own."""

    session: Session
    version: str
    what: str

    def __call__(self, item: BatchItem) -> Response:
        path = self.version + item.url()
        return self.session.get(path, what=item.what or self.what, needs=item.permission, accept=ERRORS)


@dataclass(frozen=True)
class Batch:
    """Up to twenty items on their way.

    Args:
        session: of Graph.
        version: "v1.0" or "beta".
        what: what is being done.
        answers: id -> answer, of earlier batches too; filled in place.
        counted: ids of the writes that were counted as having had an effect; filled in place.
    """

    session: Session
    version: str
    what: str
    answers: dict[str, Response]
    counted: set[str] = field(default_factory=set)

    def run(self, items: Sequence[BatchItem]) -> None:
        """Send the items until each has an answer that is not "later", or the attempts are used up; deletes end with the deadline only."""
        retry_loop = self.session.connection.retry_loop
        pending = list(items)
        attempt = 0
        while pending:
            attempt += 1
            self.collect(pending, self.submit(pending, first=attempt == 1))
            again = self.to_repeat(pending, attempt >= retry_loop.policy.attempts)
            if again:
                asked = [self.asked_to_wait(item) for item in again]
                longest = max((seconds for seconds in asked if seconds), default=0.0)
                request = Request("POST", self.url(), self.what)
                name = again[0].what or self.what
                reason = "the server throttles %d of %d requests of a batch, the first to %s" % (len(again), len(pending), name)
                why = "%d of %d requests of a batch throttled" % (len(again), len(pending))
                most = None if attempt >= retry_loop.policy.attempts else retry_loop.policy.attempts
                pause = longest or retry_loop.policy.backoff(attempt, retry_loop.source)
                retry_loop.wait(pause, request, reason, bool(longest), why, attempt, most)
            pending = again

    def submit(self, items: Sequence[BatchItem], first: bool) -> Response:
        """Send one batch. It counts as one read, or as many writes as it holds, each noted; sent once more for some items, as a retry."""
        body = {"requests": [_envelope(item) for item in items]}
        path = self.version + "/$batch"
        writes = [item for item in items if not item.reads()]
        if not first:
            self.session.counters.add_retry()
        if not writes:
            return self.session.ask(path, what=self.what, body=body, reads=int(first))
        safety = REPEATABLE if all(item.safety().repeatable for item in items) else CREATE
        if all(item.method == "DELETE" for item in writes):
            safety = REPEATABLE_DELETE
        parts = [Part(item.method, item.url(), item.what or self.what) for item in writes] if first else []

        def acted(outer: Response | None) -> int:
            return self.count_acted(writes, outer)

        return self.session.write("POST", path, None, self.what, None, body, None, "", (), safety, parts, acted)

    def count_acted(self, writes: Sequence[BatchItem], outer: Response | None) -> int:
        """Count the writes that may have had an effect by now; without an answer that tells, all of them."""
        try:
            document = outer.json() if outer else None
        except RequestFailed:
            document = None
        responses = document.get("responses") if isinstance(document, dict) else None
        listed = responses if isinstance(responses, list) else []
        told = {str(one.get("id")): one.get("status") for one in listed if isinstance(one, dict)}
        new = set()
        for item in writes:
            status = told.get(item.id)
            if item.id not in self.counted and (not isinstance(status, int) or may_have_done(status)):
                new.add(item.id)
        self.counted.update(new)
        return len(new)

    def collect(self, items: Sequence[BatchItem], outer: Response) -> None:
        """Match the answers, which come in any order, with the items.

        Raises:
            UncertainWrite, RequestFailed: if one is missing, or there is one that nobody asked for.
        """
        document = outer.json()
        responses = document.get("responses") if isinstance(document, dict) else None
        wanted = {item.id: item for item in items}
        found: dict[str, Response] = {}
        problem = "" if isinstance(responses, list) else "the answer to a batch holds no responses"
        for one in responses if isinstance(responses, list) else []:
            identifier = str(one.get("id")) if isinstance(one, dict) else ""
            status = one.get("status") if isinstance(one, dict) else None
            if identifier not in wanted or identifier in found or not isinstance(status, int) or isinstance(status, bool):
                problem = "the answer to a batch holds a response that can't be matched"
                continue
            headers = one.get("headers")
            found[identifier] = self.response(
                wanted[identifier], status, headers if isinstance(headers, dict) else {}, one.get("body"), outer
            )
        missing = [item for item in items if item.id not in found]
        if missing:
            problem = problem or "the answer to a batch misses %d of %d responses" % (len(missing), len(items))
        if problem:
            what = self.session.redactor.scrub("Failed to %s: %s" % (self.what, problem))
            if any(not item.safety().repeatable for item in missing):
                raise UncertainWrite(what, outer.place(), LOOK_IT_UP)
            raise RequestFailed(what, outer.place(), "Run again", outer.status, client_request_id=outer.client_request_id)
        self.answers.update(found)

    def to_repeat(self, items: Sequence[BatchItem], spent: bool) -> list[BatchItem]:
        """The items that the server wants later.

        Args:
            spent: whether the attempts are used up, so that only those are left that have no bound but the deadline.
        """
        safeties = [(item, item.safety()) for item in items]
        return [item for item, safety in safeties if self.answers[item.id].status in (safety.patient if spent else safety.statuses)]

    def asked_to_wait(self, item: BatchItem) -> float | None:
        """Seconds that the server named for one item."""
        return retry_after(self.answers[item.id].headers.get("retry-after"), self.session.connection.clock.utcnow())

    def url(self) -> str:
        """Where batches go, for messages."""
        return "%s/%s/$batch" % (self.session.base_url.rstrip("/"), self.version)

    def response(
        self, item: BatchItem, status: int, headers: Mapping[str, object], body: object, outer: Response | None = None
    ) -> Response:
        """An item's answer in the form that a request of its own would have."""
        url = "%s/%s%s" % (self.session.base_url.rstrip("/"), self.version, item.url())
        request = Request(item.method, url, item.what or self.what)
        lower = {str(name).lower(): str(value) for name, value in headers.items()}
        data = b"" if body is None else json.dumps(body).encode("utf-8")
        if outer:
            lower.setdefault("request-id", outer.request_id())
        return Response(request, status, lower, data, outer.client_request_id if outer else "", len(data))


def _envelope(item: BatchItem) -> dict[str, Any]:
    """Write one item as Graph wants it."""
    envelope: dict[str, Any] = {"id": item.id, "method": item.method, "url": item.url()}
    if item.body is not None:
        envelope.update(headers={"Content-Type": "application/json"}, body=item.body)
    return envelope
