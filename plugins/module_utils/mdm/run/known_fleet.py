# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A fleet against what the last run knew of it: whether it was read whole, and what of its devices a source has forgotten. Pure.

Unknown is not a change. A fact that was known and that no source gives any more counts as it was, with the date from which nobody has
said it, until a source says otherwise. A fleet that has become much shorter is not planned against before somebody has confirmed it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ...engine.errors import AppbanError
from ...engine.previous_record import PreviousRecord, Remembered
from ...policy.devices import known_value
from ...policy.model import Policy
from ...policy.names_compared import comparable
from ..planning.fleet import OWN_ATTRIBUTES, FleetDevice

#: A fleet that has lost more than both of these since the last run stops it.
MOST_GONE, MOST_GONE_PERCENT = 5, 5.0
#: Devices that one run asks for one by one.
MOST_LOOK_UPS = 200
_SHOWN = 5


class FleetDoubted(AppbanError):
    """The fleet may not have been read whole, so nothing is planned against it."""


def check_fleet_size(previous: PreviousRecord, ids: Collection[str], serials: frozenset[str], accepted: int | None) -> None:
    """Stop a run whose fleet is much shorter than the last one's.

    Args:
        previous: what the last run knew.
        ids: ids of the fleet's devices.
        serials: their serial numbers.
        accepted: the size that somebody has confirmed; None for none.

    Raises:
        FleetDoubted: naming the numbers, some of the devices, and the option that confirms them.
    """
    if not previous:
        return
    # Those that the last list did not have either are no new loss.
    listed = sum("missing_since" not in known.facts for known in previous.in_scope.values())
    spelled = frozenset(map(comparable, serials))
    gone = [
        device
        for device, known in previous.in_scope.items()
        if "missing_since" not in known.facts and device not in ids and comparable(known.serial) not in spelled
    ]
    counts = ((max(0, previous.devices - len(ids)), previous.devices), (len(gone), listed))
    if not any(lost > MOST_GONE and lost * 100.0 > of * MOST_GONE_PERCENT for lost, of in counts):
        return
    if accepted == len(ids):
        return
    shown = ", ".join(sorted(previous.in_scope[each].serial or each for each in gone)[:_SHOWN]) + (", ..." if len(gone) > _SHOWN else "")
    told = "" if accepted is None else "; accept_fleet_size is %d, which is another number" % accepted
    raise FleetDoubted(
        "stopped before any write: the list has %d devices, and the run of %s counted %d%s"
        % (len(ids), previous.now, previous.devices, told),
        "missing: %s" % shown if gone else previous.path,
        "If that many have really left, run once with -e appban_accept_fleet_size=%d" % len(ids),
    )


@dataclass
class LoneLookUps:
    """Asks for devices one by one before something is taken for granted that a list doesn't show, within the bound of a run.

    Args:
        ask: ids -> True (managed), False (gone for certain) or None (nobody can say), for each.
    """

    ask: Callable[[Sequence[str]], Mapping[str, bool | None]]
    most: int = MOST_LOOK_UPS
    answers: dict[str, bool | None] = field(default_factory=dict)

    def managed(self, devices: Iterable[str], why: str) -> Mapping[str, bool | None]:
        """Whether some devices are managed. Each is asked for once a run.

        Args:
            devices: names by which the target can ask for one device.
            why: what depends on it, to follow "before".

        Raises:
            FleetDoubted: where more than the bound would have to be asked for.
        """
        wanted = sorted(set(devices))
        missing = [each for each in wanted if each not in self.answers]
        if len(self.answers) + len(missing) > self.most:
            raise FleetDoubted(
                "stopped before any write: %d devices would have to be looked up one by one before %s, and a run looks up at most %d"
                % (len(self.answers) + len(missing), why, self.most),
                ", ".join(missing[:_SHOWN]),
                "Look why the list of devices doesn't have them; devices that were retired on purpose can be ended in smaller parts",
            )
        if missing:
            self.answers.update(self.ask(missing))
        return {each: self.answers.get(each) for each in wanted}

    def has_room_for(self, devices: Mapping[str, str | None]) -> bool:
        """Whether that many more can be asked for. devices: ids -> serial numbers."""
        return len(self.answers) + sum(len(_names(*each)) for each in devices.items()) <= self.most

    def gone(self, devices: Mapping[str, str | None], why: str) -> frozenset[str]:
        """Of some devices those of which for certain neither the id nor the serial number is managed any more.

        Args:
            devices: ids -> serial numbers.
            why: as of :meth:`managed`.

        Raises:
            FleetDoubted: where more than the bound would have to be asked for.
        """
        managed = self.managed([name for each in devices.items() for name in _names(*each)], why)
        return frozenset(device for device, serial in devices.items() if all(managed[name] is False for name in _names(device, serial)))

    def found_gone(self, device: str, serial: str | None) -> bool:
        """Whether a device was asked for already and is gone for certain, by its serial number too where that was asked for."""
        return self.answers.get(device) is False and all(self.answers.get(name, False) is False for name in _names(device, serial))


def _names(device: str, serial: str | None) -> list[str]:
    """By what one device can be asked for."""
    return [device, "serial:%s" % serial] if serial else [device]


class FleetMemory:
    """Fills in what was known of a device and no source says any more.

    Args:
        previous: what the last run knew.
        attributes: what decisions and capabilities rest on.
        policies: the run's, for the exemptions by user.
        groups: names of groups that the policies ask for.
    """

    def __init__(self, previous: PreviousRecord, attributes: Iterable[str], policies: Sequence[Policy], groups: frozenset[str]) -> None:
        self.previous = previous
        self.attributes = tuple(sorted(set(attributes) - OWN_ATTRIBUTES))
        self.groups = groups
        self._users = {
            _exemption(policy.id, exemption.id): tuple(map(comparable, exemption.users))
            for policy in policies
            for exemption in policy.exemptions
            if exemption.users
        }  # fmt: skip
        #: How many devices are decided by which remembered attribute.
        self.filled: dict[str, int] = {}

    def forget_all_but(self, devices: Collection[str]) -> None:
        """Forget what was known of single devices but some: a large fleet needs the room."""
        in_scope = {device: self.previous.in_scope[device] for device in devices if device in self.previous.in_scope}
        self.previous = replace(self.previous, in_scope=in_scope)

    def identify(self, record: Mapping[str, Any]) -> Mapping[str, Any]:
        """A device with the serial number that was known of it, by which asset facts and exemptions name it."""
        known = self.previous.in_scope.get(str(record["id"]))
        if known is None or not known.serial or record.get("serial"):
            return record
        self.filled["serial"] = self.filled.get("serial", 0) + 1
        return {**record, "serial": known.serial}

    def knows_nothing_more(self, record: Mapping[str, Any], known: Remembered) -> bool:
        """Whether what was known adds nothing to what devices of one kind tell now, so that :meth:`fill` would change nothing."""
        facts: Mapping[str, Any] = known.facts.get("facts") or {}
        forgotten = any(self._forgotten(record, attribute, facts.get(attribute)) is not None for attribute in self.attributes)
        return not forgotten and not known.facts.get("exemptions")

    def fill(
        self, record: Mapping[str, Any], enrolled_at: str = "", until_enrolled: frozenset[str] = frozenset()
    ) -> tuple[Mapping[str, Any], Mapping[str, str], Mapping[str, Any]]:
        """A device with what was known of it.

        Args:
            record: the device with everything that any source says of it now, asset facts too.
            enrolled_at: when it enrolled; empty where nobody knows.
            until_enrolled: attributes that may be others since it enrolled again: what was known of them before is not known any more.

        Returns:
            The record with what was remembered; attribute -> instant at which it was last known, for what was filled in; and the record
            that decisions go by, which differs where an exemption rested on a user of whom nobody speaks any more.
        """
        known = self.previous.in_scope.get(str(record["id"]))
        if known is None:
            return record, {}, record
        facts: Mapping[str, Any] = known.facts.get("facts") or {}
        as_of: Mapping[str, str] = known.facts.get("as_of") or {}
        filled: dict[str, Any] = {}
        since: dict[str, str] = {}
        for attribute in self.attributes:
            value = self._forgotten(record, attribute, facts.get(attribute))
            known_at = as_of.get(attribute) or self.previous.now
            if value is not None and not (attribute in until_enrolled and known_at < enrolled_at):
                filled[attribute] = value
                since[attribute] = known_at
        for attribute in since:
            self.filled[attribute] = self.filled.get(attribute, 0) + 1
        whole = {**record, **filled} if filled else record
        decided_by = whole
        if not record.get("user"):
            held = [self._users[each] for each in known.facts.get("exemptions") or () if each in self._users]
            if held:
                self.filled["user"] = self.filled.get("user", 0) + 1
                # The user whom all of them name: it is one person who had the device.
                user = next((each for each in held[0] if all(each in users for users in held)), held[0][0])
                decided_by = {**whole, "user": user}
        return whole, since, decided_by

    def _forgotten(self, record: Mapping[str, Any], attribute: str, remembered: Any) -> Any:
        """What was remembered of an attribute that is not known any more; None where it is known, or never was."""
        if remembered is None:
            return None
        if attribute != "groups":
            return remembered if known_value(record, attribute) is None else None
        groups = record.get("groups")
        if groups is None:
            return list(remembered)
        if None in groups:
            # Of some groups nobody can say who belongs to them.
            return sorted({*(each for each in groups if each is not None), *remembered}) + [None]
        return None

    def facts_of(self, member: FleetDevice, since: Mapping[str, str]) -> dict[str, Any]:
        """The class of a device in scope, for the record."""
        record = member.device.record
        facts: dict[str, Any] = {}
        for attribute in self.attributes:
            value = record.get(attribute)
            if attribute == "groups":
                value = sorted(each for each in value or () if each in self.groups) or None
            if value is not None:
                facts[attribute] = value
        exemptions = sorted(
            {
                _exemption(verdict.policy, verdict.exemption.id)
                for app in member.decision.apps.values()
                for verdict in app.policies
                if verdict.exemption is not None and verdict.exemption_state == "active"
            }
        )
        found: dict[str, Any] = {"facts": facts}
        if since:
            found["as_of"] = dict(sorted(since.items()))
        if exemptions:
            found["exemptions"] = exemptions
        return found

    def notes(self) -> Iterable[str]:
        """What a person should know of it."""
        for attribute, count in sorted(self.filled.items()):
            yield "%s of %d device%s unknown now and counts as it was known at %s" % (
                attribute,
                count,
                " is" if count == 1 else "s is",
                self.previous.now,
            )


def _exemption(policy: str, exemption: str) -> str:
    """An exemption's id is its policy's own; several policies may have it."""
    return "%s/%s" % (policy, exemption)
