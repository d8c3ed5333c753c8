# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Configuration profiles, for mobile devices or for Macs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ....engine.errors import AppbanError, ChangeFailed
from ....mdm.apple.profile_comparison import differences_of_profile, foreign_settings, parse_profile
from ....mdm.planning import ownership
from ....mdm.planning.audiences import Audience
from ....mdm.planning.plan_draft import Step
from ....mdm.planning.reconcile import Difference
from ....mdm.planning.scoped_objects import ScopedResource
from ..api import mobile_groups as api
from ..api.profiles import Profiles
from ..api.scopes import differences as scope_differences
from ..contents import names_in_profile
from ..controls import Control, WantedScope
from ..objects import AUTOMATIC, Profile, Scope
from ..server_state import WRITTEN, OwnedProfile
from . import diff_text
from .mobile_groups import MobileGroups
from .surroundings import Surroundings

PROFILE = "configuration profile"


class ConfigurationProfiles(ScopedResource[Control, OwnedProfile]):
    """Profiles of one family. A name belongs to one profile only."""

    kind = PROFILE
    adoptable = True

    def __init__(self, around: Surroundings, family: str, groups: MobileGroups) -> None:
        super().__init__(around.scope_members, groups, family, others=around.state.others(PROFILE))
        self.around = around

    def becomes(self, found: OwnedProfile, wanted: Control) -> bool:
        same = found.marker.mechanism == wanted.mechanism and not set(found.marker.policies).isdisjoint(wanted.requirement.policies)
        return same and not self.foreign(wanted)

    def audience_wanted(self, wanted: Control) -> Audience:
        return self.around.wanted_audience(wanted.scope)

    def difference(self, wanted: Control, found: OwnedProfile) -> Difference:
        profile, payloads = found.profile, wanted.payloads or b""
        lacking, besides = _compared(payloads, profile.payloads)
        scope = self.around.resolved(wanted.scope)
        written = found.marker.fact(WRITTEN)
        same = (profile.name, profile.deployment, profile.removable) == (wanted.name, AUTOMATIC, False)
        same = same and ownership.same_description(self._description(wanted, written), profile.description)
        return Difference(
            settings=(*lacking, *besides),
            scope=scope is None or bool(scope_differences(scope, profile.scope)),
            label=not same or not written,
            adds=bool(lacking) and names_in_profile(payloads) == names_in_profile(profile.payloads),
            drift=tuple(self._drift(found, (*lacking, *besides), spec_of(payloads))),
        )

    def text(self, found: OwnedProfile) -> str:
        scope, name_of = found.profile.scope, self.around.name_of(self.family)
        return diff_text.profile_text(found.profile.payloads, scope.audience, scope.names, name_of, scope.foreign)

    def wanted_text(self, wanted: Control) -> str:
        audience, name_of = self.audience_wanted(wanted), self.around.name_of(self.family)
        return diff_text.profile_text(wanted.payloads or b"", audience, self.groups.names_by_key(), name_of)

    def write(self, wanted: Control, found: OwnedProfile | None, difference: Difference | None, foreign: int | None) -> Step:
        payloads = wanted.payloads or b""
        written = found.marker.fact(WRITTEN) if found is not None else ""
        resend = difference is None or bool(difference.settings)
        # Who had it keeps the instant from which it has been in force; who comes into its scope is remembered by name.
        description = self._description(wanted, self.around.now if resend or not written else written)
        number = foreign or (found.profile.id if found is not None else 0)
        profile = Profile(self.family, number, wanted.name, description, AUTOMATIC, payloads, Scope())
        seen = found.profile if found is not None else None
        expected = {group.name: group.members for group in wanted.groups if group.smart}
        effect = self.becomes_in_force(wanted, number, difference)
        return Step(self.write_profile, (profile, wanted.scope, resend, seen, expected), effect)

    def delete(self, found: OwnedProfile) -> Step:
        return Step(self.delete_profile, (found.profile,), self.ends(found))

    def _description(self, wanted: Control, written: str) -> str:
        spec = spec_of(wanted.payloads or b"")
        return ownership.control_description(wanted.requirement.policies, wanted.mechanism, spec, ((WRITTEN, written),))

    def _drift(self, found: OwnedProfile, settings: Sequence[str], spec: object) -> list[str]:
        profile, told = found.profile, []
        if found.marker.sha256 == ownership.spec_hash(spec):
            told += ["%s had other settings (%s)" % (profile.name, ", ".join(settings))] if settings else []
            told += ["%s was not installed automatically" % profile.name] if profile.deployment != AUTOMATIC else []
            told += ["%s could be removed by users" % profile.name] if profile.removable else []
        return [*told, *self.around.strange_scope(self.family, profile.name, profile.scope)]

    # Verbs.

    def write_profile(
        self, profile: Profile, scope: WantedScope, resend: bool, seen: Profile | None, expected: Mapping[str, frozenset[int]]
    ) -> None:
        """Make or change a profile.

        Args:
            profile: as it is wanted, its scope empty; id 0 to make it.
            resend: it has to go to every device again.
            seen: what the plan was made from; None for a new one.
            expected: name of a smart group in the scope -> devices of which it must have one, or its criteria mean something else to this
                server, and the profile would reach nobody.
        """
        profiles = Profiles(self.around.jamf, self.family)
        wanted = replace(profile, scope=self.around.resolved(scope) or Scope())
        for name, devices in expected.items():
            self._expect_one_of(name, devices)
        if seen is not None or not wanted.id:
            profiles.refuse_changed(wanted.name, seen)
        if not wanted.id:
            profiles.create(wanted)
            return
        if not resend and seen is not None:
            # What stays as it is has to be what is read back.
            wanted = replace(wanted, payloads=seen.payloads)
        profiles.update(wanted, resend)

    def delete_profile(self, profile: Profile) -> None:
        """Delete a profile of ours."""
        Profiles(self.around.jamf, self.family, self.around.ids).delete_seen(profile)

    def _expect_one_of(self, name: str, devices: frozenset[int]) -> None:
        """See that a smart group holds what it was made for. A server that takes a criterion for another says nothing of it."""
        number = self.around.group_ids[name]
        if devices and not api.MobileGroups(self.around.jamf).has_one_of(number, True, devices):
            raise ChangeFailed(
                "The group %s has none of the %d devices that it was made for, so a profile for it would reach nobody"
                % (name, len(devices)),
                "mobile device group %d" % number,
                "Look at its criteria in Jamf Pro: this server takes them for something else. The profile was not written",
            )


def _compared(wanted: bytes, found: bytes) -> tuple[list[str], list[str]]:
    """In what a profile on the server differs from the wanted one, and what it does besides."""
    try:
        return differences_of_profile(wanted, found), foreign_settings(wanted, found)
    except AppbanError as error:
        return [str(error).splitlines()[0]], []


def spec_of(payloads: bytes) -> object:
    """What a profile sets, without what names it."""
    hidden = ("PayloadUUID", "PayloadIdentifier", "PayloadDisplayName", "PayloadVersion")
    content = parse_profile(payloads)["PayloadContent"]
    return [{key: value for key, value in payload.items() if key not in hidden} for payload in content]
