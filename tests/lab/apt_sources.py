# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Debian archive of the machine that builds the lab, read from its own apt sources.

The lab never names an archive: a mirror, a snapshot or a proxy that the machine uses is the one the lab uses.
"""

from __future__ import annotations

import platform
from collections.abc import Iterable
from pathlib import Path

SUITE_ENDINGS = ("", "-updates", "-security")


class NoArchive(RuntimeError):
    """The machine's apt sources name no Debian archive the lab could be built from."""


def codename() -> str:
    """The release's code name (for example bookworm); empty on a system that is not Debian."""
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        return ""
    return release.get("VERSION_CODENAME", "") if release.get("ID") == "debian" else ""


def debian_sources(release: str, apt_directory: Path = Path("/etc/apt")) -> str:
    """The machine's own entries for the release's main archive, as one-line apt sources.

    Third-party archives are left out: only suites of the release itself with the component main count. Understands
    deb822 files (*.sources) and the classic format (sources.list, *.list). Raises NoArchive when nothing is left.
    """
    lines: dict[str, None] = {}
    for path in sorted([apt_directory / "sources.list", *apt_directory.glob("sources.list.d/*")]):
        if not path.is_file():
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        if path.suffix == ".sources":
            lines.update(dict.fromkeys(_from_deb822(text, release)))
        elif path.suffix == ".list":
            lines.update(dict.fromkeys(_from_classic(text, release)))
    if not any(f" {release} " in line for line in lines):
        raise NoArchive(f"no Debian source with suite {release} and component main in {apt_directory}/sources.list or sources.list.d/")
    return "".join(f"{line}\n" for line in lines)


def _entry(uri: str, suite: str, components: Iterable[str], release: str, signed_by: str) -> Iterable[str]:
    if suite in {release + ending for ending in SUITE_ENDINGS} and "main" in components:
        option = f"[signed-by={signed_by}] " if signed_by.startswith("/") else ""
        yield f"deb {option}{uri} {suite} main"


def _from_classic(text: str, release: str) -> Iterable[str]:
    for raw in text.splitlines():
        line = raw.split("#", 1)[0].strip()
        if not line.startswith(("deb ", "deb\t")):
            continue
        rest, signed_by = line[3:].strip(), ""
        if rest.startswith("["):
            options, _bracket, rest = rest[1:].partition("]")
            for option in options.split():
                key, _equals, value = option.partition("=")
                if key.lower() == "signed-by":
                    signed_by = value
        words = rest.split()
        if len(words) >= 3:
            yield from _entry(words[0], words[1], words[2:], release, signed_by)


def _from_deb822(text: str, release: str) -> Iterable[str]:
    for stanza in text.replace("\r", "").split("\n\n"):
        fields: dict[str, str] = {}
        key = ""
        for line in stanza.splitlines():
            if line.startswith("#"):
                continue
            if line[:1] in {" ", "\t"} and key:
                fields[key] += "\n" + line.strip()
            elif ":" in line:
                key, _colon, value = line.partition(":")
                key = key.strip().lower()
                fields[key] = value.strip()
        if fields.get("enabled", "yes").lower() == "no" or "deb" not in fields.get("types", "").split():
            continue
        for uri in fields.get("uris", "").split():
            for suite in fields.get("suites", "").split():
                yield from _entry(uri, suite, fields.get("components", "").split(), release, fields.get("signed-by", ""))
