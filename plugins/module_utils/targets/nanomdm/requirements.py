# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the policies require of a device, in the form that the device takes. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ...mdm.apple.enforcement import DECLARATION, block_form, why_no_web_filter
from ...mdm.planning.mechanisms import Mechanism, Mechanisms
from ...mdm.planning.requirements import Requirement, RequirementsOf, requirements_of_policies
from ...policy.model import Decision, Policy
from .capabilities import (
    APP_SETTINGS,
    BINARIES,
    PROFILE_COMMAND,
    PROFILE_DECLARATION,
    REMOVE,
    WEB_COMMAND,
    WEB_DECLARATION,
    capability_of,
    takes_declarations,
)

_MOBILE = ("ios", "ipados")
#: An action stands for its mechanism until it is known which one the device takes.
_ACTIONS = Mechanisms(
    (
        Mechanism("remove", "", platforms=(*_MOBILE, "tvos", "macos"), actions=("remove",), per_app=True),
        Mechanism("block", "", platforms=(*_MOBILE, "tvos", "macos"), actions=("block",)),
        Mechanism("block_web", "", platforms=_MOBILE, actions=("block_web",)),
    )
)


@dataclass(frozen=True)
class Ways:
    """The ways to a device that a user has set up.

    Args:
        declarations: there is a KMFDDM server.
        hosted: profiles are hosted, so that they can be declared.
        sites: sites are blocked by profiles.
    """

    declarations: bool = True
    hosted: bool = False
    sites: bool = True


def requirements_of(policies: Sequence[Policy], ways: Ways) -> RequirementsOf:
    """The function that says what a device's decision requires of the servers; nothing that the device would refuse."""
    general = requirements_of_policies(policies, _ACTIONS)

    def wanted(record: Mapping[str, Any], decision: Decision) -> frozenset[Requirement]:
        found = ((requirement, mechanism_of(requirement.mechanism, record, ways)) for requirement in general(record, decision))
        return frozenset(replace(requirement, mechanism=mechanism) for requirement, mechanism in found if mechanism)

    return wanted


def mechanism_of(action: str, record: Mapping[str, Any], ways: Ways) -> str:
    """The mechanism that carries an action out on a device; empty where none does, and where the device's row promises none."""
    if not capability_of(record).support(action).mechanisms:
        return ""
    if action == "remove":
        return REMOVE
    declared = ways.declarations and ways.hosted and takes_declarations(record)
    if action == "block_web":
        if not ways.sites or why_no_web_filter(record):
            return ""
        return WEB_DECLARATION if declared else WEB_COMMAND
    form = block_form(record, declarations=ways.declarations, signature_known=True)
    if record.get("platform") == "macos":
        return BINARIES if form == DECLARATION else ""
    if form == DECLARATION:
        return APP_SETTINGS
    if not form:
        return ""
    return PROFILE_DECLARATION if declared else PROFILE_COMMAND
