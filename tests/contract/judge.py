# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The face of the contract: which part of it an exchange belongs to, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .defender import defender_violations, is_defender
from .exchange import read_exchange
from .graph import graph_violations, is_graph
from .graph_files import graph_contracts
from .oauth_token import is_token_endpoint, token_violations

#: This many violations are shown when an assertion fails.
SHOWN = 40


def violations(exchange: Mapping[str, Any], not_graph: Iterable[str] = ()) -> list[str]:
    """List what is wrong with one exchange, one line each.

    Args:
        exchange: a log entry of a simulator.
        not_graph: beginnings of paths that other services answer; only these are let through unread.

    Raises:
        ContractMissing: the vendor's files are not there.
        ValueError: for an exchange without its method, path or status.
    """
    read = read_exchange(exchange)
    if any(read.path.startswith(beginning) for beginning in not_graph):
        return []
    if is_token_endpoint(read.path):
        return token_violations(read)
    if is_graph(read.path):
        return graph_violations(read, graph_contracts())
    if is_defender(read.path):
        return defender_violations(read)
    return [f"{read.lead}: the path is no service's of this contract: neither /v1.0 nor /beta is in it"]


def check_all(exchanges: Iterable[Mapping[str, Any]], not_graph: Iterable[str] = ()) -> list[str]:
    """List what is wrong with some exchanges, each line once, with the number of the first exchange that has it."""
    beginnings = tuple(not_graph)
    found: dict[str, int] = {}
    for number, exchange in enumerate(exchanges, 1):
        for violation in violations(exchange, beginnings):
            found.setdefault(violation, number)
    return [f"exchange {number}: {violation}" for violation, number in found.items()]


def assert_no_violations(exchanges: Iterable[Mapping[str, Any]], not_graph: Iterable[str] = ()) -> None:
    """Fail with every violation of some exchanges. Fails as well if there are no exchanges: nothing would be proved."""
    every = list(exchanges)
    assert every, "no exchange to hold against the contract"
    found = check_all(every, not_graph)
    more = f"\n... and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    assert not found, f"{len(found)} violations of the contract:\n" + "\n".join(found[:SHOWN]) + more
