#!/usr/bin/python
# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Converge a Jamf Pro server to bans."""

from __future__ import annotations

DOCUMENTATION = r"""
module: jamf_pro
short_description: Find and block banned apps on the Apple devices of a Jamf Pro server
version_added: 0.2.0
author:
  - appban contributors (@appban)
description:
  - Makes what the policies say true on one Jamf Pro server, in one task. Reads the inventory, decides about each device, finds the banned
    apps, makes the configuration profiles, restricted software and groups that the ban needs, hands notices over, and records an outcome
    for every device.
  - No profile and no command removes an app that a user installed on an iPhone, iPad or Apple TV. There it is hidden and can't be opened,
    on supervised devices only, and the record says C(blocked_not_removed). On Macs restricted software ends a program when it is
    opened, and deletes it where a policy says C(remove).
  - What a run made and no policy asks for any more it takes away again. Objects that carry no marker of ours are never changed.
  - Jamf Pro has no message to a user, so notices go into the file EVIDENCE_DIR/TARGET.notices.jsonl, from where they can be sent.
  - Runs on the controller; nothing is installed on the server or on a device.
  - In check mode only reads leave (GET, and the requests for a token), and the record says so.
extends_documentation_fragment:
  - appban.endpoint.target
  - appban.endpoint.target.connection
options:
  target:
    default: jamf_pro
  url:
    description: Address of the server, C(https://example.jamfcloud.com). Falls back to the environment variable E(JAMF_URL).
    type: str
    required: true
  base_path:
    description: Where the server is mounted below its address, such as C(/api/proclassic/tenant/ID) at the gateway of the Jamf Platform.
    type: str
    default: ''
  client_id:
    description: Id of an API client. Falls back to E(JAMF_CLIENT_ID).
    type: str
  client_secret:
    description: Secret of the API client. Falls back to E(JAMF_CLIENT_SECRET).
    type: str
  username:
    description: Name of an account, instead of an API client. Falls back to E(JAMF_USERNAME).
    type: str
  password:
    description: Password of the account. Falls back to E(JAMF_PASSWORD).
    type: str
  name_prefix:
    description: How the names of our objects begin. Objects of another prefix are not looked for, so it should never change.
    type: str
    default: BAN
  adopt:
    description: Take over a configuration profile that has the name of one of ours and no marker. By default such a clash stops the run
      before any write. Groups and restricted software of others are never taken over.
    type: bool
    default: false
  web_block:
    description: Whether sites are blocked, by a web content filter on supervised iPhones and iPads and by a profile for Chrome and Edge
      on Macs.
    type: str
    choices: [profile, none]
    default: profile
  findings:
    description:
      - Where the run learns which devices have a banned app.
      - With V(inventory) the lists of apps are read along with the devices; what is not a banned app is dropped as it is read.
      - With V(groups) no list of apps leaves the server. A smart group for each app reports who has it, from the run after the one that
        makes the group on.
    type: str
    choices: [inventory, groups]
    default: inventory
attributes:
  check_mode:
    description: Sends only reads.
    support: full
  diff_mode:
    description: Shows every object before and after.
    support: full
seealso:
  - plugin: appban.endpoint.policy
    plugin_type: lookup
"""

EXAMPLES = r"""
- name: Enforce the policy on the server
  appban.endpoint.jamf_pro:
    policy: "{{ lookup('appban.endpoint.policy', 'policies/calgary.yml') }}"
    url: https://example.jamfcloud.com
    client_id: 11111111-1111-1111-1111-111111111111
    client_secret: "{{ vault_jamf_client_secret }}"
    limits:
      max_devices: 200

- name: Read no lists of apps, credentials from the environment
  appban.endpoint.jamf_pro:
    policy: "{{ lookup('appban.endpoint.policy', 'policies/prague.yml') }}"
    assets: assets.csv
    findings: groups
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
    - Number of requests by C(reads), C(writes) and C(retries); those for tokens are not counted.
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
privileges:
  description: The privileges that this run really used.
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
from ansible_collections.appban.endpoint.plugins.module_utils.targets.jamf_pro.module import argument_spec, run_module


def main() -> None:
    """Run the module."""
    run_module(telling_refusals(AnsibleModule)(argument_spec=argument_spec(env_fallback), supports_check_mode=True))


if __name__ == "__main__":
    main()
