# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The instant of a run, for plugins of the controller: a mistake comes as the error that they show."""

from __future__ import annotations

from datetime import datetime

from ..module_utils.engine.errors import AppbanError
from ..module_utils.policy import run_instant as policy_instant
from ..module_utils.policy.instants import InstantError


def run_instant(text: str | None) -> datetime:
    """The run's instant, aware and without fractions of a second.

    Raises:
        AppbanError: for a text that is no instant with an offset.
    """
    try:
        return policy_instant.run_instant(text)
    except InstantError as error:
        raise AppbanError(str(error)) from error
