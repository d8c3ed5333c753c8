# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kinds of identifiers an app can have, and what each looks like."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Callable

_REVERSE_DNS = r"[A-Za-z0-9][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+)+"
_GUID = r"[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}"
_TAP = r"(?:[a-z0-9][a-z0-9-]*/[a-z0-9][a-z0-9-]*/)?"
_EXACT_NAME = r"[^\x00-\x1f\x7f*?%\s](?:[^\x00-\x1f\x7f*?%]*[^\x00-\x1f\x7f*?%\s])?"
_DEB_NAME = r"[a-z0-9][a-z0-9+.-]+"
_WINDOWS, _LINUX = ("windows",), ("linux",)


@dataclass(frozen=True)
class Kind:
    """One kind of identifier: its name, a pattern that a value matches as a whole, and words for a person.

    platforms: where the kind means something; empty for one that says nothing of a platform. meant: what a value that does not match
    was probably meant to be, empty for nothing; for messages only.
    """

    name: str
    pattern: str
    expected: str
    max_length: int = 255
    platforms: tuple[str, ...] = ()
    meant: Callable[[str], str] | None = None


# What rpm and dpkg print behind a name.
_ARCHITECTURE = (
    r"(?:x86_64(?:_v[2-4])?|noarch|i[3-6]86|aarch64|armv[5-8][a-z]*|ppc(?:64(?:le|p7)?)?|s390x?|riscv64|loongarch64|mips(?:64)?(?:el)?|ia64"
    r"|src|nosrc)"
)
_RPM_NAME = r"[A-Za-z0-9_][A-Za-z0-9._+-]*"
_NOT_A_WHOLE_RPM = rf"(?![^\x00]*(?:\.{_ARCHITECTURE}|\.rpm)$)"


def _rpm_meant(value: str) -> str:
    """The name in what rpm prints: ``tiktok-1.0-1.x86_64``, ``tiktok-1.0-1.x86_64.rpm``, ``tiktok.x86_64``."""
    bare = re.sub(rf"(?:\.{_ARCHITECTURE})?(?:\.rpm)?$", "", value)
    if bare == value:
        return ""
    name = re.sub(r"-[^-]+-[^-]+$", "", bare) if re.search(r"-(?:\d+:)?[^-]*\d[^-]*-[^-]*\d[^-]*$", bare) else bare
    return name if re.fullmatch(_RPM_NAME, name) else ""


def _deb_meant(value: str) -> str:
    """The name in what dpkg prints and files are called: ``tiktok:amd64``, ``tiktok_1.0_amd64.deb``."""
    name = re.split(r"[_:]|\.deb$", value)[0]
    return name if name != value and re.fullmatch(_DEB_NAME, name) else ""


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("ios_bundle_id", _REVERSE_DNS, "an exact bundle id such as com.example.app", 155, ("ios", "ipados", "tvos", "visionos")),
        Kind("macos_bundle_id", _REVERSE_DNS, "an exact bundle id such as com.example.app", 155, ("macos",)),
        Kind("apple_team_id", r"[A-Z0-9]{10}", "an Apple Team ID, ten capitals and digits"),
        Kind(
            "android_package", r"[A-Za-z][A-Za-z0-9_]*(?:\.[A-Za-z][A-Za-z0-9_]*)+", "an exact package name such as com.example.app",
            platforms=("android", "chromeos"),
        ),
        # The publisher hash: 13 characters of Crockford-like base32 without i, l, o, u (catalog facts, section 1).
        Kind(
            "appx_family_name", r"[A-Za-z0-9.-]{3,50}_[0-9a-hjkmnp-tv-z]{13}", "a package family name, Publisher.Name_ and 13 characters",
            platforms=_WINDOWS,
        ),
        Kind("store_id", r"[A-Z0-9]{10,12}|[0-9]{6,12}", "a store's product id: 10 to 12 capitals and digits, or 6 to 12 digits"),
        Kind("winget", r"[A-Za-z0-9+_-]+(?:\.[A-Za-z0-9+_-]+){1,7}", "an exact winget id such as Publisher.App", platforms=_WINDOWS),
        Kind("msi_product_code", r"\{" + _GUID + r"\}", "a product code, a GUID in braces", platforms=_WINDOWS),
        Kind("uninstall_name", _EXACT_NAME, "the exact name of an uninstall entry", platforms=_WINDOWS),
        Kind(
            "deb", _DEB_NAME, "an exact Debian package name, lower case, without version and architecture",
            platforms=_LINUX, meant=_deb_meant,
        ),
        Kind(
            "rpm", _NOT_A_WHOLE_RPM + _RPM_NAME, "an exact RPM package name without version and architecture",
            platforms=_LINUX, meant=_rpm_meant,
        ),
        Kind("pacman", r"[a-z0-9@_+][a-z0-9@._+-]*", "an exact pacman package name, lower case", platforms=_LINUX),
        Kind("apk", r"[a-z0-9_][A-Za-z0-9._+-]*", "an exact Alpine package name", platforms=_LINUX),
        Kind(
            "flatpak", r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_-]*){2,}", "an exact application id such as org.example.App",
            platforms=_LINUX,
        ),
        Kind("snap", r"(?=.*[a-z])[a-z0-9]+(?:-[a-z0-9]+)*", "an exact snap name, lower case", 40, _LINUX),
        Kind("brew_formula", _TAP + r"[a-z0-9][a-z0-9+_.@-]*", "an exact formula name, lower case", platforms=("macos", "linux")),
        Kind("brew_cask", _TAP + r"[a-z0-9][a-z0-9+_.@-]*", "an exact cask name, lower case", platforms=("macos",)),
        Kind(
            "chrome_extension", r"[a-p]{32}", "an extension id, 32 letters from a to p",
            platforms=("chromeos", "windows", "macos", "linux"),
        ),
        Kind(
            "domain",
            r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?:[a-z]{2,63}|xn--[a-z0-9-]{1,59})",
            "a domain name in lower case without a wildcard (IDNA form, such as xn--...)",
            253,
        ),
        # The only kind that may hold a pattern, for inventories that know no ids; three letters at least must be literal.
        Kind(
            "display_name",
            r"(?=(?:[^\x00]*?[^\s*?\x00]){3})[^\x00-\x1f\x7f]+",
            "an app's display name, * and ? allowed besides three letters",
        ),
    )
}

# Kinds that several apps of one vendor rightly share.
SHARED_KINDS = frozenset({"apple_team_id", "domain", "display_name"})
