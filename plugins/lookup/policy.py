# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: policy
author: appban contributors (@appban)
version_added: 0.1.0
short_description: Load, check and resolve app ban policies
description:
  - Reads policy files, checks them completely, resolves their apps against the catalog and returns plain data that every
    module and the filter P(appban.endpoint.decide#filter) of this collection take.
  - Nothing but files is read. All problems of all files come at once, each with its file, its path inside the file, what was
    found and what was expected.
options:
  _terms:
    description:
      - Paths of policy files, YAML or JSON. A relative path is looked for in the current directory, then where Ansible looks
        for files.
    required: true
    type: list
    elements: path
  catalog_dirs:
    description:
      - Directories of your own catalog files. They add to and override the catalog of the collection, a later directory
        an earlier one.
    type: list
    elements: path
    default: []
    vars:
      - name: appban_catalog_dirs
"""

EXAMPLES = r"""
- name: Look at what a policy resolves to
  ansible.builtin.debug:
    msg: "{{ lookup('appban.endpoint.policy', 'policies/uk.yml').apps | map(attribute='id') }}"

- name: Load two policies and a catalog of your own
  ansible.builtin.set_fact:
    policies: "{{ query('appban.endpoint.policy', 'policies/uk.yml', 'policies/local.yml', catalog_dirs=['catalog']) }}"
"""

RETURN = r"""
_raw:
  description:
    - One mapping for each policy. Instants are mappings of C(at) (UTC) and C(written) (as authored).
  type: list
  elements: dict
  contains:
    policy:
      description: The policy's id.
      type: str
      returned: success
    title:
      description: The policy's title.
      type: str
      returned: success
    state:
      description: One of V(enforced), V(report_only) and V(lifted).
      type: str
      returned: success
    apps:
      description:
        - The banned apps with C(id), C(title), C(vendor) and C(identifiers), a mapping of kinds to lists of C(value),
          C(confidence), C(source), C(last_verified) and C(tier). Only domains of the tiers in force are listed.
      type: list
      elements: dict
      returned: success
    review:
      description: The apps under review, as O(ignore:apps).
      type: list
      elements: dict
      returned: success
    rules:
      description: The rules with C(name), C(when) and C(stages).
      type: list
      elements: dict
      returned: success
    exemptions:
      description: The exemptions.
      type: list
      elements: dict
      returned: success
    attributes:
      description: The device attributes that the policy asks for, sorted.
      type: list
      elements: str
      returned: success
    sha256:
      description: The hash of the policy file.
      type: str
      returned: success
    catalog_version:
      description: A short hash of the catalog content that the policy uses.
      type: str
      returned: success
"""

import os
from typing import Any

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase

from ..module_utils.policy.problems import PolicyError
from ..module_utils.policy.serialize import serialize_policy
from ..plugin_utils.documents import read_policies


class LookupModule(LookupBase):
    """Policy files as plain, resolved policies."""

    def run(self, terms: list[Any], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[dict[str, Any]]:
        self.set_options(var_options=variables, direct=kwargs)
        names = [name for term in terms for name in (term if isinstance(term, (list, tuple)) else [term])]
        wrong = [name for name in names if not isinstance(name, str)]
        # An empty one, as by -e policy_file=$UNSET, is none.
        names = [name for name in names if wrong or name.strip()]
        if wrong or not names:
            raise AnsibleLookupError("appban.endpoint.policy: expected paths of policy files" + (f", found {wrong[0]!r}" if wrong else ""))
        directories = [os.path.expanduser(str(directory)) for directory in self.get_option("catalog_dirs") if str(directory).strip()]
        try:
            policies = read_policies([self._find(str(name), variables) for name in names], directories)
        except PolicyError as error:
            raise AnsibleLookupError(f"The policy can't be used:\n{error}") from error
        return [serialize_policy(policy) for policy in policies]

    def _find(self, name: str, variables: dict[str, Any] | None) -> str:
        path = os.path.expanduser(name)
        if os.path.exists(path):
            return path
        found = self.find_file_in_search_path(variables or {}, "files", path, ignore_missing=True)
        return str(found) if found else path
