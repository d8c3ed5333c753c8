# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Spoiled policies, catalogs and asset facts: one kind of error, always with a file and a path, never a traceback."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.appban.endpoint.plugins.module_utils.documents import assets
from ansible_collections.appban.endpoint.plugins.module_utils.documents.load import load_document
from ansible_collections.appban.endpoint.plugins.module_utils.policy.catalog import parse_catalog
from ansible_collections.appban.endpoint.plugins.module_utils.policy.decide import decide
from ansible_collections.appban.endpoint.plugins.module_utils.policy.parse import now_utc, parse_policy
from ansible_collections.appban.endpoint.plugins.module_utils.policy.problems import PolicyError
from ansible_collections.appban.endpoint.plugins.module_utils.policy.serialize import deserialize_policy, serialize_policy
from ansible_collections.appban.endpoint.plugins.plugin_utils.documents import read_catalog
from tests.support import mutations
from tests.support.cases import drawn, several
from tests.support.policy_samples import CATALOG, FULL, ROOT, TIKTOK

REAL = {path.name: yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted((ROOT / "policies").glob("*.yml"))}
REAL_APPS = {path.name: yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted((ROOT / "catalog").glob("*.yml"))}
REAL_CATALOG = read_catalog()
ASSETS = {"S1": {"paid_use": "full", "accesses": ["city"], "work_apps": True, "floor": 3}, "S2": {"paid_use": None}}
CSV = b"serial,paid_use,accesses,work_apps\nS1,full,city;mail,yes\nS2,,,no\n"

pytestmark = pytest.mark.heavy

EXAMPLES: Mapping[str, int] = {"quick": 60, "full": 300}
patiently = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def sound_or_explained(read: Callable[[], Any], file: str) -> Any:
    """What `read` gives, or None after a PolicyError whose every problem says where and what."""
    try:
        return read()
    except PolicyError as error:
        problems = error.problems
    assert problems
    for problem in problems:
        assert problem.file == file
        assert problem.path or problem.line
        assert problem.found
        assert problem.expected
        assert "\n" not in str(problem)
        # A message must be printable on any terminal and fit into a log.
        str(problem).encode("utf-8")
        assert len(str(problem)) < 2000
    return None


@drawn(
    st.one_of(mutations.spoiled(FULL, mutations.wild_values), *(mutations.spoiled(doc, mutations.wild_values) for doc in REAL.values())),
    **EXAMPLES,
)
def test_spoiled_policies(document: Any) -> None:
    parsed = sound_or_explained(lambda: parse_policy(document, "p.yml", REAL_CATALOG), "p.yml")
    if parsed is not None:
        # What is accepted can be carried around and decided.
        again = deserialize_policy(json.loads(json.dumps(serialize_policy(parsed))))
        assert again == parsed
        decide([again], {"serial": "S1", "ownership": "corporate", "platform": "ios"}, now_utc("2023-05-01T00:00:00Z")).to_plain()


@drawn(
    st.one_of(
        mutations.spoiled(TIKTOK, mutations.wild_values), *(mutations.spoiled(app, mutations.wild_values) for app in REAL_APPS.values())
    ),
    **EXAMPLES,
)
def test_spoiled_catalogs(document: Any) -> None:
    sound_or_explained(lambda: parse_catalog([[("c.yml", document)]]), "c.yml")


@drawn(st.data(), **EXAMPLES)
def test_spoiled_plain_policies(data: st.DataObject) -> None:
    plain = serialize_policy(parse_policy(FULL, "policy", CATALOG))
    spoiled = data.draw(mutations.spoiled(plain, mutations.wild_values))
    try:
        policy = deserialize_policy(spoiled)
    except PolicyError:
        return
    decide([policy], {"serial": "SERIAL1", "user": "bob", "ownership": "corporate"}, now_utc("2023-05-01T00:00:00Z")).to_plain()


@st.composite
def spoiled_text(draw: st.DrawFn, text: str) -> bytes:
    """A file's text with pieces cut, doubled and put in, down to its bytes."""
    pieces = st.sampled_from(
        [
            "!!python/object/apply:os.system [ls]",
            "!!set {a}",
            "!!binary x",
            "&a ",
            "*a",
            "<<: *a",
            "\t",
            "\x00",
            "- ",
            ": ",
            "? ",
            "{",
            "]",
            '"',
            "'",
            "!!map [1]",
            "!!omap [a]",
            "!!timestamp x",
            "!!int x",
            "!!float .",
            "!!bool x",
            "2023-99-99",
            "0x_",
            "1:60:60",
            ".nan",
            ".inf",
            "---\n",
            "...\n",
            "%YAML 9\n",
            "policy: again\n",
            "\ufeff",
            "\u2028",
            "~: 1\n",
            "? [a]\n: b\n",
            "=",
            "<<: 1\n",
            "9" * 5000,
        ]
    )
    for _round in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(text)))
        damage = draw(st.sampled_from(["insert", "cut", "double"]))
        until = min(len(text), at + draw(st.integers(1, 40)))
        text = {"insert": text[:at] + draw(pieces) + text[at:], "cut": text[:at] + text[until:], "double": text[:until] + text[at:]}[damage]
    content = text.encode("utf-8")
    if draw(st.booleans()):
        at = draw(st.integers(0, len(content)))
        content = content[:at] + draw(st.binary(min_size=1, max_size=3)) + content[at:]
    return content


@drawn(st.one_of(*(spoiled_text(path.read_text(encoding="utf-8")) for path in sorted((ROOT / "policies").glob("*.yml")))), **EXAMPLES)
def test_spoiled_policy_files(content: bytes) -> None:
    sound_or_explained(lambda: parse_policy(load_document(content, "p.yml"), "p.yml", REAL_CATALOG), "p.yml")


@drawn(spoiled_text(json.dumps(FULL)), **EXAMPLES)
def test_spoiled_json_files(content: bytes) -> None:
    sound_or_explained(lambda: parse_policy(load_document(content, "p.json"), "p.json", CATALOG), "p.json")


@several(**EXAMPLES)
@pytest.mark.parametrize("name", ["a.csv", "a.yml", "a.json"])
def test_spoiled_asset_files(name: str, tmp_path: pathlib.Path, examples: int) -> None:
    path = tmp_path / name
    text = CSV.decode() if name.endswith("csv") else json.dumps(ASSETS) if name.endswith("json") else yaml.safe_dump(ASSETS)

    @settings(patiently, max_examples=examples)
    @given(spoiled_text(text))
    def check(content: bytes) -> None:
        path.write_bytes(content)
        facts = sound_or_explained(lambda: assets.read_assets(str(path)), str(path))
        for serial, values in (facts or {}).items():
            assert serial
            assert "serial" not in values

    check()


@several(**EXAMPLES)
def test_spoiled_asset_documents(tmp_path: pathlib.Path, examples: int) -> None:
    path = tmp_path / "a.json"

    @settings(patiently, max_examples=examples)
    @given(mutations.spoiled(ASSETS, mutations.json_values))
    def check(document: Any) -> None:
        path.write_text(json.dumps(document), encoding="utf-8")
        sound_or_explained(lambda: assets.read_assets(str(path)), str(path))

    check()
