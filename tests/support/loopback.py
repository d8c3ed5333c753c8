# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real servers on loopback, a forward proxy, a clock that never sleeps, and certificates of a throwaway authority."""

from __future__ import annotations

import contextlib
import datetime
import http.server
import ipaddress
import json
import random
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.authorization import Anonymous
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.connection import Connection, open_connection
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.session import Session

START = datetime.datetime(2026, 3, 1, 12, tzinfo=datetime.timezone.utc)


class FakeClock:
    """Time passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.passed = 0.0
        self.naps: list[float] = []

    def monotonic(self) -> float:
        return self.passed

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.naps.append(seconds)
        self.passed += seconds

    def utcnow(self) -> datetime.datetime:
        return START + datetime.timedelta(seconds=self.passed)


@dataclass(frozen=True)
class Seen:
    """A request as it reached the server."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(urlsplit(self.target).query, keep_blank_values=True).items()}

    @property
    def form(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(self.body.decode()).items()}

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Answer:
    """What the server does with one request."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    drop: bool = False
    cut: bool = False
    hold: threading.Event | None = None


Behave = Callable[[Seen], Answer]


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers from a script."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 65536

    def log_message(self, *_words: object) -> None:
        """Say nothing."""

    def answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        seen = Seen(self.command, self.path, {name.lower(): value for name, value in self.headers.items()}, body)
        answer = self.server.next_answer(seen)  # type: ignore[attr-defined]
        if answer.hold:
            answer.hold.wait(10)
        if answer.drop or answer.hold:
            self.close_connection = True
            with contextlib.suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)
            return
        data = answer.body if isinstance(answer.body, bytes) else b"" if answer.body is None else json.dumps(answer.body).encode()
        self.send_response(answer.status)
        for name, value in {"Content-Type": "application/json", **answer.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data) + (10 if answer.cut else 0)))
        self.end_headers()
        self.wfile.write(data)
        if answer.cut:
            self.close_connection = True

    do_GET = answer  # noqa: N815 (the names that http.server looks for)
    do_POST = answer  # noqa: N815
    do_PUT = answer  # noqa: N815
    do_PATCH = answer  # noqa: N815
    do_DELETE = answer  # noqa: N815


class Server(http.server.ThreadingHTTPServer):
    """Remembers every request and answers with the next answer of its script; the last one again and again."""

    daemon_threads = True

    def __init__(self, *script: Answer | Behave, context: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        if context:
            self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self.script = list(script) or [Answer()]
        self.seen: list[Seen] = []
        self.lock = threading.Lock()
        self.url = "%s://127.0.0.1:%d" % ("https" if context else "http", self.server_port)

    def handle_error(self, *_words: object) -> None:
        """A client that doesn't like our certificate is what some tests want."""

    def next_answer(self, seen: Seen) -> Answer:
        with self.lock:
            self.seen.append(seen)
            step = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        return step if isinstance(step, Answer) else step(seen)


class Proxy(threading.Thread):
    """A forward proxy that knows CONNECT, and leads every name to one port of this machine."""

    def __init__(self, port: int, status: str = "200 OK") -> None:
        super().__init__(daemon=True)
        self.port = port
        self.status = status
        self.asked: list[str] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]

    def run(self) -> None:
        while True:
            try:
                client, _address = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client: socket.socket) -> None:
        with client:
            head = b""
            while b"\r\n\r\n" not in head:
                piece = client.recv(65536)
                if not piece:
                    return
                head += piece
            self.asked.append(head.decode())
            client.sendall(b"HTTP/1.1 %s\r\n\r\n" % self.status.encode())
            if not self.status.startswith("200"):
                return
            with socket.create_connection(("127.0.0.1", self.port)) as server:
                back = threading.Thread(target=copy, args=(server, client), daemon=True)
                back.start()
                copy(client, server)
                back.join()


def copy(source: socket.socket, sink: socket.socket) -> None:
    """Copy bytes until one side ends."""
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def running(server: Server) -> Iterator[Server]:
    """Serve until the end of the block."""
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextlib.contextmanager
def running_proxy(port: int, status: str = "200 OK") -> Iterator[Proxy]:
    """Serve until the end of the block."""
    proxy = Proxy(port, status)
    proxy.start()
    try:
        yield proxy
    finally:
        proxy.listener.shutdown(socket.SHUT_RDWR)
        proxy.listener.close()
        proxy.join()


@dataclass(frozen=True)
class Rig:
    """A server, and a session that talks to it."""

    server: Server
    clock: FakeClock
    connection: Connection
    session: Session

    @property
    def seen(self) -> list[Seen]:
        return self.server.seen

    @property
    def counts(self) -> dict[str, int]:
        """What was sent; waits are not among it."""
        told = self.connection.counters.requests()
        return {name: told[name] for name in ("reads", "writes", "retries")}


@contextlib.contextmanager
def rig(
    *script: Answer | Behave, check_mode: bool = False, authorize: Any = None, context: ssl.SSLContext | None = None, **options: Any
) -> Iterator[Rig]:
    """Run a server with a script, and a connection with a fake clock and seeded chance."""
    clock = FakeClock()
    settings = {"environ": {}, "timeout": 5.0, "source": random.Random(7), **options}
    with running(Server(*script, context=context)) as server, open_connection(clock=clock, **settings) as connection:
        yield Rig(server, clock, connection, Session(server.url, authorize or Anonymous(), connection, check_mode))


@dataclass(frozen=True)
class Authority:
    """A certificate authority that lives as long as a test."""

    key: rsa.RSAPrivateKey
    certificate: x509.Certificate

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def server_context(self, folder: Path, *names: str) -> ssl.SSLContext:
        """A TLS context for a server with these names and the address 127.0.0.1."""
        key = new_key()
        alternatives: list[x509.GeneralName] = [x509.DNSName(name) for name in names]
        alternatives.append(x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
        builder = certificate_builder("server", key, self.certificate.subject)
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        builder = builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
        certificate = builder.sign(self.key, hashes.SHA256())
        path = folder / "server.pem"
        path.write_bytes(pem_of(key) + certificate.public_bytes(serialization.Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context


def new_key(size: int = 2048) -> rsa.RSAPrivateKey:
    """A private key."""
    return rsa.generate_private_key(public_exponent=65537, key_size=size)


def pem_of(key: Any, password: bytes | None = None) -> bytes:
    """A private key as PEM."""
    encryption = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    pem: bytes = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    return pem


def certificate_builder(
    name: str, key: Any, issuer: x509.Name | None = None, days: int = 3650, start: datetime.datetime = START
) -> x509.CertificateBuilder:
    """The part that all certificates have. They are good for long, because TLS asks the real clock."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer or subject).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    first = start - datetime.timedelta(days=730)
    return builder.not_valid_before(first).not_valid_after(start + datetime.timedelta(days=days))


def new_authority() -> Authority:
    """A new certificate authority."""
    key = new_key()
    builder = certificate_builder("appban throwaway authority", key)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
    builder = builder.add_extension(usage, critical=True)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    return Authority(key, builder.sign(key, hashes.SHA256()))
