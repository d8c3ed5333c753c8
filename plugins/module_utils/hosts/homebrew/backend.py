# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Homebrew (macOS and Linux): detect by directories, remove as the prefix's owner, block by the forbidden lists.

Written from documentation and Homebrew's source, tested on recorded output and with a stand-in for ``brew``; not run on a real
Homebrew (fact sheet hosts_linux 9). A formula and a cask may have the same name, so names say which they are:
``formula:NAME`` and ``cask:NAME``.
"""

from __future__ import annotations

import json
import os
import re
from typing import Any, Dict, FrozenSet, List, Mapping, Optional, Sequence, Set, Tuple

from ...engine.plan import Change
from ..backend import Block, BlockPlan, BlockRequest, Package, Refusal, RemovalPlan, RemovalRequest, Unseen
from ..found_files import printable
from ..steps import CommandStep, FileStep
from ..system import System, Unreadable
from .brew_env import CASKS, COMMENT, FORMULAE, MARK, BrewEnvEdit, add_forbidden, drop_forbidden, forbidden, owned_by_marks
from .prefixes import Prefix, find_prefixes

ENV_PATH = "/etc/homebrew/brew.env"
MECHANISM = "environment"
STRENGTH = "soft"
BYPASSES = (
    "a download from the maker, without Homebrew",
    "a Homebrew older than the forbidden lists",
    "editing /etc/homebrew/brew.env",
)
# brew tidies up on its own initiative after an uninstall: unneeded dependencies, old downloads, a self-update before it.
_ONLY_WHAT_WAS_ASKED = (
    "HOMEBREW_NO_AUTOREMOVE=1",
    "HOMEBREW_NO_AUTO_UPDATE=1",
    "HOMEBREW_NO_INSTALL_CLEANUP=1",
    "HOMEBREW_NO_ENV_HINTS=1",
    "HOMEBREW_NO_ANALYTICS=1",
)
_KEYS = {"formula": FORMULAE, "cask": CASKS}
_ROOMS = {"formula": "Cellar", "cask": "Caskroom"}


# Names of formulae and versions as Homebrew makes them; a person may make others, which it never reads.
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9@._+-]{0,127}\Z")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9@._+/-]{0,127}\Z")
#: Formulae whose receipts are read at most, and names of a prefix's own settings that are taken over.
_MOST_FORMULAE = 3000
_RECEIPT_LIMIT = 1 << 18
_MOST_BYTES = 16 << 20
_MOST_CARRIED = 200


class Homebrew:
    """The Homebrew backend.

    Args:
        system: the host.
    """

    name = "homebrew"
    kinds: Tuple[str, ...] = ("brew_formula", "brew_cask")
    database = "homebrew"

    def __init__(self, system: System) -> None:
        self._system = system
        self._unseen: List[Unseen] = []
        self._found: Optional[Tuple[Prefix, ...]] = None

    def version(self) -> Optional[str]:
        """Homebrew's version, or None where this host hasn't got it. Asked as the prefix's owner, for brew refuses root."""
        prefixes = self._prefixes()
        if not prefixes:
            return None
        if not prefixes[0].owner:
            return ""
        result = self._system.query((prefixes[0].brew, "--version"), run_as=prefixes[0].owner)
        words = result.stdout.split()
        return words[1] if len(words) > 1 and words[0] == "Homebrew" else ""

    def installed(self, names: FrozenSet[str]) -> Tuple[Package, ...]:
        """Which of the names have a directory in a prefix; only those are looked into, and no process is started."""
        found: List[Package] = []
        self._unseen = []
        self._found = None
        for prefix in self._prefixes():
            if prefix.why_not:
                self._look_at_refused(prefix, names)
                continue
            for name in sorted(names):
                try:
                    found.extend(self._installed_in(prefix, name))
                except (Unreadable, ValueError, RecursionError) as error:
                    # Whatever its owner keeps there, the look at the other prefixes goes on.
                    self._miss(prefix, "%s: %s" % (name, error))
        return tuple(found)

    def unseen(self) -> Tuple[Unseen, ...]:
        """Prefixes that must not be used, and what of others could not be looked into."""
        return tuple(self._unseen)

    def files(self, packages: Sequence[Package]) -> Tuple[str, ...]:
        """None: everything that Homebrew installs is in the directory by which an installed package is found."""
        return ()

    def plan_removal(self, request: RemovalRequest) -> RemovalPlan:
        """One change per formula or cask; a formula that another one needs is refused, or goes with it if that is allowed."""
        by_scope = {prefix.scope: prefix for prefix in self._usable()}
        to_remove: List[Package] = list(request.packages)
        more: List[str] = []
        for prefix in self._usable():
            here = [package.name for package in to_remove if package.scope == prefix.scope]
            formulae = {_short(name) for name in here if name.startswith("formula:")}
            for name, version in self._dependents(prefix, formulae) if formulae else ():
                to_remove.append(Package("formula:%s" % name, version, prefix.scope))
                more.append("formula:%s" % name)
        if more and not request.allow_dependents:
            message = "homebrew: %s would lose what they need. Remove them first, or set allow_dependents" % ", ".join(sorted(more))
            lines = tuple("remove %s" % package.name for package in to_remove)
            refusal = Refusal(self.name, "dependents", tuple(package.name for package in request.packages), lines, message)
            return RemovalPlan(refusals=(refusal,))
        # Dependents first, so that brew never has a reason to refuse.
        changes = tuple(self._removal(by_scope[package.scope], package) for package in reversed(to_remove))
        return RemovalPlan(changes, tuple(to_remove), tuple(more))

    def plan_block(self, request: BlockRequest, owned: Mapping[str, Any]) -> BlockPlan:
        """Names on the forbidden lists of the system-wide settings, which get the last word over people's own."""
        current = self._system.read(ENV_PATH)
        ours: Mapping[str, Any] = owned.get("edit") or owned_by_marks(current)
        if not request.names and not owned and not ours:
            return BlockPlan()
        wanted: Dict[str, List[str]] = {FORMULAE: [], CASKS: []}
        for name in request.names:
            kind, token = _split(name)
            wanted[_KEYS[kind]].append(token)
        notes = (
            ["Homebrew knows no stronger block than its forbidden lists: %s" % ", ".join(sorted(request.strong))] if request.strong else []
        )
        self._carry(wanted, notes)
        base = drop_forbidden(current, ours)
        edit = _edited(current, base.content, wanted, ours) if request.names else base
        drift = self._drift(current, ours)
        remembered: Dict[str, Any] = {}
        if request.names:
            made = list(owned.get("made_directories", ())) or (
                [] if self._system.exists(os.path.dirname(ENV_PATH)) else [os.path.dirname(ENV_PATH)]
            )
            remembered = {"edit": dict(edit.owned), "names": list(request.names)}
            if made:
                remembered["made_directories"] = made
        changes: Tuple[Change, ...] = ()
        if edit.content != current:
            op = "delete" if edit.content is None else "create" if current is None else "update"
            step = FileStep(ENV_PATH, edit.content, made_directories=tuple(owned.get("made_directories", ())), shared=True, before=current)
            changes = (Change(op, "file", ENV_PATH, _masked(current), _masked(edit.content), step=step),)
        blocks = (Block(self.name, request.names, MECHANISM, ENV_PATH, STRENGTH, BYPASSES),) if request.names else ()
        unblocked = tuple(name for name in owned.get("names", ()) if name not in request.names)
        # Read as brew reads it: the system's file has the last word over the prefix's and the person's.
        return BlockPlan(changes, blocks, remembered, unblocked, drift, {}, tuple(notes), "read" if blocks and not changes else "")

    def verify(self, change: Change) -> Optional[str]:
        """Read the file, or the prefix's directories, again."""
        if change.kind == "file":
            step: FileStep = change.step
            return None if self._system.read(step.path) == step.content else "%s does not hold what was written" % step.path
        name = (change.before or "").split(" ", 1)[0]
        brew = next(argument for argument in change.step.argv if argument.endswith("/brew"))
        left = [each for each in self.installed(frozenset((name,))) if self._brew_of(each.scope) == brew]
        if not left and self._unseen:
            return "whether %s is gone can't be told: %s" % (name, self._unseen[0].note)
        return "%s is still installed" % name if left else None

    # inside

    def _prefixes(self) -> Tuple[Prefix, ...]:
        if self._found is None:
            self._found = find_prefixes(self._system)
        return self._found

    def _usable(self) -> Tuple[Prefix, ...]:
        return tuple(prefix for prefix in self._prefixes() if not prefix.why_not)

    def _installed_in(self, prefix: Prefix, name: str) -> List[Package]:
        kind, token = _split(name)
        top = os.path.join(prefix.path, _ROOMS[kind], token.rsplit("/", 1)[-1])
        versions = [each for each in self._system.names_in(top) if not each.startswith(".")]
        if not versions or ("/" in token and self._tap(top, kind, versions) != token.rsplit("/", 1)[0]):
            return []
        plain = [each for each in versions if _PLAIN.match(each)]
        return [Package(name, plain[-1] if plain else printable(versions[-1])[:128], prefix.scope)]

    def _look_at_refused(self, prefix: Prefix, names: FrozenSet[str]) -> None:
        """Look into prefixes that must not be used: what is found there, or can't be read, is reported; the other prefixes go on."""
        there = []
        for name in sorted(names):
            try:
                there.extend(self._installed_in(prefix, name))
            except (Unreadable, ValueError, RecursionError) as error:
                self._miss(prefix, "%s: %s" % (prefix.why_not, error))
                return
        if there:
            self._miss(prefix, "%s; it holds %s" % (prefix.why_not, ", ".join(package.name for package in there)))

    def _miss(self, prefix: Prefix, why: str) -> None:
        reason = "account_unknown" if "does not know" in prefix.why_not else "home_unreadable"
        self._unseen.append(Unseen(reason, "Homebrew in %s was left alone: %s" % (prefix.path, why)))

    def _brew_of(self, scope: str) -> str:
        return next((prefix.brew for prefix in self._usable() if prefix.scope == scope), "")

    def _removal(self, prefix: Prefix, package: Package) -> Change:
        kind, token = _split(package.name)
        options = ("--cask", "--force") if kind == "cask" else ("--formula",)
        argv = ("env",) + _ONLY_WHAT_WAS_ASKED + (prefix.brew, "uninstall") + options + (token,)
        where = "" if package.scope == "system" else " (%s)" % package.scope
        text = "%s %s%s" % (package.name, package.version, where)
        return Change("delete", "package", "homebrew: %s" % text, before=text + "\n", step=CommandStep(argv, run_as=prefix.owner))

    def _dependents(self, prefix: Prefix, formulae: Set[str]) -> List[Tuple[str, str]]:
        """Formulae that need one of these, directly or not: from the receipts that brew leaves with each of them."""
        needs: Dict[str, FrozenSet[str]] = {}
        versions: Dict[str, str] = {}
        cellar = os.path.join(prefix.path, "Cellar")
        left = _MOST_BYTES
        for name in self._plain_names(cellar)[:_MOST_FORMULAE]:
            if left <= 0:
                # Whatever was not read, brew itself refuses to take away from a formula that needs it.
                break
            kegs = self._plain_names(os.path.join(cellar, name))
            if kegs:
                versions[name] = kegs[-1]
                content = self._content(os.path.join(cellar, name, kegs[-1], "INSTALL_RECEIPT.json"))
                left -= len(content)
                listed = _receipt(content).get("runtime_dependencies")
                entries = [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
                needs[name] = frozenset(str(each.get("full_name", "")).rsplit("/", 1)[-1] for each in entries)
        found: List[Tuple[str, str]] = []
        gone = set(formulae)
        while True:
            following = sorted(name for name, needed in needs.items() if name not in gone and needed.intersection(gone))
            if not following:
                return found
            found.extend((name, versions[name]) for name in following)
            gone.update(following)

    def _tap(self, top: str, kind: str, versions: Sequence[str]) -> str:
        place = (".metadata",) if kind == "cask" else (versions[-1],)
        source = _receipt(self._content(os.path.join(top, *(place + ("INSTALL_RECEIPT.json",))))).get("source")
        return str(source.get("tap", "")) if isinstance(source, dict) else ""

    def _plain_names(self, directory: str) -> List[str]:
        try:
            return [each for each in self._system.names_in(directory) if _PLAIN.match(each)]
        except Unreadable:
            # Whatever is there is nothing that Homebrew has made.
            return []

    def _content(self, path: str) -> bytes:
        try:
            return self._system.read(path, _RECEIPT_LIMIT) or b""
        except Unreadable:
            return b""

    def _carry(self, wanted: Dict[str, List[str]], notes: List[str]) -> None:
        """What a prefix's own settings forbid must stay forbidden, though ours are read after them from now on.

        Where a host has more than one prefix, the system's settings count for all of them, and one owner's list must not bind another's.
        """
        only_one = len(self._prefixes()) == 1
        for prefix in self._usable():
            path = os.path.join(prefix.path, "etc", "homebrew", "brew.env")
            try:
                content = self._system.read(path)
            except Unreadable as error:
                notes.append("a prefix's own settings were not read: %s" % error)
                continue
            for key, names in wanted.items():
                # A person writes that file, so only what a name can be goes from there into root's.
                told = [word.strip("\"'") for word in forbidden(content or b"", key)]
                theirs = [name for name in dict.fromkeys(told) if name not in names and _NAME.match(name)][:_MOST_CARRIED]
                if theirs and any(wanted.values()) and not only_one:
                    text = "%s of %s was left out of %s, which is read after it and counts for every prefix of this host"
                    notes.append(text % (key, path, ENV_PATH))
                elif theirs and any(wanted.values()):
                    names.extend(theirs)
                    notes.append("%s of %s was taken over into %s, which is read after it" % (key, path, ENV_PATH))

    def _drift(self, current: Optional[bytes], edit: Mapping[str, Any]) -> Tuple[str, ...]:
        if not edit:
            return ()
        if current is None:
            return ("%s was deleted" % ENV_PATH,)
        lost: List[str] = []
        for key, entry in edit.get("lists", {}).items():
            there = forbidden(current, key)
            lost.extend("%s: %s was taken off %s" % (ENV_PATH, name, key) for name in entry["names"] if name not in there)
        return tuple(lost)


def _receipt(content: bytes) -> Mapping[str, Any]:
    """The content of one of brew's receipts; empty where something else is in its place."""
    try:
        receipt = json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError):
        return {}
    return receipt if isinstance(receipt, dict) else {}


def _edited(current: Optional[bytes], base: Optional[bytes], wanted: Mapping[str, Sequence[str]], ours: Mapping[str, Any]) -> BrewEnvEdit:
    """The file with our names on its lists; what an earlier release wrote, without a mark, stays as long as it says the same."""
    if ours and not ours.get("marked"):
        earlier = add_forbidden(base, wanted, marked=False)
        if earlier.content == current:
            return earlier
    return add_forbidden(base, wanted)


def _split(name: str) -> Tuple[str, str]:
    kind, token = name.split(":", 1)
    return kind, token


def _short(name: str) -> str:
    return _split(name)[1].rsplit("/", 1)[-1]


def _masked(content: Optional[bytes]) -> Optional[str]:
    """The file as text for a diff, without other settings' secrets (tokens, proxies with passwords)."""
    if content is None:
        return None
    ours = ("HOMEBREW_FORBIDDEN_", "HOMEBREW_SYSTEM_ENV_", COMMENT.decode("ascii"), MARK.decode("ascii"))
    lines = content.decode("utf-8", "replace").splitlines()
    return "\n".join(line if line.lstrip().startswith(ours) else "(not shown)" for line in lines) + "\n"
