# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A reverse proxy on loopback that logs every exchange, in the simulators' shape, and spoils those that a test orders."""

from __future__ import annotations

import http.client
import threading
from dataclasses import replace
from typing import Any

from tests.simulators.exchange import Request, Response
from tests.simulators.exchange_log import ExchangeLog
from tests.simulators.faults import STATUS_KINDS, Faults
from tests.simulators.server import Listener

#: Beside the simulators' kinds. ``502_after_effect``: the server did it and a gateway answers 502. ``held``: the server did it
#: and the answer stays back until ``release()``, as long as a client cares to wait.
OWN_KINDS = frozenset({"502_after_effect", "held"})
#: What belongs to one connection and is not passed on (RFC 9110, section 7.6.1), and what the listener writes itself.
_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "content-length", "date", "server"}


class RecordingFront:
    """Listens at ``url`` until closed and passes requests on to the server at ``target`` (host, port), once that is set.

    Requests run side by side, as they do without a proxy.

    Args:
        forced_query: what every request gets as its query on the way to the server. The log has requests as they came.
        root: what stands in for ``/v1`` on the way to the server.
    """

    def __init__(self, forced_query: str = "", root: str = "/v1") -> None:
        self.forced_query = forced_query
        self.root = root
        self.target: tuple[str, int] | None = None
        self.log = ExchangeLog()
        self._faults = Faults(OWN_KINDS)
        self._lock = threading.Lock()
        self._released = threading.Event()
        self._listener = Listener(self.serve)
        self.url = self._listener.url

    def requests(self) -> list[dict[str, Any]]:
        """Every exchange in order, as tests/simulators/README.md describes it."""
        return self.log.entries()

    def forget_requests(self) -> None:
        self.log.clear()

    def faults(self, orders: list[dict[str, Any]]) -> None:
        """Order failures, instead of those ordered before: ``{"match": {"method": "PUT", "path": REGEX}, "nth": 1, "kind": ...}``."""
        with self._lock:
            self._released.clear()
            self._faults.replace(orders)

    def release(self) -> None:
        """Let the answers go that are held."""
        self._released.set()

    def close(self) -> None:
        self._released.set()
        self._listener.close()

    def serve(self, request: Request) -> Response | None:
        """Log a request, pass it on or spoil it, and give the answer; None cuts the connection."""
        with self._lock:
            fault = self._faults.strike(request.method, request.target)
        kind = None if fault is None else fault.kind
        response = self._answer(request, kind)
        if fault is not None and response is not None and "retry_after" in fault.options and fault.options["retry_after"] is not None:
            response.headers["Retry-After"] = str(fault.options["retry_after"])
        self.log.add(request, response, kind)
        return response

    def _answer(self, request: Request, kind: str | None) -> Response | None:
        if kind in STATUS_KINDS:
            return Response(STATUS_KINDS[kind], headers={"Content-Type": "text/plain"}, body=b"no healthy upstream")
        if kind == "drop":
            return None
        if kind == "html":
            return _gateway_page()
        response = self._forward(request)
        if kind == "timeout_after_effect":
            return None
        if kind == "502_after_effect":
            return _gateway_page()
        if kind == "held":
            self._released.wait()
        if kind == "bad_json" and response is not None:
            response.body = response.payload()[: len(response.payload()) // 2]
        return response

    def _forward(self, request: Request) -> Response | None:
        if self.target is None:
            return Response(503, headers={"Content-Type": "text/plain"}, body=b"the server behind is not up yet")
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _HOP_BY_HOP}
        # A connection for each request: sending again over a fresh one, where a kept one broke, could do a thing twice.
        link = http.client.HTTPConnection(*self.target, timeout=60)
        try:
            target = f"{request.raw_path}?{self.forced_query}" if self.forced_query else request.target
            if target.startswith("/v1/"):
                target = self.root + target.removeprefix("/v1")
            link.request(request.method, target, request.body or None, headers)
            answer = link.getresponse()
            body = answer.read()
        except (http.client.HTTPException, OSError):
            return _gateway_page()
        finally:
            link.close()
        kept = {name: value for name, value in answer.getheaders() if name.lower() not in _HOP_BY_HOP}
        return Response(answer.status, headers=kept, body=body)


class SharedFront:
    """The one address of a server with several APIs: what is below the root of an API passes that API's front, which logs it below ``/v1``.

    Args:
        fronts: those of the APIs.
    """

    def __init__(self, *fronts: RecordingFront) -> None:
        self._fronts = fronts
        #: What was asked for elsewhere, which is answered with 404.
        self.strays: list[str] = []
        self._listener = Listener(self._serve)
        self.url = self._listener.url

    def close(self) -> None:
        self._listener.close()

    def _serve(self, request: Request) -> Response | None:
        for front in self._fronts:
            if request.target.startswith(front.root + "/"):
                return front.serve(replace(request, target="/v1" + request.target.removeprefix(front.root)))
        self.strays.append(f"{request.method} {request.target}")
        return Response(404, headers={"Content-Type": "text/plain"}, body=b"404 page not found\n")


def _gateway_page() -> Response:
    return Response(502, headers={"Content-Type": "text/html"}, body=b"<html><body><h1>502 Bad Gateway</h1></body></html>")
