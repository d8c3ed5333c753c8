# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the controls of a run are called: the same name for the same want in every run, and another for another. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from ...policy.model import Policy
from .ownership import control_name
from .requirements import BannedApp, Want


def name_of_want(prefix: str, policies: Sequence[Policy], want: Want, words: str) -> str:
    """The name of the control of a want.

    Args:
        prefix: in front of every name.
        policies: the policies of the run.
        words: what the mechanism is called in the tenant.
    """
    parts = []
    asking = {
        BannedApp(app.id, tuple(sorted(each.id for each in policies if each.id in want.policies and app.id in _app_ids(each))))
        for policy in policies
        if policy.id in want.policies
        for app in policy.apps
    }
    if {app.id for app in asking} != set(want.app_ids):
        parts.append(",".join(want.app_ids))
    # An exemption of one app can leave it to some of the policies, and that is another control than the one of all of them.
    parts.extend("%s for %s" % (app.id, "+".join(app.policies)) for app in sorted(want.apps - asking))
    if want.deadline:
        parts.append("from " + want.deadline)
    if want.open_domains:
        parts.append("but for " + ",".join(want.open_domains))
    return control_name(prefix, want.policies, words, " ".join(parts))


def _app_ids(policy: Policy) -> frozenset[str]:
    return frozenset(app.id for app in policy.apps)
