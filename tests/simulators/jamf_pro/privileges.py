# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Privileges of API roles, by their names in the product (Jamf Pro fact sheet, 7)."""

from __future__ import annotations

CRUD = ("Create", "Read", "Update", "Delete")
OBJECTS = (
    "iOS Configuration Profiles", "macOS Configuration Profiles", "Restricted Software", "Smart Mobile Device Groups",
    "Static Mobile Device Groups", "Smart Computer Groups", "Static Computer Groups", "Mobile Device Apps", "Categories", "Buildings",
    "Departments",
)  # fmt: skip
# What may be created; the read filters of the same path know more (Jamf Pro fact sheet, 4).
COMMANDS = {
    "INSTALLED_APPLICATION_LIST": "Send Inventory Requests to Mobile Devices",
    "DEVICE_INFORMATION": "Send Inventory Requests to Mobile Devices",
    "CERTIFICATE_LIST": "Send Inventory Requests to Mobile Devices",
    "DECLARATIVE_MANAGEMENT": "Send Declarative Management Command",
    "RESTART_DEVICE": "Send Mobile Device Restart Device Command",
    "DEVICE_LOCK": "Send Mobile Device Remote Lock Command",
    "SETTINGS": "Send Mobile Device Set Device Name Command",
}
READ_ONLY_COMMANDS = frozenset({"RESTRICTIONS", "REMOVE_APPLICATION", "INSTALL_PROFILE", "REMOVE_PROFILE", "INSTALL_APPLICATION"})
BLANK_PUSH = "Send Blank Pushes to Mobile Devices"
COMPUTER_COMMANDS = "Send Computer Remote Command to Install Package"
FLUSH = "Flush MDM Commands"
EVERY_PRIVILEGE = sorted({
    *(f"{verb} {name}" for verb in CRUD for name in OBJECTS), "Read Mobile Devices", "Read Computers", *COMMANDS.values(), BLANK_PUSH,
    COMPUTER_COMMANDS, FLUSH, "Read API Roles", "Read API Integrations",
})  # fmt: skip
