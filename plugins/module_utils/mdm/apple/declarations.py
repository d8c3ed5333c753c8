# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Declarations of Apple's declarative device management, and whether a server holds the same ones. Pure.

Facts are from Apple's published schema of device management, ``declarative/declarations``; ``app.settings`` is from its edition
for version 27.0 of the operating systems.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Iterable, Mapping
from urllib.parse import urlsplit

from ...engine.errors import AppbanError
from ..planning.comparison import differences

APP_SETTINGS = "com.apple.configuration.app.settings"
LEGACY_PROFILE = "com.apple.configuration.legacy"
ACTIVATION = "com.apple.activation.simple"
#: Octets of an identifier that a device takes for certain.
MAX_IDENTIFIER = 64
#: What stands for the team of Apple's own binaries, which have none.
APPLE = "*APPLE*"
_TEAM_ID = re.compile(r"[A-Z0-9]{10}")


@dataclass(frozen=True)
class Declaration:
    """One declaration, without the token that its server gives it.

    Args:
        type: such as :data:`APP_SETTINGS`.
        identifier: unique on a device.
        payload: keys of this type.

    Raises:
        AppbanError: for an identifier that a device need not take.
    """

    type: str
    identifier: str
    payload: Mapping[str, Any]

    def __post_init__(self) -> None:
        octets = len(self.identifier.encode("utf-8"))
        if not 0 < octets <= MAX_IDENTIFIER:
            raise AppbanError(
                "the identifier of a declaration takes 1 to %d octets, and this one has %d" % (MAX_IDENTIFIER, octets),
                self.identifier,
                "Use a shorter name",
            )

    def document(self) -> dict[str, Any]:
        """The declaration as servers take it."""
        return {"Type": self.type, "Identifier": self.identifier, "Payload": dict(self.payload)}


@dataclass(frozen=True)
class DeniedBinary:
    """A program that a Mac must not run. It is denied where all that is given here matches.

    Args:
        team_id: ten letters and digits, or :data:`APPLE` together with a signing id; empty if unknown. Alone it denies everything
            that this vendor has signed.
        signing_id: the signing identifier of its code signature, mostly its bundle id; empty if unknown.

    Raises:
        AppbanError: for neither, for a team id of another form, and for all of Apple's own programs.
    """

    team_id: str = ""
    signing_id: str = ""

    def __post_init__(self) -> None:
        if not self.team_id and not self.signing_id:
            raise AppbanError("a denied binary needs a team id or a signing id", APP_SETTINGS, "Add an apple_team_id or a macos_bundle_id")
        if self.team_id == APPLE:
            if not self.signing_id:
                raise AppbanError("this would deny every program of Apple's own", APP_SETTINGS, "Add a signing id")
        elif self.team_id and not _TEAM_ID.fullmatch(self.team_id):
            raise AppbanError(
                "a team id has ten capital letters and digits, not %r" % self.team_id, APP_SETTINGS, "Check the policy's apple_team_id"
            )

    def entry(self) -> dict[str, str]:
        """The entry of ``DeniedBinaries``."""
        return {key: value for key, value in (("TeamID", self.team_id), ("SigningID", self.signing_id)) if value}


def app_settings(identifier: str, bundle_ids: Iterable[str] = (), denied_binaries: Iterable[DeniedBinary] = ()) -> Declaration:
    """A block of apps for version 27 and later, on supervised devices: by bundle id, or by signature on a Mac.

    Lists of several such declarations on one device are united, so ours takes nothing away from another one.

    Raises:
        AppbanError: for nothing to block, and for both kinds at once. A Mac has no ``DeniedApps`` and the others have no
            ``DeniedBinaries``, and unknown keys are among the reasons for which a device calls a declaration invalid.
    """
    ids = sorted({each.strip() for each in bundle_ids})
    binaries = sorted((each.entry() for each in frozenset(denied_binaries)), key=lambda each: sorted(each.items()))
    if ids and binaries:
        raise AppbanError(
            "bundle ids and binaries can't share a declaration: a device may refuse all of it for the key that it does not have",
            identifier,
            "Make one declaration for Macs and one for all others",
        )
    if not all(ids) or not (ids or binaries):
        raise AppbanError("a block needs at least one bundle id or binary, and no empty one", identifier, "Check the policy's apps")
    return Declaration(APP_SETTINGS, identifier, {"Allowed": {"DeniedApps": ids} if ids else {"DeniedBinaries": binaries}})


def legacy_profile(identifier: str, profile_url: str) -> Declaration:
    """A declaration that has a device fetch a configuration profile: iOS 15, macOS 13, tvOS 16, visionOS 1.1 and later.

    Args:
        profile_url: on the MDM server, which Apple demands to be ``https``.

    Raises:
        AppbanError: for any other URL.
    """
    try:
        parts = urlsplit(profile_url)
        usable = profile_url.startswith("https://") and bool(parts.hostname) and not parts.username and not parts.password
    except ValueError:
        usable = False
    if not usable:
        # The URL itself may carry a secret, so it is not repeated.
        raise AppbanError(
            "devices fetch a profile only from a URL that starts with https://, has a host and no user name",
            identifier,
            "Give the https URL of the profile on the MDM server",
        )
    return Declaration(LEGACY_PROFILE, identifier, {"ProfileURL": profile_url})


def activation(identifier: str, configurations: Iterable[str], predicate: str = "") -> Declaration:
    """A declaration that puts configurations in force, without which a device keeps them and does nothing.

    Args:
        configurations: identifiers of configurations.
        predicate: a condition that the device evaluates over its status items; empty for always.

    Raises:
        AppbanError: for no configurations.
    """
    names = sorted(set(configurations))
    if not names:
        raise AppbanError("an activation needs at least one configuration", identifier, "Name the configurations that it puts in force")
    payload: dict[str, Any] = {"StandardConfigurations": names}
    if predicate:
        payload["Predicate"] = predicate
    return Declaration(ACTIVATION, identifier, payload)


def same_declaration(wanted: Declaration | Mapping[str, Any], found: Declaration | Mapping[str, Any] | None) -> bool:
    """Whether a server's declaration does what the wanted one does: same type, and a payload with the same content.

    The order of lists, which are all sets here, and the server's token do not count. A key more does: a predicate that somebody
    added switches our block off.

    Args:
        wanted: ours.
        found: what the server holds; None where it has none.
    """
    ours, theirs = _document(wanted), _document(found)
    if not isinstance(theirs.get("Payload"), Mapping) or ours.get("Type") != theirs.get("Type"):
        return False
    return not differences(ours["Payload"], theirs["Payload"]) and not differences(theirs["Payload"], ours["Payload"])


def _document(declaration: Declaration | Mapping[str, Any] | None) -> Mapping[str, Any]:
    if isinstance(declaration, Declaration):
        return declaration.document()
    return declaration if isinstance(declaration, Mapping) else {}
