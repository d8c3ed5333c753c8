# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan of a run in two files beside its records: ``plan.json`` for scripts and ``plan.md`` for people.

Both are made from the plan rows of the records, finished or not, so they say what was to be done also where a run was stopped, checked or
killed. A target that came to no plan is there too, with the reason. Nothing is held in memory but one change at a time.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .plan_text import code_block, code_span, diff_lines
from .run_file import write_whole
from .run_status import last_line
from .shown_lines import visible

FORMAT = 1
_MOST_CHANGES, _MOST_LINES = 200, 60
_VERBS = {"create": "create", "update": "update", "delete": "delete", "command": "send"}


def plan_files(directory: str, part: str = "") -> tuple[str, str]:
    """Paths of both files, of a run or of a part of a job. directory: of the run."""
    stem = os.path.join(directory, "plan.part-%s" % part if part else "plan")
    return stem + ".json", stem + ".md"


def write_plans(directory: str, run: Mapping[str, Any], part: str = "") -> None:
    """Make both files from the records of a run.

    Args:
        directory: of the run.
        run: what its run.json says.
        part: which part of a job this is. Its plan is of its own targets; the others share the directory.

    Raises:
        EvidenceError: where they can't be written.
    """
    told = run.get("targets") or {}
    found = records_of(directory)
    names = told if part else {**told, **found}
    # A target without a record has no plan, so no file is no plan of it.
    records = {target: found.get(target, "") for target in sorted(names)}
    data, text = plan_files(directory, part)
    write_whole(data, _json(run, records))
    write_whole(text, (line + "\n" for line in _markdown(run, records)))


def records_of(directory: str) -> dict[str, str]:
    """Name of a target -> path of its record in a run, finished or not."""
    found: dict[str, str] = {}
    for ending in (".jsonl.partial", ".jsonl"):
        names = sorted(os.listdir(directory))
        found.update({name[: -len(ending)]: os.path.join(directory, name) for name in names if name.endswith(ending)})
    return dict(sorted(found.items()))


def planned_changes(path: str) -> Iterator[dict[str, Any]]:
    """The plan rows of a record, without the word that they are some; what is cut off at the end is passed over."""
    try:
        with open(path, encoding="utf-8", errors="replace") as handle:
            for line in handle:
                # Most lines are devices and are not read.
                if line.startswith('{"row": "plan"'):
                    try:
                        row = json.loads(line)
                    except ValueError:
                        return
                    row.pop("row")
                    yield row
    except OSError:
        return


def _json(run: Mapping[str, Any], records: Mapping[str, str]) -> Iterator[str]:
    head = {"format": FORMAT, **{name: run.get(name) for name in ("run_id", "now", "mode")}}
    yield json.dumps(head, ensure_ascii=False, indent=2)[:-2] + ',\n  "targets": {'
    for number, (target, path) in enumerate(records.items()):
        yield "%s\n    %s: [" % ("," if number else "", json.dumps(target, ensure_ascii=False))
        any_change = False
        for change in planned_changes(path):
            yield ("," if any_change else "") + "\n      " + json.dumps(change, ensure_ascii=False)
            any_change = True
        yield "\n    ]" if any_change else "]"
    yield "\n  }" if records else "}"
    told = run.get("targets") or {}
    statuses = {
        target: {"status": str(told[target].get("status")), "message": _reason(told[target], path)}
        for target, path in records.items()
        if target in told
    }
    yield ',\n  "statuses": %s\n}\n' % json.dumps(statuses, ensure_ascii=False, indent=2).replace("\n", "\n  ")


def _reason(told: Mapping[str, Any], path: str) -> str:
    """What a person has to look at in one line: the first of the message, after why there is no plan."""
    first = (str(told.get("message") or "").splitlines() or [""])[0]
    return ": ".join(each for each in (_planless(told, path), first) if each)


def _planless(told: Mapping[str, Any], path: str) -> str:
    """Says that a target came to no plan; empty where it did, or where it was not told.

    Args:
        told: what run.json says of the target.
        path: of its record; empty where there is none.
    """
    if told.get("status") not in ("failed", "stopped", "refused") or next(planned_changes(path), None) is not None:
        return ""
    if last_line(path).get("fleet") != "complete":
        return "no plan was made"
    if told.get("kind") != "hosts":
        return ""
    # The record of hosts is complete also where none of them answered.
    return "no plan was made" if set(told.get("outcomes") or ()) <= {"unreachable", "failed"} else "no plan was made for every host"


def _markdown(run: Mapping[str, Any], records: Mapping[str, str]) -> Iterator[str]:
    mode = "check: nothing was changed" if run.get("mode") == "check" else "apply"
    yield "# Plan of run %s" % code_span(str(run.get("run_id")))
    yield ""
    yield "At %s, %s. Status: %s." % (code_span(str(run.get("now"))), mode, code_span(str(run.get("status"))))
    for target, path in records.items():
        yield from _target(target, path, (run.get("targets") or {}).get(target) or {})


def _target(target: str, path: str, told: Mapping[str, Any]) -> Iterator[str]:
    ops = Counter(str(change.get("op")) for change in planned_changes(path))
    yield ""
    yield "## %s" % code_span(target)
    yield ""
    counted = ", ".join("%d to %s" % (count, _VERBS.get(op, op)) for op, count in ops.items())
    planless, reason = _planless(told, path), _reason(told, path)
    if planless:
        # The words of others are code, ours are not.
        counted = planless.capitalize() + (": " + code_span(reason[len(planless) + 2 :]) if reason != planless else "")
    yield (counted or "Nothing to do") + ("" if not told.get("status") else ". Status: %s" % code_span(str(told["status"]))) + "."
    if told.get("message") and not (planless and "\n" not in str(told["message"])):
        yield ""
        yield from code_block(str(told["message"]).split("\n"))
    for number, change in enumerate(planned_changes(path)):
        if number == _MOST_CHANGES:
            yield ""
            yield "And %d more, see plan.json." % (sum(ops.values()) - _MOST_CHANGES)
            return
        yield from _change(change)


def _change(change: Mapping[str, Any]) -> Iterator[str]:
    host = "" if not change.get("host") else " on %s" % code_span(str(change["host"]))
    yield ""
    yield "### %s %s %s%s" % (change.get("op"), visible(str(change.get("kind"))), code_span(str(change.get("name"))), host)
    whom = ["%s %d device%s" % (verb, count, "" if count == 1 else "s") for verb, count in _reach(change) if count]
    if change.get("apps"):
        whom.append("for " + ", ".join(code_span(str(app)) for app in change["apps"]))
    if whom and not host:
        yield ""
        yield "; ".join(whom) + "."
    lines = _diff(change)
    if lines:
        yield ""
        yield from code_block(lines, "diff")


def _reach(change: Mapping[str, Any]) -> Sequence[tuple[str, int]]:
    return ("reaches", int(change.get("reaches") or 0)), ("releases", int(change.get("releases") or 0))


def _diff(change: Mapping[str, Any]) -> list[str]:
    # The first two lines only name the change again.
    lines = diff_lines(change.get("before"), change.get("after"), "")
    lines = lines if lines and lines[-1].startswith("@@") else lines[2:]
    return lines if len(lines) <= _MOST_LINES else [*lines[:_MOST_LINES], "... %d more lines, see plan.json" % (len(lines) - _MOST_LINES)]
