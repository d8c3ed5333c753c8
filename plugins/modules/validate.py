#!/usr/bin/python
# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: validate
short_description: (internal) Check policies, catalogs and asset facts without any device
version_added: 0.3.0
author:
  - appban contributors (@appban)
description:
  - Reads policy files, catalog directories and files of asset facts, and names every problem of all of them at once, each with its file,
    line and column.
  - Says of each good document what is in it, and what is allowed and still worth a look, such as a rule that can never match.
  - Names variables that look like those of this collection and are unknown, each with the nearest right name.
  - Reads nothing but these files, on the controller, and writes nothing.
options:
  policies:
    description: Paths of policy files, and of directories of them. Here and in the other lists an empty path is none.
    type: list
    elements: path
    required: true
  catalog_dirs:
    description: The organisation's own catalog directories, the last one on top.
    type: list
    elements: path
    default: []
  assets:
    description: Files of asset facts keyed by serial number (CSV, YAML or JSON).
    type: list
    elements: path
    default: []
  now:
    description: The instant that ends are compared with, ISO 8601 with an offset. By default the clock.
    type: str
attributes:
  check_mode:
    description: Only reads, in either mode.
    support: full
  diff_mode:
    description: There is nothing to show.
    support: none
"""

EXAMPLES = r"""
- name: Check what is in this repository
  appban.endpoint.validate:
    policies: [policies]
    catalog_dirs: [catalog]
    assets: [assets.csv]
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
good:
  description: A line or two for each document that can be used.
  returned: success
  type: list
  elements: str
notes:
  description: What is allowed and still worth a look, with its place.
  returned: success
  type: list
  elements: str
"""
