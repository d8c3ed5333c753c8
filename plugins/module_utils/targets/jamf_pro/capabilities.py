# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Jamf Pro can do on each kind of device, as data.

Sources: Apple's published schema of device management (``com.apple.applicationaccess``, ``com.apple.webcontent-filter``); the Classic
API's restricted software. No command and no profile removes an app that its user has installed: RemoveApplication is for managed apps.
"""

from __future__ import annotations

from typing import Any, Mapping

from ...mdm.apple.enforcement import why_no_block
from ...mdm.planning.capability import Capability, Support, without_support
from ...mdm.planning.mechanisms import Mechanism, Mechanisms
from ...mdm.run.outbox import OUTBOX, OUTBOX_NAME

IOS_BLOCK = "ios_restrictions"
IOS_WEB = "ios_web_filter"
MACOS_KILL = "macos_restricted_software"
MACOS_DELETE = "macos_restricted_software_delete"
MACOS_WEB = "macos_web"
REPORT = "report_group"

_MOBILE = ("ios", "ipados")
_RECORD = "macOS restricted software"
MECHANISMS = Mechanisms(
    (
        Mechanism(IOS_BLOCK, "list of blocked apps", "iOS blocked apps", (*_MOBILE, "tvos"), ("block",), "ios_bundle_id"),
        Mechanism(IOS_WEB, "web content filter", "iOS web filter", _MOBILE, ("block_web",), "domain"),
        # A record has room for one process.
        Mechanism(MACOS_KILL, "restricted software", _RECORD, ("macos",), ("block",), "display_name", per_app=True),
        Mechanism(
            MACOS_DELETE, "restricted software that deletes", _RECORD + ", deleted", ("macos",), ("remove",), "display_name", per_app=True
        ),
        Mechanism(MACOS_WEB, "Edge and Chrome URL blocklist", "macOS URL blocklist", ("macos",), ("block_web",), "domain"),
        Mechanism(REPORT, "smart group (reports only)"),
        Mechanism(OUTBOX, OUTBOX_NAME),
    )
)
NAMES = MECHANISMS.titles()

_NO = Support(why_not="no_backend")
_NOTICE = Support((OUTBOX,))
_USER_INSTALLED = Support(why_not="user_installed", note="only a managed app can be removed")
_UNSUPERVISED = Support(why_not="unsupervised")
_BLOCK = Support((IOS_BLOCK,), note="hidden, can't be opened")

TABLE: tuple[Capability, ...] = (
    Capability(
        "ios_supervised", "iPhone, iPad, supervised", "all", "", "all apps",
        remove=_USER_INSTALLED,
        block=_BLOCK,
        block_web=Support((IOS_WEB,)),
        withdraw_access=_NO,
        advise=_NOTICE,
    ),
    Capability(
        "ios_unsupervised", "iPhone, iPad, unsupervised", "all", "", "all apps",
        remove=_UNSUPERVISED,
        block=_UNSUPERVISED,
        block_web=_UNSUPERVISED,
        withdraw_access=_NO,
        advise=_NOTICE,
    ),
    Capability(
        "ios_personal", "iPhone, iPad, personal, unsupervised", "all", "", "all apps, where the server collects them",
        remove=_UNSUPERVISED,
        block=_UNSUPERVISED,
        block_web=_UNSUPERVISED,
        withdraw_access=_NO,
        advise=_NOTICE,
    ),
    without_support("ios_user_enrollment", "iPhone, iPad, user enrollment", "user_enrollment", withdraw_access=_NO, advise=_NOTICE),
    Capability(
        "tvos_supervised", "Apple TV, supervised", "all", "", "all apps",
        remove=_USER_INSTALLED,
        block=_BLOCK,
        block_web=_NO,
        withdraw_access=_NO,
        advise=_NOTICE,
    ),
    Capability(
        "tvos_unsupervised", "Apple TV, unsupervised", "all", "", "all apps",
        remove=_UNSUPERVISED,
        block=_UNSUPERVISED,
        block_web=_NO,
        withdraw_access=_NO,
        advise=_NOTICE,
    ),
    Capability(
        "macos", "Mac, managed", "all", "", "all apps",
        remove=Support((MACOS_DELETE,), note="when it is opened; by the name of its process; needs the Jamf agent"),
        block=Support((MACOS_KILL, MACOS_DELETE), note="by the name of its process; needs the Jamf agent"),
        block_web=Support((MACOS_WEB,)),
        withdraw_access=_NO,
        advise=_NOTICE,
    ),
    without_support("unmanaged", "anything that is not managed any more", "not_registered"),
    without_support("other", "anything else", "no_backend", advise=_NOTICE),
)  # fmt: skip

BY_KIND: dict[str, Capability] = {row.kind: row for row in TABLE}


def capability_of(record: Mapping[str, Any]) -> Capability:
    """The row of a device. What a device does not tell never counts in its favour: unknown supervision is none."""
    return BY_KIND[_kind_of(record)]


def _kind_of(record: Mapping[str, Any]) -> str:
    platform = record.get("platform")
    if record.get("enrollment") == "none":
        return "unmanaged"
    if platform == "macos":
        return "macos"
    # A system that is too old for the key, or that has none.
    if platform not in ("ios", "ipados", "tvos") or why_no_block(record, declarations=False) == "no_backend":
        return "other"
    supervised = record.get("supervised") is True
    if platform == "tvos":
        return "tvos_supervised" if supervised else "tvos_unsupervised"
    if record.get("enrollment") == "user":
        return "ios_user_enrollment"
    if supervised:
        return "ios_supervised"
    return "ios_personal" if record.get("ownership") == "personal" else "ios_unsupervised"
