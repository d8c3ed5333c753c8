# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the policies require of a device, in Intune's mechanisms. Pure."""

from __future__ import annotations

from ...mdm.planning.mechanisms import Mechanism, Mechanisms
from . import capabilities as names

_IOS = ("ios", "ipados")
_APPS, _SITES = ("remove", "block"), ("block_web",)
_CORPORATE: frozenset[str | None] = frozenset(("corporate",))
#: A corporate device's inventory needs no list.
_NOT_CORPORATE: frozenset[str | None] = frozenset(("personal", None))
_REPORTED = ("remove", "block", "withdraw_access")


def _row(name: str, words: str, platforms: tuple[str, ...], actions: tuple[str, ...], kind: str, **more: object) -> Mechanism:
    return Mechanism(name, names.NAMES[name], words, platforms, actions, kind, **more)  # type: ignore[arg-type] # flags of the row


#: What is believed to work on corporate Windows only is not tried on private machines. Lists that only report go to users, because Intune
#: ignores them on groups of devices (device restrictions, prohibited apps). Whether a filter for androidForWork lets personal work profiles
#: through is not documented, so those are told by name.
MECHANISMS = Mechanisms(
    (
        _row(names.IOS_BLOCK, "iOS blocked apps", _IOS, ("block",), "ios_bundle_id"),
        _row(names.IOS_UNINSTALL, "iOS uninstall", _IOS, ("remove",), "ios_bundle_id", per_app=True),
        _row(
            names.IOS_LIST, "iOS prohibited apps report", _IOS, _REPORTED, "ios_bundle_id",
            reports_only=True, by_user=True, native=_NOT_CORPORATE,
        ),
        _row(names.IOS_COMPLIANCE, "iOS compliance", _IOS, ("withdraw_access",), "ios_bundle_id", armed_ahead=True),
        _row(names.IOS_WEB, "iOS web filter", _IOS, _SITES, "domain"),
        _row(names.ANDROID_UNINSTALL, "Android uninstall", ("android",), _APPS, "android_package", per_app=True, native=_CORPORATE),
        _row(names.ANDROID_PERSONAL, "Android personal block list", ("android",), _APPS, "android_package", native=_CORPORATE),
        _row(names.WINDOWS_UNINSTALL, "Windows uninstall", ("windows",), ("remove",), "store_id", per_app=True, native=_CORPORATE),
        _row(names.WINDOWS_APPLOCKER, "Windows AppLocker", ("windows",), ("block",), "appx_family_name", native=_CORPORATE),
        _row(names.WINDOWS_WEB, "Windows URL blocklist", ("windows",), _SITES, "domain", native=_CORPORATE),
        _row(
            names.MACOS_LIST, "macOS prohibited apps report", ("macos",), _REPORTED, "macos_bundle_id",
            reports_only=True, by_user=True, native=_NOT_CORPORATE,
        ),
        _row(names.MACOS_WEB, "macOS URL blocklist", ("macos",), _SITES, "domain", native=_CORPORATE),
    )
)  # fmt: skip
PLATFORMS: dict[str, tuple[str, ...]] = {name: row.platforms for name, row in MECHANISMS.items()}
MANAGED_PLATFORMS = ("ios", "ipados", "android", "windows", "macos")
PER_APP = frozenset(name for name, row in MECHANISMS.items() if row.per_app)
#: Kinds of apps in the tenant's list that a mechanism can use.
TYPES: dict[str, frozenset[str]] = {
    names.ANDROID_UNINSTALL: frozenset(("androidManagedStoreApp",)),
    names.WINDOWS_UNINSTALL: frozenset(("winGetApp",)),
    names.IOS_UNINSTALL: frozenset(("iosStoreApp", "iosVppApp", "managedIOSStoreApp")),
}


def mechanisms(web: str) -> Mechanisms:
    """What Intune is asked for. web: ``browser`` where sites are blocked by profiles for browsers; anything else leaves them out."""
    return MECHANISMS if web == "browser" else MECHANISMS.without(name for name, row in MECHANISMS.items() if row.blocks_sites)
