# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a device is and what is on it, as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

#: The operating system of each platform, as Apple's schema names it.
SYSTEMS = {"iPhone": "iOS", "iPad": "iOS", "Mac": "macOS", "AppleTV": "tvOS"}
_MODELS = {"iPhone": "iPhone17,1", "iPad": "iPad16,3", "Mac": "Mac16,1", "AppleTV": "AppleTV14,1"}


@dataclass(frozen=True)
class App:
    """An app on a device. ``identifier`` is its bundle id, empty for a program on a Mac that has none."""

    identifier: str
    name: str
    version: str = "1.0"
    managed: bool = False
    team_id: str | None = None
    signing_id: str | None = None


@dataclass(frozen=True)
class DeviceFacts:
    """What doesn't change by itself.

    ``enrollment`` is ``device`` or ``user`` (account-driven User Enrollment, where the server learns neither UDID nor serial number).
    """

    udid: str
    serial: str
    platform: str = "iPhone"
    os_version: str = "26.1"
    supervised: bool = True
    enrollment: str = "device"

    def __post_init__(self) -> None:
        if self.platform not in SYSTEMS:
            raise ValueError(f"unknown platform {self.platform!r}; known: {', '.join(SYSTEMS)}")
        if self.enrollment not in ("device", "user"):
            raise ValueError(f"unknown enrollment {self.enrollment!r}; known: device, user")
        if self.supervised and self.enrollment == "user":
            raise ValueError("a device in User Enrollment is never supervised")

    @property
    def system(self) -> str:
        return SYSTEMS[self.platform]

    @property
    def version(self) -> tuple[int, ...]:
        return tuple(int(part) for part in self.os_version.split("."))

    @property
    def model(self) -> str:
        return _MODELS[self.platform]

    @property
    def names_itself(self) -> dict[str, str]:
        """The key that stands in every message; its value is the enrolment id at NanoMDM."""
        return {"UDID": self.udid} if self.enrollment == "device" else {"EnrollmentID": self.udid}

    def information(self) -> dict[str, Any]:
        """Everything that DeviceInformation can ask for here."""
        about: dict[str, Any] = {
            "DeviceName": f"{self.platform} of a test",
            "OSVersion": self.os_version,
            "ProductName": self.model,
            "ModelName": self.platform,
            "IsSupervised": self.supervised,
        }
        if self.enrollment == "device":
            about.update(UDID=self.udid, SerialNumber=self.serial)
        return about
