# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The restrictions payload (``com.apple.applicationaccess``): which apps it blocks, and what else it sets. Pure.

A blocked app is neither shown nor opened; it stays on the device and in its inventory. Facts are from Apple's published schema
of device management, ``mdm/profiles/com.apple.applicationaccess.yaml``.
"""

from __future__ import annotations

from typing import Any, Iterable, Mapping

from ...engine.errors import AppbanError

RESTRICTIONS = "com.apple.applicationaccess"
#: Since iOS and tvOS 15.
BLOCKED = "blockedAppBundleIDs"
#: The older name of the same list: iOS 9.3, tvOS 11.
BLACKLISTED = "blacklistedAppBundleIDs"
BLOCK_KEYS: tuple[str, ...] = (BLOCKED, BLACKLISTED)

#: Keys that permit something and whose default is nevertheless to forbid it.
_FORBIDDEN_BY_DEFAULT = frozenset(
    ("allowManagedToWriteUnmanagedContacts", "allowUnmanagedToReadManagedContacts", "allowUnpairedExternalBootToRecovery")
)
_DAYS_OF_DELAY = 30
_NO_RATING_LIMIT = 1000
_NUMBERS: dict[str, float] = {
    "enforcedFingerprintTimeout": 172800,
    "enforcedSoftwareUpdateDelay": _DAYS_OF_DELAY,
    "enforcedSoftwareUpdateMajorOSDeferredInstallDelay": _DAYS_OF_DELAY,
    "enforcedSoftwareUpdateMinorOSDeferredInstallDelay": _DAYS_OF_DELAY,
    "enforcedSoftwareUpdateNonOSDeferredInstallDelay": _DAYS_OF_DELAY,
    "ratingApps": _NO_RATING_LIMIT,
    "ratingMovies": _NO_RATING_LIMIT,
    "ratingTVShows": _NO_RATING_LIMIT,
    "safariAcceptCookies": 2.0,
}
#: Where such a list is present, a device shows only what it names; an empty one is not known to be harmless.
_ALLOW_LISTS = frozenset(("allowListedAppBundleIDs", "whitelistedAppBundleIDs"))
#: For tools that show profiles; Apple says that a device does not look at it.
_WITHOUT_EFFECT = frozenset(("ratingRegion",))


def blocked_apps_payload(bundle_ids: Iterable[str]) -> dict[str, Any]:
    """A restrictions payload that blocks apps and sets nothing else. Devices take it only where they are supervised.

    Args:
        bundle_ids: of the apps, as Apple spells them: upper and lower case differ.

    Raises:
        AppbanError: for no ids at all. A payload that blocks nothing looks like a block; to lift one, remove its profile.
    """
    ids = sorted({each.strip() for each in bundle_ids})
    if not all(ids) or not ids:
        raise AppbanError("a list of blocked apps needs at least one bundle id, and no empty one", RESTRICTIONS, "Check the policy's apps")
    return {"PayloadType": RESTRICTIONS, BLOCKED: ids, BLACKLISTED: list(ids)}


def blocked_ids(payload: Mapping[str, Any]) -> frozenset[str]:
    """Bundle ids that a restrictions payload blocks under either name; what is not text is left out."""
    return frozenset().union(*(ids_under(payload, key) for key in BLOCK_KEYS))


def ids_under(payload: Mapping[str, Any], key: str) -> frozenset[str]:
    """Bundle ids of one list of a payload."""
    value = payload.get(key)
    return frozenset(each.strip() for each in value if isinstance(each, str)) if isinstance(value, (list, tuple)) else frozenset()


def foreign_keys(payload: Mapping[str, Any]) -> list[str]:
    """Restrictions beside our block that are not at Apple's default, sorted: somebody else set them.

    Servers such as Jamf Pro write all restrictions they know into a payload, at their defaults. Those change nothing on a device.
    """
    return sorted(
        key
        for key, value in payload.items()
        if not key.startswith("Payload") and key not in BLOCK_KEYS and key not in _WITHOUT_EFFECT and not is_default(key, value)
    )


def is_default(key: str, value: Any) -> bool:
    """Whether a restriction has the value that a device takes without it.

    Lists have no default, and an empty one has no effect unless it is a list of all that is allowed.

    Apple's schema keeps to one pattern, which saves a table of some two hundred names and holds for names that newer versions
    add: what is named ``allow`` is permitted and what is named ``force`` or ``require`` is not demanded, with few exceptions.
    """
    if value is None or key in _ALLOW_LISTS:
        return value is None
    if value in ("", [], {}):
        return True
    default = _default_of(key)
    return default is not None and isinstance(value, bool) is isinstance(default, bool) and bool(value == default)


def _default_of(key: str) -> bool | float | None:
    if key in _NUMBERS:
        return _NUMBERS[key]
    if key in _FORBIDDEN_BY_DEFAULT:
        return False
    name = key.removeprefix("safari")
    word = name[:1].lower() + name[1:]
    if word.startswith("allow"):
        return True
    if word.startswith(("force", "require")):
        return False
    return None
