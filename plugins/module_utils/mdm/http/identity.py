# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a tenant is, whatever an inventory calls it: two names of one tenant have the same identity. No secret is part of one. Pure."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from urllib.parse import urlsplit

from ...engine.errors import AppbanError
from .urls import origin, shown


@dataclass(frozen=True)
class Identity:
    """The identity of a tenant.

    Args:
        kind: of the target.
        called: what people know it by.
        key: what makes it the same tenant, in the form in which it is compared.
    """

    kind: str
    called: str
    key: tuple[str, ...]

    def __str__(self) -> str:
        return "%s, %s" % (self.kind, self.called)

    @property
    def digest(self) -> str:
        """A name that is the same for the same tenant and fits into that of a file."""
        return hashlib.sha256("\n".join((self.kind, *self.key)).encode("utf-8", "replace")).hexdigest()[:32]


def identity_of_server(kind: str, url: str | None, path: str | None = None) -> Identity | None:
    """The identity of a server that is known by its address; None for an address that can't be read, which is refused elsewhere.

    Args:
        kind: of the target.
        url: the address.
        path: what is put behind it.
    """
    try:
        scheme, host, port = origin((url or "").strip())
    except AppbanError:
        return None
    whole = "%s/%s" % (urlsplit((url or "").strip()).path, path or "")
    return Identity(kind, shown((url or "").strip()).rstrip("/"), (scheme, host, str(port), "/".join(filter(None, whole.split("/")))))
