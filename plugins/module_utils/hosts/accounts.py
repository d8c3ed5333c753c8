# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The accounts of people on a host, and where their homes are."""

from __future__ import annotations

import os
import pwd
from dataclasses import dataclass
from typing import Dict, List, Optional, Tuple

from .system import System

#: Directories that hold the homes of accounts from a directory service, which /etc/passwd does not list.
HOME_ROOTS: Tuple[str, ...] = ("/home",)
_FIRST_PERSON = 1000
_NOBODY = 65534


@dataclass(frozen=True)
class Account:
    """One account with an existing home of its own."""

    name: str
    uid: int
    home: str


def people(system: System) -> Tuple[Account, ...]:
    """Root and every person who has a home on this host, sorted by name, each home once.

    Reads /etc/passwd and the directories below /home; never asks a directory service for a list, which may be long and slow.
    """
    by_home: Dict[str, Account] = {}
    for account in _local_accounts(system) + _owners_of_homes(system, HOME_ROOTS):
        home = os.path.realpath(account.home)
        if home not in by_home and home != "/" and os.path.isdir(home):
            by_home[home] = Account(account.name, account.uid, home)
    return tuple(sorted(by_home.values(), key=lambda account: account.name))


def _local_accounts(system: System) -> List[Account]:
    accounts = []
    for line in (system.read("/etc/passwd") or b"").decode("utf-8", "replace").splitlines():
        fields = line.split(":")
        if len(fields) != 7 or not fields[2].isdigit():
            continue
        uid = int(fields[2])
        if _is_person(uid) and fields[5].startswith("/"):
            accounts.append(Account(fields[0], uid, fields[5]))
    return accounts


def _owners_of_homes(system: System, roots: Tuple[str, ...], depth: int = 2) -> List[Account]:
    """Owners of home directories; a directory of root's in between (``/home/DOMAIN/user``) is looked into once."""
    accounts = []
    for root in roots:
        for name in system.names_in(root):
            path = os.path.join(root, name)
            if os.path.islink(path) or not os.path.isdir(path):
                continue
            uid = _owner_id(path)
            if uid == 0 and depth > 1:
                accounts.extend(_owners_of_homes(system, (path,), depth - 1))
            elif uid and _is_person(uid):
                owner = _name_of(uid)
                if owner is not None:
                    accounts.append(Account(owner, uid, path))
    return accounts


def _is_person(uid: int) -> bool:
    return uid == 0 or (uid >= _FIRST_PERSON and uid != _NOBODY)


def _name_of(uid: int) -> Optional[str]:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return None


def owner_of(path: str) -> Optional[str]:
    """Name of the account that owns a file or directory; None where there is none or the account has no name."""
    uid = _owner_id(path)
    return None if uid is None else _name_of(uid)


def _owner_id(path: str) -> Optional[int]:
    try:
        return os.stat(path).st_uid
    except OSError:
        return None
