# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One exchange with a server: the only file that knows requests."""

from __future__ import annotations

import queue
import re
import ssl
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, BinaryIO
from urllib.parse import urlsplit

from ...engine.errors import AppbanError
from .advice import advice
from .clock import Deadline
from .progress import Asking
from .proxies import Proxies
from .response import Request, Response
from .tls import TlsSettings
from .watchdog import Watchdog, hold, stop_if_cut

try:
    import requests
    from requests.adapters import HTTPAdapter
    from requests.cookies import RequestsCookieJar

    HAS_REQUESTS = True
except ImportError:
    HAS_REQUESTS = False

CHUNK = 65_536
#: No answer that is kept in memory is anywhere near.
LARGEST_BODY = 256 * 1024 * 1024
TOO_LARGE = "Look at what answers at this address: what a server tells of its devices is never that large, a download or a loop is"
GARBLED = "Look at what stands between here and the server: a proxy that changes answers; or at the server's own compression"
#: Seconds to wait for a connection at most, however long the answer may then take.
LONGEST_CONNECT = 10.0
#: What urllib3 raises while it connects, so before anything of the request has left.
BEFORE_SENDING = {"NewConnectionError", "ConnectTimeoutError", "ProxyError"}
#: OpenSSL's words for a server that will never understand us.
NO_COMMON_TLS = {
    "WRONG_VERSION_NUMBER",
    "UNSUPPORTED_PROTOCOL",
    "SSLV3_ALERT_HANDSHAKE_FAILURE",
    "TLSV1_ALERT_PROTOCOL_VERSION",
    "HTTP_REQUEST",
}
#: What urllib3 and Python raise for a name that nobody knows.
UNKNOWN_NAME = {"NameResolutionError", "gaierror"}
#: What requests raises for a request that it can't even form.
UNFIT_REQUESTS = {"InvalidURL", "InvalidSchema", "MissingSchema", "InvalidHeader", "InvalidProxyURL", "LocationParseError"}


@dataclass(frozen=True)
class Broken:
    """An exchange without an answer.

    Args:
        reason: in words, without URL and without secrets.
        executed: whether the server may have executed the request.
        hopeless: whether trying again makes no sense.
        next_step: what to do about it.
        unreachable: whether the server was not reached, so that waiting for it for long makes no sense.
        timed_out: whether the server was reached and its answer did not come in time.
        too_late: whether the end of the run cut it off.
        undecodable: whether an answer came whose body can't be decoded.
    """

    reason: str
    executed: bool
    hopeless: bool = False
    next_step: str = "Check the network, the proxy and the URL in the connection options"
    unreachable: bool = False
    timed_out: bool = False
    too_late: bool = False
    undecodable: bool = False


class Transport:
    """Sends requests; several threads may use it at once.

    Each exchange borrows a ``requests.Session``, so no two threads ever share one, and connections are kept however short a thread lives.
    Nothing is read from the environment, no redirect is followed and no cookie is kept.

    Args:
        tls: whom to believe.
        proxies: which way to go.
        deadline: the end of the run, which also ends an answer that trickles in.
        user_agent: the header.

    Raises:
        AppbanError: if requests is not installed.
    """

    def __init__(self, tls: TlsSettings, proxies: Proxies, deadline: Deadline, user_agent: str) -> None:
        if not HAS_REQUESTS:
            raise AppbanError(
                "The Python library requests is not installed where this module runs",
                "",
                "Install it for the Python that runs Ansible: python -m pip install requests",
            )
        self.tls = tls
        self.proxies = proxies
        self.deadline = deadline
        self.user_agent = user_agent
        self.watchdog = Watchdog(deadline)
        self.idle: queue.LifoQueue[requests.Session] = queue.LifoQueue()
        if not tls.validate_certs:
            # The user asked for it; a warning per host is printed by nobody who could act on it.
            warnings.filterwarnings("ignore", message="Unverified HTTPS request")

    def close(self) -> None:
        """Close the connections that are kept."""
        self.watchdog.close()
        while True:
            try:
                self.idle.get_nowait().close()
            except queue.Empty:
                return

    def exchange(
        self,
        request: Request,
        client_request_id: str,
        timeout: float,
        into: BinaryIO | None = None,
        limit: int = LARGEST_BODY,
        direct: bool = False,
        asking: Asking | None = None,
    ) -> Response | Broken:
        """Send a request and read the answer to its end.

        Args:
            request: what to send.
            client_request_id: our id of this attempt.
            timeout: seconds to connect, and seconds between two pieces of the answer.
            into: where the body of a successful answer goes; without it the body is kept in memory.
            limit: bytes that the body may have.
            direct: pass by every proxy.
            asking: is told when the answer takes long.
        """
        session = self.borrow()
        headers = {
            "User-Agent": self.user_agent,
            "Accept": "application/json",
            "client-request-id": client_request_id,
            **request.headers,
        }
        with self.watchdog.exchange(asking) as under_way:
            try:
                answer = session.request(
                    request.method,
                    request.url,
                    data=request.content,
                    headers=headers,
                    timeout=(min(timeout, LONGEST_CONNECT), timeout),
                    allow_redirects=False,
                    stream=True,
                    verify=self.tls.verify(),
                    proxies={} if direct else self.proxies.choose(request.url),
                )
                with answer:
                    body, size, problem = self.read(answer, into if 200 <= answer.status_code < 300 else None, limit)
                    lower = {name.lower(): value for name, value in answer.headers.items()}
                    outcome = problem or Response(request, answer.status_code, lower, body, client_request_id, size)
            except (requests.exceptions.RequestException, OSError, UnicodeError) as error:
                outcome = describe(error, request.url, timeout)
            if under_way.was_cut or (isinstance(outcome, Broken) and outcome.timed_out and not self.deadline.remaining()):
                # What was cut off may look whole: a body that ends with its connection does.
                outcome = self.too_late(not isinstance(outcome, Broken) or outcome.executed)
        if isinstance(outcome, Broken):
            session.close()
        else:
            self.idle.put(session)
        return outcome

    def borrow(self) -> requests.Session:
        """Take a session that nobody uses, or make one."""
        try:
            return self.idle.get_nowait()
        except queue.Empty:
            pass
        session = requests.Session()
        session.trust_env = False
        session.cookies = NoCookies()
        for scheme in ("http://", "https://"):
            session.mount(scheme, WatchedAdapter())
        return session

    def too_late(self, executed: bool) -> Broken:
        """What the end of the run cut off."""
        reason = "the %g s for all requests of this run were over before the whole answer was there" % self.deadline.seconds
        return Broken(reason, executed, True, too_late=True)

    def read(self, answer: requests.Response, into: BinaryIO | None, limit: int) -> tuple[bytes, int, Broken | None]:
        """Read a body within its bounds of size and time."""
        kept = bytearray()
        size = 0
        for chunk in answer.iter_content(CHUNK):
            size += len(chunk)
            if size > limit:
                reason = "the answer is larger than the %d bytes that are allowed for it, and reading it was stopped there" % limit
                return b"", size, Broken(reason, True, True, TOO_LARGE)
            if not self.deadline.remaining():
                return b"", size, self.too_late(True)
            if into is None:
                kept += chunk
            elif problem := keep(chunk, into):
                return b"", size, problem
        return bytes(kept), size, None


if HAS_REQUESTS:

    class NoCookies(RequestsCookieJar):
        """Keeps nothing: an answer must depend on the token alone, not on which connection was used before."""

        def set_cookie(self, cookie: Any, *args: Any, **kwargs: Any) -> None:
            """Forget the cookie."""

    class WatchedAdapter(HTTPAdapter):
        """Opens connections whose sockets the watchdog knows."""

        def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
            """Make what opens connections to servers."""
            super().init_poolmanager(*args, **kwargs)
            watch(self.poolmanager)

        def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
            """Make what opens connections through a proxy."""
            known = proxy in self.proxy_manager
            manager = super().proxy_manager_for(proxy, **kwargs)
            return manager if known else watch(manager)


def watch(manager: Any) -> Any:
    """Let a manager of urllib3 open connections whose sockets the watchdog knows; it returns the manager."""
    manager.pool_classes_by_scheme = {scheme: watched(pool) for scheme, pool in manager.pool_classes_by_scheme.items()}
    return manager


@cache
def watched(pool: Any) -> Any:
    """The same class of a pool of connections, each of which tells what it reads from before it reads."""

    class WatchedConnection(pool.ConnectionCls):
        """Tells its sockets."""

        def _new_conn(self) -> Any:
            made = super()._new_conn()
            # A proxy's answer to CONNECT is read from it.
            hold(made)
            return made

        def _tunnel(self) -> None:
            super()._tunnel()
            stop_if_cut()

        def getresponse(self, *args: Any, **kwargs: Any) -> Any:
            # TLS has put another one in its place.
            hold(self.sock)
            return super().getresponse(*args, **kwargs)

    return type("Watched" + pool.__name__, (pool,), {"ConnectionCls": WatchedConnection})


def keep(chunk: bytes, into: BinaryIO) -> Broken | None:
    """Write to the caller's file; a full disk is not a broken connection, and fetching again doesn't help."""
    try:
        into.write(chunk)
    except OSError as error:
        return Broken("the answer can't be kept: %s" % error.strerror, True, True, "Make room for temporary files")
    return None


def causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and all that it wraps; urllib3 hides the cause in ``reason``, requests in ``args``."""
    waiting: list[object] = [error]
    seen: set[int] = set()
    while waiting:
        one = waiting.pop(0)
        if isinstance(one, BaseException) and id(one) not in seen:
            seen.add(id(one))
            yield one
            waiting += [getattr(one, "reason", None), *one.args, one.__cause__, one.__context__]


def in_handshake(error: BaseException) -> bool:
    """Say whether an exception comes from the handshake of TLS; neither its class nor what wraps it tells."""
    frame = error.__traceback__
    while frame is not None:
        if frame.tb_frame.f_code.co_name == "do_handshake":
            return True
        frame = frame.tb_next
    return False


def describe(error: Exception, url: str, timeout: float) -> Broken:
    """Say in plain words why there was no answer; the words of requests would quote the whole URL."""
    chain = list(causes(error))
    # The exact classes: urllib3 derives a refused connection from a timeout.
    names = {type(one).__name__ for one in chain}
    host = urlsplit(url).hostname or ""
    before = bool(names & BEFORE_SENDING)
    for one in chain:
        if isinstance(one, ssl.SSLCertVerificationError):
            reason = "the certificate of %s is not trusted: %s" % (host, one.verify_message)
            return Broken(reason, False, True, "Name the file of its certificate authority with ca_path")
    shaking = any(map(in_handshake, chain))
    refusal = next((one for one in chain if isinstance(one, ssl.SSLError) and (shaking or one.reason in NO_COMMON_TLS)), None)
    if refusal is not None:
        return Broken("%s doesn't speak TLS as we do: %s" % (host, refusal.reason or refusal.strerror or "no reason given"), False, True)
    if names & UNFIT_REQUESTS or any(isinstance(one, UnicodeError) for one in chain):
        return Broken("the request can't be formed (%s)" % type(error).__name__, False, True)
    if "ProxyError" in names:
        detail = next((str(one)[:100] for one in chain if isinstance(one, OSError) and str(one).startswith("Tunnel")), "")
        refused = "407" in detail or "403" in detail or bool(names & UNKNOWN_NAME)
        reason = "the proxy gave no way to %s%s" % (host, detail and ": " + detail)
        if "407" in detail:
            return Broken(reason, False, refused, advice(407))
        return Broken(reason, False, refused, unreachable=not detail)
    if "ContentDecodingError" in names:
        coding = re.search(r"content-encoding: ([a-z, -]{1,40}),", str(error))
        told = "; its header says %s" % coding[1] if coding else ""
        return Broken("the body of the answer can't be decoded%s" % told, True, False, GARBLED, undecodable=True)
    if names & UNKNOWN_NAME:
        return Broken("the name %s can't be resolved" % host, False, True, unreachable=True)
    if names & {"ConnectTimeoutError", "ConnectTimeout"}:
        return Broken("%s took no connection within %g s" % (host, min(timeout, LONGEST_CONNECT)), False, unreachable=True)
    if shaking:
        return Broken("%s took no TLS connection" % host, False, unreachable=True)
    if names & {"ReadTimeoutError", "ReadTimeout"}:
        return Broken("%s gave no answer within %g s" % (host, timeout), True, timed_out=True)
    system = next((one.strerror for one in chain if isinstance(one, OSError) and one.strerror), "")
    if before:
        return Broken("no connection to %s%s" % (host, system and ": " + system), False, unreachable=True)
    return Broken("the connection to %s broke%s" % (host, system and ": " + system), True)
