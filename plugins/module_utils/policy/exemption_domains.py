# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Domains that exemptions leave open, and whether the ban of their apps blocks them at all."""

from __future__ import annotations

from typing import Collection, Iterable, Iterator, Sequence

from .model import App, Policy
from .problems import child, nearest_names


class BlockedDomains:
    """The domains that a policy's apps have, of the tiers that are in force."""

    def __init__(self, apps: Iterable[App]) -> None:
        self._of_app = {app.id: frozenset(each.value for each in app.identifiers if each.kind == "domain") for app in apps}
        self._all = frozenset().union(*self._of_app.values())

    def of(self, apps: Sequence[str]) -> frozenset[str]:
        """Those of some apps; of no apps those of all, as an exemption without apps covers all."""
        return frozenset().union(*(self._of_app.get(app, frozenset()) for app in apps)) if apps else self._all


def belongs(domain: str, blocked: Collection[str]) -> bool:
    """Whether a domain is one of those that are blocked, or below one."""
    labels = domain.split(".")
    return any(".".join(labels[start:]) in blocked for start in range(len(labels)))


def near_domains(domain: str, blocked: Collection[str]) -> tuple[str, ...]:
    """Up to three blocked domains below a domain, else those that look like it."""
    below = tuple(sorted(each for each in blocked if each.endswith("." + domain)))
    return below[:3] or nearest_names(domain, sorted(blocked))


def domains_without_effect(policy: Policy) -> Iterator[tuple[str, str]]:
    """Path and words for what exemptions of a policy leave open although nothing blocks it."""
    narrowed = [(index, held) for index, held in enumerate(policy.exemptions) if held.domains]
    if not narrowed:
        return
    if not any("block_web" in stage.actions for rule in policy.rules for stage in rule.stages):
        names = [held.id for _index, held in narrowed]
        named = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
        path = child(child("exemptions", narrowed[0][0]), "domains")
        yield path, f"no rule of the policy has block_web, so an exemption for domains changes nothing ({named})"
        return
    domains = BlockedDomains((*policy.apps, *policy.review))
    for index, held in narrowed:
        blocked = domains.of(held.apps)
        for position, domain in enumerate(held.domains):
            if not belongs(domain, blocked):
                path = child(child(child("exemptions", index), "domains"), position)
                yield path, f"{domain} is no domain of an app that {held.id} covers, and below none, so nothing of the policy blocks it"
