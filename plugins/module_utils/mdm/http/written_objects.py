# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write an object, then look what the server made of it: some answer 201 to a write of which they dropped or replaced half."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from ...engine.errors import ChangeFailed
from .clock import Clock
from .counters import Counters
from .http_errors import RequestFailed, UncertainWrite
from .read_back import wait_until

Kept = TypeVar("Kept")

#: Seconds until a write that was answered shows on every node.
SETTLES = 15.0
#: Seconds that a server may go on with a write whose answer was lost: it works out scopes and groups for the whole fleet.
IN_DOUBT = 120.0
GONE = "it isn't there"


def write_and_look(
    send: Callable[[], int | None],
    find: Callable[[int | None], Kept | None],
    differences: Callable[[Kept], list[str]],
    *,
    clock: Clock,
    what: str,
    product: str,
    counters: Counters | None = None,
) -> Kept:
    """Send a write once, and read until the server has what was written.

    Args:
        send: sends it; returns the object's id if the answer tells it.
        find: reads the object by that id, or by its name without one; None if it isn't there.
        differences: what of the write it doesn't have, in words.
        clock: for the pauses.
        what: the object, for messages: "the configuration profile Banned apps".
        product: what a person knows the server as.
        counters: counts the pauses, and tells of them.

    Returns:
        The object as the server has it.

    Raises:
        ChangeFailed: if the server keeps something else; its ``what`` names each difference.
        WriteInCheckMode, RequestFailed: nothing was written.
        OutOfTime
    """
    doubt: UncertainWrite | None = None
    number = None
    try:
        number = send()
    except UncertainWrite as error:
        doubt = error
    problems: list[str] = []

    def converged(found: Kept | None) -> bool:
        problems[:] = [GONE] if found is None else differences(found)
        return not problems

    seconds = SETTLES if doubt is None else IN_DOUBT
    try:
        found = wait_until(lambda: find(number), converged, clock=clock, expected="it is as written", seconds=seconds, counters=counters)
    except ChangeFailed as error:
        raise failed(what, problems, doubt, product) from error
    except RequestFailed as error:
        raise unseen(what, error, doubt) from error
    if found is None:
        raise failed(what, problems, doubt, product)
    return found


def delete_and_look(
    send: Callable[[], object],
    is_there: Callable[[], bool],
    *,
    clock: Clock,
    what: str,
    product: str,
    counters: Counters | None = None,
) -> None:
    """Send a deletion once, and look until the object is gone. Raises as ``write_and_look``."""
    doubt: UncertainWrite | None = None
    try:
        send()
    except UncertainWrite as error:
        doubt = error
    seconds = SETTLES if doubt is None else IN_DOUBT
    try:
        wait_until(is_there, lambda there: not there, clock=clock, expected="it is gone", seconds=seconds, counters=counters)
    except ChangeFailed as error:
        raise failed(what, ["it is still there"], doubt, product) from error
    except RequestFailed as error:
        raise unseen(what, error, doubt) from error


def failed(what: str, problems: list[str], doubt: UncertainWrite | None, product: str) -> ChangeFailed:
    """The error of a write that the server didn't keep."""
    said = "; ".join(problems)
    if doubt is not None:
        return ChangeFailed(
            "The server did not keep what was written to %s: %s. %s" % (what, said, doubt.what),
            doubt.where,
            "The server may still be at it; the next run looks again",
        )
    return ChangeFailed(
        "The server did not keep what was written to %s: %s" % (what, said),
        "",
        "Look at the object in %s: the server drops or replaces what it doesn't know, and other tools may write to it" % product,
    )


def unseen(what: str, error: RequestFailed, doubt: UncertainWrite | None) -> ChangeFailed:
    """The error of a write after which the server can't be read: nobody has seen what became of it."""
    begins = "It was written to %s" if doubt is None else "It may have been written to %s"
    return ChangeFailed((begins + ", but not seen what the server kept of it. %s") % (what, error.what), error.where, error.next_step)
