# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a request may be sent again, and how long to wait before."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from datetime import datetime

from .server_values import http_date


@dataclass(frozen=True)
class RetryPolicy:
    """How patient to be.

    Args:
        attempts: how often a request is sent at most, the first time included.
        first_wait: the upper bound of the first wait, in seconds; it doubles from one wait to the next.
        longest_wait: what that upper bound grows to, in seconds.
    """

    attempts: int = 6
    first_wait: float = 2.0
    longest_wait: float = 60.0

    def backoff(self, attempt: int, source: random.Random) -> float:
        """Draw the wait after an attempt: exponential with full jitter, so that many clients don't come back at once.

        Args:
            attempt: the attempt that failed, counted from 1.
            source: where chance comes from.

        Returns:
            Seconds between 0 and ``first_wait * 2 ** (attempt - 1)``, at most ``longest_wait``.
        """
        # Beyond 2 ** 30 the bound is reached anyway, and a float would overflow.
        bound = min(self.longest_wait, self.first_wait * 2.0 ** min(attempt - 1, 30))
        return source.uniform(0.0, bound)


@dataclass(frozen=True)
class Safety:
    """What may be done when a request got no answer, or an answer that asks to come back.

    Args:
        statuses: answers after which the same request may be sent again.
        repeatable: whether it may be sent again when nobody knows if it was executed.
        harmless: whether it changes nothing, so that it doesn't matter whether it was executed.
        divisible: whether its caller asks for less when it takes too long, so that it isn't sent again after a time-out.
        patient: of the statuses those that use up no attempt, so that only the deadline ends them.
    """

    statuses: frozenset[int]
    repeatable: bool
    harmless: bool = False
    divisible: bool = False
    patient: frozenset[int] = frozenset()

    def leaves_doubt(self) -> bool:
        """Whether somebody has to look what became of a request without an answer."""
        return not self.repeatable and not self.harmless


#: Reads, and writes that lead to the same state however often they are made (PUT, PATCH of named values, DELETE).
REPEATABLE = Safety(frozenset({429, 502, 503, 504}), repeatable=True)
#: 429 says that the request was refused, not executed (RFC 6585); any other failure of a create may hide an object that was made.
CREATE = Safety(frozenset({429}), repeatable=False)
#: A read whose caller asks for less when it takes too long, instead of for the same again.
DIVISIBLE_READ = Safety(frozenset({429, 503}), repeatable=True, harmless=True, divisible=True)
#: A server that throttles. Half of a lift would leave devices blocked, and what is gone already is as good as deleted.
THROTTLED = frozenset({429, 503})
REPEATABLE_DELETE = Safety(REPEATABLE.statuses, repeatable=True, patient=THROTTLED)
#: A delete that may take the server minutes: sent again only after it was refused.
SLOW_DELETE = Safety(THROTTLED, repeatable=False, patient=THROTTLED)
#: 5xx that don't leave open whether the request was executed: not implemented, HTTP version not supported.
CERTAINLY_NOT = frozenset({501, 505})


def retry_after(value: str | None, now: datetime) -> float | None:
    """Read a Retry-After header, which is seconds or an HTTP date (RFC 9110, section 10.2.3).

    Args:
        value: the header, or None.
        now: the instant, with a time zone.

    Returns:
        Seconds to wait, never negative, or None if the header is absent or says nothing that can be read.
    """
    text = (value or "").strip()
    # Some servers give decimals, although the RFC has whole seconds.
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]+)?", text):
        return float(text)
    instant = http_date(text)
    return None if instant is None else max(0.0, (instant - now).total_seconds())
