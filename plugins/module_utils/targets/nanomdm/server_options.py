# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which servers the options name: a NanoMDM with or without a KMFDDM beside it, or a NanoHUB in the place of both. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

#: Options with a variable of the environment that stands in for them. The servers' own variables hold what they themselves listen to.
ENVIRONMENT = {
    "nanomdm_url": "APPBAN_NANOMDM_URL",
    "nanomdm_api_key": "APPBAN_NANOMDM_API_KEY",
    "kmfddm_url": "APPBAN_KMFDDM_URL",
    "kmfddm_api_key": "APPBAN_KMFDDM_API_KEY",
    "nanohub_url": "APPBAN_NANOHUB_URL",
    "nanohub_api_key": "APPBAN_NANOHUB_API_KEY",
    "enrollments_sql": "APPBAN_NANOMDM_DSN",
}
#: What a NanoHUB has no use for. Its own storages are files, memory and MySQL, so there is no database that enrollments_sql could read.
OF_PAIR = ("nanomdm_url", "nanomdm_api_key", "kmfddm_url", "kmfddm_api_key", "enrollments_sql")
OF_HUB = ("nanohub_url", "nanohub_api_key")


def with_one_kind_of_servers(params: Mapping[str, Any], environ: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """A module's parameters without those that are for the other kind of servers.

    What a task gives decides, and what stands in from the environment for the other kind is left aside: one controller may hold the keys
    of several tenants.

    Args:
        environ: the environment that the variables stand in from.

    Returns:
        The parameters, and what is wrong with them.
    """
    given = {name for name in (*OF_PAIR, *OF_HUB) if params[name]}
    lent = {name for name in given if environ.get(ENVIRONMENT[name]) == params[name]}
    own = given - lent
    pair, hub = [name for name in OF_PAIR if name in own], [name for name in OF_HUB if name in own]
    if pair and hub:
        return dict(params), [_both(pair, hub)]
    addresses = [name for name in ("nanomdm_url", "kmfddm_url", "nanohub_url") if name in lent]
    if not own and "nanohub_url" in addresses and len(addresses) > 1:
        return dict(params), ["%s are set, and only one of these servers can be meant" % _variables(addresses)]
    is_hub = bool(hub) or (not pair and "nanohub_url" in addresses)
    others = OF_PAIR if is_hub else OF_HUB
    kept = {**params, **dict.fromkeys(others)}
    return kept, _hub_problems(kept) if is_hub else _pair_problems(kept)


def _both(pair: list[str], hub: list[str]) -> str:
    said = "%s can't be given together with %s" % (" and ".join(pair), " and ".join(hub))
    if pair == ["enrollments_sql"]:
        return said + ": a NanoHUB has no PostgreSQL database; give enrollments or enrollments_file"
    return said + ": a NanoHUB is NanoMDM and KMFDDM in one, with one address and one key"


def _hub_problems(params: Mapping[str, Any]) -> list[str]:
    return [] if params["nanohub_url"] and params["nanohub_api_key"] else ["nanohub_url and nanohub_api_key go together"]


def _pair_problems(params: Mapping[str, Any]) -> list[str]:
    problems = []
    if not params["nanomdm_url"] or not params["nanomdm_api_key"]:
        problems.append("nanomdm_url and nanomdm_api_key are needed, or nanohub_url and nanohub_api_key for a NanoHUB")
    if bool(params["kmfddm_url"]) != bool(params["kmfddm_api_key"]):
        problems.append("kmfddm_url and kmfddm_api_key go together")
    return problems


def _variables(names: Sequence[str]) -> str:
    return " and ".join("%s (%s)" % (name, ENVIRONMENT[name]) for name in names)
