# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One host, the real module on it within bounded time, and what a hostile account or an odd package needs on it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.lab import chroot
from tests.lab.hosts import Host
from tests.lab.packages import WORKSHOP
from tests.lab.playbook import PlayResult, run_module, write_inventory
from tests.support.hosts.fleet import Fleet

HOST_APP = "appban.endpoint.host_app"
APP = "tiktok-desktop"
FLATPAK = "com.tiktok.Desktop"
LEDGER = "/var/lib/appban/ledger.json"
LOOKED = "/var/lib/appban/looked.json"
INTENT = "/var/lib/appban/intent.json"
PIN = "/etc/apt/preferences.d/appban"
FILTER = "/etc/flatpak/appban.filter"
JANAS_FLATPAK = "/home/jana/.local/share/flatpak"
# What a run may take. A good one takes two or three seconds; the rest is for a busy machine.
SECONDS = 60.0

BANNED: Mapping[str, Any] = {
    "id": "tiktok",
    "identifiers": {"deb": [APP], "rpm": [APP], "pacman": [APP], "flatpak": [FLATPAK]},
}


def banned(app: str = "tiktok", **identifiers: str) -> dict[str, Any]:
    """An app with one name per kind."""
    return {"id": app, "identifiers": {kind: [name] for kind, name in identifiers.items()}}


@dataclass
class Machine:
    """A host, and the module run on it by ansible-playbook as an administrator would."""

    host: Host
    directory: Path
    # What stands before Python and its arguments in a wrapper of the interpreter: "umask 077; exec"; empty for no wrapper.
    preparation: str = ""
    # All that the last run said.
    said: str = field(default="", init=False, repr=False)

    def ban(self, *apps: Mapping[str, Any], check: bool = False, seconds: float = SECONDS, **options: Any) -> Mapping[str, Any]:
        """What the module returned; a failure is a result like others, a traceback or a run without an end is none."""
        try:
            done = self.play(*apps, check=check, seconds=seconds, **options)
        except subprocess.TimeoutExpired:
            self.host.kill_all()
            pytest.fail(f"the run had no end after {seconds:.0f} seconds")
        self.said = done.stdout + done.stderr
        assert "Traceback" not in self.said, self.said
        (task,) = done.of(self.host.name, HOST_APP)
        assert "module_stdout" not in task.result, task.result
        return task.result

    def lift(self, *apps: Mapping[str, Any], **options: Any) -> Mapping[str, Any]:
        """The same with the ban ended."""
        return self.ban(*apps, state="lifted", **options)

    def play(self, *apps: Mapping[str, Any], check: bool = False, seconds: float = SECONDS, **options: Any) -> PlayResult:
        """The whole run, whatever it came to. Raises subprocess.TimeoutExpired when it takes longer than seconds."""
        variables = {self.host.name: {"ansible_python_interpreter": self._interpreter()}}
        inventory = write_inventory(self.directory / "inventory.json", [self.host], host_variables=variables)
        arguments = {"apps": list(apps or (BANNED,)), **options}
        return run_module("all", HOST_APP, inventory, arguments=arguments, check=check, must_succeed=False, timeout=seconds)

    def _interpreter(self) -> str:
        if not self.preparation:
            return "/usr/bin/python3"
        # Ansible hands over a command line without a place for any preparation but this one.
        path = "/usr/bin/python3-prepared"
        self.host.write(path, f'#!/bin/sh\n{self.preparation} /usr/bin/python3 "$@"\n', 0o755)
        return path

    def as_jana(self, script: str) -> str:
        """Runs a shell script as the ordinary account and returns what it printed."""
        return self.host.run(["sh", "-euc", script], user="jana", check=True).stdout

    def as_root(self, script: str) -> str:
        """Runs a shell script as the administrator."""
        return self.host.run(["sh", "-euc", script], check=True).stdout


def told(result: Mapping[str, Any]) -> str:
    """Every sentence of a result that is for people."""
    lines = [str(result.get("msg", "")), *result.get("notes", ()), *result.get("drift", ())]
    lines += [each["message"] for each in result.get("refused", ())]
    lines += [str(each) for each in result.get("unsupported", ())]
    for app in result.get("apps", {}).values():
        lines += [str(app.get(key) or "") for key in ("error", "why_not_seen", "why_not_removed", "why_not_blocked")]
    return "\n".join(lines)


def seen(result: Mapping[str, Any], app: str = "tiktok") -> Mapping[str, Any]:
    """What a result says of one app; a run that failed before it could say anything fails the test with its message."""
    apps = result.get("apps") or {}
    assert app in apps, told(result)
    found: Mapping[str, Any] = apps[app]
    return found


def wait_for(what: str, true: Callable[[], bool], seconds: float = 30.0) -> None:
    """Returns as soon as something is true."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            pytest.fail(f"not within {seconds:.0f} seconds: {what}")
        time.sleep(0.05)


def module_process(host: Host) -> int:
    """The process of the module that runs on the host now."""
    found = []
    for process in host.processes():
        try:
            program = os.readlink(f"/proc/{process}/exe")
            children = Path(f"/proc/{process}/task/{process}/children").read_text(encoding="ascii")
        except OSError:
            continue
        if re.search(r"/python3[.0-9]*$", program) and children:
            found.append(process)
    assert len(found) == 1, f"{len(found)} processes look like the module"
    return found[0]


# -- packages with scripts, and with a program that runs ----------------------------------------------------------------

# The parts of a package that run when it goes.
BEFORE_REMOVAL = {"deb": "prerm", "rpm": "%preun", "pacman": "pre_remove"}


def build(host: Host, kind: str, name: str, *, before_removal: str = "", program: str = "", provides: Sequence[str] = ()) -> str:
    """Builds a package of one file, /opt/KIND/NAME/app, and returns its path on the host.

    Args:
        host: the host; it brings the tools.
        kind: deb, rpm or pacman.
        name: its name; the version is 1.0.
        before_removal: shell script that the package runs before it is removed.
        program: path of a program on the host whose copy is the app; a shell script otherwise.
        provides: what else it offers itself as.
    """
    top = host.path(f"{WORKSHOP}/{kind}-{name}")
    shutil.rmtree(top, ignore_errors=True)
    files = top / "files"
    app = files / "opt" / kind / name / "app"
    app.parent.mkdir(parents=True)
    if program:
        shutil.copyfile(host.path(program), app)
    else:
        app.write_text("#!/bin/sh\necho app\n", encoding="utf-8")
    app.chmod(0o755)
    inside = "/" + str(top.relative_to(host.root))
    {"deb": _build_deb, "rpm": _build_rpm, "pacman": _build_pacman}[kind](host, name, top, inside, before_removal, provides)
    host.path("/srv/odd").mkdir(exist_ok=True)
    (package,) = [path for path in top.iterdir() if path.name.startswith("built")] if kind != "rpm" else top.glob("built*")
    target = f"/srv/odd/{name}{package.name.removeprefix('built')}"
    shutil.copyfile(package, host.path(target))
    shutil.rmtree(top)
    return target


def install_built(host: Host, kind: str, name: str, **options: Any) -> None:
    """Builds such a package and installs it with the low-level tool."""
    tool = {"deb": ["dpkg", "-i"], "rpm": ["rpm", "-i"], "pacman": ["pacman", "--noconfirm", "-U"]}[kind]
    host.run([*tool, build(host, kind, name, **options)], check=True)


def _build_deb(host: Host, name: str, top: Path, inside: str, script: str, provides: Iterable[str]) -> None:
    control = top / "files" / "DEBIAN"
    control.mkdir()
    fields = f"Package: {name}\nVersion: 1.0\nArchitecture: all\nMaintainer: Lab <lab@localhost>\nDescription: odd\n"
    fields += "".join(f"Provides: {each}\n" for each in provides)
    (control / "control").write_text(fields, encoding="utf-8")
    if script:
        (control / "prerm").write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        (control / "prerm").chmod(0o755)
    host.run(["dpkg-deb", "--root-owner-group", "-b", f"{inside}/files", f"{inside}/built.deb"], check=True)


def _build_rpm(host: Host, name: str, top: Path, inside: str, script: str, provides: Iterable[str]) -> None:
    spec = f"Name: {name}\nVersion: 1.0\nRelease: 1\nSummary: odd\nLicense: GPL-3.0-or-later\nBuildArch: noarch\nAutoReqProv: no\n"
    spec += "".join(f"Provides: {each}\n" for each in provides)
    # A program of the host is no noarch file, and its symbols stay as they are.
    spec = "%global __os_install_post %{nil}\n%global _binaries_in_noarch_packages_terminate_build 0\n" + spec
    spec += f"%description\nodd\n%install\ncp -a {inside}/files/. %{{buildroot}}/\n%files\n/opt/rpm/{name}/app\n"
    if script:
        # The script's interpreter, which no rpm package brings on a Debian root.
        spec = spec.replace("%description", "Provides: /bin/sh\n%description", 1) + f"%preun\n{script}\n"
    (top / "package.spec").write_text(spec, encoding="utf-8")
    definitions = {"_topdir": inside, "_rpmdir": inside, "_build_name_fmt": "built.rpm"}
    defines = [word for key, value in definitions.items() for word in ("--define", f"{key} {value}")]
    host.run(["rpmbuild", "--quiet", *defines, "-bb", f"{inside}/package.spec"], check=True)


def _build_pacman(host: Host, name: str, top: Path, inside: str, script: str, provides: Iterable[str]) -> None:
    info = f"pkgname = {name}\npkgbase = {name}\npkgver = 1.0-1\npkgdesc = odd\nurl = https://localhost/\nbuilddate = 1700000000\n"
    info += "packager = Lab <lab@localhost>\nsize = 100\narch = any\n" + "".join(f"provides = {each}\n" for each in provides)
    files = top / "files"
    (files / ".PKGINFO").write_text(info, encoding="utf-8")
    parts = [".PKGINFO"]
    if script:
        (files / ".INSTALL").write_text(f"pre_remove() {{\n{script}\n}}\n", encoding="utf-8")
        parts.append(".INSTALL")
    owner = ["--uid=0", "--gid=0", "--uname=root", "--gname=root"]
    mtree = "!all,use-set,type,uid,gid,mode,time,size,md5,sha256,link"
    command = ["bsdtar", "-czf", ".MTREE", "--format=mtree", f"--options={mtree}", *owner, *parts, "opt"]
    host.run(command, cwd=f"{inside}/files", check=True)
    command = ["bsdtar", "--zstd", "-cf", f"{inside}/built.pkg.tar.zst", *owner, *parts, ".MTREE", "opt"]
    host.run(command, cwd=f"{inside}/files", check=True)


def start_app(host: Host, path: str, *arguments: str) -> subprocess.Popen[bytes]:
    """Starts a program of the host as the ordinary account; it ends with the host at the latest."""
    account = chroot.JANA
    command = ["chroot", f"--userspec={account.uid}:{account.uid}", str(host.root), path, *arguments]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for(f"{path} runs", lambda: os.readlink(f"/proc/{process.pid}/exe").endswith(path))
    return process


# -- hosts of the real playbook ------------------------------------------------------------------------------------------


def add_host(fleet: Fleet, name: str, backends: Sequence[str], **variables: Any) -> Host:
    """A host that has these package managers and no other, so that nothing needs to be left out by option."""
    return fleet.add(name, backends, ownership="corporate", **variables)
