# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rails: exact names, protected packages and limits, over all package managers at once."""

from __future__ import annotations

import fnmatch
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.appban.endpoint.plugins.module_utils.hosts import rails
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.backend import Package, Refusal, RemovalPlan, RemovalRequest
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.package_managers import DATABASES
from ansible_collections.appban.endpoint.plugins.module_utils.policy.protected_packages import PROTECTED_PACKAGES

BACKENDS = ["apt", "dnf4", "dnf5", "zypper", "pacman", "apk", "flatpak", "snap", "homebrew"]

GOOD = [
    ("apt", "tiktok-desktop"),
    ("apt", "libstdc++6"),
    ("apt", "0ad"),
    ("deb", "g++"),
    ("dnf4", "tiktok-desktop"),
    ("dnf5", "NetworkManager"),
    ("rpm", "libreoffice_7.x"),
    ("zypper", "libgcc_s1"),
    ("pacman", "tiktok-desktop"),
    ("pacman", "@weird_name+1"),
    ("apk", "py3-yaml"),
    ("apk", "tiktok.desktop"),
    ("flatpak", "com.tiktok.Desktop"),
    ("flatpak", "org.a_b.c.D-e"),
    ("snap", "tiktok"),
    ("snap", "tik-tok-2"),
    ("brew_cask", "tiktok"),
    ("brew_formula", "python@3.12"),
    ("homebrew", "acme/tap/tiktok"),
]

BAD = [
    (backend, name)
    for backend in BACKENDS
    for name in (
        "",
        "*",
        "tiktok*",
        "tik?ok",
        "[t]iktok",
        "-rf",
        "--all",
        " tiktok",
        "tiktok ",
        "tik tok",
        "tiktok\n",
        "tiktok\nfoo",
        "tiktok;reboot",
        "$(reboot)",
        "tiktok=1.0",
        "tiktok<1",
        "!tiktok",
        "../tiktok",
        "/etc/passwd",
        "tiktok/",
        "tïktok",
        "tiktok\x00",
        "x" * 300,
        "/^tiktok/",
        "tiktok:i386",
        "tiktok,other",
    )
] + [
    ("apt", "t"),
    ("apt", "TikTok"),
    ("apt", "tik_tok"),
    ("pacman", ".hidden"),
    ("flatpak", "com.tiktok"),
    ("flatpak", "com.1tiktok.App"),
    ("flatpak", "com.tik-tok.App"),
    ("flatpak", "com..App"),
    ("flatpak", "app/com.tiktok.Desktop/x86_64/stable"),
    ("snap", "tik--tok"),
    ("snap", "123"),
    ("snap", "t" * 41),
    ("snap", "TikTok"),
    ("homebrew", "tap/tiktok"),
    ("homebrew", "a/b/c/d"),
    ("homebrew", "TikTok"),
]


@pytest.mark.parametrize(("backend", "name"), GOOD)
def test_a_package_managers_own_names_pass(backend, name):
    assert rails.check_name(backend, name) is None


@pytest.mark.parametrize(("backend", "name"), BAD)
def test_anything_but_an_exact_name_is_refused_with_the_way_on(backend, name):
    problem = rails.check_name(backend, name)
    assert problem is not None
    assert problem.startswith(backend + ": ")
    assert len(problem) < 300
    assert "Expected" in problem or "Write each name out" in problem


@given(backend=st.sampled_from(BACKENDS), name=st.text(max_size=60))
def test_what_passes_holds_no_character_a_shell_or_a_solver_would_read_as_more_than_a_name(backend, name):
    if rails.check_name(backend, name) is None:
        assert set(name) <= set(string.ascii_letters + string.digits + "+._-@/")
        assert not name.startswith(("-", ".", "/"))
        assert backend == "homebrew" or "/" not in name


ESSENTIALS = [
    ("apt", "systemd"),
    ("apt", "libc6"),
    ("apt", "libc6:i386"),
    ("apt", "linux-image-6.1.0-18-amd64"),
    ("apt", "openssh-server"),
    ("apt", "sudo"),
    ("apt", "bash"),
    ("apt", "coreutils"),
    ("apt", "python3"),
    ("apt", "python3.11-minimal"),
    ("apt", "python3-apt"),
    ("apt", "apt"),
    ("apt", "dpkg"),
    ("apt", "firefox-esr"),
    ("apt", "google-chrome-stable"),
    ("apt", "intune-portal"),
    ("apt", "appban-guard"),
    ("dnf4", "kernel-core"),
    ("dnf4", "glibc"),
    ("dnf5", "NetworkManager"),
    ("dnf4", "python3-dnf"),
    ("zypper", "MozillaFirefox"),
    ("zypper", "libzypp"),
    ("zypper", "python311-base"),
    ("rpm", "rpm"),
    ("dnf4", "mdatp"),
    ("pacman", "linux"),
    ("pacman", "linux66"),
    ("pacman", "glibc"),
    ("pacman", "pacman"),
    ("pacman", "python"),
    ("apk", "musl"),
    ("apk", "busybox"),
    ("apk", "apk-tools"),
    ("flatpak", "org.freedesktop.Platform"),
    ("flatpak", "org.gnome.Platform.Locale"),
    ("flatpak", "org.mozilla.firefox"),
    ("snap", "snapd"),
    ("snap", "core22"),
    ("snap", "gnome-42-2204"),
    ("snap", "pc-kernel"),
    ("homebrew", "python@3.12"),
    ("homebrew", "homebrew/core/python@3.12"),
    ("brew_cask", "google-chrome"),
    ("brew_cask", "intune-company-portal"),
]

ORDINARY = [
    ("apt", "tiktok-desktop"),
    ("apt", "linux-tiktok"),
    ("apt", "python3-tiktok"),
    ("apt", "firefoxpwa"),
    ("apt", "sudoku"),
    ("apt", "bash-completion"),
    ("apt", "vlc"),
    ("dnf4", "systemdgenie"),
    ("dnf4", "python3-tiktok"),
    ("pacman", "linux-wifi-hotspot"),
    ("pacman", "python-tiktok"),
    ("apk", "tiktok"),
    ("flatpak", "com.tiktok.Desktop"),
    ("flatpak", "org.freedesktop.PlatformGame"),
    ("snap", "corebird"),
    ("snap", "tiktok"),
    ("homebrew", "pythonista"),
    ("brew_cask", "tiktok"),
]


@pytest.mark.parametrize(("backend", "name"), ESSENTIALS)
def test_what_a_device_lives_on_is_protected(backend, name):
    reason = rails.protected_reason(backend, name)
    assert reason is not None
    assert reason.startswith("built-in list: ")


@pytest.mark.parametrize(("backend", "name"), ORDINARY)
def test_an_ordinary_app_with_a_similar_name_is_not_protected(backend, name):
    assert rails.protected_reason(backend, name) is None


def test_every_backends_database_has_a_list_and_no_entry_is_wide_or_dead():
    assert set(PROTECTED_PACKAGES) == set(DATABASES.values())
    for database, globs in PROTECTED_PACKAGES.items():
        assert len(set(globs)) == len(globs), database
        for glob in globs:
            assert glob == glob.lower()
            assert sum(character.isalnum() for character in glob) >= 2
            assert not fnmatch.fnmatchcase("tiktok-desktop", glob)


def test_the_users_own_globs_protect_too_and_are_named():
    assert rails.protected_reason("apt", "acme-agent", ["acme-*"]) == "`protected` of this task: acme-*"
    assert rails.protected_reason("flatpak", "com.Acme.App", ["com.acme.*"]) is not None
    assert rails.protected_reason("apt", "acmeagent", ["acme-*"]) is None


@pytest.mark.parametrize("glob", ["*", "a*", "???", "*?*", "[a-z]*", "abc*", "*abc", "[abcdefgh]*", "", " "])
def test_a_glob_that_would_match_nearly_anything_is_refused(glob):
    (problem,) = rails.check_globs([glob])
    assert problem.startswith("protected: ")


@pytest.mark.parametrize("glob", ["acme*", "*-acme", "vim", "mc", "ac[mn]ee"])
def test_a_glob_of_four_literals_or_a_plain_name_is_fine(glob):
    assert rails.check_globs([glob]) == []


def test_names_are_refused_all_at_once_before_the_host_is_looked_at():
    refusals = rails.check_names({"apt": ["tiktok-desktop", "libc6", "tik*"], "flatpak": ["org.mozilla.firefox"], "snap": []}, ["tiktok-*"])
    assert [(refusal.backend, refusal.reason, refusal.names) for refusal in refusals] == [
        ("apt", "protected", ("libc6",)),
        ("apt", "invalid_name", ("tik*",)),
        ("apt", "protected", ("tiktok-desktop",)),
        ("flatpak", "protected", ("org.mozilla.firefox",)),
    ]
    assert "Take it out of the policy" in refusals[0].message


APP = Package("tiktok-desktop", "1.0")
SUITE = Package("media-suite", "1.0")


def removal(packages=(APP,), removes=None, allow=False, backend="apt", refusals=()):
    request = RemovalRequest(tuple(packages), allow_dependents=allow)
    return rails.Removal(backend, request, RemovalPlan(removes=tuple(packages if removes is None else removes), refusals=tuple(refusals)))


def test_a_plan_that_does_just_what_was_asked_passes():
    assert (
        rails.check_removals([removal(), removal(backend="flatpak", packages=[Package("com.tiktok.Desktop", "1")])], max_removals=2) == []
    )


def test_a_dependent_that_a_backend_did_not_refuse_is_refused_here():
    (refusal,) = rails.check_removals([removal(removes=[APP, SUITE])])
    assert (refusal.reason, refusal.names, refusal.plan) == (
        "dependents",
        ("tiktok-desktop",),
        ("remove tiktok-desktop", "remove media-suite"),
    )
    assert "allow_dependents" in refusal.message
    assert rails.check_removals([removal(removes=[APP, SUITE], allow=True)]) == []


def test_a_protected_dependent_stops_even_an_allowed_removal():
    (refusal,) = rails.check_removals([removal(removes=[APP, Package("libc6:i386", "2")], allow=True)])
    assert (refusal.reason, refusal.names) == ("protected", ("libc6:i386",))


def test_the_databases_own_mark_is_enough():
    (refusal,) = rails.check_removals([removal(packages=[Package("tiktok-desktop", "1.0", protected="essential")])])
    assert refusal.reason == "protected"
    assert "essential" in refusal.message


def test_a_backends_own_refusals_come_along_and_are_not_said_twice():
    own = [
        Refusal("apt", "protected", ("libc6",), ("remove libc6",), "no"),
        Refusal("apt", "dependents", ("tiktok-desktop",), ("remove media-suite",), "no"),
    ]
    refusals = rails.check_removals(
        [removal(packages=[APP, Package("libc6", "2")], removes=[APP, SUITE, Package("libc6", "2")], refusals=own)]
    )
    assert refusals == own


def test_max_removals_counts_over_all_package_managers_by_name():
    flatpaks = [Package("com.tiktok.Desktop", "1", scope=f"user:{user}") for user in ("ann", "bob", "eve")]
    removals = [removal(), removal(backend="flatpak", packages=flatpaks), removal(backend="pacman")]
    assert rails.check_removals(removals, max_removals=3) == []
    (refusal,) = rails.check_removals(removals, max_removals=2)
    assert (refusal.backend, refusal.reason) == ("all", "max_removals")
    assert refusal.plan == ("remove tiktok-desktop (dpkg)", "remove com.tiktok.Desktop (flatpak)", "remove tiktok-desktop (pacman)")
    assert "max_removals is 2" in refusal.message


def test_no_removal_is_never_too_many():
    assert rails.check_removals([], max_removals=0) == []
