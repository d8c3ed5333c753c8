# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one exception tree of hosts and tenants: raised with what was being done, turned into ``fail_json`` in one place."""

from __future__ import annotations

import os
from typing import FrozenSet, Optional

# A directory of this name may hold everything else, too, so the name alone does not make a file ours.
_PLUGINS = "/appban/endpoint/plugins/"


class AppbanError(Exception):
    """Something a person has to act on.

    Args:
        what: what happened, in one line that fits a terminal.
        where: the file, object or command it happened at.
        next_step: what to do next.
    """

    def __init__(self, what: str, where: str = "", next_step: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.next_step = next_step

    def __str__(self) -> str:
        return self._sentence(self.what)

    def _sentence(self, what: str) -> str:
        if self.where:
            what += " (%s)" % self.where
        if self.next_step:
            what += ". %s" % self.next_step
        return what

    @property
    def recorded(self) -> str:
        """What a record, which is kept and handed on, says of it."""
        return str(self)


class Defect(AppbanError):
    """A defect of ours.

    Args:
        kind: the class of the error that nobody has put into words.
        text: its text, which may hold anything, a secret among it.
        where: the place in the code.
    """

    def __init__(self, kind: str, text: str, where: str) -> None:
        super().__init__(
            "something happened that this release is not prepared for: %s" % kind,
            where,
            "This is a defect of the collection: please report it with this message",
        )
        self.text = text

    def __str__(self) -> str:
        return self._sentence("%s: %s" % (self.what, self.text))

    @property
    def recorded(self) -> str:
        return self._sentence(self.what)


def unexpected(error: BaseException) -> Defect:
    """What a defect of ours looks like to a person: what happened and where in the code, and that it is none of theirs.

    Args:
        error: any error that nobody has put into words.
    """
    place = ""
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        name = code.co_filename.replace(os.sep, "/")
        if _PLUGINS in name or not place:
            place = "%s, line %d" % (name.rpartition("/plugins/")[2], trace.tb_lineno)
        trace = trace.tb_next
    found = Defect(type(error).__name__, " ".join(str(error).split())[:300], place)
    found.__cause__ = error
    return found


class LimitExceeded(AppbanError):
    """The run would newly affect more devices than the policy allows."""


class ChangeFailed(AppbanError):
    """One change could not be made, or was made and did not take effect.

    Args:
        devices: positions of the devices on which it was not made, where it was made on others; None for all of them.
    """

    def __init__(self, what: str, where: str = "", next_step: str = "", devices: Optional[FrozenSet[int]] = None) -> None:
        super().__init__(what, where, next_step)
        self.devices = devices


class WriteInCheckMode(AppbanError):
    """A write verb was called in check mode: a defect of ours, stopped before any effect."""


class EvidenceError(AppbanError):
    """The evidence record could not be written or does not add up."""
