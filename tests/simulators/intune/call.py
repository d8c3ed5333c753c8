# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One Graph request on its way through the tenant, and the ways to answer it."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from ..exchange import Request, Response
from .contract import NAVIGATION, Contract
from .errors import Refusal, directory_refusal, stable_id
from .query import Filter, NotUnderstood, expansions, list_of, selected

if TYPE_CHECKING:
    from .tenant import Tenant

# How a page goes wrong as a page.
PAGE_FAULTS = frozenset({
    "foreign_next_link", "http_next_link", "missing_page", "truncated", "empty_page", "repeat_page", "short_list", "empty_list", "endless",
})  # fmt: skip
# What Intune's filters do in fact; anything else is ignored and returns everything (Intune fact sheet, 2.4).
NAMES = frozenset({("displayName", "eq"), ("displayName", "startswith"), ("name", "eq"), ("name", "startswith"), ("@odata.type", "isof")})


@dataclass
class Call:
    """A request with the tenant it is for and the version of Graph it speaks."""

    tenant: Tenant
    request: Request
    version: str
    segments: list[str]
    contract: Contract

    @property
    def query(self) -> dict[str, str]:
        return self.request.query

    @property
    def stale(self) -> bool:
        return bool(self.request.fault) and self.request.fault is not None and self.request.fault["kind"] == "stale"

    @property
    def fault(self) -> str | None:
        return self.request.fault["kind"] if self.request.fault else None

    def body(self) -> Any:
        """The request's JSON. Raises Refusal for a body without its media type or that is no JSON."""
        if not (self.request.header("Content-Type") or "").startswith("application/json"):
            raise Refusal(400, "A supported MIME type could not be found that matches the content type of the request.")
        try:
            return self.request.json()
        except ValueError as problem:
            raise Refusal(
                400, "Unable to read JSON request payload. Please ensure Content-Type header is set and payload is valid JSON."
            ) from problem

    def checked_body(self, declared: str) -> dict[str, Any]:
        return self.contract.check(declared, self.body())

    def shown(self, declared: str, value: dict[str, Any]) -> dict[str, Any] | None:
        """An object as this version and this request's $expand and $select show it."""
        expanded = expansions(self.query.get("$expand"))
        row = self.contract.show(declared, value)
        if row is None:
            return None
        properties = self.contract.properties(str(row.get("@odata.type", declared)).removeprefix("#microsoft.graph."))
        for name in expanded:
            if name not in properties or name not in NAVIGATION:
                raise Refusal(400, f"Could not find a property named '{name}' on type 'microsoft.graph.{declared}'.")
        kept = {key: content for key, content in row.items() if key not in NAVIGATION or key in expanded}
        if "scheduledActionsForRule" in kept and "scheduledActionConfigurations" not in expanded["scheduledActionsForRule"]:
            kept["scheduledActionsForRule"] = [
                {key: content for key, content in rule.items() if key != "scheduledActionConfigurations"}
                for rule in kept["scheduledActionsForRule"]
            ]
        return selected(kept, [*list_of(self.query["$select"]), *expanded]) if "$select" in self.query else kept

    def object(self, declared: str, value: dict[str, Any] | None, status: int = 200) -> Response:
        """Answer with one object, or 404 where this version doesn't know it."""
        shown = None if value is None else self.shown(declared, value)
        if shown is None:
            raise not_found(self.segments)
        return Response(status, shown)

    def filtered(self, rows: list[dict[str, Any]], supported: frozenset[tuple[str, str]] = NAMES, directory: bool = False,
                 declared: str = "") -> list[dict[str, Any]]:  # fmt: skip
        """Apply $filter, as far as the resource honours it."""
        text = self.query.get("$filter")
        if not text:
            return rows
        try:
            parsed = Filter(text, fold_case=directory)
        except NotUnderstood as problem:
            if directory:
                raise directory_refusal(400, f"Invalid filter clause: {problem}", "BadRequest") from problem
            return rows
        known = self.contract.properties(declared) if declared else {}
        for name, _operator in sorted(parsed.fields):
            if known and name != "@odata.type" and name not in known:
                raise Refusal(400, f"Could not find a property named '{name}' on type 'microsoft.graph.{declared}'.")
        if directory and parsed.clauses > 15:
            raise directory_refusal(400, "Too many child clauses specified in search filter expression containing 'OR' operators: "
                                    f"{parsed.clauses}. Max allowed: 15.", "Request_UnsupportedQuery")  # fmt: skip
        if not parsed.fields <= supported:
            if directory:
                raise directory_refusal(400, "Unsupported or invalid query filter clause specified.", "Request_UnsupportedQuery")
            return rows
        return [row for row in rows if parsed.test(row)]

    def collection(self, declared: str, rows: list[dict[str, Any]], directory: bool = False) -> Response:
        """Answer with a page of stored objects."""
        visible = [row for row in rows if self.contract.show(declared, row) is not None]
        return self.page(visible, lambda row: self.shown(declared, row), directory)

    def page(self, rows: Sequence[Any], render: Callable[[Any], Any], directory: bool = False) -> Response:
        """Answer with one page. The next link is opaque and works only as it was given (Intune fact sheet, 4)."""
        settings = self.tenant.settings
        top = self.number("$top")
        if directory and top is not None and not 1 <= top <= 999:
            raise directory_refusal(400, "Invalid page size specified: the limit is 1 to 999.", "Request_UnsupportedQuery")
        largest = 999 if directory else settings.page_size
        size = min(top or (settings.directory_page_size if directory else settings.page_size), largest)
        token = self.page_token() if "$skiptoken" in self.query else {"s": self.number("$skip") or 0}
        if "e" in token or self.fault == "endless":
            return self.endless_page(rows, render, token, size)
        count = len(rows)
        # A list that was cut stays so on its later pages.
        limit = self.shortened(count) if self.fault == "short_list" else token.get("n")
        rows = rows[:limit]
        start = token["s"]
        chunk = list(rows[start : start + size])
        next_start: int | None = start + size if start + size < len(rows) else None
        if self.fault == "repeat_page":
            # Page 2 is page 1 again, and its link goes on; a first page's link leads to itself.
            chunk, next_start = list(rows[max(0, start - size) :][:size]), next_start if start else 0
        if self.fault == "empty_list":
            chunk, next_start = [], None
        if self.fault == "empty_page":
            chunk, next_start = [], start
        if self.fault == "truncated":
            chunk, next_start = chunk[: len(chunk) // 2], None
        if self.fault == "missing_page" and next_start is not None:
            next_start = next_start + size if next_start + size < len(rows) else None
        document: dict[str, Any] = {}
        if self.query.get("$count") == "true":
            document["@odata.count"] = count
        if next_start is not None:
            document["@odata.nextLink"] = self.next_link(next_start, {} if limit is None else {"n": limit})
        elif self.fault == "foreign_next_link" or self.fault == "http_next_link":
            document["@odata.nextLink"] = self.next_link(start)
        document["value"] = [render(row) for row in chunk]
        return Response(200, document)

    def shortened(self, count: int) -> int:
        """How much is left of a list that comes short: half of it, or all but as many as the order says."""
        by = (self.request.fault or {}).get("by")
        return count // 2 if by is None else max(0, count - by)

    def endless_page(self, rows: Sequence[Any], render: Callable[[Any], Any], token: dict[str, Any], size: int) -> Response:
        """A page with a fresh next link, whatever comes: the rows once more ("again"), under ids of their own ("new"), or none ("none")."""
        how = str((self.request.fault or {}).get("rows", token.get("e", "again")))
        start = token["s"]
        places = range(start, start + min(size, len(rows))) if how != "none" else range(0)
        shown = [render(rows[place % len(rows)]) for place in places]
        if how == "new":
            shown = [{**row, "id": stable_id("endless", place)} for place, row in zip(places, shown, strict=True)]
        return Response(200, {"@odata.nextLink": self.next_link(start + size, {"e": how}), "value": shown})

    def number(self, name: str) -> int | None:
        text = self.query.get(name)
        if text is None:
            return None
        if not text.isdigit():
            raise Refusal(400, f"Invalid value '{text}' for {name} query option.")
        return int(text)

    def rest_of_query(self) -> str:
        """The query without the paging token, in the order it came."""
        return "&".join(
            part for part in self.request.raw_query.split("&") if part and not part.lower().startswith(("$skiptoken=", "%24skiptoken="))
        )

    def next_link(self, start: int, more: dict[str, Any] | None = None) -> str:
        rest = self.rest_of_query()
        content = {"s": start, "q": zlib.crc32(rest.encode()), **(more or {})}
        token = base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")
        path = self.request.raw_path
        base = self.tenant.graph_url
        if self.fault == "foreign_next_link":
            base = "https://graph.foreign.example"
        if self.fault == "http_next_link":
            base = "http://127.0.0.1/graph"
        return f"{base}{path}?{rest}{'&' if rest else ''}$skiptoken={token}"

    def page_token(self) -> dict[str, Any]:
        """What a next link says of where it goes on."""
        token = dict(parse_qsl(self.request.raw_query.replace("%24skiptoken", "$skiptoken")))["$skiptoken"]
        try:
            content = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
            if content["q"] == zlib.crc32(self.rest_of_query().encode()):
                return {**content, "s": int(content["s"])}
        except (ValueError, KeyError, TypeError):
            pass
        raise Refusal(400, "Skip token is invalid: follow the next link as it was given.")


def not_found(segments: list[str]) -> Refusal:
    """404 in the words of the service that owns the path."""
    if segments[0] in ("groups", "users", "devices"):
        return directory_refusal(404, f"Resource '{segments[1] if len(segments) > 1 else ''}' does not exist or one of its queried "
                                 "reference-property objects are not present.", "Request_ResourceNotFound")  # fmt: skip
    return Refusal(404, "An error has occurred: the resource was not found.", "ResourceNotFound")
