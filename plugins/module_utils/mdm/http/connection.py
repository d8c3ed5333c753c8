# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all sessions of a run share: clock, deadline, network settings and the secrets to keep."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field

from ...engine.errors import AppbanError
from .clock import Clock, Deadline, SystemClock
from .counters import Counters
from .journal import Journal
from .proxies import choose_proxies
from .redaction import Redactor
from .retry import RetryPolicy
from .retry_loop import RetryLoop
from .tls import TlsSettings
from .transport import Transport
from .urls import shown

#: Characters of an address in the journal. NanoMDM's may name thousands of devices.
LONGEST_NOTE = 300


@dataclass(eq=False)
class Connection:
    """Made once a run by ``open_connection``; close it at the end, or use it in a ``with`` statement.

    ``journal`` is told of every write before it leaves, and stops it by raising; whoever keeps a record opens it there.
    ``writes_sent`` counts the writes that may have had an effect. Copies of a connection (``dataclasses.replace``) share both.
    """

    clock: Clock
    deadline: Deadline
    redactor: Redactor
    counters: Counters
    retry_loop: RetryLoop
    transport: Transport
    journal: Journal = field(default_factory=Journal)

    @property
    def writes_sent(self) -> int:
        """How many writes may have had an effect."""
        return self.journal.count

    def note(self, method: str, url: str, what: str) -> None:
        """Tell the journal that a write is about to leave; what it raises must stop the write.

        Args:
            method: in capitals.
            url: its query and secrets are left out, and what is longer than 300 characters is cut.
            what: what is being done.

        Raises:
            EvidenceError: if it can't be noted.
        """
        place = self.redactor.scrub(shown(url))
        if len(place) > LONGEST_NOTE:
            place = place[: LONGEST_NOTE - 3] + "..."
        self.journal.note(method, place, self.redactor.scrub(what))

    def close(self) -> None:
        """Close what is open."""
        self.transport.close()

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


def open_connection(
    environ: Mapping[str, str],
    validate_certs: bool = True,
    ca_path: str | None = None,
    proxy: str | None = None,
    no_proxy: str | None = None,
    timeout: float = 30.0,
    deadline: float = 1800.0,
    retry: RetryPolicy | None = None,
    user_agent: str = "appban.endpoint",
    redactor: Redactor | None = None,
    counters: Counters | None = None,
    clock: Clock | None = None,
    source: random.Random | None = None,
) -> Connection:
    """Put the network settings of a run together; nothing is sent yet, but the deadline starts.

    Args:
        environ: the process environment, for the proxy variables.
        validate_certs: whether certificates are checked.
        ca_path: certificate authorities to trust instead of the public ones.
        proxy: URL of a proxy; None takes the environment's, an empty string none.
        no_proxy: what is asked directly, in the form of NO_PROXY.
        timeout: seconds to connect, and seconds between two pieces of an answer.
        deadline: seconds for all requests of the run together.
        retry: how patient to be.
        user_agent: name and version of what is asking.
        redactor: knows the secrets; a new one if it isn't given.
        counters: counts the requests; new ones if they aren't given.
        clock: tests hand in one that never sleeps.
        source: chance for jitter and request ids; tests hand in a seeded one.

    Raises:
        AppbanError: for settings that can't work, or if requests is not installed.
    """
    bounds = {"timeout": timeout, "deadline": deadline}
    problems = ["%s is %g, but must be more than 0" % (name, value) for name, value in bounds.items() if not value > 0]
    if problems:
        raise AppbanError("; ".join(problems), "", "Correct the connection options")
    clock = clock or SystemClock()
    redactor = redactor or Redactor()
    proxies = choose_proxies(environ, proxy, no_proxy)
    redactor.learn(*proxies.passwords())
    ends = Deadline(clock, deadline)
    transport = Transport(TlsSettings(validate_certs, ca_path), proxies, ends, user_agent)
    counters = counters or Counters()
    retry_loop = RetryLoop(transport, retry or RetryPolicy(), clock, source or random.SystemRandom(), ends, timeout, redactor, counters)
    return Connection(clock, ends, redactor, counters, retry_loop, transport)
