# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the policies require of a device, in Jamf Pro's mechanisms. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...mdm.planning.requirements import Requirement, RequirementsOf, requirements_of_policies
from ...policy.model import Decision, Policy
from . import capabilities as names

MOBILE_PLATFORMS = ("ios", "ipados", "tvos")


def requirements_of(policies: Sequence[Policy], web: bool) -> RequirementsOf:
    """The function that says what a device's decision requires of the server, by the device's record.

    A record that deletes a program ends its process first, so that a Mac needs no second record that only ends it.
    """
    every = requirements_of_policies(policies, names.MECHANISMS if web else names.MECHANISMS.without((names.IOS_WEB, names.MACOS_WEB)))

    def needed(record: Mapping[str, Any], decision: Decision) -> frozenset[Requirement]:
        requirements = every(record, decision)
        deleted = [app for requirement in requirements if requirement.mechanism == names.MACOS_DELETE for app in requirement.apps]
        return frozenset(requirement for requirement in requirements if requirement.mechanism != names.MACOS_KILL or not all(
            any(app.id == other.id and set(app.policies) <= set(other.policies) for other in deleted) for app in requirement.apps
        ))  # fmt: skip

    return needed
