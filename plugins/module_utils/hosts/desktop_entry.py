# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a desktop launcher or an AppImage's name says of the app behind it. Pure text.

Format: Desktop Entry Specification 1.5. Browsers write a launcher for each installed web app: Chromium and its kin with
``--app-id=`` (``<browser>-<app id>-<profile>.desktop``), shortcuts made by hand with ``--app=URL``, Epiphany and Firefox
with the address or the program ``firefoxpwa`` (fact sheet hosts_linux 10). Waydroid writes ``waydroid.<package>.desktop``.
"""

from __future__ import annotations

import fnmatch
import os
import re
import shlex
from typing import Dict, Iterable, List, Mapping, Optional, Tuple
from urllib.parse import urlsplit

_VERSION = re.compile(r"[-_ .]v?\d.*\Z", re.IGNORECASE)
_PLATFORM = re.compile(r"[-_ .](?:x86_64|x86|x64|amd64|aarch64|arm64|armhf|i386|i686|linux|linux64|latest|stable)\Z", re.IGNORECASE)


def parse_desktop_entry(content: bytes) -> Mapping[str, str]:
    """The keys of the group ``[Desktop Entry]``, translations left out."""
    values: Dict[str, str] = {}
    inside = False
    for raw in content.decode("utf-8", "replace").splitlines():
        line = raw.strip()
        if line.startswith("["):
            inside = line == "[Desktop Entry]"
        elif inside and "=" in line and not line.startswith("#"):
            key, value = line.split("=", 1)
            values.setdefault(key.strip(), value.strip())
    return values


def leads_to(entry: Mapping[str, str], domains: Iterable[str]) -> bool:
    """Whether a launcher opens one of the domains, or a name below one of them."""
    wanted = tuple(domain.lower().rstrip(".") for domain in domains)
    if entry.get("Type") == "Link":
        addresses = [entry.get("URL", "")]
    else:
        addresses = [argument.split("=", 1)[1] if argument.startswith("--app=") else argument for argument in _arguments(entry)]
    for address in addresses:
        host = _host(address)
        if host and any(host == domain or host.endswith("." + domain) for domain in wanted):
            return True
    return False


def is_installed_web_app(entry: Mapping[str, str]) -> bool:
    """Whether a launcher starts a web app that a browser installed, so that its name is all that it says."""
    arguments = _arguments(entry)
    return any(argument.startswith("--app-id=") or os.path.basename(argument) == "firefoxpwa" for argument in arguments)


def is_named(name: str, patterns: Iterable[str]) -> bool:
    """Whether a whole name matches one of the patterns (``*`` and ``?``), case apart."""
    plain = " ".join(name.lower().split())
    return bool(plain) and any(fnmatch.fnmatchcase(plain, " ".join(pattern.lower().split())) for pattern in patterns)


def appimage_names(file_name: str) -> Tuple[str, ...]:
    """The names that an AppImage's file name may mean: as it is, and without version and platform. Empty for other files."""
    stem, ending = os.path.splitext(file_name)
    if ending.lower() != ".appimage":
        return ()
    names = [stem]
    short = stem
    while True:
        shorter = _PLATFORM.sub("", short)
        if shorter == short:
            break
        short = shorter
    names.append(short)
    shortest = _VERSION.sub("", short)
    names.append(shortest)
    names.extend([re.sub(r"[-_]+", " ", name) for name in names])
    return tuple(dict.fromkeys(name for name in names if name))


def _arguments(entry: Mapping[str, str]) -> List[str]:
    command = entry.get("Exec", "")
    try:
        arguments = shlex.split(command)
    except ValueError:
        arguments = [command]
    # sh -c "browser --app=ADDRESS" holds a command of its own.
    return [word for argument in arguments for word in argument.split()]


def _host(address: str) -> Optional[str]:
    if not address.lower().startswith(("http://", "https://")):
        return None
    try:
        host = urlsplit(address).hostname
    except ValueError:
        return None
    return host.lower().rstrip(".") if host else None
