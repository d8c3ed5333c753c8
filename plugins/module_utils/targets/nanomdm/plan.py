# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan that turns what the servers hold, and what was sent to devices, into what is wanted. Pure.

The order of changes leaves no device worse off at any moment than before or after: who is exempt is released first; a notice goes out
before what it announces; a new form of a block is there before the old one goes; what a device fetches is there before it is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ...mdm.planning.plan_draft import PlanDraft
from ...policy.model import Policy
from .release_rules import ReleaseRules
from .resources.assignments import Assignments
from .resources.commands import Commands
from .resources.declarations import Declarations
from .resources.profiles import SentProfiles
from .resources.questions import Questions
from .resources.removals import Removals
from .surroundings import ASK


@dataclass
class NanoDraft(PlanDraft):
    """A plan for NanoMDM while it is made. unrecorded: events for the ledger that are true whether or not the plan is carried out."""

    unrecorded: list[dict[str, str]] = field(default_factory=list)


def draft_plan(assignments: Assignments, rules: ReleaseRules, policies: Sequence[Policy], can_see: Sequence[bool]) -> NanoDraft:
    """The changes for all that is desired, before the notices.

    Args:
        assignments: made from what was read, with the sets of the devices in doubt.
        can_see: per device, whether its answer to a question would tell anything.

    Raises:
        AppbanError: where a declaration of somebody else has the name of one of ours. Nothing has been written.
    """
    around = assignments.around
    draft = NanoDraft(around.fleet, policies, around.settings.adopt)
    commands = Commands(around)
    Declarations(assignments).plan(draft)
    profiles = SentProfiles(commands, rules)
    profiles.plan(draft)
    Removals(commands).plan(draft)
    draft.refuse("declarations of somebody else have the names of ours", "Choose another name_prefix, or take them over with adopt: true.")
    if around.settings.inventory == ASK and around.servers.reports:
        Questions(commands).plan(can_see, draft)
    draft.unrecorded = profiles.unrecorded
    return draft
