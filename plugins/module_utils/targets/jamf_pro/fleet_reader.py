# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads the devices of a server and, in the same walk, which of the banned apps each has. Nothing else of a list of apps is kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta

from ...mdm.http.server_values import later
from ...mdm.planning.fleet import ManagedDevice
from ...mdm.planning.group_names import wanted_groups
from ...mdm.run.found_apps import INCOMPLETE, UNREADABLE, FoundApps
from ...policy.model import Policy
from . import inventory
from .api.jamf import Jamf
from .app_names import AppNames
from .devices import device_of
from .memberships import Memberships, read_memberships
from .objects import COMPUTER, MOBILE, FoundApp, InventoryRow

_A_DAY = timedelta(days=1)


class FleetReader:
    """Reads one fleet, once.

    Args:
        policies: which apps are looked for.
        with_apps: whether lists of apps are asked for at all.
    """

    def __init__(self, jamf: Jamf, policies: Sequence[Policy], with_apps: bool = True) -> None:
        self.jamf = jamf
        self.policies = policies
        self.with_apps = with_apps
        self.names = AppNames(policies)
        self.memberships = Memberships()
        #: Ids of the devices whose list of apps does not say what their users installed.
        self.blind: frozenset[str] = frozenset()
        self.unreadable = 0
        self.found = FoundApps()
        self._listing: list[ManagedDevice] = []
        self._shows_user_apps = False

    def devices(self) -> Iterator[ManagedDevice]:
        """Every device. What they have is known once all of them were read.

        Raises:
            RequestFailed, OutOfTime
        """
        self.memberships = read_memberships(self.jamf, wanted_groups(self.policies))
        shown: list[ManagedDevice] = []
        for family in (MOBILE, COMPUTER):
            for row in self._rows(family):
                device = device_of(row, self._groups_of(row), self.unreadable)
                self.unreadable += row.unreadable
                self._keep(device, row)
                doubt = _doubt_of(row) if self.with_apps else ""
                if doubt:
                    self.found.doubts[device.id] = doubt
                if is_private(device) is not None and not (self.with_apps and row.apps is None):
                    self._listing.append(device)
                    if self._shows_user_apps:
                        shown.append(device)
                yield device
        self.tell_what_is_shown(shown)

    def tell_what_is_shown(self, shown: Iterable[ManagedDevice]) -> None:
        """Say which devices showed an app that a user may have installed.

        Whether the server collects such apps is one setting, and private devices have rules of their own. Where for a day no inventory
        of a kind of devices has shown such an app, nothing speaks for the setting being on, and what is not in an inventory may be on
        the device nevertheless.
        """
        last: dict[bool | None, str] = {}
        for device in shown:
            last[is_private(device)] = max(last.get(is_private(device), ""), device.synced_at)
        ends = {private: later(at, _A_DAY) for private, at in last.items() if at}
        self.blind = frozenset(device.id for device in self._listing if device.synced_at > ends.get(is_private(device), ""))

    def knows(self, app: str, platform: str) -> bool:
        """Whether an app has a name that the inventory of a platform could show."""
        return self.names.knows(app, platform)

    def notes(self) -> Iterator[str]:
        """What a person should know of the inventory."""
        if self.unreadable:
            yield "the server can't read the record of %d device%s: nothing is known of %s" % (
                self.unreadable, "" if self.unreadable == 1 else "s", "it" if self.unreadable == 1 else "them",
            )  # fmt: skip
        yield from self.found.notes()
        mobile = len(self.blind)
        if mobile:
            yield (
                "nothing shows that the server collects the apps that users install on %d mobile device%s (Settings, Mobile device"
                " management, Inventory collection, unmanaged apps): there it proves nothing that an app was not found"
                % (mobile, "" if mobile == 1 else "s")
            )
        for name in self.memberships.unknown:
            yield "the server has no group named %s, which a rule asks for: nobody can say who belongs to it" % name

    def _rows(self, family: str) -> Iterator[InventoryRow]:
        wanted = (lambda app: self._is_wanted(family, app)) if self.with_apps else None
        self._shows_user_apps = False
        rows = (
            inventory.mobile_devices(self.jamf, wanted)
            if family == MOBILE
            else inventory.computers(self.jamf, wanted, with_groups=self.memberships.asked)
        )
        for row in rows:
            yield row
            # The next row is read only when this one has been dealt with.
            self._shows_user_apps = False

    def _is_wanted(self, family: str, app: FoundApp) -> bool:
        self._shows_user_apps = self._shows_user_apps or app.managed is False
        return bool(self.names.apps_of(family, app))

    def _groups_of(self, row: InventoryRow) -> list[str | None] | None:
        return self.memberships.groups_of(row.family, row.id, row.groups)

    def _keep(self, device: ManagedDevice, row: InventoryRow) -> None:
        for app in row.apps or ():
            for app_id, confidence in sorted(self.names.apps_of(row.family, app).items()):
                self.found.add(device.id, app_id, app.id or app.name, app.version, confidence)


def _doubt_of(row: InventoryRow) -> str:
    """Why an app that an inventory doesn't show may be there nevertheless; empty for no reason."""
    if row.unreadable or row.unread:
        return UNREADABLE
    # A Mac that has been in contact and has never sent an inventory has told nothing of its apps.
    return INCOMPLETE if row.apps is None or (row.family == COMPUTER and not row.last_inventory) else ""


def is_private(device: ManagedDevice) -> bool | None:
    """Whether a mobile device whose apps the server may collect is a private one; None for all others."""
    if not device.id.startswith("mobile:") or device.record.get("enrollment") != "device":
        return None
    return device.record.get("ownership") == "personal"
