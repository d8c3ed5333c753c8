#!/usr/bin/python
# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Converge a NanoMDM server, with or without KMFDDM, or a NanoHUB to bans."""

from __future__ import annotations

DOCUMENTATION = r"""
module: nanomdm
short_description: Find, remove and block banned apps on the Apple devices of a NanoMDM or NanoHUB server
version_added: 0.2.0
author:
  - appban contributors (@appban)
description:
  - Makes what the policies say true on one NanoMDM server and the KMFDDM server beside it, or on one NanoHUB, which is both. Decides
    about each enrolment, stores the declarations and sets that the ban needs, gives them to the devices, sends commands where there is no
    declaration, hands notices over, and records an outcome for every device.
  - Devices with version 27 and later get a declaration of denied apps. Older ones get a profile with blocked apps, as a declaration where
    profiles are hosted (O(profile_dir)) and by command elsewhere. All of that has an effect on supervised devices only.
  - NanoMDM lists neither enrolments nor answers. So a list of enrolments is given, and what devices answered is read from the webhook log
    or from the server's PostgreSQL database. Without either nothing is called blocked, removed or compliant by command.
  - Devices are asked for the banned apps only, never for a list of all apps, and those only that a policy allows to look at.
  - An app that a user installed can't be removed. RemoveApplication is sent all the same where an app was found, and what the device
    answers is in the record.
  - What a run made and no policy asks for any more it takes away again. Nothing outside of O(name_prefix) is ever changed.
  - The servers have no message to a user, so notices go into the file EVIDENCE_DIR/TARGET.notices.jsonl, from where they can be sent.
  - Runs on the controller; nothing is installed on the servers.
  - In check mode only reads leave, and the record says so.
extends_documentation_fragment:
  - appban.endpoint.target
  - appban.endpoint.target.connection
options:
  target:
    default: nanomdm
  nanomdm_url:
    description: Address of the NanoMDM server, with the path that it is mounted below. It and O(nanomdm_api_key) are required, unless
      O(nanohub_url) is given. Falls back to E(APPBAN_NANOMDM_URL).
    type: str
  nanomdm_api_key:
    description: Its API key. Falls back to E(APPBAN_NANOMDM_API_KEY).
    type: str
  kmfddm_url:
    description: Address of the KMFDDM server; without one nothing is declared and all is sent by command. Falls back to
      E(APPBAN_KMFDDM_URL).
    type: str
  kmfddm_api_key:
    description: Its API key. Falls back to E(APPBAN_KMFDDM_API_KEY).
    type: str
  nanohub_url:
    description:
      - Address of a NanoHUB server, with the path that it is mounted below, in the place of a NanoMDM and a KMFDDM server.
      - With O(nanohub_api_key), and with none of O(nanomdm_url), O(nanomdm_api_key), O(kmfddm_url), O(kmfddm_api_key) and
        O(enrollments_sql). What stands in for those from the environment is left aside where the task gives this option, and the other way
        round.
      - Falls back to E(APPBAN_NANOHUB_URL).
    version_added: 0.3.0
    type: str
  nanohub_api_key:
    description: Its API key, which opens everything that the server has, also commands that lock devices and the keys of their disks.
      Falls back to E(APPBAN_NANOHUB_API_KEY).
    version_added: 0.3.0
    type: str
  enrollments:
    description: The enrolments, each with C(id) as the server has it, and any of C(serial), C(name), C(platform),
      C(model), C(os_version), C(supervised), C(enrollment) (V(device) or V(user)), C(ownership), C(user), C(department), C(groups),
      C(last_seen), C(managed).
    type: list
    elements: dict
  enrollments_file:
    description: The same as a CSV, YAML or JSON file.
    type: path
  enrollments_sql:
    description:
      - Connection string of the server's PostgreSQL database, a secret. It is read with C(psql), in a session that can't write.
      - Alone it gives the enrolments, and what devices answered. Beside O(enrollments) or O(enrollments_file) it gives the answers only.
      - Not with O(nanohub_url), because NanoHUB has no PostgreSQL storage.
      - Falls back to E(APPBAN_NANOMDM_DSN).
    type: str
  webhook_log:
    description: A file with the events that NanoMDM or NanoHUB posts to its webhook, one JSON document a line, as received. What devices
      answered is read from it.
    type: path
  name_prefix:
    description: How the names of our declarations, sets and profiles begin. Everything below it is ours, so it should never change and
      nobody else may use it.
    type: str
    default: appban
  adopt:
    description: Take over what has the name of a declaration or a set of ours and was not made by us. By default such a clash stops the run
      before any write.
    type: bool
    default: false
  web_block:
    description: Whether sites are blocked, by a web content filter on supervised iPhones and iPads.
    type: str
    choices: [profile, none]
    default: profile
  profile_dir:
    description: A directory on the controller in which profiles are put for devices to fetch. Needs O(profile_url), and O(kmfddm_url) or
      O(nanohub_url).
    type: path
  profile_url:
    description: The https URL under which that directory is served.
    type: str
  inventory:
    description: Whether devices are asked which of the banned apps they have. The question is a command in the device's queue, so a run
      that asks has changed something.
    type: str
    choices: [ask, never]
    default: ask
  inventory_every:
    description: Hours in which a device is asked at most once. A command that a device put off is sent once more after this time.
    type: float
    default: 24
  push:
    description: Whether NanoMDM wakes devices up for a command. Without it they fetch it when they next make contact. KMFDDM wakes devices
      up for declarations as its own options say, and NanoHUB always does.
    type: bool
    default: true
attributes:
  check_mode:
    description: Sends only reads.
    support: full
  diff_mode:
    description: Shows every declaration, profile and list of devices before and after.
    support: full
seealso:
  - plugin: appban.endpoint.policy
    plugin_type: lookup
"""

EXAMPLES = r"""
- name: Enforce the policy by declarations, and by commands on older devices
  appban.endpoint.nanomdm:
    policy: "{{ lookup('appban.endpoint.policy', 'policies/calgary.yml') }}"
    nanomdm_url: https://mdm.city.example
    nanomdm_api_key: "{{ vault_nanomdm_api_key }}"
    kmfddm_url: https://ddm.city.example
    kmfddm_api_key: "{{ vault_kmfddm_api_key }}"
    enrollments_file: enrollments.csv
    webhook_log: /var/log/nanomdm/webhook.jsonl

- name: Enrolments and answers from the server's database
  appban.endpoint.nanomdm:
    policy: "{{ lookup('appban.endpoint.policy', 'policies/prague.yml') }}"
    nanomdm_url: https://mdm.city.example
    nanomdm_api_key: "{{ vault_nanomdm_api_key }}"
    enrollments_sql: "{{ vault_nanomdm_dsn }}"
    assets: assets.csv

- name: The same on a NanoHUB
  appban.endpoint.nanomdm:
    policy: "{{ lookup('appban.endpoint.policy', 'policies/calgary.yml') }}"
    nanohub_url: https://mdm.city.example
    nanohub_api_key: "{{ vault_nanohub_api_key }}"
    enrollments_file: enrollments.csv
    webhook_log: /var/log/nanohub/webhook.jsonl
"""

RETURN = r"""
summary:
  description: Outcome to number of devices, with C(devices) and C(in_scope). A device with several apps counts under its gravest outcome.
  returned: success
  type: dict
  sample: {devices: 500, in_scope: 310, compliant: 250, blocked_not_removed: 40, out_of_scope: 190}
totals:
  description: The same per app.
  returned: success
  type: dict
changes:
  description: The plan, made or, in check mode, to be made. Each change has C(op), C(kind) and C(name).
  returned: success
  type: list
  elements: dict
changes_made:
  description: How many of the changes were made; none in check mode.
  returned: success
  type: int
presence:
  description:
    - Under C(apps) for each app how many devices in scope have it (C(present)), don't have it (C(absent)), and of how many nobody knows
      (C(not_observed)), and for how many it does not exist (C(not_applicable)); together these are the devices in scope. C(old) is
      how many of the looks are older than C(old_days).
  returned: success
  type: dict
  sample: {old_days: 30, apps: {tiktok: {present: 12, absent: 288, not_observed: 10, not_applicable: 0, old: 7}}}
findings:
  description: The first hundred findings.
  returned: success
  type: list
  elements: dict
unenforceable:
  description: Reason to number of devices and apps that could not be enforced or observed.
  returned: success
  type: dict
conflicts:
  description: What works against the ban and is somebody else's.
  returned: success
  type: list
  elements: str
drift:
  description: What somebody did to our objects since the last run.
  returned: success
  type: list
  elements: str
exemptions:
  description:
    - Of each exemption C(exemption) (POLICY/EXEMPTION), C(state) (V(active) or V(expired)) and C(devices), how many devices it names.
      At most a hundred, those first that match nothing; the record has all of them.
    - A name that no device has, and a serial number that several have, is in RV(notes) as well, with the nearest serial number.
  returned: success
  type: list
  elements: dict
notes:
  description: What a person should know, such as reviews that are overdue.
  returned: success
  type: list
  elements: str
decision_due:
  description: A policy has passed its end and stays enforced until somebody decides.
  returned: success
  type: bool
requests:
  description:
    - Number of requests by C(reads), C(writes) and C(retries).
    - C(waits) is how often the run waited before it sent something once more, or looked once more whether a write shows. C(waited) is how
      many seconds that took.
  returned: when the options could be read, also after a failure
  type: dict
waits:
  description:
    - What the run waited for, those alike together, the longest first, twenty at most.
    - C(asked_by) is V(server) where the server named the time (Retry-After), V(back_off) where we spaced our own attempts, V(settle)
      where what was written or ordered took its time to show, and V(no_answer) where an answer did not come in time.
    - C(why) is the answer, or what kept it from coming. C(request) is the method and the address without ids and names. C(waits) is how
      often, C(waited) how many seconds, C(attempt) the last attempt that had to wait, C(of) how many there are; without a number only
      O(deadline) ends them.
  returned: when the options could be read, also after a failure
  type: list
  elements: dict
  sample: [{asked_by: server, why: HTTP 429, request: GET /beta/deviceManagement/managedDevices, waits: 3, waited: 90, attempt: 3, of: 6}]
warnings_of_servers:
  description: What the servers said about waking devices up, and about enrolments that they do not know. A command is queued all the same,
    but where it says that devices could not be told of their declarations; the next run tells those.
  returned: success
  type: list
  elements: str
evidence:
  description: Path of the record.
  returned: success
  type: str
record:
  description: The numbers of the record's last line.
  returned: success
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule, env_fallback

from ansible_collections.appban.endpoint.plugins.module_utils.mdm.run.options import telling_refusals
from ansible_collections.appban.endpoint.plugins.module_utils.targets.nanomdm.module import argument_spec, run_module


def main() -> None:
    """Run the module."""
    run_module(telling_refusals(AnsibleModule)(argument_spec=argument_spec(env_fallback), supports_check_mode=True))


if __name__ == "__main__":
    main()
