# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The devices of a tenant, each with what the policies decide about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping

from ...policy.model import Decision


@dataclass(frozen=True, slots=True)
class ManagedDevice:
    """One device as its management knows it, in the collection's words.

    Args:
        record: the device attributes that policies speak of, asset facts joined; plain values.
        native_ownership: ownership as the target itself knows it, which is what a native scope goes by.
        directory_id: its name in the directory, by which groups are told who belongs to them; empty where it has none.
        user_id: the user in the directory who is tied to it; empty for none.
        access_withdrawn: its management calls it non-compliant, so that it loses what is tied to compliance.
        synced_at: its last contact, an instant in UTC (``2023-03-15T08:00:00Z``); empty where it has had none.
        enrolled_at: when it last enrolled: what it told then, it told before any control could reach it; empty where nobody says.
        inventory_at: instant of its list of apps, or the earliest that it can be; empty takes the last contact.
        inventory_by: the latest instant that its list of apps can be of; empty takes ``inventory_at``.
    """

    record: Mapping[str, Any]
    native_ownership: str | None = None
    directory_id: str = ""
    user_id: str = ""
    access_withdrawn: bool = False
    synced_at: str = ""
    enrolled_at: str = ""
    inventory_at: str = ""
    inventory_by: str = ""

    @property
    def id(self) -> str:
        """Its id at the target."""
        return str(self.record["id"])

    @property
    def looked_at(self) -> str:
        """Instant of the look that what is said of its apps rests on, for readers and for its age."""
        return self.inventory_at or self.synced_at

    @property
    def looked_by(self) -> str:
        """The latest instant of that look, for what it must be newer than."""
        return self.inventory_by or self.looked_at

    @property
    def platform(self) -> str:
        """Its platform, empty where that is unknown."""
        return str(self.record.get("platform") or "")


@dataclass(frozen=True, slots=True)
class FleetDevice:
    """A device and the decision about it."""

    device: ManagedDevice
    decision: Decision
