# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a device says that it could not do something. In the form of Apple's ErrorChain; the codes are the usual ones and no promise."""

from __future__ import annotations

from typing import Any


class Refused(Exception):
    """The device doesn't do it."""

    def __init__(self, domain: str, code: int, text: str) -> None:
        super().__init__(text)
        self.domain, self.code, self.text = domain, code, text

    def chain(self) -> list[dict[str, Any]]:
        return [
            {
                "ErrorCode": self.code,
                "ErrorDomain": self.domain,
                "LocalizedDescription": self.text,
                "USEnglishDescription": self.text,
            }
        ]


def not_installable(text: str) -> Refused:
    """A profile that the device rejects."""
    return Refused("MCInstallationErrorDomain", 4001, text)


def command_failed(text: str, code: int = 12021) -> Refused:
    """A command that the device can't carry out."""
    return Refused("MCMDMErrorDomain", code, text)
