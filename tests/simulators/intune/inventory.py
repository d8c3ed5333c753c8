# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Discovered apps: one row per name, version and platform, fed by inventories that devices upload now and then."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .device import App, Device
from .errors import stable_id

PLATFORMS = {"ios": "ios", "macos": "macOS", "windows": "windows", "android": "androidDedicatedAndFullyManaged"}


@dataclass(slots=True)
class Row:
    """One discovered app. There is no bundle or package id in it (Intune fact sheet, 1.2)."""

    id: str
    name: str | None
    version: str
    publisher: str
    platform: str
    devices: dict[str, None] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        return {
            "@odata.type": "#microsoft.graph.detectedApp", "id": self.id, "displayName": self.name, "version": self.version,
            "sizeInByte": 0,
            "deviceCount": len(self.devices), "publisher": self.publisher, "platform": self.platform,
        }  # fmt: skip


def reported_platform(device: Device) -> str:
    return "androidWorkProfile" if device.kind == "android_work_profile" else PLATFORMS[device.platform]


def reported_name(app: App) -> str | None:
    """Modern Windows apps are listed by their package."""
    return (app.package or app.name) if app.listed_as == "" else app.listed_as


class Inventory:
    """All rows, kept up to date by difference."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str | None, str, str], Row] = {}

    def load(self, devices: dict[str, Device]) -> None:
        for device in devices.values():
            for app in device.reported:
                self._row(device, app).devices[device.id] = None

    def upload(self, device: Device, apps: list[App]) -> None:
        """Replace what the device has reported."""
        self.forget(device)
        device.reported = tuple(app for app in apps if device.sees(app))
        for app in device.reported:
            self._row(device, app).devices[device.id] = None

    def forget(self, device: Device) -> None:
        for app in device.reported:
            self._row(device, app).devices.pop(device.id, None)
        device.reported = ()

    def rows(self) -> list[Row]:
        return [row for row in self._rows.values() if row.devices]

    def row(self, row_id: str) -> Row | None:
        return next((row for row in self.rows() if row.id == row_id), None)

    def rows_of(self, device: Device) -> list[Row]:
        return [self._row(device, app) for app in device.reported]

    def row_for(self, device: Device, app: App) -> Row:
        return self._row(device, app)

    def _row(self, device: Device, app: App) -> Row:
        key = (reported_name(app), app.version, reported_platform(device))
        row = self._rows.get(key)
        if row is None:
            row = self._rows[key] = Row(stable_id("detectedApp", *key), key[0], key[1], app.publisher, key[2])
        return row
