# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Privileges of API roles and accounts that the adapter needs, by their names in the product (Jamf Pro, API roles and clients)."""

from __future__ import annotations

from ..objects import COMPUTER, MACOS, MOBILE

CREATE, READ, UPDATE, DELETE = "Create", "Read", "Update", "Delete"
MOBILE_DEVICES_READ = "Read Mobile Devices"
COMPUTERS_READ = "Read Computers"
#: What a message joins several with.
AND = " and "

RESTRICTED_SOFTWARE = "Restricted Software"
PROFILES = {MOBILE: "iOS Configuration Profiles", MACOS: "macOS Configuration Profiles"}
GROUPS = {MOBILE: "Mobile Device Groups", COMPUTER: "Computer Groups"}


def privilege(verb: str, objects: str) -> str:
    """The privilege for doing something to a kind of objects: "Update", "Restricted Software"."""
    return "%s %s" % (verb, objects)


def group_privilege(verb: str, family: str, smart: bool | None) -> str:
    """The privilege for groups; both of them where nobody knows yet which kind comes (the Classic API's lists mix them)."""
    kinds = ["Smart", "Static"] if smart is None else ["Smart" if smart else "Static"]
    return AND.join("%s %s %s" % (verb, kind, GROUPS[family]) for kind in kinds)
