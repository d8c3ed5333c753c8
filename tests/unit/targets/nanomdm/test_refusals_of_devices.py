# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a device says against a control is a refusal with its words, in whatever form it says it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.targets.nanomdm.objects import CommandResult, DeclarationStatus
from tests.support.mdm_samples import policy
from tests.support.nanomdm.fake_device import FakeDevice
from tests.support.nanomdm.nano_run import BANNED, PREFIX, Ban
from tests.support.nanomdm.servers import NanoServers

pytestmark = pytest.mark.fault_kind("T8", "words of a device against a declaration")
SET = f"{PREFIX}.city-Apps"
BLOCK = {"name": "Corporate", "when": {"ownership": "corporate"}, "actions": ["block"]}
DAY_BEFORE, NOW = "2023-03-19T09:00:00Z", "2023-03-20T09:00:00Z"


def status(active: bool, valid: str, *reasons: str, current: bool = True, received_at: str = NOW) -> DeclarationStatus:
    return DeclarationStatus(f"{SET}.cfg", active, valid, current, "token", reasons, received_at)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (status(True, "valid"), ""),
        (status(True, "valid", "Info.NotReferencedByActivation: odd"), ""),
        (status(False, "invalid"), "refused_by_device"),
        (status(False, "unknown", "Error.UnknownDeclarationType: Unknown Declaration Type"), "refused_by_device"),
        (status(False, "valid", "Info.PredicateFalse: not true here"), "refused_by_device"),
        (status(True, "unknown", "Error.ConfigurationCannotBeApplied: no"), "refused_by_device"),
        (status(True, "valid", "Error.ConfigurationCannotBeApplied: no"), "refused_by_device"),
        (status(False, "invalid", "Error.NotSupported: needs a supervised device"), "unsupervised"),
        # It has not judged yet.
        (status(False, "unknown"), ""),
        (status(False, "valid"), ""),
        # That was a day ago, and nothing has come of it.
        (status(False, "unknown", received_at="2023-03-19T08:00:00Z"), "refused_by_device"),
        (status(False, "valid", received_at="2023-03-19T08:00:00Z"), "refused_by_device"),
        # It speaks of an earlier version.
        (status(False, "invalid", "Error.NotSupported: no", current=False), ""),
    ],
)
def test_every_status_but_agreement_and_waiting_is_a_refusal(said: DeclarationStatus, reason: str) -> None:
    assert said.reason(DAY_BEFORE) == reason


def test_the_words_of_a_refusal_are_the_devices_own_and_have_an_end() -> None:
    said = status(False, "unknown", "Error.UnknownDeclarationType: Unknown Declaration Type", "Error.Other: more")
    assert said.words == "Error.UnknownDeclarationType: Unknown Declaration Type; Error.Other: more"
    assert status(False, "valid").words == "valid, not active"
    assert len(status(False, "invalid", "x" * 5000).words) <= 300
    result = CommandResult("uuid", "Error", NOW, ("MCMDMErrorDomain 12026: not managed",))
    assert result.words == "MCMDMErrorDomain 12026: not managed"
    assert CommandResult("uuid", "CommandFormatError", NOW).words == "CommandFormatError"


def report(device: FakeDevice, *names: str, **said: Any) -> None:
    """Let a device report otherwise of some of its declarations than it did."""
    document = device.declarations.status_report()
    for rows in document["StatusItems"]["management"]["declarations"].values():
        for row in rows:
            if row["identifier"].endswith(names):
                row.update(said)
    device.wire.declarative(device.facts.names_itself, "status", document)
    device.wire.hang_up()


@pytest.mark.parametrize(
    "said",
    [
        {
            "active": False,
            "valid": "unknown",
            "reasons": [{"code": "Error.UnknownDeclarationType", "description": "Unknown Declaration Type", "details": {}}],
        },
        {"active": False, "valid": "valid", "reasons": [{"code": "Error.UnknownDeclarationType", "description": "No such type"}]},
        {"active": True, "valid": "valid", "reasons": [{"code": "Error.UnknownDeclarationType", "description": "No such type"}]},
    ],
)
def test_a_device_that_takes_a_declaration_without_agreeing_has_refused_it(nano: NanoServers, tmp_path: Path, said: dict[str, Any]) -> None:
    phone = nano.device(os_version="27.0", apps=[BANNED])
    ban = Ban(nano, tmp_path, [phone])
    city = policy(rules=[BLOCK])
    ban.run(city)
    ban.connect()
    report(phone, ".cfg", **said)
    assert ban.run(city).outcomes() == {phone.id: ("cannot_enforce", "refused_by_device")}
