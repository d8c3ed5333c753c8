# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write schemas/policy.schema.json and schemas/catalog.schema.json from the validators that the parser checks.

Run it with ``PYTHONPATH=.build/c .venv/bin/python tools/write_schemas.py`` after a change of the policy language.
"""

from __future__ import annotations

import json
import pathlib

from ansible_collections.appban.endpoint.plugins.module_utils.policy.schema import catalog_schema, policy_schema

SCHEMAS = pathlib.Path(__file__).resolve().parent.parent / "schemas"


def main() -> None:
    """Write both files."""
    for name, schema in (("policy", policy_schema()), ("catalog", catalog_schema())):
        text = json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
        (SCHEMAS / f"{name}.schema.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
