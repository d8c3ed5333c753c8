# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The Classic API: lists, and objects by their id. Never by name, because names with a plus sign or a percent sign lead elsewhere, and
never a part of an object (``/subset``), which the gateway of the Jamf Platform doesn't pass on.
"""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree import ElementTree

from ....mdm.http.http_errors import RequestFailed
from ....mdm.http.paging import AGAIN
from ....mdm.http.session import Content as Body
from ..objects import COMPUTER, MACOS, MOBILE, Listed
from .classic_xml import Content, flag_of, number_of, parse, render, text_of
from .jamf import Jamf
from .privileges import CREATE, DELETE, PROFILES, READ, RESTRICTED_SOFTWARE, UPDATE, group_privilege, privilege

XML = "application/xml"


@dataclass(frozen=True)
class Collection:
    """A collection of the Classic API.

    Args:
        path: below /JSSResource.
        root: the element of one object.
        row: the element of one row of the list.
        what: what a reader calls an object.
        objects: how their privileges call the objects; empty for computer groups.
    """

    path: str
    root: str
    row: str
    what: str
    objects: str = ""

    def address(self, number: int) -> str:
        """Of one object; 0 is where new ones are sent."""
        return "/JSSResource/%s/id/%d" % (self.path, number)

    def privilege(self, verb: str, smart: bool | None = None) -> str:
        """What doing something to its objects needs; groups have two, one for smart and one for static ones."""
        return privilege(verb, self.objects) if self.objects else group_privilege(verb, COMPUTER, smart)


PROFILE_COLLECTIONS = {
    MOBILE: Collection(
        "mobiledeviceconfigurationprofiles", "configuration_profile", "configuration_profile", "configuration profile", PROFILES[MOBILE]
    ),
    MACOS: Collection(
        "osxconfigurationprofiles",
        "os_x_configuration_profile",
        "os_x_configuration_profile",
        "macOS configuration profile",
        PROFILES[MACOS],
    ),
}
RESTRICTED = Collection(
    "restrictedsoftware", "restricted_software", "restricted_software_title", "restricted software record", RESTRICTED_SOFTWARE
)
COMPUTER_GROUPS = Collection("computergroups", "computer_group", "computer_group", "computer group")


class Classic:
    """One collection on one server.

    Args:
        jamf: the server.
        collection: which.
    """

    def __init__(self, jamf: Jamf, collection: Collection) -> None:
        self.jamf = jamf
        self.collection = collection

    def list_all(self) -> list[Listed]:
        """All objects, by id and name; of groups also whether they are smart.

        Raises:
            RequestFailed, OutOfTime
        """
        collection = self.collection
        needs = collection.privilege(READ)
        what = "list the %ss" % collection.what
        response = self.jamf.fetch("/JSSResource/" + collection.path, what=what, privilege=needs, headers={"Accept": XML})
        document = parse(response)
        rows = document.findall(collection.row)
        size = document.find("size")
        # A list of something else, or half a list, must not look like a server without objects.
        if size is None or number_of(document, "size") != len(rows):
            raise RequestFailed(
                "Failed to %s: the list has %d rows and says that there are %s" % (what, len(rows), text_of(document, "size") or "none"),
                response.place(),
                AGAIN,
                response.status,
            )
        if len({number_of(row) for row in rows} - {0}) != len(rows):
            raise RequestFailed(
                "Failed to %s: of %d rows some have no id, or the same one" % (what, len(rows)),
                response.place(),
                AGAIN,
                response.status,
            )
        return [
            Listed(number_of(row), text_of(row, "name"), None if row.find("is_smart") is None else flag_of(row, "is_smart")) for row in rows
        ]

    def read(self, number: int, smart: bool | None = None) -> ElementTree.Element | None:
        """One object; None if it isn't there.

        Raises:
            RequestFailed, OutOfTime
        """
        collection = self.collection
        response = self.jamf.fetch(
            collection.address(number),
            what="read the %s %d" % (collection.what, number),
            privilege=collection.privilege(READ, smart),
            headers={"Accept": XML},
            accept={404},
        )
        if not response.ok():
            return None
        document = parse(response)
        if document.tag != collection.root:
            # Something else must not look like an object of somebody else.
            raise RequestFailed(
                "Failed to %s: the answer holds no %s but <%s>" % (response.request.what, collection.root, document.tag[:40]),
                response.place(),
                AGAIN,
                response.status,
            )
        return document

    def find(self, name: str) -> int:
        """The id of the newest object of that name; 0 if there is none. Raises as ``list_all``."""
        return max((row.id for row in self.list_all() if row.name == name.strip()), default=0)

    def create(self, content: Content, name: str, smart: bool | None = None) -> int:
        """Make an object and return its id, 0 if the answer doesn't tell.

        Raises:
            UncertainWrite, WriteInCheckMode, RequestFailed, OutOfTime, AppbanError
        """
        collection = self.collection
        needs = collection.privilege(CREATE, smart)
        response = self.jamf.session.post(
            collection.address(0),
            what="make the %s %s" % (collection.what, name),
            content=self.body(content),
            needs=needs,
            headers={"Accept": XML},
        )
        self.jamf.note(needs)
        try:
            return number_of(parse(response))
        except RequestFailed:
            # It was made, whatever the answer looks like; the list knows its id.
            return 0

    def update(self, number: int, content: Content, name: str, smart: bool | None = None) -> None:
        """Change an object; what the content doesn't mention stays. Raises as ``create``."""
        collection = self.collection
        needs = collection.privilege(UPDATE, smart)
        self.jamf.session.put(
            collection.address(number),
            what="change the %s %s" % (collection.what, name),
            content=self.body(content),
            needs=needs,
            headers={"Accept": XML},
            repeatable=False,
        )
        self.jamf.note(needs)

    def delete(self, number: int, name: str, smart: bool | None = None) -> None:
        """Delete an object; one that is gone already is as good. Raises as ``create``."""
        collection = self.collection
        needs = collection.privilege(DELETE, smart)
        self.jamf.session.delete(
            collection.address(number),
            what="delete the %s %s" % (collection.what, name),
            needs=needs,
            headers={"Accept": XML},
            repeatable=False,
        )
        self.jamf.note(needs)

    def body(self, content: Content) -> Body:
        """The body of a write."""
        return Body(render(self.collection.root, content), XML)
