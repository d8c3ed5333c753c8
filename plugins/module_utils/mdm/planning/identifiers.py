# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The exact names that a control goes by: those of an app's identifiers that are sure enough for what it does. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from ...policy.model import App, Policy
from .requirements import BannedApp


def usable_names(app: App, kind: str, doubtful: bool = False) -> list[str]:
    """Names of one kind of an app; without those that are too doubtful to act on, unless only a report goes by them."""
    return [each.value for each in app.identifiers if each.kind == kind and (doubtful or each.confidence != "detect_only")]


def names_of_app(policies: Sequence[Policy], app: BannedApp, kind: str, doubtful: bool = False) -> tuple[str, ...]:
    """Names of one kind that the policies asking for an app give it, each once, in their order."""
    found: dict[str, None] = {}
    for policy in policies:
        if policy.id in app.policies:
            for each in (one for one in policy.apps if one.id == app.id):
                found.update(dict.fromkeys(usable_names(each, kind, doubtful)))
    return tuple(found)


def would_block(domain: str, opened: Sequence[str]) -> bool:
    """Whether a block of a domain would keep somebody from a site that is left open: a block covers subdomains."""
    return any(domain == each or domain.endswith("." + each) or each.endswith("." + domain) for each in opened)


def title_of_app(policies: Sequence[Policy], app: str) -> str:
    """What a reader calls an app."""
    return next(each.title for policy in policies for each in policy.apps if each.id == app)
