#!/usr/bin/python
# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: tenant_identities
short_description: (internal) Find tenants that an inventory has twice
version_added: 0.3.0
author:
  - appban contributors (@appban)
description:
  - Compares what M(appban.endpoint.tenant_preflight) has found out of all tenants of a run, registered as C(appban_tenant_settings). Two
    names with the same tenant (Intune, the tenant's id and the address of Graph; Jamf Pro, NanoMDM and NanoHUB, the address of the server)
    are refused both, because both runs would write the same controls and count the same devices. Contacts nothing.
  - This is a part of the role P(appban.endpoint.tenant#role). Use the role.
options:
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
- name: Find out which of all tenants are one
  appban.endpoint.tenant_identities:
    tenants: "{{ ansible_play_hosts_all }}"
  register: appban_tenant_twice
  run_once: true
"""

RETURN = r"""
troubles:
  description: Name of a tenant that the inventory has under another name too, and what to do. The task does not fail over it.
  returned: success
  type: dict
"""
