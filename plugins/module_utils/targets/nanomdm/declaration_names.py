# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names of what we put on a KMFDDM server, and by them, what there is ours."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ...engine.errors import AppbanError

CONFIGURATION = "cfg"
ACTIVATION = "act"

_PREFIX = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")
_WORD = re.compile(r"[A-Za-z0-9-]+")


@dataclass(frozen=True)
class DeclarationNames:
    """Identifiers ``PREFIX.SLUG.cfg`` and ``PREFIX.SLUG.act``, in a set named ``PREFIX.SLUG``.

    No identifier ever is another one plus a dot and more: storages of KMFDDM that keep keys and values (v0.8.3) take the references to
    the longer one for references to the shorter one, which then can't be deleted. So neither slug nor part may hold a dot.

    Args:
        prefix: "org.example.ban"; everything below it is ours.

    Raises:
        AppbanError: for a prefix of another form.
    """

    prefix: str

    def __post_init__(self) -> None:
        if not _PREFIX.fullmatch(self.prefix):
            raise AppbanError(
                "the prefix of declarations is made of letters, digits and hyphens, with single dots in between",
                repr(self.prefix),
                "Give one such as org.example.ban",
            )

    def set_name(self, slug: str) -> str:
        """The set of a control."""
        return "%s.%s" % (self.prefix, _word(slug))

    def identifier(self, slug: str, part: str) -> str:
        """The declaration of a control that is its configuration, its activation, or another part of it.

        Args:
            part: ``CONFIGURATION``, ``ACTIVATION``, or any word without a dot.
        """
        return "%s.%s.%s" % (self.prefix, _word(slug), _word(part))

    def is_ours(self, identifier: str) -> bool:
        """Whether a declaration is ours."""
        return self.slug_of(identifier) != ""

    def slug_of_set(self, name: str) -> str:
        """The slug in the name of a set; empty for one that isn't ours."""
        head, dot, slug = name.rpartition(".")
        return slug if dot and head == self.prefix and _WORD.fullmatch(slug) else ""

    def set_name_of(self, identifier: str) -> str:
        """The set of a declaration; empty for one that isn't ours."""
        slug = self.slug_of(identifier)
        return self.set_name(slug) if slug else ""

    def slug_of(self, identifier: str) -> str:
        """The slug in the identifier of a declaration; empty for one that isn't ours."""
        head, dot, part = identifier.rpartition(".")
        return self.slug_of_set(head) if dot and _WORD.fullmatch(part) else ""


def _word(text: str) -> str:
    if not _WORD.fullmatch(text):
        raise AppbanError("a name of a declaration is made of letters, digits and hyphens", repr(text), "Choose another name")
    return text
