# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the policies want of a device, in terms of one target's mechanisms. Pure data; targets say what they want of whom."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class BannedApp:
    """An app and the policies that ask for the same thing about it.

    Which of an app's names count can differ between policies, so an app asked for by other policies is another app here.
    """

    id: str
    policies: tuple[str, ...]


@dataclass(frozen=True)
class Want:
    """One mechanism that is wanted on a device. Devices with equal wants share one control.

    Args:
        mechanism: a name from the target's capability table.
        apps: the apps that it is wanted for.
        deadline: the instant in UTC from which it has an effect; empty for at once.
        open_domains: sites that an exemption leaves open on this device.
    """

    mechanism: str
    apps: frozenset[BannedApp]
    deadline: str = ""
    open_domains: tuple[str, ...] = ()

    @property
    def policies(self) -> tuple[str, ...]:
        """Ids of the policies that ask for it."""
        return tuple(sorted({policy for app in self.apps for policy in app.policies}))

    @property
    def app_ids(self) -> tuple[str, ...]:
        """Ids of the apps, each once."""
        return tuple(sorted({app.id for app in self.apps}))
