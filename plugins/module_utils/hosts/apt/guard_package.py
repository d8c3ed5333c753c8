# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guard package for dpkg, as bytes: an empty package that conflicts with every blocked name (deb(5), deb-control(5))."""

from __future__ import annotations

import re
from typing import Iterable, List, Optional, Tuple

from ..backend import GUARD_NAME

#: Debian policy 5.6.7: lower-case letters, digits, ``+ - .``, at least two characters, an alphanumeric one first.
DEB_NAME = re.compile(r"[a-z0-9][a-z0-9+.-]+")

_DESCRIPTION = """keeps apps out that a policy of this organisation bans
 Managed by appban.endpoint. Lift the ban in the policy to remove it."""


def guard_deb(names: Iterable[str], version: str, protected: bool = True) -> bytes:
    """Build the guard.

    Args:
        names: package names to conflict with; a conflict matches packages that provide the name, and every architecture.
        version: the package's version.
        protected: set ``Protected: yes``, which dpkg knows since 1.20.1 and apt takes for essential.

    Returns:
        The same bytes for the same arguments, on one version of zlib.

    Raises:
        ValueError: a name that is no Debian package name, or no names at all.
    """
    listed = sorted(set(names))
    if not listed:
        raise ValueError("a guard needs at least one name")
    for name in listed:
        if not DEB_NAME.fullmatch(name):
            raise ValueError("not a Debian package name: %r" % name)
    fields: List[Tuple[str, str]] = [
        ("Package", GUARD_NAME),
        ("Version", version),
        ("Architecture", "all"),
        ("Maintainer", "appban.endpoint on this host <root@localhost>"),
        ("Section", "admin"),
        ("Priority", "optional"),
    ]
    if protected:
        fields.append(("Protected", "yes"))
    fields.append(("Conflicts", ", ".join(listed)))
    fields.append(("Description", _DESCRIPTION))
    control = "".join("%s: %s\n" % field for field in fields).encode("ascii")
    return _ar(
        (
            ("debian-binary", b"2.0\n"),
            ("control.tar.gz", _tar_gz((("./", None), ("./control", control)))),
            ("data.tar.gz", _tar_gz((("./", None),))),
        )
    )


def _tar_gz(members: Tuple[Tuple[str, Optional[bytes]], ...]) -> bytes:
    # Only a run that builds a guard pays for these imports.
    import gzip
    import io
    import tarfile

    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, content in members:
            entry = tarfile.TarInfo(name)
            entry.uname = entry.gname = "root"
            if content is None:
                entry.type = tarfile.DIRTYPE
                entry.mode = 0o755
                archive.addfile(entry)
            else:
                entry.mode = 0o644
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
    compressed = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=compressed, mtime=0) as stream:
        stream.write(packed.getvalue())
    return compressed.getvalue()


def _ar(members: Tuple[Tuple[str, bytes], ...]) -> bytes:
    parts = [b"!<arch>\n"]
    for name, content in members:
        # ar(5): name, time, owner, group, mode, size; a member of odd length is padded.
        parts.append(("%-16s%-12d%-6d%-6d%-8s%-10d`\n" % (name, 0, 0, 0, "100644", len(content))).encode("ascii"))
        parts.append(content)
        if len(content) % 2:
            parts.append(b"\n")
    return b"".join(parts)
