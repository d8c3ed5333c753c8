# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The names by which restricted software knows a Mac's programs, and those that must never be among them. Pure.

A record goes by the name of a process and by nothing else: no bundle id, no signature. "TikTok.app" is the bundle that the process was
started from. Names come from exact display names of the catalog or the policy that are sure enough to act on; a pattern can't be used.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from ...engine.errors import AppbanError
from ...mdm.planning.identifiers import names_of_app, usable_names
from ...mdm.planning.requirements import BannedApp
from ...policy.model import Policy

_PATTERN = re.compile(r"[*?\[]")
_BUNDLE = ".app"
#: What macOS can't do without, what manages or protects the Mac, and what people find their way back with.
_PROTECTED = re.compile(
    r"(?:kernel_task|launchd|loginwindow|windowserver|systemuiserver|finder|dock|spotlight|control cent(?:er|re)|notification cent(?:er|re)"
    r"|system (?:settings|preferences)|app store|installer|software update|terminal|console|activity monitor|disk utility|keychain access"
    r"|migration assistant|safari|mail|messages|facetime|time machine|setup assistant|mdmclient|securityagent|tccd|trustd|opendirectoryd"
    r"|bash|zsh|sh|ssh|sshd|sudo|login|python[0-9.]*"
    r"|jamf.*|self service\+?|company portal|intune.*|microsoft (?:intune|defender).*|wdav.*|falcon.*|crowdstrike.*|sentinel.*|santa.*"
    r"|kandji.*|iru.*|mosyle.*|munki.*|managed software cent(?:er|re)|nudge|airwatch.*|workspace one.*|osquery.*)",
    re.IGNORECASE,
)


def process_names(policies: Sequence[Policy], app: BannedApp) -> tuple[str, ...]:
    """Names of an app's bundles, each once: "TikTok.app"."""
    found = (bundle_name(name) for name in names_of_app(policies, app, "display_name") if not _PATTERN.search(name))
    return tuple(dict.fromkeys(found))


def bundle_name(name: str) -> str:
    """The name of the bundle of a program that a reader calls ``name``; blanks at its ends are nobody's name."""
    name = name.strip()
    return name if name.lower().endswith(_BUNDLE) else name + _BUNDLE


def bare_name(name: str) -> str:
    """What a reader calls a program whose bundle has this name."""
    return name[: -len(_BUNDLE)] if name.lower().endswith(_BUNDLE) else name


def refuse_protected(policies: Iterable[Policy]) -> None:
    """See that no policy would end what a Mac can't do without.

    Raises:
        AppbanError: naming every such name. Nothing was contacted.
    """
    found = sorted(
        {
            "%s of %s in the policy %s" % (name, app.id, policy.id)
            for policy in policies
            for app in policy.apps
            for name in usable_names(app, "display_name")
            if _PROTECTED.fullmatch(bare_name(name.strip()).strip())
        }
    )
    if found:
        raise AppbanError(
            "restricted software would end programs that a Mac needs: %s" % "; ".join(found),
            "",
            "Give the app's display_name the confidence detect_only, or take it out of the policy; nothing was contacted",
        )
