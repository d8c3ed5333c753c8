# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The README's own policy, over a tenant: what exists on Linux only counts against no phone."""

from __future__ import annotations

from pathlib import Path

from tests.lab.root import CHECKOUT
from tests.support.intune.tenant import plain
from tests.support.intune.tenant_devices import contact, device_of, outcomes, prompt_tenant, reached, registered

NOW, LATER, NEXT_DAY = "2023-03-20T09:00:00Z", "2023-03-20T18:00:00Z", "2023-03-21T09:00:00Z"


def policy_of_the_readme(directory: Path) -> Path:
    text = (CHECKOUT / "README.md").read_text(encoding="utf-8").partition("\n### A policy\n")[2]
    path = directory / "city-tiktok.yml"
    path.write_text(text.partition("```yaml\n")[2].partition("```")[0], encoding="utf-8")
    return path


def test_a_phone_without_the_app_is_compliant_once_it_has_been_in_contact(tmp_path: Path) -> None:
    with prompt_tenant(tmp_path, NOW) as city:
        # The policy spares a city a first run over all of it; this one is sure.
        options = {"limits": {"max_devices": 500, "max_percent": 100}, "evidence": "all"}
        policy = plain(policy_of_the_readme(tmp_path))
        phones = registered(city, kind="ios_supervised", ownership="company")
        clean = [each for each in phones if not any("musically" in app["id"] for app in device_of(city, each["id"])["apps"])]
        assert clean
        city.run(policy, NOW, **options)
        contact(city, LATER)
        run = city.run(policy, NEXT_DAY, **options)
        assert all(reached(city)[each["id"]] for each in clean)
        assert outcomes(run, clean) == {("compliant", "")}
        assert {outcome for outcome, _reason in outcomes(run, phones, "tiktok-linux")} == {"not_applicable"}
        assert run.values["summary"]["compliant"] >= len(clean)
