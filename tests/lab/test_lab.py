# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab itself: hosts are fresh, apart from each other, gone afterwards; snapshots and write lists miss nothing."""

from __future__ import annotations

import errno
import os
import re
import signal
import struct
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.conftest import Fleet
from tests.lab import mounts, root
from tests.lab.chroot import PATH, CommandFailed
from tests.lab.hosts import Host, Lab
from tests.lab.packages import BANNED, Package, build_package, package, package_path
from tests.lab.snapshot import Snapshot, layer, snapshot, writes_since

# -- hosts -------------------------------------------------------------------------------------------------------------


def test_hosts_are_apart_and_the_root_below_stays_as_built(lab: Lab, lab_fleet: Fleet) -> None:
    one, other = lab_fleet(2)
    one.install("deb", BANNED)
    one.write("/etc/marker", "one\n")
    assert not other.path("/etc/marker").exists()
    assert BANNED not in other.run(["dpkg-query", "-W"], check=True).stdout
    assert not (lab.lower / "etc/marker").exists()


def test_host_is_gone_with_its_mounts_and_processes(lab: Lab) -> None:
    host = lab.create("short-lived")
    process = subprocess.Popen(["chroot", str(host.root), "sleep", "600"], stdin=subprocess.DEVNULL)
    try:
        while process.pid not in host.processes():
            assert process.poll() is None
            os.sched_yield()
        lab.destroy(host)
        assert process.wait(timeout=10) == -signal.SIGKILL
    finally:
        process.kill()
        process.wait()
    assert mounts.mounts_below(host.root.parent) == []
    assert not host.root.parent.exists()
    assert Path("/dev/null").is_char_device()


def test_two_labs_at_once_leave_each_other_alone(lab: Lab, lab_host: Host) -> None:
    """Another process has a host of the same name at the same path; destroying it must not end our processes."""
    with subprocess.Popen(["chroot", str(lab_host.root), "sleep", "600"], stdin=subprocess.DEVNULL) as process:
        try:
            while process.pid not in lab_host.processes():
                assert process.poll() is None
                os.sched_yield()
            program = (
                "from tests.lab.hosts import Lab; import sys; lab = Lab.open(); print(lab.create(sys.argv[1]).processes()); lab.close()"
            )
            environment = {**os.environ, "PYTHONPATH": "."}
            done = subprocess.run(
                [sys.executable, "-c", program, lab_host.name],
                cwd=root.CHECKOUT,
                env=environment,
                capture_output=True,
                text=True,
                check=True,
            )
            assert done.stdout == "[]\n"
            assert process.poll() is None
        finally:
            process.kill()


def test_the_machine_sees_no_mount_of_the_lab(lab: Lab, lab_host: Host) -> None:
    """Process 1 lives in the machine's own namespace (or is this one's parent); ours must not be there."""
    assert mounts.mounts_below(lab_host.root)
    assert str(lab.directory) not in Path("/proc/1/mountinfo").read_text(encoding="utf-8")


def test_name_in_use_is_refused(lab: Lab, lab_host: Host) -> None:
    with pytest.raises(ValueError, match="already has a host h01"):
        lab.create(lab_host.name)


def test_nothing_asks_the_network(lab_host: Host) -> None:
    """The managers know local repositories only; a command that refreshes them works without any network."""
    unshared = ["unshare", "--net", "chroot", str(lab_host.root)]
    for command in (["apt-get", "update"], ["dnf", "--refresh", "makecache"], ["zypper", "-n", "refresh", "-f"], ["pacman", "-Syy"]):
        done = subprocess.run(
            [*unshared, *command], capture_output=True, text=True, stdin=subprocess.DEVNULL, env={"LC_ALL": "C", "PATH": PATH}, check=False
        )
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        assert "W: " not in done.stderr


def test_failed_command_says_what_it_said(lab_host: Host) -> None:
    with pytest.raises(CommandFailed, match=r"(?s)rpm -e no-such-package ended with 1\n.*package no-such-package is not installed"):
        lab_host.run(["rpm", "-e", "no-such-package"], check=True)


def test_commands_run_as_the_user_asked_for(lab_host: Host) -> None:
    assert lab_host.run(["sh", "-c", "id -un; id -u; pwd; echo $HOME"], user="jana", check=True).stdout.split() == [
        "jana",
        "1001",
        "/",
        "/home/jana",
    ]


def test_checkout_may_have_any_name(lab: Lab, lab_host: Host, tmp_path: Path) -> None:
    """Blanks, colons and commas mean something to mount, and a clone may lie anywhere."""
    odd = tmp_path / "my lab: a,b"
    odd.mkdir()
    mounts.mount("tmpfs", odd, "tmpfs")
    other = Lab(lower=lab.lower, directory=odd)
    try:
        host = other.create("h 1")
        assert host.run(["dpkg-query", "-W", "apt"], check=True).stdout.startswith("apt\t")
        assert str(host.root / "proc") in mounts.mounts_below(host.root)
    finally:
        other.close()
    assert mounts.mounts_below(odd) == []


# -- packages ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["deb", "rpm", "pacman"])
def test_package_built_for_one_test(lab_host: Host, kind: str) -> None:
    odd = Package("odd", "3.2", provides=("oddity",), conflicts=("vlc-lab",))
    path = build_package(lab_host.root, kind, odd, "/srv/extra")
    assert lab_host.path(path).is_file()
    lab_host.install(kind, "vlc-lab")
    tool = {"deb": ["dpkg", "-i"], "rpm": ["rpm", "-i"], "pacman": ["pacman", "--noconfirm", "-U"]}[kind]
    assert lab_host.run([*tool, path]).returncode != 0
    remove = {"deb": ["dpkg", "-P"], "rpm": ["rpm", "-e"], "pacman": ["pacman", "--noconfirm", "-R"]}[kind]
    lab_host.run([*remove, "vlc-lab"], check=True)
    lab_host.run([*tool, path], check=True)
    assert lab_host.path(f"/opt/{kind}/odd/app").is_file()


def test_every_package_file_is_there(lab_host: Host) -> None:
    for kind in ("deb", "rpm", "pacman"):
        for version in ("1.0", "2.0"):
            assert lab_host.path(package_path(kind, BANNED, version)).is_file()
    with pytest.raises(KeyError, match="no package tiktok-desktop 9"):
        package(BANNED, "9")


# -- snapshots ---------------------------------------------------------------------------------------------------------


def test_snapshot_names_every_difference(lab_host: Host) -> None:
    before = snapshot(lab_host)
    assert before.difference(snapshot(lab_host)) == []
    lab_host.write("/etc/hosts", "127.0.0.1 elsewhere\n")
    lab_host.write("/etc/new", "new\n")
    lab_host.path("/etc/resolv.conf").unlink()
    lab_host.path("/etc/machine-id").chmod(0o600)
    lab_host.install("pacman", "vlc-lab")
    lines = before.difference(snapshot(lab_host, paths=["/etc"]))
    assert [line for line in lines if not line.startswith("gone /")] == [
        "changed /etc/hosts (content)",
        "changed /etc/machine-id (mode)",
        "added /etc/new",
        "pacman: added vlc-lab 1.0-1",
    ]
    assert "gone /etc/resolv.conf" in lines


# A POSIX ACL as the kernel keeps it: version 2, then tag, permissions and id of each entry. The owner may read and write, jana may
# read, the group, the mask and all others may read.
NO_ID = 0xFFFFFFFF
ACL_FOR_JANA = struct.pack("<I", 2) + b"".join(
    struct.pack("<HHI", *entry) for entry in ((0x01, 6, NO_ID), (0x02, 4, 1001), (0x04, 4, NO_ID), (0x10, 4, NO_ID), (0x20, 4, NO_ID))
)


@pytest.mark.parametrize(
    ("path", "name", "value"),
    [
        ("/etc/hosts", "trusted.note", b"1"),
        ("/etc/hosts", "security.note", b"1"),
        ("/etc/hosts", "system.posix_acl_access", ACL_FOR_JANA),
        ("/etc/apt/preferences.d", "system.posix_acl_default", ACL_FOR_JANA),
        ("/usr/local/bin", "security.note", b"on a directory"),
    ],
)
def test_snapshot_sees_extended_attributes_and_acls(lab_host: Host, path: str, name: str, value: bytes) -> None:
    before = snapshot(lab_host)
    os.setxattr(lab_host.path(path), name, value)
    with_it = snapshot(lab_host)
    assert before.difference(with_it) == [f"changed {path} (attributes)"]
    assert with_it.files[path].attributes == ((name, value),)
    os.removexattr(lab_host.path(path), name)
    assert before.difference(snapshot(lab_host)) == []


def test_snapshot_sees_attributes_that_a_person_set(lab_host: Host) -> None:
    try:
        os.setxattr(lab_host.path("/etc/hosts"), "user.note", b"mine")
    except OSError as error:
        # A tmpfs holds them since Linux 6.6.
        assert error.errno == errno.EOPNOTSUPP
        assert tuple(int(each) for each in re.findall(r"\d+", os.uname().release)[:2]) < (6, 6)
        return
    assert snapshot(lab_host).files["/etc/hosts"].attributes == (("user.note", b"mine"),)


def test_snapshot_sees_hard_links(lab_host: Host) -> None:
    lab_host.write("/etc/one", "same\n")
    lab_host.run(["ln", "/etc/one", "/etc/two"], check=True)
    lab_host.run(["ln", "/etc/one", "/srv/elsewhere"], check=True)
    before = snapshot(lab_host)
    assert (before.files["/etc/one"].links, before.files["/etc/one"].linked) == (3, ("/etc/two",))
    # The same bytes in a file of its own.
    lab_host.run(["sh", "-c", "cp -p /etc/one /etc/new && mv /etc/new /etc/one"], check=True)
    assert before.difference(snapshot(lab_host)) == ["changed /etc/one (links, linked)", "changed /etc/two (links, linked)"]
    # A name that the snapshot doesn't watch counts as well.
    before = snapshot(lab_host)
    lab_host.path("/srv/elsewhere").unlink()
    assert before.difference(snapshot(lab_host)) == ["changed /etc/two (links)"]


def test_snapshot_sees_holds_and_selections_of_packages_that_are_not_installed(lab_host: Host) -> None:
    before = snapshot(lab_host)
    lab_host.run(["apt-mark", "hold", "vlc-lab"], check=True)
    assert before.difference(snapshot(lab_host)) == ["deb selections: added vlc-lab hn"]
    lab_host.run(["dpkg", "--set-selections"], stdin="vlc-lab install\n", check=True)
    assert before.difference(snapshot(lab_host)) == ["deb selections: added vlc-lab in"]
    lab_host.run(["dpkg", "--set-selections"], stdin="apt hold\n", check=True)
    version = lab_host.run(["dpkg-query", "-W", "-f=${Version}", "apt"], check=True).stdout
    assert before.difference(snapshot(lab_host)) == [
        f"deb: gone apt {version} ii",
        f"deb: added apt {version} hi",
        "deb selections: added vlc-lab in",
    ]


def test_equal_snapshots_compare_equal() -> None:
    assert Snapshot({}, {"deb": frozenset()}) == Snapshot({}, {"deb": frozenset()})


def test_identical_rewrite_is_a_write(lab_host: Host) -> None:
    lab_host.write("/etc/ours", "same\n")
    before = layer(lab_host)
    assert writes_since(lab_host, before) == []
    lab_host.run(["sh", "-c", "cat /etc/ours /etc/hosts && ls -R /etc"], check=True)
    assert writes_since(lab_host, before) == []
    lab_host.run(["sh", "-c", "cat /etc/ours > /tmp/x && cat /tmp/x > /etc/ours"], check=True)
    assert writes_since(lab_host, before) == ["/etc/ours"]


def test_replacing_removing_and_touching_are_writes(lab_host: Host) -> None:
    lab_host.write("/etc/ours", "same\n")
    before = layer(lab_host)
    lab_host.run(["sh", "-c", "cp -p /etc/ours /etc/ours.new && mv /etc/ours.new /etc/ours"], check=True)
    assert writes_since(lab_host, before) == ["/etc", "/etc/ours"]
    before = layer(lab_host)
    lab_host.run(["rm", "/etc/hosts"], check=True)
    assert "/etc/hosts" in writes_since(lab_host, before)
    before = layer(lab_host)
    lab_host.run(["chmod", "600", "/usr/local/bin"], check=True)
    assert writes_since(lab_host, before) == ["/usr/local/bin"]
    assert writes_since(lab_host, before, allow=["/usr/*"]) == []
    before = layer(lab_host)
    lab_host.run(["touch", "/tmp/x", "/run/x"], check=True)
    assert writes_since(lab_host, before) == []


# -- the root's cache --------------------------------------------------------------------------------------------------


def test_two_builders_build_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[Path] = []
    started = threading.Event()

    def build(target: Path, progress: root.Progress) -> None:
        built.append(target)
        started.set()
        target.mkdir()

    monkeypatch.setattr(root, "_build", build)
    said: list[str] = []
    with root.locked(tmp_path / "root.lock", said.append):
        waiting = threading.Event()

        def progress(line: str) -> None:
            said.append(line)
            waiting.set()

        results: list[Path] = []
        threads = [threading.Thread(target=lambda: results.append(root.ensure_root(progress, tmp_path))) for _each in range(2)]
        for thread in threads:
            thread.start()
        assert waiting.wait(timeout=30)
        assert not started.is_set()
    for thread in threads:
        thread.join(timeout=30)
    assert len(built) == 1
    assert results == [built[0], built[0]]
    assert "another process is at work on root; waiting for it" in said


def test_failed_build_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def bootstrap(tree: Path, scratch: Path) -> None:
        tree.mkdir()
        raise root.RootNotBuilt("no archive today")

    monkeypatch.setattr(root, "_bootstrap", bootstrap)
    with pytest.raises(root.RootNotBuilt, match="no archive today"):
        root.ensure_root(directory=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["root.lock"]


def test_killed_process_leaves_no_mount(lab: Lab) -> None:
    """A process that is killed while its hosts are up takes every mount with it."""
    program = "from tests.lab.hosts import Lab; import sys, time; Lab.open().create('k1'); print('up', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=root.CHECKOUT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": "."},
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        table = Path(f"/proc/{process.pid}/mountinfo").read_text(encoding="utf-8")
        assert "/.build/lab/run/k1/root " in table
        process.kill()
    assert "/k1/root " not in Path("/proc/self/mountinfo").read_text(encoding="utf-8")
    assert "/k1/root " not in Path("/proc/1/mountinfo").read_text(encoding="utf-8")


# -- skipping ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("ci", "exit_code"), [("", 0), ("true", 1)])
def test_without_root_the_lab_skips_loudly_and_ci_fails(tmp_path: Path, ci: str, exit_code: int) -> None:
    program = "import os, sys; os.geteuid = lambda: 1000; import pytest; sys.exit(pytest.main(sys.argv[1:]))"
    test = "tests/lab/test_lab.py::test_every_package_file_is_there"
    done = subprocess.run(
        [sys.executable, "-c", program, "-o", f"cache_dir={tmp_path}", test],
        cwd=root.CHECKOUT,
        env={**os.environ, "CI": ci, "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    assert done.returncode == exit_code, done.stdout
    assert "not root" in done.stdout
    if not ci:
        assert "NOT TESTED: real package managers" in done.stdout
        assert "1 skipped" in done.stdout
