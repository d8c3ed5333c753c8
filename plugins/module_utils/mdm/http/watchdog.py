# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The end of what is under way when the time of a run is over.

A timeout of a socket begins anew with each byte that comes, so a server that sends one now and then is never ended by it: in the headers,
in interim answers, in the body. A thread of its own shuts the sockets down instead, whatever is being read from them.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from .clock import Deadline
from .progress import Asking

#: Seconds between two looks while something is under way after the end: it may have opened another socket meanwhile.
_AGAIN = 0.05
#: Seconds between two looks at most; a clock may be set anew, and a thread can't wait for any number of them.
_LONGEST_NAP = 60.0
#: Seconds after which it is told that there is no answer yet, and seconds between two looks where somebody is told.
UNANSWERED = 5.0
TICK = 1.0
_here = threading.local()


class Exchange:
    """One exchange, and the sockets that it uses.

    Args:
        asking: is told when it takes long; None for nobody.
    """

    def __init__(self, asking: Asking | None = None) -> None:
        self.was_cut = False
        self.asking = asking
        self.begun = time.monotonic()
        self._sockets: list[Any] = []

    def hold(self, held: Any) -> None:
        """Note a socket that is to be shut down with the exchange."""
        self._sockets.append(held)

    def cut(self) -> None:
        """Shut its sockets down. What has been read since then is no whole answer."""
        self.was_cut = True
        for each in tuple(self._sockets):
            # TLS within the TLS of a proxy is no socket, but has one. An SSLSocket's own method changes what another thread reads with.
            held = getattr(each, "socket", each)
            if isinstance(held, socket.socket):
                with suppress(OSError):
                    socket.socket.shutdown(held, socket.SHUT_RDWR)


def hold(held: Any) -> None:
    """Note a socket of the exchange that this thread has under way, if there is one."""
    exchange: Exchange | None = getattr(_here, "exchange", None)
    if exchange is not None and held is not None:
        exchange.hold(held)


def stop_if_cut() -> None:
    """Raise TimeoutError if the exchange of this thread was cut: the end of a connection may pass for the end of what was read."""
    exchange: Exchange | None = getattr(_here, "exchange", None)
    if exchange is not None and exchange.was_cut:
        raise TimeoutError


class Watchdog:
    """Ends exchanges at the deadline, and tells of those that take long; several threads may have one under way at once.

    Args:
        deadline: the end of the run.
    """

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline
        self._changed = threading.Condition()
        self._under_way: set[Exchange] = set()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._nap = _LONGEST_NAP

    @contextmanager
    def exchange(self, asking: Asking | None = None) -> Iterator[Exchange]:
        """What this thread does within the block is ended at the deadline.

        Args:
            asking: is told when it takes long; None for nobody.
        """
        exchange = Exchange(asking)
        with self._changed:
            self._under_way.add(exchange)
            if self._thread is None:
                self._closed = False
                self._thread = threading.Thread(target=self._watch, name="appban deadline", daemon=True)
                self._thread.start()
            if not self._deadline.remaining() or (asking is not None and self._nap > TICK):
                self._nap = TICK if asking is not None else self._nap
                self._changed.notify()
        _here.exchange = exchange
        try:
            yield exchange
        finally:
            _here.exchange = None
            with self._changed:
                self._under_way.discard(exchange)
                if asking is not None:
                    asking.over()

    def close(self) -> None:
        """End the thread."""
        with self._changed:
            self._closed = True
            thread, self._thread = self._thread, None
            self._changed.notify()
        if thread is not None:
            thread.join()

    def _watch(self) -> None:
        with self._changed:
            while not self._closed:
                left = self._deadline.remaining()
                if left:
                    self._tell()
                    self._changed.wait(min(left, self._nap))
                    continue
                for each in self._under_way:
                    each.cut()
                self._changed.wait(_AGAIN if self._under_way else None)

    def _tell(self) -> None:
        now = time.monotonic()
        for each in self._under_way:
            if each.asking is not None and not each.asking.is_told and now - each.begun >= UNANSWERED:
                each.asking.takes_long(now - each.begun)
