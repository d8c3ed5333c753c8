# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which addresses we talk to: https everywhere, tokens only to the host they are for."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from typing import TypeAlias
from urllib.parse import quote, urlsplit

from ...engine.errors import AppbanError

#: A value of a query: None leaves the parameter out, a list repeats it.
QueryValue: TypeAlias = "str | int | bool | Iterable[str] | None"
DEFAULT_PORTS = {"https": 443, "http": 80}
#: Letters of a URL in a message at most.
LONGEST_SHOWN = 200


def is_loopback(host: str) -> bool:
    """Say whether a host name means this machine: localhost, 127.0.0.0/8 or ::1."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def origin(url: str) -> tuple[str, str, int]:
    """Split a URL into scheme, host and port, the port of the scheme filled in.

    Raises:
        AppbanError: for what is no absolute http or https URL, or one that two readers may read differently.
    """
    problem = ""
    parts = None
    port = None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        problem = "can't be read"
    if parts is None or parts.scheme not in DEFAULT_PORTS or not parts.hostname:
        problem = problem or "is not an absolute https URL"
    elif re.search(r"[\\\s\x00-\x1f\x7f]", url):
        # urllib and urllib3 don't agree where the host of such a URL ends.
        problem = "holds white space, a backslash or a control character"
    elif "@" in parts.netloc:
        problem = "holds a user name before the host"
    if problem or parts is None or not parts.hostname:
        raise AppbanError("A URL %s" % problem, shown(url), "Give it as https://HOST/PATH")
    return parts.scheme, parts.hostname.lower(), DEFAULT_PORTS[parts.scheme] if port is None else port


def require_https(url: str, name: str) -> None:
    """Refuse a URL over which a secret would travel in the clear.

    Args:
        url: an absolute URL.
        name: what it is, for the message ("graph_url").

    Raises:
        AppbanError: unless it is https, or http to this very machine.
    """
    scheme, host, _port = origin(url)
    if scheme != "https" and not is_loopback(host):
        raise AppbanError("%s is not an https URL" % name, shown(url), "Use https; plain http is for this machine's own addresses only")


def refuse_own_paths(url: str, name: str, paths: Iterable[str]) -> None:
    """Refuse an address that already ends in a path which is put behind it here: people copy it from a request that they have seen.

    Args:
        url: an absolute URL.
        name: of the option, for the message.
        paths: such paths, ``/api/v1``, the longer before the shorter.

    Raises:
        AppbanError: with the address that was probably meant.
    """
    bare = url.rstrip("/")
    for path in paths:
        if bare.lower().endswith(path.lower()):
            meant = bare[: -len(path)].rstrip("/")
            raise AppbanError(
                "%s ends in %s, which is put behind it here" % (name, path), shown(url), "Give %s; nothing was contacted" % shown(meant)
            )


def require_same_origin(url: str, base_url: str, what: str) -> None:
    """Refuse a link that leads away from the server that gave it.

    Args:
        url: the link.
        base_url: where the token belongs.
        what: what was being done, for the message ("list the groups").

    Raises:
        AppbanError: unless scheme, host and port are the same.
    """
    if origin(url) != origin(base_url):
        raise AppbanError(
            "Failed to %s: the server gave a link to another host, and the token doesn't go there" % what,
            "%s instead of %s" % (shown(url), shown(base_url)),
            "Check the URL in the connection options, and a proxy that may rewrite answers",
        )


def join(base_url: str, path: str) -> str:
    """Put a path after a base URL; an absolute URL stays as it is."""
    if re.match(r"[a-zA-Z][a-zA-Z0-9+.-]*://", path):
        return path
    return base_url.rstrip("/") + "/" + path.lstrip("/")


def with_query(url: str, params: Mapping[str, QueryValue] | None) -> str:
    """Add a query, percent-encoded with %20 for a space: OData takes a plus sign for a plus sign."""
    pairs = []
    for name, value in (params or {}).items():
        values: Iterable[object]
        if value is None:
            continue
        if isinstance(value, bool):
            values = ["true" if value else "false"]
        elif isinstance(value, (str, int)):
            values = [value]
        else:
            values = value
        pairs += ["%s=%s" % (quote(name, safe="$@"), quote(str(one), safe="")) for one in values]
    if not pairs:
        return url
    return url + ("&" if "?" in url else "?") + "&".join(pairs)


def in_a_message(url: str) -> str:
    """A URL as ``shown``, cut where it is long: NanoMDM's may name thousands of devices."""
    bare = shown(url)
    return bare if len(bare) <= LONGEST_SHOWN else bare[:LONGEST_SHOWN] + "..."


def shown(url: str) -> str:
    """A URL for a message: without query, fragment and user name, which may hold secrets or personal data."""
    bare = re.split(r"[?#]", url, maxsplit=1)[0]
    return re.sub(r"^([a-zA-Z][a-zA-Z0-9+.-]*://)[^/]*@", r"\1", bare)
