# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which exemptions hold for a device: by serial number or id, by user, or by condition."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Collection, Iterable, Mapping, Sequence

from . import scope
from .condition_index import ConditionIndex
from .model import Device, Exemption, Policy
from .names_compared import comparable

ACTIVE = "active"
EXPIRED = "expired"


@dataclass(frozen=True)
class Held:
    """An exemption of one policy (its position) that is active or expired at the instant of the decision."""

    policy: int
    exemption: Exemption
    state: str


class ExemptionIndex:
    """All exemptions of some policies at one instant. A lookup costs the same for one exemption as for thousands."""

    def __init__(self, policies: Sequence[Policy], now: datetime) -> None:
        self.held: list[Held] = []
        #: Ids of the policies, by their positions.
        self.policy_ids = tuple(policy.id for policy in policies)
        self.by_device: dict[str, list[int]] = {}
        self.by_user: dict[str, list[int]] = {}
        conditions: list[scope.Condition] = []
        self._conditional: list[int] = []
        #: Of exemptions for devices while certain users have them: who these are.
        self._users: dict[int, frozenset[str]] = {}
        for position, policy in enumerate(policies):
            for exemption in policy.exemptions:
                if now < exemption.granted.at:
                    continue
                index = len(self.held)
                self.held.append(Held(position, exemption, ACTIVE if now < exemption.expires.at else EXPIRED))
                if exemption.when is not None:
                    conditions.append(scope.compile_when(exemption.when))
                    self._conditional.append(index)
                elif exemption.devices:
                    _enter(self.by_device, exemption.devices, index)
                    if exemption.users:
                        self._users[index] = frozenset(map(comparable, exemption.users))
                else:
                    _enter(self.by_user, exemption.users, index)
        self.conditions = tuple(conditions)
        self._condition_index = ConditionIndex(conditions)

    def named(self, device: Device) -> tuple[int, ...]:
        """The exemptions that name a device or its user, as positions in `held`."""
        if not self.by_device and not self.by_user:
            return ()
        serial, identifier, user = (_name(device.get(attribute)) for attribute in ("serial", "id", "user"))
        found: list[int] = []
        if self.by_device:
            found += self.by_device.get(serial, ())
            if identifier != serial:
                found += self.by_device.get(identifier, ())
            if found:
                found = [index for index in found if user in self._users.get(index, (user,))]
        if self.by_user:
            found += self.by_user.get(user, ())
        return tuple(dict.fromkeys(found))

    def names(self, device: Device, apps: Collection[str]) -> bool:
        """Whether an active exemption from one of some apps names a device or its user, be the device in scope or not."""
        named = [self.held[index] for index in self.named(device)]
        active = [held.exemption for held in named if held.state == ACTIVE and not held.exemption.domains]
        return any(not exemption.apps or any(app in apps for app in exemption.apps) for exemption in active)

    def conditional(self, device: Mapping[str, Any]) -> list[int]:
        """The exemptions whose condition is surely true for a device; unknown is not exempt."""
        candidates = self._condition_index.candidates(device)
        return [self._conditional[index] for index in candidates if scope.evaluate(self.conditions[index], device) is True]


def choose(held: Iterable[Held], app: str) -> Held | None:
    """The exemption that counts for an app: active before expired, whole before sites only, the latest to expire."""
    fitting = [item for item in held if not item.exemption.apps or app in item.exemption.apps]
    if not fitting:
        return None
    return min(
        fitting,
        key=lambda item: (item.state != ACTIVE, bool(item.exemption.domains), -item.exemption.expires.at.timestamp(), item.exemption.id),
    )


def relaxed_domains(held: Iterable[Held], app: str) -> tuple[str, ...]:
    """The sites that active exemptions leave open for an app."""
    return tuple(
        sorted(
            {
                domain
                for item in held
                if item.state == ACTIVE and (not item.exemption.apps or app in item.exemption.apps)
                for domain in item.exemption.domains
            }
        )
    )


def _enter(table: dict[str, list[int]], names: Iterable[str], index: int) -> None:
    # A device without a serial number is not the one that has a name of nothing.
    for name in filter(None, dict.fromkeys(map(comparable, names))):
        table.setdefault(name, []).append(index)


def _name(value: Any) -> str:
    """A name that a device has, in the form in which it is compared; empty for none, which no exemption names."""
    return comparable(value) if isinstance(value, str) else ""
