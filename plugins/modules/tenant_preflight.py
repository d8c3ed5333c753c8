#!/usr/bin/python
# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: tenant_preflight
short_description: Check what the inventory says of a tenant
version_added: 0.2.0
author:
  - appban contributors (@appban)
description:
  - Checks the kind of a tenant, the names of the options that the inventory has for its module, and that its record has a name of its own.
    Contacts nothing, and takes no option's value, so that none can be printed.
  - This is a part of the role P(appban.endpoint.tenant#role). Use the role.
options:
  tenant:
    description: The tenant's name in the inventory.
    type: str
    required: true
  tenants:
    description: Names of all tenants of the run.
    type: list
    elements: str
    required: true
  target:
    description: What the tenant is, such as V(intune).
    type: str
    required: true
  connection:
    description: Names of the options in C(appban_connection).
    type: list
    elements: str
    default: []
  options:
    description: Names of the options in C(appban_options).
    type: list
    elements: str
    default: []
attributes:
  check_mode:
    description: Changes nothing in either mode.
    support: full
  diff_mode:
    description: There is nothing to show.
    support: none
"""

EXAMPLES = r"""
- name: Check what the inventory says of this tenant
  appban.endpoint.tenant_preflight:
    tenant: "{{ inventory_hostname }}"
    tenants: "{{ ansible_play_hosts_all }}"
    target: "{{ appban_target }}"
    connection: "{{ appban_connection.keys() | list }}"
"""

RETURN = r"""
record:
  description: The name of the tenant's record and ledger.
  returned: success
  type: str
trouble:
  description: What can't be used, with every problem; empty where all can. The task does not fail over it.
  returned: success
  type: str
"""
