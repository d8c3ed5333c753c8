# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Send a request until it is answered, as often and as long as is safe."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import BinaryIO

from .clock import Clock, Deadline
from .counters import Counters
from .http_errors import OutOfTime, RequestFailed, UncertainWrite
from .progress import BACK_OFF, NO_ANSWER, SERVER, Asking, Wait, kind_of_request
from .redaction import Redactor
from .response import Request, Response
from .retry import CERTAINLY_NOT, RetryPolicy, Safety, retry_after
from .transport import LARGEST_BODY, Broken, Transport
from .urls import in_a_message

LOOK_IT_UP = "Look the object up before it is made again; the next run does"
#: Seconds after which a server that was not reached is tried once more, at most.
QUICK = 1.0


@dataclass
class Effect:
    """What is known of what a request did.

    Args:
        possible: whether the server may have executed it.
    """

    possible: bool = False


@dataclass
class _Tally:
    """The attempts of one request. spared: those that use up none; missed: those that reached nobody."""

    attempt: int = 0
    spared: int = 0
    missed: int = 0


@dataclass(frozen=True)
class _Again:
    """One more attempt after a pause; reason, why and most as of :meth:`RetryLoop.wait`."""

    pause: float
    reason: str
    why: str
    was_asked: bool = False
    most: int | None = None


class RetryLoop:
    """The retry loop that sessions and token requests share.

    Args:
        transport: makes one exchange.
        policy: how patient to be.
        clock: for the waits.
        source: chance, for jitter and request ids.
        deadline: the end of the run.
        timeout: seconds to connect, and seconds between two pieces of an answer.
        redactor: scrubs every message.
        counters: counts the waits, and tells of them.
    """

    def __init__(
        self,
        transport: Transport,
        policy: RetryPolicy,
        clock: Clock,
        source: random.Random,
        deadline: Deadline,
        timeout: float,
        redactor: Redactor,
        counters: Counters | None = None,
    ) -> None:
        self.transport = transport
        self.policy = policy
        self.clock = clock
        self.source = source
        self.deadline = deadline
        self.timeout = timeout
        self.redactor = redactor
        self.counters = counters or Counters()

    def with_timeout(self, seconds: float) -> RetryLoop:
        """The same, but less patient with each single exchange."""
        return self.with_exact_timeout(min(seconds, self.timeout))

    def with_patience(self, seconds: float) -> RetryLoop:
        """The same, but at least that patient with each single exchange: a server may do all of the work before it answers."""
        return self.with_exact_timeout(max(seconds, self.timeout))

    def with_exact_timeout(self, timeout: float) -> RetryLoop:
        """The same with another timeout."""
        return RetryLoop(self.transport, self.policy, self.clock, self.source, self.deadline, timeout, self.redactor, self.counters)

    def identifier(self) -> str:
        """A new id for a request."""
        return str(uuid.UUID(int=self.source.getrandbits(128), version=4))

    def send(
        self,
        request: Request,
        safety: Safety,
        count_retry: Callable[[], None],
        into: BinaryIO | None = None,
        limit: int = LARGEST_BODY,
        direct: bool = False,
        effect: Effect | None = None,
    ) -> Response:
        """Send a request and return the answer, whatever its status; the last one if the attempts are used up.

        Args:
            request: what to send.
            safety: when it may be sent again.
            count_retry: called for each time that it is.
            into: a seekable file for the body of a successful answer.
            limit: bytes that the body may have.
            direct: pass by every proxy.
            effect: told whether the server may have executed it.

        Raises:
            RequestFailed: no answer came.
            UncertainWrite: no answer came to a create that may have been executed.
            OutOfTime: the deadline has come, or comes before the next attempt may be made.
        """
        start = into.tell() if into else 0
        start_of_all = self.clock.monotonic()
        effect = effect or Effect()
        tally = _Tally()
        while True:
            tally.attempt += 1
            left = self.deadline.remaining()
            if not left:
                raise self.out_of_time(request, "the %g s for all requests of this run are over" % self.deadline.seconds)
            if into:
                into.seek(start)
                into.truncate()
            identifier = self.identifier()
            before, effect.possible = effect.possible, True
            begun = self.clock.monotonic()
            asking = self.asking(request, tally.attempt, self.policy.attempts)
            outcome = self.transport.exchange(request, identifier, min(self.timeout, left), into, limit, direct, asking)
            effect.possible = before or may_have_acted(outcome)
            if isinstance(outcome, Broken):
                if outcome.timed_out or outcome.unreachable:
                    kind, seconds = kind_of_request(request.method, request.url), self.clock.monotonic() - begun
                    self.counters.add_wait(Wait(seconds, NO_ANSWER, outcome.reason, kind, tally.attempt, self.policy.attempts))
                again = self._after_no_answer(request, outcome, safety, identifier, tally)
            else:
                answered = self._after_answer(outcome, safety, tally)
                if answered is None:
                    return replace(outcome, attempts=tally.attempt, seconds=self.clock.monotonic() - start_of_all)
                again = answered
            self.wait(again.pause, request, again.reason, again.was_asked, again.why, tally.attempt, again.most)
            count_retry()

    def _after_no_answer(self, request: Request, outcome: Broken, safety: Safety, identifier: str, tally: _Tally) -> _Again:
        """How a request goes on to which no answer came. Raises where it doesn't."""
        pause, most = self.policy.backoff(tally.attempt, self.source), self.policy.attempts
        if outcome.too_late and not (outcome.executed and safety.leaves_doubt()):
            raise self.out_of_time(request, outcome.reason)
        tally.missed += outcome.unreachable or outcome.undecodable
        if self._is_spent(tally) or tally.missed > 1 or is_final(outcome, safety):
            raise self.no_answer(request, outcome, safety, identifier, tally.attempt)
        if outcome.unreachable or outcome.undecodable:
            # Who is not there, or garbles what it says, is tried once more, not as often as who is busy.
            return _Again(min(QUICK, pause), outcome.reason, outcome.reason, most=tally.attempt + 1)
        return _Again(pause, outcome.reason, outcome.reason, most=most)

    def _after_answer(self, outcome: Response, safety: Safety, tally: _Tally) -> _Again | None:
        """How a request goes on that was answered; None where that is the end."""
        # "Retry-After: 0", or a date that has passed, would make us hammer a server that is in trouble.
        pause = self.policy.backoff(tally.attempt, self.source)
        patient = outcome.status in safety.patient
        if outcome.status not in safety.statuses or (self._is_spent(tally) and not patient):
            return None
        # A server that wants patience, and that gets it, uses up no attempt.
        tally.spared += patient
        asked = retry_after(outcome.headers.get("retry-after"), self.clock.utcnow())
        why = "HTTP %d" % outcome.status
        return _Again(asked or pause, "the server answered " + why, why, bool(asked), None if patient else self.policy.attempts)

    def _is_spent(self, tally: _Tally) -> bool:
        return tally.attempt - tally.spared >= self.policy.attempts

    def asking(self, request: Request, attempt: int, most: int | None) -> Asking | None:
        """What is told when an answer takes long; None where nobody listens."""
        progress = self.counters.progress
        return Asking(progress, kind_of_request(request.method, request.url), attempt, most) if progress.path else None

    def wait(
        self,
        seconds: float,
        request: Request,
        reason: str,
        was_asked: bool = False,
        why: str = "",
        attempt: int = 0,
        most: int | None = None,
    ) -> None:
        """Wait before the next attempt.

        Args:
            seconds: how long.
            request: what is to be sent again.
            reason: why it has to be, in words.
            was_asked: whether the server named the time.
            why: the same reason in short; by default the whole of it.
            attempt: the attempt that failed, counted from 1.
            most: how many attempts there are; None if only the deadline ends them.

        Raises:
            OutOfTime: if the deadline comes first.
        """
        left = self.deadline.remaining()
        if seconds >= left:
            if was_asked:
                reason += " and asked to wait %d s (Retry-After)" % round(seconds)
            rest = "of the %g s for all requests of this run only %d s are left" % (self.deadline.seconds, left)
            raise self.out_of_time(request, "%s, and %s" % (reason, rest))
        kind = kind_of_request(request.method, request.url)
        wait = Wait(seconds, SERVER if was_asked else BACK_OFF, why or reason, kind, attempt, most)
        self.counters.begin_wait(wait)
        self.clock.sleep(seconds)
        self.counters.add_wait(wait)

    def out_of_time(self, request: Request, reason: str) -> OutOfTime:
        """Make the error of a run that takes too long."""
        return OutOfTime(
            self.redactor.scrub("Failed to %s: %s" % (request.what, reason)),
            self.redactor.scrub("%s %s" % (request.method, in_a_message(request.url))),
            "Run again later, it goes on where it stopped; or allow more time with deadline",
        )

    def no_answer(
        self, request: Request, broken: Broken, safety: Safety, identifier: str, attempt: int
    ) -> RequestFailed | UncertainWrite:
        """Make the error of a request without an answer."""
        tries = " after %d attempts" % attempt if attempt > 1 else ""
        what = self.redactor.scrub("Failed to %s%s: %s" % (request.what, tries, broken.reason))
        where = self.redactor.scrub("%s %s, client-request-id %s" % (request.method, in_a_message(request.url), identifier))
        if broken.executed and safety.leaves_doubt():
            return UncertainWrite(what, where, LOOK_IT_UP)
        return RequestFailed(
            what, where, broken.next_step, client_request_id=identifier, timed_out=broken.timed_out, unreachable=broken.unreachable
        )


def is_final(broken: Broken, safety: Safety) -> bool:
    """Say whether a request without an answer must not be sent again."""
    return broken.hopeless or (broken.executed and not safety.repeatable) or (broken.timed_out and safety.divisible)


def may_have_acted(outcome: Response | Broken) -> bool:
    """Say whether the server may have executed what it was sent."""
    if isinstance(outcome, Broken):
        return outcome.executed
    return may_have_done(outcome.status)


def may_have_done(status: int) -> bool:
    """Say whether a server that answers so may have executed what it was sent."""
    return 200 <= status < 300 or (status >= 500 and status not in CERTAINLY_NOT)
