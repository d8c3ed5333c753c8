#!/usr/bin/python
# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answer for host_app where the host is as it was at the last look."""

from __future__ import annotations

DOCUMENTATION = r"""
module: host_look
short_description: (internal) Tell whether a host is as it was at the last look
version_added: 0.2.0
author:
  - appban contributors (@appban)
description:
  - Private. The action plugin of M(appban.endpoint.host_app) runs this first, because it is small, and the large module only where it
    has no answer.
  - Reads C(/var/lib/appban/looked.json) and compares the mark of every file, directory, program and account that the last look rests on.
options:
  digest:
    description: Digest of the request and of the collection's version.
    type: str
    required: true
  lock_timeout:
    description: Seconds to wait for a run that is changing this host.
    type: int
    default: 60
attributes:
  check_mode:
    description: Changes nothing, so check mode makes no difference.
    support: full
  diff_mode:
    description: There is no difference to show.
    support: none
  platform:
    description: The hosts of M(appban.endpoint.host_app).
    support: full
    platforms: posix
"""

EXAMPLES = r"""
- name: Ask whether anything has changed since the last look
  appban.endpoint.host_look:
    digest: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
  become: true
"""

RETURN = r"""
known:
  description: Nothing has changed, and RV(result) is what M(appban.endpoint.host_app) would say.
  returned: always
  type: bool
result:
  description: The result of the last look.
  returned: where it is known
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.appban.endpoint.plugins.module_utils.engine.errors import AppbanError
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.host_lock import host_lock
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.looked import recall


def main() -> None:
    module = AnsibleModule(
        argument_spec={"digest": {"type": "str", "required": True}, "lock_timeout": {"type": "int", "default": 60}},
        supports_check_mode=True,
    )
    try:
        with host_lock(exclusive=False, who="a look", timeout=module.params["lock_timeout"]):
            result = recall(module.params["digest"])
    except AppbanError as error:
        module.fail_json(msg=str(error))
    if result is None:
        module.exit_json(changed=False, known=False)
    module.exit_json(changed=False, known=True, result=result)


if __name__ == "__main__":
    main()
