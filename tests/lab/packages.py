# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's packages: one table, built in every format, and the local repositories that offer them.

The set is the one of fact sheet hosts_linux 16.3: each package is a trap that a removal or a block can fall into.
Every builder works inside a tree (the lab's root or a host on top of it) with that tree's own tools.

Installed files carry the format in their path, so one host can hold the same app from every package manager at once.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import shutil
import tarfile
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .chroot import run

FORMATS = ("deb", "rpm", "pacman")
REPOSITORY = "/srv/repo"
REMOTE = "lab"
WORKSHOP = "srv/build"


@dataclass(frozen=True)
class Package:
    """One package; relations are written as Debian writes them and mean the same in every format."""

    name: str
    version: str = "1.0"
    summary: str = "package of the lab"
    depends: tuple[str, ...] = ()
    recommends: tuple[str, ...] = ()
    provides: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    essential: bool = False
    protected: bool = False
    # A configuration file (left behind by a plain deb removal: state rc) and a launcher in the desktop's menu.
    desktop_app: bool = False
    formats: tuple[str, ...] = FORMATS

    def file_name(self, kind: str) -> str:
        """The file name of the built package in one format."""
        return {
            "deb": f"{self.name}_{self.version}_all.deb",
            "rpm": f"{self.name}-{self.version}-1.noarch.rpm",
            "pacman": f"{self.name}-{self.version}-1-any.pkg.tar.zst",
        }[kind]

    def files(self, kind: str) -> dict[str, str]:
        """What the package installs: absolute path -> content."""
        content = {f"/opt/{kind}/{self.name}/app": f"#!/bin/sh\necho {self.name} {self.version}\n"}
        if self.desktop_app:
            content[self.config_path(kind)] = f"# settings of {self.name}\nchannel=stable\n"
            content[f"/usr/share/applications/{self.name}-{kind}.desktop"] = (
                f"[Desktop Entry]\nType=Application\nName={self.summary}\nExec=/opt/{kind}/{self.name}/app\n"
            )
        if (self.essential or self.protected) and kind == "rpm":
            # What dnf calls protected; it has no flag in the package itself.
            content[f"/etc/dnf/protected.d/{self.name}.conf"] = f"{self.name}\n"
        return content

    def config_path(self, kind: str) -> str:
        """The configuration file of a desktop app."""
        return f"/etc/opt/{kind}/{self.name}.conf"


BANNED = "tiktok-desktop"

PACKAGES = (
    Package(BANNED, "1.0", "TikTok", desktop_app=True),
    Package(BANNED, "2.0", "TikTok", desktop_app=True),
    Package("tiktok-rev", summary="another provider of the banned app", provides=(BANNED,)),
    Package("media-suite", summary="needs the banned app", depends=(BANNED,)),
    Package("media-alt", summary="is content with an alternative", depends=(f"{BANNED} | vlc-lab",), formats=("deb",)),
    Package("media-rec", summary="recommends the banned app", recommends=(BANNED,), formats=("deb", "rpm")),
    Package("vlc-lab", summary="innocent"),
    Package("tiktok-desktop-docs", summary="innocent, with a name that looks like the banned one"),
    Package("lab-agent", summary="essential: no one may remove it", essential=True),
    # zypper 1.14 and other tools fail on databases that are empty (fact sheet hosts_linux 4.7 and 5.6).
    Package("lab-seed", summary="keeps the databases from being empty", formats=("rpm", "pacman")),
)

FLATPAK_RUNTIME = "org.lab.Platform"
FLATPAK_APPS = {
    "com.tiktok.Desktop": "the banned app",
    "com.tiktok.Lite": "its smaller form",
    "com.tiktok.DesktopNotes": "innocent, with an id that looks like the banned one",
    "org.lab.Good": "innocent",
}


def package(name: str, version: str = "1.0") -> Package:
    """The package of the table with this name and version."""
    for candidate in PACKAGES:
        if (candidate.name, candidate.version) == (name, version):
            return candidate
    raise KeyError(f"the lab has no package {name} {version}")


def package_path(kind: str, name: str, version: str = "1.0") -> str:
    """Where a package file lies inside every host, for installs by file."""
    return f"{REPOSITORY}/{kind}/{package(name, version).file_name(kind)}"


def build_repositories(tree: Path) -> None:
    """Builds every package and every repository inside the tree, under /srv/repo."""
    for kind in FORMATS:
        for entry in PACKAGES:
            if kind in entry.formats:
                build_package(tree, kind, entry, f"{REPOSITORY}/{kind}")
    index_debs(tree, f"{REPOSITORY}/deb")
    index_rpms(tree, f"{REPOSITORY}/rpm")
    index_pacman(tree, f"{REPOSITORY}/pacman")
    build_flatpaks(tree, f"{REPOSITORY}/flatpak")
    shutil.rmtree(tree / WORKSHOP, ignore_errors=True)


def build_package(tree: Path, kind: str, entry: Package, directory: str) -> str:
    """Builds one package inside the tree; returns the path (inside the tree) of the file, which lies in directory."""
    (tree / directory.lstrip("/")).mkdir(parents=True, exist_ok=True)
    workshop = tree / WORKSHOP / kind / f"{entry.name}-{entry.version}"
    if workshop.exists():
        shutil.rmtree(workshop)
    workshop.mkdir(parents=True)
    {"deb": _build_deb, "rpm": _build_rpm, "pacman": _build_pacman}[kind](tree, entry, workshop, directory)
    shutil.rmtree(workshop)
    return f"{directory}/{entry.file_name(kind)}"


def _write_files(directory: Path, files: dict[str, str]) -> None:
    for path, content in files.items():
        target = directory / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content, encoding="utf-8")
        target.chmod(0o755 if path.endswith("/app") else 0o644)


# -- deb ---------------------------------------------------------------------------------------------------------------


def _deb_control(entry: Package) -> str:
    fields = {
        "Package": entry.name,
        "Version": entry.version,
        "Architecture": "all",
        "Maintainer": "Lab <lab@localhost>",
        "Section": "misc",
        "Priority": "optional",
        "Essential": "yes" if entry.essential else "",
        "Protected": "yes" if entry.protected else "",
        "Depends": ", ".join(entry.depends),
        "Recommends": ", ".join(entry.recommends),
        "Provides": ", ".join(entry.provides),
        "Conflicts": ", ".join(entry.conflicts),
        "Description": entry.summary,
    }
    return "".join(f"{key}: {value}\n" for key, value in fields.items() if value)


def _build_deb(tree: Path, entry: Package, workshop: Path, directory: str) -> None:
    _write_files(workshop, entry.files("deb"))
    files = {"/DEBIAN/control": _deb_control(entry)}
    if entry.desktop_app:
        files["/DEBIAN/conffiles"] = entry.config_path("deb") + "\n"
    _write_files(workshop, files)
    inside = "/" + str(workshop.relative_to(tree))
    run(tree, ["dpkg-deb", "--root-owner-group", "-b", inside, f"{directory}/{entry.file_name('deb')}"], check=True)


def index_debs(tree: Path, directory: str) -> None:
    """Writes Packages and Packages.gz for the debs of a directory, both versions of a package included.

    Essential packages stay out of the index, because apt installs those unasked at the next dist-upgrade.
    """
    stanzas = []
    for path in sorted((tree / directory.lstrip("/")).glob("*.deb")):
        control = run(tree, ["dpkg-deb", "-f", f"{directory}/{path.name}"], check=True).stdout
        if "\nEssential: yes\n" in control:
            continue
        content = path.read_bytes()
        stanzas.append(f"{control}Filename: ./{path.name}\nSize: {len(content)}\nSHA256: {hashlib.sha256(content).hexdigest()}\n")
    index = "\n".join(stanzas).encode()
    (tree / directory.lstrip("/") / "Packages").write_bytes(index)
    (tree / directory.lstrip("/") / "Packages.gz").write_bytes(gzip.compress(index, mtime=0))


# -- rpm ---------------------------------------------------------------------------------------------------------------


def _rpm_spec(entry: Package) -> str:
    def tags(tag: str, values: Iterable[str]) -> str:
        return "".join(f"{tag}: {value}\n" for value in values)

    head = tags("Name", [entry.name]) + tags("Version", [entry.version]) + tags("Release", ["1"]) + tags("Summary", [entry.summary])
    head += tags("License", ["GPL-3.0-or-later"]) + tags("BuildArch", ["noarch"])
    # The scripts name /bin/sh, which no rpm package provides on a Debian root.
    head += tags("AutoReqProv", ["no"])
    head += tags("Requires", entry.depends) + tags("Recommends", entry.recommends)
    head += tags("Provides", entry.provides) + tags("Conflicts", entry.conflicts)
    body = f"%description\n{entry.summary}\n%install\ncp -a %{{_sourcedir}}/. %{{buildroot}}/\n%files\n"
    for path in entry.files("rpm"):
        body += f"%config {path}\n" if path.startswith("/etc/") else f"{path}\n"
    return head + body


def _build_rpm(tree: Path, entry: Package, workshop: Path, directory: str) -> None:
    _write_files(workshop / "source", entry.files("rpm"))
    (workshop / "package.spec").write_text(_rpm_spec(entry), encoding="utf-8")
    inside = "/" + str(workshop.relative_to(tree))
    definitions = {
        "_topdir": inside,
        "_sourcedir": f"{inside}/source",
        "_rpmdir": directory,
        "_build_name_fmt": "%%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm",
    }
    defines = [word for key, value in definitions.items() for word in ("--define", f"{key} {value}")]
    run(tree, ["rpmbuild", "--quiet", *defines, "-bb", f"{inside}/package.spec"], check=True)


def index_rpms(tree: Path, directory: str) -> None:
    """Writes the metadata dnf and zypper read."""
    run(tree, ["createrepo_c", "-q", directory], check=True)


# -- pacman ------------------------------------------------------------------------------------------------------------


def _build_pacman(tree: Path, entry: Package, workshop: Path, directory: str) -> None:
    files = entry.files("pacman")
    _write_files(workshop, files)
    info = [
        ("pkgname", entry.name),
        ("pkgbase", entry.name),
        ("pkgver", f"{entry.version}-1"),
        ("pkgdesc", entry.summary),
        ("url", "https://localhost/"),
        ("builddate", "1700000000"),
        ("packager", "Lab <lab@localhost>"),
        ("size", str(sum(len(content) for content in files.values()))),
        ("arch", "any"),
        *(("depend", value) for value in entry.depends),
        *(("provides", value) for value in entry.provides),
        *(("conflict", value) for value in entry.conflicts),
        *(("backup", path.lstrip("/")) for path in files if path.startswith("/etc/")),
    ]
    (workshop / ".PKGINFO").write_text("".join(f"{key} = {value}\n" for key, value in info), encoding="utf-8")
    top = sorted({path.split("/")[1] for path in files})
    inside = "/" + str(workshop.relative_to(tree))
    mtree = "!all,use-set,type,uid,gid,mode,time,size,md5,sha256,link"
    owner = ["--uid=0", "--gid=0", "--uname=root", "--gname=root"]
    run(tree, ["bsdtar", "-czf", ".MTREE", "--format=mtree", f"--options={mtree}", *owner, ".PKGINFO", *top], cwd=inside, check=True)
    target = f"{directory}/{entry.file_name('pacman')}"
    run(tree, ["bsdtar", "--zstd", "-cf", target, *owner, ".PKGINFO", ".MTREE", *top], cwd=inside, check=True)


def index_pacman(tree: Path, directory: str) -> None:
    """Writes the database lab.db; it offers the last version of each package, as pacman's databases do.

    Written by hand: Debian's repo-add does not run without makepkg and its compiler.
    """
    latest: dict[str, tuple[str, str]] = {}
    for path in sorted((tree / directory.lstrip("/")).glob("*.pkg.tar.zst")):
        info = run(tree, ["bsdtar", "-xOqf", f"{directory}/{path.name}", ".PKGINFO"], check=True).stdout
        pairs = [(key, value) for key, _equals, value in (line.partition(" = ") for line in info.splitlines())]
        fields = dict(pairs)
        content = path.read_bytes()
        sections = {
            "FILENAME": [path.name],
            "NAME": [fields["pkgname"]],
            "BASE": [fields["pkgbase"]],
            "VERSION": [fields["pkgver"]],
            "DESC": [fields["pkgdesc"]],
            "CSIZE": [str(len(content))],
            "ISIZE": [fields["size"]],
            "SHA256SUM": [hashlib.sha256(content).hexdigest()],
            "ARCH": [fields["arch"]],
            "BUILDDATE": [fields["builddate"]],
            "PACKAGER": [fields["packager"]],
            "DEPENDS": [value for key, value in pairs if key == "depend"],
            "CONFLICTS": [value for key, value in pairs if key == "conflict"],
            "PROVIDES": [value for key, value in pairs if key == "provides"],
        }
        description = "".join(f"%{key}%\n" + "\n".join(values) + "\n\n" for key, values in sections.items() if values)
        latest[fields["pkgname"]] = (f"{fields['pkgname']}-{fields['pkgver']}", description)
    with tarfile.open(tree / directory.lstrip("/") / "lab.db", "w:gz") as database:
        for folder, description in latest.values():
            entry = tarfile.TarInfo(f"{folder}/desc")
            entry.size = len(description.encode())
            entry.mode = 0o644
            database.addfile(entry, io.BytesIO(description.encode()))


# -- flatpak -----------------------------------------------------------------------------------------------------------


def build_flatpaks(tree: Path, repository: str) -> None:
    """A flatpak repository with a runtime that holds nothing and the apps of the table."""
    arch = run(tree, ["flatpak", "--default-arch"], check=True).stdout.strip()
    workshop = tree / WORKSHOP / "flatpak"
    for name in (FLATPAK_RUNTIME, *FLATPAK_APPS):
        directory = workshop / name
        (directory / "files" / "bin").mkdir(parents=True)
        is_runtime = name == FLATPAK_RUNTIME
        if is_runtime:
            metadata = f"[Runtime]\nname={name}\nruntime={name}/{arch}/1\nsdk={name}/{arch}/1\n"
        else:
            (directory / "export").mkdir()
            app = directory / "files" / "bin" / "app"
            app.write_text(f"#!/bin/sh\necho {name}\n", encoding="utf-8")
            app.chmod(0o755)
            metadata = f"""\
                [Application]
                name={name}
                runtime={FLATPAK_RUNTIME}/{arch}/1
                sdk={FLATPAK_RUNTIME}/{arch}/1
                command=app
                """
        (directory / "metadata").write_text(textwrap.dedent(metadata), encoding="utf-8")
        kind = ["--runtime", "--files=files"] if is_runtime else []
        inside = "/" + str(directory.relative_to(tree))
        run(tree, ["flatpak", "build-export", *kind, repository, inside, "1" if is_runtime else "stable"], check=True)
    run(tree, ["flatpak", "build-update-repo", repository], check=True)
