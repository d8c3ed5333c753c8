# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The notices that people should have had by now and have not had: where the app is, and where nobody can tell. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...policy.model import Policy
from ..planning.fleet import FleetDevice
from ..planning.notices import Notice, NoticeText, notices_of
from .assess import Assessor


def due_notices(fleet: Sequence[FleetDevice], assessor: Assessor, policies: Mapping[str, Policy], text: NoticeText) -> list[Notice]:
    """Notices that are asked for and have not been sent.

    Args:
        assessor: of the run before its writes.
        policies: by id.
    """
    run = assessor.run_state
    wanted: list[Notice] = []
    #: By decision: whether it asks for a notice at all.
    asking: dict[int, bool] = {}
    for index, member in enumerate(fleet):
        verdicts = member.decision.verdicts
        asks = asking.get(id(verdicts))
        if asks is None:
            asks = asking[id(verdicts)] = any("advise" in app.actions for app in verdicts.apps.values())
        if not asks:
            continue
        row = run.capability_of(member.device.record)
        if row.advise.why_not:
            continue
        advised = [app for app in verdicts.apps.values() if "advise" in app.actions]
        apps = {app.app: app for app in advised if assessor.presence(index, member, app) is not False}
        if apps:
            device = member.device.id
            every = notices_of(member.decision, device, index, apps, policies, text, bool(row.withdraw_access.mechanisms))
            wanted.extend(each for each in every if not all(run.ledger.noticed_at(device, each.stage, app) for app in each.apps))
    return wanted
