# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the policies require of a device, in Jamf Pro's mechanisms. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...mdm.planning.requirements import Mechanisms, Requirement, RequirementsOf, requirements_of_policies
from ...policy.model import Decision, Policy
from . import capabilities as names

#: Which devices an object of each mechanism can reach.
PLATFORMS: dict[str, tuple[str, ...]] = {
    names.IOS_BLOCK: ("ios", "ipados", "tvos"),
    names.IOS_WEB: ("ios", "ipados"),
    names.MACOS_KILL: ("macos",),
    names.MACOS_DELETE: ("macos",),
    names.MACOS_WEB: ("macos",),
}
MOBILE_PLATFORMS = ("ios", "ipados", "tvos")
#: A record of restricted software has room for one process.
PER_APP = frozenset((names.MACOS_KILL, names.MACOS_DELETE))

_IOS: dict[str, tuple[str, ...]] = {"block": (names.IOS_BLOCK,), "block_web": (names.IOS_WEB,)}
_BY_PLATFORM: dict[str, dict[str, tuple[str, ...]]] = {
    "ios": _IOS,
    "ipados": _IOS,
    "tvos": {"block": (names.IOS_BLOCK,)},
    "macos": {"remove": (names.MACOS_DELETE,), "block": (names.MACOS_KILL,), "block_web": (names.MACOS_WEB,)},
}
_WEB = frozenset((names.IOS_WEB, names.MACOS_WEB))


def mechanisms(web: bool) -> Mechanisms:
    """What Jamf Pro is asked for. web: whether sites are blocked by profiles."""
    by_platform = {
        platform: {action: tuple(name for name in found if web or name not in _WEB) for action, found in by_action.items()}
        for platform, by_action in _BY_PLATFORM.items()
    }
    return Mechanisms(by_platform, PER_APP, _WEB)


def requirements_of(policies: Sequence[Policy], web: bool) -> RequirementsOf:
    """The function that says what a device's decision requires of the server, by the device's record.

    A record that deletes a program ends its process first, so that a Mac needs no second record that only ends it.
    """
    every = requirements_of_policies(policies, mechanisms(web))

    def needed(record: Mapping[str, Any], decision: Decision) -> frozenset[Requirement]:
        requirements = every(record, decision)
        deleted = [app for requirement in requirements if requirement.mechanism == names.MACOS_DELETE for app in requirement.apps]
        return frozenset(requirement for requirement in requirements if requirement.mechanism != names.MACOS_KILL or not all(
            any(app.id == other.id and set(app.policies) <= set(other.policies) for other in deleted) for app in requirement.apps
        ))  # fmt: skip

    return needed
