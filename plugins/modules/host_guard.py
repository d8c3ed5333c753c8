#!/usr/bin/python
# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: host_guard
short_description: (internal) Keep a run over hosts within its limits
version_added: 0.1.0
author:
  - appban contributors (@appban)
description:
  - Puts the plan of every host into the record that M(appban.endpoint.host_decisions) has begun, with room for what comes after; where
    that is not possible the run ends here.
  - Counts the hosts whose plan affects them for the first time, and says whether the run must stop before any write.
  - Reads the plans that the role P(appban.endpoint.host#role) registered. Use the role.
options:
  decisions:
    description: The result of M(appban.endpoint.host_decisions).
    version_added: 0.3.0
    type: dict
    required: true
  max_devices:
    description: Most hosts that one run may affect for the first time. No limit if left out.
    type: int
  max_percent:
    description: The same as a percentage of the hosts of the run. No limit if left out.
    type: float
attributes:
  check_mode:
    description: Records the plan in either mode, and changes nothing else.
    support: full
  diff_mode:
    description: Shows the plan where the run is stopped.
    support: full
"""

EXAMPLES = r"""
- name: Count the hosts that this run affects for the first time
  appban.endpoint.host_guard:
    decisions: "{{ decided }}"
    max_devices: 500
  register: guard
  run_once: true
"""

RETURN = r"""
newly_affected:
  description: Hosts that the run would affect for the first time.
  returned: success
  type: list
  elements: str
stopped:
  description: The limits are exceeded, so nothing may be written.
  returned: success
  type: bool
reason:
  description: Why, with the numbers and the way on.
  returned: success
  type: str
"""
