# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The instant of a run: what the user gave, or the clock, read here and nowhere else on the controller."""

from __future__ import annotations

from datetime import datetime, timezone

from ..module_utils.engine.errors import AppbanError
from ..module_utils.policy.instants import InstantError, read_now


def run_instant(text: str | None) -> datetime:
    """The run's instant, aware and without fractions of a second.

    Raises:
        AppbanError: for a text that is no instant with an offset.
    """
    if not text:
        return datetime.now(timezone.utc).replace(microsecond=0)
    try:
        return read_now(text).astimezone(timezone.utc).replace(microsecond=0)
    except InstantError as error:
        raise AppbanError("appban_now is %r, expected %s" % (text, error), "", "For example 2023-03-15T00:00:00+01:00") from error
