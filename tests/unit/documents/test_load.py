# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One document: YAML and JSON as people write them."""

from __future__ import annotations

import subprocess
import sys

import pytest
import working_copy

from ansible_collections.appban.endpoint.plugins.module_utils.documents import load
from ansible_collections.appban.endpoint.plugins.module_utils.documents.load import load_document
from ansible_collections.appban.endpoint.plugins.module_utils.policy.problems import PolicyError

WITHOUT_YAML = """
import sys
sys.modules["yaml"] = None
from ansible_collections.appban.endpoint.plugins.module_utils.documents import load
from ansible_collections.appban.endpoint.plugins.module_utils.documents.load import load_document
from ansible_collections.appban.endpoint.plugins.module_utils.policy.problems import PolicyError
print(load_document(b'{"a": 1}', "p.json"))
try:
    load_document(b"a: 1", "p.yml")
except PolicyError as error:
    print(error)
"""


@pytest.mark.heavy
def test_a_document_that_grows_without_end_is_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    with pytest.raises(PolicyError, match="at most 2000000 values"):
        load_document("\n".join(lines).encode(), "bomb.yml")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"a": 1, "a": 2}', "the key 'a' a second time"),
        ('{"a": NaN}', "a finite number"),
        ("{", "p.json:1:2: "),
        ("[" * 100000, "p.json: $: found"),
    ],
)
def test_json_mistakes(text: str, words: str) -> None:
    with pytest.raises(PolicyError) as error:
        load_document(text.encode(), "p.json")
    assert words in str(error.value)


def test_dates_of_yaml_stay_text() -> None:
    assert load_document(b"a: 2023-03-01T00:00:00+01:00\nb: 2023-09-01\n", "p.yml") == {
        "a": "2023-03-01T00:00:00+01:00",
        "b": "2023-09-01",
    }


def test_without_pyyaml_json_is_still_read() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_YAML],
        env={"PYTHONPATH": str(working_copy.CHECKOUT / ".build" / "c"), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    read, refused = done.stdout.splitlines()
    assert read == "{'a': 1}"
    assert refused.startswith("p.yml: $: found no PyYAML for the Python that runs here")


@pytest.mark.parametrize(
    "text",
    [
        "devices:\n  - {serial: SN1, since: 2023-03-01, work: yes}\n  - &a {b: [1, 2.5, null, 'x']}\n  - *a\nč: |\n  text\n",
        *("a: 1\na: 2\n", "a: [1\n", "a: b: c\n", "a: !vault x\n", "a: 'b\n", "\ta: 1\n", "a: b\x07\n", "1: a\n", ""),
    ],
)
def test_a_large_document_is_read_as_a_small_one_is_and_refused_in_the_same_words(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def read() -> object:
        try:
            return load_document(text.encode(), "p.yml")
        except PolicyError as error:
            return str(error)

    small = read()
    monkeypatch.setattr(load, "LARGE", -1)
    assert read() == small
