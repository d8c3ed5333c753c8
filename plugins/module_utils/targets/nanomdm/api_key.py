# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How NanoMDM and KMFDDM let callers of their API in: HTTP Basic with a fixed user name, and the API key as password."""

from __future__ import annotations

import base64
from collections.abc import Mapping

from ...mdm.redaction import Redactor


class ApiKey:
    """Gives the header of one server.

    Args:
        user: "nanomdm" or "kmfddm".
        key: the server's API key; the redactor knows it from now on.
    """

    def __init__(self, user: str, key: str, redactor: Redactor) -> None:
        token = base64.b64encode(("%s:%s" % (user, key)).encode("utf-8")).decode("ascii")
        redactor.learn(key, token)
        self._headers = {"Authorization": "Basic " + token}

    def __repr__(self) -> str:
        return "ApiKey()"

    def headers(self) -> Mapping[str, str]:
        return self._headers

    def refused(self, headers: Mapping[str, str]) -> bool:
        """There is no other key to try."""
        return False
