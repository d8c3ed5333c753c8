# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How many devices of a fleet each exemption names, and which of its names no device has, or several. Pure.

A name that matches nothing is how somebody loses an app who was promised to keep it, so it is told with the nearest serial number.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Iterable, Iterator, Mapping, Sequence

from .exemptions import ACTIVE, ExemptionIndex, Held
from .model import Decision, Device
from .names_compared import comparable
from .nearest_serials import nearest_serials, shown_names
from .problems import show

_MOST_NOTES = 20
#: Exemptions that a result lists; the record has all of them.
MOST_SHOWN = 100
OF_A_PART = "this run serves a part of the fleet: a name that no device has here may be one of another part"


@dataclass(frozen=True)
class NamedDevices:
    """What an exemption names in a fleet.

    Args:
        policy: id of its policy.
        exemption: its id.
        state: active or expired.
        devices: how many devices it names or its condition is true of, in scope or not.
        unmatched: the names in it that no device has, as places in the exemption (``devices[0]``, ``users[1]``): a user's name is not for
            a record.
        several: place of a serial number -> how many devices have it, where they are more than one.
    """

    policy: str
    exemption: str
    state: str
    devices: int
    unmatched: tuple[str, ...] = ()
    several: Mapping[str, int] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Its name in a run over several policies."""
        return "%s/%s" % (self.policy, self.exemption)

    @property
    def matches_nothing(self) -> bool:
        """Whether it is active and a name in it, or all of it, is that of no device."""
        return self.state == ACTIVE and (not self.devices or bool(self.unmatched))

    def to_plain(self) -> dict[str, Any]:
        """As the row of a record."""
        return {
            "policy": self.policy,
            "exemption": self.exemption,
            "state": self.state,
            "devices": self.devices,
            "unmatched": list(self.unmatched),
            "several": dict(self.several),
        }


def count_exemptions(index: ExemptionIndex, devices: Iterable[tuple[Device, Decision]]) -> tuple[NamedDevices, ...]:
    """What each exemption names that is active or expired. One pass over the devices.

    Args:
        index: the decider's.
        devices: every device of the fleet with the decision about it.
    """
    wanted = {comparable(name) for held in index.held for name in held.exemption.devices} - {""}
    users = {comparable(name) for held in index.held for name in held.exemption.users} - {""}
    serials: dict[str, int] = {}
    known: set[str] = set()
    known_users: set[str] = set()
    counts = [0] * len(index.held)
    for device, decision in devices if index.held else ():
        serial, identifier, user = (comparable(device.get(attribute)) for attribute in ("serial", "id", "user"))
        if serial in wanted:
            serials[serial] = serials.get(serial, 0) + 1
        if identifier in wanted:
            known.add(identifier)
        if user in users:
            known_users.add(user)
        for position in decision.verdicts.exemptions:
            counts[position] += 1
    return tuple(_named(index, held, count, serials, known, known_users) for held, count in zip(index.held, counts))


def _named(
    index: ExemptionIndex, held: Held, count: int, serials: Mapping[str, int], known: set[str], known_users: set[str]
) -> NamedDevices:
    exemption = held.exemption
    places = {"devices[%d]" % number: comparable(name) for number, name in enumerate(exemption.devices)}
    unmatched = [place for place, name in places.items() if name not in serials and name not in known]
    unmatched += ["users[%d]" % number for number, name in enumerate(exemption.users) if comparable(name) not in known_users]
    several = {place: serials[name] for place, name in places.items() if serials.get(name, 0) > 1}
    return NamedDevices(index.policy_ids[held.policy], exemption.id, held.state, count, tuple(unmatched), several)


def shown_exemptions(counted: Iterable[NamedDevices]) -> list[dict[str, Any]]:
    """Name, state and number of devices of exemptions, for a person; first those that match nothing, then those that name most."""
    ordered = sorted(counted, key=lambda each: (not each.matches_nothing, -each.devices, each.name))
    return [{"exemption": each.name, "state": each.state, "devices": each.devices} for each in ordered[:MOST_SHOWN]]


def notes_of_exemptions(
    index: ExemptionIndex, counted: Sequence[NamedDevices], devices: Iterable[tuple[Device, Decision]], of_a_part: bool = False
) -> list[str]:
    """What a person should know of exemptions that name nobody, or several devices by one serial number; bounded.

    Args:
        counted: from :func:`count_exemptions`, of the same index.
        devices: the fleet once more, for the nearest serial numbers; it is only looked at if something is amiss.
        of_a_part: the run serves a part of a fleet.
    """
    doubted = [(held, each) for held, each in zip(index.held, counted) if each.state == ACTIVE and (each.matches_nothing or each.several)]
    if not doubted:
        return []
    found: list[str] = []
    unmatched = 0
    missing = [held.exemption.devices[_number(place)] for held, each in doubted for place in each.unmatched if place.startswith("devices[")]
    nearest = nearest_serials(missing[: 2 * _MOST_NOTES], shown_names(devices)) if missing else {}
    more = 0
    for held, each in doubted:
        unmatched += each.matches_nothing
        for line in _lines(held, each, nearest):
            if len(found) < _MOST_NOTES:
                found.append("exemption %s: %s" % (each.name, line))
            else:
                more += 1
    if more:
        found.append("%d more names of exemptions are those of no device or of several; the record has all of them" % more)
    return [*found, OF_A_PART] if of_a_part and unmatched else found


def _lines(held: Held, named: NamedDevices, nearest: Mapping[str, Sequence[str]]) -> Iterator[str]:
    for place in named.unmatched:
        if place.startswith("users["):
            yield "no device of this target has the user of %s" % place
            continue
        name = held.exemption.devices[_number(place)]
        near = " or ".join(show(each) for each in nearest.get(name, ()))
        yield "no device of this target is called %s%s" % (show(name), ", perhaps %s is meant" % near if near else "")
    for place, count in named.several.items():
        name = held.exemption.devices[_number(place)]
        yield "the serial number %s is that of %d devices, and it holds for each of them" % (show(name), count)
    if not named.devices and held.exemption.when is not None:
        yield "its condition is true of no device of this target"
    elif not named.devices and not named.unmatched:
        yield "its devices are there, and none of them has one of its users"


def _number(place: str) -> int:
    return int(place[place.index("[") + 1 : -1])
