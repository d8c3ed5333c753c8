# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What NanoMDM and KMFDDM can do on each kind of device, as data (Apple's device management schema)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...mdm.apple import declarations
from ...mdm.apple.enforcement import os_version_tuple, why_no_block
from ...mdm.planning.capability import Capability, Support, without_support
from ...mdm.planning.mechanisms import Mechanism, Mechanisms
from ...mdm.run.outbox import OUTBOX, OUTBOX_NAME

APP_SETTINGS = "app_settings_declaration"
PROFILE_DECLARATION = "profile_declaration"
PROFILE_COMMAND = "profile_command"
BINARIES = "denied_binaries_declaration"
WEB_DECLARATION = "web_filter_declaration"
WEB_COMMAND = "web_filter_command"
REMOVE = "remove_command"
APP_LIST = "app_list"

_MOBILE = ("ios", "ipados", "tvos")
_MANAGED, _SITES = (*_MOBILE, "macos"), ("ios", "ipados")
MECHANISMS = Mechanisms(
    (
        Mechanism(APP_SETTINGS, "declaration of denied apps", "Apps", _MOBILE, ("block",), "ios_bundle_id"),
        Mechanism(PROFILE_DECLARATION, "declared profile with blocked apps", "AppProfile", _MOBILE, ("block",), "ios_bundle_id"),
        Mechanism(PROFILE_COMMAND, "profile with blocked apps", "SentApps", _MOBILE, ("block",), "ios_bundle_id"),
        Mechanism(BINARIES, "declaration of denied binaries", "Binaries", ("macos",), ("block",), "macos_bundle_id"),
        Mechanism(WEB_DECLARATION, "declared web content filter", "SiteProfile", _SITES, ("block_web",), "domain"),
        Mechanism(WEB_COMMAND, "web content filter", "SentSites", _SITES, ("block_web",), "domain"),
        Mechanism(REMOVE, "RemoveApplication", "", _MANAGED, ("remove",), per_app=True),
        Mechanism(APP_LIST, "InstalledApplicationList"),
        Mechanism(OUTBOX, OUTBOX_NAME),
    )
)
NAMES = MECHANISMS.titles()
#: The type of the configuration by which a mechanism is declared, and so looked up at KMFDDM; all others are sent by command.
DECLARED: dict[str, str] = {
    APP_SETTINGS: declarations.APP_SETTINGS,
    PROFILE_DECLARATION: declarations.LEGACY_PROFILE,
    BINARIES: declarations.APP_SETTINGS,
    WEB_DECLARATION: declarations.LEGACY_PROFILE,
}

_NO = Support(why_not="no_backend")
_NOTICE = Support((OUTBOX,))
_UNSUPERVISED = Support(why_not="unsupervised")
_REMOVE = Support((REMOVE,), note="only apps that the server manages", certain=False)
_BLOCK = Support((APP_SETTINGS, PROFILE_DECLARATION, PROFILE_COMMAND), note="hidden, can't be opened")


def _asked(kind: str, label: str, block: Support, block_web: Support = _NO) -> Capability:
    """A kind of device that can be asked for apps, and from which managed ones can be removed."""
    sees = "the banned apps, by asking"
    return Capability(
        kind, label, "reported", "awaiting_check_in", sees, _REMOVE, block, block_web, withdraw_access=_NO, advise=_NOTICE
    )  # fmt: skip


TABLE: tuple[Capability, ...] = (
    _asked("ios_supervised", "iPhone, iPad, supervised", _BLOCK, Support((WEB_DECLARATION, WEB_COMMAND))),
    _asked("ios_unsupervised", "iPhone, iPad, unsupervised", _UNSUPERVISED, _UNSUPERVISED),
    without_support("ios_user_enrollment", "iPhone, iPad, user enrollment", "user_enrollment", withdraw_access=_NO, advise=_NOTICE),
    _asked("tvos_supervised", "Apple TV, supervised", _BLOCK),
    _asked("tvos_unsupervised", "Apple TV, unsupervised", _UNSUPERVISED),
    _asked("macos_27_supervised", "Mac, version 27, supervised", Support((BINARIES,), note="can't be run; by team id and signing id")),
    _asked("macos", "Mac, any other", _NO),
    without_support("unmanaged", "anything that has checked out", "not_registered"),
    without_support("other", "anything else", "no_backend", advise=_NOTICE),
)

BY_KIND: dict[str, Capability] = {row.kind: row for row in TABLE}


def capability_of(record: Mapping[str, Any]) -> Capability:
    """The row of a device. What a device does not tell never counts in its favour: unknown supervision is none."""
    return BY_KIND[_kind_of(record)]


def _kind_of(record: Mapping[str, Any]) -> str:
    platform = record.get("platform")
    if record.get("enrollment") == "none":
        return "unmanaged"
    if platform == "macos":
        return "macos" if record.get("enrollment") == "user" or why_no_block(record, signature_known=True) else "macos_27_supervised"
    # A system that is too old for a block, or that has none.
    if platform not in ("ios", "ipados", "tvos") or why_no_block(record) == "no_backend":
        return "other"
    supervised = record.get("supervised") is True
    if platform == "tvos":
        return "tvos_supervised" if supervised else "tvos_unsupervised"
    if record.get("enrollment") == "user":
        return "ios_user_enrollment"
    return "ios_supervised" if supervised else "ios_unsupervised"


#: The first versions that take declarations at all (Apple's schema, com.apple.configuration.legacy).
_FIRST_DECLARATIONS = {"ios": (15,), "ipados": (15,), "tvos": (16,), "macos": (13,)}


def takes_declarations(record: Mapping[str, Any]) -> bool:
    """Whether a device is known to take declarations of any kind."""
    first, version = _FIRST_DECLARATIONS.get(str(record.get("platform"))), os_version_tuple(record.get("os_version"))
    return first is not None and version is not None and version >= first
