# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a run learns what devices have told: the webhook log, or the server's database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .api.enrollment_database import EnrollmentDatabase
from .api.webhook_log import read_webhook_log
from .objects import DeviceReport, Interests


@dataclass
class Reports:
    """What devices have told.

    Args:
        webhook_log: path of the log; empty for none.
        database: where there is no log; None for none.
    """

    webhook_log: str = ""
    database: EnrollmentDatabase | None = None
    problems: tuple[str, ...] = ()
    last_at: str = ""

    def __bool__(self) -> bool:
        return bool(self.webhook_log) or self.database is not None

    def read(self, interests: Interests) -> Mapping[str, DeviceReport]:
        """What is of interest, by enrolment id.

        Raises:
            AppbanError: where it can't be read.
        """
        if self.webhook_log:
            reading = read_webhook_log(self.webhook_log, interests)
            self.problems, self.last_at = reading.problems, reading.last_at
            if not reading.lines:
                self.problems = ("it is empty, so nothing is known of what devices have told",)
            return reading.reports
        return self.database.reports(interests) if self.database is not None else {}

    def instant(self) -> str:
        """What the clock says by which devices' instants are told, or said when last heard; empty where nobody knows.

        Raises:
            AppbanError: where it can't be read.
        """
        return self.last_at if self.webhook_log else self.database.instant() if self.database is not None else ""
