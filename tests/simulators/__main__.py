# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A simulator on the command line: python -m tests.simulators NAME --port 0 --devices N --seed S [--latency-ms L]."""

from __future__ import annotations

import argparse
import importlib
import json
import signal
import sys
import threading
from pathlib import Path


def simulators() -> list[str]:
    """Every folder here is one simulator, with a start() in its face."""
    return sorted(path.parent.name for path in Path(__file__).parent.glob("*/__init__.py"))


def main(arguments: list[str]) -> int:
    """Print one JSON line and serve until terminated."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulators", description=__doc__)
    parser.add_argument("name", choices=simulators())
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--devices", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--latency-ms", type=float, default=0)
    parser.add_argument("--agents", action="store_true", help="Intune: add devices under every management agent and state there is")
    options = parser.parse_args(arguments)
    done = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_unused: done.set())
    vendor = importlib.import_module(f"tests.simulators.{options.name}")
    more = {"agents": True} if options.agents else {}
    start = vendor.start
    with start(devices=options.devices, seed=options.seed, latency_ms=options.latency_ms, port=options.port, **more) as simulation:
        print(json.dumps(simulation.announcement()), flush=True)
        done.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
