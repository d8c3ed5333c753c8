# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A plan while it is made: what resources put into it, and what a person has to know of it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...engine.errors import AppbanError
from ...engine.plan import Change
from ...policy.model import Policy
from .control_state import ControlState
from .fleet import FleetDevice
from .notice_changes import names_text
from .order import Phase


@dataclass(frozen=True)
class Step:
    """What carries a change out: a verb of a resource and its arguments.

    Args:
        verb: a method of a resource. False means that everything was so already.
        effect: what the change does to groups and objects; see :mod:`.effects`.
    """

    verb: Callable[..., bool | None]
    args: tuple[Any, ...] = ()
    effect: Any = None


def carry_out(change: Change) -> bool | None:
    """Make one change of a target, and see that it took effect. Raises AppbanError where it did not."""
    step: Step = change.step
    return step.verb(*step.args)


@dataclass
class PlanDraft:
    """What one plan has so far.

    Args:
        fleet: every device of the run.
        policies: of the run; objects made for others are left alone.
        adopt: take over an object that has the name of one of ours and no marker.
    """

    fleet: Sequence[FleetDevice] = ()
    policies: Sequence[Policy] = ()
    adopt: bool = False
    changes: dict[str, tuple[Phase, Change]] = field(default_factory=dict)
    control_states: list[ControlState] = field(default_factory=list)
    #: What somebody did to our controls since the last run, a sentence each.
    drift: list[str] = field(default_factory=list)
    #: What works against the ban and is somebody else's, a sentence each.
    conflicts: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    #: Objects of somebody else that have the names of ours, and others for which nothing can be planned.
    problems: list[str] = field(default_factory=list)

    def add(self, phase: Phase, change: Change) -> str:
        """Put a change into the plan, unless two controls share it. Returns its key."""
        self.changes.setdefault(change.key, (phase, change))
        return change.key

    def planned(self, names: Iterable[tuple[str, str]]) -> tuple[str, ...]:
        """Keys of those changes that are in the plan. names: kinds and names."""
        return tuple(key for key in ("%s:%s" % pair for pair in names) if key in self.changes)

    def in_phases(self, *phases: Phase) -> list[Change]:
        """The changes of some phases, in the order of a run."""
        chosen = [pair for pair in self.changes.values() if pair[0] in phases]
        return [change for _phase, change in sorted(chosen, key=lambda pair: pair[0])]

    def label(self, kind: str, name: str, key: object, names: Collection[str] = ()) -> str:
        """What a change calls an object that is deleted: with its id where the plan has another object of that name, or one stays."""
        return "%s (%s)" % (name, key) if name in names or "%s:%s" % (kind, name) in self.changes else name

    def refuse(self, what: str, next_step: str) -> None:
        """Stop where there are problems.

        Raises:
            AppbanError: with all of them. Nothing has been written.
        """
        if self.problems:
            raise AppbanError("%s: %s" % (what, "; ".join(dict.fromkeys(self.problems))), "", next_step + " Nothing was written")

    def serial(self, index: int) -> str:
        """What a person knows a device as."""
        device = self.fleet[index].device
        return str(device.record.get("serial") or device.id)

    def serials_text(self, indexes: Iterable[int]) -> str:
        """Devices for a diff, a line each."""
        return names_text([self.serial(index) for index in indexes])
