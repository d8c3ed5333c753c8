# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the policies require of a device, in terms of one target's mechanisms. Pure; targets say which mechanisms carry an action out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...policy.model import AppDecision, Decision, Policy
from .fleet import FleetDevice
from .mechanisms import Mechanism, Mechanisms
from .notices import withdrawal_from


@dataclass(frozen=True, order=True)
class BannedApp:
    """An app and the policies that ask for the same thing about it.

    Which of an app's names count can differ between policies, so an app asked for by other policies is another app here.
    """

    id: str
    policies: tuple[str, ...]


@dataclass(frozen=True)
class Requirement:
    """One mechanism that is wanted on a device. Devices with equal requirements share one control.

    Args:
        mechanism: a name from the target's capability table.
        apps: the apps that it is wanted for.
        deadline: the instant in UTC from which it has an effect; empty for at once.
        open_domains: sites that an exemption leaves open on this device.
    """

    mechanism: str
    apps: frozenset[BannedApp]
    deadline: str = ""
    open_domains: tuple[str, ...] = ()

    @property
    def policies(self) -> tuple[str, ...]:
        """Ids of the policies that ask for it."""
        return tuple(sorted({policy for app in self.apps for policy in app.policies}))

    @property
    def app_ids(self) -> tuple[str, ...]:
        """Ids of the apps, each once."""
        return tuple(sorted({app.id for app in self.apps}))


RequirementsOf = Callable[[Mapping[str, Any], Decision], frozenset[Requirement]]


def requirements_of_policies(policies: Sequence[Policy], mechanisms: Mechanisms) -> RequirementsOf:
    """The function that says what a device's decision requires of a target, by the device's record."""
    by_id = {policy.id: policy for policy in policies}

    def requirements_of(record: Mapping[str, Any], decision: Decision) -> frozenset[Requirement]:
        platform = str(record.get("platform"))
        asked: dict[tuple[Mechanism, str], set[BannedApp]] = {}
        opened: set[str] = set()
        for app in decision.apps.values():
            if app.verdict != "enforce":
                continue
            for action, deadline, asking in _asked(app, by_id):
                for mechanism in mechanisms.for_action(platform, action):
                    key = (mechanism, deadline if mechanism.armed_ahead else "")
                    asked.setdefault(key, set()).add(BannedApp(app.app, asking))
                    # All apps share the one list of sites that a browser takes, so they share what is left open in it.
                    opened.update(app.domains if mechanism.blocks_sites else ())
        requirements: list[Requirement] = []
        for (mechanism, deadline), apps in asked.items():
            domains = tuple(sorted(opened)) if mechanism.blocks_sites else ()
            merged = _merged(apps)
            groups = [frozenset((each,)) for each in merged] if mechanism.per_app else [frozenset(merged)]
            requirements.extend(Requirement(mechanism.name, group, deadline, domains) for group in groups)
        return frozenset(requirements)

    return requirements_of


def requirements_of_fleet(fleet: Sequence[FleetDevice], requirements_of: RequirementsOf) -> list[frozenset[Requirement]]:
    """What is wanted of each device. Devices that are alike share their verdicts, so they share what is wanted of them."""
    known: dict[tuple[int, str], frozenset[Requirement]] = {}
    found = []
    for member in fleet:
        key = (id(member.decision.verdicts), member.device.platform)
        if key not in known:
            known[key] = requirements_of(member.device.record, member.decision)
        found.append(known[key])
    return found


def _asked(app: AppDecision, by_id: Mapping[str, Policy]) -> list[tuple[str, str, tuple[str, ...]]]:
    """What is demanded of a device about an app: action, the instant of its effect (empty for now), the policies that ask."""
    found = [
        (action, "", tuple(sorted(verdict.policy for verdict in app.policies if action in verdict.actions)))
        for action in app.actions
        if action != "withdraw_access"
    ]
    # The withdrawal is set up ahead, so that it comes true at its instant whether or not a run happens then.
    starts = {verdict.policy: withdrawal_from(verdict, by_id[verdict.policy]) for verdict in app.policies}
    armed = {policy: instant.utc for policy, instant in starts.items() if instant is not None}
    if armed:
        found.append(("withdraw_access", min(armed.values()), tuple(sorted(armed))))
    return found


def _merged(apps: set[BannedApp]) -> list[BannedApp]:
    """One entry per app: two actions of different policies may ask for the same mechanism."""
    policies: dict[str, set[str]] = {}
    for app in apps:
        policies.setdefault(app.id, set()).update(app.policies)
    return [BannedApp(name, tuple(sorted(asking))) for name, asking in policies.items()]
