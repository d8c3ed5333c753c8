# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The protocol of package-manager backends, and the data that goes through it.

A backend only reads and decides: it answers with changes (data). :mod:`.steps` carries them out, so check mode, diff and
apply are the same code for every package manager.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, FrozenSet, Mapping, NamedTuple, Optional, Protocol, Sequence, Tuple

from ..engine.plan import Change

#: How well a block holds. ``soft``: some ordinary install command still gets through, or the database tool does.
#: ``strong``: only a command that says "force" or takes the block away first gets through.
STRENGTHS: Tuple[str, ...] = ("none", "soft", "strong")

GUARD_NAME = "appban-guard"


def package_name(kind: str, value: str) -> str:
    """The name under which a backend knows an identifier.

    It is the identifier itself, but for Homebrew, whose formulae and casks may share a name: ``formula:NAME``, ``cask:NAME``.
    """
    return "%s:%s" % (kind[len("brew_") :], value) if kind.startswith("brew_") else value


@dataclass(frozen=True)
class Package:
    """One installed package that a policy names, as the low-level database has it.

    Args:
        name: exact name in the package manager (for flatpak the application id).
        version: version as the package manager writes it.
        scope: ``system``, ``user:<account>`` for a per-user installation, ``system:<name>`` or ``prefix:<path>`` for a further one.
        protected: why it must never be removed (``essential``, ``protected``, ``required``, ``hold_pkg``, ...); empty if it may.
        held: why an ordinary removal would fail or do nothing (``hold``, ``lock``, ``excluded``); empty if nothing is in the way.
    """

    name: str
    version: str
    scope: str = "system"
    protected: str = ""
    held: str = ""


class Unseen(NamedTuple):
    """A part of the host that a package manager's look did not reach, so that an app may be there.

    Args:
        reason: the reason that the record gives (``home_unreadable``, ``account_unknown``, ``backend_left_out``, ...).
        note: one sentence for a person: what was not looked at, why, and what to do.
        only_open: the place was looked into, but is not closed by a block: a front end that was left out, of a database that was read.
    """

    reason: str
    note: str
    only_open: bool = False


@dataclass(frozen=True)
class Refusal:
    """Why nothing at all is done on this host.

    Args:
        reason: ``protected``, ``dependents``, ``replacement``, ``max_removals``, ``invalid_name`` or ``unsolvable``.
        names: the packages that were asked for.
        plan: what the package manager would do, one line each (``remove media-suite``, ``install tiktok-rev``).
        message: one sentence with the way on.
    """

    backend: str
    reason: str
    names: Tuple[str, ...]
    plan: Tuple[str, ...]
    message: str


@dataclass(frozen=True)
class RemovalRequest:
    """Which installed packages shall go, and how far the removal may reach.

    Args:
        packages: exactly the installed packages to remove.
        allow_dependents: packages that need one of them may go too.
        lock_timeout: seconds to wait for the package manager's lock.
    """

    packages: Tuple[Package, ...]
    allow_dependents: bool = False
    lock_timeout: int = 60


@dataclass(frozen=True)
class RemovalPlan:
    """What a removal would do.

    Args:
        changes: one or more changes (kind ``package``, op ``delete``) that do exactly that. Each is carried out whether or not another
            one fails, unless it says what it ``needs``.
        removes: every package that would go, the requested ones included.
        dependents: those of ``removes`` that were not asked for.
        refusals: reasons against; when there are any, ``changes`` is empty.
    """

    changes: Tuple[Change, ...] = ()
    removes: Tuple[Package, ...] = ()
    dependents: Tuple[str, ...] = ()
    refusals: Tuple[Refusal, ...] = ()


@dataclass(frozen=True)
class BlockRequest:
    """The block that shall be in place after this run: the whole of it, not a difference.

    Args:
        names: every name to block with this backend, sorted; empty means lift all that is ours.
        strong: the subset of ``names`` for which the strong form is asked.
        present: the subset of ``names`` that is installed and will stay (not to be removed); no guard package can name them.
        comment: lines (policy ids, contact) for the header of files that are wholly ours; already single-line and printable.
        providers: also block packages that offer themselves under a blocked name.
        lock_timeout: seconds to wait for the package manager's lock.
    """

    names: Tuple[str, ...] = ()
    strong: FrozenSet[str] = frozenset()
    present: FrozenSet[str] = frozenset()
    comment: Tuple[str, ...] = ()
    providers: bool = True
    lock_timeout: int = 60


@dataclass(frozen=True)
class Block:
    """One block as it stands after the changes.

    Args:
        names: the names it stops.
        mechanism: ``pin``, ``excludes``, ``lock``, ``hook``, ``remote_filter``, ``guard``, ``world``, ``environment``.
        path: the file that holds it, or the guard package's name.
        strength: ``soft`` or ``strong``.
        bypasses: what still gets through, one short sentence each.
    """

    backend: str
    names: Tuple[str, ...]
    mechanism: str
    path: str
    strength: str
    bypasses: Tuple[str, ...] = ()

    def to_plain(self) -> Dict[str, Any]:
        """The block as a module returns it."""
        return {
            "backend": self.backend,
            "names": list(self.names),
            "mechanism": self.mechanism,
            "path": self.path,
            "strength": self.strength,
            "bypasses": list(self.bypasses),
        }


@dataclass(frozen=True)
class BlockPlan:
    """How the host gets from its current block to the requested one.

    Args:
        changes: empty when everything is in place (then nothing, not even an identical file, is written).
        blocks: the blocks that will stand afterwards.
        owned: what this backend has to remember to lift exactly ours (JSON-able); empty when nothing of ours is left.
        unblocked: names whose block this plan takes away.
        drift: one sentence per part of our block that somebody changed or removed since we made it.
        unsupported: name -> reason, for names that this backend can't block.
        notes: one sentence each for a person (strength not reached and why, a provider seen, ...).
        proof: how it is known that the blocks hold: ``asked`` (the package manager's own simulation refuses every name) or ``read`` (its
            effective configuration was read as it reads it); empty as long as changes are still to be made.
        overridden: name -> one sentence: every part of our block is in place, and the name would be installed all the same, and why as far
            as it is known. Such a name is in none of the ``blocks``.
    """

    changes: Tuple[Change, ...] = ()
    blocks: Tuple[Block, ...] = ()
    owned: Mapping[str, Any] = field(default_factory=dict)
    unblocked: Tuple[str, ...] = ()
    drift: Tuple[str, ...] = ()
    unsupported: Mapping[str, str] = field(default_factory=dict)
    notes: Tuple[str, ...] = ()
    proof: str = ""
    overridden: Mapping[str, str] = field(default_factory=dict)


class Backend(Protocol):
    """One package manager of a host.

    ``owned`` is what an earlier :attr:`BlockPlan.owned` of the same backend said; empty on a host we never blocked.
    """

    #: name in results and options (``apt``, ``dnf4``, ``zypper``, ...)
    name: str
    #: identifier kinds it understands (``deb``)
    kinds: Tuple[str, ...]
    #: the low-level database; backends that share one (dnf4 and zypper: ``rpm``) leave removal and guard to the first of them
    database: str

    def version(self) -> Optional[str]:
        """Version of the package manager, or None where this host hasn't got it."""

    def installed(self, names: FrozenSet[str]) -> Tuple[Package, ...]:
        """Which of the names are installed, by exact name, from the low-level database in one call. Never through the solver."""

    def unseen(self) -> Tuple[Unseen, ...]:
        """What the last :meth:`installed` could not look into; an app that was not found may be there."""

    def files(self, packages: Sequence[Package]) -> Tuple[str, ...]:
        """Absolute paths of the files and links that these installed packages brought, and no other installed package. Asked before a
        removal, so that it can be looked at afterwards whether they are gone. Directories are left out."""

    def plan_removal(self, request: RemovalRequest) -> RemovalPlan:
        """What removing exactly these packages means. Reads only."""

    def plan_block(self, request: BlockRequest, owned: Mapping[str, Any]) -> BlockPlan:
        """How to get to exactly the requested block; with no names, how to lift. Reads only.

        With nothing to change it asks whether the block holds (``proof``, ``overridden``), at every run. With an empty ``owned``, a lift
        finds what is ours by our marks.
        """

    def verify(self, change: Change) -> Optional[str]:
        """After a change was carried out: None if the host shows its effect, otherwise one sentence of what it shows instead."""
