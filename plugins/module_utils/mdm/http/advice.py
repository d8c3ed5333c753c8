# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What to do about a status of HTTP."""

from __future__ import annotations

WRONG_PLACE = "Look at what answers at the URL in the connection options: a proxy, a cache or a page to log in may stand in the way"
_BY_STATUS = {
    304: WRONG_PLACE,
    401: "The server doesn't accept the credentials: check that they are valid, and that they are for this server",
    403: "Grant the account of the connection options what it needs",
    404: "Check the URL in the connection options; the object may also have been deleted meanwhile",
    407: "Give the proxy a user name and password: http://USER:PASSWORD@HOST:PORT",
    429: "The server is throttling; run again later",
    511: "The network that this machine is in wants a login before it lets anything through: log in there, or run from another network",
}


def advice(status: int, has_request_id: bool = False) -> str:
    """What to do about an answer with a status that nobody wanted.

    Args:
        has_request_id: whether the message names the server's id of the request.
    """
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if has_request_id:
        return "Look for the request-id in the log of the server, or give it to its support"
    return "Look into the log of the server, at the time of this run"
