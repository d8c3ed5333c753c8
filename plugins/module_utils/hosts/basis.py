# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a look at a host rests on: every file, directory, program and account that it read, each with a mark of its state.

While all marks are unchanged the host would give the same answers, so they may be used again. A question whose answer rests on
something that was not declared is asked every time. Configuration is marked by its content, package lists and databases by inode,
size, mtime and ctime, which nobody can set back.
"""

from __future__ import annotations

import errno
import hashlib
import os
import pwd
import stat
from typing import Callable, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from .found_files import levels_mark
from .home_scan import homes_mark
from .trust import Trust

#: Files below one directory that are marked at most; with more of them the mark never matches.
MOST_FILES = 20000
ABSENT = "-"
#: Kinds of input that stand for many files; an error of one of them says nothing about the others.
_OF_MANY = frozenset(("contents", "statuses", "homes", "levels"))


class Input(NamedTuple):
    """One thing that an answer rests on.

    Args:
        kind: ``content`` (a file, by content), ``names`` (of a directory), ``kind`` (what is at a path), ``status`` (a file, by inode and
            times), ``contents`` and ``statuses`` (all files below a directory), ``journal`` (SQLite's, which a mere read touches),
            ``program`` (what a name on the search path is), ``uid`` and ``account`` (an account by number or name), ``homes`` (many homes
            at once, see :mod:`.home_scan`), ``levels`` (files of wanted names some levels deep, see :mod:`.found_files`).
        of: a path, the name of a program, an account, or what the two last kinds describe their places by.
    """

    kind: str
    of: str


class Basis:
    """The inputs of one look, each marked when it was first read.

    Args:
        trust: how files are read.
    """

    def __init__(self, trust: Trust) -> None:
        self._trust = trust
        self.marks: Dict[Input, str] = {}
        #: The first question whose basis is not known; empty if there was none.
        self.undeclared = ""

    def add(self, kind: str, of: str, mark_now: Optional[str] = None) -> None:
        """Note an input; its mark is taken the first time."""
        each = Input(kind, of)
        if each not in self.marks:
            self.marks[each] = mark(self._trust, each) if mark_now is None else mark_now

    def rest_on(self, question: Sequence[str], inputs: Optional[Sequence[Tuple[str, str]]]) -> None:
        """Note the inputs of the answer to a question; None where they are not known."""
        if inputs is None:
            self.undeclared = self.undeclared or " ".join(question)[:200]
        for kind, of in inputs or ():
            self.add(kind, of)

    def holds(self) -> bool:
        """Whether every input of the look is known and none has changed since it was read."""
        return not self.undeclared and unchanged(self.to_plain())

    def to_plain(self) -> List[List[str]]:
        """``[kind, of, mark]`` for each input, as the host remembers them."""
        return [[each.kind, each.of, found] for each, found in self.marks.items()]


def unchanged(marks: Sequence[Sequence[str]]) -> bool:
    """Whether every input still has its mark. Looks at everything anew."""
    trust = Trust()
    # What could not be read through may be the same or another: nobody knows.
    return all(not (kind in _OF_MANY and found.startswith("!")) and mark(trust, Input(kind, of)) == found for kind, of, found in marks)


def mark(trust: Trust, each: Input) -> str:
    """The state of an input as text. What can't be read has a mark of its own, and so has what is not there."""
    try:
        return _MARKS[each.kind](trust, each.of)
    except OSError as error:
        return "!%s" % errno.errorcode.get(error.errno or 0, "")
    except (ValueError, RecursionError):
        # Of a name or content that a person made.
        return "!EINVAL"


def content_mark(content: Optional[bytes]) -> str:
    """The mark of a file's content; None for no file."""
    return ABSENT if content is None else hashlib.sha256(content).hexdigest()


def names_mark(names: Sequence[str]) -> str:
    """The mark of the names in a directory."""
    return hashlib.sha256(os.fsencode("\0".join(names))).hexdigest()


def kind_mark(status: Optional[os.stat_result]) -> str:
    """The mark of what is at a path: its type and owner."""
    return ABSENT if status is None else "%o %d" % (stat.S_IFMT(status.st_mode), status.st_uid)


def program_mark(trust: Trust, name: str, path: Optional[str], why: str) -> str:
    """The mark of what a name on the search path is."""
    return "%s %s %s" % (path, _status(trust, trust.place(path).path) if path else ABSENT, why)


def account_mark(account: Optional[pwd.struct_passwd]) -> str:
    """The mark of an account: where it lives, and what it is called."""
    return ABSENT if account is None else "%s %d %d %s" % (account.pw_name, account.pw_uid, account.pw_gid, account.pw_dir)


def find_account(find: Callable[[], pwd.struct_passwd]) -> Optional[pwd.struct_passwd]:
    """The account that a look-up finds; None for no account."""
    try:
        return find()
    except (KeyError, OverflowError):
        return None


def _content(trust: Trust, path: str) -> str:
    return content_mark(trust.read(path))


def _names(trust: Trust, path: str) -> str:
    return names_mark(trust.names(path))


def _kind(trust: Trust, path: str) -> str:
    return kind_mark(trust.status(path))


def _status(trust: Trust, path: str) -> str:
    return _told(trust.status(trust.place(path).path))


def _journal(trust: Trust, path: str) -> str:
    # SQLite makes its write-ahead log anew whenever the database is opened; while nothing is in it, it says nothing.
    status = trust.status(path)
    return _told(status) if status is not None and status.st_size else ABSENT


def _told(status: Optional[os.stat_result]) -> str:
    if status is None:
        return ABSENT
    return "%o %d %d %d %d" % (status.st_mode, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def _contents(trust: Trust, top: str) -> str:
    # A link that leads to no file, or through a person's directory, is known by its inode and times.
    return _digest(
        "%s %s" % (path, _content(trust, path) if is_file else _told(trust.status(path))) for path, is_file in _below(trust, top)
    )


def _statuses(trust: Trust, top: str) -> str:
    return _digest("%s %s" % (path, _told(trust.status(path))) for path, _is_file in _below(trust, top))


def _below(trust: Trust, top: str) -> Iterator[Tuple[str, bool]]:
    """Everything below a directory, and whether it is a file or a link that leads to one; directories that are links are not entered."""
    left = MOST_FILES
    pending = [top]
    while pending:
        directory = pending.pop()
        for name in trust.names(directory):
            path = os.path.join(directory, name)
            left -= 1
            if left < 0:
                raise OSError(errno.EFBIG, "more than %d files" % MOST_FILES, top)
            status = trust.status(path)
            if status is not None and stat.S_ISDIR(status.st_mode):
                pending.append(path)
            yield path, status is not None and _is_file(trust, path, status)


def _is_file(trust: Trust, path: str, status: os.stat_result) -> bool:
    if stat.S_ISLNK(status.st_mode):
        found = trust.status(trust.place(path).path)
        return found is not None and stat.S_ISREG(found.st_mode)
    return stat.S_ISREG(status.st_mode)


def _digest(lines: Iterator[str]) -> str:
    digest = hashlib.sha256()
    for line in lines:
        digest.update(os.fsencode(line) + b"\n")
    return digest.hexdigest()


def _program(trust: Trust, name: str) -> str:
    path, why = trust.program(name)
    return program_mark(trust, name, path, why)


_MARKS: Dict[str, Callable[[Trust, str], str]] = {
    "content": _content,
    "names": _names,
    "kind": _kind,
    "status": _status,
    "journal": _journal,
    "contents": _contents,
    "statuses": _statuses,
    "program": _program,
    "homes": homes_mark,
    "levels": levels_mark,
    "uid": lambda trust, uid: account_mark(find_account(lambda: pwd.getpwuid(int(uid)))),
    "account": lambda trust, name: account_mark(find_account(lambda: pwd.getpwnam(name))),
}
