# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Controls as text for a diff: what a person has to see before they let it happen. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ....engine.errors import AppbanError
from ....mdm.apple.profile_text import profile_lines
from ....mdm.planning.audiences import Audience, audience_lines
from ..api.group_changes import written
from ..objects import Criterion, RestrictedSoftware

NameOf = Callable[[str], str]


def payload_lines(payloads: bytes) -> list[str]:
    """What a profile says. One that can't be read may be anything."""
    try:
        return profile_lines(payloads)
    except AppbanError:
        return ["profile: %d bytes, sha256 %s" % (len(payloads), hashlib.sha256(payloads).hexdigest()[:12])]


def profile_text(payloads: bytes, audience: Audience, groups: Mapping[Any, str], name_of: NameOf, foreign: Iterable[str] = ()) -> str:
    """A profile. groups: what groups are called; foreign: what else somebody put into its scope."""
    return _text([*payload_lines(payloads), *audience_lines(audience, groups, name_of), *("also: %s" % each for each in foreign)])


def record_text(record: RestrictedSoftware, name_of: NameOf) -> str:
    """A record of restricted software."""
    scope = record.scope
    lines = [
        "process: %s%s" % (record.process_name, "" if record.exact else " (and every name that has it in it)"),
        "ends the process: %s" % ("yes" if record.kill else "no"),
        "deletes the application: %s" % ("yes" if record.delete else "no"),
        "tells the user: %s" % record.message,
    ]
    return _text([*lines, *audience_lines(scope.audience, scope.names, name_of), *("also: %s" % each for each in scope.foreign)])


def criteria_text(criteria: tuple[Criterion, ...]) -> str:
    """The criteria of a smart group."""
    return written(criteria) + "\n"


def _text(lines: list[str]) -> str:
    return "\n".join(lines) + "\n"
