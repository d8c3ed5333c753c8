# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guard rpm, read back with a reader of its own; what real rpm says of it is asked in the lab."""

from __future__ import annotations

import gzip
import hashlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.appban.endpoint.plugins.module_utils.hosts.rpm import guard_package as module
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.rpm.guard_package import guard_rpm

NAMES = st.lists(st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_+.-]{0,40}", fullmatch=True), max_size=30)


def read_header(data: bytes, start: int) -> tuple[dict[int, object], int]:
    """Tags of the header structure at start, and where it ends; every rule of the format that rpm enforces is asserted."""
    magic, count, size = struct.unpack_from(">8sII", data, start)
    assert magic == b"\x8e\xad\xe8\x01\x00\x00\x00\x00"
    index, store = start + 16, start + 16 + 16 * count
    entries = [struct.unpack_from(">IIII", data, index + 16 * number) for number in range(count)]
    region = entries[0]
    assert region[0] in (62, 63)
    assert (region[1], region[2], region[3]) == (7, size - 16, 16)
    assert struct.unpack_from(">IIiI", data, store + region[2]) == (region[0], 7, -16 * count, 16)
    tags: dict[int, object] = {}
    assert [entry[0] for entry in entries[1:]] == sorted({entry[0] for entry in entries[1:]})
    end = 0
    for tag, kind, offset, number in entries[1:]:
        assert offset >= end
        position = store + offset
        if kind == 4:
            assert offset % 4 == 0
            tags[tag] = list(struct.unpack_from(f">{number}I", data, position))
            end = offset + 4 * number
        elif kind == 7:
            tags[tag] = data[position : position + number]
            end = offset + number
        else:
            texts = []
            for _each in range(number):
                stop = data.index(b"\x00", position)
                texts.append(data[position:stop].decode())
                position = stop + 1
            tags[tag] = texts if kind in (8, 9) else texts[0]
            end = position - store
    assert end == size - 16
    return tags, store + size


@given(NAMES)
def test_every_list_of_names_gives_a_sound_package(names: list[str]) -> None:
    data = guard_rpm(names, "0.abc")
    assert data[:4] == b"\xed\xab\xee\xdb"
    assert struct.unpack_from(">66sHH", data, 10) == (b"appban-guard-0.abc-1".ljust(66, b"\x00"), 1, 5)
    signature, end = read_header(data, 96)
    end += -end % 8
    header, payload_start = read_header(data, end)
    payload = data[payload_start:]
    assert signature[273] == hashlib.sha256(data[end:payload_start]).hexdigest()
    assert signature[269] == hashlib.sha1(data[end:payload_start]).hexdigest()
    assert signature[1004] == hashlib.md5(data[end:]).digest()
    assert signature[1000] == [len(data) - end]
    archive = gzip.decompress(payload)
    assert signature[1007] == [len(archive)]
    assert header[5092] == [hashlib.sha256(payload).hexdigest()]
    assert header[5097] == [hashlib.sha256(archive).hexdigest()]
    assert archive.startswith(b"070701")
    assert archive.rstrip(b"\x00").endswith(b"TRAILER!!!")
    assert (header[1000], header[1001], header[1002], header[1022]) == ("appban-guard", "0.abc", "1", "noarch")
    listed = sorted(set(names))
    assert header.get(1054, []) == listed
    assert header.get(1053, []) == [0] * len(listed)
    assert header.get(1055, []) == [""] * len(listed)


def test_the_same_names_give_the_same_bytes() -> None:
    assert guard_rpm(["b", "a", "a"], "0.1") == guard_rpm(["a", "b"], "0.1")
    assert guard_rpm(["a"], "0.1") != guard_rpm(["b"], "0.1")
    # Seen equal with Python 3.8, 3.11 and 3.13, so that no host builds another file for the same list.
    digest = hashlib.sha256(guard_rpm(["tiktok-desktop"], "0.1")).hexdigest()
    assert digest == "83db115b22e6a573501b4ffb8f94080b0a9504d615767882843f95c698b64565"


def test_without_md5_the_package_is_still_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(data: bytes) -> None:
        raise ValueError("disabled for FIPS")

    monkeypatch.setattr(module.hashlib, "md5", refuse)
    signature, _end = read_header(guard_rpm(["a"], "0.1"), 96)
    assert 1004 not in signature
    assert 273 in signature


def test_a_tilde_in_the_version_is_declared() -> None:
    data = guard_rpm(["a"], "0~1")
    _signature, end = read_header(data, 96)
    header, _end = read_header(data, end + -end % 8)
    assert header[1049] == ["rpmlib(CompressedFileNames)", "rpmlib(PayloadFilesHavePrefix)", "rpmlib(TildeInVersions)"]
