# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names that no ban may ever touch: operating systems, package managers, management agents, domains that others share."""

from __future__ import annotations

import re

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
_LINUX_SYSTEM = (
    r"systemd(?:-.*)?",
    r"libc6(?:-.*)?",
    r"glibc(?:-.*)?",
    r"musl(?:-.*)?",
    r"kernel.*",
    r"linux(?:-(?:image|base|headers|lts|zen|hardened|virt).*)?",
    r"bash",
    r"dash",
    r"zsh",
    r"busybox(?:-.*)?",
    r"coreutils",
    r"util-linux(?:-.*)?",
    r"sudo",
    r"doas",
    r"openssh(?:-.*)?",
    r"python(?:[0-9.]*)(?:-(?:minimal|libs))?",
    r"apt(?:-.*)?",
    r"dpkg(?:-.*)?",
    r"rpm(?:-.*)?",
    r"dnf[0-9]*(?:-.*)?",
    r"yum(?:-.*)?",
    r"zypper(?:-.*)?",
    r"libzypp",
    r"pacman(?:-.*)?",
    r"apk-tools(?:-.*)?",
    r"alpine-(?:base|baselayout.*|keys)",
    r"flatpak",
    r"snapd",
    r"filesystem",
    r"base(?:-files|-passwd)?",
    r"init(?:-.*)?",
    r"openrc",
    r"grub.*",
    r"shim(?:-.*)?",
    r"login",
    r"passwd",
    r"shadow(?:-.*)?",
    r"pam(?:-.*)?",
    r"network-?manager(?:-.*)?",
    r"NetworkManager(?:-.*)?",
    r"ca-certificates(?:-.*)?",
    r"debianutils",
    r"perl-base",
    r"setup",
    r"(?:redhat|fedora|centos|rocky|almalinux|suse|opensuse|debian|ubuntu)-release.*",
    r"(?:auditd|audit)",
    r"(?:falcon-sensor|mdatp|osquery|intune-portal|landscape-client|salt-minion|puppet-agent|ansible|ansible-core|aide)",
)
_WINDOWS_SYSTEM = (
    r"Microsoft\.(?:Windows|UI|NET|VCLibs|DesktopAppInstaller|StorePurchaseApp|SecHealthUI|AAD|AccountsControl|LockApp|CompanyPortal).*",
    r"Microsoft\.WindowsStore.*",
    r"windows\..*",
    r"MicrosoftWindows\..*",
    r"Microsoft\.(?:Intune|ConfigMgr|MDE).*",
)

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
    "deb": _LINUX_SYSTEM,
    "rpm": _LINUX_SYSTEM,
    "pacman": _LINUX_SYSTEM,
    "apk": _LINUX_SYSTEM,
    "snap": (r"core[0-9]*", r"snapd", r"bare", r"pc(?:-kernel)?", r"gnome-[0-9-]+.*", r"gtk-common-themes"),
    "flatpak": (r"org\.freedesktop\.(?:Platform|Sdk).*", r"org\.(?:gnome|kde)\.(?:Platform|Sdk).*"),
    "brew_formula": (r"openssl.*", r"ca-certificates", r"python(?:@.*)?", r"git", r"curl"),
    "brew_cask": (r"intune-company-portal", r"microsoft-defender.*"),
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
