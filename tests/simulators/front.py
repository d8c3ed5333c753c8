# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The front of every simulator: log, ordered faults and control plane around a vendor's own side."""

from __future__ import annotations

import json
import threading
import time
from typing import Any, Protocol

from .clock import Clock
from .exchange import Request, Response
from .exchange_log import ExchangeLog
from .faults import STATUS_KINDS, Fault, Faults

CONTROL = "/control"


class Vendor(Protocol):
    """What a simulator brings: answers, a state, and the hands that tests use.

    fault_kinds are its own kinds of failure; an attribute fault_options may name what orders for them can say besides.
    """

    clock: Clock
    fault_kinds: frozenset[str]

    def answer(self, request: Request, front: Front) -> Response | None:
        """Answers a request of the vendor's API; None where there is no such path."""

    def failure(self, status: int, request: Request) -> Response:
        """The vendor's form of an error with this status."""

    def state(self) -> dict[str, Any]:
        """Everything there is, for a test to look at. A vendor may also have truth(): what is really so on every device."""

    def change_devices(self, operations: list[dict[str, Any]]) -> Any:
        """Changes devices as people and time do."""

    def change_objects(self, change: dict[str, Any] | list[dict[str, Any]]) -> Any:
        """Changes objects as an administrator does."""

    def check_in_all(self) -> None:
        """Has every device contact the server."""

    def time_passed(self) -> None:
        """Does what is due after the clock was moved."""

    def reset(self) -> None:
        """Goes back to the beginning."""


class Front:
    """Serves one vendor. One request at a time changes the state; the latency is spent outside of that."""

    def __init__(self, vendor: Vendor, latency_ms: float = 0) -> None:
        self.vendor = vendor
        self.latency = latency_ms / 1000
        self.log = ExchangeLog()
        self.faults = Faults(vendor.fault_kinds, getattr(vendor, "fault_options", frozenset()))
        self.lock = threading.RLock()

    def serve(self, request: Request) -> Response | None:
        """Answer a request from the wire; None means: drop the connection."""
        if request.path == CONTROL or request.path.startswith(CONTROL + "/"):
            return self.control(request)
        if self.latency:
            time.sleep(self.latency)
        with self.lock:
            response, kind = self.exchange(request)
            if response is not None and response.body is None:
                # Bytes are a tenth of the size of what they were made from, and the log keeps every answer.
                response.body, response.document = response.payload(), None
            self.log.add(request, response, kind)
        return response

    def exchange(self, request: Request) -> tuple[Response | None, str | None]:
        """Answer with the faults that were ordered. Batches send their items through here as well."""
        fault = self.faults.strike(request.method, request.target)
        if fault is None:
            return self.vendor.answer(request, self), None
        return self.go_wrong(request, fault), fault.kind

    def go_wrong(self, request: Request, fault: Fault) -> Response | None:
        if fault.kind in STATUS_KINDS:
            response = self.vendor.failure(STATUS_KINDS[fault.kind], request)
            retry_after = fault.options.get("retry_after", 1 if fault.kind == "429" else None)
            if retry_after is not None:
                response.headers["Retry-After"] = str(retry_after)
            return response
        if fault.kind == "drop":
            return None
        if fault.kind == "html":
            page = b"<html><body><h1>502 Bad Gateway</h1></body></html>"
            return Response(502, headers={"Content-Type": "text/html"}, body=page)
        if fault.kind == "timeout_after_effect":
            self.vendor.answer(request, self)
            return None
        if fault.kind == "bad_json":
            response_or_none = self.vendor.answer(request, self)
            if response_or_none is not None:
                response_or_none.body = response_or_none.payload()[: len(response_or_none.payload()) // 2]
            return response_or_none
        request.fault = {"kind": fault.kind, **fault.options}
        return self.vendor.answer(request, self)

    def control(self, request: Request) -> Response:
        """The tests' own door: GET requests, state, truth; POST faults, devices, objects, clock, reset."""
        verb = request.path.removeprefix(CONTROL).strip("/")
        try:
            body = request.json() if request.body else None
            return Response(200, self.command(request.method, verb, body), {"Content-Type": "application/json"})
        except (KeyError, TypeError, ValueError) as problem:
            return Response(400, {"error": f"{type(problem).__name__}: {problem}"}, {"Content-Type": "application/json"})

    def command(self, method: str, verb: str, body: Any) -> Any:
        """Carry out one control request and return what it answers. Raises ValueError for one that makes no sense."""
        with self.lock:
            if (method, verb) == ("GET", "requests"):
                return self.log.entries()
            if (method, verb) == ("GET", "state"):
                return json.loads(json.dumps(self.vendor.state(), sort_keys=True))
            if (method, verb) == ("GET", "truth") and hasattr(self.vendor, "truth"):
                return json.loads(json.dumps(self.vendor.truth(), sort_keys=True))
            if method != "POST":
                raise ValueError(f"no control {method} {verb}")
            if verb == "requests":
                self.log.clear()
                return {}
            if verb == "faults":
                self.faults.replace(body or [])
                return {}
            if verb == "devices":
                return self.vendor.change_devices(body if isinstance(body, list) else [body])
            if verb == "objects":
                return self.vendor.change_objects(body)
            if verb == "clock":
                return self.move_clock(body or {})
            if verb == "reset":
                self.vendor.reset()
                self.faults.replace([])
                self.log.clear()
                return {}
        raise ValueError(f"no control {method} {verb}")

    def move_clock(self, order: dict[str, Any]) -> dict[str, Any]:
        unknown = set(order) - {"now", "advance", "check_in"}
        if unknown:
            raise ValueError(f"unknown keys in a clock order: {', '.join(sorted(unknown))}")
        if "now" in order:
            self.vendor.clock.set(order["now"])
        if "advance" in order:
            self.vendor.clock.advance(order["advance"])
        self.vendor.time_passed()
        if order.get("check_in"):
            self.vendor.check_in_all()
        return {"now": self.vendor.clock.now.isoformat()}
