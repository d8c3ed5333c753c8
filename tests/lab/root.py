# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's root: one Debian tree with every package manager, built once and cached.

Recipe and quirks: fact sheet hosts_linux 16.2. The archive is the one the build machine's own apt uses.
"""

from __future__ import annotations

import ast
import contextlib
import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from .apt_sources import codename, debian_sources
from .chroot import JANA, run
from .mounts import detach_interfaces, mount_interfaces
from .packages import REMOTE, REPOSITORY, build_repositories, package_path

Progress = Callable[[str], None]

# createrepo-c, libarchive-tools (bsdtar) and zstd build the lab's packages; Debian's rpm brings rpmbuild. dbus is the
# system bus that flatpak asks when a plain user installs (fact sheet hosts_linux 7.4).
MANAGERS = ("python3", "python3-apt", "dnf", "rpm", "zypper", "pacman-package-manager", "flatpak")
TOOLS = ("createrepo-c", "libarchive-tools", "zstd", "dbus", "passwd")
KEPT_SECONDS = 86_400

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parent.parent
LAB_DIRECTORY = CHECKOUT / ".build" / "lab"


class RootNotBuilt(RuntimeError):
    """The root could not be built; the text ends with the last lines of the tool that failed."""


_PARSING = threading.Lock()


def ensure_root(progress: Progress = lambda line: None, directory: Path = LAB_DIRECTORY) -> Path:
    """Returns the cached root, building it first (half a minute to two) when the recipe changed or nothing is there.

    Safe to call from several processes at once: one builds, the others wait. Call it inside a private mount namespace.
    """
    directory.mkdir(parents=True, exist_ok=True)
    root = directory / f"root-{recipe_hash()}"
    if not root.is_dir():
        with locked(directory / "root.lock", progress):
            if not root.is_dir():
                _build(root, progress)
                _prune(directory, keep=root)
    os.utime(root)
    return root


def recipe_hash() -> str:
    """Names the root: changes with the release, the machine's architecture and the files that make up the recipe."""
    digest = hashlib.sha256(f"{codename()} {platform.machine()}".encode())
    # The parsed form, so that a comment does not cost a build. One thread at a time: Python 3.11 counts its depth for all of them.
    with _PARSING:
        for name in ("root.py", "packages.py", "chroot.py", "mounts.py"):
            digest.update(ast.dump(ast.parse((HERE / name).read_bytes())).encode())
    return digest.hexdigest()[:16]


@contextlib.contextmanager
def locked(path: Path, progress: Progress) -> Iterator[None]:
    """Holds a lock file; says so when it has to wait. The kernel gives the lock back when the process ends."""
    with path.open("w", encoding="utf-8") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress(f"another process is at work on {path.stem}; waiting for it")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _build(root: Path, progress: Progress) -> None:
    started = time.monotonic()
    scratch = Path(tempfile.mkdtemp(prefix="root.", suffix=".tmp", dir=root.parent))
    tree = scratch / "tree"
    try:
        progress("building the lab's root: Debian with apt, dnf, zypper, pacman and flatpak (about a minute, once)")
        _bootstrap(tree, scratch)
        # mkdtemp makes directories that only root may enter; the tree's own top is the hosts' / .
        tree.chmod(0o755)
        progress(f"root: {time.monotonic() - started:.0f} s; preparing the package managers")
        mount_interfaces(tree)
        _prepare(tree)
        progress("building the lab's packages and repositories")
        build_repositories(tree)
        _configure(tree)
        detach_interfaces(tree)
        tree.rename(root)
        progress(f"the lab's root is ready after {time.monotonic() - started:.0f} s: {root}")
    finally:
        detach_interfaces(tree)
        shutil.rmtree(scratch, ignore_errors=True)


def _bootstrap(tree: Path, scratch: Path) -> None:
    release = codename()
    sources = scratch / "debian.list"
    sources.write_text(debian_sources(release), encoding="utf-8")
    command = [
        "mmdebstrap",
        "--mode=root",
        "--format=directory",
        "--variant=apt",
        "--dpkgopt=force-unsafe-io",
        '--aptopt=Acquire::Languages "none"',
        "--aptopt=Acquire::Retries 3",
        f"--include={','.join((*MANAGERS, *TOOLS))}",
        release,
        str(tree),
        str(sources),
    ]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL, check=False)
    if done.returncode != 0:
        said = "\n".join(done.stderr.splitlines()[-15:])
        raise RootNotBuilt(f"mmdebstrap ended with {done.returncode}; its last words:\n{said}")


def _prepare(tree: Path) -> None:
    """What must hold before packages can be built: no outside sources, databases in one place, accounts, no services."""
    for path in (*tree.glob("etc/apt/sources.list"), *tree.glob("etc/apt/sources.list.d/*")):
        path.unlink()
    for name in ("apt/apt.conf.d", "dpkg/dpkg.cfg.d"):
        (tree / "etc" / name / "99mmdebstrap").unlink(missing_ok=True)
    for path in tree.glob("var/lib/apt/lists/*_*"):
        path.unlink()
    # Debian keeps the rpm database in the user's home, zypper reads /var/lib/rpm (fact sheet hosts_linux 16.2).
    _write(tree, "etc/rpm/macros", "%_dbpath /var/lib/rpm\n")
    _write(tree, "etc/resolv.conf", "# the lab has no network\n")
    _write(tree, "etc/hosts", "127.0.0.1 localhost\n::1 localhost\n")
    _write(tree, "usr/sbin/policy-rc.d", "#!/bin/sh\n# No service starts in the lab.\nexit 101\n", mode=0o755)
    run(tree, ["useradd", "--create-home", "--uid", str(JANA.uid), "--shell", "/bin/sh", JANA.name], check=True)
    run(tree, ["dbus-uuidgen", "--ensure=/etc/machine-id"], check=True)


def _configure(tree: Path) -> None:
    """Points every manager to its local repository, reads the metadata once and seeds the empty databases."""
    _write(tree, "etc/apt/sources.list.d/lab.list", f"deb [trusted=yes lang=none] file:{REPOSITORY}/deb ./\n")
    repo = f"[lab]\nname=lab\nbaseurl=file://{REPOSITORY}/rpm\nenabled=1\ngpgcheck=0\n"
    _write(tree, "etc/yum.repos.d/lab.repo", repo + "metadata_expire=never\n")
    # Without it dnf complains at every start: Debian has no package that says which release of it this is.
    _write(tree, "etc/dnf/vars/releasever", "1\n")
    _write(tree, "etc/zypp/repos.d/lab.repo", repo + "autorefresh=0\ntype=rpm-md\n")
    pacman = "[options]\nHoldPkg = pacman glibc lab-agent\nArchitecture = auto\nSigLevel = Never\n\n"
    _write(tree, "etc/pacman.conf", f"{pacman}[lab]\nServer = file://{REPOSITORY}/pacman\n")

    run(tree, ["rpm", "--initdb"], check=True)
    run(tree, ["apt-get", "-qq", "update"], check=True)
    run(tree, ["rpm", "-i", "--nodeps", package_path("rpm", "lab-seed")], check=True)
    run(tree, ["dnf", "-q", "makecache"], check=True)
    run(tree, ["zypper", "-n", "-q", "refresh"], check=True)
    run(tree, ["pacman", "-Sy", "--noconfirm"], check=True)
    run(tree, ["pacman", "-S", "--noconfirm", "lab-seed"], check=True)
    remote = ["remote-add", "--no-gpg-verify", REMOTE, f"file://{REPOSITORY}/flatpak"]
    run(tree, ["flatpak", remote[0], "--system", *remote[1:]], check=True)
    run(tree, ["flatpak", remote[0], "--user", *remote[1:]], user="jana", check=True)


def _write(tree: Path, path: str, content: str, mode: int = 0o644) -> None:
    target = tree / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(content, encoding="utf-8")
    target.chmod(mode)


def _prune(directory: Path, keep: Path) -> None:
    """Removes what killed builds left (the caller holds the lock) and roots of older recipes.

    A root that was used within a day may still carry hosts of another process.
    """
    for scratch in directory.glob("root.*.tmp"):
        shutil.rmtree(scratch, ignore_errors=True)
    for old in directory.glob("root-*"):
        if old != keep and time.time() - old.stat().st_mtime > KEPT_SECONDS:
            shutil.rmtree(old, ignore_errors=True)
