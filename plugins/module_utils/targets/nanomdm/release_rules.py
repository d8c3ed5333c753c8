# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a control that is not wanted on a device may be taken from it. Pure.

Unknown is not a change: who owns a device, whether it is supervised, and whether it is still in the list, may be forgotten by a source.
Only what a policy orders, or what is surely known of a device, ends what it has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from ...mdm.planning.fleet import FleetDevice
from ...mdm.planning.order import Phase
from ...policy.decide import Decider
from ...policy.policy_phase import RUNNING
from .surroundings import Surroundings

LookUp = Callable[[Sequence[str]], Mapping[str, "bool | None"]]


class ReleaseRules:
    """Says which device may lose which control, and in which phase of a run.

    Args:
        look_up: whether devices that are not in the run are managed, by enrolment id; None where nobody can say.
    """

    def __init__(self, around: Surroundings, decider: Decider, look_up: LookUp) -> None:
        self.around = around
        # Policies that block nothing on any device: lifted, not yet begun, or only proposed.
        self._resting = frozenset(
            each.policy.id for each in decider.policy_phases if each.phase != RUNNING or each.policy.state != "enforced"
        )
        # Somebody has confirmed the size of the fleet, so who is not in it has left.
        self._confirmed = around.settings.accept_fleet_size == len(around.fleet)
        ledger, names = around.ledger, around.names
        held = {device for device, name in (*ledger.assigned, *ledger.released) if names.is_ours(name)}
        absent = sorted(device for device in held if around.position(device) is None)
        asked = absent if not self._confirmed and not names.policies.keys() <= self._resting else []
        self._managed: Mapping[str, bool | None] = look_up(asked) if asked else {}

    def may_release(self, device: str, name: str) -> bool:
        """Whether a device may lose a control."""
        asking = self.around.names.policies_of(name)
        if asking <= self._resting:
            return True
        position = self.around.position(device)
        if position is None:
            return self._confirmed or self._managed.get(device) is False
        return _is_known(self.around.fleet[position], asking, self.around.names.is_declared(name))

    def in_turn(self, devices: Iterable[str]) -> Iterator[tuple[Phase, str, list[str]]]:
        """Devices that are to lose a control, by the phase in which they lose it, with the word for that.

        Who is exempt or out of scope loses it first; who only gets it in another form loses it when that stands.
        """
        turns: dict[bool, list[str]] = {False: [], True: []}
        for device in sorted(devices):
            index = self.around.position(device)
            turns[index is not None and bool(self.around.desired.requirements[index])].append(device)
        for phase, word, chosen in ((Phase.RELEASE, "ended", turns[False]), (Phase.FORMER, "former", turns[True])):
            if chosen:
                yield phase, word, chosen

    def kept_of_absent(self) -> int:
        """How many devices that are not in the run keep what they have."""
        held = [key for key in self.around.ledger.assigned if self.around.names.is_ours(key[1])]
        return len({device for device, name in held if self.around.position(device) is None and not self.may_release(device, name)})


def _is_known(member: FleetDevice, policies: frozenset[str], is_declared: bool) -> bool:
    """Whether all is known of a device that a control depends on."""
    record = member.device.record
    if record.get("enrollment") == "none":
        return True
    verdicts = {verdict.verdict for app in member.decision.apps.values() for verdict in app.policies if verdict.policy in policies}
    if "unclassified" in verdicts:
        return False
    return "enforce" not in verdicts or (record.get("supervised") is not None and bool(record.get("os_version") or not is_declared))
