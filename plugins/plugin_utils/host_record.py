# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The record of a run over hosts, begun by one task and gone on with by others: header and classes, then the plan, then what became of it.

The tasks run in processes of their own, so each opens the record anew. The lock is held in the name of the process that runs all of them,
ansible-playbook, so that it is free once that has ended, however it ends.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ..module_utils.engine.errors import AppbanError
from ..module_utils.engine.evidence import EvidenceRecord, unfinished_records
from ..module_utils.engine.previous_record import PreviousRecord
from ..module_utils.engine.run_lock import RunLock
from ..module_utils.mdm.planning.fleet import FleetDevice, ManagedDevice
from ..module_utils.mdm.planning.group_names import wanted_groups
from ..module_utils.mdm.run.known_fleet import FleetMemory
from ..module_utils.policy.model import Decision, Policy

HOSTS = "hosts"
_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,40}")
_FACTS = ("platform", "ownership")
Classes = Iterator[tuple[Mapping[str, Any], list[tuple[str, str | None]]]]


def record_of_hosts(part: str = "") -> str:
    """The name of the record of all hosts of a run, or of those of a part of a job.

    Raises:
        AppbanError: for a part that can't be in the name of a file.
    """
    check_part(part)
    return "%s.part-%s" % (HOSTS, part) if part else HOSTS


def check_part(part: str) -> None:
    """Refuse the name of a part of a job that can't be in the name of a file. Raises AppbanError."""
    if part and not _PART.fullmatch(part):
        raise AppbanError(
            "appban_part is %r" % part, "", "Use at most 41 letters, digits, dashes and underscores, such as 2of5; nothing was contacted"
        )


def controller_process() -> int:
    """The id of the process of ansible-playbook itself: of the one that started this worker, or this one."""
    parent = multiprocessing.parent_process()
    found = parent.pid if parent is not None else os.getpid()
    return found if found is not None else os.getppid()


def begin_record(
    run: Mapping[str, Any],
    header: Mapping[str, Any],
    level: str,
    classes: Iterable[tuple[Mapping[str, Any], Sequence[Any]]],
    exemptions: Iterable[Mapping[str, Any]] = (),
) -> list[str]:
    """Lock the hosts of an evidence directory, and put header, exemptions and classes of their record on disk.

    Args:
        run: ``evidence_dir``, ``run_id``, ``target`` and, for those who find it locked, ``user`` and ``since``.
        header: from ``run_header``.
        level: of the record.
        classes: from :func:`classes_of`.
        exemptions: whom each names, see :meth:`.EvidenceRecord.add_exemptions`.

    Returns:
        Notes on what an interrupted run left.

    Raises:
        RunLocked: where another run is under way.
        EvidenceError: where it can't be written. Nothing was contacted.
    """
    lock = RunLock(run["evidence_dir"], run["target"])
    lock.claim({"run_id": run["run_id"], "since": run["since"], "user": run["user"]}, controller_process())
    try:
        record = EvidenceRecord(run["evidence_dir"], run["run_id"], run["target"], header, level)
        try:
            record.add_exemptions(exemptions)
            record.add_classes((facts, devices) for facts, devices in classes)
            record.sync()
        finally:
            record.abandon()
    except BaseException:
        lock.give_back(controller_process())
        raise
    left = unfinished_records(run["evidence_dir"], run["target"], run["run_id"])
    return ["an interrupted run left %s: it says what that run was about to do" % path for path in left[:1]]


def resume_record(run: Mapping[str, Any]) -> EvidenceRecord:
    """The record that this run has begun, open for more.

    Raises:
        EvidenceError: where it can't be gone on with.
    """
    return EvidenceRecord.resume(run["evidence_dir"], run["run_id"], run["target"])


def give_back(run: Mapping[str, Any]) -> None:
    """End the lock of :func:`begin_record`."""
    RunLock(run["evidence_dir"], run["target"]).give_back(controller_process())


def classes_of(policies: Sequence[Policy], attributes: Iterable[str], devices: Iterable[tuple[Mapping[str, Any], Decision]]) -> Classes:
    """The hosts in scope by what decisions rest on: facts, and id and serial number of each that has them."""
    memory = FleetMemory(PreviousRecord(), {*attributes, *_FACTS}, policies, wanted_groups(policies))
    found: dict[str, tuple[Mapping[str, Any], list[tuple[str, str | None]]]] = {}
    for device, decision in devices:
        if decision.scope == "in_scope":
            facts = memory.facts_of(FleetDevice(ManagedDevice(device), decision), {})
            serial = device.get("serial")
            key = json.dumps(facts, sort_keys=True, default=str)
            found.setdefault(key, (facts, []))[1].append((str(device["id"]), None if serial is None else str(serial)))
    for key in sorted(found):
        yield found[key]


def plan_rows(host: str, planned: Mapping[str, Any], bans: bool) -> Iterator[dict[str, Any]]:
    """The changes of a host's plan as a record keeps them.

    Args:
        planned: what its ``host_app`` task returned for the plan.
        bans: something is to be removed or blocked there; otherwise all changes take away what is ours.
    """
    texts = {str(each.get("before_header")): each for each in planned.get("diff") or ()}
    for change in planned.get("changes") or ():
        text = texts.get("%(kind)s %(name)s" % change, {})
        yield {
            "op": change["op"],
            "kind": change["kind"],
            "name": change["name"],
            "host": host,
            "apps": [],
            "reaches": int(bans),
            "releases": int(not bans),
            "before": text.get("before") or None,
            "after": text.get("after") or None,
        }


def diff_of(changes: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Plan rows as pairs of a diff."""
    for change in changes:
        yield {
            "before_header": "%(host)s: %(kind)s %(name)s" % change,
            "before": change["before"],
            "after": change["after"],
        }
