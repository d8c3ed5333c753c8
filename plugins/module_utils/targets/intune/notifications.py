# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sends notices to the Company Portal, each at most once."""

from __future__ import annotations

from typing import Iterator, Sequence

from ...engine.errors import AppbanError, ChangeFailed, EvidenceError
from ...mdm.http.http_errors import OutOfTime, RequestFailed, UncertainWrite
from ...mdm.http.response import Response
from ...mdm.http.retry import CERTAINLY_NOT
from ...mdm.planning.notices import Notice
from ...mdm.run.ledger import Ledger
from .api.graph import Graph
from .api.graph_batch import LARGEST_BATCH, BatchItem
from .api.permissions import DEVICES_ACT


def send_notices(graph: Graph, ledger: Ledger, now: str, notices: Sequence[Notice]) -> None:
    """Send the notices of one stage.

    Each is in the ledger before it leaves, so that a run that is killed in between does not repeat it. What was surely not sent is
    taken out of it again; what may have been sent stays in.

    Args:
        now: the run's instant in UTC.

    Raises:
        ChangeFailed: where some were not sent, or may not have been.
    """
    unsent = unsure = 0
    why = ""
    for start in range(0, len(notices), LARGEST_BATCH):
        some = notices[start : start + LARGEST_BATCH]
        ledger.write(now, [event for each in some for event in each.events("noticed")])
        answers: dict[str, Response] = {}
        error: AppbanError | None = None
        try:
            graph.batch("beta", [_item(notice) for notice in some], what="notify the users of %d devices" % len(some), answers=answers)
        except (RequestFailed, UncertainWrite, OutOfTime, EvidenceError) as problem:
            error = problem
        left = [notice for notice in some if not _has_left(answers.get(notice.device))]
        refused = [notice for notice in left if not _may_have_left(answers.get(notice.device), error)]
        ledger.write(now, [event for each in refused for event in each.events("not_noticed")])
        unsent += len(refused)
        unsure += len(left) - len(refused)
        if left and not why:
            why = str(error or graph.failure(answers[left[0].device], DEVICES_ACT))
        if error:
            # The others would fare no better.
            unsent += len(notices) - start - len(some)
            break
    if why:
        raise ChangeFailed(". ".join(_sentences(unsent, unsure, len(notices), why)), "", "The next run sends what was not sent")


def _item(notice: Notice) -> BatchItem:
    return BatchItem(
        notice.device,
        "/deviceManagement/managedDevices/%s/sendCustomNotificationToCompanyPortal" % notice.device,
        "POST",
        body={"notificationTitle": notice.title, "notificationBody": notice.body},
        permission=DEVICES_ACT,
        what="notify the user of a device",
    )


def _has_left(answer: Response | None) -> bool:
    return answer is not None and answer.ok()


def _may_have_left(answer: Response | None, error: AppbanError | None) -> bool:
    """Whether nobody knows if a notice was sent: no answer came, or one that leaves it open."""
    if answer is not None and answer.status >= 500 and answer.status not in CERTAINLY_NOT:
        return True
    return isinstance(error, UncertainWrite)


def _sentences(unsent: int, unsure: int, total: int, why: str) -> Iterator[str]:
    if unsent:
        yield "%d of %d notices were not sent" % (unsent, total)
    if unsure:
        yield "%d of %d may or may not have been sent and are not sent again" % (unsure, total)
    yield "The first: %s" % why
