# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Creates and deletes objects of a tenant, and reads back what was written: for some seconds Graph may show a former state, or none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from ...engine.errors import ChangeFailed
from ...mdm.http.clock import Clock
from ...mdm.http.http_errors import UncertainWrite
from ...mdm.http.read_back import wait_until
from ...mdm.planning.ownership import read_marker
from .api.graph import Graph
from .api.odata import literal
from .objects import Collection

Value = TypeVar("Value")

FIRST_PAUSE = 0.25
#: Seconds to look at most for an object of which nobody knows whether it was created.
_LONGEST_LOOK = 30.0


class WrittenObjects:
    """Writes to one tenant.

    Args:
        settle: seconds to wait at most until a write can be read back.
    """

    def __init__(self, graph: Graph, clock: Clock, settle: float) -> None:
        self.graph = graph
        self.clock = clock
        self.settle = settle

    def create(self, collection: Collection, name: str, body: Mapping[str, Any], what: str = "") -> str:
        """Create an object and wait until it can be read. A create that may have happened is looked up, never repeated.

        Args:
            what: what is done, to follow "Failed to"; empty for creating it.

        Returns:
            Its id.
        """
        what = what or "create the %s %s" % (collection.what, name)
        try:
            found_id = self.graph.create(collection.version, collection.path, body, what=what, permission=collection.creating)
        except UncertainWrite:
            found_id = self._look_up(collection, name, _description(body))
            if not found_id:
                raise
        params = {"$select": "id"} if collection.select else {}
        self.see(collection, found_id, params, lambda found: found is not None, "the %s %s exists" % (collection.what, name))
        return found_id

    def delete(self, collection: Collection, object_id: str) -> None:
        """Delete an object of ours and wait until it is gone."""
        path = "%s/%s" % (collection.path, object_id)
        permission = collection.deleting
        self.graph.delete(collection.version, path, what="delete an object of ours (%s)" % path, permission=permission)
        self.see(collection, object_id, {}, lambda found: found is None, "the object is gone (%s)" % path, permission)

    def see(
        self,
        collection: Collection,
        object_id: str,
        params: Mapping[str, str],
        reached: Callable[[Any | None], bool],
        expected: str,
        permission: str = "",
    ) -> None:
        """Read an object until it shows what was written. permission: for reading it, where that is not the collection's."""
        path, needed = "%s/%s" % (collection.path, object_id), permission or collection.reading
        what = "read back that %s" % expected
        self.wait(lambda: self.graph.find(collection.version, path, params, what=what, permission=needed), reached, expected)

    def wait(
        self,
        read: Callable[[], Value],
        reached: Callable[[Value], bool],
        expected: str,
        first_pause: float = FIRST_PAUSE,
        seconds: float | None = None,
    ) -> Value:
        """Read again and again until a write shows. Raises ChangeFailed if it doesn't in time."""
        return wait_until(
            read,
            reached,
            clock=self.clock,
            expected=expected,
            seconds=self.settle if seconds is None else seconds,
            first_pause=first_pause,
            counters=self.graph.session.counters,
        )

    def _look_up(self, collection: Collection, name: str, description: str) -> str:
        """The id of an object that we may have made a moment ago; empty where it does not show in time."""
        wanted, key = read_marker(description), collection.name_key
        params = {"$filter": "%s eq %s" % (key, literal(name))}
        if collection.select:
            params["$select"] = collection.select
        what = "look up whether %s was created" % name

        def look() -> str:
            for found in self.graph.pages(collection.version, collection.path, params, what=what, permission=collection.reading):
                if found.get(key) == name and read_marker(_description(found)) == wanted:
                    return str(found["id"])
            return ""

        try:
            return self.wait(look, bool, "%s exists" % name, seconds=min(self.settle, _LONGEST_LOOK))
        except ChangeFailed:
            return ""


def _description(body: Mapping[str, Any]) -> str:
    """The text of an object that can hold our marker; an app has notes besides the description that its users read."""
    return str(body.get("notes") or body.get("description") or "")
