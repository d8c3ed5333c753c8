# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Application permissions of Microsoft Graph and Defender that the module needs, by what it does (Microsoft's API reference pages)."""

from __future__ import annotations

DEVICES_READ = "DeviceManagementManagedDevices.Read.All"
DEVICES_ACT = "DeviceManagementManagedDevices.PrivilegedOperations.All"
APPS_READ = "DeviceManagementApps.Read.All"
APPS_WRITE = "DeviceManagementApps.ReadWrite.All"
CONFIGURATION_READ = "DeviceManagementConfiguration.Read.All"
CONFIGURATION_WRITE = "DeviceManagementConfiguration.ReadWrite.All"
GROUPS_READ = "Group.Read.All"
GROUPS_CREATE = "Group.Create"
MEMBERS_WRITE = "GroupMember.ReadWrite.All"
#: Nothing less deletes a group, even one that the app made itself.
GROUPS_DELETE = "Group.ReadWrite.All"
DIRECTORY_DEVICES_READ = "Device.Read.All"
CONDITIONAL_ACCESS_READ = "Policy.Read.All"
INDICATORS = "Ti.ReadWrite"
