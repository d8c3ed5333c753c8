# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NanoMDM, KMFDDM (or NanoHUB, which has the APIs of both), the webhook's receiver and the recording fronts, put together and started.

    with NanoServers.start(folder) as nano:
        device = nano.device(udid="...", platform="iPhone")     # not enrolled yet
        nano.connection                                         # what an inventory puts into appban_connection
        nano.nanomdm.requests(), nano.kmfddm.requests()         # what came in over the two APIs
        nano.webhook.events("mdm.Connect")

No push certificate is ever loaded, so NanoMDM has nothing to call Apple's push service with.
"""

from __future__ import annotations

import contextlib
import http.client
import itertools
import ssl
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.support.nanomdm.binaries import KMFDDM, NANOHUB, NANOMDM
from tests.support.nanomdm.device_facts import App, DeviceFacts
from tests.support.nanomdm.device_identity import Authority
from tests.support.nanomdm.device_wire import DeviceWire
from tests.support.nanomdm.fake_device import FakeDevice
from tests.support.nanomdm.postgres import free_port
from tests.support.nanomdm.recording_front import RecordingFront, SharedFront
from tests.support.nanomdm.server_process import NotStarted, ServerProcess
from tests.support.nanomdm.sockets import foreign_addresses
from tests.support.nanomdm.webhook_log import WebhookLog

NANOMDM_KEY = "key-of-nanomdm"
KMFDDM_KEY = "key-of-kmfddm"
NANOHUB_KEY = "key-of-nanohub"
KEYS = (NANOMDM_KEY, KMFDDM_KEY, NANOHUB_KEY)
NO_PUSH = "nopush=1"
CERTIFICATE_HEADER = "X-Device-Certificate"
_SPACE = uuid.UUID("b5b0a9f3-54fc-4a0e-9d6e-3a9d2a4a7a10")


@dataclass(frozen=True)
class Api:
    """An API as a client of a test's own finds it: what stands before ``/enqueue`` or ``/declarations``, and who logs in."""

    root: str
    user: str
    key: str


class NanoServers:
    """Both servers, or a NanoHUB, running.

    ``nanomdm`` and ``kmfddm`` are the fronts of the two APIs, whose paths begin with ``/v1`` there whatever the server calls them.
    ``notifier`` is where KMFDDM's commands pass, and nothing of NanoHUB's does. ``shared`` is NanoHUB's one address.
    """

    def __init__(self) -> None:
        self._closing = contextlib.ExitStack()
        self._numbers = itertools.count(1)
        self.authority: Authority
        self.folder: Path
        self.webhook: WebhookLog
        self.nanomdm: RecordingFront
        self.kmfddm: RecordingFront
        self.notifier: RecordingFront
        self.mdm_address: tuple[str, int]
        self.dsn: str | None = None
        self.shared: SharedFront | None = None
        self.processes: list[ServerProcess] = []

    @classmethod
    def start(
        cls,
        folder: Path,
        dsn: str | None = None,
        webhook_key: str | None = None,
        authority: Authority | None = None,
        hub: Sequence[str] | None = None,
    ) -> NanoServers:
        """Start everything.

        Args:
            folder: for certificates, logs and the webhook log.
            dsn: address of a PostgreSQL database with NanoMDM's tables; None for NanoMDM's storage in memory.
            webhook_key: sign webhook events with this key and refuse unsigned ones.
            authority: one that signs devices' certificates; a new one if None.
            hub: start NanoHUB instead of the two, with these options besides.
        """
        nano = cls()
        nano.folder, nano.dsn = folder, dsn
        nano.authority = authority or Authority.create()
        folder.mkdir(parents=True, exist_ok=True)
        try:
            nano._start(webhook_key, hub)
        except BaseException:
            nano.close()
            raise
        return nano

    def _start(self, webhook_key: str | None, hub: Sequence[str] | None) -> None:
        authorities = self.folder / "authority.pem"
        authorities.write_bytes(self.authority.pem())
        self.webhook = self._kept(WebhookLog(self.folder / "webhook.jsonl", webhook_key))
        # KMFDDM loses the query of its enqueue URL on the way, so the front between puts it back.
        self.notifier = self._kept(RecordingFront(NO_PUSH))
        options = ["-ca", str(authorities), "-cert-header", CERTIFICATE_HEADER, "-webhook-url", self.webhook.url]
        if hub is not None:
            self._start_hub([*options, *hub])
        else:
            self._start_pair([*options, *([] if webhook_key is None else ["-webhook-hmac-key", webhook_key])])

    def _start_pair(self, more: list[str]) -> None:
        self.nanomdm, self.kmfddm = (self._kept(RecordingFront()) for _front in range(2))
        enqueue = ["-enqueue", f"{self.notifier.url}/v1/enqueue/?{NO_PUSH}", "-enqueue-key", NANOMDM_KEY]
        kmfddm_port = self._run(str(KMFDDM), "kmfddm", lambda port: ["-api", KMFDDM_KEY, "-storage", "inmem", *enqueue])
        storage = ["-storage", "inmem", "-storage-dsn", "x"] if self.dsn is None else ["-storage", "pgsql", "-storage-dsn", self.dsn]
        options = ["-api", NANOMDM_KEY, *storage, *more, "-dm", f"http://127.0.0.1:{kmfddm_port}/"]
        nanomdm_port = self._run(str(NANOMDM), "nanomdm", lambda port: options)
        self.mdm_address = ("127.0.0.1", nanomdm_port)
        self.nanomdm.target = self.notifier.target = self.mdm_address
        self.kmfddm.target = ("127.0.0.1", kmfddm_port)

    def _start_hub(self, more: list[str]) -> None:
        self.nanomdm, self.kmfddm = (self._kept(RecordingFront(root=f"/api/v1/{name}")) for name in ("nanomdm", "ddm"))
        self.shared = self._kept(SharedFront(self.nanomdm, self.kmfddm))
        port = self._run(str(NANOHUB), "nanohub", lambda port: ["-api-key", NANOHUB_KEY, "-storage", "inmem", *more])
        self.mdm_address = self.nanomdm.target = self.kmfddm.target = ("127.0.0.1", port)

    def _kept(self, part: Any) -> Any:
        self._closing.callback(part.close)
        return part

    def _run(self, program: str, name: str, options: Callable[[int], list[str]]) -> int:
        """Start one of the servers on a free port and return it."""
        log = self.folder / f"{name}.log"
        for attempts_left in (4, 3, 2, 1, 0):
            port = free_port()
            # No environment: both servers read options from it.
            server = ServerProcess([program, "-listen", f"127.0.0.1:{port}", *options(port)], log, env={}, cwd=self.folder)
            try:
                server.wait_until(partial(_answers, port))
            except NotStarted as problem:
                if attempts_left and "address already in use" in str(problem):
                    continue
                raise
            self._closing.callback(server.stop)
            self.processes.append(server)
            return port
        raise AssertionError("unreachable")

    @property
    def connection(self) -> dict[str, str]:
        """Addresses and keys of both APIs, as an inventory gives them."""
        if self.shared is not None:
            return {"nanohub_url": self.shared.url, "nanohub_api_key": NANOHUB_KEY}
        return {
            "nanomdm_url": self.nanomdm.url,
            "nanomdm_api_key": NANOMDM_KEY,
            "kmfddm_url": self.kmfddm.url,
            "kmfddm_api_key": KMFDDM_KEY,
        }

    def apis(self, straight: bool = False) -> tuple[Api, Api]:
        """NanoMDM's API and KMFDDM's. straight: past the fronts, which neither log nor spoil it then."""
        users = [("nanohub", NANOHUB_KEY)] * 2 if self.shared is not None else [("nanomdm", NANOMDM_KEY), ("kmfddm", KMFDDM_KEY)]
        found = []
        for front, (user, key) in zip((self.nanomdm, self.kmfddm), users, strict=True):
            assert front.target is not None
            found.append(Api("http://%s:%d" % front.target + front.root if straight else front.url + "/v1", user, key))
        return found[0], found[1]

    def device(
        self,
        udid: str | None = None,
        serial: str | None = None,
        apps: Iterable[App] = (),
        trust: ssl.SSLContext | None = None,
        **facts: Any,
    ) -> FakeDevice:
        """Make a device that knows this server and is not enrolled yet.

        Args:
            udid: its UDID, or its enrolment id in User Enrollment; one of its own if None.
            serial: its serial number; one of its own if None.
            apps: what is installed.
            trust: whom it trusts when it fetches profiles over https; this server's authority if None.
            facts: ``platform``, ``os_version``, ``supervised`` and ``enrollment`` of DeviceFacts.
        """
        number = next(self._numbers)
        udid = udid or str(uuid.uuid5(_SPACE, f"device {number}")).upper()
        known = DeviceFacts(udid, serial or f"TEST{number:06d}", **facts)
        wire = DeviceWire(self.mdm_address, CERTIFICATE_HEADER, self.authority.device_header(udid))
        return FakeDevice(known, wire, apps, trust or self.trust())

    def trust(self) -> ssl.SSLContext:
        """Trust in this server's authority and nobody else."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=self.authority.pem().decode())
        return context

    def assert_nothing_was_pushed(self) -> None:
        """No command asked for a push, no push certificate was loaded, and no server talks to anything but loopback."""
        pushed = []
        assert self.notifier.forced_query == NO_PUSH
        for exchange in self.nanomdm.requests():
            query = parse_qs(urlsplit(exchange["url"]).query)
            if exchange["path"].startswith("/v1/enqueue") and query.get("nopush") != ["1"]:
                pushed.append(f"{exchange['method']} {exchange['url']}")
            if exchange["path"].startswith(("/v1/push", "/v1/escrowkeyunlock")):
                pushed.append(f"{exchange['method']} {exchange['path']}")
        assert pushed == [], pushed
        assert self.shared is None or self.shared.strays == []
        assert {process.log.name: foreign_addresses(process.child.pid) for process in self.processes} == {
            process.log.name: [] for process in self.processes
        }

    def close(self) -> None:
        self._closing.close()

    def __enter__(self) -> NanoServers:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()


def _answers(port: int) -> bool:
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        link.request("GET", "/version")
        return link.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        link.close()
