# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asks a server for single devices: by their id, or by their serial number in both inventories."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ...mdm.http.http_errors import RequestFailed
from ...mdm.http.server_values import is_whole_number, part, switch, text
from .api.jamf import Jamf, read_page
from .api.privileges import COMPUTERS_READ, MOBILE_DEVICES_READ
from .inventory import COMPUTERS, GENERAL, HARDWARE, MOBILE_DEVICES
from .objects import COMPUTER, MOBILE

_SERIAL = "serial"
#: By what a filter knows the serial number in each inventory.
_FILTERS = ((MOBILE_DEVICES, "serialNumber"), (COMPUTERS, "hardware.serialNumber"))
#: What ends the text in a filter, or changes what it means there.
_UNFIT = frozenset("\"'\\*")


class LookUps:
    """Asks one server."""

    def __init__(self, jamf: Jamf) -> None:
        self.jamf = jamf

    def managed(self, names: Iterable[str]) -> dict[str, bool | None]:
        """Whether devices are managed.

        Args:
            names: ids of devices ("mobile:7", "computer:7"), or "serial:" and a serial number.

        Returns:
            True for one that is managed, False for one that is not there (404, or in neither inventory) or has left, None where nobody
            can say: the server can't read the record, or answers something else than what it was asked for.

        Raises:
            RequestFailed, OutOfTime
        """
        return {name: self._managed(name) for name in dict.fromkeys(names)}

    def _managed(self, name: str) -> bool | None:
        kind, _sep, value = name.partition(":")
        if kind == _SERIAL:
            return self._by_serial(value)
        if kind not in (MOBILE, COMPUTER) or not is_whole_number(value):
            return None
        try:
            return self._mobile(int(value)) if kind == MOBILE else self._computer(int(value))
        except RequestFailed as error:
            if error.status < 500:
                raise
            # The record is there, and the server can't read it.
            return None

    def _mobile(self, number: int) -> bool | None:
        path = "/api/v2/mobile-devices/%d/detail" % number
        found = self.jamf.find(path, what="look up the mobile device %d" % number, privilege=MOBILE_DEVICES_READ)
        if found is None:
            return False
        return switch(found, "managed") if text(found, "id") == str(number) else None

    def _computer(self, number: int) -> bool | None:
        what = "look up the computer %d" % number
        for path in COMPUTERS.paths:
            found = self.jamf.find("%s/%d" % (path, number), {"section": [GENERAL]}, what=what, privilege=COMPUTERS_READ)
            if found is not None:
                return _is_managed_mac(found) if text(found, "id") == str(number) else None
        return False

    def _by_serial(self, serial: str) -> bool | None:
        wanted = serial.strip().casefold()
        if not wanted or not _UNFIT.isdisjoint(serial):
            return None
        answers = [self._in_inventory(inventory, field, serial.strip(), wanted) for inventory, field in _FILTERS]
        if True in answers:
            return True
        return None if None in answers else False

    def _in_inventory(self, inventory: Any, field: str, serial: str, wanted: str) -> bool | None:
        query = {
            "section": [GENERAL, HARDWARE],
            "page": 0,
            "page-size": 100,
            "sort": inventory.sort,
            "filter": '%s=="%s"' % (field, serial),
        }
        response = None
        for path in inventory.paths:
            what = "look a serial number up (%s)" % inventory.what
            response = self.jamf.fetch(path, query, what=what, privilege=inventory.privilege, accept={404})
            if response.status != 404:
                break
        if response is None or not response.ok():
            return None
        total, rows = read_page(response)
        # A server may pass over a filter that it doesn't know, or compare otherwise than it is meant.
        found = [row for row in rows if text(part(row, "hardware"), "serialNumber").strip().casefold() == wanted]
        states = [_is_managed(inventory is MOBILE_DEVICES, row) for row in found]
        if True in states:
            return True
        if None in states or len(found) < len(rows) or total > len(rows):
            return None
        return False


def _is_managed(mobile: bool, row: Mapping[str, Any]) -> bool | None:
    return switch(part(row, "general"), "managed") if mobile else _is_managed_mac(row)


def _is_managed_mac(row: Mapping[str, Any]) -> bool | None:
    return switch(part(part(row, "general"), "remoteManagement"), "managed")
