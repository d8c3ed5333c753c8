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
from . import capabilities as names
from .capabilities import capability_of, takes_declarations

_BLOCK, _SITES = "block", "sites"
_ACTION = {names.REMOVE: "remove", _BLOCK: "block", names.BINARIES: "block", _SITES: "block_web"}
_MOBILE = ("ios", "ipados", "tvos")
_GENERAL = Mechanisms(
    (
        Mechanism(names.REMOVE, names.NAMES[names.REMOVE], platforms=(*_MOBILE, "macos"), actions=("remove",), per_app=True),
        Mechanism(_BLOCK, "", platforms=_MOBILE, actions=("block",)),
        Mechanism(_SITES, "", platforms=("ios", "ipados"), actions=("block_web",)),
        Mechanism(names.BINARIES, names.NAMES[names.BINARIES], platforms=("macos",), actions=("block",)),
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
    general = requirements_of_policies(policies, _GENERAL)

    def wanted(record: Mapping[str, Any], decision: Decision) -> frozenset[Requirement]:
        found = ((requirement, mechanism_of(requirement.mechanism, record, ways)) for requirement in general(record, decision))
        return frozenset(replace(requirement, mechanism=mechanism) for requirement, mechanism in found if mechanism)

    return wanted


def mechanism_of(wanted: str, record: Mapping[str, Any], ways: Ways) -> str:
    """The mechanism that carries a requirement out on a device; empty where none does, and where the device's row promises none."""
    if not capability_of(record).support(_ACTION[wanted]).mechanisms:
        return ""
    if wanted == names.REMOVE:
        return names.REMOVE
    declared = ways.declarations and ways.hosted and takes_declarations(record)
    if wanted == _SITES:
        if not ways.sites or why_no_web_filter(record):
            return ""
        return names.WEB_DECLARATION if declared else names.WEB_COMMAND
    form = block_form(record, declarations=ways.declarations, signature_known=True)
    if wanted == names.BINARIES:
        return names.BINARIES if form == DECLARATION else ""
    if form == DECLARATION:
        return names.APP_SETTINGS
    if not form:
        return ""
    return names.PROFILE_DECLARATION if declared else names.PROFILE_COMMAND
