# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one door to a host: every command run and every file read or written goes through here.

Reads and writes are separate verbs. In check mode the write verbs refuse, so that check mode can't be forgotten by a caller. What is
read keeps to the trust rule (:mod:`.trust`) and is noted as what the look rests on (:mod:`.basis`).
"""

from __future__ import annotations

import errno
import os
import pwd
import stat
import time
from typing import TYPE_CHECKING, Dict, List, Mapping, Optional, Sequence, Tuple

from ..engine.errors import AppbanError, ChangeFailed, WriteInCheckMode
from .basis import Basis, account_mark, content_mark, find_account, kind_mark, names_mark, program_mark
from .process import CommandResult, Person, run
from .trust import Trust

if TYPE_CHECKING:
    from .found_files import FoundFile

# Package managers translate their messages and ask questions; a run must read plain English and never wait for an answer.
FIXED_ENVIRONMENT = {"LC_ALL": "C", "LANG": "C", "DEBIAN_FRONTEND": "noninteractive", "APT_LISTCHANGES_FRONTEND": "none"}
#: Seconds for a command that runs as a person: what a person keeps may hang it, and must not keep the host waiting.
PERSON_TIMEOUT = 15
#: After so many that hung, each further one of the run gets fewer seconds: somebody may own many accounts.
MOST_HANGING = 3
HASTY_TIMEOUT = 5
#: Seconds for all commands of a run that run as one account, and for those of all accounts together.
ACCOUNT_BUDGET = 20.0
PEOPLE_BUDGET = 120.0
_TEMPORARY = ".appban-new-"


class Unreadable(AppbanError):
    """Something is there and could not be looked at; what it holds is not known, which is not the same as nothing."""


class System:
    """Reads and writes of one host.

    Args:
        check_mode: refuse every write.
        command_timeout: seconds after which a command is ended and counted as failed.
    """

    def __init__(self, check_mode: bool = False, command_timeout: int = 900) -> None:
        self.check_mode = check_mode
        self.command_timeout = command_timeout
        self.trust = Trust()
        self.basis = Basis(self.trust)
        self.reads = 0
        self.writes = 0
        #: program -> why one of that name was passed over
        self.passed_over: Dict[str, str] = {}
        #: what a look found out once and several parts of it need
        self.memory: Dict[str, object] = {}
        self._found: Dict[str, Optional[str]] = {}
        self._hanging = 0
        #: number of an account -> seconds that commands took which ran as it
        self._spent: Dict[int, float] = {}

    def look_again(self) -> None:
        """Forget everything that was read, after a write."""
        self.trust = Trust()
        self.basis = Basis(self.trust)
        self.memory.clear()
        self._found.clear()

    # reads

    def which(self, program: str) -> Optional[str]:
        """Absolute path of a program that root may run, or None where the host hasn't got one."""
        if program not in self._found:
            path, why = self.trust.program(program)
            self._found[program] = path
            self.basis.add("program", program, program_mark(self.trust, program, path, why))
            if why:
                self.passed_over[program] = why
        return self._found[program]

    def query(
        self,
        argv: Sequence[str],
        env: Optional[Mapping[str, str]] = None,
        run_as: Optional[str] = None,
        rests_on: Optional[Sequence[Tuple[str, str]]] = None,
    ) -> CommandResult:
        """Run a command that only reads; the caller makes sure that it does.

        Args:
            argv: program and arguments.
            env: additions to the fixed environment.
            run_as: account to run as.
            rests_on: inputs (:class:`.basis.Input`) that alone decide the answer; None where nobody knows them all, and then nothing
                that this run saw is used again by the next.
        """
        self.reads += 1
        self.basis.rest_on(argv, rests_on)
        return self._run(argv, env, run_as)

    def read(self, path: str, limit: Optional[int] = None) -> Optional[bytes]:
        """Content of a regular file, or None where nothing is.

        Args:
            path: absolute path.
            limit: most bytes; by default what the trust rule allows in that place.

        Raises:
            Unreadable: it can't be read, or the trust rule forbids it: a link in a person's directory, no regular file, too large.
        """
        self.reads += 1
        try:
            content = self.trust.read(path, limit)
        except OSError as error:
            self.basis.add("content", path, "!%s" % errno.errorcode.get(error.errno or 0, ""))
            raise _unreadable("a file", path, error) from error
        self.basis.add("content", path, content_mark(content))
        return content

    def names_in(self, directory: str) -> List[str]:
        """Sorted names in a directory; empty where there is none.

        Raises:
            Unreadable: it can't be listed, it is no directory, or a link leads to it through a person's directory.
        """
        self.reads += 1
        try:
            names = self.trust.names(directory)
        except OSError as error:
            self.basis.add("names", directory, "!%s" % errno.errorcode.get(error.errno or 0, ""))
            raise _unreadable("a directory", directory, error) from error
        self.basis.add("names", directory, names_mark(names))
        return names

    def exists(self, path: str) -> bool:
        """Whether something is at the path, a dangling link included. Raises Unreadable where nobody can tell."""
        return self.status(path) is not None

    def is_link(self, path: str) -> bool:
        """Whether a symbolic link is at the path, dangling or not."""
        status = self.status(path)
        return status is not None and stat.S_ISLNK(status.st_mode)

    def status(self, path: str) -> Optional[os.stat_result]:
        """What is at the path itself; None where nothing is.

        Raises:
            Unreadable: a directory on the way can't be searched, or is a link or no directory in a place of a person's.
        """
        try:
            status = self.trust.status(path)
        except OSError as error:
            self.basis.add("kind", path, "!%s" % errno.errorcode.get(error.errno or 0, ""))
            raise _unreadable("a path", path, error) from error
        self.basis.add("kind", path, kind_mark(status))
        return status

    def account_of(self, uid: int) -> Optional[pwd.struct_passwd]:
        """The account with a number; None where the host's account database has none."""
        account = find_account(lambda: pwd.getpwuid(uid))
        self.basis.add("uid", str(uid), account_mark(account))
        return account

    def account_named(self, name: str) -> Optional[pwd.struct_passwd]:
        """The account of a name; None where the host's account database has none."""
        account = find_account(lambda: pwd.getpwnam(name))
        self.basis.add("account", name, account_mark(account))
        return account

    def is_root(self) -> bool:
        """Whether writes can succeed at all."""
        return os.geteuid() == 0

    # writes

    def write(self, path: str, content: bytes, mode: int = 0o644) -> None:
        """Put a file that is wholly ours in place at once (temporary file and rename), with exactly this mode and root as owner.

        A trusted link at the path is followed, so that an administrator's link stays a link.
        """
        self._refuse_in_check_mode("write %s" % path)
        self.writes += 1
        target = self._target(path)
        temporary = temporary_path(target)
        try:
            self._discard(temporary)
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            try:
                with os.fdopen(descriptor, "wb") as handle:
                    handle.write(content)
                    handle.flush()
                    # The process's umask has no say in who may read it.
                    os.fchmod(handle.fileno(), mode)
                    os.fsync(handle.fileno())
                os.rename(temporary, target)
            except BaseException:
                self._discard(temporary)
                raise
        except OSError as error:
            raise ChangeFailed("cannot write a file: %s" % error.strerror, path, "Check that the file system is writable") from error

    def edit(self, path: str, before: Optional[bytes], after: bytes, mode: int = 0o644) -> None:
        """Change a file that is not ours alone, in place: inode, owner, mode, access lists, attributes and hard links stay.

        Args:
            path: absolute path; a trusted link is followed.
            before: what the plan found in it; None where there was no file, which is then made with ``mode``.
            after: what it shall hold.

        Raises:
            ChangeFailed: it does not hold ``before`` any more, so somebody else is editing it; or it can't be written.
        """
        if before is None:
            self.write(path, after, mode)
            return
        self._refuse_in_check_mode("edit %s" % path)
        self.writes += 1
        target = self._target(path)
        try:
            descriptor = os.open(target, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            with os.fdopen(descriptor, "r+b", buffering=0) as handle:
                if not stat.S_ISREG(os.fstat(descriptor).st_mode) or os.pread(descriptor, len(before) + 1, 0) != before:
                    raise ChangeFailed("a file was changed by somebody else meanwhile", path, "Run again")
                os.pwrite(descriptor, after, 0)
                handle.truncate(len(after))
                os.fsync(descriptor)
        except OSError as error:
            raise ChangeFailed(
                "cannot edit a file: %s" % error.strerror, path, "Check its attributes (lsattr) and its file system"
            ) from error

    def make_directory(self, path: str, mode: int = 0o755) -> Tuple[str, ...]:
        """Make a directory and its missing parents, each with exactly this mode; returns those made, outermost first."""
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
                os.chmod(each, mode)
            except OSError as error:
                raise ChangeFailed("cannot make a directory: %s" % error.strerror, each, "Check the parent directory") from error
            made.append(each)
        return tuple(made)

    def set_mode(self, path: str, mode: int) -> None:
        """Give a file or directory of ours the mode that it was made with."""
        self._refuse_in_check_mode("set the mode of %s" % path)
        self.writes += 1
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                os.fchmod(descriptor, mode)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise ChangeFailed("cannot set a mode: %s" % error.strerror, path, "Check its file system") from error

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
        from .found_files import unlink_found

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

    def command(self, argv: Sequence[str], env: Optional[Mapping[str, str]] = None, run_as: Optional[str] = None) -> CommandResult:
        """Run a command that changes the host."""
        self._refuse_in_check_mode(" ".join(argv))
        self.writes += 1
        return self._run(argv, env, run_as)

    # inside

    def _refuse_in_check_mode(self, what: str) -> None:
        if self.check_mode:
            raise WriteInCheckMode("a write was attempted in check mode", what, "This is a defect of the collection; nothing was changed")

    def _target(self, path: str) -> str:
        target = self.trust.place(path).path
        if os.path.lexists(target) and not stat.S_ISREG(os.lstat(target).st_mode):
            # A link to /dev/null is a usual way to switch a drop-in off; renaming over its target would replace the device.
            raise ChangeFailed(
                "cannot write a file: something else is there", path, "Look at it on the host; it is a link to, or is, no regular file"
            )
        return target

    def _discard(self, temporary: str) -> None:
        try:
            os.unlink(temporary)
        except FileNotFoundError:
            pass

    def _run(self, argv: Sequence[str], env: Optional[Mapping[str, str]], run_as: Optional[str]) -> CommandResult:
        person = None
        timeout = self.command_timeout
        if run_as is not None:
            account = self.account_named(run_as)
            if account is None or account.pw_uid == 0:
                return CommandResult(tuple(argv), 127, "", "%s is no account to run this as" % run_as)
            person = Person(account.pw_name, account.pw_uid, account.pw_gid, account.pw_dir)
            timeout = min(timeout, PERSON_TIMEOUT if self._hanging < MOST_HANGING else HASTY_TIMEOUT)
            left = min(ACCOUNT_BUDGET - self._spent.get(account.pw_uid, 0.0), PEOPLE_BUDGET - sum(self._spent.values()))
            if left <= 0:
                return CommandResult(tuple(argv), 124, "", "not run: commands of %s, or of all people, took too long before" % run_as)
            timeout = min(timeout, max(1, int(left)))
        # A person's own program may run as that person, never as root.
        program = argv[0] if person and "/" in argv[0] else self._program(argv[0])
        if program is None:
            return CommandResult(tuple(argv), 127, "", "%s: %s" % (argv[0], self.passed_over.get(argv[0], "no such program")))
        full = {"PATH": self.trust.search_path(), "HOME": person.home if person else "/root"}
        if person:
            full.update(USER=person.name, LOGNAME=person.name)
        full.update(FIXED_ENVIRONMENT)
        full.update(env or {})
        started = time.monotonic()
        result = run((program,) + tuple(argv[1:]), full, person, timeout)
        if person:
            self._spent[person.uid] = self._spent.get(person.uid, 0.0) + time.monotonic() - started
        if person and result.rc == 124:
            self._hanging += 1
        return result

    def _program(self, name: str) -> Optional[str]:
        if "/" not in name:
            return self.which(name)
        problem = self.trust.why_not_run(name)
        if problem:
            self.passed_over[name] = problem
        return None if problem else name


def temporary_path(target: str) -> str:
    """Where :meth:`System.write` puts a file before it takes its place; a run that was killed may leave it."""
    directory, name = os.path.split(target)
    return os.path.join(directory, _TEMPORARY + name)


def _unreadable(what: str, path: str, error: OSError) -> Unreadable:
    shown = os.fsencode(path).decode("utf-8", "backslashreplace")
    return Unreadable("cannot look at %s: %s" % (what, error.strerror or error), shown, "Look at it on the host, as root")
