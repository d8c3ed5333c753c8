# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads a tenant with Microsoft's own client libraries and prints what they understood, as JSON.

Runs in the virtual environment of these libraries, not in that of the tests:

    GRAPH_TOKEN=... python tests/integration/graph_reader.py http://127.0.0.1:40001/graph PREFIX
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any

import msgraph
import msgraph_beta
from kiota_abstractions.authentication import AccessTokenProvider, AllowedHostsValidator, BaseBearerTokenAuthenticationProvider
from kiota_abstractions.base_request_configuration import RequestConfiguration
from msgraph_beta.generated.device_management.configuration_policies.configuration_policies_request_builder import (
    ConfigurationPoliciesRequestBuilder,
)
from msgraph_beta.generated.device_management.device_compliance_policies.device_compliance_policies_request_builder import (
    DeviceCompliancePoliciesRequestBuilder,
)
from msgraph_beta.generated.device_management.device_configurations.device_configurations_request_builder import (
    DeviceConfigurationsRequestBuilder,
)


class StaticToken(AccessTokenProvider):
    """A ready token. Kiota's own provider for this sends it over http too, where Azure's would refuse to."""

    def __init__(self, token: str) -> None:
        self.token = token

    async def get_authorization_token(self, uri: str, additional_authentication_context: Any = None) -> str:
        return self.token

    def get_allowed_hosts_validator(self) -> AllowedHostsValidator:
        return AllowedHostsValidator(["127.0.0.1"])


def client_of(library: Any, url: str) -> Any:
    """A client of one of the two libraries for an address."""
    adapter = library.GraphRequestAdapter(BaseBearerTokenAuthenticationProvider(StaticToken(os.environ["GRAPH_TOKEN"])))
    adapter.base_url = url
    return library.GraphServiceClient(request_adapter=adapter)


def expanding(parameters: Any, *names: str) -> Any:
    return RequestConfiguration(query_parameters=parameters(expand=list(names)))


def target(assignment: Any) -> dict[str, Any]:
    """Whom an assignment is for; the kind is the class that the library made of it."""
    found = assignment.target
    kind = getattr(found, "device_and_app_management_assignment_filter_type", None)
    return {
        "kind": type(found).__name__,
        "group": getattr(found, "group_id", None),
        "filter": getattr(found, "device_and_app_management_assignment_filter_id", None),
        "filter_type": kind.value if kind else None,
    }


def texts(instance: Any) -> list[str]:
    """Every value of a collection of texts in a setting, however deep."""
    found = [value.value for value in getattr(instance, "simple_setting_collection_value", None) or []]
    for group in getattr(instance, "group_setting_collection_value", None) or []:
        found += [text for child in group.children or [] for text in texts(child)]
    choice = getattr(instance, "choice_setting_value", None)
    return found + [text for child in (choice.children or [] if choice else []) for text in texts(child)]


async def configuration_policies(beta: Any) -> list[dict[str, Any]]:
    builder = beta.device_management.configuration_policies
    parameters = ConfigurationPoliciesRequestBuilder.ConfigurationPoliciesRequestBuilderGetQueryParameters
    listed = await builder.get(expanding(parameters, "assignments"))
    rows = []
    for each in listed.value:
        settings = await builder.by_device_management_configuration_policy_id(each.id).settings.get()
        rows.append(
            {
                "name": each.name,
                "description": each.description,
                "platforms": [platform.value for platform in each.platforms],
                "values": sorted(text for setting in settings.value for text in texts(setting.setting_instance)),
                "instances": [type(setting.setting_instance).__name__ for setting in settings.value],
                "targets": [target(assignment) for assignment in each.assignments],
            }
        )
    return rows


async def compliance_policies(beta: Any) -> list[dict[str, Any]]:
    parameters = DeviceCompliancePoliciesRequestBuilder.DeviceCompliancePoliciesRequestBuilderGetQueryParameters
    wanted = ("assignments", "scheduledActionsForRule($expand=scheduledActionConfigurations)")
    listed = await beta.device_management.device_compliance_policies.get(expanding(parameters, *wanted))
    return [
        {
            "name": each.display_name,
            "type": type(each).__name__,
            "apps": [app.app_id for app in each.restricted_apps],
            "actions": [
                [action.action_type.value, action.grace_period_hours]
                for rule in each.scheduled_actions_for_rule
                for action in rule.scheduled_action_configurations
            ],
            "targets": [target(assignment) for assignment in each.assignments],
        }
        for each in listed.value
    ]


async def device_configurations(beta: Any) -> list[dict[str, Any]]:
    parameters = DeviceConfigurationsRequestBuilder.DeviceConfigurationsRequestBuilderGetQueryParameters
    listed = await beta.device_management.device_configurations.get(expanding(parameters, "assignments"))
    return [
        {"name": each.display_name, "type": type(each).__name__, "targets": [target(assignment) for assignment in each.assignments]}
        for each in listed.value
    ]


async def app_assignments(beta: Any) -> list[dict[str, Any]]:
    rows = []
    for app in (await beta.device_app_management.mobile_apps.get()).value:
        listed = await beta.device_app_management.mobile_apps.by_mobile_app_id(app.id).assignments.get()
        rows += [
            {"app": app.display_name, "type": type(app).__name__, "intent": each.intent.value, **target(each)} for each in listed.value
        ]
    return rows


async def groups(stable: Any, prefix: str) -> list[dict[str, Any]]:
    rows = []
    for group in (await stable.groups.get()).value:
        if group.display_name.startswith(prefix):
            members = await stable.groups.by_group_id(group.id).members.get()
            names = sorted(getattr(each, "device_id", None) or each.id for each in members.value)
            rows.append({"id": group.id, "name": group.display_name, "security": group.security_enabled, "members": names})
    return rows


async def filters(beta: Any) -> list[dict[str, Any]]:
    listed = await beta.device_management.assignment_filters.get()
    return [{"id": each.id, "name": each.display_name, "rule": each.rule, "platform": each.platform.value} for each in listed.value]


async def devices(stable: Any) -> list[dict[str, Any]]:
    listed = await stable.device_management.managed_devices.get()
    return [{"id": each.id, "serial": each.serial_number, "directory_id": each.azure_a_d_device_id} for each in listed.value]


async def main(url: str, prefix: str) -> None:
    stable, beta = client_of(msgraph, url + "/v1.0"), client_of(msgraph_beta, url + "/beta")
    print(
        json.dumps(
            {
                "configuration_policies": await configuration_policies(beta),
                "compliance_policies": await compliance_policies(beta),
                "device_configurations": await device_configurations(beta),
                "app_assignments": await app_assignments(beta),
                "groups": await groups(stable, prefix),
                "filters": await filters(beta),
                "devices": await devices(stable),
            }
        )
    )


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
