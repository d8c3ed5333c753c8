# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Native scope: which part of a requirement holds for every device of an ownership, whoever it is, so that the target can be told once.

A rule that asks only for what the target can express natively needs no list of devices: one scope covers those that are there
and those that come. Which rules those are is not read off their form. The policies are asked about symbolic devices that have
nothing but a platform, an ownership, a supervision and a kind of enrollment; everything else about them is unknown. Decisions are
three-valued and filling in an unknown attribute never turns a sure answer round, so what is sure for a symbolic device is sure
for every real one. Only another policy may turn out to ask for the same, which makes it a requirement of both.
"""

from __future__ import annotations

import itertools
from typing import Any, Callable, Iterable, Mapping, Sequence

from ...policy import scope
from ...policy.decide import Decider
from ...policy.devices import ENROLLMENTS
from ...policy.model import Decision, Policy
from .requirements import Requirement

#: Ownerships that a native scope can name; None is a device whose ownership the target does not know.
OWNERSHIPS: tuple[str | None, ...] = ("corporate", "personal", None)
#: What a symbolic device has. A decision that rests on anything else is not sure for it.
NATIVE_ATTRIBUTES = frozenset(("platform", "ownership", "supervised", "enrollment", "work_apps"))

RequirementsOf = Callable[[Mapping[str, Any], Decision], Iterable[Requirement]]


class NativeScope:
    """Answers for which ownerships a requirement is sure.

    Args:
        policies: the policies of the run.
        decider: the same, made ready for the run's instant.
        requirements_of: what the target has to enforce on a device, by its record and decision.
        platforms: the platforms that the target manages.
        fixed: attributes that every device in the target's native scope has, such as supervision: what is wanted of others does
            not matter there.
    """

    def __init__(
        self,
        policies: Sequence[Policy],
        decider: Decider,
        requirements_of: RequirementsOf,
        platforms: Sequence[str],
        fixed: Mapping[str, Any] | None = None,
    ) -> None:
        self._table: dict[tuple[str, str | None], list[frozenset[Requirement]]] = {}
        if _has_exemption_by_other_attributes(policies, decider):
            # "Unknown is not exempt" holds for a symbolic device. A real one may be exempt by a fact that the target does not
            # know, and it would be reached before the next run could leave it out.
            return
        for platform, ownership in itertools.product(platforms, OWNERSHIPS):
            seen = {
                frozenset(requirements_of(device, decider.decide(device)))
                for device in _symbolic_devices(platform, ownership, fixed or {})
            }  # fmt: skip
            self._table[(platform, ownership)] = list(seen)

    def ownerships(self, requirement: Requirement, platforms: Iterable[str]) -> frozenset[str | None]:
        """The ownerships whose every device on these platforms gets this requirement, whatever else is true of it."""
        wanted = list(platforms)
        return frozenset(
            ownership
            for ownership in OWNERSHIPS
            if all(
                (platform, ownership) in self._table
                and all(requirement in requirements for requirements in self._table[(platform, ownership)])
                for platform in wanted
            )
        )


def _symbolic_devices(platform: str, ownership: str | None, fixed: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    for supervised, enrollment in itertools.product((True, False, None), (*ENROLLMENTS, None)):
        yield {
            # No policy can name it: ids of devices are never empty.
            "id": "\0",
            "platform": platform,
            "ownership": ownership,
            "supervised": supervised,
            "enrollment": enrollment,
            # Whatever a tenant manages has work apps; who gives them up leaves the management.
            "work_apps": True,
            **fixed,
        }


def _has_exemption_by_other_attributes(policies: Sequence[Policy], decider: Decider) -> bool:
    return any(
        exemption.when is not None
        and exemption.granted.at <= decider.moment < exemption.expires.at
        and not scope.attributes(scope.compile_when(exemption.when)) <= NATIVE_ATTRIBUTES
        for policy in policies
        for exemption in policy.exemptions
    )
