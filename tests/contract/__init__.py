# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The vendor's contract, read strictly: what the adapter sent and what a simulator answered, held against Microsoft's own description.

    assert_no_violations(exchanges)                    # fails with one line for each violation
    violations(exchange)                               # the lines of one exchange
    violations(exchange, not_graph=("/blob/",))        # paths that other services answer, which this contract doesn't know

An exchange is what a simulator logs; see tests/contract/exchange.py for its keys.
"""

from __future__ import annotations

from .graph_files import ContractMissing, graph_contracts
from .judge import assert_no_violations, check_all, violations

__all__ = ["ContractMissing", "assert_no_violations", "check_all", "graph_contracts", "violations"]
