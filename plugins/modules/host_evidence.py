#!/usr/bin/python
# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: host_evidence
short_description: (internal) Finish the record of a run over hosts
version_added: 0.1.0
author:
  - appban contributors (@appban)
description:
  - Judges every host and app of a run and finishes the append-only record that M(appban.endpoint.host_decisions) has begun. Hosts that
    did not answer are in it, so the outcomes of each app add up to the number of hosts.
  - In check mode it writes a record too, marked as such. A record says what was seen; it changes no device.
  - Reads what the role P(appban.endpoint.host#role) registered. Use the role.
options:
  decisions:
    description: The result of M(appban.endpoint.host_decisions).
    type: dict
    required: true
  stopped:
    description: The limits stopped the run before any write.
    type: bool
    default: false
  reason:
    description: Why it was stopped.
    type: str
    default: ''
attributes:
  check_mode:
    description: Writes a record that says it is of a check.
    support: full
  diff_mode:
    description: There is nothing to show.
    support: none
"""

EXAMPLES = r"""
- name: Write the evidence
  appban.endpoint.host_evidence:
    decisions: "{{ decided }}"
  run_once: true
"""

RETURN = r"""
summary:
  description: Outcome to number of hosts, with C(devices) and C(in_scope). A host with several apps counts under its gravest outcome.
  returned: success
  type: dict
totals:
  description: The same per app.
  returned: success
  type: dict
findings:
  description: The first hundred findings.
  returned: success
  type: list
  elements: dict
unenforceable:
  description: Reason to number of devices and apps that could not be enforced or observed.
  returned: success
  type: dict
drift:
  description: What somebody did to our blocks since the last run, each with its host.
  returned: success
  type: list
  elements: str
exemptions:
  description: Of each exemption C(exemption) (POLICY/EXEMPTION), C(state) and C(devices), how many hosts it names. At most a hundred.
  returned: success
  type: list
  elements: dict
notes:
  description: What a person should know, such as names in exemptions that no host has.
  returned: success
  type: list
  elements: str
decision_due:
  description: A policy has passed its end and stays enforced until somebody decides.
  returned: success
  type: bool
evidence:
  description: Path of the record.
  returned: success
  type: str
run_id:
  description: Id of the run.
  returned: success
  type: str
troubles:
  description: Hosts that were unreachable, refused or failed, with the message.
  returned: success
  type: dict
stopped:
  description: The limits stopped the run before any write.
  returned: success
  type: bool
reason:
  description: Why it was stopped.
  returned: success
  type: str
stopped_hosts:
  description: Hosts that would have been changed, if it was stopped.
  returned: success
  type: list
  elements: str
refused_hosts:
  description: Hosts on which the plan was refused.
  returned: success
  type: list
  elements: str
changed_hosts:
  description: Hosts that were changed, or in check mode would be.
  returned: success
  type: list
  elements: str
text:
  description: The summary for a person.
  returned: success
  type: list
  elements: str
"""
