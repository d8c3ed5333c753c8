# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server as a child process: started, waited for, and gone at the end whatever happens."""

from __future__ import annotations

import atexit
import ctypes
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

#: Seconds that a server may take until it answers. They take a few hundredths; this is for a machine that does much else.
PATIENCE = 30.0
_PR_SET_PDEATHSIG = 1
# Loaded ahead: between fork and exec as little as possible may happen.
_LIBC = ctypes.CDLL(None)


class NotStarted(Exception):
    """A server ended, or did not answer, before it was ready. The message has the end of its log."""


class ServerProcess:
    """One running server. Its output goes to a log file."""

    def __init__(self, command: Sequence[str], log: Path, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> None:
        self.command = list(command)
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        self._output: IO[bytes] = log.open("ab")
        self.child = subprocess.Popen(
            self.command,
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            env=None if env is None else dict(env),
            cwd=cwd,
            preexec_fn=_die_with_parent,
        )
        atexit.register(self.stop)

    def wait_until(self, ready: Callable[[], bool]) -> None:
        """Ask until the server is ready. Raises NotStarted where it ends before, or takes too long."""
        deadline = time.monotonic() + PATIENCE
        while not ready():
            try:
                # Waiting for the child's end is the pause between two questions.
                status = self.child.wait(0.005)
            except subprocess.TimeoutExpired:
                if time.monotonic() < deadline:
                    continue
                self.stop()
                raise NotStarted(f"{self.command[0]} did not answer within {PATIENCE:g} s:\n{self.last_words()}") from None
            self.stop()
            raise NotStarted(f"{self.command[0]} ended with status {status}:\n{self.last_words()}")

    def last_words(self) -> str:
        return self.log.read_text(errors="replace")[-2000:]

    def stop(self, how: int = signal.SIGTERM) -> None:
        """End it, by force if it doesn't go. Safe to call twice."""
        if self.child.poll() is None:
            self.child.send_signal(how)
            try:
                self.child.wait(10)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
        self._output.close()
        atexit.unregister(self.stop)


def _die_with_parent() -> None:
    """Have the kernel end the child when the process that started it dies, even by force (Linux; elsewhere nothing happens)."""
    try:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    except AttributeError:
        pass
