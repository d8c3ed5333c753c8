# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each package manager of a host can do for a ban, as data. The README's matrix is made from this table.

Mechanisms, strengths and bypasses are those of the backends themselves; a test compares them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import List, Tuple

from .apk import backend as apk
from .apt import backend as apt
from .apt import guard as apt_guard
from .dnf4 import backend as dnf4
from .dnf5 import backend as dnf5
from .flatpak import backend as flatpak
from .homebrew import backend as homebrew
from .pacman import backend as pacman
from .rpm import block as rpm_block
from .zypper import backend as zypper

LAB = "real tools in the lab"
RECORDED = "recorded output only"


@dataclass(frozen=True)
class Mechanism:
    """One way of a backend to keep an app out.

    Args:
        name: as in :class:`.backend.Block`.
        strength: ``soft`` or ``strong``.
        how: in a few words, for a reader.
        bypasses: what still gets through.
    """

    name: str
    strength: str
    how: str
    bypasses: Tuple[str, ...]


@dataclass(frozen=True)
class Capability:
    """One backend.

    Args:
        backend: its name in options and results.
        label: what a reader calls it.
        detect: where it looks.
        remove: what it removes with.
        mechanisms: its blocks: the default one first, then the strong one; empty where it has none.
        why_not_strong: why there is no strong one; empty where there is.
        lift: what ending a ban does.
        proved: how we know.
    """

    backend: str
    label: str
    detect: str
    remove: str
    mechanisms: Tuple[Mechanism, ...]
    why_not_strong: str
    lift: str
    proved: str


def _guard(how: str, bypasses: Tuple[str, ...]) -> Mechanism:
    return Mechanism("guard", "strong", how, bypasses)


CAPABILITIES: Tuple[Capability, ...] = (
    Capability(
        "apt",
        "apt, dpkg",
        "dpkg-query",
        "dpkg --purge of an explicit list",
        (
            Mechanism("pin", "soft", "preferences file, priority -1", apt.PIN_BYPASSES),
            _guard("pin and a Protected guard package (held where dpkg is older than 1.20.1)", apt_guard.GUARD_BYPASSES),
        ),
        "",
        "file and guard package deleted",
        LAB,
    ),
    Capability(
        "dnf5",
        "dnf 5",
        "rpm -q",
        "rpm -e of an explicit list",
        (
            Mechanism("excludes", "soft", "drop-in with excludepkgs", dnf5.EXCLUDE_BYPASSES),
            _guard("excludes and a guard package in protected.d", (*rpm_block.GUARD_BYPASSES, dnf5.GUARD_BYPASS)),
        ),
        "",
        "drop-in, protected.d file and guard package deleted",
        RECORDED,
    ),
    Capability(
        "dnf4",
        "dnf 4",
        "rpm -q",
        "rpm -e of an explicit list",
        (
            Mechanism("excludes", "soft", "our names in excludepkgs of dnf.conf", dnf4.EXCLUDE_BYPASSES),
            _guard("excludes and a guard package in protected.d", (*rpm_block.GUARD_BYPASSES, dnf4.GUARD_BYPASS)),
        ),
        "",
        "our names taken out; protected.d file and guard package deleted",
        LAB,
    ),
    Capability(
        "zypper",
        "zypper",
        "rpm -q",
        "rpm -e of an explicit list",
        (
            Mechanism("lock", "soft", "our stanzas in /etc/zypp/locks", zypper.LOCK_BYPASSES),
            _guard("locks and a locked guard package", (*rpm_block.GUARD_BYPASSES, zypper.GUARD_BYPASS)),
        ),
        "",
        "our stanzas taken out, guard package deleted",
        LAB,
    ),
    Capability(
        "pacman",
        "pacman",
        "pacman -Q",
        "pacman -R of an explicit list",
        (
            Mechanism("hook", "soft", "transaction hook that aborts", pacman.HOOK_BYPASSES),
            _guard("hook and a guard package in HoldPkg", pacman.GUARD_BYPASSES),
        ),
        "",
        "hook and guard package deleted, our word taken out of HoldPkg",
        LAB,
    ),
    Capability(
        "apk",
        "apk (Alpine)",
        "the installed database",
        "apk del, if a simulation shows nothing else",
        (Mechanism(apk.MECHANISM, apk.STRENGTH, "conflict (!name) in /etc/apk/world", apk.BYPASSES),),
        "apk has nothing stronger",
        "our lines taken out",
        RECORDED,
    ),
    Capability(
        "flatpak",
        "flatpak",
        "directories of the system's, extra and every person's installation",
        "flatpak uninstall, as the person whose it is",
        (Mechanism(flatpak.MECHANISM, flatpak.STRENGTH, "filter on every system remote", flatpak.BYPASSES),),
        "no stronger way was proved",
        "filter taken off the remotes, file deleted",
        LAB,
    ),
    Capability(
        "snap",
        "snap",
        "snapd's files",
        "snap remove (snapd keeps its usual snapshot)",
        (),
        "snapd can't forbid a snap by name on a host",
        "nothing to lift",
        RECORDED,
    ),
    Capability(
        "homebrew",
        "Homebrew",
        "directories of the prefixes",
        "brew uninstall, as the prefix's owner",
        (Mechanism(homebrew.MECHANISM, homebrew.STRENGTH, "forbidden lists in /etc/homebrew/brew.env", homebrew.BYPASSES),),
        "Homebrew has nothing stronger",
        "our names taken out",
        RECORDED,
    ),
)

_HEAD = ("Package manager", "Finds in", "Removes with", "Block", "Strong block", "Lift", "Proved with")


def render_markdown() -> str:
    """The capability matrix of hosts as Markdown: a table, and below it what still gets past each block."""
    rows: List[Tuple[str, ...]] = [_HEAD, ("---",) * len(_HEAD)]
    bypasses: List[str] = []
    for capability in CAPABILITIES:
        how = {each.strength: each.how for each in capability.mechanisms}
        rows.append(
            (
                "**%s**" % _escape(capability.label),
                _escape(capability.detect),
                _escape(capability.remove),
                _escape(how.get("soft", "none: removed again at every run")),
                _escape(how.get("strong", "none: %s" % capability.why_not_strong)),
                _escape(capability.lift),
                _escape(capability.proved),
            )
        )
        for each in capability.mechanisms:
            title = "%s, %s" % (capability.label, "block" if each.strength == "soft" else "strong block")
            bypasses.append("- **%s**: %s." % (_escape(title), _escape("; ".join(each.bypasses))))
    lines = ["| %s |" % " | ".join(row) for row in rows]
    lines.extend(["", "What still gets past a block (root can undo every one of them; the next run puts it back and reports it):", ""])
    lines.extend(bypasses)
    return "\n".join(lines) + "\n"


def _escape(text: str) -> str:
    """Text as Markdown shows it literally."""
    return re.sub(r"([\\*_|<>])", r"\\\1", text)
