#!/usr/bin/python
# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: run_begin
short_description: (internal) Begin a run, once for all its targets
version_added: 0.2.0
author:
  - appban contributors (@appban)
description:
  - Checks the policies, the catalog and the file of asset facts, and names every problem at once. Contacts nothing.
  - Makes every path absolute from the directory in which the command was called, and finds out who runs it (account, controller, job of
    an automation controller or pipeline) and the commit of the repository that the policies are in, with C(-dirty) at its end where a
    policy file is not as it is in that commit.
  - Makes the file EVIDENCE_DIR/RUN_ID/run.json, which says V(running), or V(refused) where a document can't be used.
  - Looks for records that an earlier release left inside the installed collection, and says how to move them.
  - Fixes the run's instant and takes its id, so that tenants and hosts decide for the same instant and write their records into one
    directory.
  - This is a part of the playbook C(appban.endpoint.enforce) and of the roles P(appban.endpoint.tenant#role) and
    P(appban.endpoint.host#role).
options:
  policies:
    description: Paths of the policy files. Here and in the other lists an empty path is none. A text that looks like a list is refused, and
      so is a run whose extra variables have words that Ansible drops (C(-e "policy_file=a.yml b.yml")).
    type: list
    elements: path
    required: true
  catalog_dirs:
    description: The organisation's own catalog directories, the last one on top.
    type: list
    elements: path
    default: []
  assets:
    description: File of asset facts keyed by serial number (CSV, YAML or JSON). It is only checked.
    type: path
  now:
    description: The instant of the run, ISO 8601 with an offset. By default the clock.
    type: str
  evidence_dir:
    description: Directory of the evidence, for choosing the run's id. An empty one is the default.
    type: path
    default: ./evidence
  run_id:
    description: Id of the run. By default it is made of the instant, and never one that is taken. One that another process has begun
      is refused.
    type: str
  part:
    description:
      - Which part of a job this is, where several jobs share the id of a run. The file is then called C(run.part-PART.json).
    version_added: 0.3.0
    type: str
    default: ''
  fail_on:
    description:
      - What counts as a failure besides trouble, one or more of V(changed), V(drift) and V(unmatched_exemption) (a name in an exemption
        that no device of any target of the run has; of a part of a fleet that is never claimed).
    version_added: 0.3.0
    type: list
    elements: str
    default: []
  target_groups:
    description:
      - Groups of which one at least has to have hosts in the inventory; without any the run is refused, with the groups that were perhaps
        meant. Of a part of a job (O(part)) there may be none. By default that is not looked at.
    version_added: 0.3.0
    type: list
    elements: str
    default: []
attributes:
  check_mode:
    description: Makes the run's evidence directory and its file in either mode, and changes nothing else.
    support: full
  diff_mode:
    description: There is nothing to show.
    support: none
"""

EXAMPLES = r"""
- name: Begin the run
  appban.endpoint.run_begin:
    policies: [policies/uk.yml]
  register: appban_run
  run_once: true
"""

RETURN = r"""
now:
  description: The run's instant in UTC.
  returned: success
  type: str
  sample: '2023-03-15T00:00:00Z'
run_id:
  description: Id of the run.
  returned: success
  type: str
  sample: 20230315T000000Z
policies:
  description: Of each policy C(policy), C(title), C(state) and C(sha256).
  returned: success
  type: list
  elements: dict
evidence_dir:
  description: Directory of the evidence, absolute.
  returned: success
  type: str
directory:
  description: Directory of the run.
  returned: success
  type: str
part:
  description: Which part of a job this is; empty for the whole.
  returned: success
  type: str
policy_files:
  description: Paths of the policy files, absolute.
  returned: success
  type: list
  elements: str
catalog_dirs:
  description: The organisation's own catalog directories, absolute.
  returned: success
  type: list
  elements: str
assets:
  description: File of asset facts, absolute; empty for none.
  returned: success
  type: str
fail_on:
  description: What counts as a failure besides trouble.
  returned: success
  type: list
  elements: str
notes:
  description:
    - Records that an earlier release left inside the installed collection, each with the command that moves them; groups that look like one
      of O(target_groups) and variables that look like ours and are unknown, each with the nearest right name.
  returned: success
  type: list
  elements: str
provenance:
  description: Who runs it, with C(user), C(host), C(job), C(commit), C(clock) and C(now_given).
  returned: success
  type: dict
"""
