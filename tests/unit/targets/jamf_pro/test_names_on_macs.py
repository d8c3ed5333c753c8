# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names that say whose an object is, and names that end programs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.appban.endpoint.plugins.module_utils.engine.errors import AppbanError
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.planning.requirements import BannedApp
from ansible_collections.appban.endpoint.plugins.module_utils.targets.jamf_pro.owned_names import is_tagged_for, tagged
from ansible_collections.appban.endpoint.plugins.module_utils.targets.jamf_pro.process_names import process_names, refuse_protected
from tests.support.mdm_samples import app, policy

NAME = "BAN city macOS restricted software TikTok.app"


def test_a_name_with_the_marker_is_ours_and_no_other() -> None:
    name = tagged(NAME, ("city", "school"))
    assert len(name) <= 255
    assert is_tagged_for(name, ("city",))
    assert is_tagged_for(name, ("school", "other"))
    assert not is_tagged_for(name, ("other",))
    for foreign in (
        NAME,
        name + " copy",
        name.replace("TikTok", "Steam"),
        name.replace("[appban ", "[appban 000000."),
        name[:-2] + "x]",
        "",
    ):
        assert not is_tagged_for(foreign, ("city", "school")), foreign


def test_no_text_is_taken_for_ours() -> None:
    @given(st.text(), st.from_regex(r"[0-9a-f]{6}:[0-9a-f]{8}", fullmatch=True))
    def check(text: str, tag: str) -> None:
        assert not is_tagged_for(f"{text} [appban {tag}]", ("city",))

    check()


def test_the_marker_is_the_same_in_every_run() -> None:
    assert tagged(NAME, ("school", "city")) == tagged(NAME, ("city", "school"))


@pytest.mark.parametrize(
    ("identifiers", "processes"),
    [
        (["TikTok"], ("TikTok.app",)),
        (["TikTok", "TikTok.app"], ("TikTok.app",)),
        ([" TikTok "], ("TikTok.app",)),
        (["TikTok*"], ()),
        ([{"value": "TikTok", "confidence": "detect_only", "source": "seen once"}], ()),
    ],
)
def test_processes_of_an_app(identifiers: list[object], processes: tuple[str, ...]) -> None:
    made = policy(apps=[app(identifiers={"display_name": identifiers})])
    assert process_names([made], BannedApp("banned", ("city",))) == processes


@pytest.mark.parametrize(
    "name", ["Finder", "finder.app", "loginwindow", "Self Service", "Self Service+", "JamfDaemon", "Microsoft Defender", "Safari", " Dock "]
)
def test_what_a_mac_needs_is_refused(name: str) -> None:
    with pytest.raises(AppbanError, match="programs that a Mac needs"):
        refuse_protected([policy(apps=[app(identifiers={"display_name": [name]})])])


@pytest.mark.parametrize("name", ["TikTok", "Finder of Things", "Docker", "Mailspring", "Terminal Velocity"])
def test_what_only_sounds_like_it_is_not(name: str) -> None:
    refuse_protected([policy(apps=[app(identifiers={"display_name": [name]})])])
