# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings in jana's home that no name can be made of, or that name one place twice: the rest of the host is done all the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lab.hostile_homes import DEPLOYED, FLATPAK, PIN, as_jana, ban
from tests.lab.hosts import Host

pytestmark = pytest.mark.long


@pytest.mark.parametrize(
    "script",
    [
        r"printf 'XDG_DATA_HOME=/home/jana/a\000b\n' > ~/.profile",
        r"""mkdir -p ~/.config ~/Desktop; printf 'XDG_DESKTOP_DIR="$HOME/Desktop/a\000b"\n' > ~/.config/user-dirs.dirs""",
    ],
    ids=["profile", "user-dirs"],
)
def test_a_zero_byte_in_a_persons_settings_stops_nothing(lab_host: Host, tmp_path: Path, script: str) -> None:
    as_jana(lab_host, script)
    result = ban(lab_host, tmp_path, deb="tiktok-desktop", flatpak=FLATPAK, domain="tiktok.com")
    assert lab_host.path(PIN).exists(), result.get("msg")


def test_places_that_look_alike_on_paper_stop_nothing(lab_host: Host, tmp_path: Path) -> None:
    script = (
        rf"""a=$(printf '/home/jana/q\001'); b='/home/jana/q\x01'; for d in ~/z "$a" "$b"; do mkdir -p "$d/{DEPLOYED}"; """
        rf"""touch "$d/{DEPLOYED}/active"; echo "FLATPAK_USER_DIR='$d'" >> ~/.profile; done"""
    )
    as_jana(lab_host, script)
    result = ban(lab_host, tmp_path, deb="tiktok-desktop", flatpak=FLATPAK)
    assert lab_host.path(PIN).exists(), result.get("msg")
    scopes = [finding["scope"] for finding in result["apps"]["tiktok"]["findings"]]
    assert len(scopes) == len(set(scopes)) == 3


@pytest.mark.parametrize("way", ["/", "/srv/link"], ids=["slashes", "link"])
def test_one_place_by_two_names_is_one_place(lab_host: Host, tmp_path: Path, way: str) -> None:
    lab_host.run(["ln", "-s", "/", "/srv/link"], check=True)
    place = "/home/jana/.local/share/flatpak"
    as_jana(lab_host, f"mkdir -p {place}/{DEPLOYED}; touch {place}/{DEPLOYED}/active; echo FLATPAK_USER_DIR={way}{place} > ~/.profile")
    result = ban(lab_host, tmp_path, flatpak=FLATPAK)
    assert [finding["scope"] for finding in result["apps"]["tiktok"]["findings"]] == ["user:jana"]
