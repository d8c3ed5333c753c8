# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Belgium, 10 March 2023: money decides and not ownership; six months, then a decision; and a lift that takes only what is ours."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.hosts.fleet import APP, ARCH, DEB, RPM, SUSE, Fleet
from tests.support.hosts.life import LAWS, Life, live, name_of

pytestmark = pytest.mark.long

BELGIUM = "policies/belgium.yml"
LIFT = {"state: enforced": "state: lifted"}
NOW = "2023-03-10T08:00:00+01:00"
# block_web needs another target than a package manager; without it a host can be compliant and the dates show more.
APPS_ONLY = {"[remove, block, block_web]": "[remove, block]"}
NOBODY = {"paid_purchase": "none", "paid_subscription": "none", "paid_use": "none"}

ADMIN_PIN = "Explanation: ours, not yours\nPackage: vlc-lab\nPin: release *\nPin-Priority: -1\n"
ADMIN_LOCK = "\ntype: package\nmatch_type: glob\ncase_sensitive: on\nsolvable_name: vlc-lab\n\n"
ADMIN_CONF = "# by hand\n[main]\ngpgcheck = 1\nexcludepkgs = vlc-lab ,\n\tkernel*\nbest=0"
ADMIN_HOOK = """\
[Trigger]
Operation = Install
Type = Package
Target = vlc-lab

[Action]
Description = ours
When = PreTransaction
Exec = /bin/true
"""


@pytest.fixture(scope="module")
def life(module_fleet: Fleet) -> Life:
    """A fleet whose administrators have blocks of their own, next to which ours must come and go."""
    fleet = module_fleet
    # A private machine with a subscription that the employer pays for is in.
    own = fleet.add("own-deb", DEB, ("deb", APP), ownership="personal", **{**NOBODY, "paid_subscription": "part"})
    own.write("/etc/apt/preferences.d/admin", ADMIN_PIN)
    cabinet = fleet.add("cabinet-rpm", RPM, ("rpm", APP), ownership="corporate", **{**NOBODY, "paid_purchase": "full"})
    cabinet.write("/etc/dnf/dnf.conf", ADMIN_CONF)
    suse = fleet.add("cabinet-suse", SUSE, ("zypper", APP), ownership="corporate", **{**NOBODY, "paid_use": "part"})
    suse.write("/etc/zypp/locks", ADMIN_LOCK)
    arch = fleet.add("loan-arch", ARCH, ("pacman", APP), ownership="shared", **{**NOBODY, "paid_purchase": "part"})
    arch.write("/etc/pacman.d/hooks/10-admin.hook", ADMIN_HOOK)
    fleet.add("desk-deb", DEB, ("deb", APP), ownership="corporate", **NOBODY)
    return live(
        fleet,
        [fleet.policy(BELGIUM)],
        [fleet.policy(BELGIUM, "lifted.yml", LIFT)],
        NOW,
        enforced=("own-deb", "cabinet-rpm", "cabinet-suse", "loan-arch"),
    )


@pytest.mark.parametrize("law", LAWS, ids=name_of)
def test_the_whole_life(life: Life, law: Callable[[Life], None]) -> None:
    law(life)


def test_B1_a_personal_machine_with_an_employer_paid_subscription_is_in(life: Life) -> None:
    row = life.apply.run.row("own-deb")
    assert (row["ownership"], row["rule"]) == ("personal", "Devices paid by the government, wholly or partly")
    assert not life.fleet.installed("own-deb", "deb")
    assert life.apply.run.outcome("desk-deb") == "out_of_scope"
    assert life.fleet.installed("desk-deb", "deb")


def test_B2_the_app_is_removed_and_blocked_at_once_and_the_site_is_not_passed_over(life: Life) -> None:
    for name in life.enforced:
        result = life.apply.run.host_app(name, "Carry out the plan of this host")
        assert result["removed"], name
        assert {each["strength"] for each in result["blocked"]} == {"soft"}, name
        # The decision also demands the site; a package manager has no means for that, so this host is not called compliant.
        assert life.apply.run.outcome(name) == "cannot_enforce: no_backend", name
    assert life.apply.run.totals["unenforceable"] == {"no_backend": 4}


def test_B5_lift_leaves_the_blocks_of_others_as_they_were(life: Life) -> None:
    hosts = life.fleet.hosts
    assert hosts["own-deb"].path("/etc/apt/preferences.d/admin").read_text(encoding="utf-8") == ADMIN_PIN
    assert hosts["cabinet-suse"].path("/etc/zypp/locks").read_text(encoding="utf-8") == ADMIN_LOCK
    assert hosts["loan-arch"].path("/etc/pacman.d/hooks/10-admin.hook").read_text(encoding="utf-8") == ADMIN_HOOK
    assert hosts["cabinet-rpm"].path("/etc/dnf/dnf.conf").read_text(encoding="utf-8") == ADMIN_CONF
    for name in life.enforced:
        assert not hosts[name].path("/var/lib/appban").exists()
    assert hosts["cabinet-suse"].run(["zypper", "-n", "install", "vlc-lab"]).returncode != 0


def test_B5_lift_reinstalls_nothing_and_lets_the_user_do_it(life: Life) -> None:
    for name, kind, command in (
        ("own-deb", "deb", ["apt-get", "-y", "install", APP]),
        ("cabinet-rpm", "rpm", ["dnf", "-y", "install", APP]),
        ("cabinet-suse", "rpm", ["zypper", "-n", "install", APP]),
        ("loan-arch", "pacman", ["pacman", "--noconfirm", "-S", APP]),
    ):
        assert not life.fleet.installed(name, kind), name
        life.fleet.hosts[name].run(command, check=True)
        assert life.fleet.installed(name, kind), name


IN, OUT, UNCLASSIFIED = "violating: check_mode", "out_of_scope", "unclassified"
FUNDING = ("paid_purchase", "paid_subscription", "paid_use")
# Each way to pay with something, nothing and no answer, while the other two are none; and what a mixture does.
TABLE = [
    *[({**NOBODY, attribute: paid}, IN) for attribute, paid in zip(FUNDING, ("full", "part", "full"), strict=True)],
    (NOBODY, OUT),
    *[({name: value for name, value in NOBODY.items() if name != attribute}, UNCLASSIFIED) for attribute in FUNDING],
    ({"paid_use": "part"}, IN),
    ({}, UNCLASSIFIED),
]


def test_B1_who_pays_decides_and_what_is_unknown_is_never_guessed(fleet: Fleet) -> None:
    policy = fleet.policy(BELGIUM, replace=APPS_ONLY)
    for number, (paid, _expected) in enumerate(TABLE):
        fleet.add(f"row-{number:02d}", DEB, ownership="corporate", **paid)
    run = fleet.enforce(policy, NOW, check=True)
    assert {f"row-{number:02d}": expected for number, (_paid, expected) in enumerate(TABLE)} == run.outcomes()
    # A device that is unclassified is told what is missing.
    assert "paid_subscription" in run.row("row-05")["explanation"]


def test_B3_the_ban_runs_from_10_march_to_10_september_and_then_waits_for_a_decision(fleet: Fleet) -> None:
    fleet.add("dated-deb", DEB, ("deb", APP), ownership="corporate", **{**NOBODY, "paid_purchase": "full"})
    policy = fleet.policy(BELGIUM, replace=APPS_ONLY)
    host = fleet.hosts["dated-deb"]

    early = fleet.enforce(policy, "2023-03-09T23:59:59+01:00")
    assert (early.outcome("dated-deb"), early.changed) == ("not_in_force: not_yet_in_force", 0)
    assert early.row("dated-deb")["before"] == "present"
    assert fleet.installed("dated-deb", "deb")

    assert fleet.enforce(policy, "2023-03-10T00:00:00+01:00").outcome("dated-deb") == "removed"
    # 10 September comes at midnight in Brussels, in summer time: 22:00 UTC on the 9th. 180 days would have been the 6th.
    for moment, note in (
        ("2023-08-11T00:00:00+02:00", "ends in 30 days, on 2023-09-10; a decision is then due"),
        ("2023-09-03T00:00:00+02:00", "ends in 7 days, on 2023-09-10; a decision is then due (last warning)"),
    ):
        run = fleet.enforce(policy, moment)
        assert (run.outcome("dated-deb"), run.changed) == ("compliant", 0), moment
        assert run.totals["decision_due"] == [], moment
        notes = [each for each in run.totals["notes"] if "ends in" in each]
        assert [note in each for each in notes] == [True], (moment, notes)
        assert all(each in run.text for each in notes)

    lifting = fleet.policy(BELGIUM, "lifting.yml", {**APPS_ONLY, "on_expiry: keep": "on_expiry: lift"})
    before_the_end = fleet.enforce(lifting, "2023-09-09T21:59:59Z")
    assert (before_the_end.outcome("dated-deb"), before_the_end.changed) == ("compliant", 0)
    ended = fleet.enforce(policy, "2023-09-09T22:00:00Z")
    assert ended.totals["decision_due"] == ["belgium"]
    assert "a decision is due" in ended.text
    assert (ended.outcome("dated-deb"), ended.changed) == ("compliant", 0)
    assert host.run(["apt-get", "-y", "install", APP]).returncode != 0

    # One line in git, and the question is answered.
    extended = fleet.enforce(fleet.policy(BELGIUM, "extended.yml", {**APPS_ONLY, "until: P6M": "until: P1Y"}), "2023-09-10T09:00:00+02:00")
    assert (extended.outcome("dated-deb"), extended.changed, extended.totals["decision_due"]) == ("compliant", 0, [])

    lifted = fleet.enforce(lifting, "2023-09-10T10:00:00+02:00")
    assert (lifted.outcome("dated-deb"), lifted.changed, lifted.totals["decision_due"]) == ("not_in_force: ban_lifted", 1, [])
    assert not host.path("/etc/apt/preferences.d/appban").exists()
    assert not host.path("/var/lib/appban").exists()
    assert not fleet.installed("dated-deb", "deb")
    host.run(["apt-get", "-y", "install", APP], check=True)
    assert fleet.installed("dated-deb", "deb")
