# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an ordinary account does so that a look misses its app, remembers too long, takes long, or changes what others get."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.lab.hostile_homes import DEPLOYED, FILTER, FLATPAK, PREFIX, as_jana, ban
from tests.lab.hosts import Host

pytestmark = pytest.mark.long

DATA = "/home/jana/data"
PLAIN = "XDG_DATA_HOME=/home/jana/data"
OWN = "/home/jana/.local/share/flatpak"
UNSEEN = pytest.mark.fault_kind("H7", "compliant without having looked")
ENDLESS = pytest.mark.fault_kind("H3", "files that don't end")
OTHERS = pytest.mark.fault_kind("H2", "a person's trouble stops the system's block")


@UNSEEN
@pytest.mark.parametrize(
    "script",
    [
        """echo 'export XDG_DATA_HOME="$HOME"/data' > ~/.profile""",
        """echo 'export XDG_DATA_HOME=$HOME/"data"' > ~/.profile""",
        """echo 'export "XDG_DATA_HOME=$HOME/data"' > ~/.profile""",
        """echo ': "${XDG_DATA_HOME:=$HOME/data}"; export XDG_DATA_HOME' > ~/.profile""",
        """printf 'export XDG_DATA_HOME\\\\\\n=$HOME/data\\n' > ~/.profile""",
        """echo 'eval XDG_DATA_HOME"="$HOME/data' > ~/.profile""",
        """echo 'XDG_DATA_HOME=/none; XDG_DATA_HOME=$HOME/data' > ~/.profile""",
        f"for i in 1 2 3 4 5 6 7 8 9 10; do echo XDG_DATA_HOME=/none/$i; done > ~/.profile; echo {PLAIN} >> ~/.profile",
        f"mkdir -p ~/cfg/environment.d; echo {PLAIN} > ~/cfg/environment.d/x.conf; ln -s cfg ~/.config",
        f"mkdir -p ~/.config ~/d; echo {PLAIN} > ~/d/x.conf; ln -s ../d ~/.config/environment.d",
        f"mkdir -p ~/.config/environment.d; echo {PLAIN} > ~/x; ln -s ../../x ~/.config/environment.d/x.conf",
        f"echo {PLAIN} > /var/tmp/p; ln -s /var/tmp/p ~/.profile",
        f"echo {PLAIN} > ~/real; ln -s real ~/p; ln -s p ~/.profile",
        f"mkdir -p /var/tmp/deep/er; ln -s /var/tmp/deep/er ~/l; echo {PLAIN} > /var/tmp/deep/p; touch ~/p; ln -s l/../p ~/.profile",
        "mkfifo ~/.profile",
    ],
    ids=[
        *("home", "tail", "word", "default", "continued", "eval", "second", "eleventh"),
        *("config", "environment.d", "conf", "outside", "twice", "up", "pipe"),
    ],
)
def test_a_setting_that_is_not_understood_is_told(lab_host: Host, tmp_path: Path, script: str) -> None:
    as_jana(lab_host, f"mkdir -p {DATA}/flatpak/{DEPLOYED}; touch {DATA}/flatpak/{DEPLOYED}/active; rm -rf ~/.profile ~/.config; {script}")
    seen = ban(lab_host, tmp_path, flatpak=FLATPAK)["apps"]["tiktok"]
    assert seen["findings"] or seen["unseen"]


@UNSEEN
def test_a_store_to_a_mapped_settings_file_is_noticed(lab_host: Host, tmp_path: Path) -> None:
    as_jana(
        lab_host,
        f"mkdir -p {DATA}/flatpak/{DEPLOYED}; touch {DATA}/flatpak/{DEPLOYED}/active; echo XDG_DATA_HOME=/home/jana/none > ~/.profile",
    )
    for _run in range(2):
        assert ban(lab_host, tmp_path, flatpak=FLATPAK)["findings"] == []
    lab_host.run(["python3", "-c", _store("/home/jana/.profile", "none", "data")], user="jana", check=True)
    assert ban(lab_host, tmp_path, flatpak=FLATPAK)["findings"]


@UNSEEN
def test_a_store_to_a_mapped_launcher_is_noticed(lab_host: Host, tmp_path: Path) -> None:
    launcher = "/home/jana/.local/share/applications/x.desktop"
    as_jana(
        lab_host,
        f"mkdir -p ~/.local/share/applications; printf '[Desktop Entry]\\nType=Link\\nURL=https://www.kittok.com\\n' > {launcher}",
    )
    for _run in range(2):
        assert ban(lab_host, tmp_path, flatpak=FLATPAK, domain="tiktok.com")["leftovers"] == []
    lab_host.run(["python3", "-c", _store(launcher, "kitt", "tikt")], user="jana", check=True)
    assert ban(lab_host, tmp_path, flatpak=FLATPAK, domain="tiktok.com")["leftovers"]


def _store(path: str, before: str, after: str) -> str:
    return (
        f"import mmap; f = open('{path}', 'r+b'); m = mmap.mmap(f.fileno(), 0); i = m.find(b'{before}'); "
        f"assert i >= 0; m[i:i + {len(after)}] = b'{after}'"
    )


@OTHERS
def test_leftovers_that_look_alike_on_paper_are_two(lab_host: Host, tmp_path: Path) -> None:
    as_jana(lab_host, r"""mkdir ~/bin; cd ~/bin; a=$(printf 'TikTok\001.AppImage'); touch "$a" 'TikTok\x01.AppImage'""")
    result = ban(lab_host, tmp_path, display_name="TikTok*")
    assert "undoes it" not in result.get("msg", "")
    assert lab_host.run(["ls", "/home/jana/bin"]).stdout == ""


@ENDLESS
def test_commands_for_one_account_cost_a_bounded_time(lab_host: Host, tmp_path: Path) -> None:
    script = (
        f"mkdir -p {OWN}/app/{FLATPAK}; flatpak --user remotes; cd {OWN}; r=repo/refs/heads/deploy/app/{FLATPAK}/x86_64; mkdir -p $r;"
        f"for b in 1 2 3 4; do d=app/{FLATPAK}/x86_64/b$b; mkdir -p $d/c; mkfifo $d/c/deploy; ln -s c $d/active;"
        "printf '%064d\\n' 0 > $r/b$b; done"
    )
    as_jana(lab_host, script)
    started = time.monotonic()
    result = ban(lab_host, tmp_path, flatpak=FLATPAK)
    assert time.monotonic() - started < 29
    assert lab_host.path(FILTER).exists()
    assert "flatpak" in result["msg"]


@ENDLESS
@pytest.mark.parametrize("arches", [1, 40], ids=["many-branches", "many-architectures"])
def test_a_flood_of_deployments_is_bounded_and_told(lab_host: Host, tmp_path: Path, arches: int) -> None:
    script = (
        f"import os\nfor a in range({arches}):\n for b in range(20000 // {arches}):\n  d = '{OWN}/app/{FLATPAK}/a%d/b%d' % (a, b)\n"
        "  os.makedirs(d)\n  os.symlink('c', d + '/active')\n"
    )
    lab_host.run(["python3", "-c", script], user="jana", check=True)
    started = time.monotonic()
    result = ban(lab_host, tmp_path, flatpak=FLATPAK)
    assert time.monotonic() - started < 15
    assert len(result["apps"]["tiktok"]["findings"]) <= 5
    assert any("/home/jana" in note and "too many" in note for note in result["notes"])
    assert lab_host.path(FILTER).exists()


@ENDLESS
def test_a_flood_of_files_in_deployments_costs_a_bounded_time(lab_host: Host, tmp_path: Path) -> None:
    script = (
        f"import os\nfor b in range(5):\n d = '{OWN}/app/{FLATPAK}/x86_64/b%d' % b\n os.makedirs(d)\n os.symlink('c', d + '/active')\n"
        " d += '/d' * 30\n os.makedirs(d)\n for n in range(10000):\n  open('%s/%d' % (d, n), 'w').close()\n"
    )
    lab_host.run(["python3", "-c", script], user="jana", check=True)
    started = time.monotonic()
    result = ban(lab_host, tmp_path, flatpak=FLATPAK)
    assert time.monotonic() - started < 15
    assert lab_host.path(FILTER).exists()
    assert len(result["apps"]["tiktok"]["findings"]) == 5


@ENDLESS
def test_one_large_launcher_by_many_names_in_many_places_is_bounded_and_told(lab_host: Host, tmp_path: Path) -> None:
    script = (
        "import os\nos.makedirs('/home/jana/.config')\nt = '/home/jana/t'\nopen(t, 'w').write('[Desktop Entry]\\n' + 'Name=x\\n' * 9000)\n"
        "with open('/home/jana/.config/user-dirs.dirs', 'w') as f:\n for d in range(100):\n"
        "  f.write('XDG_DESKTOP_DIR=\"$HOME/d%d\"\\n' % d)\n  os.mkdir('/home/jana/d%d' % d)\n"
        "  for n in range(256):\n   os.link(t, '/home/jana/d%d/%d.desktop' % (d, n))\n"
    )
    lab_host.run(["python3", "-c", script], user="jana", check=True)
    started = time.monotonic()
    result = ban(lab_host, tmp_path, flatpak=FLATPAK, domain="tiktok.com")
    assert time.monotonic() - started < 15
    assert any("/home/jana" in note and "too many" in note for note in result["notes"])
    assert lab_host.path(FILTER).exists()


@OTHERS
def test_one_prefixs_forbidden_list_binds_no_other_prefix(lab_host: Host, tmp_path: Path) -> None:
    lab_host.run(["install", "-d", "-o", "jana", "-g", "jana", "/home/linuxbrew", PREFIX, "/opt/homebrew"], check=True)
    for prefix in (PREFIX, "/opt/homebrew"):
        as_jana(lab_host, f"mkdir -p {prefix}/bin {prefix}/etc/homebrew {prefix}/Cellar; install -m 755 /bin/true {prefix}/bin/brew")
    as_jana(lab_host, f"echo HOMEBREW_FORBIDDEN_FORMULAE=git > {PREFIX}/etc/homebrew/brew.env")
    result = ban(lab_host, tmp_path, brew_formula="tiktok")
    settings = lab_host.path("/etc/homebrew/brew.env").read_text()
    assert "tiktok" in settings
    assert "git" not in settings
    assert any(f"{PREFIX}/etc/homebrew/brew.env" in note for note in result["notes"])


@OTHERS
def test_quotes_of_a_prefixs_list_are_no_part_of_a_name(lab_host: Host, tmp_path: Path) -> None:
    lab_host.run(["install", "-d", "-o", "jana", "-g", "jana", "/home/linuxbrew", PREFIX], check=True)
    as_jana(lab_host, f"mkdir -p {PREFIX}/bin {PREFIX}/etc/homebrew {PREFIX}/Cellar; install -m 755 /bin/true {PREFIX}/bin/brew")
    as_jana(lab_host, f"""echo 'HOMEBREW_FORBIDDEN_FORMULAE="first second"' > {PREFIX}/etc/homebrew/brew.env""")
    ban(lab_host, tmp_path, brew_formula="tiktok")
    assert "HOMEBREW_FORBIDDEN_FORMULAE=first second tiktok\n" in lab_host.path("/etc/homebrew/brew.env").read_text()
