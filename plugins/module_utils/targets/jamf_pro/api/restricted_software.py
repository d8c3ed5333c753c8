# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read and write restricted software: what the agent on Macs does about processes."""

from __future__ import annotations

from xml.etree import ElementTree

from ..objects import RestrictedSoftware
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
    """The restricted software records of one server."""

    def __init__(self, jamf: Jamf) -> None:
        super().__init__(jamf, RESTRICTED, "the restricted software record", parse, differences)

    def create(self, wanted: RestrictedSoftware) -> RestrictedSoftware:
        """Make a record, and return it as the server has it. Raises as ``write``."""
        return self.write(wanted, lambda: self.classic.create(content(wanted), wanted.name))

    def update(self, wanted: RestrictedSoftware) -> RestrictedSoftware:
        """Change the record with the id of the wanted one, and return it as the server has it. Raises as ``write``."""

        def send() -> int:
            self.classic.update(wanted.id, content(wanted), wanted.name)
            return wanted.id

        return self.write(wanted, send)


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


def content(wanted: RestrictedSoftware) -> list[Pair]:
    """What is written: everything that is compared, always with the whole scope."""
    general: list[Pair] = [(tag, getattr(wanted, field)) for field, tag in {**TEXTS, **FLAGS}.items()]
    return [("general", general), RESTRICTED_SCOPE.write(wanted.scope)]


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
