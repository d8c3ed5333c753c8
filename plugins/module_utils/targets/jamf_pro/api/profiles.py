# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read and write configuration profiles, for mobile devices or for Macs."""

from __future__ import annotations

from collections.abc import Collection
from xml.etree import ElementTree

from ....engine.errors import ChangeFailed
from ....mdm.apple.profile_comparison import differences_of_profile, with_identity_of
from ....mdm.planning.ownership import is_ours
from ..objects import MACOS, MOBILE, Profile
from . import scopes
from .classic import PROFILE_COLLECTIONS
from .classic_objects import ClassicObjects
from .classic_xml import Pair, ProfileText, flag_of, number_of, text_of
from .jamf import Jamf

#: The element that says how a profile comes to a device.
DEPLOYMENT = {MOBILE: "deployment_method", MACOS: "distribution_method"}
SCOPES = {MOBILE: scopes.MOBILE_SCOPE, MACOS: scopes.MAC_SCOPE}
#: To every device in the scope, or only to those that are new in it. The server always reads back the second, so nobody can compare it.
EVERY_DEVICE = "All"
NEW_DEVICES = "Newly Assigned"


class Profiles(ClassicObjects[Profile]):
    """The configuration profiles of one server.

    Args:
        jamf: the server.
        family: ``MOBILE`` or ``MACOS``.
        policies: ids of the policies whose profiles are ours.
    """

    def __init__(self, jamf: Jamf, family: str, policies: Collection[str] = ()) -> None:
        super().__init__(
            jamf, PROFILE_COLLECTIONS[family], "the configuration profile", lambda document: parse(document, family), differences
        )
        self.family = family
        self.scope = SCOPES[family]
        self.policies = dict.fromkeys(policies)

    def is_ours(self, found: Profile) -> bool:
        return is_ours(found.description, self.policies)

    def update(self, wanted: Profile, payload_changed: bool = True) -> Profile:
        """Change a profile, and return it as the server has it.

        The identifiers that the server gave its payloads are read just before and put back in, so that devices don't get a second profile.

        Args:
            wanted: all of it, with the id of the one to change.
            payload_changed: whether the payloads are to be written, and sent to every device in the scope again. Without it they stay as
                they are and only devices that come into the scope get the profile.

        Raises:
            As ``create``.
        """
        payloads = None
        if payload_changed:
            current = self.read(wanted.id)
            if current is None:
                raise ChangeFailed(
                    "The configuration profile %s can't be changed: it was deleted meanwhile" % wanted.name,
                    self.classic.collection.address(wanted.id),
                    "Run again; the next run makes it anew",
                )
            payloads = with_identity_of(wanted.payloads, current.payloads)
        content = self._content(wanted, payloads, EVERY_DEVICE if payload_changed else NEW_DEVICES)
        return self.keep(wanted, lambda: self.classic.update(wanted.id, content, wanted.name))

    def content(self, wanted: Profile) -> list[Pair]:
        return self._content(wanted, wanted.payloads, NEW_DEVICES)

    def _content(self, wanted: Profile, payloads: bytes | None, redeploy: str) -> list[Pair]:
        general: list[Pair] = [
            ("name", wanted.name),
            ("description", wanted.description),
            (DEPLOYMENT[self.family], wanted.deployment),
            ("redeploy_on_update", redeploy),
        ]
        if self.family == MACOS:
            general.append(("user_removable", wanted.removable))
        if payloads is not None:
            general.append(("payloads", ProfileText(payloads.decode("utf-8"))))
        return [("general", general), self.scope.write(wanted.scope)]


def parse(document: ElementTree.Element, family: str) -> Profile:
    """The profile in a document."""
    return Profile(
        family=family,
        id=number_of(document, "general/id"),
        name=text_of(document, "general/name"),
        description=text_of(document, "general/description"),
        deployment=text_of(document, "general/" + DEPLOYMENT[family]),
        payloads=text_of(document, "general/payloads").encode("utf-8"),
        scope=SCOPES[family].read(document.find("scope")),
        removable=flag_of(document, "general/user_removable"),
    )


def differences(wanted: Profile, found: Profile) -> list[str]:
    """What of a profile the server doesn't have, in words."""
    problems = [
        "the %s is %r" % (name, getattr(found, name))
        for name in ("name", "description", "deployment")
        if getattr(wanted, name).strip() != getattr(found, name)
    ]
    if wanted.removable != found.removable:
        problems.append("users %s remove it" % ("may" if found.removable else "may not"))
    problems += ["the setting %s is another" % path for path in differences_of_profile(wanted.payloads, found.payloads)]
    return problems + scopes.differences(wanted.scope, found.scope)
