# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The accounts of people on a host, and where their homes are.

A home is known by its owner, not by its name: two accounts may share one, one account may have several (a copy of a home among them),
and its owner may be in a directory service, or in no account database any more.
"""

from __future__ import annotations

import os
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

from .backend import Unseen
from .found_files import printable
from .home_scan import HomeFacts, PlaceFacts, facts_mark, homes_input, scan_home, scan_place
from .open_places import OpenPlaces
from .slow_places import each_in_time, is_inside, is_slow, slow_mounts
from .system import System, Unreadable

#: Directories that hold the homes of accounts from a directory service, which /etc/passwd does not list.
HOME_ROOTS: Tuple[str, ...] = ("/home",)
#: What data of a person's can make of a reader; anything else is a defect of ours.
PART_FAILS = (ValueError, RecursionError, OverflowError)
_FIRST_PERSON = 1000
_NOBODY = 65534
_WHY = {
    "link": "a link leads there, and links in places of people are not followed",
    "name": "what looks like a deployment there has a name that no reference of flatpak's has, so nobody can tell it to remove it",
    "slow": "its file system gave no answer in time",
    "EACCES": "root may not read it (a file server that maps root to nobody?)",
    "EPERM": "root may not read it",
    "many": "there are too many files",
    "EFBIG": "there are too many files",
    "EINVAL": "it is no regular file",
    "odd": "what is there can't be made sense of",
}


class Home(NamedTuple):
    """One home.

    Args:
        path: where it is, without trusted links.
        claimed_by: numbers of the local accounts whose home this is by /etc/passwd.
        facts: what was found in it.
    """

    path: str
    claimed_by: Tuple[int, ...]
    facts: HomeFacts

    def is_of_a_person(self) -> bool:
        """Whether root, a person, or a system account that owns its own home lives there."""
        return is_person(self.facts.uid) or self.facts.uid in self.claimed_by


def people_of(system: System, apps: Sequence[str] = ()) -> People:
    """The people of a host. The homes are searched once in a look; a caller who asks for no more than that gets the same object."""
    found = system.memory.get("people")
    if not isinstance(found, People) or not found.knows(apps):
        found = system.memory["people"] = People(system, apps)
    return found


class People:
    """The homes of a host, with what was found in them.

    Args:
        system: the host.
        apps: application ids of flatpak that are looked for.
    """

    def __init__(self, system: System, apps: Sequence[str] = ()) -> None:
        self._system = system
        self._apps = tuple(sorted(apps))
        self._mounts = slow_mounts()
        self._names: Dict[int, str] = {}
        self.unseen: List[Unseen] = []
        self.homes: Tuple[Home, ...] = tuple(self._find())

    def knows(self, apps: Sequence[str]) -> bool:
        """Whether these applications were looked for."""
        return set(apps) <= set(self._apps)

    def name_of(self, uid: int) -> Optional[str]:
        """The name of an account; None where the account database has none. A directory service is asked only for those needed."""
        if uid not in self._names:
            account = self._system.account_of(uid)
            return None if account is None else account.pw_name
        return self._names[uid]

    def look_at_places(self, paths: Sequence[str]) -> List[PlaceFacts]:
        """Look at further places where settings say that somebody's flatpak is."""
        with OpenPlaces(self._system.trust) as places:
            facts = self.scan(paths, lambda path: scan_place(places, path, self._apps), PlaceFacts)
        if paths:
            self._rest_on(homes_input((), paths, self._apps), paths, facts)
        return facts

    def is_slow(self, path: str) -> bool:
        """Whether a place may never answer."""
        return bool(self._mounts) and is_slow(path, self._mounts)

    def scan(self, paths: Sequence[str], look: Callable[[str], Any], no_answer: Callable[[str], Any]) -> List[Any]:
        """The answer of ``look`` for each place.

        Args:
            paths: the places.
            look: looks at one.
            no_answer: makes the answer of a problem, for a place that answers not in time (``slow``) or not in order (``odd``).
        """

        def guarded(path: str) -> Any:
            try:
                return look(path)
            except PART_FAILS:
                # One account's data, whatever it is, must not end the look at the others.
                return no_answer("odd")

        self._system.reads += len(paths)
        if not self._mounts:
            return [guarded(path) for path in paths]
        slow = [path for path in paths if self.is_slow(path)]
        answers = dict(zip(slow, each_in_time(guarded, slow)))
        return [(answers[path] or no_answer("slow")) if path in answers else guarded(path) for path in paths]

    # inside

    def _find(self) -> List[Home]:
        claims = self._local_claims()
        listed = {path for root in HOME_ROOTS for path in self._listed(root)}
        beside = {path for root in self._roots_beside(claims) for path in self._listed(root)}
        first = self._scan_homes(sorted(listed.union(beside, claims)))
        # A directory of root's in between: /home/DOMAIN/user.
        between = {path for path, facts in first.items() if path in listed and facts.uid == 0 and path not in claims}
        deeper = {path for directory in between for path in self._listed(directory)}
        facts = {**first, **self._scan_homes(sorted(deeper.difference(first)))}
        claimed: Dict[Any, List[int]] = {}
        for path, uids in claims.items():
            claimed.setdefault(facts[path].identity, []).extend(uids)
        homes: Dict[Any, Home] = {}
        for path in sorted(facts, key=lambda each: (each not in claims, each)):
            identity = facts[path].identity
            stranger = path not in claims and path not in listed and path not in deeper and not is_person(facts[path].uid or 1)
            if path not in between and not stranger and not facts[path].problem and identity not in homes:
                real = self._system.trust.place(path).path
                homes[identity] = Home(real, tuple(claimed.get(identity, ())), facts[path])
        return list(homes.values())

    def _roots_beside(self, claims: Dict[str, List[int]]) -> List[str]:
        """Where the homes of local people lie, if elsewhere: accounts of a directory service will have theirs beside them."""
        parents = {os.path.dirname(home) for home, uids in claims.items() if any(uid >= _FIRST_PERSON for uid in uids)}
        return sorted(parent for parent in parents.difference(HOME_ROOTS, ("/",)) if self._system.trust.is_trusted_directory(parent))

    def _scan_homes(self, paths: Sequence[str]) -> Dict[str, HomeFacts]:
        with OpenPlaces(self._system.trust) as places:
            scanned = self.scan(paths, lambda path: scan_home(places, path, self._apps), HomeFacts)
        if paths:
            self._rest_on(homes_input(paths, (), self._apps), paths, scanned)
        for path, facts in zip(paths, scanned):
            if facts.problem and facts.problem != "ENOENT":
                self.unseen.append(unreadable_home(path, facts.problem))
        return dict(zip(paths, scanned))

    def _rest_on(self, of: str, paths: Sequence[str], facts: Sequence[Any]) -> None:
        slow = any(self.is_slow(path) for path in paths)
        self._system.basis.add("homes", of, "!slow" if slow else facts_mark(facts))

    def _listed(self, directory: str) -> List[str]:
        """What is in a directory of homes."""
        # A directory of homes that is a mount of a network is listed in time or not at all.
        slow = is_inside(directory, self._mounts)
        try:
            names = None if slow and each_in_time(os.listdir, [directory])[0] is None else self._system.names_in(directory)
        except Unreadable:
            names = None
        if names is None:
            self.unseen.append(unreadable_home(directory, "slow" if slow else ""))
            return []
        return [os.path.join(directory, name) for name in names]

    def _local_claims(self) -> Dict[str, List[int]]:
        """Home -> the local accounts that have it."""
        claims: Dict[str, List[int]] = {}
        for line in (self._system.read("/etc/passwd") or b"").decode("utf-8", "replace").splitlines():
            fields = line.split(":")
            if len(fields) != 7 or not fields[2].isdigit() or len(fields[2]) > 10 or not fields[5].startswith("/"):
                continue
            uid = int(fields[2])
            self._names.setdefault(uid, fields[0])
            home = os.path.normpath(fields[5])
            if home not in ("/", "//") and uid != _NOBODY:
                claims.setdefault(home, []).append(uid)
        return claims


def is_person(uid: int) -> bool:
    """Whether an account's number is that of root or of a person."""
    return uid == 0 or (uid >= _FIRST_PERSON and uid != _NOBODY)


def unreadable_home(path: str, problem: str) -> Unseen:
    """The note about a place of a person that was not looked into.

    Args:
        path: the place.
        problem: as in :class:`.home_scan.HomeFacts`.
    """
    why = _WHY.get(problem, problem or "it could not be listed")
    return Unseen("home_unreadable", "%s was not looked into: %s" % (printable(path), why))
