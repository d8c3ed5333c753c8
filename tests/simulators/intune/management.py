# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What manages a device, and therefore which of Intune's controls get through to it.

Agents and states are all those of the published description. A device under an agent without an MDM channel still has a record, and its
last contact moves on; nothing that is assigned to it ever arrives (Intune fact sheet, public reports at its end).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .device import Device

CONFIGURATION = "configuration"
COMPLIANCE = "compliance"
APPS = "apps"
INVENTORY = "inventory"
EVERYTHING = frozenset({CONFIGURATION, COMPLIANCE, APPS, INVENTORY})
NOTHING: frozenset[str] = frozenset()
CO_MANAGED = frozenset({"configurationManagerClientMdm", "configurationManagerClientMdmEas"})
WITH_CHANNEL = frozenset({"mdm", "easMdm", "googleCloudDevicePolicyController"}) | CO_MANAGED
# Exchange ActiveSync, the old PC agent, a Configuration Manager client that is only attached, partners, Defender's own channel, basic
# mobility of Microsoft 365, devices without Google's services, Chrome OS, and whatever the service can't name.
WITHOUT_CHANNEL = frozenset({
    "eas", "intuneClient", "easIntuneClient", "configurationManagerClient", "jamf", "microsoft365ManagedMdm", "msSense", "intuneAosp",
    "google", "unknown", "unknownFutureValue",
})  # fmt: skip
AGENTS = WITH_CHANNEL | WITHOUT_CHANNEL
# The overview says that it leaves these out.
NOT_COUNTED = frozenset({"intuneClient", "easIntuneClient"})
# A command that was taken back or failed leaves the device managed.
STATES_OF_MANAGED = frozenset({"managed", "retireFailed", "wipeFailed", "retireCanceled", "wipeCanceled"})
# What has arrived stays until the command is carried out; nothing new arrives.
STATES_OF_LEAVING = frozenset({"retirePending", "wipePending", "deletePending", "retireIssued", "wipeIssued", "unhealthy"})
STATES = STATES_OF_MANAGED | STATES_OF_LEAVING | {"discovered", "unknownFutureValue"}
# Workloads in the order of the description; true means that Intune has it.
WORKLOADS = (
    "compliancePolicy", "deviceConfiguration", "endpointProtection", "inventory", "modernApps", "officeApps", "resourceAccess",
    "windowsUpdateForBusiness",
)  # fmt: skip
GATES = {CONFIGURATION: "deviceConfiguration", COMPLIANCE: "compliancePolicy", APPS: "modernApps", INVENTORY: "inventory"}


def state_of(device: Device) -> str:
    """The management state; a retirement that was ordered shows as issued."""
    if device.management_state == "managed" and any(action["action"] == "retire" for action in device.actions):
        return "retireIssued"
    return device.management_state


def let_through(device: Device) -> frozenset[str]:
    """The kinds of controls that reach the device now."""
    if device.management_agent not in WITH_CHANNEL or state_of(device) not in STATES_OF_MANAGED:
        return NOTHING
    if device.management_agent in CO_MANAGED:
        return frozenset(kind for kind, workload in GATES.items() if (device.workloads or {}).get(workload))
    return EVERYTHING


def keeps_what_it_has(device: Device) -> bool:
    """Whether controls of earlier contacts stay although nothing new arrives."""
    return device.management_agent in WITH_CHANNEL and state_of(device) in STATES_OF_LEAVING


def is_judged_elsewhere(device: Device) -> bool:
    """Whether Configuration Manager says if the device is compliant."""
    if device.management_agent == "configurationManagerClient":
        return True
    return device.management_agent in CO_MANAGED and not (device.workloads or {}).get("compliancePolicy")


def shown_workloads(device: Device) -> dict[str, Any] | None:
    """Only a device with a Configuration Manager client tells of workloads."""
    if not device.management_agent.startswith("configurationManagerClient"):
        return None
    return {name: bool((device.workloads or {}).get(name)) for name in WORKLOADS}


def checked_agent(value: Any) -> str:
    """Raises ValueError for an agent that the description doesn't have."""
    if value not in AGENTS:
        raise ValueError(f"unknown management agent {value!r}; known: {', '.join(sorted(AGENTS))}")
    return str(value)


def checked_state(value: Any) -> str:
    """Raises ValueError for a state that the description doesn't have."""
    if value not in STATES:
        raise ValueError(f"unknown management state {value!r}; known: {', '.join(sorted(STATES))}")
    return str(value)


def checked_workloads(value: Any) -> dict[str, bool] | None:
    """Raises ValueError for a workload that the description doesn't have."""
    if value is not None and (not isinstance(value, dict) or set(value) - set(WORKLOADS)):
        raise ValueError(f"workloads are a mapping of some of {', '.join(WORKLOADS)} to true or false, not {value!r}")
    return value
