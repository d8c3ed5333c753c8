# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running one command: as root or as a person, with its output in memory files, and every wait bounded.

Output goes to files and the wait is for the process: a daemon that a removal script starts keeps its copies of them open, and nobody
waits for that. The command has a session of its own, so it outlives a module that is killed, and ends by itself.
"""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import tempfile
import threading
from typing import IO, Any, List, Mapping, NamedTuple, Optional, Sequence, Tuple

#: Bytes of a command's output that are read; a command that writes more than the bound is ended.
MOST_OUTPUT = 64 << 20
#: Seconds that a command gets to end after it was told to, and once more after it was killed.
GRACE = 10
#: The same for a person's program, which leaves nothing of the system's half done and may ignore the first for as long as it likes.
PERSON_GRACE = 2
#: Seconds that a command which is changing the host gets to finish when the module itself is told to end.
INTERRUPTED_GRACE = 30
#: Bytes of the output of a person's program that are read.
PERSON_OUTPUT = 1 << 20
#: Bytes of one file that a command which runs as a person can write.
PERSON_FILE_LIMIT = 256 << 20
_LOOK_EVERY = 0.5
_MOST_TOLD = 4
_TOLD_LENGTH = 500
# Lines that say that there was an error, and not which.
_NO_NEWS = (
    "use dpkg --audit",
    "e: sub-process",
    # Debian's rpm says so before everything.
    "rpm: rpm should not be used directly",
    "rpm: however assuming you know",
)
# pacman's last words: what it was, a hook's own reason or the files in conflict, is the end of its ordinary output.
_SUMMARIES = ("error: command failed to execute correctly", "error: failed to commit transaction")
_PROGRESS = ("::", "(", "errors occurred")
_NEWS = ("error", "e: ", "fatal", "cannot", "can't", "failed", "not ")


class Interrupted(BaseException):
    """The module was told to end (a signal). Nothing catches it but the place that ends the run in order."""


class CommandResult(NamedTuple):
    """How a command ended: exit code and decoded output."""

    argv: Tuple[str, ...]
    rc: int
    stdout: str
    stderr: str

    def explain(self) -> str:
        """The lines of the output that say what went wrong, for an error message; printable characters only."""
        told = _telling(self.stderr)
        if told and all(line.lower().startswith(_SUMMARIES) for line in told):
            told = [line for line in _lines(self.stdout) if not line.lower().startswith(_PROGRESS)][-2:] + told
        return "rc %d: %s" % (self.rc, _joined(told or _telling(self.stdout, errors_only=True)) or "no output")


class Person(NamedTuple):
    """An account to run a command as.

    Args:
        name: its name.
        uid: its number.
        gid: its group.
        home: its home directory.
    """

    name: str
    uid: int
    gid: int
    home: str


def run(argv: Sequence[str], env: Mapping[str, str], person: Optional[Person], timeout: float) -> CommandResult:
    """Run a command to its end, or for at most ``timeout`` seconds.

    Args:
        argv: the program's absolute path, and arguments.
        env: its whole environment.
        person: the account to run as; None for our own. No PAM is asked: an account that has expired or must change its password
            still owns what it has installed.
        timeout: seconds after which the command and its session are ended, and the exit code is 124.
    """

    def become() -> None:
        if person is not None:
            os.initgroups(person.name, person.gid)
            os.setgid(person.gid)
            os.setuid(person.uid)
            # What it writes before anybody looks at the size of its output is memory of the system's.
            resource.setrlimit(resource.RLIMIT_FSIZE, (PERSON_FILE_LIMIT, PERSON_FILE_LIMIT))
        os.umask(0o022)

    with _memory_file("stdout") as stdout, _memory_file("stderr") as stderr:
        try:
            # AnsibleModule.run_command waits for the pipes and ends nothing but the command itself at its time limit.
            process = subprocess.Popen(  # pylint: disable=ansible-bad-function
                list(argv),
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                env=dict(env),
                cwd="/",
                start_new_session=True,
                preexec_fn=become,
            )
        except (OSError, subprocess.SubprocessError) as error:
            return CommandResult(tuple(argv), 127, "", "%s: %s" % (argv[0], getattr(error, "strerror", None) or error))
        more = _wait(process, (stdout, stderr), timeout, GRACE if person is None else PERSON_GRACE)
        rc = 124 if more or process.returncode is None else process.returncode
        most = MOST_OUTPUT if person is None else PERSON_OUTPUT
        return CommandResult(tuple(argv), rc, _text(stdout, most), _text(stderr, most) + more)


def _wait(process: subprocess.Popen[bytes], outputs: Tuple[IO[bytes], ...], timeout: float, grace: float) -> str:
    """Wait for the process alone; returns what to add to its messages where it had to be ended."""
    # A thread, because a wait with a time limit polls, and a short command would pay half of its time again.
    waiter = threading.Thread(target=process.wait, daemon=True)
    waiter.start()
    left = timeout
    try:
        while waiter.is_alive() and left > 0:
            waiter.join(min(left, _LOOK_EVERY))
            left -= _LOOK_EVERY
            if waiter.is_alive() and any(os.fstat(each.fileno()).st_size > MOST_OUTPUT for each in outputs):
                return _end(process, waiter, "more than %d bytes of output" % MOST_OUTPUT, grace)
    except Interrupted:
        # A package manager that is ended halfway leaves more to repair than one that may finish.
        waiter.join(INTERRUPTED_GRACE)
        if waiter.is_alive():
            _end(process, waiter, "", grace)
        raise
    return _end(process, waiter, "no end after %d seconds" % timeout, grace) if waiter.is_alive() else ""


def _end(process: subprocess.Popen[bytes], waiter: threading.Thread, why: str, grace: float) -> str:
    # The whole session: dpkg and rpm leave scriptlets behind that would hold the database lock.
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            pass
        waiter.join(grace)
        if not waiter.is_alive():
            return "\n" + why
    return "\n%s, and it could not be ended (process %d)" % (why, process.pid)


def _memory_file(name: str) -> Any:
    """A file that takes no place on a disk, gone when it is closed."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("appban-" + name), "w+b", buffering=0)
    return tempfile.TemporaryFile(buffering=0)


def _text(handle: IO[bytes], most: int) -> str:
    # The command shares the position with us and may still be writing.
    return os.pread(handle.fileno(), most, 0).decode("utf-8", "replace")


def _joined(lines: List[str]) -> str:
    """Lines as one; what ends with a colon goes on in the next."""
    return "; ".join(lines).replace(":; ", ": ")


def _lines(output: str) -> List[str]:
    """The lines of an output, printable, without empty ones and repetitions."""
    lines = ["".join(each if each.isprintable() else " " for each in line).strip()[:_TOLD_LENGTH] for line in output.splitlines()]
    return [line for line in dict.fromkeys(lines) if line]


def _telling(output: str, errors_only: bool = False) -> List[str]:
    # dpkg ends with a list of names under a headline, which the lines above have told already.
    lines = _lines(output.split("Errors were encountered while processing:")[0])
    lines = [line for line in lines if not line.lower().startswith(_NO_NEWS)]
    news = [line for line in lines if any(word in line.lower() for word in _NEWS)]
    if errors_only:
        chosen = news or lines[-1:]
    else:
        chosen = lines if len(lines) <= _MOST_TOLD else news or lines
    # The first lines say what happened; later ones are what followed from it.
    return [line[:_TOLD_LENGTH] for line in chosen[:_MOST_TOLD]]
