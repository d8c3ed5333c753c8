# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a session proves who it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class Authorize(Protocol):
    """Gives the headers of a request; each vendor has its own."""

    def headers(self) -> Mapping[str, str]:
        """The headers that authorize a request; may ask for a token first.

        Raises:
            AppbanError: if there is no token to be had.
        """

    def refused(self, headers: Mapping[str, str]) -> bool:
        """Take note that the server answered 401 to these headers.

        Returns:
            Whether ``headers()`` now gives others, so that one more attempt makes sense.
        """


class Anonymous:
    """For servers that want no proof."""

    def headers(self) -> Mapping[str, str]:
        return {}

    def refused(self, headers: Mapping[str, str]) -> bool:
        return False


class ApiKey:
    """For servers that want the same header with every request. The key is a secret, which the redactor of the run has to know."""

    def __init__(self, header: str, key: str) -> None:
        self._headers = {header: key}

    def __repr__(self) -> str:
        return "ApiKey()"

    def headers(self) -> Mapping[str, str]:
        return self._headers

    def refused(self, headers: Mapping[str, str]) -> bool:
        return False
