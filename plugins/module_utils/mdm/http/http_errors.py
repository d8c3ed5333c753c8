# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong with a request, as the caller has to tell it apart."""

from __future__ import annotations

from ...engine.errors import AppbanError


class RequestFailed(AppbanError):
    """A request was answered with an error, or got no answer.

    Args:
        what: what happened, in one line.
        where: method, URL and request ids.
        next_step: what to do next.
        status: the HTTP status, 0 without an answer.
        code: the server's own code of the error, empty if it gave none.
        request_id: the server's id of the request.
        client_request_id: ours.
        timed_out: whether the server was reached and gave no answer in time: it may be too slow for what was asked.
        unreachable: whether the server was not even reached.
    """

    def __init__(
        self,
        what: str,
        where: str = "",
        next_step: str = "",
        status: int = 0,
        code: str = "",
        request_id: str = "",
        client_request_id: str = "",
        timed_out: bool = False,
        unreachable: bool = False,
    ) -> None:
        super().__init__(what, where, next_step)
        self.status = status
        self.code = code
        self.request_id = request_id
        self.client_request_id = client_request_id
        self.timed_out = timed_out
        self.unreachable = unreachable


class UncertainWrite(AppbanError):
    """A create was sent and nobody knows whether it was executed: look the object up before anything else.

    Args:
        what: what happened, in one line.
        where: method, URL and request ids.
        next_step: what to do next.
        status: the HTTP status, 0 without an answer.
    """

    def __init__(self, what: str, where: str = "", next_step: str = "", status: int = 0) -> None:
        super().__init__(what, where, next_step)
        self.status = status


class OutOfTime(AppbanError):
    """The time for all requests of the run is used up, or the server asks to wait longer than what is left of it."""
