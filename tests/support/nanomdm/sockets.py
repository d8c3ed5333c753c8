# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which addresses a process is connected to, as Linux tells it."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterator
from pathlib import Path

_LISTENING = "0A"


def foreign_addresses(pid: int) -> list[str]:
    """The far ends of a process's TCP connections that are not on loopback; empty as well where Linux's /proc is missing."""
    inodes = set(_socket_inodes(pid))
    found = set()
    for table in ("tcp", "tcp6"):
        path = Path(f"/proc/{pid}/net/{table}")
        for line in path.read_text().splitlines()[1:] if path.exists() else []:
            fields = line.split()
            if fields[9] in inodes and fields[3] != _LISTENING:
                address = _address(fields[2].partition(":")[0])
                if not address.is_loopback:
                    found.add(str(address))
    return sorted(found)


def _socket_inodes(pid: int) -> Iterator[str]:
    folder = Path(f"/proc/{pid}/fd")
    for entry in folder.iterdir() if folder.exists() else []:
        try:
            target = os.readlink(entry)
        except OSError:
            continue
        if target.startswith("socket:["):
            yield target[len("socket:[") : -1]


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Read an address as the kernel writes it: words of four bytes in the machine's own order (little endian)."""
    words = [bytes.fromhex(text[start : start + 8])[::-1] for start in range(0, len(text), 8)]
    address = ipaddress.ip_address(b"".join(words))
    return getattr(address, "ipv4_mapped", None) or address
