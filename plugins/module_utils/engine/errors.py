# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one exception tree of hosts and tenants: raised with what was being done, turned into ``fail_json`` in one place."""

from __future__ import annotations

import os
from typing import FrozenSet, Optional


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
        text = self.what
        if self.where:
            text += " (%s)" % self.where
        if self.next_step:
            text += ". %s" % self.next_step
        return text


def unexpected(error: BaseException) -> AppbanError:
    """What a defect of ours looks like to a person: what happened and where in the code, and that it is none of theirs.

    Args:
        error: any error that nobody has put into words.
    """
    place = ""
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        if "appban" in code.co_filename or not place:
            place = "%s, line %d" % (code.co_filename.replace(os.sep, "/").rpartition("/plugins/")[2], trace.tb_lineno)
        trace = trace.tb_next
    text = " ".join(("%s: %s" % (type(error).__name__, error)).split())
    found = AppbanError(
        "something happened that this release is not prepared for: %s" % text[:300],
        place,
        "This is a defect of the collection: please report it with this message",
    )
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
