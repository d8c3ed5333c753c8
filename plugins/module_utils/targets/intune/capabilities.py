# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Intune can do on each kind of device, as data.

Sources: Microsoft's documentation of discovered apps, device restrictions, app assignments, compliance settings and Android
Enterprise; what no documentation says is marked in the notes of ``docs/intune.md``.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any, Mapping

from ...mdm.planning.capability import NO_BACKEND, Capability, Support, without_support
from ...mdm.planning.fleet import alike_of
from ...mdm.planning.mechanisms import Mechanism, Mechanisms

IOS_BLOCK = "ios_blocked_apps"
IOS_UNINSTALL = "ios_uninstall"
IOS_LIST = "ios_prohibited_list"
IOS_COMPLIANCE = "ios_compliance"
IOS_WEB = "ios_web_filter"
ANDROID_UNINSTALL = "android_uninstall"
ANDROID_PERSONAL = "android_personal_block_list"
WINDOWS_UNINSTALL = "windows_uninstall"
WINDOWS_APPLOCKER = "windows_applocker"
WINDOWS_WEB = "windows_url_blocklist"
MACOS_LIST = "macos_prohibited_list"
MACOS_WEB = "macos_url_blocklist"
NOTICE = "notification"
DEFENDER = "defender_indicators"

MANAGED_PLATFORMS = ("ios", "ipados", "android", "windows", "macos")
_IOS = ("ios", "ipados")
_APPS, _SITES = ("remove", "block"), ("block_web",)
_CORPORATE: frozenset[str | None] = frozenset(("corporate",))
#: A corporate device's inventory needs no list.
_NOT_CORPORATE: frozenset[str | None] = frozenset(("personal", None))
_REPORTED = ("remove", "block", "withdraw_access")

#: What is believed to work on corporate Windows only is not tried on private machines. Lists that only report go to users, because Intune
#: ignores them on groups of devices (device restrictions, prohibited apps). Whether a filter for androidForWork lets personal work profiles
#: through is not documented, so those are told by name.
MECHANISMS = Mechanisms(
    (
        Mechanism(IOS_BLOCK, "list of blocked apps", "iOS blocked apps", _IOS, ("block",), "ios_bundle_id"),
        Mechanism(IOS_UNINSTALL, "uninstall assignment", "iOS uninstall", _IOS, ("remove",), "ios_bundle_id", per_app=True),
        Mechanism(
            IOS_LIST, "list of prohibited apps (reports only)", "iOS prohibited apps report", _IOS, _REPORTED, "ios_bundle_id",
            reports_only=True, by_user=True, native=_NOT_CORPORATE,
        ),
        Mechanism(IOS_COMPLIANCE, "compliance policy", "iOS compliance", _IOS, ("withdraw_access",), "ios_bundle_id", armed_ahead=True),
        Mechanism(IOS_WEB, "web content filter", "iOS web filter", _IOS, _SITES, "domain"),
        Mechanism(
            ANDROID_UNINSTALL, "uninstall assignment", "Android uninstall", ("android",), _APPS, "android_package",
            per_app=True, native=_CORPORATE,
        ),
        Mechanism(
            ANDROID_PERSONAL, "personal block list", "Android personal block list", ("android",), _APPS, "android_package",
            native=_CORPORATE,
        ),
        Mechanism(
            WINDOWS_UNINSTALL, "uninstall assignment", "Windows uninstall", ("windows",), ("remove",), "store_id",
            per_app=True, native=_CORPORATE,
        ),
        Mechanism(WINDOWS_APPLOCKER, "AppLocker", "Windows AppLocker", ("windows",), ("block",), "appx_family_name", native=_CORPORATE),
        Mechanism(WINDOWS_WEB, "Edge URL blocklist", "Windows URL blocklist", ("windows",), _SITES, "domain", native=_CORPORATE),
        Mechanism(
            MACOS_LIST, "list of prohibited apps (reports only)", "macOS prohibited apps report", ("macos",), _REPORTED, "macos_bundle_id",
            reports_only=True, by_user=True, native=_NOT_CORPORATE,
        ),
        Mechanism(MACOS_WEB, "Edge and Chrome URL blocklist", "macOS URL blocklist", ("macos",), _SITES, "domain", native=_CORPORATE),
        Mechanism(NOTICE, "Company Portal notification"),
        Mechanism(DEFENDER, "Defender indicators"),
    )
)  # fmt: skip
NAMES = MECHANISMS.titles()
#: Kinds of apps in the tenant's list that a mechanism can use; one that is not here has objects of its own.
TYPES: dict[str, frozenset[str]] = {
    ANDROID_UNINSTALL: frozenset(("androidManagedStoreApp",)),
    WINDOWS_UNINSTALL: frozenset(("winGetApp",)),
    IOS_UNINSTALL: frozenset(("iosStoreApp", "iosVppApp", "managedIOSStoreApp")),
}

_NOTICE = Support((NOTICE,))
_ACCESS = Support((IOS_COMPLIANCE,))
_IOS_REMOVE = Support((IOS_UNINSTALL,), note="only what Intune installed", certain=False)
_HIDDEN = Support((IOS_BLOCK,), note="hidden, can't be opened")
_IOS_SITES = Support((IOS_WEB,))
_UNSUPERVISED = Support(why_not="unsupervised")
_PERSONAL_PROFILE = Support(why_not="personal_profile")
_ONLY_LISTED = "only what a list of ours prohibits"

TABLE: tuple[Capability, ...] = (
    Capability(
        "ios_supervised", "iPhone, iPad, supervised", "all", "", "all apps",
        remove=_IOS_REMOVE, block=_HIDDEN, block_web=_IOS_SITES, withdraw_access=_ACCESS, advise=_NOTICE,
    ),
    Capability(
        "ios_corporate", "iPhone, iPad, corporate, unsupervised", "all", "", "all apps",
        remove=_IOS_REMOVE, block=_UNSUPERVISED, block_web=_UNSUPERVISED, withdraw_access=_ACCESS, advise=_NOTICE,
    ),
    Capability(
        "ios_personal", "iPhone, iPad, personal", "reported", "privacy_setting", _ONLY_LISTED,
        remove=_UNSUPERVISED, block=_UNSUPERVISED, block_web=_UNSUPERVISED, withdraw_access=_ACCESS, advise=_NOTICE,
    ),
    Capability(
        "ios_personal_supervised", "iPhone, iPad, supervised, not known to be corporate", "reported", "privacy_setting", _ONLY_LISTED,
        remove=_IOS_REMOVE, block=_HIDDEN, block_web=_IOS_SITES, withdraw_access=_ACCESS, advise=_NOTICE,
    ),
    without_support("ios_user_enrollment", "iPhone, iPad, user enrollment", "user_enrollment", advise=_NOTICE),
    Capability(
        "android_fully_managed", "Android, fully managed or dedicated", "none", "inventory_incomplete", "work apps, if any",
        remove=Support((ANDROID_UNINSTALL,)),
        block=Support((ANDROID_UNINSTALL,), note="can't be installed either"),
        advise=_NOTICE,
    ),
    Capability(
        "android_cope", "Android, corporate with a personal profile", "none", "personal_profile", "work profile only",
        remove=Support((ANDROID_PERSONAL,), note="Android 11 and later; in the work profile an uninstall assignment"),
        block=Support((ANDROID_PERSONAL,)),
        advise=_NOTICE,
    ),
    Capability(
        "android_work_profile", "Android, personal with a work profile", "none", "personal_profile", "work profile only",
        remove=Support(why_not="personal_profile", note="in the work profile an uninstall assignment"),
        block=_PERSONAL_PROFILE,
        block_web=_PERSONAL_PROFILE,
        advise=_NOTICE,
    ),
    Capability(
        "windows_corporate", "Windows, corporate", "all", "", "all apps",
        remove=Support((WINDOWS_UNINSTALL,), note="the Store app", certain=False),
        block=Support((WINDOWS_APPLOCKER,), note="Store apps"),
        block_web=Support((WINDOWS_WEB,)),
    ),
    Capability(
        "windows_co_managed", "Windows, corporate, co-managed with Configuration Manager", "all", "",
        "all apps, where Intune has the workload `inventory`",
        remove=Support((WINDOWS_UNINSTALL,), note="the Store app, with the workload `modernApps`", certain=False),
        block=Support((WINDOWS_APPLOCKER,), note="Store apps, with the workload `deviceConfiguration`"),
        block_web=Support((WINDOWS_WEB,), note="with the workload `deviceConfiguration`"),
    ),
    Capability("windows_personal", "Windows, personal", "none", "privacy_setting", "managed apps only"),
    Capability("macos_corporate", "Mac, corporate", "all", "", "all apps", block_web=Support((MACOS_WEB,))),
    Capability("macos_personal", "Mac, personal", "reported", "privacy_setting", _ONLY_LISTED),
    without_support("leaving", "Anything that is to be retired, wiped or deleted, or is not enrolled", "not_registered"),
    without_support("unreached", "Anything under an agent without an MDM channel (`msSense`, `jamf`, ...)", "no_backend"),
    without_support("other", "anything else", "no_backend"),
)  # fmt: skip

BY_KIND: dict[str, Capability] = {row.kind: row for row in TABLE}

_ANDROID = {
    "fully_managed": "android_fully_managed",
    "dedicated": "android_fully_managed",
    "cope": "android_cope",
    "work_profile": "android_work_profile",
}


#: Attributes of a record that a row rests on besides those that every target has.
FACTS = ("intune_ownership", "management_agent", "management_state", "workloads")

#: Agents with an MDM channel of Intune's (managementAgentType). Under every other one nothing that is assigned ever arrives.
_WITH_CHANNEL = frozenset(("mdm", "easMdm"))
_ANDROID_AGENT = "googleCloudDevicePolicyController"
_CO_MANAGED = frozenset(("configurationManagerClientMdm", "configurationManagerClientMdmEas"))
#: States in which nothing new arrives are all others (managementState): a device on its way out, or one that never came in.
_STATES_OF_MANAGED = frozenset(("managed", "retireFailed", "wipeFailed", "retireCanceled", "wipeCanceled"))


def capability_of(record: Mapping[str, Any]) -> Capability:
    """The row of a device, by what manages it now, and by its platform, ownership, enrollment and supervision.

    What is unknown never counts as corporate.
    """
    # Nothing that is a device's own is among what a row rests on.
    record = alike_of(record)
    row = BY_KIND[_kind_of(record)]
    agent = record.get("management_agent", "mdm")
    if record.get("management_state", "managed") not in (*_STATES_OF_MANAGED, None):
        return BY_KIND["leaving"]
    if agent in _CO_MANAGED and record.get("platform") == "windows":
        return _co_managed(tuple(record.get("workloads") or ())) if row.kind == "windows_corporate" else row
    if agent in _WITH_CHANNEL or (agent == _ANDROID_AGENT and record.get("platform") == "android"):
        return row
    return BY_KIND["unreached"]


@lru_cache(maxsize=256)
def _co_managed(workloads: tuple[str, ...]) -> Capability:
    """The row of a corporate Windows device that shares its management, by the workloads that are Intune's."""
    row = BY_KIND["windows_co_managed"]
    if "inventory" not in workloads:
        row = replace(row, sees="none", why_unseen="no_backend")
    if "modernApps" not in workloads:
        row = replace(row, remove=NO_BACKEND)
    if "deviceConfiguration" not in workloads:
        row = replace(row, block=NO_BACKEND, block_web=NO_BACKEND)
    return row


def _kind_of(record: Mapping[str, Any]) -> str:
    platform, corporate = record.get("platform"), record.get("intune_ownership", record.get("ownership")) in ("corporate", "shared")
    if platform in ("ios", "ipados"):
        if record.get("enrollment") == "user":
            return "ios_user_enrollment"
        if record.get("supervised") is True:
            return "ios_supervised" if corporate else "ios_personal_supervised"
        return "ios_corporate" if corporate else "ios_personal"
    if platform == "android":
        return _ANDROID.get(str(record.get("enrollment")), "other")
    if platform in ("windows", "macos"):
        return "%s_%s" % (platform, "corporate" if corporate else "personal")
    return "other"


def mechanisms(web: str) -> Mechanisms:
    """What Intune is asked for. web: ``browser`` where sites are blocked by profiles for browsers; anything else leaves them out."""
    return MECHANISMS if web == "browser" else MECHANISMS.without(name for name, row in MECHANISMS.items() if row.blocks_sites)
