# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kinds of identifiers an app can have, what each looks like, and which names no ban may ever touch."""

from __future__ import annotations

import re
from dataclasses import dataclass

_REVERSE_DNS = r"[A-Za-z0-9][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+)+"
_GUID = r"[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}"
_TAP = r"(?:[a-z0-9][a-z0-9-]*/[a-z0-9][a-z0-9-]*/)?"
_EXACT_NAME = r"[^\x00-\x1f\x7f*?%\s](?:[^\x00-\x1f\x7f*?%]*[^\x00-\x1f\x7f*?%\s])?"


@dataclass(frozen=True)
class Kind:
    """One kind of identifier: its name, a pattern that a value matches as a whole, and words for a person."""

    name: str
    pattern: str
    expected: str
    max_length: int = 255


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("ios_bundle_id", _REVERSE_DNS, "an exact bundle id such as com.example.app", 155),
        Kind("macos_bundle_id", _REVERSE_DNS, "an exact bundle id such as com.example.app", 155),
        Kind("apple_team_id", r"[A-Z0-9]{10}", "an Apple Team ID, ten capitals and digits"),
        Kind("android_package", r"[A-Za-z][A-Za-z0-9_]*(?:\.[A-Za-z][A-Za-z0-9_]*)+", "an exact package name such as com.example.app"),
        # The publisher hash: 13 characters of Crockford-like base32 without i, l, o, u (catalog facts, section 1).
        Kind("appx_family_name", r"[A-Za-z0-9.-]{3,50}_[0-9a-hjkmnp-tv-z]{13}", "a package family name, Publisher.Name_ and 13 characters"),
        Kind("store_id", r"[A-Z0-9]{10,12}|[0-9]{6,12}", "a store's product id: 10 to 12 capitals and digits, or 6 to 12 digits"),
        Kind("winget", r"[A-Za-z0-9+_-]+(?:\.[A-Za-z0-9+_-]+){1,7}", "an exact winget id such as Publisher.App"),
        Kind("msi_product_code", r"\{" + _GUID + r"\}", "a product code, a GUID in braces"),
        Kind("uninstall_name", _EXACT_NAME, "the exact name of an uninstall entry"),
        Kind("deb", r"[a-z0-9][a-z0-9+.-]+", "an exact Debian package name, lower case"),
        Kind("rpm", r"[A-Za-z0-9_][A-Za-z0-9._+-]*", "an exact RPM package name"),
        Kind("pacman", r"[a-z0-9@_+][a-z0-9@._+-]*", "an exact pacman package name, lower case"),
        Kind("apk", r"[a-z0-9_][A-Za-z0-9._+-]*", "an exact Alpine package name"),
        Kind("flatpak", r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_-]*){2,}", "an exact application id such as org.example.App"),
        Kind("snap", r"(?=.*[a-z])[a-z0-9]+(?:-[a-z0-9]+)*", "an exact snap name, lower case", 40),
        Kind("brew_formula", _TAP + r"[a-z0-9][a-z0-9+_.@-]*", "an exact formula name, lower case"),
        Kind("brew_cask", _TAP + r"[a-z0-9][a-z0-9+_.@-]*", "an exact cask name, lower case"),
        Kind("chrome_extension", r"[a-p]{32}", "an extension id, 32 letters from a to p"),
        Kind(
            "domain",
            r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?:[a-z]{2,63}|xn--[a-z0-9-]{1,59})",
            "a domain name in lower case without a wildcard (IDNA form, such as xn--...)",
            253,
        ),
        # The only kind that may hold a pattern, for inventories that know no ids; three letters at least must be literal.
        Kind("display_name", r"(?=(?:[^\x00]*?[^\s*?\x00]){3})[^\x00-\x1f\x7f]+", "an app's display name, * and ? allowed besides three letters"),
    )
}

# Kinds that several apps of one vendor rightly share.
SHARED_KINDS = frozenset({"apple_team_id", "domain", "display_name"})

_APPLE_SYSTEM = (r"com\.apple\..*", r"com\.jamf.*", r"com\.jamfsoftware\..*", r"com\.airwatch\..*", r"com\.microsoft\.(?:intune|CompanyPortal|companyportal|wdav).*")
_ANDROID_SYSTEM = (
    r"com\.android\..*", r"android(?:\..*)?", r"com\.google\.android\.(?:gms|gsf|setupwizard|packageinstaller|permissioncontroller|apps\.work\..*).*",
    r"com\.microsoft\.(?:intune.*|windowsintune\.companyportal)", r"com\.airwatch\..*", r"com\.jamf.*", r"com\.samsung\.android\.(?:knox|lool|provider).*",
    r"com\.mobileiron.*", r"com\.google\.android\.webview",
)  # fmt: skip
_LINUX_SYSTEM = (
    r"systemd(?:-.*)?", r"libc6(?:-.*)?", r"glibc(?:-.*)?", r"musl(?:-.*)?", r"kernel.*", r"linux(?:-(?:image|base|headers|lts|zen|hardened|virt).*)?",
    r"bash", r"dash", r"zsh", r"busybox(?:-.*)?", r"coreutils", r"util-linux(?:-.*)?", r"sudo", r"doas", r"openssh(?:-.*)?", r"python(?:[0-9.]*)(?:-(?:minimal|libs))?",
    r"apt(?:-.*)?", r"dpkg(?:-.*)?", r"rpm(?:-.*)?", r"dnf[0-9]*(?:-.*)?", r"yum(?:-.*)?", r"zypper(?:-.*)?", r"libzypp", r"pacman(?:-.*)?",
    r"apk-tools(?:-.*)?", r"alpine-(?:base|baselayout.*|keys)", r"flatpak", r"snapd", r"filesystem", r"base(?:-files|-passwd)?", r"init(?:-.*)?",
    r"openrc", r"grub.*", r"shim(?:-.*)?", r"login", r"passwd", r"shadow(?:-.*)?", r"pam(?:-.*)?", r"network-?manager(?:-.*)?", r"NetworkManager(?:-.*)?",
    r"ca-certificates(?:-.*)?", r"debianutils", r"perl-base", r"setup", r"(?:redhat|fedora|centos|rocky|almalinux|suse|opensuse|debian|ubuntu)-release.*",
    r"(?:auditd|audit)", r"(?:falcon-sensor|mdatp|osquery|intune-portal|landscape-client|salt-minion|puppet-agent|ansible|ansible-core|aide)",
)  # fmt: skip
_WINDOWS_SYSTEM = (
    r"Microsoft\.(?:Windows|UI|NET|VCLibs|DesktopAppInstaller|StorePurchaseApp|SecHealthUI|AAD|AccountsControl|LockApp|CompanyPortal).*",
    r"Microsoft\.WindowsStore.*", r"windows\..*", r"MicrosoftWindows\..*", r"Microsoft\.(?:Intune|ConfigMgr|MDE).*",
)  # fmt: skip

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
}  # fmt: skip

_PROTECTED_RES = {kind: re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.IGNORECASE) for kind, patterns in PROTECTED.items()}


def is_protected(kind: str, value: str) -> bool:
    """Whether an identifier names a part of a system, a package manager, a management agent or a shared parent domain."""
    pattern = _PROTECTED_RES.get(kind)
    return pattern is not None and pattern.fullmatch(value) is not None
