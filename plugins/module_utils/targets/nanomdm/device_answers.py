# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What devices answered, put together from single answers in any order, and only as far as it is of interest.

Facts about answers are from Apple's published schema of device management, ``mdm/commands`` and ``mdm/checkin``. An answer doesn't say
what was asked. A list of apps may have been asked for some apps only, by somebody else; so an app's absence from a list counts only where
the CommandUUID says that the list was asked for this app by us.
"""

from __future__ import annotations

import plistlib
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any
from xml.parsers.expat import ExpatError

from ...mdm.http.json_text import loads
from ...mdm.http.server_values import text_in
from .api.server_instants import utc_nanoseconds
from .command_uuids import mark_of
from .objects import NOT_NOW, CommandResult, DeviceReport, FoundApp, Interests

AUTHENTICATE = "Authenticate"
REACHABLE = "TokenUpdate"
CHECK_OUT = "CheckOut"

INSTALLED = "InstalledApplicationList"
PROFILES = "ProfileList"
INFORMATION = "QueryResponses"
_LONGEST_ERROR = 300


class DeviceAnswers:
    """Collects what devices told; grows with the devices and with what is of interest, not with the number of answers.

    Args:
        interests: what is kept; all else is forgotten at once.
    """

    def __init__(self, interests: Interests) -> None:
        self.interests = interests
        self._devices: dict[str, DeviceReport] = {}
        self._answers = 0
        # Bytes of a key or an id are the same in both formats of property lists, and looking for them is much quicker than reading one.
        self._spellings = _spellings(interests.bundle_ids)
        telling = [INFORMATION, *([PROFILES] if interests.profile_prefix else []), *sorted(self._spellings)]
        self._telling = tuple(text.lower().encode("utf-8") for text in telling)

    def wants(self, enrollment_id: str) -> bool:
        """Whether anybody is interested in this enrolment."""
        return self.interests.enrollments is None or enrollment_id in self.interests.enrollments

    def check_in(self, enrollment_id: str, message: str, at: str, serial: str = "") -> None:
        """A device enrolled, can be woken up, or left.

        Args:
            message: ``AUTHENTICATE``, ``REACHABLE``, ``CHECK_OUT``; others only tell that the device was there.
            serial: the serial number that it told when it enrolled.
        """
        device = self._device(enrollment_id)
        if device is None:
            return
        if message == AUTHENTICATE and at >= device.enrolled_at:
            self._devices[enrollment_id] = device = _since(device, at)
            device.serial = serial or device.serial
        elif message == REACHABLE:
            device.token_updated_at = max(device.token_updated_at, at)
            if at >= device.checked_out_at:
                device.checked_out_at = ""
        elif message == CHECK_OUT and at >= max(device.enrolled_at, device.token_updated_at):
            device.checked_out_at = max(device.checked_out_at, at)
        device.seen_at = max(device.seen_at, at)

    def connect(self, enrollment_id: str, at: str) -> None:
        """A device came for its commands."""
        device = self._device(enrollment_id)
        if device is not None:
            device.connected_at = max(device.connected_at, at)

    def declarative(self, enrollment_id: str, payload: bytes, at: str) -> None:
        """A device asked for declarations, or reported what it has.

        Args:
            payload: the whole message, a property list.

        Raises:
            ValueError: if it can't be read; the message quotes nothing of it.
        """
        device = self._device(enrollment_id)
        if device is None:
            return
        device.seen_at = max(device.seen_at, at)
        prefix = self.interests.profile_prefix
        if not prefix or at < max(device.enrolled_at, device.declared_at) or b"status" not in payload:
            return
        document = _read_plist(payload)
        told = _identifiers_of_declarations(document.get("Data")) if document.get("Endpoint") == "status" else None
        if told is not None:
            device.declared, device.declared_at = frozenset(each for each in told if each.startswith(prefix)), at

    def answer(self, enrollment_id: str, uuid: str, status: str, payload: bytes, at: str, moment: str = "") -> None:
        """A device answered a command.

        Args:
            uuid: the CommandUUID.
            status: "Acknowledged", "Error", "NotNow", "CommandFormatError".
            payload: the whole answer, a property list.
            moment: ``at`` with decimals. Where these are the same, or nobody knows them, what comes later is the later answer.

        Raises:
            ValueError: if it can't be read; the message quotes nothing of it.
        """
        device = self._device(enrollment_id)
        if device is None:
            return
        device.seen_at = max(device.seen_at, at)
        mark = mark_of(uuid)
        ours = mark in self.interests.marks or mark in self.interests.questions
        if at < device.enrolled_at:
            return
        if status == NOT_NOW and not ours:
            device.put_off_at = max(device.put_off_at, at)
        telling = status == "Acknowledged" and (mark in self.interests.questions or self._tells(payload))
        document = _read_plist(payload) if telling or (ours and status in {"Error", "CommandFormatError"}) else {}
        self._answers += 1
        order = (moment or utc_nanoseconds(at), self._answers)
        if ours:
            result = CommandResult(uuid, status, at, _error_chain(document), order)
            if mark not in device.results or order >= device.results[mark].order:
                device.results[mark] = result
            if uuid in self.interests.orders and (uuid not in device.orders or order >= device.orders[uuid].order):
                device.orders[uuid] = result
        if telling:
            self._learn(device, document, self.interests.questions.get(mark, frozenset()) & self.interests.bundle_ids, at, order)

    def reports(self) -> dict[str, DeviceReport]:
        """Enrolment id -> what it has told."""
        return dict(self._devices)

    def _device(self, enrollment_id: str) -> DeviceReport | None:
        return self._devices.setdefault(enrollment_id, DeviceReport()) if enrollment_id and self.wants(enrollment_id) else None

    def _tells(self, payload: bytes) -> bool:
        lower = payload.lower()
        return any(text in lower for text in self._telling)

    def _learn(self, device: DeviceReport, document: Mapping[str, Any], asked_for: frozenset[str], at: str, order: tuple[str, int]) -> None:
        rows = document.get(INSTALLED)
        if isinstance(rows, list):
            present: dict[str, FoundApp] = {}
            is_readable = True
            for row in rows:
                told = _plain_name(text_in(row, "Identifier")) if isinstance(row, dict) else ""
                is_readable = is_readable and bool(told)
                present.update((name, _installed_app(name, row, at)) for name in self._spellings.get(told, ()))
            _learn_apps(device, present, asked_for, at, is_readable)
        rows = document.get(PROFILES)
        prefix = self.interests.profile_prefix
        if isinstance(rows, list) and prefix and order >= device.profiles_order:
            named = [(text_in(row, "PayloadIdentifier"), text_in(row, "PayloadUUID")) for row in rows if isinstance(row, dict)]
            device.profiles = {name: uuid for name, uuid in named if name.startswith(prefix)}
            device.profiles_at, device.profiles_order = at, order
        information = document.get(INFORMATION)
        if isinstance(information, dict) and at >= device.information_at:
            supervised, version = information.get("IsSupervised"), text_in(information, "OSVersion")
            device.supervised = supervised if isinstance(supervised, bool) else device.supervised
            device.os_version = version or device.os_version
            if isinstance(supervised, bool) or version:
                device.information_at = at


def _learn_apps(device: DeviceReport, present: Mapping[str, FoundApp], asked_for: frozenset[str], at: str, is_readable: bool) -> None:
    """Take in a list of apps. is_readable: whether each of its rows tells an id."""
    for each in present.keys() | asked_for:
        if at >= device.word.get(each, ""):
            device.word[each] = at
            device.apps.pop(each, None)
            device.unreadable.discard(each)
            if each in present:
                device.apps[each] = present[each]
            elif not is_readable:
                device.unreadable.add(each)
        if each in asked_for:
            device.asked[each] = max(at, device.asked.get(each, ""))


def _since(device: DeviceReport, at: str) -> DeviceReport:
    """A device that enrols at an instant: what was put on it before went away with its old enrolment.

    NanoMDM posts events side by side, so what follows on the enrolment may have been written down before it.
    """
    word = {each: told for each, told in device.word.items() if told > at}
    fresh = replace(
        device,
        enrolled_at=at,
        token_updated_at=device.token_updated_at if device.token_updated_at > at else "",
        checked_out_at=device.checked_out_at if device.checked_out_at > at else "",
        results={mark: result for mark, result in device.results.items() if result.at > at},
        orders={uuid: result for uuid, result in device.orders.items() if result.at > at},
        word=word,
        apps={each: app for each, app in device.apps.items() if each in word},
        asked={each: told for each, told in device.asked.items() if told > at},
        unreadable=device.unreadable & word.keys(),
        put_off_at=device.put_off_at if device.put_off_at > at else "",
    )
    if device.profiles_at <= at:
        fresh.profiles, fresh.profiles_at, fresh.profiles_order = {}, "", ("", 0)
    if device.declared_at <= at:
        fresh.declared, fresh.declared_at = frozenset(), ""
    if device.information_at <= at:
        fresh.supervised, fresh.os_version, fresh.information_at = None, "", ""
    return fresh


# Bundle ids as devices tell them: the same id may come in other letter case, in a compatibility form, or with marks that nobody sees.


def _plain_name(text: str) -> str:
    """A name by which equal names are equal: NFKC, case-folded, without format characters (category Cf) and the space around it."""
    if text.isascii():
        return text.strip().casefold()
    visible = "".join(each for each in unicodedata.normalize("NFKC", text) if unicodedata.category(each) != "Cf")
    return unicodedata.normalize("NFKC", visible.casefold()).strip()


def _spellings(names: Iterable[str]) -> Mapping[str, frozenset[str]]:
    """Plain name -> the names as they were given."""
    found: dict[str, set[str]] = {}
    for name in names:
        found.setdefault(_plain_name(name), set()).add(name)
    return {plain: frozenset(given) for plain, given in found.items()}


# What answers hold.


def authenticate_attributes(payload: bytes) -> dict[str, str]:
    """What a device said of itself when it enrolled: ``serial``, ``name``, ``model``, ``os_version``, as far as it did.

    Raises:
        ValueError: if it can't be read.
    """
    document = _read_plist(payload)
    keys = {"serial": "SerialNumber", "name": "DeviceName", "os_version": "OSVersion"}
    found = {name: text_in(document, key) for name, key in keys.items()}
    found["model"] = text_in(document, "ProductName") or text_in(document, "Model")
    return {name: value for name, value in found.items() if value}


def _identifiers_of_declarations(data: Any) -> list[str] | None:
    """The declarations in a status report (Apple's schema, "management.declarations"); None where it doesn't speak of them.

    A device reports only what has changed, and this item as a whole.
    """
    try:
        document = loads(data) if isinstance(data, (bytes, str)) else None
        kinds = document["StatusItems"]["management"]["declarations"] if isinstance(document, dict) else None
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    if not isinstance(kinds, dict):
        return None
    rows = [row for each in kinds.values() if isinstance(each, list) for row in each if isinstance(row, dict)]
    return [text_in(row, "identifier") for row in rows]


def _read_plist(payload: bytes) -> dict[str, Any]:
    try:
        document = plistlib.loads(payload)
    except (ValueError, ExpatError, OverflowError, RecursionError, LookupError, TypeError, AttributeError) as error:
        raise ValueError("a property list that can't be read") from error
    if not isinstance(document, dict):
        raise ValueError("a property list that is no dictionary")
    return document


def _installed_app(name: str, row: Mapping[str, Any], at: str) -> FoundApp:
    return FoundApp(name, text_in(row, "Name"), text_in(row, "ShortVersion") or text_in(row, "Version"), at)


def _error_chain(document: Mapping[str, Any]) -> tuple[str, ...]:
    rows = document.get("ErrorChain")
    errors = []
    for row in rows if isinstance(rows, list) else ():
        if isinstance(row, dict):
            text = text_in(row, "USEnglishDescription") or text_in(row, "LocalizedDescription")
            errors.append(" ".join(("%s %s: %s" % (text_in(row, "ErrorDomain"), row.get("ErrorCode", ""), text)).split())[:_LONGEST_ERROR])
    return tuple(errors)
