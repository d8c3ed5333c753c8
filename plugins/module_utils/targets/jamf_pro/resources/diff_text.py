# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Controls as text for a diff: what a person has to see before they let it happen. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable

from ....engine.errors import AppbanError
from ....mdm.apple.profile_text import profile_lines
from ..api.group_changes import written
from ..controls import WantedRecord, WantedScope
from ..objects import Criterion, Profile, RestrictedSoftware, Scope

NameOf = Callable[[int], str]


def payload_lines(payloads: bytes) -> list[str]:
    """What a profile says. One that can't be read may be anything."""
    try:
        return profile_lines(payloads)
    except AppbanError:
        return ["profile: %d bytes, sha256 %s" % (len(payloads), hashlib.sha256(payloads).hexdigest()[:12])]


def wanted_profile_text(payloads: bytes, scope: WantedScope, name_of: NameOf) -> str:
    """A profile as it is wanted."""
    return _text(payload_lines(payloads) + wanted_scope_lines(scope, name_of))


def profile_text(profile: Profile, name_of: NameOf) -> str:
    """A profile as the server has it."""
    return _text(payload_lines(profile.payloads) + scope_lines(profile.scope, name_of))


def wanted_record_text(record: WantedRecord, scope: WantedScope, name_of: NameOf) -> str:
    """A record of restricted software as it is wanted."""
    lines = _record_lines(record.process_name, True, True, record.delete, record.message)
    return _text(lines + wanted_scope_lines(scope, name_of))


def record_text(record: RestrictedSoftware, name_of: NameOf) -> str:
    """A record of restricted software as the server has it."""
    lines = _record_lines(record.process_name, record.exact, record.kill, record.delete, record.message)
    return _text(lines + scope_lines(record.scope, name_of))


def wanted_scope_lines(scope: WantedScope, name_of: NameOf) -> list[str]:
    """Whom a control is for."""
    lines = ["for: everything"] if scope.everything else []
    lines += ["for: group %s" % name for name in sorted(scope.groups)]
    lines += _devices("for: ", scope.devices, name_of)
    lines += ["not for: group %s" % name for name in sorted(scope.excluded_groups)]
    return lines + _devices("not for: ", scope.excluded_devices, name_of)


def scope_lines(scope: Scope, name_of: NameOf) -> list[str]:
    """Whom an object on the server is for."""
    lines = ["for: everything"] if scope.everything else []
    lines += sorted("for: group %s" % scope.names.get(number, number) for number in scope.groups)
    lines += _devices("for: ", scope.devices, name_of)
    lines += sorted("not for: group %s" % scope.names.get(number, number) for number in scope.excluded_groups)
    lines += _devices("not for: ", scope.excluded_devices, name_of)
    return lines + ["also: %s" % each for each in scope.foreign]


def criteria_text(criteria: tuple[Criterion, ...]) -> str:
    """The criteria of a smart group."""
    return written(criteria) + "\n"


_SHOWN = 20


def _devices(words: str, numbers: Iterable[int], name_of: NameOf) -> list[str]:
    names = sorted(name_of(number) for number in numbers)
    lines = [words + name for name in names[:_SHOWN]]
    return lines + ["%sand %d more" % (words, len(names) - _SHOWN)] if len(names) > _SHOWN else lines


def _record_lines(process: str, exact: bool, kill: bool, delete: bool, message: str) -> list[str]:
    return [
        "process: %s%s" % (process, "" if exact else " (and every name that has it in it)"),
        "ends the process: %s" % ("yes" if kill else "no"),
        "deletes the application: %s" % ("yes" if delete else "no"),
        "tells the user: %s" % message,
    ]


def _text(lines: list[str]) -> str:
    return "\n".join(lines) + "\n"
