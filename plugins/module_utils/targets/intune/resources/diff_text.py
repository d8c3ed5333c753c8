# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Controls as text for a diff: what a person has to see before they let it happen. Pure."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Any

from ....engine.errors import AppbanError
from ....mdm.apple.profile_text import profile_lines
from ..objects import ALL_DEVICES, ALL_USERS, EXCLUDED_GROUP, Target

_RULE = re.compile(r'<FilePublisherRule [^>]*?Name="([^"]*)"[^>]*?Action="([^"]*)"')


def object_text(body: Mapping[str, Any], targets: Iterable[str], grace_hours: int | None = None) -> str:
    """The settings of an object and whom it is assigned to."""
    lines = list(_settings(body))
    if grace_hours is not None:
        lines.append("device counts as non-compliant: %s" % ("at once" if grace_hours == 0 else "after %d hours" % grace_hours))
    lines.extend("assigned to: %s" % target for target in sorted(targets))
    return "\n".join(lines) + "\n"


def target_text(target: Target, names: Mapping[str, str]) -> str:
    """Whom an assignment is for. names: id -> name of groups and filters."""
    group = names.get(target.group, target.group)
    text = {ALL_DEVICES: "all devices", ALL_USERS: "all users"}.get(target.kind, "group %s" % group)
    if target.kind == EXCLUDED_GROUP:
        return "all but group %s" % group
    return "%s, filter %s" % (text, names.get(target.filter, target.filter)) if target.filter else text


def _settings(body: Mapping[str, Any]) -> Iterable[str]:
    """The interesting part of a body, one setting a line."""
    for key, value in body.items():
        if key == "@odata.type":
            yield "type: %s" % str(value).rsplit(".", 1)[-1]
        elif key == "settings":
            for setting in value:
                yield from _instance(setting.get("settingInstance") or {})
        elif isinstance(value, list):
            yield "%s:" % key
            yield from ("- %s" % _item(item) for item in value)
        elif key == "payload":
            yield from _profile(value)
        else:
            yield "%s: %s" % (key, value)


def _instance(instance: Mapping[str, Any]) -> Iterable[str]:
    definition = str(instance.get("settingDefinitionId", ""))
    for group in instance.get("groupSettingCollectionValue") or ():
        for child in group.get("children") or ():
            yield from _instance(child)
    for child in (instance.get("choiceSettingValue") or {}).get("children") or ():
        yield from _instance(child)
    values: list[Any] = [each.get("value") for each in instance.get("simpleSettingCollectionValue") or ()]
    if values:
        yield "%s:" % definition
        yield from ("- %s" % value for value in sorted(map(str, values)))


def _profile(payload: str) -> Iterable[str]:
    """What an Apple profile says. One that is not ours may be anything."""
    try:
        yield from profile_lines(base64.b64decode(payload))
    except (ValueError, AppbanError):
        yield "payload: %d characters, sha256 %s" % (len(payload), hashlib.sha256(payload.encode("utf-8")).hexdigest()[:12])


def _rules(value: str) -> str:
    """AppLocker rules one a line; anything else as it is."""
    found = _RULE.findall(value)
    return "".join("\n  - %s: %s" % (action, name) for name, action in found) if found else "\n  %s" % value


def _item(item: Any) -> str:
    if not isinstance(item, Mapping):
        return str(item)
    for key in ("appId", "omaUri"):
        if key in item:
            text = "%s (%s)" % (item[key], item.get("name") or item.get("displayName") or "")
            return text if "value" not in item else text + _rules(str(item["value"]))
    return str({key: value for key, value in item.items() if not key.startswith("@")})
