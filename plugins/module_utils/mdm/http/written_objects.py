# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write an object, then look what the server made of it: some answer 201 to a write of which they dropped or replaced half."""

from __future__ import annotations

import abc
from collections.abc import Callable, Sequence
from typing import Any, Generic, Protocol, TypeVar

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
    send: Callable[[], Any],
    find: Callable[[Any], Kept | None],
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
    except (RequestFailed, ChangeFailed) as error:
        raise (unseen(what, error, doubt) if isinstance(error, RequestFailed) else failed(what, problems, doubt, product)) from error
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
    except (RequestFailed, ChangeFailed) as error:
        there = ["it is still there"]
        raise (unseen(what, error, doubt) if isinstance(error, RequestFailed) else failed(what, there, doubt, product)) from error


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


def changed_meanwhile(what: str, name: str, number: object) -> ChangeFailed:
    """The error of an object that is not what the plan was made from: it is left alone, because on servers without locks who writes last
    wins.
    """
    return ChangeFailed(
        "Somebody changed %s %s while this run was planned; it was left alone" % (what, name),
        "id %s" % number,
        "Run again; the next run looks at it anew",
    )


class There(Protocol):
    """What every object that is there has."""

    @property
    def id(self) -> Any:
        """What the server knows it by."""

    @property
    def name(self) -> str:
        """What it is called."""


KeptObject = TypeVar("KeptObject", bound=There)


class KeptObjects(abc.ABC, Generic[KeptObject]):
    """Objects of one kind on a server. A write is sent once, and only as long as the object is what the plan was made from; then the server
    is looked at until it has what was written.

    Args:
        what: what one is called in messages: "the configuration profile".
        product: what a person knows the server as.
    """

    def __init__(self, what: str, product: str, clock: Clock, counters: Counters) -> None:
        self.what = what
        self.product = product
        self.clock = clock
        self.counters = counters

    # What a target says.

    @abc.abstractmethod
    def read(self, number: Any) -> KeptObject | None:
        """One of them; None if it isn't there."""

    @abc.abstractmethod
    def numbers_called(self, name: str) -> Sequence[Any]:
        """Ids of those of a name."""

    @abc.abstractmethod
    def differences(self, wanted: KeptObject, found: KeptObject) -> list[str]:
        """What of a wanted object the server doesn't have, in words."""

    @abc.abstractmethod
    def send_new(self, wanted: KeptObject) -> Any:
        """Send what makes an object; return its id, if the answer tells it."""

    @abc.abstractmethod
    def send_changed(self, wanted: KeptObject) -> None:
        """Send what changes the object with the id of the wanted one."""

    @abc.abstractmethod
    def send_deletion(self, number: Any, name: str) -> None:
        """Send what deletes an object."""

    @abc.abstractmethod
    def is_ours(self, found: KeptObject) -> bool:
        """Whether an object is still ours; whoever deletes one has to be able to tell."""

    # What is the same everywhere.

    def refuse_changed(self, name: str, seen: KeptObject | None) -> None:
        """Refuse to write what is not as it was. seen: what the plan was made from; None for an object that was not there.

        Raises:
            ChangeFailed, RequestFailed, OutOfTime
        """
        if seen is None:
            doubles = self.numbers_called(name)
            if doubles:
                raise changed_meanwhile(self.what, name, doubles[0])
        elif self.read(seen.id) != seen:
            raise changed_meanwhile(self.what, seen.name, seen.id)

    def write(self, wanted: KeptObject, seen: KeptObject | None) -> KeptObject:
        """Make an object, or change it, as long as it is as it was. Raises as ``refuse_changed`` and ``create``."""
        self.refuse_changed(wanted.name, seen)
        return self.create(wanted) if seen is None else self.update(wanted)

    def create(self, wanted: KeptObject) -> KeptObject:
        """Make an object, and return it as the server has it.

        Raises:
            ChangeFailed: if the server doesn't keep what was written; nothing is taken back.
            WriteInCheckMode, RequestFailed, OutOfTime, AppbanError
        """
        return self.keep(wanted, lambda: self.send_new(wanted))

    def update(self, wanted: KeptObject) -> KeptObject:
        """Change the object with the id of the wanted one, and return it as the server has it. Raises as ``create``."""
        return self.keep(wanted, lambda: self.send_changed(wanted))

    def keep(self, wanted: KeptObject, send: Callable[[], Any]) -> KeptObject:
        """Send a write and look what became of it. send: returns the id, if the answer tells it. Raises as ``create``."""

        def find(number: Any) -> KeptObject | None:
            known = number or wanted.id or next(iter(self.numbers_called(wanted.name)), None)
            return self.read(known) if known else None

        return write_and_look(
            send,
            find,
            lambda found: self.differences(wanted, found),
            clock=self.clock,
            counters=self.counters,
            product=self.product,
            what="%s %s" % (self.what, wanted.name),
        )

    def delete(self, number: Any, name: str) -> None:
        """Delete an object; one that is gone already is as good. Raises as ``create``."""
        delete_and_look(
            lambda: self.send_deletion(number, name),
            lambda: self.read(number) is not None,
            clock=self.clock,
            counters=self.counters,
            product=self.product,
            what="%s %s" % (self.what, name),
        )

    def delete_seen(self, seen: KeptObject) -> None:
        """Delete an object, if it is there and still ours. Raises as ``refuse_changed`` and ``create``."""
        current = self.read(seen.id)
        if current is None:
            return
        if not self.is_ours(current):
            raise changed_meanwhile(self.what, seen.name, seen.id)
        self.delete(seen.id, seen.name)
