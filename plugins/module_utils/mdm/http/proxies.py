# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which proxy a request takes.

requests can read the environment itself, but then it also takes certificate authorities and passwords of ~/.netrc from there.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from .urls import is_loopback, origin


@dataclass(frozen=True)
class Proxies:
    """The proxies of a run.

    Args:
        by_scheme: scheme of the request ("https", "http", "all") -> URL of the proxy.
        exceptions: the entries of NO_PROXY: ``*``, host or domain suffix, IP address, CIDR, each with an optional port.
        spare_loopback: whether this machine's own addresses are asked directly.
    """

    by_scheme: Mapping[str, str] = field(default_factory=dict, repr=False)
    exceptions: tuple[str, ...] = ()
    spare_loopback: bool = True

    def choose(self, url: str) -> dict[str, str]:
        """The proxy for one URL, in the form requests takes; empty to go there directly."""
        scheme, host, port = origin(url)
        proxy = self.by_scheme.get(scheme) or self.by_scheme.get("all")
        if not proxy or (self.spare_loopback and is_loopback(host)):
            return {}
        if any(matches(entry, host, port) for entry in self.exceptions):
            return {}
        return {scheme: proxy}

    def passwords(self) -> list[str]:
        """The passwords in the URLs of the proxies, for the redactor."""
        return [password for url in self.by_scheme.values() if (password := urlsplit(url).password)]


def choose_proxies(environ: Mapping[str, str], proxy: str | None = None, no_proxy: str | None = None) -> Proxies:
    """Read the proxies of a run.

    Args:
        environ: the process environment; HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY count, in either case, lower case first.
        proxy: the option, which wins over the environment; an empty string means no proxy at all.
        no_proxy: the option, which wins over NO_PROXY.
    """

    def variable(name: str) -> str:
        return environ.get(name.lower()) or environ.get(name.upper()) or ""

    exceptions = no_proxy if no_proxy is not None else variable("no_proxy")
    entries = tuple(entry for entry in re.split(r"[,\s]+", exceptions) if entry)
    if proxy is not None:
        return Proxies({"all": with_scheme(proxy)} if proxy else {}, entries, spare_loopback=False)
    found = {scheme: variable("%s_proxy" % scheme) for scheme in ("https", "http", "all")}
    return Proxies({scheme: with_scheme(url) for scheme, url in found.items() if url}, entries)


def with_scheme(proxy: str) -> str:
    """Write a proxy that is given as HOST:PORT as a URL."""
    return proxy if "://" in proxy else "http://" + proxy


def matches(entry: str, host: str, port: int) -> bool:
    """Say whether one entry of NO_PROXY means a host."""
    if entry == "*":
        return True
    bracketed = re.fullmatch(r"\[([^\]]+)\](?::(\d+))?", entry)
    with_port = re.fullmatch(r"([^:]+):(\d+)", entry)
    name, wanted = entry, None
    if bracketed:
        name, wanted = bracketed[1], bracketed[2]
    elif with_port:
        name, wanted = with_port[1], with_port[2]
    if wanted is not None and int(wanted) != port:
        return False
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        suffix = name.lower().lstrip("*").lstrip(".")
        return bool(suffix) and (host == suffix or host.endswith("." + suffix))
    try:
        return address in ipaddress.ip_network(name, strict=False)
    except ValueError:
        return False
