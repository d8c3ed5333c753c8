# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Campaigns drawn at random: policies, users, faults, kills and time that passes, and what must be true after every run.

A campaign is drawn from its number alone, so a failure names all that is needed to see it again. APPBAN_CAMPAIGNS=NUMBER runs that many
of each target instead.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from tests.support.target_runs import Run, lifted

from .conftest import MakeWorld
from .odd_bodies import KINDS, reads_of, spoil
from .truth import Truth
from .wire import DIED, Wire, in_child
from .world import World

pytestmark = [pytest.mark.long]

COUNT = {"intune": 70, "jamf_pro": 110, "nanomdm": 24, "tiny_mdm": 60, "nanohub": 8}
SIZES = {"intune": (14, 30), "jamf_pro": (9, 24), "nanomdm": (4, 9), "tiny_mdm": (9, 24), "nanohub": (4, 9)}
STEPS = (4, 7)
#: Verdicts under which nothing of ours may come to a device.
SPARED = ("exempt", "out_of_scope", "unclassified", "report_only", "pending", "review", "lifted", "not_applicable")


def numbers(target: str) -> pytest.MarkDecorator:
    """The campaigns of a target."""
    return pytest.mark.parametrize("number", range(int(os.environ.get("APPBAN_CAMPAIGNS", COUNT[target]))))


# A class each, because pytest-xdist gives a class to one process.
@pytest.mark.fault_kind("T1", "at least two hundred random campaigns over every target")
class TestIntune:
    @numbers("intune")
    def test_a_campaign_keeps_every_promise(self, make_world: MakeWorld, wire: Wire, number: int) -> None:
        play("intune", number, make_world, wire)


@pytest.mark.fault_kind("T1", "at least two hundred random campaigns over every target")
class TestJamfPro:
    @numbers("jamf_pro")
    def test_a_campaign_keeps_every_promise(self, make_world: MakeWorld, wire: Wire, number: int) -> None:
        play("jamf_pro", number, make_world, wire)


@pytest.mark.fault_kind("T1", "at least two hundred random campaigns over every target")
class TestNanoMDM:
    @numbers("nanomdm")
    def test_a_campaign_keeps_every_promise(self, make_world: MakeWorld, wire: Wire, number: int) -> None:
        play("nanomdm", number, make_world, wire)


@pytest.mark.fault_kind("T1", "at least two hundred random campaigns over every target")
class TestTinyMDM:
    @numbers("tiny_mdm")
    def test_a_campaign_keeps_every_promise(self, make_world: MakeWorld, wire: Wire, number: int) -> None:
        play("tiny_mdm", number, make_world, wire)


@pytest.mark.fault_kind("T1", "random campaigns over a NanoHUB")
class TestNanoHUB:
    @numbers("nanohub")
    def test_a_campaign_keeps_every_promise(self, make_world: MakeWorld, wire: Wire, number: int) -> None:
        play("nanohub", number, make_world, wire)


def play(target: str, number: int, make_world: MakeWorld, wire: Wire) -> None:
    """The campaign that a number stands for."""
    chance = random.Random(f"{target} {number}")
    world = make_world(target, devices=chance.randint(*SIZES[target]))
    Campaign(world, wire, chance).play()


class Campaign:
    """One campaign on one target."""

    def __init__(self, world: World, wire: Wire, chance: random.Random) -> None:
        self.world = world
        self.wire = wire
        self.chance = chance
        self.start = world.objects()
        self.policies: list[Mapping[str, Any]] = []
        self.story: list[str] = []
        self.draw_policies()

    # --- what is drawn

    def draw_policies(self) -> None:
        """One policy, or two that say different things of the same devices."""
        names = ["city", "police"][: 1 if self.chance.random() < 0.7 else 2]
        self.policies = [self.draw_policy(name) for name in names]

    def draw_policy(self, name: str) -> Mapping[str, Any]:
        """A policy whose exemptions leave somebody under it; another kind is refused, and that is all there is to it."""
        while True:
            policy = self.draw_any_policy(name)
            # Of another evidence directory, which has no ledger: only whether it is refused matters.
            run = self.world._run([policy], True, evidence_dir=str(self.world.directory / "drawing"))
            if "leaves nobody" not in run.message:
                return policy

    def draw_any_policy(self, name: str) -> Mapping[str, Any]:
        chance = self.chance
        apps = chance.choice([("tiktok",), ("tiktok", "nameless"), ("tiktok", "named"), ("tiktok",)])
        actions = ("remove", "block", "block_web")
        drawn: tuple[str, ...] = tuple(each for each in actions if chance.random() < 0.7) or ("block",)
        rules: list[dict[str, Any]] = [{"name": "Work devices", "when": {"ownership": "corporate"}, "actions": list(drawn)}]
        if chance.random() < 0.4:
            rules.insert(0, {"name": "Phones", "when": {"platform": ["ios", "ipados"], "ownership": "corporate"}, "actions": ["block"]})
        if chance.random() < 0.3:
            rules.append({"name": "Private devices", "when": {"ownership": "personal"}, "actions": ["advise"]})
        if chance.random() < 0.15:
            rules = [{"name": "Supervised", "when": {"supervised": True}, "actions": list(drawn)}]
        serials = self.serials()
        exempt = chance.sample(serials, min(len(serials), chance.choice([0, 0, 1, 2, 3])))
        days = chance.choice([2, 5, 150])
        ends = (self.world.moment + timedelta(days=days)).isoformat()
        return self.world.policy(name=name, apps=apps, actions=drawn, exempt=exempt, expires=ends, rules=rules)

    def serials(self) -> list[str]:
        told = self.world.truth().values()
        return sorted(each.serial for each in told if each.serial and each.managed)

    # --- what happens

    def play(self) -> None:
        steps = [
            self.apply, self.apply, self.check, self.users, self.users, self.pass_time, self.pass_time, self.no_contact, self.new_policy,
            self.read_badly, self.lie, self.refuse_write, self.lose_write, self.kill, self.forget, self.end_early,
        ]  # fmt: skip
        try:
            self.apply()
            for _step in range(self.chance.randint(*STEPS)):
                self.chance.choice(steps)()
            self.finish()
        except Exception as error:
            error.add_note("campaign: " + ", ".join(self.story))
            raise

    def run(self, policies: Sequence[Mapping[str, Any]] = (), unanswered: bool = False, **options: Any) -> Run:
        """One run, and every promise about it.

        Args:
            unanswered: a write of it was answered so that nobody can tell whether it was executed; it may say that something was changed.
        """
        world = self.world
        chosen = list(policies or self.policies)
        before = world.truth()
        objects = world.holdings()
        run = world.run(*chosen, may_fail=options.pop("may_fail", False), **options)
        if options.get("check"):
            assert world.writes(run) == []
            assert world.holdings() == objects
        if run.failed and not world.writes(run) and not unanswered:
            assert not run.values.get("changed")
        rows = [row for row in run.rows if row["row"] == "device"]
        for app in {row["app"] for row in rows}:
            assert len({row["device"] for row in rows if row["app"] == app}) == len([row for row in rows if row["app"] == app])
        self.spare(rows, before)
        return run

    def spare(self, rows: Sequence[Mapping[str, Any]], before: Mapping[str, Truth]) -> None:
        """Nothing more of ours is on its way to a device on which no app is enforced than before."""
        enforced = {row["device"] for row in rows if row["verdict"] == "enforce"}
        spared = {row["device"] for row in rows if row["verdict"] in SPARED} - enforced
        for device, each in self.world.truth().items():
            if device not in spared or not each.managed or self.world.name == "nanomdm":
                continue
            new = {change for change in each.coming if change.split(" ")[0] in ("apply", "install")}
            assert new <= set(before[device].coming), (device, new)

    def apply(self) -> None:
        self.story.append("apply")
        self.run()

    def check(self) -> None:
        self.story.append("check")
        self.run(check=True)

    def users(self) -> None:
        devices = sorted(device for device, each in self.world.truth().items() if each.managed)
        chosen = self.chance.sample(devices, min(len(devices), self.chance.randint(1, 4)))
        op = self.chance.choice(["install", "remove"])
        self.story.append(f"users {op}")
        self.world.user(op, chosen, self.chance.choice(["tiktok", "tiktok", "named"]))

    def pass_time(self) -> None:
        self.story.append("a day")
        self.world.later(self.chance.choice([1, 24, 72]))

    def no_contact(self) -> None:
        """Some devices are off for a while."""
        devices = sorted(device for device, each in self.world.truth().items() if each.managed)
        chosen = self.chance.sample(devices, min(len(devices), 2))
        on = self.chance.random() < 0.4
        self.story.append("on" if on else "off")
        self.world.switch(on, devices if on else chosen)

    def new_policy(self) -> None:
        self.story.append("other policy")
        number = self.chance.randrange(len(self.policies))
        self.policies[number] = self.draw_policy(self.policies[number]["policy"])
        self.run(check=self.chance.random() < 0.5)

    @contextmanager
    def spoilt(self) -> Iterator[None]:
        try:
            yield
        finally:
            self.world.heal()

    def read_badly(self) -> None:
        reads = reads_of(self.world, self.run(check=True))
        kind = self.chance.choice(KINDS[self.world.name])
        path = self.chance.choice(reads)
        self.story.append(f"read {kind} {path}")
        with self.spoilt():
            spoil(self.world, path, kind)
            self.run(may_fail=True)

    def lie(self) -> None:
        """A list lies, and what stands has not become less by it."""
        self.converge()
        lie = self.chance.choice([each for each in self.world.lies_of_lists if each != "endless"])
        self.story.append(f"lie {lie}")
        before = self.world.truth()
        with self.spoilt():
            self.world.spoil(lie)
            self.run(may_fail=True)
        self.hold_closed(before)

    def hold_closed(self, before: Mapping[str, Truth]) -> None:
        """What could not be opened can't be opened after the devices' next contact, and who held something of ours holds something."""
        self.world.later(1)
        for device, each in self.world.truth().items():
            # What was on its way to it before is none of what is tried here.
            ending = device in before and any(change.split(" ")[0] in ("remove", "release", "update") for change in before[device].coming)
            if device in before and each.managed and not ending:
                assert each.opens & before[device].installed <= before[device].opens, device
                assert each.holds or not before[device].holds, device

    def refuse_write(self) -> None:
        self.fail_one(self.wire.refusing, "refuse")

    def lose_write(self) -> None:
        self.fail_one(self.wire.losing, "lose")

    def fail_one(self, how: Callable[[int], Any], word: str) -> None:
        number = self.chance.choice([1, 1, 2, 3, 5])
        self.story.append(f"{word} {number}")
        with how(number):
            self.run(may_fail=True, unanswered=True)

    def kill(self) -> None:
        """A process dies at a write; another run finishes."""
        number, done = self.chance.choice([1, 2, 3, 4]), self.chance.random() < 0.5
        self.story.append(f"kill {number}")
        with self.wire.dying(number, done):
            ended = in_child(lambda: self.world._run(self.policies, False))
        assert ended in (0, DIED)

    def forget(self) -> None:
        """Nobody knows any more whose the devices are."""
        self.converge()
        self.story.append("forget")
        before = self.world.truth()
        with self.spoilt():
            self.world.forget("ownership")
            self.run(may_fail=True)
            self.hold_closed(before)

    def end_early(self) -> None:
        """The ban ends, and is taken back again."""
        self.story.append("lift")
        self.run([lifted(policy) for policy in self.policies])
        assert self.world.objects() == self.start

    def converge(self) -> None:
        """Whatever happened: what is healed comes to rest, and then nothing is written any more."""
        self.world.heal()
        self.world.settle(*self.policies)
        self.run()
        again = self.run()
        assert self.world.writes(again) == []
        assert again.values["changed"] is False

    def finish(self) -> None:
        """The end of every campaign: it comes to rest, and after a lift everything is as it was."""
        self.story.append("finish")
        world = self.world
        world.switch(True, world.truth())
        world.later()
        self.converge()
        ended = [lifted(policy) for policy in self.policies]
        self.run(ended)
        assert world.objects() == self.start
        again = self.run(ended)
        assert world.writes(again) == []
        world.later()
        last = world.settle(*ended)
        held = {device: each.holds for device, each in world.truth().items() if each.holds and each.managed}
        assert held == {}
        assert {row["reason"] for row in last.rows if row["row"] == "device" and row["outcome"] == "not_in_force"} <= {
            "ban_lifted",
            "lift_pending",
        }
        assert world.rows_held > 0
