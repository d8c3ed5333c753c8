#!/usr/bin/python
# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: host_decisions
short_description: (internal) Decide for every host of a run, and begin their record
version_added: 0.1.0
author:
  - appban contributors (@appban)
description:
  - Reads policies, catalog and asset facts on the controller, makes a device record of each host's inventory variables, and
    decides for all hosts at once. Contacts no host.
  - Locks the hosts of the evidence directory until the run ends, and puts the header of their record and who is in scope on disk.
    A second run meanwhile is refused with the name of who runs the first.
  - Only the inventory variables that the policies ask for are read, besides C(appban_device), C(appban_serial), C(ownership) and
    C(department).
  - This is a part of the role P(appban.endpoint.host#role). Use the role, or the lookup P(appban.endpoint.policy#lookup) and the
    filter P(appban.endpoint.decide#filter).
options:
  policies:
    description: Paths of the policy files.
    type: list
    elements: path
    required: true
  hosts:
    description: Inventory names of all hosts of the run.
    type: list
    elements: str
    required: true
  catalog_dirs:
    description: The organisation's own catalog directories, the last one on top.
    type: list
    elements: path
    default: []
  assets:
    description: File of asset facts keyed by serial number (CSV, YAML or JSON).
    type: path
  now:
    description: The instant to decide at, ISO 8601 with an offset. By default the clock.
    type: str
  limits:
    description: Replaces the limits of the policies.
    type: dict
    suboptions:
      max_devices:
        description: Most hosts that one run may affect for the first time.
        type: int
      max_percent:
        description: The same as a percentage of the hosts of the run.
        type: float
  evidence_dir:
    description: Directory of the evidence. An empty one is refused.
    type: path
    required: true
  run_id:
    description: Id of the run, if several targets share one record.
    type: str
  evidence:
    description: V(exceptions) leaves out rows that need nobody's attention but counts them. V(all) keeps every row.
    version_added: 0.3.0
    type: str
    choices: [exceptions, all]
    default: exceptions
  part:
    description: Which part of a job this is, where several jobs serve a part of the hosts each.
    version_added: 0.3.0
    type: str
    default: ''
  provenance:
    description: Who runs it, as M(appban.endpoint.run_begin) has found out. By default it is found out here.
    version_added: 0.3.0
    type: dict
    default: {}
  notes:
    description: What else a person should know of the run, for the record.
    version_added: 0.3.0
    type: list
    elements: str
    default: []
attributes:
  check_mode:
    description: Begins a record in either mode, and changes nothing else.
    support: full
  diff_mode:
    description: There is nothing to show.
    support: none
"""

EXAMPLES = r"""
- name: Decide for every host
  appban.endpoint.host_decisions:
    policies: [policies/uk.yml]
    hosts: "{{ ansible_play_hosts_all }}"
    evidence_dir: ./evidence
  register: decided
  run_once: true
"""

RETURN = r"""
hosts:
  description: Per host its device record, its decision and the request for M(appban.endpoint.host_app); the request is null for a
    host that must not be touched.
  returned: success
  type: dict
run:
  description: The run's id, instant, limits and policies.
  returned: success
  type: dict
"""
