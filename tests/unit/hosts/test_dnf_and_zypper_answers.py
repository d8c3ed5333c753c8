# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What dnf 4 says of an installation, and what zypp.conf says of locks, on recorded text; and what an answer of rpm rests on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.hosts.dnf4.backend import DnfAnswer, read_simulation
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.process import CommandResult
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.rpm.place import rpm_inputs
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.zypper.conf import (
    main_values,
    read_zypp_settings,
    uncached_repositories,
)
from tests.support.hosts.recorded_host import RecordedHost

LONG = "a-package-with-a-name-that-is-so-long-that-it-has-a-line-of-its-own-in-the-table"
TABLE = f"""Last metadata expiration check: 0:19:16 ago on Sun Nov 29 20:20:32 2026.
All matches were filtered out by exclude filtering for argument: tiktok-desktop
All matches were filtered out by modular filtering for argument: stream
No match for argument: nosuch
Dependencies resolved.
================================================================================
 Package             Architecture       Version           Repository       Size
================================================================================
Upgrading:
 base                noarch             1.1-1             lab             6.0 k
Installing:
 vlc-lab             noarch             1.0-1             lab             6.0 k
 {LONG}
                     noarch             1.0-1             lab             6.0 k
     replacing  old.noarch 1.0-1
Installing dependencies:
 libvlc              noarch             1.0-1             lab             6.0 k
Skipping packages with conflicts:
(add '--best --allowerasing' to command line to force their upgrade):
 other               noarch             2.0-1             lab             6.4 k

Transaction Summary
================================================================================
Install  3 Packages
"""
REFUSED = "No match for argument: x\nError: Unable to find a match: x\n"
PROBLEM = "Error: \n Problem: conflicting requests\n  - package appban-guard-0.1-1.noarch conflicts with x provided by x-1\n"


@pytest.mark.parametrize(
    ("rc", "stdout", "stderr", "said"),
    [
        (1, TABLE, "Operation aborted.\n", DnfAnswer(("tiktok-desktop", "stream", "nosuch"), ("vlc-lab", LONG))),
        (0, "Dependencies resolved.\nNothing to do.\nComplete!\n", "", DnfAnswer((), ())),
        (1, "", REFUSED, DnfAnswer(("x",), ())),
        (1, "", PROBLEM, DnfAnswer((), ())),
        # The same table without the question at its end is no simulation that came to its end.
        (1, TABLE, "", None),
        (1, "", "Error: Cache-only enabled but no cache for 'lab'\n", None),
        (1, "", "Error: Failed to download metadata for repo 'lab'\n", None),
        (200, "", "metadata already locked by 4026\n", None),
        (124, "Nothing to do.\n", "no end after 900 seconds", None),
        (1, "", "Traceback (most recent call last):\n  x\n", None),
    ],
)
def test_what_dnf_says_of_an_installation(rc: int, stdout: str, stderr: str, said: DnfAnswer | None) -> None:
    assert read_simulation(CommandResult(("dnf-3",), rc, stdout, stderr)) == said


class ZyppHost(RecordedHost):
    """A host with directories, too."""

    def names_in(self, directory: str) -> list[str]:
        """What is recorded below."""
        return sorted({path[len(directory) + 1 :].partition("/")[0] for path in self.files if path.startswith(directory + "/")})


def zypp_host(files: Mapping[str, bytes], econf: bool = True) -> ZyppHost:
    answer = (0, "libzypp\t0\t17.38.0-1\tx86_64\n", "") if econf else (1, "no package provides libzypp(econf)\n", "")
    return ZyppHost({("rpm",): answer}, files)


@pytest.mark.parametrize(
    ("files", "locks", "applies", "source"),
    [
        ({}, "/etc/zypp/locks", True, ""),
        ({"/etc/zypp/zypp.conf": b"[main]\nlocksfile.path = srv//x/../locks\n"}, "/srv/locks", True, "/etc/zypp/zypp.conf"),
        ({"/usr/etc/zypp/zypp.conf": b"[main]\nlocksfile.apply = off\n"}, "/etc/zypp/locks", False, "/usr/etc/zypp/zypp.conf"),
        # A file in /etc takes the place of the distribution's.
        ({"/usr/etc/zypp/zypp.conf": b"[main]\nlocksfile.apply = off\n", "/etc/zypp/zypp.conf": b"[main]\n"}, "/etc/zypp/locks", True, ""),
        (
            {
                "/etc/zypp/zypp.conf": b"[main]\nlocksfile.apply = yes\n",
                "/usr/etc/zypp/zypp.conf.d/b.conf": b"[main]\nlocksfile.apply = no\n",
                "/etc/zypp/zypp.conf.d/a.conf": b"[main]\nlocksfile.apply = yes\n",
            },
            "/etc/zypp/locks",
            False,
            "/usr/etc/zypp/zypp.conf.d/b.conf",
        ),
        (
            {
                "/usr/etc/zypp/zypp.conf.d/b.conf": b"[main]\nlocksfile.apply = no\n",
                "/etc/zypp/zypp.conf.d/b.conf": b"[main]\nlocksfile.path = /x\n",
                "/etc/zypp/zypp.conf.d/c.old": b"[main]\nlocksfile.apply = no\n",
            },
            "/x",
            True,
            "/etc/zypp/zypp.conf.d/b.conf",
        ),
    ],
)
def test_which_locks_zypper_obeys(files: dict[str, bytes], locks: str, applies: bool, source: str) -> None:
    settings = read_zypp_settings(zypp_host(files))
    assert (settings.locks, settings.applies) == (locks, applies)
    assert settings.source == (source or "/etc/zypp/zypp.conf")


def test_an_older_zypper_reads_no_drop_ins() -> None:
    files = {"/etc/zypp/zypp.conf.d/b.conf": b"[main]\nlocksfile.apply = no\n", "/etc/zypp/zypp.conf": b"[main]\n"}
    assert read_zypp_settings(zypp_host(files, econf=False)).applies
    assert not read_zypp_settings(zypp_host(files)).applies


def test_drop_ins_about_something_else_cost_no_question() -> None:
    host = zypp_host({"/etc/zypp/zypp.conf.d/b.conf": b"[main]\nsolver.onlyRequires = true\n"})
    assert read_zypp_settings(host).applies
    assert host.asked == []


def test_a_cache_in_another_place_is_not_the_usual_one() -> None:
    assert not read_zypp_settings(zypp_host({"/etc/zypp/zypp.conf": b"[main]\ncachedir = /srv/cache\n"})).usual
    assert main_values(b"[main]\n# cachedir = /x\n[x]\ncachedir = /y\n") == {}


def test_which_repositories_zypper_knows_nothing_of() -> None:
    files = {
        "/etc/zypp/repos.d/a.repo": b"[known]\nenabled=1\n[new/one]\nname=x\n[off]\nenabled=0\n",
        "/etc/zypp/repos.d/b.repo.old": b"[old]\nenabled=1\n",
        "/var/cache/zypp/raw/known/repodata/repomd.xml": b"",
    }
    assert uncached_repositories(zypp_host(files)) == ["new/one"]
    assert uncached_repositories(zypp_host({**files, "/var/cache/zypp/raw/new_one/cookie": b""})) == []


SHOWN = """{place}
RPMRC VALUES:
Macro path: {path}

========================
-13: _dbpath\t{body}
-13: _usr\t/usr
-13: _lib\tlib
-13: _libdir\t%{{_usr}}/%{{_lib}}
-13: _shell\t%(cat /srv/place)
-13: _me\t%{{_me}}
  2: with_options(x)\t%{{-x}}
======================== active 384 empty 0
"""
MACRO_PATH = (
    "/usr/lib/rpm/macros:/usr/lib/rpm/macros.d/macros.*:/usr/lib/rpm/platform/%{_target}/macros:/usr/lib/rpm/fileattrs/*.attr:"
    "/usr/lib/rpm/redhat/macros:/etc/rpm/macros.*:/etc/rpm/macros:/etc/rpm/%{_target}/macros:~/.rpmmacros"
)


@pytest.mark.parametrize(
    ("place", "body", "path", "known"),
    [
        # Whether a place is there and root's alone is looked at on this machine.
        ("/usr/lib", "/usr/lib", MACRO_PATH, True),
        ("/usr/lib", "%{_usr}/lib", MACRO_PATH, True),
        ("/usr/lib", "%{?_libdir}", MACRO_PATH, True),
        ("/usr/lib", "%_libdir", MACRO_PATH.replace("~/.rpmmacros", "~/.config/rpm/macros"), True),
        ("/tmp", "/tmp", MACRO_PATH, False),
        ("/nowhere/rpm", "/nowhere/rpm", MACRO_PATH, False),
        ("usr/lib", "usr/lib", MACRO_PATH, False),
        ("%{_dbpath}", "", MACRO_PATH, False),
        ("/usr/lib", "%(bash -c 'echo ~/.rpmdb')", MACRO_PATH, False),
        ("/usr/lib", "%{_shell}", MACRO_PATH, False),
        ("/usr/lib", "%{lua:print('/usr/lib')}", MACRO_PATH, False),
        ("/usr/lib", "%{_me}", MACRO_PATH, False),
        ("/usr/lib", "/usr/lib", MACRO_PATH + ":/srv/macros", False),
        ("/usr/lib", "/usr/lib", MACRO_PATH + ":/etc/rpm/../macros", False),
        ("/usr/lib", "/usr/lib", "", False),
    ],
)
def test_a_database_is_vouched_for_only_where_rpm_says_it_is(place: str, body: str, path: str, known: bool) -> None:
    host = ZyppHost({("rpm",): SHOWN.format(place=place, body=body, path=path)})
    inputs: Sequence[tuple[str, str]] | None = rpm_inputs(host)
    assert (inputs is not None) is known
    if inputs is not None:
        assert ("status", "/usr/lib/rpmdb.sqlite") in inputs
        assert ("journal", "/usr/lib/rpmdb.sqlite-wal") in inputs
        assert {("contents", "/etc/rpm"), ("statuses", "/usr/lib/rpm"), ("content", "/root/.rpmmacros")} <= set(inputs)
    assert rpm_inputs(host) == inputs
    assert len(host.asked) == 1


def test_a_failed_question_vouches_for_no_database() -> None:
    assert rpm_inputs(ZyppHost({("rpm",): (1, "/usr/lib\n", "error: x\n")})) is None
