#!/usr/bin/python
# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: target_trouble
short_description: (internal) Fail over the trouble of a target
version_added: 0.3.0
author:
  - appban contributors (@appban)
description:
  - Fails with the message, shown once and without the place in the playbook, which is ours and has nothing to do with the trouble.
  - This is a part of the playbook C(appban.endpoint.enforce) and of its roles.
options:
  message:
    description: What a person has to look at.
    type: str
    required: true
  shown:
    description: A task has failed with this message, so Ansible has shown it already. Then only the task is named.
    type: bool
    default: false
  task:
    description: The name of that task.
    type: str
    default: ''
attributes:
  check_mode:
    description: Changes nothing in either mode.
    support: full
  diff_mode:
    description: There is nothing to show.
    support: none
"""

EXAMPLES = r"""
- name: Name this target's trouble
  appban.endpoint.target_trouble:
    message: "{{ report.trouble }}"
  when: report.trouble | length > 0
"""

RETURN = r""" # """
