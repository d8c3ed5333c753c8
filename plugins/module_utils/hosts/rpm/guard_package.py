# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guard package as an rpm: empty, noarch, in conflict with the banned names.

Written byte by byte, so that no host needs rpmbuild and every host builds the same file. The format is rpm's package format v4
(rpm manual, "Package format" and "Immutable header regions"): lead, signature header, header, compressed cpio payload.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from typing import List, Optional, Sequence, Tuple, Union

from ..backend import GUARD_NAME

Value = Union[str, bytes, int, Tuple[str, ...], Tuple[int, ...]]
Entry = Tuple[int, int, Value]

RELEASE = "1"

_HEADER_MAGIC = b"\x8e\xad\xe8\x01\x00\x00\x00\x00"
_SIGNATURE_REGION = 62
_HEADER_REGION = 63

_INT32 = 4
_STRING = 6
_BINARY = 7
_STRING_ARRAY = 8
_I18N_STRING = 9

_SHA256_ALGORITHM = 8
_EQUAL = 8
_LESS_OR_EQUAL = 10
_RPMLIB = 1 << 24


def guard_rpm(names: Sequence[str], version: str) -> bytes:
    """The guard package.

    Args:
        names: package names it conflicts with. A conflict matches packages that provide the name, too.
        version: its version; letters, digits, full stops, ``+``, ``_`` and ``~``.

    Returns:
        The file. Equal arguments give equal bytes on every host and with every Python.
    """
    archive = _empty_cpio()
    payload = _stored_gzip(archive)
    header = _header(_entries(sorted(set(names)), version, payload, archive), _HEADER_REGION)
    signature: List[Entry] = [
        (269, _STRING, hashlib.sha1(header).hexdigest()),  # noqa: S324  rpm's format asks for it; SHA-256 stands beside it
        (273, _STRING, hashlib.sha256(header).hexdigest()),
        (1000, _INT32, len(header) + len(payload)),
    ]
    md5 = _md5(header + payload)
    if md5 is not None:
        signature.append((1004, _BINARY, md5))
    signature.append((1007, _INT32, len(archive)))
    signed = _header(signature, _SIGNATURE_REGION)
    return _lead(version) + signed + b"\x00" * (-len(signed) % 8) + header + payload


def _entries(names: Sequence[str], version: str, payload: bytes, archive: bytes) -> List[Entry]:
    described = "Blocks the installation of: %s. Managed by appban.endpoint; it goes when the ban is lifted." % ", ".join(names)
    # The tilde sorts before everything only since rpm 4.10, and rpm wants that said.
    requires = ["rpmlib(CompressedFileNames)", "rpmlib(PayloadFilesHavePrefix)"] + (["rpmlib(TildeInVersions)"] if "~" in version else [])
    entries: List[Entry] = [
        (100, _STRING_ARRAY, ("C",)),
        (1000, _STRING, GUARD_NAME),
        (1001, _STRING, version),
        (1002, _STRING, RELEASE),
        (1004, _I18N_STRING, "Blocks the installation of banned apps"),
        (1005, _I18N_STRING, described),
        (1006, _INT32, 0),
        (1007, _STRING, "localhost"),
        (1009, _INT32, 0),
        (1014, _STRING, "GPL-3.0-or-later"),
        (1016, _I18N_STRING, "Unspecified"),
        (1021, _STRING, "linux"),
        (1022, _STRING, "noarch"),
        # Without the name of a source package rpm takes the file for a source package.
        (1044, _STRING, "%s-%s-%s.src.rpm" % (GUARD_NAME, version, RELEASE)),
        (1047, _STRING_ARRAY, (GUARD_NAME,)),
        (1048, _INT32, (_RPMLIB | _LESS_OR_EQUAL,) * len(requires)),
        (1049, _STRING_ARRAY, tuple(requires)),
        (1050, _STRING_ARRAY, ("3.0.4-1", "4.0-1", "4.10.0-1")[: len(requires)]),
        (1112, _INT32, (_EQUAL,)),
        (1113, _STRING_ARRAY, ("%s-%s" % (version, RELEASE),)),
        (1124, _STRING, "cpio"),
        (1125, _STRING, "gzip"),
        (1126, _STRING, "9"),
        (5062, _STRING, "utf-8"),
        (5092, _STRING_ARRAY, (hashlib.sha256(payload).hexdigest(),)),
        (5093, _INT32, _SHA256_ALGORITHM),
        (5097, _STRING_ARRAY, (hashlib.sha256(archive).hexdigest(),)),
    ]
    if names:
        entries += [
            (1053, _INT32, (0,) * len(names)),
            (1054, _STRING_ARRAY, tuple(names)),
            (1055, _STRING_ARRAY, ("",) * len(names)),
        ]
    return sorted(entries, key=lambda entry: entry[0])


def _header(entries: Sequence[Entry], region: int) -> bytes:
    """A header structure whose entries are all inside one immutable region."""
    index = b""
    store = b""
    for tag, kind, value in entries:
        data, count = _encode(kind, value)
        if kind == _INT32:
            store += b"\x00" * (-len(store) % 4)
        index += struct.pack(">IIII", tag, kind, len(store), count)
        store += data
    # The region's own entry comes first; its trailer, at the end of the data, points back over the index.
    total = len(entries) + 1
    trailer = struct.pack(">IIiI", region, _BINARY, -16 * total, 16)
    index = struct.pack(">IIII", region, _BINARY, len(store), 16) + index
    store += trailer
    return _HEADER_MAGIC + struct.pack(">II", total, len(store)) + index + store


def _encode(kind: int, value: Value) -> Tuple[bytes, int]:
    if isinstance(value, bytes):
        return value, len(value)
    if isinstance(value, str):
        return value.encode("utf-8") + b"\x00", 1
    if isinstance(value, int):
        return struct.pack(">I", value), 1
    if kind == _INT32:
        return struct.pack(">%dI" % len(value), *value), len(value)
    return b"".join(str(each).encode("utf-8") + b"\x00" for each in value), len(value)


def _lead(version: str) -> bytes:
    name = ("%s-%s-%s" % (GUARD_NAME, version, RELEASE)).encode("utf-8")[:65]
    # Format 3.0, binary package, first architecture, Linux, signature as a header structure; only old readers look at it.
    return struct.pack(">4sBBHH66sHH16x", b"\xed\xab\xee\xdb", 3, 0, 0, 1, name, 1, 5)


def _empty_cpio() -> bytes:
    """An archive in the new portable format that holds nothing but its end mark."""
    name = b"TRAILER!!!\x00"
    fields = [0] * 13
    fields[4] = 1  # number of links
    fields[11] = len(name)
    entry = b"070701" + b"".join(b"%08x" % field for field in fields) + name
    return entry + b"\x00" * (-len(entry) % 4)


def _stored_gzip(data: bytes) -> bytes:
    """Gzip with one stored block, because compressed bytes and header differ between zlib and Python versions."""
    head = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03"
    block = b"\x01" + struct.pack("<HH", len(data), len(data) ^ 0xFFFF) + data
    return head + block + struct.pack("<II", zlib.crc32(data) & 0xFFFFFFFF, len(data))


def _md5(data: bytes) -> Optional[bytes]:
    try:
        return hashlib.md5(data).digest()  # noqa: S324  rpm's format; older rpm versions look for it
    except ValueError:
        # A host in FIPS mode has no MD5, and its rpm does not look for it.
        return None
