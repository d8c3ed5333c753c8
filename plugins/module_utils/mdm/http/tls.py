# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whom we believe to be the server."""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass

from ...engine.errors import AppbanError


@dataclass(frozen=True)
class TlsSettings:
    """The two TLS options that every module has.

    They are handed to requests with every single request: what is set on its session loses against REQUESTS_CA_BUNDLE.

    Args:
        validate_certs: whether the server's certificate is checked.
        ca_path: file (PEM) or folder (as of ``openssl rehash``) of certificate authorities to trust instead of the public ones.

    Raises:
        AppbanError: for a ca_path that can't be read or holds no certificate.
    """

    validate_certs: bool = True
    ca_path: str | None = None

    def __post_init__(self) -> None:
        if not self.validate_certs or not self.ca_path:
            return
        problem = ""
        try:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            if os.path.isdir(self.ca_path):
                context.load_verify_locations(capath=self.ca_path)
            else:
                context.load_verify_locations(cafile=self.ca_path)
        except ssl.SSLError:
            problem = "hold no certificate"
        except OSError as error:
            problem = "can't be read: %s" % error.strerror
        if problem:
            raise AppbanError("The certificate authorities %s" % problem, self.ca_path, "Correct ca_path; it names a PEM file")

    def verify(self) -> bool | str:
        """The value for ``verify=`` of a request."""
        if not self.validate_certs:
            return False
        return self.ca_path or True
