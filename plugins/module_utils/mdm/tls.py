# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whom we believe to be the server."""

from __future__ import annotations

import os
from dataclasses import dataclass

from ..engine.errors import AppbanError


@dataclass(frozen=True)
class TlsSettings:
    """The two TLS options that every module has.

    They are handed to requests with every single request: what is set on its session loses against REQUESTS_CA_BUNDLE.

    Args:
        validate_certs: whether the server's certificate is checked.
        ca_path: file or folder of certificate authorities to trust instead of the public ones.
    """

    validate_certs: bool = True
    ca_path: str | None = None

    def __post_init__(self) -> None:
        if self.validate_certs and self.ca_path and not os.path.exists(self.ca_path):
            raise AppbanError("The file of certificate authorities doesn't exist", self.ca_path, "Correct ca_path")

    def verify(self) -> bool | str:
        """The value for ``verify=`` of a request."""
        if not self.validate_certs:
            return False
        return self.ca_path or True
