#!/usr/bin/python
# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: tenant_preflight
short_description: (internal) Check what the inventory says of a tenant
version_added: 0.2.0
author:
  - appban contributors (@appban)
description:
  - Checks the variables that the inventory has for a tenant (their types, the kind of the tenant, the names of the options for its module),
    and that its record has a name of its own. Contacts nothing.
  - Reads the variables of the role P(appban.endpoint.tenant#role) itself, so that the value of no option is in a task. In a message are of
    C(appban_connection) and C(appban_options) only names and types.
  - This is a part of that role. Use the role.
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
"""

RETURN = r"""
record:
  description: The name of the tenant's record and ledger; of one that is refused because of its name, what run.json calls it.
  returned: success
  type: str
target:
  description: What the tenant is, such as V(intune); empty where that can't be used.
  returned: success
  type: str
identity:
  description: A digest of what the tenant is, whatever the inventory calls it; empty where its options don't say.
  returned: success
  type: str
described:
  description: The same in words, such as C(jamf_pro, https://city.jamfcloud.com).
  returned: success
  type: str
trouble:
  description: What can't be used, with every problem; empty where all can. The task does not fail over it.
  returned: success
  type: str
"""
