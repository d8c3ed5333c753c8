# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read and write restricted software: what the agent on Macs does about processes."""

from __future__ import annotations

from collections.abc import Collection
from xml.etree import ElementTree

from ..objects import RestrictedSoftware
from ..owned_names import is_tagged_for
from . import scopes
from .classic import RESTRICTED
from .classic_objects import ClassicObjects
from .classic_xml import Pair, flag_of, number_of, text_of
from .jamf import Jamf
from .scopes import RESTRICTED_SCOPE

#: Field -> the element that holds it.
FLAGS = {
    "exact": "match_exact_process_name",
    "notify": "send_notification",
    "kill": "kill_process",
    "delete": "delete_executable",
}
TEXTS = {"name": "name", "process_name": "process_name", "message": "display_message"}


class RestrictedSoftwareRecords(ClassicObjects[RestrictedSoftware]):
    """The restricted software records of one server. policies: ids of the policies whose records are ours."""

    def __init__(self, jamf: Jamf, policies: Collection[str] = ()) -> None:
        super().__init__(jamf, RESTRICTED, "the restricted software record", parse, differences)

        self.policies = policies

    def is_ours(self, found: RestrictedSoftware) -> bool:
        return is_tagged_for(found.name, self.policies)

    def content(self, wanted: RestrictedSoftware) -> list[Pair]:
        general: list[Pair] = [(tag, getattr(wanted, field)) for field, tag in {**TEXTS, **FLAGS}.items()]
        return [("general", general), RESTRICTED_SCOPE.write(wanted.scope)]


def parse(document: ElementTree.Element) -> RestrictedSoftware:
    """The record in a document."""
    return RestrictedSoftware(
        id=number_of(document, "general/id"),
        name=text_of(document, "general/" + TEXTS["name"]),
        process_name=text_of(document, "general/" + TEXTS["process_name"]),
        exact=flag_of(document, "general/" + FLAGS["exact"]),
        notify=flag_of(document, "general/" + FLAGS["notify"]),
        kill=flag_of(document, "general/" + FLAGS["kill"]),
        delete=flag_of(document, "general/" + FLAGS["delete"]),
        message=text_of(document, "general/" + TEXTS["message"]),
        scope=RESTRICTED_SCOPE.read(document.find("scope")),
    )


def differences(wanted: RestrictedSoftware, found: RestrictedSoftware) -> list[str]:
    """What of a record the server doesn't have, in words."""
    problems = [
        "%s is %r" % (tag, getattr(found, field)) for field, tag in TEXTS.items() if getattr(wanted, field).strip() != getattr(found, field)
    ]
    problems += [
        "%s is %s" % (tag, "on" if getattr(found, field) else "off")
        for field, tag in FLAGS.items()
        if getattr(wanted, field) != getattr(found, field)
    ]
    return problems + scopes.differences(wanted.scope, found.scope)
