# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What decisions about a fleet have in common and a person should know: attributes that nobody knows, exemptions without effect. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Iterable, Iterator, Sequence

from .attribute_names import attribute_meant
from .model import Decision, Device, Policy

_MOST_NOTES = 10


def notes_of_fleet(policies: Iterable[Policy], devices: Iterable[tuple[Device, Decision]], now: datetime) -> list[str]:
    """The notes on a fleet and its decisions, a bounded number of each kind. One pass over the devices.

    Args:
        policies: of the run.
        devices: every device with the decision about it.
        now: the run's instant.
    """
    # Devices that are alike share their verdicts.
    alike: dict[int, tuple[Decision, int]] = {}
    for _device, decision in devices:
        known, count = alike.get(id(decision.verdicts), (decision, 0))
        alike[id(decision.verdicts)] = (known, count + 1)
    groups = list(alike.values())
    return [*_unknown_attributes(groups), *_without_effect(groups), *_not_begun(policies, now)]


def _unknown_attributes(groups: Sequence[tuple[Decision, int]]) -> Iterator[str]:
    counts: dict[str, int] = {}
    for decision, count in groups:
        if decision.scope == "unclassified":
            for attribute in sorted({name for app in decision.apps.values() for name in app.missing}):
                counts[attribute] = counts.get(attribute, 0) + count
    for attribute, count in sorted(counts.items(), key=lambda each: (-each[1], each[0]))[:_MOST_NOTES]:
        near = attribute_meant(attribute)
        meant = "; perhaps %s is meant" % near if near else ""
        yield "%s unclassified, because no %s is known of %s%s" % (
            "1 device is" if count == 1 else "%d devices are" % count,
            attribute,
            "it" if count == 1 else "them",
            meant,
        )


def _without_effect(groups: Sequence[tuple[Decision, int]]) -> Iterator[str]:
    counts: dict[tuple[str, str], int] = {}
    others: dict[tuple[str, str], set[str]] = {}
    for decision, count in groups:
        spared: dict[tuple[str, str], set[str]] = {}
        for app in decision.apps.values():
            if app.verdict != "enforce":
                continue
            asking = {verdict.policy for verdict in app.policies if verdict.verdict == "enforce"}
            for verdict in app.policies:
                if verdict.verdict == "exempt" and verdict.exemption is not None:
                    spared.setdefault((verdict.policy, verdict.exemption.id), set()).update(asking)
        for name, asking in spared.items():
            counts[name] = counts.get(name, 0) + count
            others.setdefault(name, set()).update(asking)
    for (policy, exemption), count in sorted(counts.items())[:_MOST_NOTES]:
        yield "exemption %s/%s does not spare %s: policy %s asks for the same app there" % (
            policy,
            exemption,
            "1 device" if count == 1 else "%d devices" % count,
            " and ".join(sorted(others[(policy, exemption)])),
        )


def _not_begun(policies: Iterable[Policy], now: datetime) -> Iterator[str]:
    coming = [(policy, each) for policy in policies if policy.state != "lifted" for each in policy.exemptions if each.granted.at > now]
    for policy, exemption in coming[:_MOST_NOTES]:
        yield "exemption %s/%s spares nobody yet: it begins %s" % (policy.id, exemption.id, exemption.granted.written)
