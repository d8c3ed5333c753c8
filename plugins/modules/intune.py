#!/usr/bin/python
# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Converge a Microsoft Intune tenant to bans."""

from __future__ import annotations

DOCUMENTATION = r"""
module: intune
short_description: Find, remove and block banned apps in a Microsoft Intune tenant
version_added: 0.2.0
author:
  - appban contributors (@appban)
description:
  - Makes what the policies say true in one tenant, in one task. Reads the managed devices, decides about each, finds the banned apps,
    makes the profiles, compliance policies, assignments, groups and filters that the ban needs, sends notices, and records an outcome
    for every device.
  - What a run made and no policy asks for any more it takes away again. Objects that carry no marker of ours are never changed.
  - Runs on the controller; nothing is installed in the tenant or on a device.
  - In check mode only reads leave (GET, and the request for a token), and the record says so.
  - Which permissions it needs, and what each mechanism can and can't do, is in C(docs/intune.md) of the collection.
extends_documentation_fragment:
  - appban.endpoint.target
  - appban.endpoint.target.connection
options:
  target:
    default: intune
  auth:
    description: How to get access. By default what is given decides. V(managed_identity) is never chosen by itself.
    type: str
    choices: [secret, certificate, federated, token, managed_identity]
  tenant_id:
    description: Id or domain of the tenant. Falls back to the environment variable E(AZURE_TENANT_ID).
    type: str
  client_id:
    description: Id of the app registration, or of the managed identity. Falls back to E(AZURE_CLIENT_ID).
    type: str
  client_secret:
    description: A secret of the app registration. Falls back to E(AZURE_CLIENT_SECRET).
    type: str
  certificate_path:
    description: PEM file with the certificate of the app registration and its private key. Falls back to E(AZURE_CLIENT_CERTIFICATE_PATH).
    type: path
  certificate_password:
    description: Password of the private key. Falls back to E(AZURE_CLIENT_CERTIFICATE_PASSWORD).
    type: str
  certificate_chain:
    description: Send the certificates along, for an app registration that trusts a subject and issuer.
    type: bool
    default: false
  federated_token_file:
    description: File with a token of an issuer that the app registration trusts. It is read anew each time. Falls back to
      E(AZURE_FEDERATED_TOKEN_FILE).
    type: path
  access_token:
    description: A ready access token for Microsoft Graph. It can't be renewed. Falls back to E(AZURE_ACCESS_TOKEN).
    type: str
  defender_access_token:
    description: A ready access token for Defender, for O(web_block=defender) together with O(access_token).
    type: str
  cloud:
    description: The national cloud of the tenant. M365 GCC is in the global one.
    type: str
    choices: [global, gcc, gcc_high, dod, china]
    default: global
  graph_url:
    description: Address of Microsoft Graph instead of the cloud's.
    type: str
  authority_url:
    description: Address that gives tokens instead of the cloud's. Falls back to E(AZURE_AUTHORITY_HOST).
    type: str
  defender_url:
    description: Address of Defender's API instead of the cloud's.
    type: str
  managed_identity_url:
    description: Address of the instance metadata service.
    type: str
    default: http://169.254.169.254/metadata/identity/oauth2/token
  name_prefix:
    description: How the names of our objects begin. Objects of another prefix are not looked for, so it should never change.
    type: str
    default: BAN
  adopt:
    description: Take over a profile or compliance policy that has the name of one of ours and no marker. By default such a clash stops
      the run before any write. Groups and filters of others are never taken over.
    type: bool
    default: false
  on_conflict:
    description: What to do about somebody else's assignment that installs a banned app. It is never removed; with V(fail) the run fails
      at its end.
    type: str
    choices: [report, fail]
    default: report
  ios_mechanism:
    description: How apps are hidden on supervised iPhones and iPads, by the settings catalog or by the older device restrictions.
    type: str
    choices: [settings_catalog, visibility_list]
    default: settings_catalog
  web_block:
    description: Where sites are blocked, by profiles for browsers and web filters, by Defender for Endpoint, or not at all.
    type: str
    choices: [browser, defender, none]
    default: browser
  defender_device_groups:
    description: Device groups in Defender that indicators may reach.
    type: list
    elements: str
    default: []
  defender_tenant_wide:
    description: Indicators may reach every onboarded device, exempt ones and those out of scope too.
    type: bool
    default: false
  defender_platforms:
    description: Platforms whose devices are onboarded to Defender, so that a site counts as blocked there.
    type: list
    elements: str
    choices: [windows, macos, ios, ipados, android]
    default: [windows]
  settle:
    description: Seconds to wait at most until a write can be read back, and until an app of a store has arrived in the list of apps.
    type: float
    default: 120.0
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
- name: Enforce the policy in the tenant
  appban.endpoint.intune:
    policy: "{{ lookup('appban.endpoint.policy', 'policies/uk.yml') }}"
    tenant_id: 00000000-0000-0000-0000-000000000000
    client_id: 11111111-1111-1111-1111-111111111111
    certificate_path: /etc/appban/intune.pem
    limits:
      max_devices: 200

- name: Two policies at once, credentials from the environment, asset facts from a file
  appban.endpoint.intune:
    policy: "{{ query('appban.endpoint.policy', 'policies/prague.yml', 'policies/prague-nukib.yml') }}"
    assets: assets.csv
    notice:
      addition: An attack by way of a private device can have legal consequences for its owner.
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
  description: Somebody else's assignments that install a banned app.
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
permissions:
  description: The application permissions that this run really used.
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
from ansible_collections.appban.endpoint.plugins.module_utils.targets.intune.module import argument_spec, run_module


def main() -> None:
    """Run the module."""
    run_module(telling_refusals(AnsibleModule)(argument_spec=argument_spec(env_fallback), supports_check_mode=True))


if __name__ == "__main__":
    main()
