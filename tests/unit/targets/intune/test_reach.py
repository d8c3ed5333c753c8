# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A change says whom it reaches and whom it releases; what the service evaluates before and after it is the measure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings

from ansible_collections.appban.endpoint.plugins.module_utils.engine.plan import Change
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.planning.fleet import ManagedDevice
from ansible_collections.appban.endpoint.plugins.module_utils.policy.model import Policy
from ansible_collections.appban.endpoint.plugins.module_utils.targets.intune.capabilities import ANDROID_UNINSTALL, MECHANISMS, TYPES
from ansible_collections.appban.endpoint.plugins.module_utils.targets.intune.objects import AppObject, TenantState
from tests.support.intune.pure_tenant import Run, carried_out, reached
from tests.support.intune.random_policies import devices, policies
from tests.support.mdm_samples import app, device, exemption, policy

BLOCK = {"name": "Corporate", "when": {"ownership": "corporate"}, "actions": ["block"]}
PHONES = [device(1), device(2), device(3), device(4, ownership="personal"), *(device(number) for number in range(5, 8))]


def held(state: TenantState, run: Run) -> dict[tuple[str, str], set[int]]:
    """(mechanism, name of an app) -> positions of the devices on which a control of this moment holds it."""
    found: dict[tuple[str, str], set[int]] = {}
    names = {identifier.value for each in run.policies for app_ in each.apps for identifier in app_.identifiers}
    for each in state.owned:
        hit = reached(state, each.targets, run.fleet, MECHANISMS[each.marker.mechanism].platforms)
        for name in (name for name in names if f"'{name}'" in str(each.body)):
            found.setdefault((each.marker.mechanism, name), set()).update(hit)
    for listed in state.apps:
        for mechanism in (name for name, types in TYPES.items() if listed.odata_type in types):
            hit = reached(state, [each.target for each in listed.assignments], run.fleet, MECHANISMS[mechanism].platforms)
            for name in listed.identifiers:
                found.setdefault((mechanism, name), set()).update(hit)
    return found


def touched(before: dict[tuple[str, str], set[int]], after: dict[tuple[str, str], set[int]]) -> tuple[set[int], set[int]]:
    """Who gets something, and who loses something."""
    gains = set().union(*(after[key] - before.get(key, set()) for key in after))
    losses = set().union(*(before[key] - after.get(key, set()) for key in before))
    return gains, losses


@pytest.mark.fault_kind("T6", "Intune: every change says whom it reaches and releases")
def test_no_change_touches_anybody_whom_it_does_not_name() -> None:
    @settings(max_examples=60)
    @given(policies(), policies(), devices())
    def check(first: tuple[Policy, ...], second: tuple[Policy, ...], fleet: list[ManagedDevice]) -> None:
        state = Run(first, fleet).applied()
        ids = {each.id for each in second}
        ended = tuple(replace(each, state="lifted") for each in first if each.id not in ids)
        for made, start in (((first), TenantState()), ((*second, *ended), state)):
            run = Run(made, fleet, start)
            moment = start
            for change in run.plan().plan.changes:
                following = carried_out(moment, change.step)
                gains, losses = touched(held(moment, run), held(following, run))
                assert gains <= change.reaches, (change.key, gains, change.reaches)
                assert losses <= change.releases, (change.key, losses, change.releases)
                moment = following

    check()


@pytest.mark.fault_kind("T6", "Intune: a control whose devices can't be named any more leaves an assignment to a scope that is deleted")
def test_a_control_that_reaches_nobody_any_more_takes_its_assignments_back() -> None:
    # It has no name in the directory: a scope of all corporate devices reached it, and no group can.
    fleet = [device(1, platform="android", supervised=None, enrollment="fully_managed", department="police", directory_id="")]
    state = Run([policy()], fleet).applied()
    narrowed = policy(rules=[{"name": "Police", "when": {"department": "police"}, "actions": ["remove", "block"]}])
    assert [each.assignments for each in state.apps if each.assignments] != []
    run = Run([narrowed], fleet, state)
    for change in run.plan().plan.changes:
        # It refuses to delete what something refers to, as Graph does.
        state = carried_out(state, change.step)
    assert [each.assignments for each in state.apps if each.assignments] == []
    assert state.filters == ()
    assert Run([narrowed], fleet, state).plan().plan.changes == ()


UNINSTALL = ANDROID_UNINSTALL
ANDROID = {"platform": "android", "supervised": None, "enrollment": "fully_managed"}


def moments_of(before: Sequence[Policy], after: Sequence[Policy], fleet: Sequence[ManagedDevice]) -> Iterator[dict[str, set[int]]]:
    """Name of an Android app -> whom it is uninstalled from, at each moment of going from some policies to others."""
    state = Run(before, fleet).applied()
    run = Run(after, fleet, state)
    # Names of the apps of both.
    names = {identifier.value for each in (*before, *after) for app_ in each.apps for identifier in app_.identifiers}
    for change in run.plan().plan.changes:
        state = carried_out(state, change.step)
        yield {
            name: reached(state, [target.target for target in listed.assignments], run.fleet, MECHANISMS[UNINSTALL].platforms)
            for listed in state.apps
            for name in listed.identifiers & names
        }
    assert Run(after, fleet, state).plan().plan.changes == ()


@pytest.mark.fault_kind("T6", "Intune: a group that an ending assignment goes by is filled for another control")
def test_nobody_comes_under_an_assignment_that_ends_in_the_same_plan() -> None:
    fleet = [device(number, department=name, **ANDROID) for number, name in ((1, "police"), (2, "parks"))]
    rule = {"name": "R", "actions": ["remove", "block"]}
    before = policy(rules=[{**rule, "when": {"department": "police"}}], apps=[app("wechat")])
    after = policy(rules=[{**rule, "when": {"department": "parks"}}])
    moments = list(moments_of([before], [after], fleet))
    assert moments
    for moment in moments:
        assert {name for name, hit in moment.items() if 1 in hit} <= {"com.banned.android", "com.banned.lite"}


@pytest.mark.fault_kind("T6", "Intune: an assignment that is kept for the undecided goes by a group that is filled for others")
def test_what_is_kept_for_the_undecided_reaches_nobody_else() -> None:
    fleet = [
        device(1, platform="android", ownership="personal", supervised=None, enrollment="work_profile", department="police"),
        device(2, department="parks", **ANDROID),
    ]

    def made(name: str, when: dict[str, object], *actions: str, banned: str = "banned") -> Policy:
        return policy(name, rules=[{"name": "R", "when": when, "actions": list(actions)}], apps=[app(banned)])

    before = [
        made("city", {"ownership": "corporate"}, "remove", "block"),
        made("school", {"department": "police"}, "remove", "block", banned="wechat"),
    ]
    after = [made("city", {"supervised": True}, "block"), made("school", {"ownership": "corporate"}, "remove", "block")]
    for moment in moments_of(before, after, fleet):
        assert [name for name, hit in moment.items() if "wechat" in name and 1 in hit] == []


@pytest.mark.fault_kind("T6", "Intune: of two apps of somebody else with one name the one that is not chosen any more keeps our assignment")
@pytest.mark.parametrize("kinds", [("iosStoreApp", "iosVppApp"), ("androidManagedStoreApp", "androidManagedStoreApp")])
def test_of_two_apps_of_a_name_only_one_is_assigned(kinds: tuple[str, str]) -> None:
    about = ANDROID if "android" in kinds[0] else {}
    fleet = [device(number, department=name, **about) for number, name in ((1, "parks"), (2, "police"))]
    name = "com.banned.android" if about else "com.banned.app"
    first = AppObject("z:first", kinds[0], name, frozenset({name}), None, ())
    later = replace(first, id="a:later", odata_type=kinds[1])
    state = Run([policy()], fleet, TenantState(apps=(first,))).applied()
    # Somebody adds one that is chosen from now on; an exemption is granted, and then the ban is narrowed.
    state = replace(state, apps=(later, *state.apps))
    exempted = policy(exemptions=[exemption("EX-1", devices=["SN0001"])])
    narrowed = policy(rules=[{"name": "Police", "when": {"department": "police"}, "actions": ["remove", "block"]}])
    for each in (exempted, narrowed):
        run = Run([each], fleet, state)
        for change in run.plan().plan.changes:
            state = carried_out(state, change.step)
        both = {listed.id: [one.target for one in listed.assignments] for listed in state.apps}
        hit = {key: reached(state, targets, run.fleet, ["android", "ios"]) for key, targets in both.items()}
        assert hit["z:first"] == set()
        assert hit["a:later"] == {1}
        assert Run([each], fleet, state).plan().plan.changes == ()


def not_wanted(run: Run, change: Change) -> set[int]:
    """Of those whom a change reaches, the devices on which nobody wants an app that it is made for."""
    found = set()
    for index in change.reaches:
        decision = run.fleet[index].decision
        verdicts = {decision.apps[app].verdict for app in change.apps or decision.apps if app in decision.apps} - {"not_applicable"}
        if "enforce" not in verdicts or (change.apps and verdicts != {"enforce"}):
            found.add(index)
    return found


def test_no_change_names_anybody_on_whom_nobody_wants_it_whatever_somebody_did() -> None:
    """A run that names such a device is refused, and then nobody could put right what somebody changed."""

    @settings(max_examples=40)
    @given(policies(), policies(), devices())
    def check(first: tuple[Policy, ...], second: tuple[Policy, ...], fleet: list[ManagedDevice]) -> None:
        state = Run(first, fleet).applied()
        ids = {each.id for each in second}
        made = (*second, *(replace(each, state="lifted") for each in first if each.id not in ids))
        turned = tuple(replace(each, rule=each.rule.replace("Corporate", "Personal")) for each in state.filters)
        unfiltered = tuple(replace(each, targets=frozenset(replace(target, filter="") for target in each.targets)) for each in state.owned)
        emptied = tuple(replace(each, members={}) for each in state.groups)
        known = [unplaced(each) if number % 3 == 0 else each for number, each in enumerate(fleet)]
        for found, seen in (
            (state, known), (replace(state, filters=turned), fleet), (replace(state, owned=unfiltered), known),
            (replace(state, groups=emptied), fleet),
        ):  # fmt: skip
            run = Run(made, seen, found)
            assert {change.key: not_wanted(run, change) for change in run.plan().plan.changes if not_wanted(run, change)} == {}

    check()


def changes(run: Run) -> dict[str, Change]:
    return {change.key: change for change in run.plan().plan.changes}


def test_what_does_nothing_by_itself_reaches_nobody() -> None:
    made = changes(Run([policy(rules=[BLOCK], exemptions=[exemption(devices=["SN0002"])])], PHONES))
    assert made["settings catalog policy:BAN city iOS blocked apps"].reaches == {0, 2, 4, 5, 6}
    for key, change in made.items():
        if key.startswith(("group:", "filter:")):
            assert (change.reaches, change.releases) == (frozenset(), frozenset())


def test_an_exemption_releases_and_its_end_reaches() -> None:
    """The group is new in the first case, so it is the control's assignment that releases; and then it is the group's members."""
    plain_ban = policy(rules=[BLOCK])
    one = policy(rules=[BLOCK], exemptions=[exemption(devices=["SN0002"])])
    two = policy(rules=[BLOCK], exemptions=[exemption(devices=["SN0002", "SN0003"])])
    state = Run([plain_ban], PHONES).applied()
    granted = Run([one], PHONES, state)
    assert changes(granted)["settings catalog policy:BAN city iOS blocked apps"].releases == {1}
    more = Run([two], PHONES, granted.applied())
    assert changes(more)["group members:BAN city iOS blocked apps (exceptions)"].releases == {2}
    fewer = Run([one], PHONES, more.applied())
    assert changes(fewer)["former group members:BAN city iOS blocked apps (exceptions)"].reaches == {2}
    over = Run([plain_ban], PHONES, fewer.applied())
    assert changes(over)["settings catalog policy:BAN city iOS blocked apps"].reaches == {1}


def test_a_lift_carries_the_apps_of_its_policies() -> None:
    ban = policy(rules=[BLOCK], apps=[app(), app("wechat")])
    state = Run([ban], PHONES).applied()
    lifted = changes(Run([replace(ban, state="lifted")], PHONES, state))
    gone = lifted["settings catalog policy:BAN city iOS blocked apps"]
    assert (gone.apps, gone.releases, gone.reaches) == (("banned", "wechat"), {0, 1, 2, 4, 5, 6}, frozenset())


@pytest.mark.fault_kind("T5", "Intune: a control is about the apps that it has names of")
def test_a_control_covers_only_apps_that_it_names() -> None:
    nameless = app("wechat", identifiers={"display_name": ["WeChat"]})
    planned = Run([policy(rules=[BLOCK], apps=[app(), nameless])], PHONES).plan()
    (control_state,) = [each for each in planned.control_states.all if each.mechanism == "ios_blocked_apps"]
    assert control_state.apps == {"banned"}
    assert {change.apps for change in planned.plan.changes if change.kind == "settings catalog policy"} == {("banned",)}


# Unknown is not a change.


def unsure(number: int, **record: object) -> ManagedDevice:
    """A phone whose department nobody knows any more."""
    return device(number, department=None, **record)


POLICE = {"name": "Police", "when": {"department": "police"}, "actions": ["block"]}


@pytest.mark.fault_kind("T1b", "Intune: a device about which nobody can decide keeps what it has")
def test_who_is_unclassified_stays_in_an_include_group() -> None:
    ban = policy(rules=[POLICE])
    officers = [device(1, department="police"), device(2, department="police"), device(3, department="parks")]
    state = Run([ban], officers).applied()
    run = Run([ban], [officers[0], unsure(2), unsure(3)], state)
    assert run.plan().plan.summaries() == []
    (control_state,) = [each for each in run.plan().control_states.all if each.mechanism == "ios_blocked_apps"]
    assert control_state.covers == {0}


@pytest.mark.fault_kind("T1b", "Intune: a control whose devices are all unclassified")
def test_a_control_of_which_nobody_knows_whom_it_is_for_stays() -> None:
    ban = policy(rules=[POLICE])
    state = Run([ban], [device(1, department="police")]).applied()
    assert Run([ban], [unsure(1)], state).plan().plan.summaries() == []
    # Once somebody says that it is another department's, it goes.
    parks = Run([ban], [device(1, department="parks")], state)
    assert {change.op for change in parks.plan().plan.changes} == {"delete"}
    assert parks.applied().owned == ()


@pytest.mark.fault_kind("T1b", "Intune: an unclassified device does not join an exclude group of a control that reaches it")
def test_who_is_unclassified_is_not_taken_out_of_a_native_scope() -> None:
    ban = policy(rules=[BLOCK])
    state = Run([ban], PHONES[:3]).applied()
    # Native scopes go by the ownership that Intune knows; the decision goes by what assets say.
    odd = replace(PHONES[1], record={**PHONES[1].record, "ownership": None})
    assert Run([ban], [PHONES[0], odd, PHONES[2]], state).plan().plan.summaries() == []
    fresh = Run([ban], [PHONES[0], odd, PHONES[2]]).plan()
    reaching = [change.reaches for change in fresh.plan.changes if change.kind == "settings catalog policy"]
    assert reaching == [{0, 2}]


# Nobody knows whom a native scope lets through of those whose ownership is unknown.


def unplaced(each: ManagedDevice) -> ManagedDevice:
    """A device whose ownership no source says any more."""
    return replace(each, record={**each.record, "ownership": None}, native_ownership=None)


EXEMPT = policy(rules=[{**BLOCK, "actions": ["remove", "block"]}], exemptions=[exemption(devices=["SN0002"])])
MIXED = [
    *PHONES,
    *(device(number, platform="android", supervised=None, enrollment="fully_managed") for number in range(11, 15)),
    *(device(number, platform="windows", supervised=None) for number in range(21, 24)),
]


#: Apple's app that the tenant has installed itself, so that it can take it off.
SHARED = AppObject("a:ios", "iosStoreApp", "Banned", frozenset({"com.banned.app"}), None, ())
TENANT = TenantState(apps=(SHARED,))


@pytest.mark.fault_kind("T1b", "Intune: every ownership is lost and nothing is remembered")
def test_controls_stay_when_every_ownership_is_lost() -> None:
    state = Run([EXEMPT], MIXED, TENANT).applied()
    run = Run([EXEMPT], [unplaced(each) for each in MIXED], state)
    assert run.plan().plan.summaries() == []
    assert any("BAN city iOS blocked apps stays: 6 devices are unclassified" in note for note in run.plan().notes)
    assert {index for control_state in run.plan().control_states.all for index in control_state.covers} == set()


@pytest.mark.fault_kind("T1b", "Intune: the ownership of all but a few is lost")
@pytest.mark.parametrize("known", [{1}, {2}, {1, 2}, {4}, {2, 4}])
def test_nothing_is_narrowed_when_most_ownerships_are_lost(known: set[int]) -> None:
    state = Run([EXEMPT], MIXED, TENANT).applied()
    fleet = [each if index + 1 in known else unplaced(each) for index, each in enumerate(MIXED)]
    assert Run([EXEMPT], fleet, state).plan().plan.summaries() == []


@pytest.mark.fault_kind("T1b", "Intune: a device that nobody can place joins no group of exceptions, and no group of members")
def test_who_may_be_reached_joins_no_group() -> None:
    state = Run([EXEMPT], MIXED, TENANT).applied()
    more = policy(rules=[{**BLOCK, "actions": ["remove", "block"]}], exemptions=[exemption(devices=["SN0002", "SN0003"])])
    fleet = [MIXED[0], MIXED[1], MIXED[2], *(unplaced(each) for each in MIXED[3:])]
    after = Run([more], fleet, state).applied()
    members = {member for group in after.groups for member in group.members}
    assert members == {MIXED[1].directory_id, MIXED[2].directory_id}


@pytest.mark.fault_kind("T1b", "Intune: whose ownership is known to be another one is released")
def test_who_is_known_to_be_private_is_released_as_before() -> None:
    state = Run([EXEMPT], MIXED, TENANT).applied()
    private = [replace(each, record={**each.record, "ownership": "personal"}, native_ownership="personal") for each in MIXED]
    assert Run([EXEMPT], private, state).applied().owned == ()


@pytest.mark.fault_kind("T1b", "Intune: a lift ends everything, whatever is unknown")
@pytest.mark.parametrize("state", ["lifted", "report_only"])
def test_a_policy_that_demands_nothing_keeps_nothing(state: str) -> None:
    before = Run([EXEMPT], MIXED, TENANT).applied()
    after = Run([replace(EXEMPT, state=state)], [unplaced(each) for each in MIXED], before).applied()
    assert (after.owned, after.groups, after.filters, after.apps) == ((), (), (), (SHARED,))


@pytest.mark.fault_kind("T1b", "Intune: a lift of one of two policies, whatever is unknown")
def test_a_lift_ends_its_own_control_where_another_policy_keeps_its_own() -> None:
    other = policy("school", rules=[BLOCK], apps=[app("wechat")])
    before = Run([EXEMPT, other], MIXED, TENANT).applied()
    run = Run([replace(EXEMPT, state="lifted"), other], [unplaced(each) for each in MIXED], before)
    after = run.applied()
    assert {policy_id for each in (*after.owned, *after.groups, *after.filters) for policy_id in each.marker.policies} == {"school"}
    assert [each for each in after.apps if not any("wechat" in name for name in each.identifiers)] == [SHARED]


@pytest.mark.fault_kind("T1b", "Intune: nothing new is put on a device that nobody can place")
def test_a_first_ban_does_not_count_on_chances() -> None:
    fresh = Run([EXEMPT], [MIXED[0], *(unplaced(each) for each in MIXED[1:])])
    assert frozenset().union(*(change.reaches for change in fresh.plan().plan.changes)) == {0}
