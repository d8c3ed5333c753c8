# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names of what we put on servers and devices, and by them, what there is ours. Pure.

A control is called ``PREFIX.SLUG``: a set of declarations, or a profile that is sent. KMFDDM keeps no description with a declaration, so
the slug alone has to tell for which policies a control is, and so whose it is. Ids of policies are made of small letters, digits and
hyphens; capital letters hold the parts of a slug apart, so that no two readings are possible: ``city-And-school-Apps-1a2b3c4d``.

Its declarations are ``PREFIX.SLUG.cfg`` and ``PREFIX.SLUG.act``. No identifier ever is another one plus a dot and more: storages of KMFDDM
that keep keys and values (v0.8.3) take the references to the longer one for references to the shorter one, which then can't be deleted. So
neither slug nor part may hold a dot.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ...engine.errors import AppbanError
from ...mdm.apple.commands import remove_profile
from ...mdm.apple.declarations import MAX_IDENTIFIER
from ...mdm.planning.control_names import name_of_requirement
from ...mdm.planning.requirements import Requirement
from ...policy.model import Policy
from .capabilities import DECLARED, MECHANISMS
from .command_uuids import command_mark

CONFIGURATION = "cfg"
ACTIVATION = "act"

_PREFIX = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")
_WORD = re.compile(r"[A-Za-z0-9-]+")
_AND = "-And-"
_MECHANISM_OF_WORD = {mechanism.words: name for name, mechanism in MECHANISMS.items() if mechanism.words}
_SLUG = re.compile(r"(?P<policies>.+)-(?P<word>%s)(?:-(?P<digest>[0-9a-f]{8}))?" % "|".join(_MECHANISM_OF_WORD))


class ControlNames:
    """Names of one user of the servers, and what they tell.

    Args:
        prefix: "org.example.ban"; everything below it is ours.
        policies: those of the run; controls of other policies belong to another run.

    Raises:
        AppbanError: for a prefix of another form.
    """

    def __init__(self, prefix: str, policies: Sequence[Policy] = ()) -> None:
        if not _PREFIX.fullmatch(prefix):
            raise AppbanError(
                "the prefix of declarations is made of letters, digits and hyphens, with single dots in between",
                repr(prefix),
                "Give one such as org.example.ban",
            )
        self.prefix = prefix
        self.policies = {policy.id: policy for policy in policies}
        # Both are asked for once a device.
        self._known: dict[str, tuple[str, frozenset[str]]] = {}
        self._removal_marks: dict[str, str] = {}

    # Names that are given.

    def control_name(self, slug: str) -> str:
        """The name of a control."""
        return "%s.%s" % (self.prefix, _word(slug))

    def identifier(self, slug: str, part: str) -> str:
        """A declaration of a control. part: ``CONFIGURATION``, ``ACTIVATION``, or any word without a dot."""
        return "%s.%s.%s" % (self.prefix, _word(slug), _word(part))

    def pair(self, control: str) -> tuple[str, str]:
        """Identifiers of a control's configuration and of its activation."""
        return "%s.%s" % (control, CONFIGURATION), "%s.%s" % (control, ACTIVATION)

    def name_of_requirement(self, requirement: Requirement) -> str:
        """The name of a requirement's control.

        Raises:
            AppbanError: where the prefix leaves too little room for the policies that share the control.
        """
        most = MAX_IDENTIFIER - len(self.prefix) - len("..%s" % CONFIGURATION)
        word = MECHANISMS[requirement.mechanism].words
        whole = name_of_requirement("", tuple(self.policies.values()), requirement, word)
        # What is more than the policies and the word tells this control from others of the same policies.
        digest = "" if whole == "%s %s" % ("+".join(requirement.policies), word) else "-" + _digest(whole)
        for parts in (requirement.policies, tuple(map(_short, requirement.policies))):
            slug = "%s-%s%s" % (_AND.join(parts), word, digest)
            if len(slug) <= most:
                return self.control_name(slug)
        raise AppbanError(
            "%d policies share a control, and its name would be longer than devices take" % len(requirement.policies),
            "+".join(requirement.policies),
            "Choose a shorter name_prefix, or run the policies apart",
        )

    def mark(self, command: Mapping[str, Any]) -> str:
        """The mark by which answers to a command of ours are known."""
        return command_mark(self.prefix, command)

    def removal_mark(self, control: str) -> str:
        """The mark of the command that takes a profile of ours off a device."""
        if control not in self._removal_marks:
            self._removal_marks[control] = self.mark(remove_profile(control))
        return self._removal_marks[control]

    # What names tell.

    def slug_of_control(self, control: str) -> str:
        """The slug in the name of a control; empty for one that isn't ours."""
        head, dot, slug = control.rpartition(".")
        return slug if dot and head == self.prefix and _WORD.fullmatch(slug) else ""

    def control_of(self, identifier: str) -> str:
        """The control of a declaration; empty for one that isn't ours."""
        control, dot, part = identifier.rpartition(".")
        return control if dot and _WORD.fullmatch(part) and self.slug_of_control(control) else ""

    def mechanism_of(self, control: str) -> str:
        """What a control of ours is; empty for one that is none of ours."""
        return self._read(control)[0]

    def is_declared(self, control: str) -> bool:
        """Whether a control of ours is a set of declarations."""
        return self.mechanism_of(control) in DECLARED

    def is_sent(self, control: str) -> bool:
        """Whether a control of ours is a profile that is sent by command."""
        return self.mechanism_of(control) not in ("", *DECLARED)

    def policies_of(self, control: str) -> frozenset[str]:
        """Those of the run's policies that a control was made for."""
        return self._read(control)[1]

    def is_ours(self, control: str) -> bool:
        """Whether a control was made for one of the run's policies."""
        return bool(self.policies_of(control))

    def apps_of(self, control: str) -> tuple[str, ...]:
        """Ids of the apps that a control can be for: all those of its policies, because its name does not tell which of them."""
        return tuple(sorted({app.id for policy in self.policies_of(control) for app in self.policies[policy].apps}))

    def _read(self, control: str) -> tuple[str, frozenset[str]]:
        """The mechanism and the policies in the name of a control."""
        if control not in self._known:
            match = _SLUG.fullmatch(self.slug_of_control(control))
            parts = set(match["policies"].split(_AND)) if match else set()
            asking = frozenset(each for each in self.policies if each in parts or _short(each) in parts)
            self._known[control] = (_MECHANISM_OF_WORD[match["word"]] if match else "", asking)
        return self._known[control]


def _short(policy: str) -> str:
    return "H" + _digest(policy)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:8]


def _word(text: str) -> str:
    if not _WORD.fullmatch(text):
        raise AppbanError("a name of a declaration is made of letters, digits and hyphens", repr(text), "Choose another name")
    return text
