# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the policies want of a device, in Intune's mechanisms. Pure."""

from __future__ import annotations

from typing import Any, Callable, Mapping, Sequence

from ...mdm.notices import withdrawal_from
from ...mdm.wants import BannedApp, Want
from ...policy.model import AppDecision, Decision, Policy
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
#: One assignment per app. All others hold every app of a population in one object, because the platform takes only one list.
PER_APP = frozenset((names.IOS_UNINSTALL, names.ANDROID_UNINSTALL, names.WINDOWS_UNINSTALL))

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


def wants_of_policies(policies: Sequence[Policy], web: str) -> Callable[[Mapping[str, Any], Decision], frozenset[Want]]:
    """The function that says what a device's decision wants of Intune.

    Args:
        policies: the policies of the run.
        web: ``browser`` where sites are blocked by profiles for browsers; anything else leaves them to another place.
    """
    by_id = {policy.id: policy for policy in policies}

    def wants_of(record: Mapping[str, Any], decision: Decision) -> frozenset[Want]:
        mechanisms = _BY_ACTION.get(str(record.get("platform")), {})
        asked: dict[tuple[str, str], set[BannedApp]] = {}
        opened: set[str] = set()
        for app in decision.apps.values():
            if app.verdict != "enforce":
                continue
            for action, deadline, asking in _asked(app, by_id):
                for mechanism in mechanisms.get(action, ()):
                    if mechanism in _WEB and web != "browser":
                        continue
                    key = (mechanism, deadline if mechanism == names.IOS_COMPLIANCE else "")
                    asked.setdefault(key, set()).add(BannedApp(app.app, asking))
                    # All apps share the one list of sites that a browser takes, so they share what is left open in it.
                    opened.update(app.domains if mechanism in _WEB else ())
        wants: list[Want] = []
        for (mechanism, deadline), apps in asked.items():
            domains = tuple(sorted(opened)) if mechanism in _WEB else ()
            merged = _merged(apps)
            groups = [frozenset((each,)) for each in merged] if mechanism in PER_APP else [frozenset(merged)]
            wants.extend(Want(mechanism, group, deadline, domains) for group in groups)
        return frozenset(wants)

    return wants_of


def _asked(app: AppDecision, by_id: Mapping[str, Policy]) -> list[tuple[str, str, tuple[str, ...]]]:
    """What is demanded of a device about an app: action, the instant of its effect (empty for now), the policies that ask."""
    found = [
        (action, "", tuple(sorted(verdict.policy for verdict in app.policies if action in verdict.actions)))
        for action in app.actions
        if action != "withdraw_access"
    ]
    # The withdrawal is set up ahead, so that it comes true at its instant whether or not a run happens then.
    starts = {verdict.policy: withdrawal_from(verdict, by_id[verdict.policy]) for verdict in app.policies}
    armed = {policy: instant.utc for policy, instant in starts.items() if instant is not None}
    if armed:
        found.append(("withdraw_access", min(armed.values()), tuple(sorted(armed))))
    return found


def _merged(apps: set[BannedApp]) -> list[BannedApp]:
    """One entry per app: two actions of different policies may ask for the same mechanism."""
    policies: dict[str, set[str]] = {}
    for app in apps:
        policies.setdefault(app.id, set()).update(app.policies)
    return [BannedApp(name, tuple(sorted(asking))) for name, asking in policies.items()]
