# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The serial numbers of a fleet that look most like some that no device has. They are only ever shown, never used instead. Pure."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from typing import Iterable, Iterator

from .model import Decision, Device
from .names_compared import comparable

#: Devices whose serial numbers may be shown: of one that is out of scope nothing is told.
_SHOWN_SCOPES = ("in_scope", "unclassified")
#: Letters and digits that people take for each other when they copy a serial number.
_LOOK_ALIKE = str.maketrans("oilsbz", "011582")
#: Names that are looked for in one pass over a fleet, and the longest that is compared letter by letter.
_MOST_NAMES, _MOST_LETTERS = 2000, 40
#: Shorter names are near to too many others.
_FEWEST_LETTERS = 5
#: Names that one mistake would make the same; more of them say nothing.
_MOST_ALIKE = 50


def nearest_serials(names: Iterable[str], fleet: Iterable[str], most: int = 2) -> dict[str, tuple[str, ...]]:
    """Name -> up to some serial numbers of a fleet from which one slip may have made it; names without any are left out.

    A slip is a lost leading zero, another number of zeros in a row, punctuation, letters and digits that look alike, or one letter too
    many, too few, another, or swapped with its neighbour. It costs one pass over the fleet, however many names there are; names beyond a
    bound are left out.

    Args:
        names: as they are written.
        fleet: serial numbers as the fleet has them.
        most: how many for each name, the nearest first.
    """
    wanted: dict[str, list[str]] = {}
    for name in list(dict.fromkeys(names))[:_MOST_NAMES]:
        for key in _keys(name):
            alike = wanted.setdefault(key, [])
            if len(alike) < _MOST_ALIKE:
                alike.append(name)
    found: dict[str, dict[str, float]] = {}
    if wanted:
        for serial in fleet:
            for name in {name for key in _keys(serial) for name in wanted.get(key, ())}:
                near = found.setdefault(name, {})
                if serial not in near:
                    near[serial] = _likeness(name, serial)
                if len(near) > _MOST_ALIKE:
                    found[name] = dict(_best(near, most))
    return {name: tuple(serial for serial, _likeness in _best(near, most)) for name, near in found.items()}


def shown_names(devices: Iterable[tuple[Device, Decision]]) -> Iterator[str]:
    """Serial numbers and ids of devices that may be shown to whoever wrote a name that no device has."""
    for device, decision in devices:
        if decision.scope in _SHOWN_SCOPES:
            names = (device.get("serial"), device.get("id"))
            yield from dict.fromkeys(name for name in names if isinstance(name, str))


def _best(near: dict[str, float], most: int) -> list[tuple[str, float]]:
    return sorted(near.items(), key=lambda each: (-each[1], each[0]))[:most]


def _keys(name: str) -> Iterator[str]:
    """What a name has in common with all names that one slip makes of it."""
    bare = _bare(name)
    if bare:
        yield bare
        # Of several zeros in a row nobody sees at once how many there are.
        yield re.sub("0{2,}", "0", bare)
    if _FEWEST_LETTERS <= len(bare) <= _MOST_LETTERS:
        for index in range(len(bare)):
            yield bare[:index] + bare[index + 1 :]


def _bare(name: str) -> str:
    letters = "".join(each for each in comparable(name) if each.isalnum())
    return letters.translate(_LOOK_ALIKE).lstrip("0")


def _likeness(name: str, serial: str) -> float:
    same = 1.0 if _bare(name) == _bare(serial) else 0.0
    return same + SequenceMatcher(None, comparable(name), comparable(serial), autojunk=False).ratio()
