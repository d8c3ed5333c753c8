# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A simulated Intune tenant whose fleet is made page by page, so that a million devices need no memory and hardly any time.

A thousand seeded devices are simulated, and a ban stands there. Then the tenant has them many times over: the lists that grow with the
fleet are written from templates in which ids, serial numbers and users carry the number of the copy. Everything else is the simulator's.

python -m tests.benchmarks.streamed_tenant DEVICES DIRECTORY LATENCY_MS KEPT

KEPT is 1 where the simulator makes the template of a list once and 0 where it makes it anew for each page, which then takes as long as any
page of the simulator.

It runs in a process of its own, so that what is measured shares no interpreter with it, prints its connection as one line of JSON, and
ends with its standard input. In DIRECTORY are then the policy and the ledger of the run that put the ban there.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from tests.benchmarks import tenants
from tests.simulators.exchange import Request, Response
from tests.simulators.front import CONTROL, Front
from tests.simulators.intune.tenant import Tenant
from tests.simulators.server import Listener
from tests.simulators.simulation import Simulation

CHECKOUT = Path(__file__).resolve().parents[2]
#: Devices of one copy, which is one page.
COPY = 1000
ZERO_GUID = "00000000-0000-0000-0000-000000000000"
#: Stands in a template for the number of the copy: eight characters, as the first group of a GUID has.
MARK = "@@COPY@@"
_DEVICES = re.compile(r"/graph/beta/deviceManagement/managedDevices$")
_HAVING_AN_APP = re.compile(r"/?(?:graph/v1\.0/)?deviceManagement/detectedApps/([^/?]+)/managedDevices(?:\?|$)")
_TOKEN = re.compile(r"[?&]\$skiptoken=(\d+)")
_EXPORTS = "/deviceManagement/reports/exportJobs"


class StreamedFront(Front):
    """Serves a tenant with its devices ``copies`` times over; as it is while that is 0."""

    def __init__(self, tenant: Tenant, latency_ms: float, kept: bool) -> None:
        super().__init__(tenant)
        self.wait = latency_ms / 1000
        self.kept = kept
        self.copies = 0
        self._pages: dict[str, str] = {}
        self._having: dict[str, str] = {}
        #: Requests of a client that somebody else may repeat: method, address, body.
        self.noted: list[tuple[str, str, str]] = []

    def serve(self, request: Request) -> Response | None:
        if not self.copies or request.path.startswith(CONTROL):
            return super().serve(request)
        time.sleep(self.wait)
        if "/graph/" in request.path:
            self.noted.append((request.method, request.target, request.body.decode("utf-8")))
        with self.lock:
            response = self.streamed(request)
            self.log.clear()
        return response

    def control(self, request: Request) -> Response:
        if request.path == CONTROL + "/noted":
            noted, self.noted = self.noted, []
            return Response(200, noted)
        return super().control(request)

    def streamed(self, request: Request) -> Response | None:
        """The answer of the large tenant."""
        path = unquote(request.path)
        if _DEVICES.search(path):
            return self.devices(request)
        if request.method == "POST" and path.endswith("/$batch"):
            return self.batch(request)
        if _HAVING_AN_APP.search(path):
            return Response(200, body=self.having_an_app(request.url, request).encode())
        if _EXPORTS in path:
            # The service gives every report up, so that devices are listed.
            return Response(201 if request.method == "POST" else 200, {"id": "report", "status": "failed"})
        response, _kind = self.exchange(request)
        if response is not None and path.endswith(("/managedDeviceOverview", "/detectedApps")):
            return self.multiplied(response)
        return response

    def multiplied(self, response: Response) -> Response:
        """An answer whose counts are those of the large tenant."""
        document = json.loads(response.payload())
        for each in document.get("value", [document]):
            for name in ("enrolledDeviceCount", "deviceCount"):
                if name in each:
                    each[name] *= self.copies
        return Response(response.status, document)

    def devices(self, request: Request) -> Response:
        number = _number(request.target)
        base = _without_token(request.url)
        if not self.kept or base not in self._pages:
            # Of the simulator itself it is the first page.
            first = Request("GET", _without_token(request.target), request.headers, b"", request.origin)
            response, _kind = self.exchange(first)
            if response is None or response.status != 200:
                return response or Response(500)
            rows = [marked(each) for each in json.loads(response.payload())["value"]]
            self._pages[base] = json.dumps(rows, separators=(",", ":"))
        return Response(200, body=self.page(base, number + 1, self._pages[base].replace(MARK, f"{number:08x}")).encode())

    def page(self, base: str, following: int, rows: str, last: int = 0) -> str:
        """One page with the link to the next one."""
        link = f'"@odata.nextLink":{json.dumps(f"{base}&$skiptoken={following}")},' if following < (last or self.copies) else ""
        return "{%s\"value\":%s}" % (link, rows)

    def batch(self, request: Request) -> Response:
        """Items about who has an app are streamed, all others are the simulator's."""
        body = request.json()
        version = request.path.split("/")[2]
        own = [item for item in body["requests"] if _HAVING_AN_APP.search(unquote(item["url"]))]
        others = [item for item in body["requests"] if item not in own]
        answers = [
            '{"id":%s,"status":200,"headers":{},"body":%s}'
            % (json.dumps(item["id"]), self.having_an_app(f"{request.origin}/graph/{version}{item['url']}", request))
            for item in own
        ]
        if others:
            inner = Request("POST", request.target, request.headers, json.dumps({"requests": others}).encode(), request.origin)
            response, _kind = self.exchange(inner)
            if response is None or response.status != 200:
                return response or Response(500)
            answers += [json.dumps(each) for each in json.loads(response.payload())["responses"]]
        return Response(200, body=('{"responses":[%s]}' % ",".join(answers)).encode())

    def having_an_app(self, url: str, request: Request) -> str:
        """One page of the ids of the devices that have an app."""
        found = _HAVING_AN_APP.search(unquote(url))
        row = found[1] if found else ""
        if row not in self._having:
            target = f"/graph/v1.0/deviceManagement/detectedApps/{row}/managedDevices?$select=id&$top=1000"
            response, _kind = self.exchange(Request("GET", target, request.headers, b"", request.origin))
            listed = json.loads(response.payload()).get("value", []) if response else []
            self._having[row] = ",".join('{"id":"%s"}' % _marked(each["id"]) for each in listed)
        template = self._having[row]
        copies = max(1, COPY // max(1, template.count('{"id"')))
        number = _number(url)
        numbers = range(number * copies, min(self.copies, (number + 1) * copies))
        rows = "[%s]" % ",".join(template.replace(MARK, f"{each:08x}") for each in numbers if template)
        return self.page(_without_token(url), number + 1, rows, -(-self.copies // copies))


def marked(device: Mapping[str, Any]) -> dict[str, Any]:
    """A device as a template."""
    own = {"id", "userId", "azureADDeviceId"}
    names = {"serialNumber", "deviceName", "userPrincipalName"}
    return {
        key: _marked(value) if key in own and value else f"{MARK}-{value}" if key in names and value else value
        for key, value in device.items()
    }


def _marked(guid: str) -> str:
    return guid if guid == ZERO_GUID else MARK + guid[8:]


def _number(url: str) -> int:
    found = _TOKEN.search(unquote(url))
    return int(found[1]) if found else 0


def _without_token(url: str) -> str:
    return re.sub(r"&(\$|%24)skiptoken=\d+", "", url)


def spread_ledger(directory: Path, copies: int) -> None:
    """What was written down of the simulated devices, of each copy of them; the record of that run is forgotten."""
    ledger = directory / "intune.ledger.jsonl"
    lines = ledger.read_text(encoding="utf-8").splitlines()
    with ledger.open("w", encoding="utf-8") as handle:
        for line in lines:
            event = json.loads(line)
            if not event["device"]:
                handle.write(line + "\n")
                continue
            template = json.dumps({**event, "device": _marked(event["device"])}, ensure_ascii=False, sort_keys=True) + "\n"
            handle.writelines(template.replace(MARK, f"{number:08x}") for number in range(copies))
    for record in directory.glob("*/*.jsonl"):
        record.unlink()
        record.parent.rmdir()


def serve(devices: int, directory: Path, latency_ms: float, kept: bool) -> None:
    """Put the ban there, multiply the devices, and serve until the standard input ends."""
    tenant = Tenant(COPY, 3)
    front = StreamedFront(tenant, latency_ms, kept)
    main, files = Listener(front.serve), Listener(tenant.serve_file)
    with Simulation(front, [main, files], tenant.connect(main.url, files.url)) as simulation:
        simulation.clock(tenants.NOW)
        tenants.run(simulation, directory)
        spread_ledger(directory, devices // COPY)
        (directory / "policy.json").write_text(json.dumps(tenants.policy()), encoding="utf-8")
        simulation.forget_requests()
        front.copies = devices // COPY
        print(json.dumps({"connection": simulation.connection, "control": simulation.control}), flush=True)
        sys.stdin.read()


@contextmanager
def streamed_tenant(devices: int, directory: Path, latency_ms: float = 0.0, kept: bool = True) -> Iterator[dict[str, Any]]:
    """A tenant in a process of its own. Gives its connection and the address of its control plane."""
    command = [sys.executable, "-m", "tests.benchmarks.streamed_tenant", str(devices), str(directory), str(latency_ms), str(int(kept))]
    with subprocess.Popen(command, cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                raise RuntimeError("the simulated tenant did not come up")
            yield json.loads(line)
        finally:
            if process.stdin is not None:
                process.stdin.close()
            process.wait(timeout=30)


if __name__ == "__main__":
    serve(int(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3]), sys.argv[4] == "1")
