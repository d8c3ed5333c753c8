# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An https server on loopback for the profiles that legacy configurations point to."""

from __future__ import annotations

import ssl
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from tests.simulators.server import QuietServer
from tests.support.nanomdm.device_identity import Authority


class ProfileHost:
    """Serves what was published until closed; devices trust it through the authority."""

    def __init__(self, authority: Authority, folder: Path) -> None:
        self.content: dict[str, bytes] = {}
        #: Paths that devices asked for, in order.
        self.asked: list[str] = []
        host = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                host.asked.append(self.path)
                content = host.content.get(self.path)
                self.send_response(404 if content is None else 200)
                self.send_header("Content-Type", "application/x-apple-aspen-config")
                self.send_header("Content-Length", str(len(content or b"")))
                self.end_headers()
                self.wfile.write(content or b"")

            def log_message(self, *_arguments: Any) -> None:
                """Keep standard error for real trouble."""

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(authority.write_server_identity(folder / "profile-host.pem"))
        self._http = QuietServer(("127.0.0.1", 0), Handler)
        self._http.socket = context.wrap_socket(self._http.socket, server_side=True)
        self.url = f"https://127.0.0.1:{self._http.server_address[1]}"
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    def publish(self, path: str, content: bytes) -> str:
        """Serve a profile at a path that begins with a slash, and return its URL."""
        self.content[path] = content
        return self.url + path

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def __enter__(self) -> ProfileHost:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()
