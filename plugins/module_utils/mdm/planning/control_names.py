# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the controls of a run are called: the same name for the same requirement in every run, and another for another. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from ...policy.model import Policy
from .ownership import control_name
from .requirements import BannedApp, Requirement


def name_of_requirement(prefix: str, policies: Sequence[Policy], requirement: Requirement, words: str) -> str:
    """The name of the control of a requirement.

    Args:
        prefix: in front of every name.
        policies: the policies of the run.
        words: what the mechanism is called in the tenant.
    """
    parts = []
    asking = {
        BannedApp(app.id, tuple(sorted(each.id for each in policies if each.id in requirement.policies and app.id in _app_ids(each))))
        for policy in policies
        if policy.id in requirement.policies
        for app in policy.apps
    }
    if {app.id for app in asking} != set(requirement.app_ids):
        parts.append(",".join(requirement.app_ids))
    # An exemption of one app can leave it to some of the policies, and that is another control than the one of all of them.
    parts.extend("%s for %s" % (app.id, "+".join(app.policies)) for app in sorted(requirement.apps - asking))
    if requirement.deadline:
        parts.append("from " + requirement.deadline)
    if requirement.open_domains:
        parts.append("but for " + ",".join(requirement.open_domains))
    return control_name(prefix, requirement.policies, words, " ".join(parts))


def _app_ids(policy: Policy) -> frozenset[str]:
    return frozenset(app.id for app in policy.apps)
