# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one door to a host: every command run and every file written goes through here.

Reads and writes are separate verbs. In check mode the write verbs refuse, so that check mode can't be forgotten by a caller.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from typing import Dict, List, Mapping, Optional, Sequence, Tuple

from ..engine.errors import AppbanError, ChangeFailed, WriteInCheckMode
from .found_files import FoundFile, unlink_found

# Package managers translate their messages and ask questions; a run must read plain English and never wait for an answer.
FIXED_ENVIRONMENT = {"LC_ALL": "C", "LANG": "C", "DEBIAN_FRONTEND": "noninteractive", "APT_LISTCHANGES_FRONTEND": "none"}
SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/snap/bin:/opt/homebrew/bin:/home/linuxbrew/.linuxbrew/bin"


@dataclass(frozen=True)
class CommandResult:
    """How a command ended: exit code and decoded output."""

    argv: Tuple[str, ...]
    rc: int
    stdout: str
    stderr: str

    def explain(self) -> str:
        """The last telling line of the output, for an error message."""
        lines = [line.strip() for line in (self.stderr + "\n" + self.stdout).splitlines() if line.strip()]
        return "rc %d: %s" % (self.rc, lines[-1] if lines else "no output")


class System:
    """Reads and writes of one host.

    Args:
        check_mode: refuse every write.
        command_timeout: seconds after which a command is ended and counted as failed.
    """

    def __init__(self, check_mode: bool = False, command_timeout: int = 900) -> None:
        self.check_mode = check_mode
        self.command_timeout = command_timeout
        self.reads = 0
        self.writes = 0
        self._found: Dict[str, Optional[str]] = {}

    # reads

    def which(self, program: str) -> Optional[str]:
        """Absolute path of a program, or None where the host hasn't got it."""
        if program not in self._found:
            self._found[program] = shutil.which(program, path=SEARCH_PATH)
        return self._found[program]

    def query(
        self,
        argv: Sequence[str],
        env: Optional[Mapping[str, str]] = None,
        run_as: Optional[str] = None,
    ) -> CommandResult:
        """Run a command that only reads. The caller answers for that."""
        self.reads += 1
        return self._run(argv, env, None, run_as)

    def read(self, path: str) -> Optional[bytes]:
        """Content of a regular file (links followed), or None where there is none."""
        self.reads += 1
        try:
            with open(path, "rb") as handle:
                return handle.read()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise AppbanError("cannot read a file: %s" % error.strerror, path, "Run as root (become) on this host") from error

    def names_in(self, directory: str) -> List[str]:
        """Sorted names in a directory; empty where there is none or it can't be read."""
        self.reads += 1
        try:
            return sorted(os.listdir(directory))
        except OSError:
            return []

    def exists(self, path: str) -> bool:
        """Whether something is at the path, a dangling link included."""
        return os.path.lexists(path)

    def is_link(self, path: str) -> bool:
        """Whether a symbolic link is at the path, dangling or not."""
        return os.path.islink(path)

    def is_root(self) -> bool:
        """Whether writes can succeed at all."""
        return os.geteuid() == 0

    # writes

    def write(self, path: str, content: bytes, mode: int = 0o644) -> None:
        """Put a file in place at once (temporary file and rename), keeping mode and owner of the one it replaces.

        A symbolic link is followed, so that an administrator's link stays a link.
        """
        self._refuse_in_check_mode("write %s" % path)
        self.writes += 1
        target = os.path.realpath(path)
        directory = os.path.dirname(target)
        if os.path.exists(target) and not os.path.isfile(target):
            # A link to /dev/null is a usual way to switch a drop-in off; renaming over its target would replace the device.
            raise ChangeFailed(
                "cannot write a file: something else is there", path, "Look at it on the host; it is a link to, or is, no regular file"
            )
        before = os.stat(target) if os.path.exists(target) else None
        try:
            descriptor, temporary = tempfile.mkstemp(prefix=".appban-", dir=directory)
            try:
                with os.fdopen(descriptor, "wb") as handle:
                    handle.write(content)
                    handle.flush()
                    os.fsync(handle.fileno())
                os.chmod(temporary, stat.S_IMODE(before.st_mode) if before else mode)
                if before:
                    os.chown(temporary, before.st_uid, before.st_gid)
                os.rename(temporary, target)
            except BaseException:
                os.unlink(temporary)
                raise
        except OSError as error:
            raise ChangeFailed("cannot write a file: %s" % error.strerror, path, "Check that the file system is writable") from error

    def make_directory(self, path: str, mode: int = 0o755) -> Tuple[str, ...]:
        """Make a directory and its missing parents; returns those made, outermost first."""
        self._refuse_in_check_mode("make directory %s" % path)
        made = []
        missing = []
        current = path
        while not os.path.isdir(current):
            missing.append(current)
            current = os.path.dirname(current)
        for each in reversed(missing):
            self.writes += 1
            try:
                os.mkdir(each, mode)
            except OSError as error:
                raise ChangeFailed("cannot make a directory: %s" % error.strerror, each, "Check the parent directory") from error
            made.append(each)
        return tuple(made)

    def remove_file(self, path: str) -> None:
        """Delete one file or link; nothing happens where it is already gone."""
        self._refuse_in_check_mode("delete %s" % path)
        try:
            os.unlink(path)
        except FileNotFoundError:
            return
        except OSError as error:
            raise ChangeFailed("cannot delete a file: %s" % error.strerror, path, "Check its attributes (lsattr)") from error
        self.writes += 1

    def remove_found_file(self, file: FoundFile) -> None:
        """Delete exactly the file that a search found; nothing happens where it is gone or something else took its place."""
        self._refuse_in_check_mode("delete %s" % file.shown)
        try:
            if unlink_found(file):
                self.writes += 1
        except OSError as error:
            raise ChangeFailed("cannot delete a file: %s" % error.strerror, file.shown, "Check its attributes (lsattr)") from error

    def remove_empty_directory(self, path: str) -> None:
        """Delete a directory if nothing is in it; otherwise leave it."""
        self._refuse_in_check_mode("delete directory %s" % path)
        try:
            os.rmdir(path)
        except OSError:
            return
        self.writes += 1

    def command(
        self,
        argv: Sequence[str],
        env: Optional[Mapping[str, str]] = None,
        stdin: Optional[bytes] = None,
        run_as: Optional[str] = None,
    ) -> CommandResult:
        """Run a command that changes the host."""
        self._refuse_in_check_mode(" ".join(argv))
        self.writes += 1
        return self._run(argv, env, stdin, run_as)

    # inside

    def _refuse_in_check_mode(self, what: str) -> None:
        if self.check_mode:
            raise WriteInCheckMode("a write was attempted in check mode", what, "This is a defect of the collection; nothing was changed")

    def _run(
        self,
        argv: Sequence[str],
        env: Optional[Mapping[str, str]],
        stdin: Optional[bytes],
        run_as: Optional[str],
    ) -> CommandResult:
        full = {"PATH": SEARCH_PATH, "HOME": "/root"}
        if run_as is not None:
            account = pwd.getpwnam(run_as)
            full["HOME"] = account.pw_dir
            argv = ("su", "-s", "/bin/sh", run_as, "-c", 'exec "$0" "$@"', "--") + tuple(argv)
        full.update(FIXED_ENVIRONMENT)
        full.update(env or {})
        try:
            # AnsibleModule.run_command ends nothing but the command itself at its time limit; see below.
            process = subprocess.Popen(  # pylint: disable=ansible-bad-function
                list(argv),
                stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=full,
                cwd="/",
                start_new_session=True,
            )
        except OSError as error:
            return CommandResult(tuple(argv), 127, "", "%s: %s" % (argv[0], error.strerror))
        try:
            stdout, stderr = process.communicate(stdin, timeout=self.command_timeout)
            rc = process.returncode
        except subprocess.TimeoutExpired:
            # The whole session: dpkg and rpm leave scriptlets behind that would hold the database lock.
            os.killpg(process.pid, signal.SIGTERM)
            try:
                stdout, stderr = process.communicate(timeout=10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                stdout, stderr = process.communicate()
            rc = 124
            stderr += b"\nno end after %d seconds" % self.command_timeout
        return CommandResult(tuple(argv), rc, stdout.decode("utf-8", "replace"), stderr.decode("utf-8", "replace"))
