# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``make bench``: what the collection costs, as ratios against something measured beside it in the same run.

Writes ``.build/bench.json``: a list of ``{name, ours, baseline, ratio, unit, detail}``. ``--quick`` leaves out what takes minutes.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from tests.benchmarks import decisions, hosts, jamf_servers, large_fleets, playbooks, tenants

CHECKOUT = Path(__file__).resolve().parents[2]

RESULT = CHECKOUT / ".build" / "bench.json"


def main() -> int:
    """Measures, prints a line a figure, writes the file. Goals are in each figure's detail; a shared machine is no judge of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="leave out what takes minutes")
    parser.add_argument("--only", metavar="NAME", help="measure one figure")
    options = parser.parse_args()
    fleet = 2_000 if options.quick else 10_000
    measures: dict[str, Callable[[], dict[str, Any]]] = {
        "decisions_per_second": decisions.decisions_per_second,
        **{f"policy_of_twice_the_{name}": partial(decisions.twice_the_policy, name) for name in ("rules", "exemptions", "serials")},
        "host_noop_vs_ping": hosts.host_noop_vs_ping,
        "host_noop_vs_ping_five_managers": hosts.host_noop_vs_ping_five_managers,
        "host_noop_3000_homes_vs_none": hosts.host_noop_3000_homes_vs_none,
        "intune_requests_vs_one_a_device": partial(tenants.intune_steady_state, fleet, "requests"),
        "intune_seconds_vs_one_request_a_device": partial(tenants.intune_steady_state, fleet, "s"),
        "intune_vs_uri": tenants.intune_vs_uri,
        "intune_memory": partial(tenants.intune_memory, *((10_000, 1_000) if options.quick else (100_000, 10_000))),
    }
    measures["jamf_requests_vs_one_a_device"] = partial(jamf_servers.jamf_requests, 1_000 if options.quick else 5_000)
    large, grown = (20_000, 40_000) if options.quick else (100_000, 300_000)
    measures.update(
        {
            "intune_audit_vs_download": partial(large_fleets.audit_vs_download, large, 0.0, 3),
            "intune_audit_vs_download_50ms": partial(large_fleets.audit_vs_download, large, 50.0, 1.25),
            "intune_peak_100k": partial(large_fleets.peak, 100_000, large_fleets.MOST_100K),
            "intune_cpu_per_device": partial(large_fleets.cpu_per_device, large),
            "growth_10k_to_300k": partial(large_fleets.growth, 10_000, grown),
            "audit_vs_register_json_query": partial(playbooks.audit_vs_register_json_query, 2_000 if options.quick else 20_000),
            "change_vs_looped_uri": partial(playbooks.change_vs_looped_uri, fleet),
        }
    )
    if options.only or not options.quick:
        measures["intune_peak_1m"] = partial(large_fleets.peak, 1_000_000, large_fleets.MOST_1M)
        measures["host_one_task_vs_existing_modules"] = hosts.host_one_task_vs_existing_modules
        measures["host_one_task_vs_plain_tasks"] = hosts.host_one_task_vs_plain_tasks
    if options.only:
        measures = {options.only: measures[options.only]}
    rows = []
    for name, measure in measures.items():
        print(f"measuring {name} ...", flush=True)
        try:
            row = {"name": name, **measure()}
        except hosts.NoLab as error:
            print(f"  not measured: {error}")
            continue
        rows.append(row)
        print(f"  ours {row['ours']:,} {row['unit']}, baseline {row['baseline']:,} {row['unit']}, ratio {row['ratio']} ({row['detail']})")
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    print(f"written to {RESULT.relative_to(CHECKOUT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
