# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP on loopback: bytes in, bytes out, nothing about any vendor."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from .exchange import Request, Response

Serve = Callable[[Request], "Response | None"]


class Listener:
    """One port on 127.0.0.1, served by threads until closed."""

    def __init__(self, serve: Serve, port: int = 0) -> None:
        listener = self

        class Handler(ExchangeHandler):
            def serve(self, request: Request) -> Response | None:
                request.origin = listener.url
                return serve(request)

        self.http = QuietServer(("127.0.0.1", port), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"
        self._thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self.http.shutdown()
        self.http.server_close()
        self._thread.join()


class QuietServer(ThreadingHTTPServer):
    """Doesn't wait for connections that a client keeps open, and doesn't print that one went away."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class ExchangeHandler(BaseHTTPRequestHandler):
    """Turns HTTP into Request and Response."""

    protocol_version = "HTTP/1.1"
    # Without these two every answer on a kept connection waits 40 ms for an acknowledgement.
    disable_nagle_algorithm = True
    wbufsize = 65536
    server_version = "simulator"
    sys_version = ""

    def serve(self, request: Request) -> Response | None:
        raise NotImplementedError

    def handle_any(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length) if length else b""
        response = self.serve(Request(self.command, self.path, dict(self.headers.items()), body))
        if response is None:
            self.close_connection = True
            return
        payload = response.payload()
        self.send_response(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value)
        if payload and "Content-Type" not in response.headers:
            self.send_header("Content-Type", "application/json")
        if response.status != 204:
            self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        if response.status != 204 and self.command != "HEAD":
            self.wfile.write(payload)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = do_HEAD = handle_any  # noqa: N815

    def log_message(self, *_arguments: Any) -> None:
        """Keep standard error for real trouble."""
