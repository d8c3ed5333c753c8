# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the module's parameters to a run over a tenant."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any

from ...mdm.http.connection import Connection
from ...mdm.http.identity import Identity, identity_of_server
from ...mdm.run.module_run import run_tenant
from ...mdm.run.options import connection_spec, target_spec
from ...mdm.run.run_request import RunRequest, RunResult
from .api.clouds import CLOUDS, choose_cloud
from .api.credentials import METHODS, CredentialOptions, Credentials, choose_method
from .api.graph import Graph
from .api.token_methods import IMDS_URL
from .controls import SETTINGS_CATALOG, VISIBILITY_LIST, ControlSettings
from .resources.indicators import Defender, DefenderSettings
from .target import BROWSER, DEFENDER, NO_WEB_BLOCK, IntuneSettings, IntuneTarget

#: Options with a variable of the environment that stands in for them; the names are those of Microsoft's own client libraries.
ENVIRONMENT = {
    "tenant_id": "AZURE_TENANT_ID",
    "client_id": "AZURE_CLIENT_ID",
    "client_secret": "AZURE_CLIENT_SECRET",
    "certificate_path": "AZURE_CLIENT_CERTIFICATE_PATH",
    "certificate_password": "AZURE_CLIENT_CERTIFICATE_PASSWORD",
    "federated_token_file": "AZURE_FEDERATED_TOKEN_FILE",
    "access_token": "AZURE_ACCESS_TOKEN",
    "authority_url": "AZURE_AUTHORITY_HOST",
}
#: Options that say which tenant it is; none is a secret.
IDENTITY = ("tenant_id", "cloud", "graph_url")
_SECRETS = ("client_secret", "certificate_password", "access_token", "defender_access_token")


def argument_spec(from_environment: Any = None) -> dict[str, Any]:
    """The whole argument spec of the module. from_environment: Ansible's ``env_fallback``; without it no variable stands in."""
    own: dict[str, Any] = {
        "auth": {"type": "str", "choices": list(METHODS)},
        **{name: {"type": "path" if name.endswith(("_path", "_file")) else "str"} for name in ENVIRONMENT},
        "certificate_chain": {"type": "bool", "default": False},
        "defender_access_token": {"type": "str"},
        "cloud": {"type": "str", "choices": list(CLOUDS), "default": "global"},
        "graph_url": {"type": "str"},
        "defender_url": {"type": "str"},
        "managed_identity_url": {"type": "str", "default": IMDS_URL},
    }
    return {
        **target_spec("intune"),
        **connection_spec(own, _SECRETS, ENVIRONMENT, from_environment),
        "name_prefix": {"type": "str", "default": "BAN"},
        "adopt": {"type": "bool", "default": False},
        "on_conflict": {"type": "str", "choices": ["report", "fail"], "default": "report"},
        "ios_mechanism": {"type": "str", "choices": [SETTINGS_CATALOG, VISIBILITY_LIST], "default": SETTINGS_CATALOG},
        "web_block": {"type": "str", "choices": [BROWSER, DEFENDER, NO_WEB_BLOCK], "default": BROWSER},
        "defender_device_groups": {"type": "list", "elements": "str", "default": []},
        "defender_tenant_wide": {"type": "bool", "default": False},
        "defender_platforms": {
            "type": "list",
            "elements": "str",
            "choices": ["windows", "macos", "ios", "ipados", "android"],
            "default": ["windows"],
        },
        "settle": {"type": "float", "default": 120.0},
    }


def identity_of(params: Mapping[str, Any], environ: Mapping[str, str] | None = None) -> Identity | None:
    """What the tenant is, whatever an inventory calls it; None where the options don't say. Needs ``IDENTITY`` of the parameters."""
    tenant = str(params["tenant_id"] or "").strip()
    cloud = CLOUDS.get(params["cloud"] or "global")
    server = identity_of_server("intune", params["graph_url"] or (cloud.graph_url if cloud else ""))
    return Identity("intune", "tenant " + tenant, (tenant.lower(), *server.key)) if tenant and server else None


def run_module(module: Any) -> None:
    """Converge the tenant and end the module."""
    params = module.params

    def opened(request: RunRequest, connection: Connection) -> AbstractContextManager[IntuneTarget]:
        return nullcontext(open_target(params, request.policies, connection, module.check_mode))

    def judged(result: RunResult) -> RunResult:
        # What a run failed of comes first; one whose record could not be finished has no list of conflicts.
        if params["on_conflict"] != "fail" or result.failure or not result.values["conflicts"]:
            return result
        return replace(result, failure="somebody else's assignments work against the ban:\n" + "\n".join(result.values["conflicts"]))

    run_tenant(module, _SECRETS, identity_of, opened, lambda target: {"permissions": target.permissions_used()}, judged)


def open_target(params: Mapping[str, Any], policies: Any, connection: Connection, check_mode: bool) -> IntuneTarget:
    """The target of some parameters; nothing is sent yet.

    Raises:
        AppbanError: for options that can't work together, all at once where they belong together.
    """
    cloud = choose_cloud(params["cloud"], params["graph_url"], params["authority_url"], params["defender_url"])
    names = CredentialOptions.__dataclass_fields__
    options = CredentialOptions(**{name: params[name] for name in names})
    method = choose_method(options, cloud, connection, os.environ, params["managed_identity_url"])
    graph = Graph(cloud, Credentials(method, cloud.graph_url, connection), connection, check_mode)
    defender = None
    if params["web_block"] == DEFENDER and cloud.defender_url:
        defender = Defender(cloud, Credentials(method, cloud.defender_url, connection), connection, check_mode)
    settings = IntuneSettings(
        controls=ControlSettings(params["name_prefix"], params["ios_mechanism"]),
        adopt=params["adopt"],
        web_block=params["web_block"],
        defender=DefenderSettings(
            tuple(params["defender_device_groups"]), params["defender_tenant_wide"], tuple(params["defender_platforms"])
        ),
        settle=params["settle"],
    )
    return IntuneTarget(graph, defender, policies, settings, connection.clock)
