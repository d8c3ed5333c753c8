# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The instant of a run: what the user gave, or the clock, read here and nowhere else in the policy core."""

from __future__ import annotations

from datetime import datetime, timezone

from .instants import InstantError, read_now


def run_instant(text: str | None, option: str = "appban_now") -> datetime:
    """The run's instant, aware and without fractions of a second.

    Args:
        text: an instant with an offset; nothing or an empty text means the clock.
        option: how the user calls it, for the message.

    Raises:
        InstantError: for a text that is no instant with an offset; the message is the whole sentence for the user.
    """
    if not text:
        return datetime.now(timezone.utc).replace(microsecond=0)
    try:
        return read_now(text).astimezone(timezone.utc).replace(microsecond=0)
    except InstantError as error:
        raise InstantError(f"{option} is {text!r}, expected {error}. For example 2023-03-15T00:00:00+01:00") from error
