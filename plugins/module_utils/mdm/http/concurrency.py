# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A few requests at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def ordered_map(function: Callable[[Item], Result], items: Iterable[Item], workers: int = 4) -> Iterator[Result]:
    """Call a function for each item in a few threads and yield the results in the order of the items.

    The first failure stops the rest: nothing more is started, what runs is waited for, and the failure is raised at its place in the
    order. No more than twice ``workers`` results wait to be taken, however many items there are.

    Args:
        function: called with one item, from several threads at once.
        items: taken one by one, in the thread of the caller.
        workers: how many calls run at once.

    Raises:
        Exception: what ``function`` raised.
    """
    failures: list[BaseException] = []

    def unless_failed(item: Item) -> Result:
        if failures:
            raise failures[0]
        try:
            return function(item)
        except BaseException as failure:
            failures.append(failure)
            raise

    waiting: deque[Future[Result]] = deque()
    source = iter(items)
    pool = ThreadPoolExecutor(workers)
    try:
        while True:
            waiting += [pool.submit(unless_failed, item) for item in islice(source, 0 if failures else 2 * workers - len(waiting))]
            if not waiting:
                return
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
