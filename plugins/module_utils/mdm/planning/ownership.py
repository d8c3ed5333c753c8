# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whose an object is: a name that follows from the policy, and a marker in its description that says that we made it.

Objects without the marker belong to somebody else, whatever they are called: they are never changed and never deleted.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any, Mapping, Sequence

MADE_BY = "appban.endpoint"
VERSION = "1"
MAX_NAME = 120
_MARKER = re.compile(r"^managed-by=" + re.escape(MADE_BY) + r";(?P<fields>[a-z0-9_]+=[^;\n]*(?:;[a-z0-9_]+=[^;\n]*)*)$", re.MULTILINE)


@dataclass(frozen=True)
class Marker:
    """What a description says of an object of ours.

    Args:
        policies: ids of the policies that it was made for.
        mechanism: what it is.
        sha256: hash of what it should hold, see :func:`spec_hash`.
        facts: more that has to be remembered with the object, such as when a deadline was armed.
    """

    policies: tuple[str, ...]
    mechanism: str
    sha256: str
    facts: tuple[tuple[str, str], ...] = ()

    def fact(self, name: str) -> str:
        """One of the facts; empty where it is not there."""
        return dict(self.facts).get(name, "")

    def line(self) -> str:
        """The marker as a line of text."""
        fields: dict[str, str] = {"v": VERSION, "ban": "+".join(self.policies), "mechanism": self.mechanism, "sha256": self.sha256}
        fields.update(self.facts)
        return "managed-by=%s;%s" % (MADE_BY, ";".join("%s=%s" % pair for pair in fields.items()))


def read_marker(description: str | None) -> Marker | None:
    """The marker in a description; None for an object that is not ours."""
    match = _MARKER.search((description or "").replace("\r\n", "\n"))
    if match is None:
        return None
    fields = dict(part.split("=", 1) for part in match["fields"].split(";"))
    if not {"ban", "mechanism", "sha256"} <= set(fields):
        return None
    known = ("v", "ban", "mechanism", "sha256")
    return Marker(
        policies=tuple(fields["ban"].split("+")),
        mechanism=fields["mechanism"],
        sha256=fields["sha256"],
        facts=tuple((name, value) for name, value in fields.items() if name not in known),
    )


def describe(marker: Marker, sentence: str) -> str:
    """A description: a sentence for the administrator who finds the object, then the marker."""
    return "%s\n%s" % (" ".join(sentence.split()), marker.line())


def control_description(policies: Sequence[str], mechanism: str, spec: Any, facts: tuple[tuple[str, str], ...] = ()) -> str:
    """The description of an object of ours. spec: what it is to hold; facts: what has to be remembered with it."""
    sentence = "Made by appban.endpoint for the ban %s. Change the policy it comes from, not this object." % "+".join(policies)
    return describe(Marker(tuple(policies), mechanism, spec_hash(spec), facts), sentence)


def same_description(wanted: str, found: str | None) -> bool:
    """Whether a server shows a description that we wrote; its line ends and the space around it are its own affair."""
    return (found or "").replace("\r\n", "\n").strip() == wanted.strip()


def control_name(prefix: str, policies: Sequence[str], what: str, suffix: str = "") -> str:
    """The name of a control: ``BAN city-tiktok iOS blocked apps``, cut short with a hash where it would be too long."""
    name = " ".join(part for part in (prefix.strip(), "+".join(policies), what, suffix) if part)
    if len(name) <= MAX_NAME:
        return name
    return "%s %s" % (name[: MAX_NAME - 13].rstrip(), hashlib.sha256(name.encode("utf-8")).hexdigest()[:12])


def spec_hash(spec: Any) -> str:
    """SHA-256 of plain data, the same whatever the order of its keys."""
    return hashlib.sha256(json.dumps(spec, sort_keys=True, separators=(",", ":")).encode("utf-8")).hexdigest()


def policies_of(description: str | None) -> tuple[str, ...]:
    """Ids of the policies that an object was made for; none for one that is not ours."""
    marker = read_marker(description)
    return () if marker is None else marker.policies


def is_ours(description: str | None, policies: Mapping[str, Any]) -> bool:
    """Whether an object was made for one of these policies. Objects of other policies belong to another run."""
    marker = read_marker(description)
    return marker is not None and not set(marker.policies).isdisjoint(policies)
