# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the module's parameters to a run over a server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from ...mdm.http.connection import Connection
from ...mdm.http.identity import Identity, identity_of_server
from ...mdm.run.module_run import run_tenant
from ...mdm.run.options import connection_spec, target_spec
from ...mdm.run.outbox import Outbox
from ...mdm.run.run_request import RunRequest
from ...policy.model import Policy
from .api.credentials import CredentialOptions
from .api.jamf import Jamf, open_jamf
from .target import GROUPS, INVENTORY, NO_WEB_BLOCK, PROFILE, JamfSettings, JamfTarget

#: Options with a variable of the environment that stands in for them; the names are those of the vendor's own command line tool.
ENVIRONMENT = {
    "url": "JAMF_URL",
    "client_id": "JAMF_CLIENT_ID",
    "client_secret": "JAMF_CLIENT_SECRET",
    "username": "JAMF_USERNAME",
    "password": "JAMF_PASSWORD",
}
#: Options that say which server it is; none is a secret.
IDENTITY = ("url", "base_path")
_SECRETS = ("client_secret", "password")


def argument_spec(from_environment: Any = None) -> dict[str, Any]:
    """The whole argument spec of the module. from_environment: Ansible's ``env_fallback``; without it no variable stands in."""
    own: dict[str, Any] = {
        "url": {"type": "str", "required": True},
        "base_path": {"type": "str", "default": ""},
        "client_id": {"type": "str"},
        "client_secret": {"type": "str"},
        "username": {"type": "str"},
        "password": {"type": "str"},
    }
    return {
        **target_spec("jamf_pro"),
        **connection_spec(own, _SECRETS, ENVIRONMENT, from_environment),
        "name_prefix": {"type": "str", "default": "BAN"},
        "adopt": {"type": "bool", "default": False},
        "web_block": {"type": "str", "choices": [PROFILE, NO_WEB_BLOCK], "default": PROFILE},
        "findings": {"type": "str", "choices": [INVENTORY, GROUPS], "default": INVENTORY},
    }


def identity_of(params: Mapping[str, Any], environ: Mapping[str, str] | None = None) -> Identity | None:
    """What the server is, whatever an inventory calls it; None where the options don't say. Needs ``IDENTITY`` of the parameters."""
    return identity_of_server("jamf_pro", params["url"], params["base_path"])


def run_module(module: Any) -> None:
    """Converge the server and end the module."""
    params = module.params

    @contextmanager
    def opened(request: RunRequest, connection: Connection) -> Iterator[JamfTarget]:
        with open_server(params, connection, module.check_mode) as jamf:
            yield open_target(params, request.policies, jamf)

    run_tenant(module, _SECRETS, identity_of, opened, lambda target: {"privileges": target.jamf.privileges_used()})


def open_server(params: Mapping[str, Any], connection: Connection, check_mode: bool) -> Jamf:
    """The client of some parameters; nothing is sent yet.

    Raises:
        AppbanError: for options that can't work together.
    """
    options = CredentialOptions(params["client_id"], params["client_secret"], params["username"], params["password"])
    return open_jamf(params["url"], params["base_path"], options, connection, check_mode)


def open_target(params: Mapping[str, Any], policies: Sequence[Policy], jamf: Jamf) -> JamfTarget:
    """The target of some parameters; nothing is sent yet.

    Raises:
        AppbanError: for a policy that can't be enforced without harm.
    """
    settings = JamfSettings(params["name_prefix"].strip(), params["adopt"], params["web_block"], params["findings"])
    return JamfTarget(jamf, policies, settings, Outbox(params["evidence_dir"], params["target"]))
