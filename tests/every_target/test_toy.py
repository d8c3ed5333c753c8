# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A target is only what differs: the toy is small, and withstands what only its imaginary server can do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.target_runs import lifted

from . import toy_target
from .toy_world import ToyWorld, toy_world
from .wire import Send, Wire

#: Lines of a target, without the license at its head.
MOST_LINES = 250
HEAD = 3


@pytest.fixture
def toy(tmp_path: Path) -> Any:
    with toy_world(tmp_path, devices=12) as world:
        yield world


def test_a_target_is_small() -> None:
    assert len(Path(toy_target.__file__).read_text(encoding="utf-8").splitlines()) - HEAD <= MOST_LINES


def test_a_write_that_the_server_forgets_is_told_and_made_again(toy: ToyWorld) -> None:
    toy.simulation.faults([{"match": {"method": "POST", "path": "/lists"}, "kind": "lost"}])
    run = toy.run(toy.policy(), may_fail=True)
    assert run.failed
    assert "The server did not keep what was written to the list BAN city blocked apps: it isn't there" in run.message
    assert "compliant" not in {outcome for outcome, _reason in toy.outcomes(run).values()}
    toy.ban(toy.policy())


def test_a_write_that_is_slow_to_show_is_waited_for(toy: ToyWorld) -> None:
    start = toy.objects()
    toy.simulation.objects({"lag": 3})
    spared = toy.policy(exempt=[toy.serial(toy.blockable()[0])])
    for policy in (toy.policy(), spared, lifted(spared)):
        assert not toy.run(policy).failed
        toy.later()
    assert toy.objects() == start


def test_apps_without_a_name_prove_nothing(toy: ToyWorld) -> None:
    toy.user("remove", toy.truth())
    toy.later()
    policy = toy.policy()
    toy.ban(policy)
    toy.simulation.faults([{"match": {"method": "GET", "path": "/devices"}, "nth": "all", "kind": "apps_odd"}])
    run = toy.run(policy)
    # The fault is in the first row of each page.
    assert toy.outcomes(run)["1"] == ("not_observable", "source_unreadable")


def test_what_somebody_changed_meanwhile_is_left_alone(toy: ToyWorld, wire: Wire) -> None:
    toy.few_names = True
    toy.ban(toy.policy())
    objects = toy.simulation.front.vendor.stores["lists"]  # type: ignore[attr-defined]
    [ours] = [each for each in objects.values() if each["name"].startswith("BAN")]

    def treat(number: int, send: Send) -> Any:
        if number == 1:
            ours["apps"] = ["com.example.other"]
        return send()

    with wire.treated(treat):
        # The first write is to the group of exceptions, the second one would be to the list.
        toy.few_names = False
        policy = toy.policy(exempt=[toy.serial(toy.blockable()[0])])
        run = toy.run(policy, may_fail=True)
    assert run.failed
    assert "Somebody changed the list BAN city blocked apps while this run was planned; it was left alone" in run.message
    assert ours["apps"] == ["com.example.other"]
    toy.few_names = True
    run = toy.run(toy.policy())
    assert run.values["drift"] == ["BAN city blocked apps had other apps"]
