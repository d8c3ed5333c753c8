# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What package managers print for an installed package is no name of a package: it is refused with the name in it."""

from __future__ import annotations

import pytest
from jsonschema import Draft202012Validator

from ansible_collections.appban.endpoint.plugins.module_utils.policy.schema import policy_schema
from tests.support.policy_samples import document, problems_of

pytestmark = pytest.mark.fault_kind("D1", "a package with its version and architecture in the place of its name")

SCHEMA = Draft202012Validator(policy_schema())


@pytest.mark.parametrize(
    ("kind", "value", "meant"),
    [
        ("rpm", "tiktok-desktop-1.0-1.x86_64", "tiktok-desktop"),
        ("rpm", "tiktok-desktop-1.0-1.fc39.noarch", "tiktok-desktop"),
        ("rpm", "tiktok-2:1.0-1.el9.aarch64", "tiktok"),
        ("rpm", "java-1.8.0-openjdk-1.8.0.392.b08-4.el9.i686", "java-1.8.0-openjdk"),
        ("rpm", "tiktok-1.0-1.ppc64le.rpm", "tiktok"),
        ("rpm", "tiktok.rpm", "tiktok"),
        ("rpm", "tiktok-desktop.x86_64", "tiktok-desktop"),
        ("rpm", "tiktok-1.0~rc1-1.s390x", "tiktok"),
        ("deb", "tiktok-desktop_1.0-1_amd64.deb", "tiktok-desktop"),
        ("deb", "tiktok:amd64", "tiktok"),
        ("deb", "tiktok-desktop_1.0-1_amd64", "tiktok-desktop"),
    ],
)
def test_a_package_with_version_or_architecture_is_refused_with_its_name(kind: str, value: str, meant: str) -> None:
    for entry in (value, {"value": value}):
        spoiled = document(apps=[{"id": "x", "title": "X", "identifiers": {kind: [entry]}}])
        [problem] = problems_of(spoiled)
        assert problem.nearest == (meant,)
        assert "without version and architecture" in problem.expected
        assert not SCHEMA.is_valid(spoiled)


@pytest.mark.parametrize(
    "value",
    ["tiktok", "tiktok-desktop", "java-1.8.0-openjdk", "python3.11-tiktok", "tiktok-1.0", "tiktok-x86_64", "msitools.x86", "rpm2x.y"],
)
def test_odd_names_of_packages_stay_names(value: str) -> None:
    sound = document(apps=[{"id": "x", "title": "X", "identifiers": {"rpm": [value]}}])
    assert problems_of(sound) == ()
    assert SCHEMA.is_valid(sound)
