# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names that no ban may ever touch: operating systems, package managers, management agents, domains that others share."""

from __future__ import annotations

import re
from collections.abc import Iterable

from .protected_packages import LINUX_KINDS, NEVER_NAMED

_APPLE_SYSTEM = (
    r"com\.apple\..*",
    r"com\.jamf.*",
    r"com\.jamfsoftware\..*",
    r"com\.airwatch\..*",
    r"com\.microsoft\.(?:intune|CompanyPortal|companyportal|wdav).*",
    r"com\.microsoft\.azureauthenticator",
)
_ANDROID_SYSTEM = (
    r"com\.android\..*",
    r"android(?:\..*)?",
    r"com\.google\.android\.(?:gms|gsf|setupwizard|packageinstaller|permissioncontroller|apps\.work\..*).*",
    r"com\.microsoft\.(?:intune.*|windowsintune\.companyportal)",
    r"com\.azure\.authenticator",
    r"com\.airwatch\..*",
    r"com\.jamf.*",
    r"com\.samsung\.android\.(?:knox|lool|provider).*",
    r"com\.mobileiron.*",
    r"com\.google\.android\.webview",
)
# Packages that belong to those of a system's that a host protects. A host lets them go along with what needs them
# (network-manager-openvpn with a VPN client), but they are no app that a policy bans.
_LINUX_FAMILIES = (
    r"kernel.*",
    r"linux-headers.*",
    r"musl-.*",
    r"python[0-9.]*(?:-(?:minimal|libs))?",
    r"(?:apt|dpkg|rpm|dnf[0-9]*|yum|zypper|pacman)-.*",
    r"dnf[0-9]*",
    r"(?:init|shadow|ca-certificates)-.*",
    r"network-?manager-.*",
)
_FAMILIES = {
    **dict.fromkeys(LINUX_KINDS, _LINUX_FAMILIES),
    "flatpak": (r"org\.(?:freedesktop|gnome|kde)\.(?:Platform|Sdk).*",),
}
_WINDOWS_SYSTEM = (
    r"Microsoft\.(?:Windows|UI|NET|VCLibs|DesktopAppInstaller|StorePurchaseApp|SecHealthUI|AAD|AccountsControl|LockApp|CompanyPortal).*",
    r"Microsoft\.WindowsStore.*",
    r"windows\..*",
    r"MicrosoftWindows\..*",
    r"Microsoft\.(?:Intune|ConfigMgr|MDE).*",
)


def _pattern(globs: Iterable[str]) -> str:
    """One regular expression for globs. It goes into the JSON Schema, which knows fewer of Python's, so it is not made by fnmatch."""
    return "|".join(glob.replace(".", r"\.").replace("*", ".*") for glob in globs)


# What a ban must never name: parts of the operating system, what installs packages, and what manages the device.
PROTECTED: dict[str, tuple[str, ...]] = {
    "ios_bundle_id": _APPLE_SYSTEM,
    "macos_bundle_id": _APPLE_SYSTEM,
    "android_package": _ANDROID_SYSTEM,
    "appx_family_name": _WINDOWS_SYSTEM,
    "winget": _WINDOWS_SYSTEM,
    "uninstall_name": (
        r"(?:Microsoft Intune|Company Portal|Configuration Manager|Jamf|Workspace ONE|Microsoft Visual C\+\+|Microsoft \.NET|Windows ).*",
    ),
    **{kind: (_pattern(globs), *_FAMILIES.get(kind, ())) for kind, globs in NEVER_NAMED.items()},
    # Parents that thousands of unrelated sites live under, and registries of names: blocking them breaks the web
    # (catalog facts, section 2: content-delivery aliases by their exact name only, never the parent).
    "domain": (
        r"akamaized\.net|akamai\.net|akamaiedge\.net|akamaihd\.net|edgesuite\.net|edgekey\.net|ttdns2\.com|fastly\.net|fastlylb\.net|cloudfront\.net",
        r"amazonaws\.com|azureedge\.net|azurefd\.net|windows\.net|cloudflare\.com|cloudflare\.net|cdn\.cloudflare\.net|googleapis\.com|gstatic\.com",
        r"googleusercontent\.com|github\.io|netlify\.app|vercel\.app|herokuapp\.com|workers\.dev|pages\.dev|web\.app|firebaseapp\.com",
        r"google\.com|apple\.com|icloud\.com|microsoft\.com|windowsupdate\.com|microsoftonline\.com|office\.com|live\.com",
        r"(?:com|co|net|org|gov|edu|ac|mil|gob|go|or|ne)\.[a-z]{2}",
        r"eu\.org|uk\.com|us\.com",
    ),
}

_PROTECTED_RES = {
    kind: re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.IGNORECASE) for kind, patterns in PROTECTED.items()
}


def is_protected(kind: str, value: str) -> bool:
    """Whether an identifier names a part of a system, a package manager, a management agent or a shared parent domain."""
    pattern = _PROTECTED_RES.get(kind)
    return pattern is not None and pattern.fullmatch(value) is not None
