# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``make demo``: a ban from policy to evidence, on throwaway hosts with real package managers.

As root on Debian it builds the lab's root and tells the whole story. Anywhere else it audits the machine it runs on in check
mode, for real, and says what more it would do. Every statement it prints was checked; one that is not true ends it with status 1.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.appban.endpoint.plugins.module_utils.engine.evidence import read_rows, verify_record

from .hosts import Host, Lab
from .packages import package_path
from .playbook import PlayResult, ansible_environment, run_playbook, write_inventory
from .prerequisites import missing_prerequisites
from .root import CHECKOUT
from .snapshot import Snapshot, snapshot

POLICY = CHECKOUT / "inventories" / "demo" / "city-tiktok.yml"
DIRECTORY = CHECKOUT / ".build" / "demo"
ENFORCE = "appban.endpoint.enforce"
HOST_APP = "appban.endpoint.host_app"
WIDTH = 110


@dataclass(frozen=True)
class Machine:
    """One host of the demo: what is installed on it, and what the inventory says of it."""

    name: str
    about: str
    installed: tuple[tuple[str, str], ...]
    variables: Mapping[str, Any]


# The lab's root holds every package manager at once; a real machine has one family.
DEB = {"appban_host_backends": ["apt", "flatpak"]}
RPM = {"appban_host_backends": ["dnf4", "flatpak"]}
ARCH = {"appban_host_backends": ["pacman", "flatpak"]}
CORPORATE = {"ownership": "corporate"}
FLEET = (
    Machine("desk-deb", "corporate", (("deb", "tiktok-desktop"),), {**DEB, **CORPORATE}),
    Machine("desk-rpm", "corporate", (("rpm", "tiktok-desktop"), ("flatpak", "com.tiktok.Desktop")), {**RPM, **CORPORATE}),
    Machine("desk-arch", "corporate", (("pacman", "tiktok-desktop"),), {**ARCH, **CORPORATE}),
    Machine("suite-deb", "corporate", (("deb", "tiktok-desktop"), ("deb", "media-suite")), {**DEB, **CORPORATE}),
    Machine("press-deb", "corporate, exempt", (("deb", "tiktok-desktop"),), {**DEB, **CORPORATE, "appban_serial": "PRESS-0007"}),
    Machine("home-deb", "personal", (("deb", "tiktok-desktop"),), {**DEB, "ownership": "personal"}),
    Machine("spare-deb", "ownership not recorded", (("deb", "tiktok-desktop"),), DEB),
)
NAMES = {"deb": "apt", "rpm": "dnf", "pacman": "pacman", "flatpak": "flatpak"}


class Story:
    """Prints the story and remembers whether every statement in it was true."""

    def __init__(self) -> None:
        self.plain = not sys.stdout.isatty()
        self.untrue: list[str] = []
        self.part = 0

    def heading(self, text: str, command: str = "") -> None:
        """A numbered part of the story."""
        self.part += 1
        title = f"{self.part}. {text}"
        print("\n" + (title if self.plain else f"\033[1m{title}\033[0m"))
        if command:
            self.line("$ " + command)

    def line(self, text: str) -> None:
        """One line, wrapped to the terminal."""
        print(textwrap.fill(text, WIDTH, initial_indent="   ", subsequent_indent="     ", break_long_words=False), flush=True)

    def claim(self, text: str, true: bool) -> None:
        """One statement that was checked."""
        if not true:
            self.untrue.append(text)
        mark, colour = ("yes", 32) if true else ("NO", 31)
        mark = f"[{mark}]" if self.plain else f"\033[{colour}m[{mark}]\033[0m"
        self.line(f"{mark} {text}")


def main(arguments: Sequence[str]) -> int:
    """Tells the story; ``--audit`` takes the way of a machine that can't have the lab."""
    story = Story()
    print("appban.endpoint: a ban, written once as a policy in git, becomes true on every host, and can be proved")
    problems = ["asked for"] if "--audit" in arguments else missing_prerequisites()
    shutil.rmtree(DIRECTORY, ignore_errors=True)
    DIRECTORY.mkdir(parents=True)
    if problems:
        audit(story, problems)
    else:
        lab = Lab.open(lambda line: story.line("lab: " + line))
        try:
            tell(story, lab)
        finally:
            lab.close()
    if story.untrue:
        print("\nNot everything in this story was true:\n  " + "\n  ".join(story.untrue))
        return 1
    return 0


def tell(story: Story, lab: Lab) -> None:
    """The whole story, on throwaway hosts."""
    policy = DIRECTORY / "city-tiktok.yml"
    shutil.copy(POLICY, policy)
    story.heading(f"The policy: {POLICY.relative_to(CHECKOUT)}")
    for line in policy.read_text(encoding="utf-8").splitlines():
        if line.strip().startswith(("title:", "from:", "until:", "when:", "actions:", "- id: EX", "devices:", "expires:")):
            print("   | " + line)

    story.heading("The fleet: throwaway hosts, the app installed by the real package managers")
    hosts = {machine.name: furnish(story, lab, machine) for machine in FLEET}
    inventory = write_inventory(
        DIRECTORY / "inventory.json",
        hosts.values(),
        host_variables={machine.name: machine.variables for machine in FLEET},
        variables={"appban_host_block": "strong", "appban_evidence_dir": str(DIRECTORY / "evidence")},
    )
    desk = hosts["desk-deb"]
    before = {name: snapshot(host) for name, host in hosts.items()}

    story.heading("Look first: nothing is written", f"ansible-playbook {ENFORCE} -i INVENTORY -e policy_file={POLICY.name} --check --diff")
    looked = enforce(inventory, policy, check=True, succeed=False)
    show_diff(story, looked, "desk-deb")
    show_end(story, looked)
    story.claim("no file and no package changed on any host", unchanged(hosts, before))

    story.heading("Enforce", f"ansible-playbook {ENFORCE} -i INVENTORY -e policy_file={POLICY.name}")
    applied = enforce(inventory, policy, succeed=False)
    show_end(story, applied)
    desks = ("desk-deb", "desk-rpm", "desk-arch")
    story.claim("removed on " + ", ".join(desks), not any(present(hosts[name]) for name in desks))
    refusal = next(task.result["msg"] for task in applied.of("suite-deb", HOST_APP) if task.status in ("failed", "ignored"))
    story.claim(
        "refused on suite-deb, because media-suite needs the app and nobody asked for its removal",
        present(hosts["suite-deb"]) and "media-suite" in refusal,
    )
    for line in refusal.splitlines()[:4]:
        print("     | " + line)
    story.claim(
        "exempt, private and unclassified hosts were left exactly as they were",
        unchanged({name: hosts[name] for name in ("press-deb", "home-deb", "spare-deb")}, before),
    )

    story.heading("The same again: nothing to do")
    again = enforce(inventory, policy, succeed=False)
    story.claim(f"changed={again.changed()} over all hosts", again.changed() == 0)

    story.heading("Putting it back by hand fails")
    attempt(story, hosts["desk-deb"], "by name", ["apt-get", "-y", "install", "tiktok-desktop"])
    attempt(story, hosts["desk-deb"], "by version", ["apt-get", "-y", "install", "tiktok-desktop=2.0"])
    attempt(story, hosts["desk-deb"], "by file", ["dpkg", "-i", package_path("deb", "tiktok-desktop", "2.0")])
    attempt(story, hosts["desk-rpm"], "by name", ["dnf", "-y", "install", "tiktok-desktop"])
    attempt(story, hosts["desk-rpm"], "by file", ["rpm", "-i", package_path("rpm", "tiktok-desktop", "2.0")])
    attempt(story, hosts["desk-rpm"], "by name", ["flatpak", "install", "--system", "-y", "--noninteractive", "lab", "com.tiktok.Desktop"])
    attempt(story, hosts["desk-arch"], "by name", ["pacman", "--noconfirm", "-S", "tiktok-desktop"])
    attempt(story, hosts["desk-arch"], "by file", ["pacman", "--noconfirm", "-U", package_path("pacman", "tiktok-desktop", "2.0")])

    story.heading("Lift: one line of the policy changes", f"ansible-playbook {ENFORCE} -i INVENTORY -e policy_file={POLICY.name}")
    policy.write_text(policy.read_text(encoding="utf-8").replace("state: enforced", "state: lifted"), encoding="utf-8")
    print("   | -state: enforced\n   | +state: lifted")
    lifted = enforce(inventory, policy)
    show_end(story, lifted)
    left = [f"{name}: {line}" for name, host in hosts.items() for line in before[name].difference(snapshot(host)) if not of_the_app(line)]
    story.claim("every configuration file is byte for byte what it was before the ban", not left)
    for line in left:
        print("     " + line)
    back = desk.run(["apt-get", "-y", "-q", "install", "tiktok-desktop"])
    story.claim("the app can be installed again; it was not installed for anybody", back.returncode == 0)

    story.heading("Evidence: one record a run, each closing with a hash that the next one names")
    previous = None
    chained = []
    for record in sorted((DIRECTORY / "evidence").glob("*/*.jsonl")):
        totals = verify_record(str(record))
        header = read_rows(str(record))[0]
        chained.append(header["previous"] == previous)
        previous = totals["hash"]
        counts = ", ".join(f"{count} {name}" for name, count in totals["outcomes"].items())
        story.line(f"{record.relative_to(CHECKOUT)} ({header['mode']}, {totals['devices']} devices: {counts})")
    story.claim("every record matches its hash and names the one before it", len(chained) == 4 and all(chained))
    print("\nThe hosts are gone now. Look at inventories/example to begin with your own, and always with --check --diff.")


def furnish(story: Story, lab: Lab, machine: Machine) -> Host:
    """Makes a host and installs what is to be on it."""
    host = lab.create(machine.name)
    for kind, name in machine.installed:
        host.install(kind, name)
    installed = ", ".join(f"{NAMES[kind]}: {name}" for kind, name in machine.installed)
    story.line(f"{machine.name:<10} {machine.about:<23} {installed}")
    return host


def enforce(inventory: Path, policy: Path, check: bool = False, succeed: bool = True) -> PlayResult:
    """One real run of the playbook."""
    return run_playbook(
        ENFORCE,
        inventory,
        extra_vars={"policy_file": str(policy), "appban_now": "2023-03-20T09:00:00+01:00"},
        check=check,
        diff=check,
        must_succeed=succeed,
    )


def show_diff(story: Story, result: PlayResult, host: str) -> None:
    """The planned changes of one host."""
    planned = result.of(host, HOST_APP)[0].result
    story.line(f"{host} would change:")
    for change in planned["changes"]:
        print(f"     {change['op']:<7} {change['kind']:<8} {change['name']}")


def show_end(story: Story, result: PlayResult) -> None:
    """What the role said at the end of a run."""
    for task in result.tasks:
        if task.action == "ansible.builtin.debug" and isinstance(task.result.get("msg"), list):
            for line in task.result["msg"]:
                story.line(line.replace(str(CHECKOUT) + os.sep, ""))


def present(host: Host) -> bool:
    """Whether any package manager of the host has the app."""
    asks = (
        ["dpkg-query", "-W", "-f", "${Status}", "tiktok-desktop"],
        ["rpm", "-q", "tiktok-desktop"],
        ["pacman", "-Q", "tiktok-desktop"],
        ["flatpak", "info", "--system", "com.tiktok.Desktop"],
    )
    results = [host.run(ask) for ask in asks]
    return "install ok installed" in results[0].stdout or any(result.returncode == 0 for result in results[1:])


def unchanged(hosts: Mapping[str, Host], before: Mapping[str, Snapshot]) -> bool:
    """Whether the hosts' files and packages are what they were."""
    return all(before[name].difference(snapshot(host)) == [] for name, host in hosts.items())


def of_the_app(line: str) -> bool:
    """Whether a difference is the removed app itself: its package, its files, and the directories that only it had."""
    return "tiktok" in line or line.split(" ")[-1].startswith(("/opt/", "/etc/opt"))


def attempt(story: Story, host: Host, how: str, argv: list[str]) -> None:
    """Tries to install the app and claims that it failed."""
    done = host.run(argv)
    said = [line.strip() for line in (done.stderr + "\n" + done.stdout).splitlines() if line.strip()]
    telling = [line for line in said if "conflicts with" in line] + [line for line in said if line.startswith(("E:", "error:", "Error:"))]
    shown = " ".join(os.path.basename(word) if word.startswith("/srv/") else word for word in argv)
    story.claim(f"{host.name}, {how}: {shown} -> {telling[0] if telling else 'exit status %d' % done.returncode}", gone(host, done))


def gone(host: Host, attempted: subprocess.CompletedProcess[str]) -> bool:
    """Whether an attempt failed and left nothing."""
    return attempted.returncode != 0 and not present(host)


def audit(story: Story, problems: Sequence[str]) -> None:
    """The machine itself, in check mode: for real, and nothing is written."""
    story.heading("This machine can't have the throwaway hosts: " + "; ".join(problems))
    story.line("So the demo looks at this machine itself, in check mode.")
    story.line(
        "As root on Debian it would build throwaway hosts with apt, dnf, pacman and flatpak, install the banned app there, "
        "remove and block it, try to put it back by name, by version and by file, lift the ban and show the evidence."
    )
    inventory = DIRECTORY / "inventory.json"
    variables = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable, **CORPORATE}
    document = {"appban_hosts": {"hosts": {"localhost": variables}}}
    inventory.write_text(json.dumps(document, indent=1), encoding="utf-8")
    command = [str(Path(sys.executable).parent / "ansible-playbook"), ENFORCE, "-i", str(inventory), "--check", "--diff"]
    extra = {"policy_file": str(POLICY), "appban_evidence_dir": str(DIRECTORY / "evidence"), "appban_host_users": ["all"]}
    story.heading("Audit", f"ansible-playbook {ENFORCE} -i INVENTORY -e policy_file={POLICY.relative_to(CHECKOUT)} --check --diff")
    done = subprocess.run([*command, "-e", json.dumps(extra)], cwd=CHECKOUT, env=ansible_environment(), check=False)
    story.claim("the audit ended well and changed nothing", done.returncode == 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
