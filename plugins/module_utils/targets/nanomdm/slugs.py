# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Slugs of controls: short names that say for which policies a control is, and so whose it is. Pure.

KMFDDM keeps no description with a declaration, so the name alone has to tell. Ids of policies are made of small letters, digits and
hyphens; capital letters hold the parts apart, so that no two readings are possible: ``city-And-school-Apps-1a2b3c4d``.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence

from ...engine.errors import AppbanError
from ...mdm.planning.control_names import name_of_requirement
from ...mdm.planning.requirements import Requirement
from ...policy.model import Policy
from . import capabilities as names

#: What a control is called in its slug, and so in the names of what it is made of.
WORDS: dict[str, str] = {
    names.APP_SETTINGS: "Apps",
    names.BINARIES: "Binaries",
    names.PROFILE_DECLARATION: "AppProfile",
    names.WEB_DECLARATION: "SiteProfile",
    names.PROFILE_COMMAND: "SentApps",
    names.WEB_COMMAND: "SentSites",
}
_AND = "-And-"
_SLUG = re.compile(r"(?P<policies>.+)-(?P<word>%s)(?:-(?P<digest>[0-9a-f]{8}))?" % "|".join(WORDS.values()))


def slug_of_requirement(policies: Sequence[Policy], requirement: Requirement, most: int) -> str:
    """The slug of a requirement's control, at most so many characters long.

    Raises:
        AppbanError: where the prefix leaves too little room for the policies that share the control.
    """
    word = WORDS[requirement.mechanism]
    whole = name_of_requirement("", policies, requirement, word)
    # What is more than the policies and the word tells this control from others of the same policies.
    digest = "" if whole == "%s %s" % ("+".join(requirement.policies), word) else "-" + _digest(whole)
    for parts in (requirement.policies, tuple(_short(policy) for policy in requirement.policies)):
        slug = "%s-%s%s" % (_AND.join(parts), word, digest)
        if len(slug) <= most:
            return slug
    raise AppbanError(
        "%d policies share a control, and its name would be longer than devices take" % len(requirement.policies),
        "+".join(requirement.policies),
        "Choose a shorter name_prefix, or run the policies apart",
    )


def mechanism_of_slug(slug: str) -> str:
    """What a control of ours is; empty for a slug that is none of ours."""
    match = _SLUG.fullmatch(slug)
    return next(name for name, word in WORDS.items() if word == match["word"]) if match else ""


def is_slug_of(slug: str, policies: Iterable[str]) -> bool:
    """Whether a control was made for one of these policies. Controls of other policies belong to another run."""
    return bool(policies_of_slug(slug, policies))


def policies_of_slug(slug: str, policies: Iterable[str]) -> frozenset[str]:
    """Those of some policies that a control was made for."""
    match = _SLUG.fullmatch(slug)
    if match is None:
        return frozenset()
    parts = set(match["policies"].split(_AND))
    return frozenset(policy for policy in policies if policy in parts or _short(policy) in parts)


def apps_of_slug(slug: str, policies: Iterable[Policy]) -> tuple[str, ...]:
    """Ids of the apps that a control can be for: all those of its policies, because its name does not tell which of them."""
    by_id = {policy.id: policy for policy in policies}
    return tuple(sorted({app.id for policy in policies_of_slug(slug, by_id) for app in by_id[policy].apps}))


def _short(policy: str) -> str:
    return "H" + _digest(policy)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:8]
