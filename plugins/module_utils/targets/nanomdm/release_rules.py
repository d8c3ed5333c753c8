# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a control that is not wanted on a device may be taken from it. Pure.

Unknown is not a change: who owns a device, whether it is supervised, and whether it is still in the list, may be forgotten by a source.
Only what a policy orders, or what is surely known of a device, ends what it has.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ...mdm.planning.fleet import FleetDevice
from ...policy.decide import Decider
from ...policy.policy_phase import RUNNING
from .controls import DECLARED
from .declaration_names import DeclarationNames
from .fleet_index import FleetIndex
from .slugs import mechanism_of_slug, policies_of_slug


def policies_that_rest(decider: Decider) -> frozenset[str]:
    """Policies that block nothing on any device: lifted, not yet begun, or only proposed."""
    return frozenset(each.policy.id for each in decider.policy_phases if each.phase != RUNNING or each.policy.state != "enforced")


@dataclass(frozen=True)
class ReleaseRules:
    """Answers for devices and controls.

    Args:
        policies: ids of the run's policies.
        resting: those of them that block nothing.
        managed: enrolment id -> whether a device that is not in the run is managed; None and absent where nobody can say.
        confirmed: somebody has confirmed the size of the fleet, so who is not in it has left.
    """

    index: FleetIndex
    names: DeclarationNames
    policies: frozenset[str]
    resting: frozenset[str]
    managed: Mapping[str, bool | None]
    confirmed: bool = False

    def may_release(self, device: str, name: str) -> bool:
        """Whether a device may lose a control."""
        slug = self.names.slug_of_set(name)
        asking = policies_of_slug(slug, self.policies)
        if asking <= self.resting:
            return True
        position = self.index.position(device)
        if position is None:
            return self.confirmed or self.managed.get(device) is False
        return _is_known(self.index.fleet[position], asking, mechanism_of_slug(slug) in DECLARED)

    def kept_of_absent(self, held: Iterable[tuple[str, str]]) -> int:
        """How many devices that are not in the run keep what they have. held: enrolment ids and names of controls."""
        return len({device for device, name in held if self.index.position(device) is None and not self.may_release(device, name)})


def _is_known(member: FleetDevice, policies: frozenset[str], is_declared: bool) -> bool:
    """Whether all is known of a device that a control depends on."""
    record = member.device.record
    if record.get("enrollment") == "none":
        return True
    verdicts = {verdict.verdict for app in member.decision.apps.values() for verdict in app.policies if verdict.policy in policies}
    if "unclassified" in verdicts:
        return False
    return "enforce" not in verdicts or (record.get("supervised") is not None and bool(record.get("os_version") or not is_declared))
