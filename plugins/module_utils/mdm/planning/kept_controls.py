# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controls that a target is to have: those that its devices need, and what stands although nobody is known to need it. Pure, but for
reading what the target holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from ...policy.decide import Decider
from .controls import scopes_by_requirement
from .fleet import FleetDevice
from .grouped_controls import Grouped, GroupedControls
from .keep import Keeper, StandingControl
from .kept import NOTHING_KEPT, Kept
from .requirements import Requirement, RequirementsOf, requirements_of_fleet


def desired_with_kept(
    fleet: Sequence[FleetDevice],
    decider: Decider,
    requirements_of: RequirementsOf,
    controls: Callable[[list[frozenset[Requirement]], Kept], GroupedControls[Grouped]],
    standing: Callable[[GroupedControls[Grouped], Sequence[Grouped]], Sequence[StandingControl]],
    managed: Callable[[Iterable[str], str], Mapping[str, bool | None]],
) -> tuple[list[Grouped], Kept]:
    """The controls, and what of them is kept.

    Args:
        controls: makes the controls, given what is required of each device, and what is kept.
        standing: reads what stands, given what makes controls, and those that are wanted if nothing is kept.
        managed: as of :class:`.keep.Keeper`.

    Raises:
        FleetDoubted, RequestFailed, OutOfTime
    """
    requirements = requirements_of_fleet(fleet, requirements_of)
    plain = controls(requirements, NOTHING_KEPT)
    desired = plain.desired()
    kept = Keeper(fleet, requirements, decider, managed).kept(standing(plain, desired), scopes_by_requirement(desired))
    return (controls(requirements, kept).desired() if kept else desired), kept
