# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bodies that are valid and not what was asked for, at every read of a run: one message, nothing changed, nothing claimed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pytest

from .conftest import FEW_DEVICES, TARGETS, MakeWorld
from .odd_bodies import KINDS, reads_of, spoil
from .world import World

#: Of the kinds of a target, at each read; the long test tries all.
FEW = 1


def few(kinds: Sequence[str], place: int) -> Iterator[str]:
    for step in range(min(FEW, len(kinds))):
        yield kinds[(place * FEW + step) % len(kinds)]


def answer_oddly(world: World, kinds_at: Any) -> None:
    """Spoil every read of a run in turn, while a ban stands that ends for one device and begins for another."""
    guest, banned, *_others = world.blockable()
    world.user("install", [guest, banned])
    world.later()
    policy = world.policy()
    world.ban(policy)
    # What is to be done: one more device is exempt.
    spared = world.policy(exempt=[world.serial(guest)])
    reads = reads_of(world, world.check(policy))
    assert len(reads) >= 4
    before = world.holdings()
    spoiled = 0
    for place, path in enumerate(reads):
        for kind in kinds_at(place):
            spoil(world, path, kind)
            run = world.run(policy, may_fail=True)
            spoiled += run.failed
            assert world.holdings() == before, (path, kind)
            if run.failed:
                assert run.message.strip(), (path, kind)
                assert len(run.message) < 2000, (path, kind)
            run = world.run(spared, check=True, may_fail=True)
            world.heal()
    assert spoiled
    world.settle(spared)
    assert world.opens(guest)
    assert not world.opens(banned)


@pytest.mark.fault_kind("T7", "an odd body at every read, every target")
@pytest.mark.parametrize("target", TARGETS)
def test_an_odd_body_is_one_message(make_world: MakeWorld, target: str) -> None:
    world = make_world(target, devices=FEW_DEVICES[target])
    answer_oddly(world, lambda place: few(KINDS[target], place))


@pytest.mark.long
@pytest.mark.fault_kind("T7", "every odd body at every read, every target")
@pytest.mark.parametrize(("target", "kind"), [(target, kind) for target in TARGETS for kind in KINDS[target]])
def test_every_odd_body_is_one_message(make_world: MakeWorld, target: str, kind: str) -> None:
    def always(_place: int) -> Iterable[str]:
        return (kind,)

    answer_oddly(make_world(target, devices=FEW_DEVICES[target]), always)
