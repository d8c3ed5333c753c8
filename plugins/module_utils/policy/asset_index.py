# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asset facts found by serial number, however it is spelled. Pure."""

from __future__ import annotations

from typing import Any, Mapping

from .names_compared import comparable


class AssetIndex:
    """Asset facts of a document.

    facts: serial number as it is written -> attribute -> value. No two of the serial numbers differ in spelling only.
    """

    def __init__(self, facts: Mapping[str, Mapping[str, Any]]) -> None:
        self._facts = facts
        self._written = {comparable(serial): serial for serial in facts if comparable(serial)}

    def join(self, device: Mapping[str, Any]) -> dict[str, Any]:
        """A device with the asset facts of its serial number.

        Facts fill in what the target doesn't know; where both know an attribute, the target's own value stands.
        """
        joined = dict(device)
        serial = device.get("serial")
        written = self._written.get(comparable(serial)) if self._written else None
        for attribute, value in self._facts[written].items() if written is not None else ():
            if joined.get(attribute) is None:
                joined[attribute] = value
        return joined
