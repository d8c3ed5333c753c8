#!/usr/bin/python
# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Remove and block banned apps on one host, with every package manager it has, in one task."""

from __future__ import annotations

DOCUMENTATION = r"""
module: host_app
short_description: Remove and block banned apps on a host
version_added: 0.1.0
author:
  - appban contributors (@appban)
description:
  - Removes apps with every package manager that the host has, and blocks them from coming back, in one task for many apps.
  - >-
    The order is always the same. The packages are looked up in the low-level databases, the whole removal is planned and
    checked against the rails, the packages are removed, the databases are read again, the block is set and the block is
    verified. A block that is already in place never hides a package from its removal.
  - >-
    Nothing is removed that was not named. A removal that would take another package with it, install a replacement, or touch
    a protected package is refused before any change on this host, and the message shows the plan.
  - >-
    What is ours is kept in the ledger C(/var/lib/appban/ledger.json) on the host, so that O(state=lifted) takes away exactly our
    own blocks and leaves everything else byte for byte. Apps that were removed are not installed again.
  - >-
    A block is a policy rail with detection, not containment: an administrator of the host can undo it. The next run sees that,
    sets it again and reports it in RV(drift).
options:
  apps:
    description:
      - The apps. Each is a mapping like a catalog app, so the apps that the lookup P(appban.endpoint.policy#lookup) returns can be
        passed whole.
      - Names are exact. Entries with C(confidence=detect_only) are looked for and reported, never removed or blocked.
    type: list
    elements: dict
    required: true
    suboptions:
      id:
        description: Id of the app.
        type: str
        required: true
      title:
        description: Name of the app for people. Not used.
        type: str
      vendor:
        description: Vendor of the app. Not used.
        type: str
      note:
        description: Note of the catalog. Not used.
        type: str
      identifiers:
        description:
          - Mapping of identifier kinds to lists of names, or of mappings with C(value) and C(confidence).
          - Used are C(deb), C(rpm), C(pacman), C(apk), C(flatpak), C(snap), C(brew_formula) and C(brew_cask); and for desktop
            leftovers C(display_name), C(domain) and C(android_package). The kinds of other platforms are accepted and not used.
        type: dict
        required: true
      state:
        description: Overrides O(state) for this app.
        type: str
        choices: [absent, lifted]
      remove:
        description: Overrides O(remove) for this app.
        type: bool
      block:
        description: Overrides O(block) for this app.
        type: str
        choices: ['true', 'false', strong]
  state:
    description:
      - V(absent) looks for the apps, removes them if O(remove) and blocks them if O(block).
      - V(lifted) takes our blocks of these apps away. Nothing is installed.
    type: str
    choices: [absent, lifted]
    default: absent
  remove:
    description: Remove the apps where they are found. With V(false) they are only reported.
    type: bool
    default: true
  block:
    description:
      - V(true) blocks with the package manager's own means (pin, excludes, lock, hook, remote filter).
      - V(strong) adds a guard package that conflicts with the app, where the package manager knows conflicts.
      - V(false) doesn't block; a block of ours that stands is taken away.
      - RV(blocked) says how strong each block is and what still gets through.
    type: str
    choices: ['true', 'false', strong]
    default: 'true'
  others:
    description:
      - What becomes of our blocks for apps that are not listed in O(apps).
      - V(keep) leaves them. V(lift) takes them away, so that the list is the whole truth; the role P(appban.endpoint.host#role) uses it.
    type: str
    choices: [keep, lift]
    default: keep
  backends:
    description: Use only these package managers. By default every one that the host has.
    type: list
    elements: str
    choices: [apt, dnf5, dnf4, zypper, pacman, apk, flatpak, snap, homebrew]
    default: []
  allow_dependents:
    description:
      - Packages that need a banned one may be removed with it. They count against O(max_removals).
      - Replacements are never installed, and protected packages are never removed.
    type: bool
    default: false
  max_removals:
    description: Most packages that may be removed from this host in one run, dependents included.
    type: int
    default: 5
  protected:
    description:
      - Names or globs of packages that must never be removed or blocked, in addition to the built-in list.
      - A glob needs at least four literal characters.
    type: list
    elements: str
    default: []
  providers:
    description:
      - A soft block on an exact name lets a package in that merely offers itself under that name (C(Provides)).
      - V(block) also blocks those of them that are not installed. V(report) leaves them and names them in RV(notes).
      - Packages that offer themselves under a name are never removed.
    type: str
    choices: [block, report]
    default: block
  on_unsupported:
    description: Whether a block that a package manager has no means for is reported or fails the task before any change.
    type: str
    choices: [report, fail]
    default: report
  users:
    description:
      - Accounts whose homes are searched for desktop leftovers (AppImages and web-app launchers).
      - V(all) and V(none) are understood. By default no home is searched.
    type: list
    elements: str
    default: [none]
  remove_leftovers:
    description:
      - Delete the desktop leftovers that are found instead of only reporting them. They are not restored when the ban is lifted.
    type: bool
    default: false
  comment:
    description: Lines for the header of the files that are wholly ours, such as the policy and a contact.
    type: list
    elements: str
    default: []
  lock_timeout:
    description:
      - Seconds to wait for a package manager's lock, and for another run of this module on the same host.
      - >-
        A lock file of pacman's is deleted only if a run of this module that was killed had noted it and no process has it open any
        more. The lock of a stranger never is.
    type: int
    default: 60
  plan_only:
    description:
      - Look and say what would be done, as in check mode, and change nothing but our own note of what was seen (see O(look_digest)).
    type: bool
    default: false
    version_added: 0.2.0
  approved:
    description:
      - RV(changes) of a plan that was seen and counted. The host is planned once more under its lock, and fails before any change if
        there is anything to do by then that the plan did not show.
    type: list
    elements: dict
    version_added: 0.2.0
  look_digest:
    description:
      - >-
        Digest of the request. The action plugin of this module sets it; there is no need to. A look that finds nothing to do is kept
        under it in C(/var/lib/appban/looked.json), with a mark of every file that it rests on, where a block of ours stands on the host.
        While all marks are unchanged, the next run answers with it.
    type: str
    version_added: 0.2.0
  now:
    description: The instant to write into the ledger, ISO 8601 in UTC. By default the host's clock.
    type: str
attributes:
  check_mode:
    description: Can run in check mode and says exactly what it would do.
    support: full
  diff_mode:
    description: Shows every file before and after, and every package that goes.
    support: full
  platform:
    description: Hosts with one of the supported package managers.
    support: full
    platforms: posix
notes:
  - Needs root to change anything. Needs nothing on the host but Python 3.8 or later.
  - >-
    Root runs only programs that nobody but root can write, on a path that nobody but root can write. What lies in places of people is
    read without following links and without waiting, and people's own installations are changed as those people.
  - One run at a time works on a host, by the lock C(/run/appban.lock); looks share it.
  - The package managers C(dnf5), C(apk), C(snap) and C(homebrew) are written from their documentation and tested on recorded output
    only. The others are proved on the real tools.
seealso:
  - plugin: appban.endpoint.policy
    plugin_type: lookup
  - plugin: appban.endpoint.decide
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Remove an app and keep it out
  appban.endpoint.host_app:
    apps:
      - id: tiktok
        identifiers:
          deb: [tiktok-desktop]
          rpm: [tiktok-desktop]
          flatpak: [com.tiktok.Desktop]
  become: true

- name: The same with a guard package, and with the packages that need it
  appban.endpoint.host_app:
    apps:
      - id: tiktok
        identifiers:
          deb: [tiktok-desktop]
    block: strong
    allow_dependents: true
  become: true

- name: Only look, on one machine that investigates the app
  appban.endpoint.host_app:
    apps:
      - id: tiktok
        identifiers:
          deb: [tiktok-desktop]
    remove: false
    block: false

- name: End the ban
  appban.endpoint.host_app:
    apps:
      - id: tiktok
        identifiers:
          deb: [tiktok-desktop]
    state: lifted
  become: true
"""

RETURN = r"""
apps:
  description: What was seen and done, per app id.
  returned: always
  type: dict
  contains:
    before:
      description: Whether the app was there before the run; null where this host has no package manager that could tell.
      type: bool
    after:
      description: Whether it is there after the run.
      type: bool
    why_not_seen:
      description: Why RV(apps.before) is null.
      type: str
    removal:
      description: V(done) or V(none).
      type: str
    removed_earlier:
      description: It was removed from this host in an earlier run, so finding it again is a recurrence.
      type: bool
    block:
      description: Strength of the block that stands, V(none), V(soft) or V(strong); the weakest over its names.
      type: str
    block_proof:
      description:
        - How it is known in this run that the block holds. V(asked) is the package manager's own simulation of an installation, V(read) its
          effective configuration, read as it reads it. Empty where no block holds, or where it is yet to be made.
      type: str
    unseen:
      description: Why a part of the host was not looked into, where the app may be under a name that is known; empty if all was.
      type: str
    remains:
      description: Files of the removed app that are still there although its package is gone.
      type: list
      elements: str
    running:
      description: Processes that still run from files of the removed app, as number and path.
      type: list
      elements: str
    why_not_blocked:
      description: Why a demanded block doesn't stand.
      type: str
    why_not_removed:
      description: Why an app that was found stays.
      type: str
    pending:
      description: In check mode, whether something would be changed for this app.
      type: bool
    error:
      description: Reason of a refusal or failure; empty if none.
      type: str
    mechanism:
      description: The blocks that hold it.
      type: list
      elements: str
    findings:
      description: The packages that were found.
      type: list
      elements: dict
findings:
  description: All packages that were found.
  returned: always
  type: list
  elements: dict
  sample: [{app: tiktok, backend: apt, name: tiktok-desktop, version: '1.0', scope: system, confidence: actionable}]
leftovers:
  description: Desktop leftovers that were found.
  returned: always
  type: list
  elements: dict
removed:
  description: Packages that were removed.
  returned: always
  type: list
  elements: str
  sample: ['apt: tiktok-desktop 1.0']
would_remove:
  description: Packages that would be removed, in check mode or when the removal was refused.
  returned: always
  type: list
  elements: str
blocked:
  description: The blocks that stand after the run, with strength and with what still gets through.
  returned: always
  type: list
  elements: dict
  contains:
    backend:
      description: Package manager.
      type: str
    names:
      description: Names that it stops.
      type: list
      elements: str
    mechanism:
      description: How it is made.
      type: str
    path:
      description: The file that holds it, or the name of the guard package.
      type: str
    strength:
      description: V(soft) or V(strong).
      type: str
    bypasses:
      description: What still gets through.
      type: list
      elements: str
unblocked:
  description: Names whose block was taken away.
  returned: always
  type: list
  elements: str
refused:
  description: Why nothing was changed, with the plan that was refused.
  returned: always
  type: list
  elements: dict
unsupported:
  description: Blocks that were asked for and can't be made.
  returned: always
  type: list
  elements: dict
drift:
  description: Parts of our blocks that somebody changed since the last run, and apps that are there although they were blocked.
  returned: always
  type: list
  elements: str
unseen:
  description: What could not be looked into, or was left out, where an app may be; a sentence each. They are in RV(notes), too.
  returned: always
  type: list
  elements: str
notes:
  description: What a person should know of this run.
  returned: always
  type: list
  elements: str
changes:
  description: Every change that was made, or in check mode would be made, in order.
  returned: always
  type: list
  elements: dict
  sample: [{op: delete, kind: package, name: 'apt: tiktok-desktop 1.0'}, {op: create, kind: file, name: /etc/apt/preferences.d/appban}]
newly_affected:
  description: This run affects the host for the first time for at least one of the apps.
  returned: always
  type: bool
verified:
  description: The end state was read back and is the one that was asked for.
  returned: always
  type: bool
"""

import os
import signal
from datetime import datetime, timezone
from typing import Any, Dict

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.appban.endpoint.plugins.module_utils.engine.errors import AppbanError
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.converge import converge
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.package_managers import BACKEND_NAMES
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.process import Interrupted
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.request import parse_host_request
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.system import System


def argument_spec() -> Dict[str, Any]:
    return {
        "apps": {
            "type": "list",
            "elements": "dict",
            "required": True,
            "options": {
                "id": {"type": "str", "required": True},
                "title": {"type": "str"},
                "vendor": {"type": "str"},
                "note": {"type": "str"},
                "identifiers": {"type": "dict", "required": True},
                "state": {"type": "str", "choices": ["absent", "lifted"]},
                "remove": {"type": "bool"},
                "block": {"type": "str", "choices": ["true", "false", "strong"]},
            },
        },
        "state": {"type": "str", "choices": ["absent", "lifted"], "default": "absent"},
        "remove": {"type": "bool", "default": True},
        "block": {"type": "str", "choices": ["true", "false", "strong"], "default": "true"},
        "others": {"type": "str", "choices": ["keep", "lift"], "default": "keep"},
        "backends": {"type": "list", "elements": "str", "choices": list(BACKEND_NAMES), "default": []},
        "allow_dependents": {"type": "bool", "default": False},
        "max_removals": {"type": "int", "default": 5},
        "protected": {"type": "list", "elements": "str", "default": []},
        "providers": {"type": "str", "choices": ["block", "report"], "default": "block"},
        "on_unsupported": {"type": "str", "choices": ["report", "fail"], "default": "report"},
        "users": {"type": "list", "elements": "str", "default": ["none"]},
        "remove_leftovers": {"type": "bool", "default": False},
        "comment": {"type": "list", "elements": "str", "default": []},
        "lock_timeout": {"type": "int", "default": 60},
        "plan_only": {"type": "bool", "default": False},
        "approved": {"type": "list", "elements": "dict"},
        "look_digest": {"type": "str"},
        "now": {"type": "str"},
    }


def interrupt(number: int, _frame: object) -> None:
    raise Interrupted("the run was interrupted by signal %d" % number)


def main() -> None:
    module = AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True)
    now = module.params["now"] or datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, interrupt)
    system = System(check_mode=module.check_mode)
    try:
        request = parse_host_request(module.params, now)
        # By the host's clock: the run's instant may have been given, and be years away.
        who = "host_app, process %d, since %s" % (os.getpid(), datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"))
        report = converge(request, system, who)
    except AppbanError as error:
        module.fail_json(msg=str(error), changed=system.writes > 0)
    except Interrupted as error:
        message = "%s. What was under way was ended; the next run tidies up and finishes" % error
        module.fail_json(msg=message, changed=system.writes > 0)
    result = report.to_plain()
    result["diff"] = report.host_plan.plan.diff()
    message = report.message()
    if message:
        module.fail_json(msg=message, **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
