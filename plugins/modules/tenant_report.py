#!/usr/bin/python
# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: tenant_report
short_description: (internal) Say what became of a tenant
version_added: 0.2.0
author:
  - appban contributors (@appban)
description:
  - Turns what a target module returned into the lines that a person reads, and says what a person has to look at.
  - This is a part of the role P(appban.endpoint.tenant#role). Use the role.
options:
  result:
    description: What the target module returned.
    type: dict
    required: true
  run:
    description: The result of M(appban.endpoint.run_begin).
    type: dict
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
- name: Say what became of the tenant
  appban.endpoint.tenant_report:
    result: "{{ converged }}"
    run: "{{ begun }}"
  register: report
"""

RETURN = r"""
text:
  description: The summary for a person.
  returned: success
  type: list
  elements: str
trouble:
  description: What a person has to look at; empty where all went well.
  returned: success
  type: str
"""
