# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A token that a service gave us for a while, and that every request carries (RFC 6750)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Token:
    """An access token.

    Args:
        value: the token itself.
        lifetime: seconds that it is good for, from when it was asked for.
    """

    value: str = field(repr=False)
    lifetime: float

    def headers(self) -> Mapping[str, str]:
        """The header that it authorizes a request with."""
        return {"Authorization": "Bearer " + self.value}
