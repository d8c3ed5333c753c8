# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which declarations a device takes, and what a predicate of an activation says about it.

Facts: Apple's device management schema (declarative/declarations, app.settings of OS 27.0) and its reference of status reports.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from tests.support.nanomdm.device_facts import App, DeviceFacts

APP_SETTINGS = "com.apple.configuration.app.settings"
LEGACY = "com.apple.configuration.legacy"
ACTIVATION = "com.apple.activation.simple"
#: Since which version a system knows declarations at all.
_SINCE = {"iOS": 15, "macOS": 13, "tvOS": 16}

_COMPARISON = re.compile(r"""@status\(([\w.-]+)\)\s*(==|!=|BEGINSWITH|IN)\s*('[^']*'|"[^"]*"|\{[^}]*\})\s*""")
_TEXT = re.compile(r"""'([^']*)'|"([^"]*)\"""")


class Invalid(Exception):
    """The declaration can't be used here; ``code`` is what the status report's reason says."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code, self.text = code, text

    def reasons(self) -> list[dict[str, Any]]:
        return [{"code": self.code, "description": self.text, "details": {}}]


def knows_declarations(device: DeviceFacts) -> bool:
    return device.version[0] >= _SINCE[device.system]


def check_configuration(declaration: Mapping[str, Any], device: DeviceFacts) -> None:
    """Raises Invalid for a configuration that this device can't apply."""
    kind, payload = declaration.get("Type"), declaration.get("Payload", {})
    if kind == APP_SETTINGS:
        if device.version[0] < 27:
            raise Invalid("Error.UnknownDeclarationType", f"{kind} needs version 27")
        if not device.supervised:
            raise Invalid("Error.NotSupported", f"{kind} needs a supervised device")
        _check_app_settings(payload)
    elif kind == LEGACY:
        if not str(payload.get("ProfileURL", "")).startswith("https://"):
            raise Invalid("Error.ConfigurationCannotBeApplied", "ProfileURL must be an https URL")
    else:
        raise Invalid("Error.UnknownDeclarationType", f"Unknown declaration type {kind}")


def _check_app_settings(payload: Mapping[str, Any]) -> None:
    allowed = payload.get("Allowed", {})
    if not isinstance(allowed, dict):
        raise Invalid("Error.InvalidPayload", "Allowed must be a dictionary")
    for key in ("DeniedApps", "AllowedApps"):
        if not all(isinstance(entry, str) for entry in allowed.get(key, [])):
            raise Invalid("Error.InvalidPayload", f"Allowed.{key} must hold strings")
    for binary in allowed.get("DeniedBinaries", []):
        if not isinstance(binary, dict) or not {"CDHash", "TeamID", "SigningID"} & set(binary):
            raise Invalid("Error.InvalidPayload", "an entry of Allowed.DeniedBinaries needs CDHash, TeamID or SigningID")


def is_denied_binary(app: App, rules: Iterable[Mapping[str, Any]]) -> bool:
    """Whether a program on a Mac is one of the denied; every key of a rule has to fit."""
    for rule in rules:
        known = {"TeamID": app.team_id, "SigningID": app.signing_id}
        asked = {key: value for key, value in rule.items() if key in ("TeamID", "SigningID", "CDHash")}
        if asked and all(known.get(key) == value for key, value in asked.items()):
            return True
    return False


def predicate_holds(predicate: str | None, status: Mapping[str, str]) -> bool:
    """Whether an activation is for this device.

    A part of what Apple's predicates can say: comparisons of status items with ==, !=, BEGINSWITH and IN, joined by AND or by OR.

    Raises:
        Invalid: for a predicate beyond that.
    """
    text = (predicate or "TRUEPREDICATE").strip()
    if text in ("TRUEPREDICATE", "FALSEPREDICATE"):
        return text == "TRUEPREDICATE"
    results, joints, position = [], set(), 0
    while match := _COMPARISON.match(text, position):
        results.append(_compare(match[1], match[2], [first or second for first, second in _TEXT.findall(match[3])], status))
        position = match.end()
        joint = re.compile(r"(AND|OR|&&|\|\|)\s+").match(text, position)
        if not joint:
            break
        joints.add({"&&": "AND", "||": "OR"}.get(joint[1], joint[1]))
        position = joint.end()
    if not results or position != len(text) or len(joints) > 1:
        raise Invalid("Error.PredicateFailed", f"the predicate can't be evaluated: {text}")
    return any(results) if joints == {"OR"} else all(results)


def _compare(item: str, operator: str, texts: list[str], status: Mapping[str, str]) -> bool:
    value = status.get(item)
    if value is None:
        raise Invalid("Error.PredicateFailed", f"unknown status item {item}")
    if operator == "IN":
        return value in texts
    if operator == "BEGINSWITH":
        return value.startswith(texts[0])
    return (value == texts[0]) == (operator == "==")
