# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Device records: the attributes whose values are a closed vocabulary, and those that are names.

A value outside its vocabulary ("company" for ownership) is not a different ownership, it is one we don't know. It counts as
unknown, so the device is reported as unclassified instead of silently falling out of a ban's scope.
"""

from __future__ import annotations

from typing import Any, Mapping

from .names_compared import comparable

PLATFORMS = ("ios", "ipados", "android", "chromeos", "windows", "macos", "linux", "tvos", "visionos")
OWNERSHIPS = ("corporate", "personal", "shared")
ENROLLMENTS = ("device", "user", "work_profile", "fully_managed", "dedicated", "cope", "none")

FLAGS = (True, False)

VOCABULARY: dict[str, tuple[Any, ...]] = {
    "platform": PLATFORMS,
    "ownership": OWNERSHIPS,
    "enrollment": ENROLLMENTS,
    "supervised": FLAGS,
    "work_apps": FLAGS,
}

#: Attributes that name a device or a person: they are compared without letter case and without what nobody sees.
NAMES = frozenset(("id", "serial", "user"))

ATTRIBUTES = (
    "id", "serial", "name", "platform", "os_version", "ownership", "supervised", "enrollment", "work_apps", "user", "groups",
    "department", "last_seen",
)  # fmt: skip


def known_value(device: Mapping[str, Any], attribute: str) -> Any:
    """The value of an attribute, None where it is missing, null, empty text, or outside the attribute's closed vocabulary."""
    value = device.get(attribute)
    if value == "":
        return None
    vocabulary = VOCABULARY.get(attribute)
    if vocabulary == FLAGS:
        value = flag_of(value)
    if vocabulary is not None and (isinstance(value, (list, dict)) or not any(value is word or _same(value, word) for word in vocabulary)):
        return None
    return value


def words_expected(attribute: str, value: Any) -> tuple[str, ...]:
    """The words of an attribute's closed vocabulary, where a value is none of them; empty for a value that can be used, or is unknown."""
    if attribute not in VOCABULARY or value is None or value == "" or known_value({attribute: value}, attribute) is not None:
        return ()
    return tuple(str(word).lower() if isinstance(word, bool) else str(word) for word in VOCABULARY[attribute])


def compared_value(device: Mapping[str, Any], attribute: str) -> Any:
    """The known value of an attribute in the form in which rules compare it."""
    value = known_value(device, attribute)
    return comparable(value) or None if attribute in NAMES and isinstance(value, str) else value


def flag_of(value: Any) -> Any:
    """true and false as inventories and tables write them in text (an INI inventory knows no other way); any other value as it is."""
    if isinstance(value, str):
        return {"true": True, "yes": True, "false": False, "no": False}.get(value.strip().lower(), value)
    return value


def device_name(device: Mapping[str, Any]) -> str | None:
    """What a device is called in decisions: its id, else its serial, else its name; None if it has none of them."""
    for attribute in ("id", "serial", "name"):
        value = device.get(attribute)
        if value is not None and value != "":
            return str(value)
    return None


def _same(value: Any, word: Any) -> bool:
    return type(value) is type(word) and bool(value == word)
