# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The exact names that apps of the policies go by in a target's inventory. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ...policy.model import Policy
from ...policy.names_compared import comparable


class AppNames:
    """Tells apps of the policies by their names.

    Args:
        kinds: what of an inventory -> the kind of identifiers that it has.
        forms: the same -> how a name is put into the form in which it is compared, where that is not the usual one.
    """

    def __init__(
        self, policies: Sequence[Policy], kinds: Mapping[str, str], forms: Mapping[str, Callable[[str], str]] | None = None
    ) -> None:
        self._form: dict[str, Callable[[str], str]] = {where: (forms or {}).get(where, comparable) for where in kinds}
        self._apps: dict[tuple[str, str], dict[str, str]] = {}
        #: (where, id of an app) -> its names as policies and catalog spell them.
        self._spelled: dict[tuple[str, str], set[str]] = {}
        where_of = {kind: where for where, kind in kinds.items()}
        for app in (app for policy in policies for app in (*policy.apps, *policy.review)):
            for each in app.identifiers:
                where = where_of.get(each.kind)
                # A pattern of titles is no exact name.
                if where is not None and not (each.kind == "display_name" and set("*?[") & set(each.value)):
                    found = self._apps.setdefault((where, self._form[where](each.value)), {})
                    if found.get(app.id, "detect_only") == "detect_only":
                        found[app.id] = each.confidence
                    self._spelled.setdefault((where, app.id), set()).add(each.value)

    def apps_of(self, where: str, name: str) -> Mapping[str, str]:
        """App id -> confidence, for the apps that have a name; none for an empty one."""
        return self._apps.get((where, self._form[where](name)), {}) if comparable(name) else {}

    def spelled(self, where: str, app: str) -> frozenset[str]:
        """The names of an app."""
        return frozenset(self._spelled.get((where, app), ()))
