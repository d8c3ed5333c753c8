# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where requests and tokens may go."""

from __future__ import annotations

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.engine.errors import AppbanError
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.urls import (
    is_loopback,
    join,
    origin,
    refuse_own_paths,
    require_https,
    require_same_origin,
    shown,
    with_query,
)

GRAPH = "https://graph.example/v1.0"


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.0.0.1", "127.8.9.1", "::1"])
def test_loopback_is_this_machine(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["localhost.example", "128.0.0.1", "::2", "0.0.0.0", "127.0.0.1.example", "x", "10.0.0.1"])
def test_everything_else_is_not(host: str) -> None:
    assert not is_loopback(host)


@pytest.mark.parametrize(
    "url", ["https://a.example", "https://10.1.2.3:8443/x", "http://127.0.0.1:80", "http://localhost/x", "http://[::1]:1"]
)
def test_https_and_this_machine_are_let_through(url: str) -> None:
    require_https(url, "graph_url")


@pytest.mark.parametrize(
    "url",
    ["http://a.example", "http://10.0.0.1", "ftp://a.example", "a.example", "", "https://", "//a.example", "https://a:b", "https://[::1"],
)
def test_plain_http_to_others_and_no_urls_are_refused(url: str) -> None:
    with pytest.raises(AppbanError) as caught:
        require_https(url, "graph_url")
    assert caught.value.next_step


@pytest.mark.parametrize("link", [GRAPH, "https://graph.example:443/other?x=1", "https://GRAPH.example/x"])
def test_links_on_the_same_server_are_followed(link: str) -> None:
    require_same_origin(link, GRAPH, "list the groups")


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/v1.0",
        "http://graph.example/v1.0",
        "https://graph.example:8443/v1.0",
        "https://graph.example.evil.example/v1.0",
        "https://graph.example@evil.example/v1.0",
        "https://evil.example\\@graph.example/v1.0",
        "https://graph.example\t.evil.example/",
        "/v1.0/groups",
        "//evil.example/",
        "javascript:x",
    ],
)
def test_links_elsewhere_are_refused(link: str) -> None:
    with pytest.raises(AppbanError):
        require_same_origin(link, GRAPH, "list the groups")


def test_the_scheme_gives_the_port() -> None:
    assert origin("https://A.example/x") == ("https", "a.example", 443)
    assert origin("http://[::1]:8080/") == ("http", "::1", 8080)


def test_a_space_is_percent_encoded_and_a_plus_stays_one() -> None:
    url = with_query("groups", {"$filter": "displayName eq 'A+B & C''s é'", "$top": 5, "$count": True, "none": None, "id": ["1", "2"]})
    assert url == "groups?$filter=displayName%20eq%20%27A%2BB%20%26%20C%27%27s%20%C3%A9%27&$top=5&$count=true&id=1&id=2"
    assert with_query("groups?x=1", {"y": "2"}) == "groups?x=1&y=2"
    assert with_query("groups", {"y": None}) == with_query("groups", None) == "groups"


def test_paths_are_joined_and_links_are_not() -> None:
    assert join("https://a.example/api/", "/x") == join("https://a.example/api", "x") == "https://a.example/api/x"
    assert join("https://a.example", "https://b.example/x") == "https://b.example/x"


def test_what_a_message_shows_of_a_url_holds_no_secret() -> None:
    assert shown("https://user:pass@a.example/x?sig=1#y") == "https://a.example/x"


@pytest.mark.parametrize("url", ["https://a.example/JSSResource", "https://a.example/api/v1/", "https://a.example/jss/API"])
def test_an_address_that_ends_in_a_path_of_the_api_is_refused_with_the_one_that_was_meant(url: str) -> None:
    with pytest.raises(
        AppbanError, match=r"url ends in .* which is put behind it here .*Give https://a\.example(/jss)?; nothing was contacted"
    ):
        refuse_own_paths(url, "url", ("/JSSResource", "/api/v1", "/api"))


@pytest.mark.parametrize(
    "url", ["https://a.example", "https://a.example/", "https://a.example:8443/jss", "https://api.example/proclassic/api-1"]
)
def test_an_address_with_a_path_of_its_own_is_taken(url: str) -> None:
    refuse_own_paths(url, "url", ("/JSSResource", "/api/v1", "/api"))
