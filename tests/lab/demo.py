# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``make demo``: one policy, three tenants of mobile devices, and throwaway hosts with real package managers, by the real playbook.

As root on Debian it tells the whole story. Anywhere else it leaves the hosts out, and audits the machine it runs on instead, in check
mode, for real. Every statement it prints was checked; one that is not true ends it with status 1.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.appban.endpoint.plugins.module_utils.engine.evidence import read_rows, verify_record

from . import demo_apple, demo_tenant
from .demo_apple import AppleTenant
from .demo_hosts import CORPORATE, FLEET, furnish, of_the_app, present, put_back_by_hand, unchanged
from .demo_tenant import City
from .hosts import Host, Lab
from .playbook import PlayResult, ansible_environment, run_playbook, write_inventory
from .prerequisites import missing_prerequisites
from .root import CHECKOUT
from .snapshot import Snapshot, snapshot
from .story import Story

POLICY = CHECKOUT / "inventories" / "demo" / "city-tiktok.yml"
DIRECTORY = CHECKOUT / ".build" / "demo"
EVIDENCE = DIRECTORY / "evidence"
ENFORCE = "appban.endpoint.enforce"
COMMAND = f"ansible-playbook {ENFORCE} -i INVENTORY -e policy_file={POLICY.name}"
HOST_APP = "appban.endpoint.host_app"
INTUNE = "appban.endpoint.intune"
NANOMDM = demo_apple.NanoCity.name
FIRST_DAY, NEXT_MORNING, NEXT_NOON, DEADLINE, DAY_AFTER = (
    "2023-03-20T08:00:00Z",
    "2023-03-21T08:00:00Z",
    "2023-03-21T12:00:00Z",
    "2023-03-21T23:00:00Z",
    "2023-03-22T08:00:00Z",
)
SHOWN_CHANGES = 8


@dataclass(frozen=True)
class Stage:
    """Where the story plays: the tenant, the hosts (none where the machine can't have them), and how to run over both."""

    story: Story
    city: City
    apples: Sequence[AppleTenant]
    hosts: Mapping[str, Host]
    policy: Path
    inventory: Path
    # Of each host and of the tenant, before the ban.
    before: Mapping[str, Snapshot]
    objects_before: Any
    devices_before: Mapping[str, demo_tenant.Device]
    # Of each Apple tenant, by its name.
    apple_objects_before: Mapping[str, Any]
    phones_before: Mapping[str, Mapping[str, demo_apple.Phone]]

    def run(self, now: str, check: bool = False, limit: str = "") -> PlayResult:
        """One real run of the playbook at an instant."""
        return run_playbook(
            ENFORCE,
            self.inventory,
            extra_vars={"policy_file": str(self.policy), "appban_now": now},
            check=check,
            diff=check,
            arguments=["--limit", limit] if limit else [],
            must_succeed=False,
        )

    def rows_of_apples(self, result: PlayResult) -> dict[str, Sequence[Mapping[str, Any]]]:
        """The Apple tenants' records of a run, by their names."""
        return {each.name: self.rows_of(each, result) for each in self.apples}

    def rows_of(self, tenant: AppleTenant, result: PlayResult) -> Sequence[Mapping[str, Any]]:
        """An Apple tenant's record of a run."""
        return read_rows(str(result.of(tenant.name, tenant.module)[0].result["evidence"]))

    def rows_of_tenant(self, result: PlayResult) -> Sequence[Mapping[str, Any]]:
        """The tenant's record of a run."""
        return read_rows(str(result.of(demo_tenant.NAME, INTUNE)[0].result["evidence"]))


def main(arguments: Sequence[str]) -> int:
    """Tells the story; ``--audit`` takes the way of a machine that can't have the lab."""
    story = Story()
    print("appban.endpoint: a ban, written once as a policy in git, becomes true on every device, and can be proved")
    problems = ["asked for"] if "--audit" in arguments else missing_prerequisites()
    shutil.rmtree(DIRECTORY, ignore_errors=True)
    DIRECTORY.mkdir(parents=True)
    with demo_tenant.city(FIRST_DAY) as city, demo_apple.apple_tenants(story, FIRST_DAY) as apples:
        if problems:
            tell(story, city, apples, None)
        else:
            lab = Lab.open(lambda line: story.line("lab: " + line))
            try:
                tell(story, city, apples, lab)
            finally:
                lab.close()
    if problems:
        audit(story, problems)
    if story.untrue:
        print("\nNot everything in this story was true:\n  " + "\n  ".join(story.untrue))
        return 1
    print("\nIntune and Jamf Pro were simulated" + (", and the hosts are gone now." if not problems else "."))
    print("Look at inventories/example to begin with your own, and always with --check --diff.")
    return 0


def tell(story: Story, city: City, apples: Sequence[AppleTenant], lab: Lab | None) -> None:
    """The whole story, with hosts where there is a lab."""
    policy = DIRECTORY / POLICY.name
    shutil.copy(POLICY, policy)
    story.heading(f"The policy: {POLICY.relative_to(CHECKOUT)}")
    telling = ("title:", "from:", "until:", "when:", "actions:", "- actions:", "- from:", "- name:", "- id: EX", "devices:", "expires:")
    for line in policy.read_text(encoding="utf-8").splitlines():
        if line.strip().startswith(telling):
            story.row("| " + line)
    stage = set_up(story, city, apples, lab, policy)
    look(stage)
    enforce(stage)
    came_true(stage)
    deadline(stage)
    lift(stage)
    evidence(stage)


def set_up(story: Story, city: City, apples: Sequence[AppleTenant], lab: Lab | None, policy: Path) -> Stage:
    """Shows the fleet and writes its inventory."""
    devices = city.devices()
    story.heading("The fleet: mobile devices in several tenants" + ", and Linux hosts" * (lab is not None))
    story.line(f"a simulated Microsoft Intune: {len(devices)} devices")
    demo_tenant.show_fleet(story, devices)
    for tenant in apples:
        demo_apple.show_fleet(story, tenant)
    hosts: dict[str, Host] = {}
    if lab is not None:
        story.row("... and throwaway Linux hosts, the app installed by the real package managers")
        hosts = {machine.name: furnish(story, lab, machine) for machine in FLEET}
    inventory = write_inventory(
        DIRECTORY / "inventory.json", hosts.values(), host_variables={machine.name: machine.variables for machine in FLEET if hosts}
    )
    document = json.loads(inventory.read_text(encoding="utf-8"))["all"]
    document["children"]["appban_tenants"] = city.inventory()
    document["children"]["appban_tenants"]["hosts"].update({tenant.name: tenant.host() for tenant in apples})
    document["vars"] = {"appban_host_block": "strong", "appban_evidence_dir": str(EVIDENCE), "appban_evidence": "all"}
    if not hosts:
        del document["children"]["appban_hosts"]
    inventory.write_text(json.dumps({"all": document}, indent=2) + "\n", encoding="utf-8")
    before = {name: snapshot(host) for name, host in hosts.items()}
    return Stage(
        story,
        city,
        apples,
        hosts,
        policy,
        inventory,
        before,
        city.objects(),
        devices,
        {tenant.name: tenant.objects() for tenant in apples},
        {tenant.name: tenant.devices() for tenant in apples},
    )


def look(stage: Stage) -> None:
    """Check mode: the plan, and proof that nothing was written."""
    story = stage.story
    story.heading("Look first: nothing is written", COMMAND + " --check --diff")
    looked = stage.run(FIRST_DAY, check=True)
    show_plan(story, looked.of(demo_tenant.NAME, INTUNE)[0].result, demo_tenant.NAME)
    for tenant in stage.apples:
        show_plan(story, looked.of(tenant.name, tenant.module)[0].result, tenant.name)
    if stage.hosts:
        show_plan(story, looked.of("desk-deb", HOST_APP)[0].result, "desk-deb")
    show_end(story, looked)
    sent = stage.city.sent()
    same = set(sent) == {"GET"} and stage.city.objects() == stage.objects_before
    story.claim(f"{demo_tenant.NAME} got {sum(sent.values())} requests, all of them GET, and is what it was", same)
    for tenant in stage.apples:
        asked = tenant.sent()
        same = set(asked) == {"GET"} and tenant.objects() == stage.apple_objects_before[tenant.name]
        story.claim(f"{tenant.name} got {sum(asked.values())} requests, all of them GET, and is what it was", same)
    if stage.hosts:
        story.claim("no file and no package changed on any host", unchanged(stage.hosts, stage.before))


def enforce(stage: Stage) -> None:
    """The first run that writes, and the same again."""
    story, hosts = stage.story, stage.hosts
    story.heading("Enforce", COMMAND)
    applied = stage.run(FIRST_DAY)
    show_end(story, applied)
    sent = stage.city.sent()
    devices, took = len(stage.city.devices()), sum(sent.values())
    story.claim(f"the {devices} devices of {demo_tenant.NAME} took {took} requests, notices to private phones included", took < devices)
    for tenant in stage.apples:
        tenant.sent()
    if hosts:
        desks = ("desk-deb", "desk-rpm", "desk-arch")
        story.claim("removed on " + ", ".join(desks), not any(present(hosts[name]) for name in desks))
        refusal = next(task.result["msg"] for task in applied.of("suite-deb", HOST_APP) if task.result.get("msg"))
        story.claim(
            "refused on suite-deb, because media-suite needs the app and nobody asked for its removal",
            present(hosts["suite-deb"]) and "media-suite" in refusal,
        )
        left_alone = {name: hosts[name] for name in ("press-deb", "home-deb", "spare-deb")}
        story.claim("exempt, private and unclassified hosts were left exactly as they were", unchanged(left_alone, stage.before))
    again = stage.run(FIRST_DAY)
    methods = set(stage.city.sent()).union(*(tenant.sent() for tenant in stage.apples))
    story.claim(f"the same again: changed={again.changed()}, nothing but GET to any tenant", again.changed() == 0 and methods == {"GET"})
    for tenant in stage.apples:
        demo_apple.claim_what_was_handed_over(story, tenant, EVIDENCE / f"{tenant.name}.notices.jsonl", stage.rows_of(tenant, applied))
    if hosts:
        story.heading("Putting it back by hand fails on the hosts")
        put_back_by_hand(story, hosts)


def came_true(stage: Stage) -> None:
    """The devices make contact; the next run only reads, and says what has come true."""
    story, city = stage.story, stage.city
    before = city.devices()
    story.heading("Next morning: the devices of the tenants have made contact, and the run says what has come true", COMMAND)
    city.next_morning(NEXT_MORNING)
    for tenant in stage.apples:
        tenant.contact(NEXT_MORNING)
    came = stage.run(NEXT_MORNING)
    rows, now = stage.rows_of_tenant(came), city.devices()
    demo_tenant.show_outcomes(story, now, rows)
    demo_tenant.claim_what_came_true(story, before, now, rows)
    asking = [tenant for tenant in stage.apples if came.recap[tenant.name]["changed"]]
    others = came.changed() - len(asking)
    names = {tenant.name for tenant in asking}
    story.claim(f"changed={others} over all targets" + f", {NANOMDM} left aside" * bool(asking), others == 0 and names <= {NANOMDM})
    records = stage.rows_of_apples(came)
    for tenant in asking:
        story.line(f"{tenant.name} has learned who has the app, and tells those devices to remove it. They answer, and the run again:")
        tenant.contact(NEXT_NOON)
        answered = stage.run(NEXT_NOON, limit=tenant.name)
        records[tenant.name] = stage.rows_of(tenant, answered)
    for tenant in stage.apples:
        demo_apple.show_outcomes(story, tenant, records[tenant.name])
        demo_apple.claim_what_came_true(story, tenant, stage.phones_before[tenant.name], records[tenant.name])
    demo_tenant.put_back_by_hand(story, city)


def deadline(stage: Stage) -> None:
    """Private phones that still have the app lose the access to work at the deadline, and get it back without the app."""
    story, city = stage.story, stage.city
    limit = demo_tenant.NAME
    story.heading("The deadline for private phones", COMMAND + " --limit " + limit)
    city.next_morning(DEADLINE)
    access = {each.id: each.work_access for each in stage.devices_before.values()}
    story.claim(
        "when it comes, nobody has lost the access to work yet", all(access[it.id] == it.work_access for it in city.devices().values())
    )
    stage.run(DEADLINE, limit=limit)
    city.next_morning(DAY_AFTER)
    late = stage.run(DAY_AFTER, limit=limit)
    show_end(story, late)
    now = city.devices()
    withdrawn = [row["device"] for row in stage.rows_of_tenant(late) if row.get("outcome") == "access_withdrawn"]
    lost = all(now[each].installed and not now[each].work_access for each in withdrawn)
    others = all(access[each.id] == each.work_access for each in now.values() if each.id not in withdrawn)
    story.claim(f"{len(withdrawn)} private phones with the app have lost it, and no other device has", bool(withdrawn) and lost and others)


def lift(stage: Stage) -> None:
    """One line of the policy, and everything is what it was."""
    story, hosts = stage.story, stage.hosts
    story.heading("Lift: one line of the policy changes", COMMAND)
    text = stage.policy.read_text(encoding="utf-8")
    stage.policy.write_text(text.replace("state: enforced", "state: lifted"), encoding="utf-8")
    story.row("| -state: enforced")
    story.row("| +state: lifted")
    lifted = stage.run(DAY_AFTER)
    show_end(story, lifted)
    same = stage.city.objects() == stage.objects_before
    same = same and all(tenant.objects() == stage.apple_objects_before[tenant.name] for tenant in stage.apples)
    story.claim("every object of every tenant is what it was before the ban, and none of ours is left", same)
    for tenant in stage.apples:
        tenant.contact(DAY_AFTER)
        demo_apple.claim_what_came_back(story, tenant, stage.phones_before[tenant.name])
    if hosts:
        left = [
            f"{name}: {line}"
            for name, host in hosts.items()
            for line in stage.before[name].difference(snapshot(host))
            if not of_the_app(line)
        ]
        story.claim("every configuration file of the hosts is byte for byte what it was before the ban", not left)
        for line in left:
            story.row("  " + line)
        back = hosts["desk-deb"].run(["apt-get", "-y", "-q", "install", "tiktok-desktop"])
        story.claim("the app can be installed again; it was not installed for anybody", back.returncode == 0)


def evidence(stage: Stage) -> None:
    """Every record of the story, checked."""
    story = stage.story
    story.heading(f"Evidence in {EVIDENCE.relative_to(CHECKOUT)}: a record a run and target, each with a hash that the next one names")
    last: dict[str, str] = {}
    chained = []
    for record in sorted(EVIDENCE.glob("*/*.jsonl"), key=lambda path: (path.parent.name.partition("-")[0], len(path.parent.name), path)):
        totals = verify_record(str(record))
        header = read_rows(str(record))[0]
        chained.append(header["previous"] == last.get(record.name))
        last[record.name] = totals["hash"]
        about = f"{header['mode']:<5} {totals['devices']:>4} devices, {totals['in_scope']:>3} in scope"
        story.row(f"{record.relative_to(EVIDENCE)!s:<38} {about}, {totals['findings']:>3} findings, sha256 {totals['hash'][:16]}...")
    story.claim(f"each of {len(chained)} records matches its hash, adds up, and names the one before it", len(chained) > 4 and all(chained))


def show_plan(story: Story, result: Mapping[str, Any], name: str) -> None:
    """The planned changes of one target."""
    changes = result["changes"]
    story.line(f"{name} would change:")
    for change in changes[:SHOWN_CHANGES]:
        story.row(f"  {change['op']:<8} {change['kind']:<21} {change['name']}")
    if len(changes) > SHOWN_CHANGES:
        story.row(f"  and {len(changes) - SHOWN_CHANGES} more; --diff shows each before and after")


def show_end(story: Story, result: PlayResult) -> None:
    """What the roles said at the end of a run."""
    for task in result.tasks:
        if task.action == "ansible.builtin.debug" and isinstance(task.result.get("msg"), list):
            story.row(f"{task.host if task.host.startswith('city-') else 'hosts'}:")
            for line in task.result["msg"]:
                story.line("  " + line.replace(str(CHECKOUT) + os.sep, ""))


def audit(story: Story, problems: Sequence[str]) -> None:
    """The machine itself, in check mode: for real, and nothing is written."""
    story.heading("This machine can't have the throwaway hosts: " + "; ".join(problems))
    story.line("So the demo looks at this machine itself, in check mode.")
    story.line(
        "As root on Debian it would build throwaway hosts with apt, dnf, pacman and flatpak, install the banned app there, "
        "remove and block it by the same runs as in the tenant, try to put it back by name, by version and by file, and lift the ban."
    )
    inventory = DIRECTORY / "audit.json"
    variables = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable, **CORPORATE}
    document = {"appban_hosts": {"hosts": {"localhost": variables}}}
    inventory.write_text(json.dumps(document, indent=1), encoding="utf-8")
    command = [str(Path(sys.executable).parent / "ansible-playbook"), ENFORCE, "-i", str(inventory), "--check", "--diff"]
    extra = {"policy_file": str(POLICY), "appban_evidence_dir": str(DIRECTORY / "audit"), "appban_host_users": ["all"]}
    story.heading("Audit", f"ansible-playbook {ENFORCE} -i INVENTORY -e policy_file={POLICY.relative_to(CHECKOUT)} --check --diff")
    done = subprocess.run([*command, "-e", json.dumps(extra)], cwd=CHECKOUT, env=ansible_environment(), check=False)
    story.claim("the audit ended well and changed nothing", done.returncode == 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
