# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Flatpak: apps of the system and of every person, removed by the tool, blocked by a filter on every system remote.

Looking and planning start no process: flatpak's own files say all that is needed (see :mod:`.installations`). ``flatpak mask``
is never used: a masked app can still be installed by hand (flatpak-mask(1)), and it pins an old version instead.
"""

from __future__ import annotations

import os
from functools import partial
from typing import Any, Callable, Dict, FrozenSet, List, Mapping, Optional, Sequence, Tuple

from ...engine.plan import Change
from ..backend import Block, BlockPlan, BlockRequest, Package, RemovalPlan, RemovalRequest, Unseen
from ..found_files import Search, printable, search_root
from ..home_scan import is_deployed
from ..open_places import OpenPlaces
from ..owned_file import OwnedFilePlan, plan_owned_file, written_content
from ..slow_places import each_in_time, is_slow, slow_mounts
from ..steps import CommandStep, FileStep, Steps
from ..system import System, Unreadable
from .filter import denies, render_filter
from .installations import Installation, Remote, deployed, misnamed, not_understood, remotes, system_installations
from .people import LIMIT_NOTE, PersonalFlatpaks

FILTER_PATH = "/etc/flatpak/appban.filter"
MECHANISM = "remote_filter"
STRENGTH = "soft"
BYPASSES = (
    "a remote added after this run, until the next run",
    "an app that comes as a file (flatpak install APP.flatpak)",
    "a person's own remotes (flatpak --user)",
    "flatpak remote-add --if-not-exists with a .flatpakrepo file, which takes the filter off the remote it names, until the next run",
    "flatpak remote-modify --no-filter",
)
_MOST_NAMED = 20
# Levels of directories of a deployment that are looked into for its files.
_MOST_LEVELS = 40
# Files of one installation of a person's that are looked at again after a removal, whatever the number of apps in it.
_MOST_PERSONAL_FILES = 5000
_NOT_ROOTS = "flatpak's installation %s was left alone: others than root may write %s, so flatpak is not run there as root"
_MISNAMED = "%s looks like a deployment, and flatpak has no reference for that name, so it can't remove it. Look at it on the host"
_NOT_STRONG = "no stronger block than the remote filter is known for flatpak, so %s blocked softly"


class Flatpak:
    """The flatpak backend.

    Args:
        system: the host.
    """

    name = "flatpak"
    kinds: Tuple[str, ...] = ("flatpak",)
    database = "flatpak"

    def __init__(self, system: System) -> None:
        self._system = system
        self._personal: Optional[PersonalFlatpaks] = None
        self._unseen: List[Unseen] = []
        #: scope of a person's installation -> files of it that were listed
        self._personal_files: Dict[str, int] = {}

    def version(self) -> Optional[str]:
        """Flatpak's version, or None where this host hasn't got it."""
        program = self._system.which("flatpak")
        if program is None:
            return None
        words = self._system.query((program, "--version"), rests_on=[("program", "flatpak")]).stdout.split()
        return words[-1] if words else ""

    def installed(self, names: FrozenSet[str]) -> Tuple[Package, ...]:
        """Which of the apps are deployed, and where; version is ``ARCH/BRANCH``, which flatpak's references are made of."""
        found: List[Package] = []
        self._unseen = [Unseen("place_unreadable", told) for told in not_understood(self._system)]
        for place in system_installations(self._system):
            try:
                there = [Package(app, version, place.scope) for app in sorted(names) for version in deployed(self._system, place, app)]
                odd = [path for app in sorted(names) for path in misnamed(self._system, place, app)]
            except Unreadable as error:
                self._unseen.append(Unseen("place_unreadable", "flatpak's installation %s: %s" % (place.scope, error)))
                continue
            self._unseen.extend(Unseen("place_unreadable", _MISNAMED % printable(path)) for path in odd)
            if self._is_roots_own(place):
                found.extend(there)
            elif there:
                self._unseen.append(Unseen("place_unreadable", _NOT_ROOTS % (place.scope, place.path)))
        self._personal = PersonalFlatpaks(self._system, names)
        for each in self._personal.found:
            found.extend(Package(app, version, each.place.scope) for app, version in each.deployed)
        return tuple(found)

    def unseen(self) -> Tuple[Unseen, ...]:
        """Homes and installations that could not be looked into, and deployments that nobody can remove."""
        return tuple(self._unseen) + (tuple(self._personal.unseen) if self._personal else ())

    def files(self, packages: Sequence[Package]) -> Tuple[str, ...]:
        """The regular files of the deployments, whose names a person can be told."""
        places = {place.scope: place for place in self._installations()}
        found: List[str] = []
        for package in packages:
            place = places[package.scope]
            # Each of them costs a look before the removal and one after it, in every directory on the way.
            left = _MOST_PERSONAL_FILES - self._personal_files.get(place.scope, 0) if place.option == "--user" else None
            if left is not None and left <= 0:
                continue
            search = Search(("app", package.name) + tuple(package.version.split("/")), _MOST_LEVELS, "")
            with OpenPlaces(self._system.trust) as opener:
                searched = self._in_time(place, partial(search_root, opener, searches=(search,)))
            there = [file.path for each in searched or () for file in each.files if file.path.isprintable()][:left]
            if left is not None:
                self._personal_files[place.scope] = self._personal_files.get(place.scope, 0) + len(there)
            found.extend(there)
        return tuple(found)

    def plan_removal(self, request: RemovalRequest) -> RemovalPlan:
        """One transaction per app and installation. An app has no dependents, and runtimes are never named."""
        by_scope = {installation.scope: installation for installation in self._installations()}
        changes = []
        # What is the system's goes first: what a person keeps may make flatpak wait.
        for package in sorted(request.packages, key=lambda package: by_scope[package.scope].option == "--user"):
            installation = by_scope[package.scope]
            reference = "app/%s/%s" % (package.name, package.version)
            argv = ("flatpak", "uninstall", installation.option, "-y", "--noninteractive", reference)
            where = "" if package.scope == "system" else " (%s)" % package.scope
            changes.append(
                Change(
                    "delete",
                    "package",
                    "flatpak: %s %s%s" % (package.name, package.version, where),
                    before="%s %s%s\n" % (package.name, package.version, where),
                    step=CommandStep(argv, run_as=installation.run_as, env=installation.env),
                )
            )
        return RemovalPlan(tuple(changes), request.packages)

    def plan_block(self, request: BlockRequest, owned: Mapping[str, Any]) -> BlockPlan:
        """Plan our filter file and its entry in every remote of every installation of the system.

        A remote that already has a filter of somebody else's keeps it; a name which that one does not hide is unsupported.
        """
        names = tuple(sorted(request.names))
        filter_owned = owned.get("filter", {})
        content = render_filter(names, request.comment) if names else None
        file = plan_owned_file(self._system, FILTER_PATH, content, filter_owned)
        if file.foreign:
            reason = "%s is there and is not ours; move it away, then run again" % FILTER_PATH
            return BlockPlan(unsupported=dict.fromkeys(names, reason), unblocked=_unblocked(owned, ()))
        if content is None:
            # Without a record a file in that place is ours by its first line. Where there is none, the path itself is our mark: a remote
            # that names it goes on with flatpak's copy of what was in it.
            foreign = not owned and not file.changes and self._system.exists(FILTER_PATH)
            return BlockPlan() if foreign else self._lift(owned, file)
        return self._filter(request, owned, file, content)

    def verify(self, change: Change) -> Optional[str]:
        """Look again in flatpak's files."""
        if change.kind == "directory":
            return (
                "%s is still there" % change.name if self._system.exists(change.name) and not self._system.names_in(change.name) else None
            )
        if change.kind == "file":
            wanted = written_content(change)
            return None if self._system.read(change.name) == wanted else "%s does not hold what was written" % change.name
        command = _command(change)
        if change.kind == "package":
            _app, name, version = command.argv[-1].split("/", 2)
            return "%s is still deployed" % command.argv[-1] if self._is_deployed(command, name, version) else None
        place = next(each for each in system_installations(self._system) if each.option == command.argv[2])
        wanted_filter = FILTER_PATH if change.after else ""
        for remote in remotes(self._system, place):
            if remote.name == command.argv[-1] and remote.filter != wanted_filter:
                return "its filter is %s" % (remote.filter or "none")
        return None

    # inside

    def _is_deployed(self, command: CommandStep, app: str, version: str) -> bool:
        if command.argv[2] != "--user":
            place = next(each for each in system_installations(self._system) if each.option == command.argv[2])
            return version in deployed(self._system, place, app)
        path = (command.env or {})["FLATPAK_USER_DIR"]
        with OpenPlaces(self._system.trust) as places:
            found = self._in_time(Installation(path, "--user", ""), lambda root: (is_deployed(places, root, app, version),))
        return found is None or bool(found[0])

    def _in_time(self, place: Installation, look: Callable[[str], Any]) -> Any:
        """What a look finds in an installation; None where a person's gives no answer in time."""
        path = self._system.trust.place(place.path).path
        if place.option == "--user" and is_slow(path, slow_mounts()):
            return each_in_time(look, [path])[0]
        return look(path)

    def _is_roots_own(self, place: Installation) -> bool:
        """Whether root may run flatpak in a place: an administrator may have put an installation where a person writes."""
        return self._system.trust.is_trusted_directory(place.path) or not os.path.lexists(place.path)

    def _system_places(self) -> List[Installation]:
        return [place for place in system_installations(self._system) if self._is_roots_own(place)]

    def _installations(self) -> Tuple[Installation, ...]:
        personal = self._personal.found if self._personal else ()
        return tuple(self._system_places()) + tuple(each.place for each in personal)

    def _system_remotes(self) -> List[Tuple[Installation, Remote]]:
        return [(place, remote) for place in self._system_places() for remote in remotes(self._system, place)]

    def _filter(self, request: BlockRequest, owned: Mapping[str, Any], file: OwnedFilePlan, content: bytes) -> BlockPlan:
        needs = tuple(change.key for change in file.changes)
        before: Mapping[str, Sequence[str]] = owned.get("remotes", {})
        changes = list(file.changes)
        drift, notes = list(file.drift), []
        ours: Dict[str, List[str]] = {}
        open_doors: Dict[str, List[str]] = {}
        for place, remote in self._system_remotes():
            if _goes_with_its_app(remote, request):
                continue
            if remote.filter not in ("", FILTER_PATH):
                for name in self._not_hidden(place, remote, request.names):
                    open_doors.setdefault(name, []).append("%s (%s)" % (remote.name, remote.filter))
                continue
            ours.setdefault(place.scope, []).append(remote.name)
            lost = not remote.filter and remote.name in before.get(place.scope, ())
            if lost:
                drift.append("remote %s lost its filter" % _shown(place, remote.name))
            elif not remote.filter and before:
                notes.append("remote %s is new and gets the filter" % _shown(place, remote.name))
            # flatpak keeps a copy for the case that the file vanishes, and renews it only when told the filter anew.
            if not remote.filter or file.changes or self._copy_is_stale(place, remote, content):
                changes.append(_set_filter(place, remote, needs))
        unsupported = {
            name: "remote %s has a filter of its own that lets it through; add the line `deny app/%s` to it" % (", ".join(doors), name)
            for name, doors in sorted(open_doors.items())
        }
        blocked = tuple(name for name in request.names if name not in unsupported)
        notes.extend(self._more_notes(request, blocked, ours))
        blocks = (Block(self.name, blocked, MECHANISM, FILTER_PATH, STRENGTH, BYPASSES),) if blocked else ()
        return BlockPlan(
            tuple(changes),
            blocks,
            {"filter": file.owned, "names": list(request.names), "remotes": ours},
            _unblocked(owned, request.names),
            tuple(drift),
            unsupported,
            tuple(notes),
            # Read as flatpak reads it: each remote's settings, the filter file that they name, and flatpak's copy of it.
            "read" if blocks and not changes else "",
        )

    def _lift(self, owned: Mapping[str, Any], file: OwnedFilePlan) -> BlockPlan:
        """Plan the lift, the remotes first: a remote that names a missing file would go on with flatpak's copy of it."""
        changes: List[Change] = []
        for place, remote in self._system_remotes():
            if remote.filter == FILTER_PATH:
                changes.append(self._drop_filter(place, remote))
        needs = tuple(change.key for change in changes)
        for change in file.changes:
            changes.append(Change(change.op, change.kind, change.name, change.before, change.after, needs=needs, step=change.step))
        return BlockPlan(tuple(changes), unblocked=_unblocked(owned, ()), drift=file.drift)

    def _drop_filter(self, place: Installation, remote: Remote) -> Change:
        steps: List[Any] = [CommandStep(("flatpak", "remote-modify", place.option, "--no-filter", remote.name))]
        copy = _copy_path(place, remote)
        if (self._system.read(copy) or b"").startswith(b"# backup copy of %s," % FILTER_PATH.encode("ascii")):
            steps.append(FileStep(copy, None))
        return _remote_change(place, remote, "filter %s\n" % FILTER_PATH, None, Steps(tuple(steps)))

    def _copy_is_stale(self, place: Installation, remote: Remote, content: bytes) -> bool:
        copy = self._system.read(_copy_path(place, remote))
        return copy is not None and not copy.endswith(content)

    def _not_hidden(self, place: Installation, remote: Remote, names: Sequence[str]) -> List[str]:
        theirs = self._system.read(remote.filter)
        if theirs is None:
            theirs = self._system.read(_copy_path(place, remote)) or b""
        return [name for name in names if not denies(theirs, name)]

    def _more_notes(self, request: BlockRequest, blocked: Sequence[str], ours: Mapping[str, Sequence[str]]) -> List[str]:
        others = [place for place in system_installations(self._system) if not self._is_roots_own(place)]
        notes = [_NOT_ROOTS % (place.scope, place.path) for place in others if blocked]
        if blocked and not ours:
            notes.append("this host has no system remote without a filter of its own; a remote added later gets ours at the next run")
        strong = [name for name in blocked if name in request.strong]
        if strong:
            notes.append(_NOT_STRONG % ("%s %s" % (", ".join(strong), "is" if len(strong) == 1 else "are")))
        for name in sorted(request.present.intersection(blocked)):
            notes.append("%s stays installed and gets no updates while it is blocked" % name)
        if blocked:
            if self._personal is None:
                self._personal = PersonalFlatpaks(self._system, frozenset(request.names))
            notes.extend(_notes_of_people(self._personal))
        return notes


def _notes_of_people(personal: PersonalFlatpaks) -> List[str]:
    notes = []
    owners = personal.names_of_owners(_MOST_NAMED)
    if owners:
        notes.append("not filtered, because they are a person's own: flatpak installations of %s" % owners)
    if personal.further:
        shown = ", ".join(printable(path) for path in personal.further[:_MOST_NAMED])
        notes.append("looked at like an installation in a home, for its owner has another one there: %s" % shown)
    notes.append(LIMIT_NOTE)
    return notes


def _command(change: Change) -> CommandStep:
    step = change.step.steps[0] if isinstance(change.step, Steps) else change.step
    if not isinstance(step, CommandStep):
        raise TypeError("change %s runs no command" % change.key)
    return step


def _set_filter(place: Installation, remote: Remote, needs: Tuple[str, ...]) -> Change:
    step = CommandStep(("flatpak", "remote-modify", place.option, "--filter=%s" % FILTER_PATH, remote.name))
    text = "filter %s\n" % FILTER_PATH
    return _remote_change(place, remote, text if remote.filter else None, text, step, needs)


def _remote_change(
    place: Installation, remote: Remote, before: Optional[str], after: Optional[str], step: Any, needs: Tuple[str, ...] = ()
) -> Change:
    name = "flatpak: remote %s" % _shown(place, remote.name)
    return Change("update", "remote", name, before, after, diff=before != after, needs=needs, step=step)


def _goes_with_its_app(remote: Remote, request: BlockRequest) -> bool:
    """The remote of an app that came as a file: it offers nothing else, and uninstalling the app takes it along."""
    parts = remote.main_ref.split("/")
    return len(parts) > 1 and parts[1] in request.names


def _shown(place: Installation, remote: str) -> str:
    return remote if place.scope == "system" else "%s (%s)" % (remote, place.scope)


def _copy_path(place: Installation, remote: Remote) -> str:
    return os.path.join(place.path, "repo", "%s.filter" % os.path.basename(remote.name))


def _unblocked(owned: Mapping[str, Any], names: Sequence[str]) -> Tuple[str, ...]:
    return tuple(name for name in owned.get("names", ()) if name not in names)
