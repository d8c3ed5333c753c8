# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many devices a second the policy core decides, on one core."""

from __future__ import annotations

import random
from datetime import datetime, timezone
from typing import Any

from ansible_collections.appban.endpoint.plugins.module_utils.policy.catalog import parse_catalog
from ansible_collections.appban.endpoint.plugins.module_utils.policy.decide import decide, decide_all
from ansible_collections.appban.endpoint.plugins.module_utils.policy.parse import parse_policy

from .pairs import median_pair

DEVICES = 100_000
NOW = datetime(2023, 3, 20, tzinfo=timezone.utc)


def policy_document(rules: int, exemptions: int) -> dict[str, Any]:
    """A policy with some rules by department and some exemptions by device; the last two rules are the usual ones."""
    departments = [
        {"name": f"Department {n}", "when": {"ownership": "corporate", "department": f"d{n}"}, "actions": ["audit"]}
        for n in range(rules - 2)
    ]
    return {
        "policy": "bench",
        "title": "Bench",
        "state": "enforced",
        "apps": [{"id": "banned", "title": "Banned", "vendor": "nobody", "identifiers": {"deb": ["banned-app"]}}],
        "effective": {"from": "2023-03-01T00:00:00Z"},
        "rules": [
            *departments,
            {"name": "Corporate", "when": {"ownership": "corporate"}, "actions": ["remove", "block"]},
            {"name": "Private with work apps", "when": {"ownership": "personal", "work_apps": True}, "actions": ["advise"]},
        ],
        "exemptions": [
            {
                "id": f"EX-{n}",
                "devices": [f"SN{n * 7:06d}"],
                "reason": "Case work",
                "approved_by": "Head of Security",
                "granted": "2023-03-02",
                "expires": "2023-12-31T00:00:00Z",
            }
            for n in range(exemptions)
        ],
    }


def large_policy(rules: int, exemptions: int, serials: int = 1) -> dict[str, Any]:
    """A policy of some size. serials: of devices in each exemption."""
    document = policy_document(rules, exemptions)
    for position, exemption in enumerate(document["exemptions"]):
        exemption["devices"] = [f"SN{position * serials + number:07d}" for number in range(serials)]
    return document


def twice_the_policy(name: str) -> dict[str, Any]:
    """What twice as many rules, exemptions or exempt serial numbers cost, read and made ready to decide. name: which of them."""
    sizes: dict[str, tuple[int, int, int]] = {"rules": (10_000, 1, 1), "exemptions": (3, 10_000, 1), "serials": (3, 20, 20_000)}
    one = large_policy(*sizes[name])
    two = large_policy(*(2 * size if size == max(sizes[name]) else size for size in sizes[name]))

    def read(document: dict[str, Any]) -> None:
        policy = parse_policy(document, "bench.yml", parse_catalog([]), "0" * 64)
        decide([policy], {"serial": "SN0000001", "ownership": "corporate", "department": "d1"}, NOW)

    ours, baseline = median_pair(lambda: read(two), lambda: read(one), pairs=3)
    return {
        "ours": round(ours, 2),
        "baseline": round(baseline, 2),
        "ratio": round(ours / baseline, 2),
        "unit": "s",
        "detail": f"{'800000 exempt serials' if name == 'serials' else f'20000 {name}'} against half of them; goal: at most 2.2",
    }


def fleet(count: int, seed: int = 7) -> list[dict[str, Any]]:
    """Distinct devices, each with the attributes that inventories have."""
    chosen = random.Random(seed)
    return [
        {
            "id": f"device-{n}",
            "serial": f"SN{n:06d}",
            "name": f"host-{n}.example",
            "platform": chosen.choice(("linux", "windows", "ios", "android")),
            "os_version": f"{chosen.randrange(10, 18)}.{chosen.randrange(9)}",
            "ownership": chosen.choice(("corporate", "corporate", "personal", None)),
            "work_apps": chosen.choice((True, False, None)),
            "department": f"d{chosen.randrange(40)}",
            "user": f"user{n % 30_000}",
        }
        for n in range(count)
    ]


def decisions_per_second() -> dict[str, Any]:
    """The batch against one call per device."""
    policy = parse_policy(policy_document(rules=3, exemptions=50), "bench.yml", parse_catalog([]), "0" * 64)
    devices = fleet(DEVICES)
    few = devices[: DEVICES // 50]

    def batch() -> None:
        for _each in decide_all([policy], devices, NOW):
            pass

    def one_by_one() -> None:
        for device in few:
            decide([policy], device, NOW)

    ours, baseline = median_pair(batch, one_by_one, pairs=3)
    rate, single = DEVICES / ours, len(few) / baseline
    return {
        "ours": round(rate),
        "baseline": round(single),
        "ratio": round(rate / single, 1),
        "unit": "decisions/s",
        "detail": f"{DEVICES} distinct devices, 3 rules, 50 exemptions, one core; baseline: one call a device; goal 200000 decisions/s",
    }
