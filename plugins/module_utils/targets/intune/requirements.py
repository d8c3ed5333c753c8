# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the policies require of a device, in Intune's mechanisms. Pure."""

from __future__ import annotations

from ...mdm.planning.requirements import Mechanisms
from . import capabilities as names

#: Which devices an object of each mechanism can reach: the platform is a part of the object's type.
PLATFORMS: dict[str, tuple[str, ...]] = {
    names.IOS_BLOCK: ("ios", "ipados"),
    names.IOS_UNINSTALL: ("ios", "ipados"),
    names.IOS_LIST: ("ios", "ipados"),
    names.IOS_COMPLIANCE: ("ios", "ipados"),
    names.IOS_WEB: ("ios", "ipados"),
    names.ANDROID_UNINSTALL: ("android",),
    names.ANDROID_PERSONAL: ("android",),
    names.WINDOWS_UNINSTALL: ("windows",),
    names.WINDOWS_APPLOCKER: ("windows",),
    names.WINDOWS_WEB: ("windows",),
    names.MACOS_LIST: ("macos",),
    names.MACOS_WEB: ("macos",),
}
MANAGED_PLATFORMS = ("ios", "ipados", "android", "windows", "macos")
#: One assignment per app. All others hold every app of a scope in one object, because the platform takes only one list.
PER_APP = frozenset((names.IOS_UNINSTALL, names.ANDROID_UNINSTALL, names.WINDOWS_UNINSTALL))
#: Kinds of apps in the tenant's list that a mechanism can use.
TYPES: dict[str, frozenset[str]] = {
    names.ANDROID_UNINSTALL: frozenset(("androidManagedStoreApp",)),
    names.WINDOWS_UNINSTALL: frozenset(("winGetApp",)),
    names.IOS_UNINSTALL: frozenset(("iosStoreApp", "iosVppApp", "managedIOSStoreApp")),
}

_BY_ACTION: dict[str, dict[str, tuple[str, ...]]] = {
    "ios": {
        "remove": (names.IOS_UNINSTALL, names.IOS_LIST),
        "block": (names.IOS_BLOCK, names.IOS_LIST),
        "block_web": (names.IOS_WEB,),
        "withdraw_access": (names.IOS_COMPLIANCE, names.IOS_LIST),
    },
    "android": {
        "remove": (names.ANDROID_UNINSTALL, names.ANDROID_PERSONAL),
        "block": (names.ANDROID_UNINSTALL, names.ANDROID_PERSONAL),
    },
    "windows": {
        "remove": (names.WINDOWS_UNINSTALL,),
        "block": (names.WINDOWS_APPLOCKER,),
        "block_web": (names.WINDOWS_WEB,),
    },
    "macos": {
        "remove": (names.MACOS_LIST,),
        "block": (names.MACOS_LIST,),
        "withdraw_access": (names.MACOS_LIST,),
        "block_web": (names.MACOS_WEB,),
    },
}
_BY_ACTION["ipados"] = _BY_ACTION["ios"]
_WEB = frozenset((names.IOS_WEB, names.WINDOWS_WEB, names.MACOS_WEB))


def mechanisms(web: str) -> Mechanisms:
    """What Intune is asked for. web: ``browser`` where sites are blocked by profiles for browsers; anything else leaves them out."""
    by_platform = {
        platform: {
            action: tuple(name for name in names_of if web == "browser" or name not in _WEB) for action, names_of in by_action.items()
        }
        for platform, by_action in _BY_ACTION.items()
    }
    return Mechanisms(by_platform, PER_APP, _WEB, frozenset((names.IOS_COMPLIANCE,)))
