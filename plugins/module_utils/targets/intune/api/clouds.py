# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Microsoft's national clouds: which hosts each has. Tokens of one mean nothing to another."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from ....engine.errors import AppbanError
from ....mdm.http.urls import refuse_own_paths, require_https


@dataclass(frozen=True)
class Cloud:
    """The addresses of one cloud.

    Args:
        name: as in the option ``cloud``.
        authority_url: where tokens come from (Microsoft Entra ID).
        graph_url: Microsoft Graph, also the resource that its tokens are for.
        defender_url: the API of Defender for Endpoint, also the resource that its tokens are for; None where there is none.
    """

    name: str
    authority_url: str
    graph_url: str
    defender_url: str | None


#: Login and Graph hosts: Graph documentation, "National cloud deployments". M365 GCC uses the global service. The Defender host of the
#: US clouds is believed, not confirmed; defender_url corrects it.
CLOUDS = {
    "global": Cloud(
        "global", "https://login.microsoftonline.com", "https://graph.microsoft.com", "https://api.securitycenter.microsoft.com"
    ),
    "gcc": Cloud("gcc", "https://login.microsoftonline.com", "https://graph.microsoft.com", "https://api.securitycenter.microsoft.com"),
    "gcc_high": Cloud(
        "gcc_high", "https://login.microsoftonline.us", "https://graph.microsoft.us", "https://api-gov.securitycenter.microsoft.us"
    ),
    "dod": Cloud(
        "dod", "https://login.microsoftonline.us", "https://dod-graph.microsoft.us", "https://api-gov.securitycenter.microsoft.us"
    ),
    "china": Cloud("china", "https://login.chinacloudapi.cn", "https://microsoftgraph.chinacloudapi.cn", None),
}


_OWN_PATHS = {"graph_url": ("/v1.0", "/beta"), "authority_url": ("/oauth2/v2.0/token", "/oauth2/v2.0"), "defender_url": ("/api",)}


def choose_cloud(
    name: str = "global", graph_url: str | None = None, authority_url: str | None = None, defender_url: str | None = None
) -> Cloud:
    """Look a cloud up, with the addresses that the user knows better.

    Args:
        name: a key of ``CLOUDS``.
        graph_url: instead of the cloud's; for a cloud that isn't listed, or a simulator.
        authority_url: likewise.
        defender_url: likewise.

    Raises:
        AppbanError: for a name that isn't known, or an address that isn't https.
    """
    if name not in CLOUDS:
        near = difflib.get_close_matches(name, CLOUDS, 1)
        hint = "Did you mean %s? " % near[0] if near else ""
        raise AppbanError("There is no cloud named %r" % name, "cloud", "%sThe clouds are %s" % (hint, ", ".join(CLOUDS)))
    for option, url in (("graph_url", graph_url), ("authority_url", authority_url), ("defender_url", defender_url)):
        if url:
            require_https(url, option)
            refuse_own_paths(url, option, _OWN_PATHS.get(option, ()))
    cloud = CLOUDS[name]
    return Cloud(
        name,
        (authority_url or cloud.authority_url).rstrip("/"),
        (graph_url or cloud.graph_url).rstrip("/"),
        (defender_url or cloud.defender_url or "").rstrip("/") or None,
    )
