# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The mechanisms of Intune: what each goes by, whom it can reach, what it puts into a tenant, and which actions it carries out. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ...mdm.planning.native_scope import OWNERSHIPS
from ...mdm.planning.requirements import Mechanisms
from . import bodies
from . import capabilities as names
from .objects import COMPLIANCE_POLICY, CONFIGURATION_POLICY, DEVICE_CONFIGURATION

MANAGED_PLATFORMS = ("ios", "ipados", "android", "windows", "macos")
_APPLE, _ANDROID, _WINDOWS, _MACOS = ("ios", "ipados"), ("android",), ("windows",), ("macos",)
_CORPORATE = frozenset[str | None](("corporate",))
_NOT_CORPORATE = frozenset(("personal", None))


@dataclass(frozen=True)
class Mechanism:
    """One way to carry an action out.

    Args:
        name: as the capabilities have it.
        words: what its controls are called in the tenant.
        goes_by: kind of the identifiers that it goes by.
        platforms: of the devices that it can reach; they are a part of an object's type.
        resource: collection of its objects; empty for assignments of apps.
        body: the settings of an object; of the control's name and of titles by identifier.
        app_types: kinds of apps in the tenant's list that it can use. It has an assignment for each app, and all others hold every app of
            a scope in one object, because the platform takes only one list.
        native: ownerships whose devices a native scope may reach.
        reports_only: a list that only reports: it goes to users, because Intune ignores it on groups of devices (device restrictions,
            prohibited apps), and it may name what is too doubtful to act on.
    """

    name: str
    words: str
    goes_by: str
    platforms: tuple[str, ...]
    resource: str = ""
    body: Callable[[str, Mapping[str, str]], bodies.Body] | None = None
    app_types: frozenset[str] = frozenset()
    native: frozenset[str | None] = frozenset(OWNERSHIPS)
    reports_only: bool = False


#: By name, in the order in which controls are made. A corporate device's inventory needs no list that reports, and what is believed to
#: work on corporate Windows only is not tried on private machines.
MECHANISMS: dict[str, Mechanism] = {
    each.name: each
    for each in (
        Mechanism(
            names.IOS_BLOCK, "iOS blocked apps", "ios_bundle_id", _APPLE, CONFIGURATION_POLICY,
            lambda _name, apps: bodies.ios_blocked_apps([*apps]),
        ),
        Mechanism(
            names.IOS_UNINSTALL, "iOS uninstall", "ios_bundle_id", _APPLE,
            app_types=frozenset(("iosStoreApp", "iosVppApp", "managedIOSStoreApp")),
        ),
        Mechanism(
            names.IOS_LIST, "iOS prohibited apps report", "ios_bundle_id", _APPLE, DEVICE_CONFIGURATION,
            lambda _name, apps: bodies.prohibited_apps("ios", apps), native=_NOT_CORPORATE, reports_only=True,
        ),
        Mechanism(
            names.IOS_COMPLIANCE, "iOS compliance", "ios_bundle_id", _APPLE, COMPLIANCE_POLICY,
            lambda _name, apps: bodies.ios_restricted_apps(apps),
        ),
        Mechanism(
            names.IOS_WEB, "iOS web filter", "domain", _APPLE, DEVICE_CONFIGURATION,
            lambda name, sites: bodies.ios_web_filter(name, sorted(sites)),
        ),
        # Whether a filter for androidForWork lets personal work profiles through is not documented, so those are told by name.
        Mechanism(
            names.ANDROID_UNINSTALL, "Android uninstall", "android_package", _ANDROID, native=_CORPORATE,
            app_types=frozenset(("androidManagedStoreApp",)),
        ),
        Mechanism(
            names.ANDROID_PERSONAL, "Android personal block list", "android_package", _ANDROID, DEVICE_CONFIGURATION,
            lambda _name, apps: bodies.android_personal_block_list(apps), native=_CORPORATE,
        ),
        Mechanism(
            names.WINDOWS_UNINSTALL, "Windows uninstall", "store_id", _WINDOWS, native=_CORPORATE, app_types=frozenset(("winGetApp",)),
        ),
        Mechanism(
            names.WINDOWS_APPLOCKER, "Windows AppLocker", "appx_family_name", _WINDOWS, DEVICE_CONFIGURATION,
            lambda name, apps: bodies.windows_applocker(name, [bodies.package_name(each) for each in apps]), native=_CORPORATE,
        ),
        Mechanism(
            names.WINDOWS_WEB, "Windows URL blocklist", "domain", _WINDOWS, CONFIGURATION_POLICY,
            lambda _name, sites: bodies.windows_url_blocklist([*sites]), native=_CORPORATE,
        ),
        Mechanism(
            names.MACOS_LIST, "macOS prohibited apps report", "macos_bundle_id", _MACOS, DEVICE_CONFIGURATION,
            lambda _name, apps: bodies.prohibited_apps("macos", apps), native=_NOT_CORPORATE, reports_only=True,
        ),
        Mechanism(
            names.MACOS_WEB, "macOS URL blocklist", "domain", _MACOS, DEVICE_CONFIGURATION,
            lambda name, sites: bodies.macos_url_blocklist(name, sorted(sites)), native=_CORPORATE,
        ),
    )
}  # fmt: skip
_SITES = frozenset(each.name for each in MECHANISMS.values() if each.goes_by == "domain")

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


def mechanisms(web: str) -> Mechanisms:
    """What Intune is asked for. web: ``browser`` where sites are blocked by profiles for browsers; anything else leaves them out."""
    by_platform = {
        platform: {
            action: tuple(name for name in names_of if web == "browser" or name not in _SITES) for action, names_of in by_action.items()
        }
        for platform, by_action in _BY_ACTION.items()
    }
    per_app = frozenset(each.name for each in MECHANISMS.values() if each.app_types)
    return Mechanisms(by_platform, per_app, _SITES, frozenset((names.IOS_COMPLIANCE,)))
