# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guard package for pacman, as bytes: an empty package that conflicts with every blocked name (PKGBUILD(5), libalpm)."""

from __future__ import annotations

import re
from typing import Iterable, Tuple

from ..backend import GUARD_NAME

#: PKGBUILD(5): letters, digits and ``@ . _ + -``, not starting with a hyphen or a dot.
PACMAN_NAME = re.compile(r"[A-Za-z0-9@_+][A-Za-z0-9@._+-]*")


def guard_file_name(version: str) -> str:
    """File name of the guard; pacman judges by the ending only."""
    return "%s-%s-1-any.pkg.tar.gz" % (GUARD_NAME, version)


def guard_pacman(names: Iterable[str], version: str) -> bytes:
    """Build the guard.

    Args:
        names: package names to conflict with; a conflict matches packages that provide the name.
        version: the package's version without release.

    Returns:
        The same bytes for the same arguments, on one version of zlib. gzip, because every libarchive reads it and Python writes it.

    Raises:
        ValueError: a name that is no pacman package name, or no names at all.
    """
    import hashlib

    listed = sorted(set(names))
    if not listed:
        raise ValueError("a guard needs at least one name")
    for name in listed:
        if not PACMAN_NAME.fullmatch(name):
            raise ValueError("not a pacman package name: %r" % name)
    fields = [
        ("pkgname", GUARD_NAME),
        ("pkgbase", GUARD_NAME),
        ("pkgver", "%s-1" % version),
        ("pkgdesc", "keeps apps out that a policy of this organisation bans (managed by appban.endpoint)"),
        ("builddate", "1"),
        ("packager", "appban.endpoint on this host <root@localhost>"),
        ("size", "0"),
        ("arch", "any"),
    ]
    fields += [("conflict", name) for name in listed]
    info = "".join("%s = %s\n" % field for field in fields).encode("utf-8")
    digest = hashlib.sha256(info).hexdigest()
    # What "pacman -Qkk" checks the files of a package against.
    tree = "#mtree\n./.PKGINFO time=1.0 mode=644 uid=0 gid=0 type=file size=%d sha256digest=%s\n" % (len(info), digest)
    return _tar_gz((".PKGINFO", info), (".MTREE", _gzip(tree.encode("ascii"))))


def _tar_gz(*members: Tuple[str, bytes]) -> bytes:
    # Only a run that builds a guard pays for these imports.
    import io
    import tarfile

    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in members:
            entry = tarfile.TarInfo(name)
            entry.uname = entry.gname = "root"
            entry.mode = 0o644
            entry.size = len(content)
            entry.mtime = 1
            archive.addfile(entry, io.BytesIO(content))
    return _gzip(packed.getvalue())


def _gzip(content: bytes) -> bytes:
    import gzip
    import io

    compressed = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=compressed, mtime=0) as stream:
        stream.write(content)
    return compressed.getvalue()
