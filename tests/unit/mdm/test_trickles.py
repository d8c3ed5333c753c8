# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers that never stop sending a little: the deadline of the run ends every request, whatever it is that trickles."""

from __future__ import annotations

import contextlib
import itertools
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.engine.errors import AppbanError
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.authorization import Anonymous
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.connection import Connection, open_connection
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.http_errors import OutOfTime, UncertainWrite
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.session import Session
from tests.support.loopback import Answer, Server, new_authority, running

#: Seconds of a run, and how long a server of these tests trickles: a run that waits for its end fails.
DEADLINE = 0.2
TRICKLES = 1.5
#: Seconds between two pieces, far below the timeout.
PAUSE = 0.02
TIMEOUT = 0.15

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def letters() -> Iterator[bytes]:
    return itertools.repeat(b" ")


#: What trickles -> what is sent at once, and the pieces after it.
KINDS: dict[str, tuple[bytes, Iterable[bytes]]] = {
    "a body of known length": (OK + b"Content-Length: 100000\r\n\r\n", letters()),
    "a body in chunks": (OK + b"Transfer-Encoding: chunked\r\n\r\n", itertools.repeat(b"1\r\n \r\n")),
    "a chunk": (OK + b"Transfer-Encoding: chunked\r\n\r\n10000\r\n", letters()),
    "a body that ends with the connection": (OK + b"Connection: close\r\n\r\n{}", letters()),
    "a compressed body": (OK + b"Content-Encoding: gzip\r\nContent-Length: 100000\r\n\r\n\x1f\x8b\x08", itertools.repeat(b"\0")),
    "one header": (b"HTTP/1.1 200 OK\r\nX-A: ", letters()),
    "many headers": (b"HTTP/1.1 200 OK\r\n", (b"X-%d: 1\r\n" % number for number in itertools.count())),
    "the first line": (b"HTTP/1.1 200 ", letters()),
    "interim answers": (b"", itertools.repeat(b"HTTP/1.1 100 Continue\r\n\r\n")),
    "an answer of an error": (b"HTTP/1.1 400 Bad\r\nContent-Length: 100000\r\n\r\n", letters()),
}


@contextlib.contextmanager
def trickling(kind: str, context: ssl.SSLContext | None = None) -> Iterator[int]:
    """A server on this port, each of whose answers trickles."""
    begin, pieces = KINDS[kind]
    listener = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def serve(client: socket.socket) -> None:
        with contextlib.suppress(OSError), context.wrap_socket(client, server_side=True) if context else client as secure:
            secure.recv(65536)
            secure.sendall(begin)
            ends = time.monotonic() + TRICKLES
            for piece in pieces:
                if over.wait(PAUSE) or time.monotonic() > ends:
                    return
                secure.sendall(piece)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                client = listener.accept()[0]
                threading.Thread(target=serve, args=(client,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        over.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def ended(connection: Connection, url: str, act: Callable[[Session], object]) -> AppbanError:
    """The error of a request; it comes with the deadline, not with the server's end."""
    before = time.monotonic()
    with pytest.raises(AppbanError) as caught:
        act(Session(url, Anonymous(), connection, False))
    assert time.monotonic() - before < DEADLINE + TRICKLES / 2
    return caught.value


def read(session: Session) -> object:
    return session.get("x", what="read x")


def make(session: Session) -> object:
    return session.post("x", body={}, what="make x")


@pytest.mark.fault_kind("T9", "an answer that trickles")
@pytest.mark.parametrize("kind", KINDS)
def test_the_deadline_ends_what_trickles(kind: str) -> None:
    with trickling(kind) as port, open_connection({}, timeout=TIMEOUT, deadline=DEADLINE) as connection:
        error = ended(connection, "http://127.0.0.1:%d" % port, read)
        assert isinstance(error, OutOfTime)
        assert error.what == "Failed to read x: the 0.2 s for all requests of this run were over before the whole answer was there"
        assert "deadline" in error.next_step


@pytest.mark.fault_kind("T9", "an answer that trickles through TLS")
def test_the_deadline_ends_what_trickles_through_tls(tmp_path: Path) -> None:
    authority = new_authority()
    (tmp_path / "ca.pem").write_bytes(authority.pem)
    for kind in ("a body of known length", "one header"):
        with (
            trickling(kind, authority.server_context(tmp_path)) as port,
            open_connection({}, ca_path=str(tmp_path / "ca.pem"), timeout=TIMEOUT, deadline=DEADLINE) as connection,
        ):
            assert isinstance(ended(connection, "https://127.0.0.1:%d" % port, read), OutOfTime)


@pytest.mark.fault_kind("T9", "a proxy's answer that trickles")
def test_the_deadline_ends_a_proxy_that_trickles() -> None:
    with trickling("one header") as port:
        proxy = "http://127.0.0.1:%d" % port
        with open_connection({}, proxy=proxy, timeout=TIMEOUT, deadline=DEADLINE) as connection:
            assert isinstance(ended(connection, "https://tenant.invalid", read), OutOfTime)


@pytest.mark.fault_kind("T9", "a create whose answer trickles")
def test_a_create_whose_answer_trickles_leaves_doubt() -> None:
    with trickling("one header") as port, open_connection({}, timeout=TIMEOUT, deadline=DEADLINE) as connection:
        error = ended(connection, "http://127.0.0.1:%d" % port, make)
        assert isinstance(error, UncertainWrite)
        assert connection.writes_sent == 1


@pytest.mark.fault_kind("T9", "an answer that trickles")
def test_what_is_answered_before_the_deadline_is_kept_and_later_nothing_is_asked() -> None:
    with running(Server(Answer(200, {"a": 1}))) as server, open_connection({}, timeout=TIMEOUT, deadline=DEADLINE) as connection:
        session = Session(server.url, Anonymous(), connection, False)
        assert session.get("x", what="read x").json() == {"a": 1}
        time.sleep(connection.deadline.remaining())
        with pytest.raises(OutOfTime, match="are over"):
            session.get("x", what="read x")
        assert len(server.seen) == 1
