# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which way a request takes."""

from __future__ import annotations

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.engine.errors import AppbanError
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.proxies import choose_proxies, matches
from tests.support.loopback import Answer, new_authority, rig, running_proxy

PROXY = "http://proxy.example:3128"


@pytest.mark.parametrize(
    ("environ", "chosen"),
    [
        ({}, {}),
        ({"HTTPS_PROXY": PROXY}, {"https": PROXY}),
        ({"https_proxy": PROXY, "HTTPS_PROXY": "http://other.example"}, {"https": PROXY}),
        ({"ALL_PROXY": PROXY}, {"https": PROXY}),
        ({"HTTP_PROXY": PROXY}, {}),
        ({"HTTPS_PROXY": "proxy.example:3128"}, {"https": PROXY}),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "a.example"}, {"https": PROXY}),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "a.example, graph.example"}, {}),
        ({"HTTPS_PROXY": PROXY, "no_proxy": "*"}, {}),
    ],
)
def test_environment_names_the_proxy(environ: dict[str, str], chosen: dict[str, str]) -> None:
    assert choose_proxies(environ).choose("https://graph.example/v1.0") == chosen


def test_option_wins_over_the_environment() -> None:
    environ = {"HTTPS_PROXY": "http://other.example", "NO_PROXY": "graph.example"}
    assert choose_proxies(environ, PROXY, "").choose("https://graph.example/") == {"https": PROXY}
    assert choose_proxies(environ, PROXY).choose("https://graph.example/") == {}
    assert choose_proxies({"HTTPS_PROXY": PROXY}, "").choose("https://graph.example/") == {}


def test_this_machine_is_asked_directly_unless_the_option_says_otherwise() -> None:
    assert choose_proxies({"HTTP_PROXY": PROXY}).choose("http://127.0.0.1:1/") == {}
    assert choose_proxies({}, PROXY).choose("http://127.0.0.1:1/") == {"http": PROXY}


@pytest.mark.parametrize(
    ("entry", "host", "port", "is_meant"),
    [
        ("example.com", "example.com", 443, True),
        ("example.com", "a.example.com", 443, True),
        (".example.com", "a.example.com", 443, True),
        ("*.example.com", "a.example.com", 443, True),
        ("EXAMPLE.com", "a.example.com", 443, True),
        ("example.com", "notexample.com", 443, False),
        ("a.example.com", "example.com", 443, False),
        ("example.com:443", "example.com", 443, True),
        ("example.com:8443", "example.com", 443, False),
        ("10.0.0.0/8", "10.1.2.3", 443, True),
        ("10.0.0.0/8", "11.1.2.3", 443, False),
        ("10.1.2.3", "10.1.2.3", 443, True),
        ("10.1.2.3:443", "10.1.2.3", 443, True),
        ("10.1.2.3:80", "10.1.2.3", 443, False),
        ("2001:db8::/32", "2001:db8::1", 443, True),
        ("[2001:db8::1]:443", "2001:db8::1", 443, True),
        ("[2001:db8::1]:80", "2001:db8::1", 443, False),
        ("1.2.3", "10.1.2.3", 443, False),
        (".", "a.example", 443, False),
        ("*", "a.example", 443, True),
    ],
)
def test_entries_of_no_proxy(entry: str, host: str, port: int, is_meant: bool) -> None:
    assert matches(entry, host, port) is is_meant


def test_a_real_proxy_carries_the_request(tmp_path, monkeypatch) -> None:
    authority = new_authority()
    (tmp_path / "ca.pem").write_bytes(authority.pem)
    context = authority.server_context(tmp_path, "graph.test")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    with rig(Answer(200, {"value": 1}), context=context, ca_path=str(tmp_path / "ca.pem")) as target:
        port = target.server.server_port
        with running_proxy(port) as proxy:
            options = {"proxy": f"http://user:pr0xy-passw0rd@{proxy.address}", "ca_path": str(tmp_path / "ca.pem")}
            with rig(**options) as client:
                client.session.base_url = f"https://graph.test:{port}"
                assert client.session.get("x", what="read x").json() == {"value": 1}
                assert proxy.asked[0].startswith(f"CONNECT graph.test:{port} HTTP/1.")
                assert "Proxy-Authorization: Basic " in proxy.asked[0]
                assert "pr0xy-passw0rd" not in client.connection.redactor.scrub("pr0xy-passw0rd")
        assert "proxy-authorization" not in target.seen[0].headers


@pytest.mark.parametrize(("status", "attempts"), [("407 Proxy Authentication Required", 1), ("503 Busy", 6)])
def test_a_proxy_that_refuses_is_named(status: str, attempts: int) -> None:
    with running_proxy(1, status) as proxy, rig(proxy=f"user:pr0xy-passw0rd@{proxy.address}") as client:
        client.session.base_url = "https://graph.test"
        with pytest.raises(AppbanError, match=f"the proxy gave no way to graph.test.*{status[:3]}") as caught:
            client.session.get("x", what="read x")
        assert "pr0xy" not in str(caught.value)
        assert len(proxy.asked) == attempts
