# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The bare download of what a run of ours reads, in a process of its own: each page fetched on one connection and decoded, nothing more.

python -m tests.benchmarks.download '{"graph_url": ...}' REQUESTS.json

REQUESTS.json lists method, address and body of each request, as a run of ours has sent them.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from urllib.parse import urlsplit

import requests


def main() -> None:
    """Fetch and decode; prints how many things came."""
    connection = json.loads(sys.argv[1])
    wanted = json.loads(Path(sys.argv[2]).read_text(encoding="utf-8"))
    parts = urlsplit(connection["graph_url"])
    with requests.Session() as session:
        token = session.post(
            f"{connection['authority_url']}/{connection['tenant_id']}/oauth2/v2.0/token",
            data={
                "client_id": connection["client_id"],
                "client_secret": connection["client_secret"],
                "scope": connection["graph_url"] + "/.default",
                "grant_type": "client_credentials",
            },
            timeout=30,
        ).json()["access_token"]
        session.headers["Authorization"] = "Bearer " + token
        items = 0
        for method, target, body in wanted:
            headers = {"Content-Type": "application/json"} if body else {}
            address = f"{parts.scheme}://{parts.netloc}{target}"
            answer = session.request(method, address, data=body.encode("utf-8"), headers=headers, timeout=60)
            answer.raise_for_status()
            document = answer.json()
            items += len(document.get("value", document.get("responses", ())))
    print(json.dumps({"items": items}))


if __name__ == "__main__":
    main()
