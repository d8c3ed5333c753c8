# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an Apple device can be made to enforce, by its platform, version, supervision and enrollment, and else why not. Pure.

What a device does not tell never counts in its favour: a device whose supervision is unknown is as good as unsupervised, and the
reason is ``unsupervised`` too, because what is missing is supervision that somebody can show. Reasons are those of outcomes;
what a version is too old for, or has no key for, is ``no_backend``.

Facts are from Apple's published schema of device management: ``com.apple.applicationaccess``, ``com.apple.webcontent-filter`` and
``com.apple.configuration.app.settings`` (edition for version 27.0).
"""

from __future__ import annotations

import re
from typing import Any, Mapping

DECLARATION = "declaration"
PROFILE = "profile"

#: Version from which a platform takes the declaration ``app.settings``.
FIRST_DECLARATION: dict[str, tuple[int, ...]] = {"ios": (27,), "ipados": (27,), "tvos": (27,), "visionos": (27,), "macos": (27,)}
#: Version from which a platform has a list of blocked apps in its restrictions, under either name. Version 27 deprecates it and
#: keeps it.
FIRST_BLOCK_PROFILE: dict[str, tuple[int, ...]] = {"ios": (9, 3), "ipados": (9, 3), "tvos": (11,), "visionos": (27,)}
#: Version from which a platform has a built-in web content filter. Macs take filters of other vendors only, Apple TV and Watch none.
FIRST_WEB_FILTER: dict[str, tuple[int, ...]] = {"ios": (7,), "ipados": (7,), "visionos": (1, 1)}
#: Platforms whose every version that still meets a server has the key, so that an unknown version is no hindrance: iOS 9.3 and tvOS 11
#: are of 2016 and 2017, and a Vision Pro takes profiles at all since 1.1 only.
_UNKNOWN_VERSION_BLOCKS = frozenset(("ios", "ipados", "tvos"))

_VERSION = re.compile(r"[^0-9]*([0-9]{1,3}(?:\.[0-9]{1,4}){0,3})(?:b[0-9]*)?(?=$|[\s(,])")


def os_version_tuple(text: Any) -> tuple[int, ...] | None:
    """Numbers of an operating system's version, at least three, so that ``27`` is not before ``27.0``.

    Args:
        text: such as ``17.4.1``, ``iPadOS 18.0 (22A3354)`` or ``27.0b3``.

    Returns:
        None for anything else, a build number such as ``21E219`` included.
    """
    found = _VERSION.match(text.strip()) if isinstance(text, str) else None
    if found is None:
        return None
    numbers = [int(number) for number in found.group(1).split(".")]
    return tuple(numbers + [0] * (3 - len(numbers)))


def block_form(record: Mapping[str, Any], declarations: bool = True, signature_known: bool = False) -> str:
    """The form in which a device takes a block of apps.

    An iPhone, iPad or Apple TV of unknown version gets a profile: all versions since 9.3 and 11 take one, version 27 included, and
    only version 27 takes a declaration. A Vision Pro of unknown version gets nothing, because before 27 it takes neither.

    Args:
        record: a device's ``platform``, ``os_version``, ``supervised`` and ``enrollment``.
        declarations: whether the target can send declarations; a profile still blocks on version 27.
        signature_known: whether a team id or signing id of the app is known, which is what a Mac goes by.

    Returns:
        ``declaration``, ``profile``, or an empty text where nothing can block; then :func:`why_no_block` has the reason.
    """
    return "" if why_no_block(record, declarations, signature_known) else _form(record, declarations)


def why_no_block(record: Mapping[str, Any], declarations: bool = True, signature_known: bool = False) -> str:
    """The reason for which a device can't be made to block an app, or an empty text where it can. Arguments as of :func:`block_form`."""
    if record.get("enrollment") == "none" or not _form(record, declarations):
        return "no_backend"
    if _platform(record) == "macos" and not signature_known and not _why_not_manageable(record):
        return "no_identifier"
    return _why_not_manageable(record)


def why_no_web_filter(record: Mapping[str, Any]) -> str:
    """The reason for which a device can't be given a built-in web content filter, or an empty text where it can.

    Unsupervised devices and user enrollments take only other vendors' filters, for managed apps. A version that is unknown is no
    hindrance: iOS 7 is of 2013, and a Vision Pro that can be managed at all has the filter.

    Args:
        record: a device's ``platform``, ``os_version``, ``supervised`` and ``enrollment``.
    """
    first, version = FIRST_WEB_FILTER.get(_platform(record)), os_version_tuple(record.get("os_version"))
    if record.get("enrollment") == "none" or first is None or (version is not None and version < first):
        return "no_backend"
    return _why_not_manageable(record)


def _form(record: Mapping[str, Any], declarations: bool) -> str:
    """The form that platform and version take, whoever manages the device."""
    platform, version = _platform(record), os_version_tuple(record.get("os_version"))
    if version is None:
        return PROFILE if platform in _UNKNOWN_VERSION_BLOCKS else ""
    if declarations and platform in FIRST_DECLARATION and version >= FIRST_DECLARATION[platform]:
        return DECLARATION
    return PROFILE if platform in FIRST_BLOCK_PROFILE and version >= FIRST_BLOCK_PROFILE[platform] else ""


def _why_not_manageable(record: Mapping[str, Any]) -> str:
    if record.get("enrollment") == "user":
        return "user_enrollment"
    return "" if record.get("supervised") is True else "unsupervised"


def _platform(record: Mapping[str, Any]) -> str:
    return str(record.get("platform") or "").lower()
