# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The dnf 4 backend against real dnf and rpm: its whole life, every way back in, and the traps."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.lab.hosts import Host
from tests.lab.inside import Inside, holder
from tests.lab.packages import Package, build_package, index_rpms, package_path
from tests.lab.snapshot import layer, snapshot, writes_since
from tests.support.cases import cases

APP = "tiktok-desktop"
CONF = "/etc/dnf/dnf.conf"
PROTECTED = "/etc/dnf/protected.d/appban-guard.conf"
FILE = package_path("rpm", APP, "1.0")
DNF = ("dnf", "-y", "-q", "-C")
# rpm opens its database for writing even to read it.
RPM_READS = ["/var/lib/rpm/rpmdb.sqlite-*", "/var/lib/rpm/.rpm.lock", "/var/lib/rpm"]
# dnf notes every question, and takes its lock for it.
DNF_READS = [*RPM_READS, "/var/log/dnf*.log", "/var/log/hawkey.log", "/var/lib/dnf*", "/var/cache/dnf"]
NEW_REPOSITORY = "[new]\nname=new\nbaseurl=file:///srv/new\ngpgcheck=0\nmetadata_expire=never\n"

STOPPED_BY_EXCLUDES = [
    pytest.param((*DNF, "install", APP), id="by-name"),
    pytest.param((*DNF, "install", f"{APP}-2.0"), id="by-version"),
    pytest.param((*DNF, "install", FILE), id="by-file"),
    pytest.param((*DNF, "install", "media-suite"), id="dependency"),
    pytest.param((*DNF, "install", "tiktok-rev"), id="provider"),
    pytest.param((*DNF, "--allowerasing", "--nobest", "--skip-broken", "install", APP), id="flags"),
    pytest.param((*DNF, "--disableexcludes=lab", "install", APP), id="disableexcludes-of-a-repository"),
]
PAST_EXCLUDES = [
    pytest.param((*DNF, "--disableexcludes=all", "install", APP), id="disableexcludes-all"),
    pytest.param((*DNF, "--disableexcludes=main", "install", APP), id="disableexcludes-main"),
    pytest.param((*DNF, "--setopt=excludepkgs=", "install", APP), id="setopt"),
    pytest.param(("rpm", "-i", FILE), id="rpm"),
]
PAST_GUARD = [
    pytest.param(("rpm", "-i", "--nodeps", FILE), id="nodeps"),
    pytest.param(("sh", "-c", f"rpm -e appban-guard && rpm -i {FILE}"), id="erase-guard"),
    pytest.param(
        ("sh", "-c", f"dnf -y -C --setopt=protected_packages= remove appban-guard && dnf -y -C --disableexcludes=all install {APP}"),
        id="unprotect-guard",
    ),
]


@pytest.fixture
def dnf(lab_host: Host) -> Inside:
    """The backend on a fresh host."""
    return Inside(lab_host, "dnf4.backend", "Dnf4")


@pytest.fixture(scope="module", params=[False, True], ids=["excludes", "guard"])
def blocked(request: pytest.FixtureRequest, module_hosts: Callable[[], Host]) -> Host:
    """A host with the block, for commands that it stops: they leave the host as it is."""
    host = module_hosts()
    assert Inside(host, "dnf4.backend", "Dnf4").block([APP], strong=[APP] if request.param else [])["problems"] == []
    return host


def rpms(host: Host) -> set[str]:
    """Names of the installed rpm packages."""
    return set(host.run(["rpm", "-qa", "--qf", r"%{NAME}\n"], check=True).stdout.split())


def absent(host: Host, *more: str) -> bool:
    """Whether neither the app, nor its provider, nor what needs it got in."""
    return {APP, "tiktok-rev", "media-suite", *more}.isdisjoint(rpms(host))


def sharing(host: Host, *paths: str) -> str:
    """Builds a package that lists these files as its own, too."""
    spec = "Name: sharer\nVersion: 1\nRelease: 1\nSummary: odd\nLicense: MIT\nBuildArch: noarch\n%description\nodd\n%install\n"
    spec += "".join(f"install -D /dev/null %{{buildroot}}{path}\n" for path in paths)
    host.write("/srv/extra/sharer.spec", spec + "%files\n" + "\n".join(paths) + "\n")
    host.run(["rpmbuild", "--quiet", "-bb", "--define", "_rpmdir /srv/extra", "/srv/extra/sharer.spec"], check=True)
    return "/srv/extra/noarch/sharer-1-1.noarch.rpm"


def test_detects_both_versions_and_never_the_look_alike(dnf: Inside, lab_host: Host) -> None:
    lab_host.install_file("rpm", APP)
    lab_host.install_file("rpm", "tiktok-desktop-docs")
    assert [(each["name"], each["version"], each["held"]) for each in dnf.installed(APP, "vlc-lab")] == [(APP, "1.0-1.noarch", "")]
    # rpm itself takes these for the package; a policy that names them doesn't mean it.
    assert dnf.installed(f"{APP}-1.0", f"{APP}-1.0-1.noarch") == []
    lab_host.run(["rpm", "-U", package_path("rpm", APP, "2.0")], check=True)
    assert [each["version"] for each in dnf.installed(APP)] == ["2.0-1.noarch"]
    assert dnf.version() == lab_host.run(["dnf", "--version"], check=True).stdout.split()[0]


def test_a_broken_database_is_never_taken_for_an_empty_one(dnf: Inside, lab_host: Host) -> None:
    lab_host.install_file("rpm", APP)
    for path in lab_host.path("/var/lib/rpm").glob("rpmdb.sqlite*"):
        path.write_bytes(b"damaged" * 1000)
    with pytest.raises(Exception, match="1") as caught:
        dnf.installed(APP)
    assert "cannot read the rpm database" in caught.value.stderr


def test_the_life_of_a_ban(dnf: Inside, lab_host: Host) -> None:
    lab_host.install_file("rpm", APP)
    before = snapshot(lab_host)
    written = layer(lab_host)
    planned = dnf.remove(APP, check=True)
    assert [(each["op"], each["kind"], each["name"]) for each in planned["changes"]] == [("delete", "package", f"dnf4: {APP} 1.0-1.noarch")]
    assert dnf.block([APP], strong=[APP], providers=False, check=True)["changes"]
    assert before.difference(snapshot(lab_host)) == []
    assert writes_since(lab_host, written, allow=RPM_READS) == []

    removed = dnf.remove(APP)
    assert (removed["problems"], removed["changes"]) == ([], planned["changes"])
    assert dnf.installed(APP) == []
    clean = snapshot(lab_host)
    assert [line for line in before.difference(clean) if not line.startswith("gone ")] == ["rpm: gone tiktok-desktop 0:1.0-1"]

    first = dnf.block([APP], strong=[APP])
    assert first["problems"] == []
    assert [(each["op"], each["kind"], each["name"]) for each in first["changes"]] == [
        ("update", "file", CONF),
        ("create", "guard", "appban-guard"),
        ("create", "file", PROTECTED),
    ]
    assert [(each["mechanism"], each["strength"], each["names"]) for each in first["blocks"]] == [
        ("excludes", "soft", [APP, "tiktok-rev"]),
        ("guard", "strong", [APP]),
    ]
    assert any("tiktok-rev" in note for note in first["notes"])
    assert lab_host.run(["dnf", "-q", "-C", "list", "--installed", "appban-guard"]).returncode == 0

    written = layer(lab_host)
    second = dnf.block([APP], strong=[APP], owned=first["owned"])
    assert (second["changes"], second["problems"], second["drift"], second["notes"], second["writes"]) == ([], [], [], [], 0)
    assert (second["owned"], second["blocks"]) == (first["owned"], first["blocks"])
    assert writes_since(lab_host, written, allow=DNF_READS) == []

    lifted = dnf.block([], owned=second["owned"])
    assert (lifted["problems"], lifted["owned"], lifted["blocks"], lifted["unblocked"]) == ([], {}, [], [APP])
    assert clean.difference(snapshot(lab_host)) == []
    assert dnf.block([], owned=lifted["owned"])["changes"] == []
    lab_host.install("rpm", APP)
    assert APP in rpms(lab_host)


@pytest.mark.parametrize("blocked", [False], ids=["excludes"], indirect=True)
@pytest.mark.parametrize("command", STOPPED_BY_EXCLUDES)
def test_the_excludes_stop(blocked: Host, command: tuple[str, ...]) -> None:
    blocked.run(command)
    assert absent(blocked)


@cases("command", PAST_EXCLUDES)
def test_the_excludes_do_not_stop(dnf: Inside, lab_host: Host, command: tuple[str, ...]) -> None:
    assert dnf.block([APP])["problems"] == []
    lab_host.run(command, check=True)
    assert APP in rpms(lab_host)


@pytest.mark.parametrize("blocked", [True], ids=["guard"], indirect=True)
@pytest.mark.parametrize(
    "command",
    [
        *STOPPED_BY_EXCLUDES,
        *PAST_EXCLUDES,
        pytest.param(("rpm", "-i", "--force", FILE), id="rpm-force"),
        pytest.param(("rpm", "-i", "--replacepkgs", "--replacefiles", "--nosignature", FILE), id="rpm-replace"),
        pytest.param((*DNF, "--disableexcludes=all", "--allowerasing", "install", APP), id="allowerasing"),
        pytest.param((*DNF, "--disableexcludes=all", "install", "tiktok-rev"), id="provider-past-excludes"),
        pytest.param((*DNF, "remove", "appban-guard"), id="remove-guard"),
    ],
)
def test_the_guard_stops(blocked: Host, command: tuple[str, ...]) -> None:
    # --skip-broken makes dnf call it a success to have done nothing.
    assert blocked.run(command).returncode != 0 or "--skip-broken" in command
    assert absent(blocked)
    assert "appban-guard" in rpms(blocked)


@cases("command", PAST_GUARD)
def test_the_guard_does_not_stop(dnf: Inside, lab_host: Host, command: tuple[str, ...]) -> None:
    assert dnf.block([APP], strong=[APP])["problems"] == []
    lab_host.run(command, check=True)
    assert APP in rpms(lab_host)


def test_rpm_takes_the_guard_for_a_sound_package(dnf: Inside, lab_host: Host) -> None:
    script = """
import json, sys
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.rpm.guard_package import guard_rpm
open("/tmp/guard.rpm", "wb").write(guard_rpm(json.load(sys.stdin), "0.1"))
"""
    for names in ([], [APP], [f"name{number}" for number in range(500)]):
        lab_host.run(["python3", "-c", script], stdin=json.dumps(names), env={"PYTHONPATH": "/run/appban-code"}, check=True)
        assert lab_host.run(["rpm", "-K", "--nosignature", "/tmp/guard.rpm"], check=True).stdout == "/tmp/guard.rpm: digests OK\n"
        assert lab_host.run(["rpm", "-qp", "--conflicts", "/tmp/guard.rpm"], check=True).stdout.split() == sorted(names)
        lab_host.run(["rpm", "-U", "--oldpackage", "--replacepkgs", "--nosignature", "/tmp/guard.rpm"], check=True)
        lab_host.run(["rpm", "-V", "appban-guard"], check=True)
    checked = lab_host.run(["rpm", "-Kv", "/tmp/guard.rpm"], check=True).stdout
    assert checked.count(": OK") == 4
    assert lab_host.run(["dnf", "-q", "-C", "check"]).returncode == 0


def test_without_dnfs_protection_allowerasing_would_take_the_guard(dnf: Inside, lab_host: Host) -> None:
    assert dnf.block([APP], strong=[APP])["problems"] == []
    lab_host.path(PROTECTED).unlink()
    lab_host.run([*DNF, "--disableexcludes=all", "--allowerasing", "install", APP], check=True)
    assert "appban-guard" not in rpms(lab_host)


@pytest.mark.parametrize("strong", [False, True], ids=["excludes", "guard"])
def test_who_can_do_without_the_app_still_installs(dnf: Inside, lab_host: Host, strong: bool) -> None:
    assert dnf.block([APP], strong=[APP] if strong else [])["problems"] == []
    lab_host.run([*DNF, "install", "media-rec", "vlc-lab", "tiktok-desktop-docs"], check=True)
    assert {"media-rec", "vlc-lab", "tiktok-desktop-docs"} <= rpms(lab_host)
    assert absent(lab_host)


def test_grow_shrink_and_back_to_soft(dnf: Inside, lab_host: Host) -> None:
    clean = snapshot(lab_host)
    first = dnf.block([APP], strong=[APP])
    grown = dnf.block([APP, "vlc-lab"], strong=[APP, "vlc-lab"], owned=first["owned"])
    assert grown["problems"] == []
    assert [(each["op"], each["kind"]) for each in grown["changes"]] == [("update", "file"), ("update", "guard")]
    assert lab_host.run(["rpm", "-i", package_path("rpm", "vlc-lab")]).returncode != 0
    shrunk = dnf.block(["vlc-lab"], strong=["vlc-lab"], owned=grown["owned"])
    assert (shrunk["problems"], shrunk["unblocked"]) == ([], [APP])
    assert lab_host.run(["rpm", "-i", package_path("rpm", "vlc-lab")]).returncode != 0
    # The provider of a name that is free again is free again, too.
    assert shrunk["blocks"][0]["names"] == ["vlc-lab"]
    soft = dnf.block(["vlc-lab"], owned=shrunk["owned"])
    assert soft["problems"] == []
    assert [(each["op"], each["kind"]) for each in soft["changes"]] == [("delete", "file"), ("delete", "guard")]
    assert "appban-guard" not in rpms(lab_host)
    assert dnf.block([], owned=soft["owned"])["problems"] == []
    assert clean.difference(snapshot(lab_host)) == []


@cases(
    ("trap", "held"),
    [
        (["sh", "-c", f"echo 'excludepkgs=tiktok-*' >> {CONF}"], "excluded"),
        (["zypper", "-n", "addlock", APP], "lock"),
        (["sh", "-c", "sed -i 's/^\\[lab\\]/&\\nexcludepkgs=tiktok-desktop/' /etc/yum.repos.d/lab.repo"], ""),
    ],
    ids=["excluded", "locked", "excluded-in-the-repository"],
)
def test_what_is_in_the_way_hides_nothing(dnf: Inside, lab_host: Host, trap: list[str], held: str) -> None:
    lab_host.install_file("rpm", APP)
    lab_host.run(trap, check=True)
    before = snapshot(lab_host, ["/etc"]).files
    assert [each["held"] for each in dnf.installed(APP)] == [held]
    assert dnf.remove(APP)["problems"] == []
    assert APP not in rpms(lab_host)
    after = dict(snapshot(lab_host, ["/etc"]).files)
    assert {path: entry for path, entry in before.items() if path in after and path != "/etc/opt/rpm"} == {
        path: entry for path, entry in after.items() if path != "/etc/opt/rpm"
    }


def test_removes_in_spite_of_its_own_block(dnf: Inside, lab_host: Host) -> None:
    owned = dnf.block([APP], strong=[APP])["owned"]
    lab_host.run(["rpm", "-i", "--nodeps", FILE], check=True)
    assert [each["held"] for each in dnf.installed(APP)] == ["excluded"]
    assert dnf.remove(APP)["problems"] == []
    assert APP not in rpms(lab_host)
    assert dnf.block([APP], strong=[APP], owned=owned)["changes"] == []


def test_dependents_are_refused_or_go_along_but_nothing_more(dnf: Inside, lab_host: Host) -> None:
    lab_host.install("rpm", APP, "media-suite", "media-rec", "vlc-lab")
    deeper = build_package(lab_host.root, "rpm", Package("studio", depends=("media-suite",)), "/srv/extra")
    lab_host.run(["rpm", "-i", deeper], check=True)
    everything = rpms(lab_host)
    before = snapshot(lab_host)
    refused = dnf.remove(APP)
    assert [(each["reason"], each["names"]) for each in refused["refusals"]] == [("dependents", [APP])]
    plan = ["remove media-suite 1.0-1.noarch", "remove studio 1.0-1.noarch", "remove tiktok-desktop 2.0-1.noarch"]
    assert refused["refusals"][0]["plan"] == plan
    assert refused["dependents"] == ["media-suite", "studio"]
    assert (refused["changes"], refused["writes"]) == ([], 0)
    assert before.difference(snapshot(lab_host)) == []
    done = dnf.remove(APP, allow_dependents=True)
    assert (done["problems"], done["refusals"]) == ([], [])
    assert rpms(lab_host) == everything - {APP, "media-suite", "studio"}


def test_no_replacement_is_installed(dnf: Inside, lab_host: Host) -> None:
    # dnf remove would install tiktok-rev to keep media-suite.
    lab_host.install("rpm", APP, "media-suite")
    assert dnf.remove(APP)["refusals"][0]["reason"] == "dependents"
    assert dnf.remove(APP, allow_dependents=True)["problems"] == []
    assert absent(lab_host)


def test_an_installed_provider_keeps_the_dependent(dnf: Inside, lab_host: Host) -> None:
    lab_host.install_file("rpm", "tiktok-rev")
    lab_host.install("rpm", APP, "media-suite")
    assert dnf.remove(APP)["problems"] == []
    assert {"tiktok-rev", "media-suite"} <= rpms(lab_host)
    assert APP not in rpms(lab_host)


@pytest.mark.parametrize("name", ["lab-agent", "dnf"])
def test_protected_packages_are_refused(dnf: Inside, lab_host: Host, name: str) -> None:
    if name == "dnf":
        lab_host.run(["rpm", "-i", build_package(lab_host.root, "rpm", Package("dnf"), "/srv/extra")], check=True)
    else:
        lab_host.install_file("rpm", name)
    assert [each["protected"] for each in dnf.installed(name)] == ["protected"]
    refused = dnf.remove(name, allow_dependents=True)
    assert [each["reason"] for each in refused["refusals"]] == ["protected"]
    assert refused["writes"] == 0


def test_a_protected_dependent_is_refused(dnf: Inside, lab_host: Host) -> None:
    lab_host.install_file("rpm", APP)
    agent = build_package(lab_host.root, "rpm", Package("agent2", depends=(APP,), essential=True), "/srv/extra")
    lab_host.run(["rpm", "-i", agent], check=True)
    assert [each["reason"] for each in dnf.remove(APP, allow_dependents=True)["refusals"]] == ["protected"]
    assert APP in rpms(lab_host)


@pytest.mark.parametrize(
    "hold",
    [
        "import fcntl,sys;f=open('/var/lib/rpm/.rpm.lock','r+');fcntl.lockf(f,fcntl.LOCK_EX);print('held',flush=True);sys.stdin.read()",
        "import os,sys;open('/run/zypp.pid','w').write('%d\\n'%os.getpid());print('held',flush=True);sys.stdin.read()",
    ],
    ids=["rpm", "zypper"],
)
def test_a_lock_is_waited_for_and_left_alone(dnf: Inside, lab_host: Host, hold: str) -> None:
    lab_host.install_file("rpm", APP)
    with holder(lab_host, hold):
        refused = dnf.remove(APP, lock_timeout=0)
        assert "still uses the package manager" in refused["problems"][0]
        assert APP in rpms(lab_host)
    assert dnf.remove(APP, lock_timeout=0)["problems"] == []


def test_two_versions_of_one_name_both_go(dnf: Inside, lab_host: Host) -> None:
    lab_host.install_file("rpm", APP)
    lab_host.run(["rpm", "-i", "--force", package_path("rpm", APP, "2.0")], check=True)
    assert [each["version"] for each in dnf.installed(APP)] == ["1.0-1.noarch", "2.0-1.noarch"]
    assert dnf.remove(APP)["problems"] == []
    assert APP not in rpms(lab_host)


@cases("hand", ["exclude", "guard", "protected", "edit-protected"], quick=2)
def test_drift_is_named_and_repaired(dnf: Inside, lab_host: Host, hand: str) -> None:
    first = dnf.block([APP], strong=[APP])
    good = snapshot(lab_host)
    command = {
        "exclude": ["sed", "-i", "s/,tiktok-rev//", CONF],
        "guard": ["rpm", "-e", "appban-guard"],
        "protected": ["rm", PROTECTED],
        "edit-protected": ["sh", "-c", f"echo '# x' > {PROTECTED}"],
    }[hand]
    lab_host.run(command, check=True)
    repaired = dnf.block([APP], strong=[APP], owned=first["owned"])
    assert len(repaired["drift"]) == 1
    assert repaired["problems"] == []
    assert good.difference(snapshot(lab_host)) == []
    assert dnf.block([APP], strong=[APP], owned=repaired["owned"])["drift"] == []


def test_the_administrators_excludes_stay(dnf: Inside, lab_host: Host) -> None:
    lab_host.write(CONF, "# mine\n[main]\nexclude = kernel*, foo\nexcludepkgs=bar baz")
    before = lab_host.path(CONF).read_bytes()
    first = dnf.block([APP])
    script = "import dnf;b=dnf.Base();b.conf.read();print(*b.conf.excludepkgs)"
    assert lab_host.run(["python3", "-c", script], check=True).stdout.split() == ["kernel*", "foo", "bar", "baz", APP, "tiktok-rev"]
    assert dnf.block([], owned=first["owned"])["problems"] == []
    assert lab_host.path(CONF).read_bytes() == before


def test_dnf_reads_every_merged_list_as_we_do(dnf: Inside, lab_host: Host) -> None:
    bodies = ["", "excludepkgs=a b", "excludepkgs=a,\n  b\n\n", "exclude=,\n", 'excludepkgs="a, b"\n', "exclude=z\nexcludepkgs=\n"]
    bodies += ["excludepkgs=  \r\n"]
    bodies += ["exclude=a\nexcludepkgs=b\nexclude=,c\n", "excludepkgs=a,,\n b\t\n", "excludepkgs=''", "exclude=\n a\n"]
    script = """
import json, sys, dnf
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.rpm.dnf_conf import Addition, effective_excludes, set_excludes
answer = []
for body in json.load(sys.stdin):
    content, ours = set_excludes(("[main]\\n" + body).encode(), ("tiktok-desktop", "zz"), Addition())
    open("/tmp/c", "wb").write(content)
    base = dnf.Base()
    base.conf.read("/tmp/c")
    answer.append([list(base.conf.excludepkgs), list(effective_excludes(content))])
json.dump(answer, sys.stdout)
"""
    done = lab_host.run(["python3", "-c", script], stdin=json.dumps(bodies), env={"PYTHONPATH": "/run/appban-code"}, check=True)
    for body, (theirs, ours) in zip(bodies, json.loads(done.stdout), strict=True):
        assert theirs == ours, body
        assert {APP, "zz"} <= set(theirs), body


def test_a_present_app_is_excluded_only(dnf: Inside, lab_host: Host) -> None:
    lab_host.install_file("rpm", APP)
    answer = dnf.block([APP], strong=[APP], present=[APP])
    assert answer["problems"] == []
    assert [each["mechanism"] for each in answer["blocks"]] == ["excludes"]
    assert any("stays installed" in note for note in answer["notes"])
    lab_host.run([*DNF, "upgrade"], check=True)
    assert [each["version"] for each in dnf.installed(APP)] == ["1.0-1.noarch"]


def test_an_installed_provider_is_left_alone(dnf: Inside, lab_host: Host) -> None:
    lab_host.install_file("rpm", "tiktok-rev")
    answer = dnf.block([APP, "vlc-lab"], strong=[APP, "vlc-lab"])
    assert answer["problems"] == []
    assert [(each["mechanism"], each["names"]) for each in answer["blocks"]] == [("excludes", [APP, "vlc-lab"]), ("guard", ["vlc-lab"])]
    assert any("tiktok-rev is installed and offers tiktok-desktop" in note for note in answer["notes"])
    assert dnf.block([APP, "vlc-lab"], strong=[APP, "vlc-lab"], owned=answer["owned"])["changes"] == []
    assert "tiktok-rev" in rpms(lab_host)


@pytest.mark.parametrize("strong", [False, True], ids=["excludes", "guard"])
def test_a_provider_that_appears_later_is_drift_and_blocked(dnf: Inside, lab_host: Host, strong: bool) -> None:
    first = dnf.block([APP], strong=[APP] if strong else [])
    build_package(lab_host.root, "rpm", Package("tiktok-new", provides=(APP,)), "/srv/new")
    index_rpms(lab_host.root, "/srv/new")
    lab_host.write("/etc/yum.repos.d/new.repo", NEW_REPOSITORY)
    lab_host.run(["dnf", "-q", "makecache"], check=True)
    grown = dnf.block([APP], strong=[APP] if strong else [], owned=first["owned"])
    if strong:
        # The guard refuses it already, by the name that it offers.
        assert (grown["changes"], grown["proof"]) == ([], "asked")
    else:
        assert grown["drift"] == [f"tiktok-new, which no block held, offers itself as {APP}"]
        assert grown["blocks"][0]["names"] == [APP, "tiktok-new", "tiktok-rev"]
    again = dnf.block([APP], strong=[APP] if strong else [], owned=grown["owned"])
    assert (again["changes"], again["drift"], again["proof"], again["overridden"]) == ([], [], "asked", {})
    assert lab_host.run([*DNF, "install", APP]).returncode != 0
    assert absent(lab_host, "tiktok-new")


def test_without_metadata_the_block_stands_and_says_what_it_does_not_know(dnf: Inside, lab_host: Host) -> None:
    lab_host.run(["dnf", "-q", "clean", "all"], check=True)
    answer = dnf.block([APP])
    assert answer["problems"] == []
    assert any("no metadata of some repository" in note for note in answer["notes"])
    assert answer["blocks"][0]["names"] == [APP]
    second = dnf.block([APP], owned=answer["owned"])
    assert (second["changes"], second["proof"], second["drift"]) == ([], "read", [])
    assert any("could not be asked" in note and "no cache for 'lab'" in note for note in second["notes"])
    # As soon as it can be asked the provider is found.
    lab_host.run(["dnf", "-q", "makecache"], check=True)
    third = dnf.block([APP], owned=second["owned"])
    assert third["drift"] == [f"tiktok-rev, which no block held, offers itself as {APP}"]
    assert dnf.block([APP], owned=third["owned"])["proof"] == "asked"


def test_a_repository_without_a_cache_is_not_passed_over(dnf: Inside, lab_host: Host) -> None:
    first = dnf.block([APP])
    lab_host.write("/etc/yum.repos.d/web.repo", "[web]\nname=web\nbaseurl=http://127.0.0.1:1/\ngpgcheck=0\nskip_if_unavailable=True\n")
    second = dnf.block([APP], owned=first["owned"])
    assert (second["changes"], second["proof"]) == ([], "read")
    assert any("no cache for 'web'" in note for note in second["notes"])


def test_a_repository_that_dnf_refuses_is_named_and_its_password_is_not(dnf: Inside, lab_host: Host) -> None:
    first = dnf.block([APP])
    lab_host.write("/etc/yum.repos.d/web.repo", "[web]\nname=web\nbaseurl=http://127.0.0.1:1/\ngpgcheck=1\npassword=secretsecret\n")
    shown = lab_host.run(["dnf", "-C", "--assumeno", "install", APP])
    assert "secretsecret" in shown.stdout + shown.stderr
    second = dnf.block([APP], owned=first["owned"])
    assert (second["changes"], second["proof"]) == ([], "read")
    assert any("[web]" in note for note in second["notes"])
    assert "secretsecret" not in json.dumps(second)


def test_another_dnf_at_work_is_not_waited_for(dnf: Inside, lab_host: Host) -> None:
    first = dnf.block([APP])
    hold = "import os,sys;open('/var/cache/dnf/metadata_lock.pid','w').write(str(os.getpid()));print('held',flush=True);sys.stdin.read()"
    with holder(lab_host, hold):
        second = dnf.block([APP], owned=first["owned"])
    assert (second["changes"], second["proof"]) == ([], "read")
    assert any("metadata already locked" in note for note in second["notes"])
    # That is over with the next look, so nobody may use this one again.
    assert second["undeclared"] != ""


@pytest.mark.parametrize("strong", [False, True], ids=["excludes", "guard"])
@cases("value", ["all", "main"])
def test_excludes_that_are_switched_off_are_told(dnf: Inside, lab_host: Host, value: str, strong: bool) -> None:
    first = dnf.block([APP], strong=[APP] if strong else [], providers=False)
    lab_host.run(["sh", "-c", f"echo 'disable_excludes={value}' >> {CONF}"], check=True)
    second = dnf.block([APP], strong=[APP] if strong else [], providers=False, owned=first["owned"])
    assert (second["changes"], len(second["drift"])) == ([], 1)
    assert f"disable_excludes={value} in {CONF}" in second["drift"][0]
    assert list(second["overridden"]) == ([] if strong else [APP])
    assert [each["mechanism"] for each in second["blocks"]] == (["guard"] if strong else [])
    assert (lab_host.run([*DNF, "--setopt=tsflags=test", "install", APP]).returncode == 0) is not strong


@cases("later", ["exclude=,mine", "excludepkgs=", "excludepkgs=mine"])
def test_a_later_line_that_empties_ours_is_drift_and_repaired(dnf: Inside, lab_host: Host, later: str) -> None:
    before = lab_host.path(CONF).read_bytes()
    first = dnf.block([APP])
    lab_host.run(["sh", "-c", f"echo '{later}' >> {CONF}"], check=True)
    repaired = dnf.block([APP], owned=first["owned"])
    assert (len(repaired["drift"]), repaired["problems"]) == (2, [])
    settled = dnf.block([APP], owned=repaired["owned"])
    assert (settled["changes"], settled["drift"], settled["proof"], settled["overridden"]) == ([], [], "asked", {})
    assert dnf.block([])["problems"] == []
    assert lab_host.path(CONF).read_bytes() == before + later.encode() + b"\n"


def test_an_alias_that_lets_the_app_in_is_told(dnf: Inside, lab_host: Host) -> None:
    first = dnf.block([APP], providers=False)
    # The backslash keeps dnf from taking the word for the alias again.
    lab_host.write("/etc/dnf/aliases.d/x.conf", "[aliases]\ninstall=\\install --disableexcludes=all\n")
    second = dnf.block([APP], providers=False, owned=first["owned"])
    assert list(second["overridden"]) == [APP]
    assert "aliases" in second["drift"][0]
    assert second["blocks"] == []


def test_names_that_nobody_knows_and_a_provider_that_is_asked_for_by_name(dnf: Inside, lab_host: Host) -> None:
    first = dnf.block([APP, "nobody-knows-it", "vlc-lab"])
    second = dnf.block([APP, "nobody-knows-it", "vlc-lab"], owned=first["owned"])
    assert (second["changes"], second["proof"], second["overridden"]) == ([], "asked", {})
    lab_host.run(["sh", "-c", f"echo disable_excludes=main >> {CONF}"], check=True)
    third = dnf.block([APP, "nobody-knows-it", "vlc-lab"], owned=second["owned"])
    assert list(third["overridden"]) == [APP, "tiktok-rev", "vlc-lab"]
    assert third["blocks"][0]["names"] == ["nobody-knows-it"]


def test_without_a_ledger_the_block_is_taken_over_and_lifted(dnf: Inside, lab_host: Host) -> None:
    lab_host.run(["sh", "-c", f"echo 'exclude=vlc-lab' >> {CONF}"], check=True)
    clean = snapshot(lab_host)
    first = dnf.block([APP], strong=[APP])
    again = dnf.block([APP], strong=[APP])
    assert (again["changes"], again["drift"], again["owned"]) == ([], [], first["owned"])
    assert dnf.block([])["problems"] == []
    assert clean.difference(snapshot(lab_host)) == []


def test_files_are_those_of_no_other_package(dnf: Inside, lab_host: Host) -> None:
    lab_host.install_file("rpm", APP)
    app, entry, conf = f"/opt/rpm/{APP}/app", f"/usr/share/applications/{APP}-rpm.desktop", f"/etc/opt/rpm/{APP}.conf"
    assert dnf.files(APP) == [conf, app, entry]
    lab_host.run(["rpm", "-i", "--force", package_path("rpm", APP, "2.0")], check=True)
    # Both versions go together, so nothing is shared.
    assert dnf.files(APP) == [conf, app, entry]
    lab_host.run(["rpm", "-e", f"{APP}-2.0"], check=True)
    lab_host.run(["rpm", "-i", "--justdb", "--nodeps", "--force", sharing(lab_host, conf, app)], check=True)
    assert dnf.files(APP) == [entry]


def test_no_password_of_the_file_leaves_it(dnf: Inside, lab_host: Host) -> None:
    lab_host.write(CONF, "[main]\nproxy=http://u:secretsecret@proxy:1\nproxy_password=secretsecret\n")
    answer = dnf.block([APP])
    assert "secretsecret" not in json.dumps(answer)
    assert "secretsecret" in lab_host.path(CONF).read_text()


def test_a_front_end_that_does_not_keep_the_guard_says_what_it_covers(dnf: Inside, lab_host: Host) -> None:
    second = Inside(lab_host, "dnf4.backend", "Dnf4", keeps_guard=False)
    alone = second.block([APP], strong=[APP])
    assert [each["mechanism"] for each in alone["blocks"]] == ["excludes"]
    assert any("does not cover yet" in note for note in alone["notes"])
    dnf.block([APP], strong=[APP])
    together = second.block([APP], strong=[APP], owned=alone["owned"])
    assert [(each["mechanism"], each["strength"]) for each in together["blocks"]] == [("excludes", "soft"), ("guard", "strong")]
    assert together["changes"] == []
    assert "guard" not in together["owned"]
