# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which servers the options name, what stands in for them from the environment, and what is refused."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.policy.serialize import serialize_policy
from ansible_collections.appban.endpoint.plugins.module_utils.targets.nanomdm.module import argument_spec, run_module
from ansible_collections.appban.endpoint.plugins.module_utils.targets.nanomdm.server_options import (
    ENVIRONMENT,
    OF_HUB,
    OF_PAIR,
    with_one_kind_of_servers,
)
from tests.support import target_runs
from tests.support.mdm_samples import policy

NOBODY = "http://127.0.0.1:9"
HUB = {"nanohub_url": NOBODY, "nanohub_api_key": "secret-of-hub"}
PAIR = {"nanomdm_url": NOBODY, "nanomdm_api_key": "secret-of-mdm", "kmfddm_url": NOBODY, "kmfddm_api_key": "secret-of-ddm"}
MDM_ALONE = {"nanomdm_url": NOBODY, "nanomdm_api_key": "secret-of-mdm"}
EVERY = (*OF_PAIR, *OF_HUB)


def chosen(own: dict[str, str], lent: dict[str, str] | None = None) -> tuple[dict[str, Any], list[str]]:
    """What remains of options, some of them given in a task and some lent by the environment."""
    environ = {ENVIRONMENT[name]: value for name, value in (lent or {}).items()}
    kept, problems = with_one_kind_of_servers({**dict.fromkeys(EVERY), **(lent or {}), **own}, environ)
    return {name: value for name, value in kept.items() if value}, problems


@pytest.mark.parametrize(
    ("own", "lent", "remains"),
    [
        (HUB, {}, HUB),
        (PAIR, {}, PAIR),
        ({}, HUB, HUB),
        ({}, PAIR, PAIR),
        # Keys of several tenants are in the environment, and the inventory has the addresses.
        ({"nanohub_url": NOBODY}, {"nanohub_api_key": "h", "nanomdm_api_key": "m", "kmfddm_api_key": "d", "enrollments_sql": "s"},
         {"nanohub_url": NOBODY, "nanohub_api_key": "h"}),
        ({"nanomdm_url": NOBODY}, {"nanohub_api_key": "h", "nanomdm_api_key": "m"}, {"nanomdm_url": NOBODY, "nanomdm_api_key": "m"}),
        (HUB, {"nanomdm_url": "https://other", "nanomdm_api_key": "m"}, HUB),
        (PAIR, {"nanohub_url": "https://other", "nanohub_api_key": "h"}, PAIR),
        ({}, {**HUB, "nanomdm_api_key": "m"}, HUB),
    ],
)  # fmt: skip
def test_what_a_task_gives_decides_which_servers_are_meant(own: dict[str, str], lent: dict[str, str], remains: dict[str, str]) -> None:
    assert chosen(own, lent) == (remains, [])


@pytest.mark.parametrize(
    ("own", "lent", "names"),
    [
        ({**HUB, **PAIR}, {}, ["nanomdm_url", "kmfddm_api_key", "nanohub_url", "nanohub_api_key"]),
        ({**HUB, "kmfddm_url": NOBODY}, {}, ["kmfddm_url", "nanohub_url"]),
        ({**HUB, "enrollments_sql": "postgres://"}, {}, ["enrollments_sql", "nanohub_url", "no PostgreSQL database"]),
        ({"nanohub_url": NOBODY}, {}, ["nanohub_url and nanohub_api_key go together"]),
        ({"nanohub_api_key": "h"}, {}, ["nanohub_url and nanohub_api_key go together"]),
        ({"nanohub_url": NOBODY}, {"nanomdm_api_key": "m"}, ["nanohub_url and nanohub_api_key go together"]),
        ({}, {}, ["nanomdm_url and nanomdm_api_key", "nanohub_url and nanohub_api_key"]),
        ({}, {"nanohub_api_key": "h", "nanomdm_api_key": "m"}, ["nanomdm_url and nanomdm_api_key", "nanohub_url and nanohub_api_key"]),
        ({"nanomdm_url": NOBODY}, {}, ["nanomdm_url and nanomdm_api_key"]),
        ({**PAIR, "kmfddm_api_key": ""}, {}, ["kmfddm_url and kmfddm_api_key go together"]),
        ({}, {**HUB, **PAIR}, ["nanomdm_url (APPBAN_NANOMDM_URL)", "kmfddm_url (APPBAN_KMFDDM_URL)", "nanohub_url (APPBAN_NANOHUB_URL)"]),
    ],
)
def test_what_can_not_be_is_refused_by_name(own: dict[str, str], lent: dict[str, str], names: list[str]) -> None:
    _kept, problems = chosen(own, lent)
    (problem,) = problems
    assert [name for name in names if name not in problem] == []
    assert "secret" not in problem


def test_whatever_is_given_one_kind_of_servers_remains_or_something_is_said() -> None:
    for states in itertools.product(("", "own", "lent"), repeat=len(EVERY)):
        given = dict(zip(EVERY, states, strict=True))
        own, lent = ({name: f"{kind}-{name}" for name, state in given.items() if state == kind} for kind in ("own", "lent"))
        kept, problems = chosen(own, lent)
        if not problems:
            assert {name in OF_HUB for name in kept} in ({True}, {False}), (own, lent)
            assert ("nanohub_url" in kept) != ("nanomdm_url" in kept)
            assert set(own) <= set(kept)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({**HUB, "nanomdm_url": NOBODY}, "nanomdm_url can't be given together with nanohub_url and nanohub_api_key"),
        ({**HUB, "enrollments": None}, "NanoHUB lists no enrolments, so one of enrollments, enrollments_file is needed"),
        ({"enrollments": []}, "nanomdm_url and nanomdm_api_key are needed, or nanohub_url and nanohub_api_key"),
        ({**HUB, "profile_dir": "/tmp"}, "profile_dir and profile_url go together"),
        ({**MDM_ALONE, "profile_dir": "/tmp", "profile_url": "https://x"}, "needs kmfddm_url or nanohub_url"),
    ],
)
def test_the_module_refuses_and_contacts_nobody(tmp_path: Path, options: dict[str, Any], words: str) -> None:
    given = {"enrollments": [{"id": "A", "ownership": "corporate"}], "deadline": 2.0, **options}
    params = target_runs.parameters(argument_spec(), [serialize_policy(policy())], tmp_path, "2023-04-01T00:00:00Z", **given)
    module = target_runs.end_of(run_module, target_runs.Module(params, False))
    assert (module.failed, module.values["refused"]) == (True, True)
    assert words in module.values["msg"]
    assert "secret-of" not in str(module.values)
