# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet of the lab under an organisation's policies: real runs of the real playbook, with everything that they left behind."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.appban.endpoint.plugins.module_utils.engine.evidence import read_rows, verify_record
from tests.lab.hosts import Host, Lab
from tests.lab.playbook import PlayResult, run_playbook, write_inventory
from tests.lab.root import CHECKOUT
from tests.lab.snapshot import Snapshot, layer, snapshot, writes_since
from tests.support.hosts.watch import Watch

ENFORCE = "appban.endpoint.enforce"
HOST_APP = "appban.endpoint.host_app"
PLAN = "Look at this host and plan"
APPLY = "Carry out the plan of this host"
APP = "tiktok-desktop"
FLATPAK = "com.tiktok.Desktop"
LEDGER = "/var/lib/appban/ledger.json"

# What one question to rpm rewrites. A run that changes nothing may leave this, and only this.
RPM_READS = ("/var/lib/rpm/rpmdb.sqlite-shm", "/var/lib/rpm/rpmdb.sqlite-wal")
# What the package managers' own simulations write: logs and caches. A plan that isn't empty may leave these, and nothing else.
SIMULATIONS = (
    *RPM_READS,
    # Where a log is the first of its kind.
    "/var/log",
    "/var/log/apt/eipp.log.xz",
    "/var/log/dpkg.log",
    "/var/log/dnf*.log",
    "/var/log/hawkey.log",
    "/var/log/zypper.log",
    "/var/cache/dnf",
    "/var/cache/dnf/*",
    "/var/cache/zypp/solv",
    "/var/cache/zypp/solv/*",
    # zypper notes down what was installed automatically when it loads its database and has no such note yet.
    "/var/lib/zypp",
    "/var/lib/zypp/AutoInstalled",
    # zypper makes a directory there and takes it away again.
    "/var/tmp",
)

DEB = ("apt",)
RPM = ("dnf4",)
SUSE = ("zypper",)
ARCH = ("pacman",)


@dataclass(frozen=True)
class Run:
    """One finished run: what Ansible said, and the evidence record, already verified."""

    play: PlayResult
    path: Path
    header: Mapping[str, Any]
    rows: tuple[Mapping[str, Any], ...]
    totals: Mapping[str, Any]

    @property
    def changed(self) -> int:
        """The number of changed tasks over all hosts."""
        return self.play.changed()

    @property
    def text(self) -> str:
        """Everything that a person sees of the run."""
        return self.play.stdout + self.play.stderr

    def row(self, host: str, app: str = "tiktok") -> Mapping[str, Any]:
        """The one row of a host and app."""
        found = [row for row in self.rows if (row["device"], row["app"]) == (host, app)]
        assert len(found) == 1, f"{len(found)} rows of {host} and {app}"
        return found[0]

    def outcome(self, host: str, app: str = "tiktok") -> str:
        """A host's outcome for an app, with its reason if there is one: ``failed: refused_dependents``."""
        row = self.row(host, app)
        return f"{row['outcome']}: {row['reason']}" if row["reason"] else str(row["outcome"])

    def outcomes(self, app: str = "tiktok") -> dict[str, str]:
        """Host -> outcome and reason."""
        return {row["device"]: self.outcome(row["device"], app) for row in self.rows if row["app"] == app}

    def host_app(self, host: str, task: str = PLAN) -> Mapping[str, Any]:
        """What host_app returned on a host, in the plan or in the apply; empty where that task didn't run."""
        for each in self.play.of(host, HOST_APP):
            if each.task.endswith(task) and each.status != "skipped":
                return each.result
        return {}

    def changes(self, host: str, task: str = PLAN) -> list[Mapping[str, str]]:
        """The changes of a host as planned or as carried out."""
        return list(self.host_app(host, task).get("changes", ()))


@dataclass(frozen=True)
class Step:
    """A run and its traces: per host what is different afterwards, what was written at all, what was opened (where watched)."""

    run: Run
    different: Mapping[str, list[str]]
    written: Mapping[str, list[str]]
    opened: Mapping[str, list[str]]
    after: Mapping[str, Snapshot]


@dataclass
class Fleet:
    """Hosts with an inventory, an evidence directory and a catalog directory of their own."""

    lab: Lab
    directory: Path
    catalog: Path
    hosts: dict[str, Host] = field(default_factory=dict)
    variables: dict[str, dict[str, Any]] = field(default_factory=dict)
    # Hosts of the inventory that the lab doesn't have: name -> all of their variables.
    elsewhere: dict[str, dict[str, Any]] = field(default_factory=dict)
    watched: tuple[str, ...] = ()
    last_hash: str | None = None

    def add(self, name: str, backends: Sequence[str], *installed: tuple[str, str], **variables: Any) -> Host:
        """Makes a host with these package managers and no others, and with packages."""
        host = self.lab.create(name)
        self.hosts[name] = host
        self.variables[name] = dict(variables)
        host.keep_managers(backends)
        for kind, package in installed:
            host.install(kind, package)
        return host

    def destroy(self) -> None:
        """Gives the hosts back."""
        for host in self.hosts.values():
            self.lab.destroy(host)
        self.hosts.clear()

    def policy(self, source: str, name: str = "", replace: Mapping[str, str] | None = None, append: str = "") -> Path:
        """A copy of a ready policy with a few lines changed, as its author would do; every text to replace must be there."""
        text = (CHECKOUT / source).read_text(encoding="utf-8")
        for old, new in (replace or {}).items():
            assert old in text, f"{source} has no {old!r}"
            text = text.replace(old, new)
        return self.write_policy(name or Path(source).name, text + append)

    def write_policy(self, name: str, text: str) -> Path:
        """A policy file of the test's own."""
        path = self.directory / name
        path.write_text(text, encoding="utf-8")
        return path

    def inventory(self, only: Iterable[str] = ()) -> Path:
        """The inventory file, of all hosts or only these."""
        names = set(only) or {*self.hosts, *self.elsewhere}
        path = write_inventory(
            self.directory / "inventory.json", [host for name, host in self.hosts.items() if name in names], host_variables=self.variables
        )
        document = json.loads(path.read_text(encoding="utf-8"))
        group = document["all"]["children"]["appban_hosts"]
        # First, because Ansible runs the tasks of the controller on the first host.
        group["hosts"] = {**{name: own for name, own in self.elsewhere.items() if name in names}, **group["hosts"]}
        path.write_text(json.dumps(document, indent=2), encoding="utf-8")
        return path

    def play(self, policies: Path | str | Sequence[Path | str], now: str, **options: Any) -> PlayResult:
        """One run of ansible-playbook; see enforce. Nothing is asked of its evidence."""
        listed = [policies] if isinstance(policies, (str, Path)) else list(policies)
        only = options.pop("only", ())
        switches = {name: options.pop(name) for name in ("check", "diff", "must_succeed", "env", "arguments") if name in options}
        extra_vars = {
            "policy_file": [str(CHECKOUT / path) for path in listed],
            "appban_now": now,
            "appban_catalog_dirs": [str(self.catalog)],
            "appban_evidence_dir": str(self.directory / "evidence"),
            "appban_evidence": "all",
            **options,
        }
        return run_playbook(ENFORCE, self.inventory(only), extra_vars=extra_vars, **switches)

    def enforce(self, policies: Path | str | Sequence[Path | str], now: str, **options: Any) -> Run:
        """One run of the playbook and its evidence.

        policies: paths from the checkout, or of the test's own. options: check, diff, must_succeed, env, arguments, only (hosts),
        and every other name becomes an extra variable.

        The record must verify, follow the one before it, and count every host once for every app.
        """
        known = set(self.records())
        play = self.play(policies, now, **options)
        made = sorted(set(self.records()) - known)
        assert len(made) == 1, f"the run left {len(made)} evidence records\n{play.stdout}\n{play.stderr}"
        totals = verify_record(str(made[0]))
        header, *lines, last = read_rows(str(made[0]))
        rows = [line for line in lines if line["row"] == "device"]
        assert last == totals
        assert header["previous"] == self.last_hash, "the record does not follow the one before it"
        self.last_hash = totals["hash"]
        assert header["mode"] == ("check" if options.get("check") else "apply")
        devices = len(options.get("only", ())) or len(self.hosts) + len(self.elsewhere)
        assert totals["devices"] == devices == sum(totals["outcomes"].values())
        for app, counts in totals["totals"].items():
            assert sum(counts.values()) == devices == len([row for row in rows if row["app"] == app])
        return Run(play, made[0], header, tuple(rows), totals)

    def records(self) -> list[Path]:
        """The finished records so far."""
        return list((self.directory / "evidence").glob("*/*.jsonl"))

    def step(self, before: Mapping[str, Snapshot], policies: Path | str | Sequence[Path | str], now: str, **options: Any) -> Step:
        """A run with its traces."""
        layers = {name: layer(host) for name, host in self.hosts.items()}
        watches = {name: Watch(self.hosts[name]) for name in self.watched}
        try:
            run = self.enforce(policies, now, **options)
            opened = {name: watch.opened() for name, watch in watches.items()}
        finally:
            for watch in watches.values():
                watch.close()
        written = {name: writes_since(host, layers[name]) for name, host in self.hosts.items()}
        after = self.snapshots()
        return Step(run, {name: before[name].difference(after[name]) for name in self.hosts}, written, opened, after)

    def snapshots(self) -> dict[str, Snapshot]:
        """What every host looks like now."""
        return {name: snapshot(host) for name, host in self.hosts.items()}

    def installed(self, name: str, kind: str, package: str = APP) -> bool:
        """Whether a package manager's own tool says that a package is installed."""
        asks = {
            "deb": ["dpkg-query", "-W", "-f", "${db:Status-Status}", package],
            "rpm": ["rpm", "-q", package],
            "pacman": ["pacman", "-Q", package],
            "flatpak": ["flatpak", "info", "--system", package],
        }
        done = self.hosts[name].run(asks[kind])
        return done.returncode == 0 and (kind != "deb" or done.stdout == "installed")


def lab_catalog(directory: Path) -> Path:
    """An organisation's own catalog directory: what its repositories call the app on Linux. The built-in catalog has no such names."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    entry = {"confidence": "sure", "source": "our own repositories", "last_verified": "2026-11-22"}
    documents: dict[str, dict[str, Any]] = {
        "tiktok": {
            "id": "tiktok",
            "identifiers": {
                **{kind: [{"value": APP, **entry}] for kind in ("deb", "rpm", "pacman")},
                "flatpak": [{"value": name, **entry} for name in (FLATPAK, "com.tiktok.Lite")],
            },
        },
        # An innocent package stands for an app under review.
        "capcut": {"id": "capcut", "identifiers": {kind: [{"value": "vlc-lab", **entry}] for kind in ("deb", "rpm", "pacman")}},
    }
    for name, document in documents.items():
        (directory / f"{name}.json").write_text(json.dumps(document, indent=1), encoding="utf-8")
    return directory
