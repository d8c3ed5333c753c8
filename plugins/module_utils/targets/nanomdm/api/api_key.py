# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the APIs of NanoMDM, KMFDDM and NanoHUB are, and how they let callers in: HTTP Basic with a fixed user name, and the API key as
password."""

from __future__ import annotations

import base64
from dataclasses import dataclass

from ....mdm.http.authorization import ApiKey
from ....mdm.http.redaction import Redactor
from ....mdm.http.urls import join, refuse_own_paths


@dataclass(frozen=True)
class ApiPlace:
    """An API of a server.

    Args:
        root: its path below the server's address.
        user: the user name that it knows.
        option: the option that has the server's address.
    """

    root: str
    user: str
    option: str

    def below(self, address: str) -> str:
        """The API's own address. Raises AppbanError where somebody has put its path behind the server's address already."""
        parts = self.root.split("/")
        refuse_own_paths(address, self.option, ["/" + "/".join(parts[:count]) for count in range(len(parts), 0, -1)])
        return join(address, self.root)


NANOMDM = ApiPlace("v1", "nanomdm", "nanomdm_url")
KMFDDM = ApiPlace("v1", "kmfddm", "kmfddm_url")
#: NanoHUB (v0.2.0) has the very APIs of the two, elsewhere.
NANOHUB_COMMANDS = ApiPlace("api/v1/nanomdm", "nanohub", "nanohub_url")
NANOHUB_DECLARATIONS = ApiPlace("api/v1/ddm", "nanohub", "nanohub_url")


def basic_key(user: str, key: str, redactor: Redactor) -> ApiKey:
    """The header of one server.

    Args:
        user: of an ApiPlace.
        key: the server's API key; the redactor knows it from now on.
    """
    token = base64.b64encode(("%s:%s" % (user, key)).encode("utf-8")).decode("ascii")
    redactor.learn(key, token)
    return ApiKey("Authorization", "Basic " + token)
