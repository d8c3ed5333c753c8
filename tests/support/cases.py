# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cases of one property that cost seconds: a few of them on every change, all of them in the long suite."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

Check = Callable[..., None]
Test = Callable[[int], None]


def cases(names: str | Sequence[str], values: Iterable[Any], *, quick: int = 1, ids: Sequence[str] | None = None) -> pytest.MarkDecorator:
    """As pytest.mark.parametrize, with the mark ``long`` on all cases but the first.

    Args:
        names: a name, or several.
        values: a value each, a tuple each where there are several names, or what pytest.param gave. The most telling come first.
        quick: how many belong to the quick suite.
        ids: their names in the output.
    """
    single = isinstance(names, str)
    marked = []
    for number, value in enumerate(values):
        # What pytest.param gives is a tuple as well, and has marks.
        known = value if hasattr(value, "marks") else pytest.param(*([value] if single else value))
        marks = [*known.marks, *([pytest.mark.long] if number >= quick else [])]
        marked.append(pytest.param(*known.values, id=ids[number] if ids else known.id, marks=marks))
    return pytest.mark.parametrize(names, marked)


def several(*, quick: int, full: int) -> pytest.MarkDecorator:
    """Gives a test of random input the number of its examples: few in the quick suite, all of them in the long one."""
    return pytest.mark.parametrize("examples", [pytest.param(quick, id="few"), pytest.param(full, id="many", marks=pytest.mark.long)])


def drawn(*strategies: st.SearchStrategy[Any], quick: int, full: int, **named: st.SearchStrategy[Any]) -> Callable[[Check], Test]:
    """As hypothesis.given, for a test of nothing but random input, with as many examples as the function above gives."""

    def decorate(check: Check) -> Test:
        @several(quick=quick, full=full)
        def test(examples: int) -> None:
            patiently = settings(max_examples=examples, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
            patiently(given(*strategies, **named)(check))()

        # Not functools.wraps, which would have pytest look for fixtures of the check's names.
        test.__name__, test.__qualname__, test.__doc__ = check.__name__, check.__qualname__, check.__doc__
        return test

    return decorate
