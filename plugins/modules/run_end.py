#!/usr/bin/python
# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: run_end
short_description: (internal) End a run, and say what became of it
version_added: 0.3.0
author:
  - appban contributors (@appban)
description:
  - Says in the file EVIDENCE_DIR/RUN_ID/run.json what became of each target and, with the worst of them, of the run. Makes plan.json and
    plan.md beside it from the records.
  - Reads what the roles P(appban.endpoint.tenant#role) and P(appban.endpoint.host#role) registered. Never fails; what is wrong is in
    RV(ignore:troubles).
  - This is a part of the playbook C(appban.endpoint.enforce) and of both roles.
options:
  run:
    description: The result of M(appban.endpoint.run_begin).
    type: dict
    required: true
  tenants:
    description: Inventory names of the tenants of the run.
    type: list
    elements: str
    default: []
  hosts:
    description: Inventory names of the hosts of the run.
    type: list
    elements: str
    default: []
  part:
    description: Which part of a job this is.
    type: str
    default: ''
attributes:
  check_mode:
    description: Writes the files in either mode, and changes nothing else.
    support: full
  diff_mode:
    description: There is nothing to show.
    support: none
"""

EXAMPLES = r"""
- name: End the run
  appban.endpoint.run_end:
    run: "{{ appban_run }}"
    tenants: "{{ groups['appban_tenants'] }}"
  run_once: true
"""

RETURN = r"""
run_id:
  description: Id of the run.
  returned: success
  type: str
status:
  description: What the run came to, one of V(failed), V(stopped), V(refused), V(changed), V(drift) and V(clean).
  returned: success
  type: str
directory:
  description: Directory of the run.
  returned: success
  type: str
unmatched_exemptions:
  description: Active exemptions of which a name matches no device of any target of the run, as POLICY/EXEMPTION (PLACES).
  returned: success
  type: list
  elements: str
troubles:
  description: Targets that C(appban_fail_on) makes a failure of, with the message.
  returned: success
  type: dict
text:
  description: What the run came to, for a person.
  returned: success
  type: str
"""
