# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Showing how far a module is while it runs, from the file that it writes."""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from ..module_utils.engine.run_header import Provenance
from .progress_lines import IN_A_LOG, LONGEST_EVENT, ON_A_TERMINAL, Pace, Talk

#: Seconds between two looks into the file.
POLL = 0.2
_MOST_A_LOOK = 1024 * 1024
# Asked while this is loaded, which Ansible does in its own process: from 2.19 on the process of a task has no terminal.
_OUTPUT_IS_A_TERMINAL = bool(sys.stdout is not None and not sys.stdout.closed and sys.stdout.isatty())


def pace_here() -> Pace:
    """How often to say something to whoever reads the output. A job of AWX or of a pipeline may have a terminal that nobody looks at."""
    return ON_A_TERMINAL if _OUTPUT_IS_A_TERMINAL and not Provenance.here().job and not os.environ.get("CI") else IN_A_LOG


class Tail:
    """Reads what is appended to a file, and shows what there is to say of it.

    Args:
        path: the file.
        talk: makes lines of events.
        show: prints a line.
        clock: tells the seconds.
    """

    def __init__(self, path: str, talk: Talk, show: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self.path = path
        self.talk = talk
        self.show = show
        self.clock = clock
        self._offset = 0
        self._rest = b""

    def look(self) -> None:
        """Read what is new, and say what is due."""
        try:
            with open(self.path, "rb") as file:
                file.seek(self._offset)
                found = file.read(_MOST_A_LOOK)
        except OSError:
            found = b""
        self._offset += len(found)
        *lines, self._rest = (self._rest + found).split(b"\n")
        self._rest = self._rest[:LONGEST_EVENT]
        now = self.clock()
        for line in lines:
            if len(line) <= LONGEST_EVENT:
                self.talk.hear(line, now)
        due = self.talk.say(now)
        if due:
            self.show(due)


@contextmanager
def progress_shown(
    name: str,
    show: Callable[[str], None],
    pace: Pace,
    directory: str | None = None,
    clock: Callable[[], float] = time.monotonic,
    poll: float = POLL,
) -> Iterator[str]:
    """Give a file for events, and show what is written into it until the end of the block.

    Args:
        name: of the tenant.
        show: prints a line; called from another thread.
        pace: how often.
        directory: where the file is made.
        clock: tells the seconds.
        poll: seconds between two looks.

    Returns:
        The path of the file, or an empty text where none can be made.
    """
    try:
        descriptor, path = tempfile.mkstemp(prefix="progress-", dir=directory)
    except OSError:
        yield ""
        return
    os.close(descriptor)
    over = threading.Event()
    tail = Tail(path, Talk(name, pace, clock()), show, clock)

    def follow() -> None:
        while not over.wait(poll):
            tail.look()

    thread = threading.Thread(target=follow, name="appban progress", daemon=True)
    thread.start()
    try:
        yield path
    finally:
        over.set()
        thread.join()
        # What became of the file of the progress is nothing to the run.
        with suppress(OSError):
            os.unlink(path)
