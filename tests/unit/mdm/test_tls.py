# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whom we believe, whatever the environment says."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.engine.errors import AppbanError
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.http_errors import RequestFailed
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.tls import TlsSettings
from tests.support.loopback import Answer, Authority, new_authority, rig


@pytest.fixture(scope="module")
def authority() -> Authority:
    return new_authority()


@pytest.fixture
def ca_path(authority: Authority, tmp_path: Path) -> str:
    path = tmp_path / "ca.pem"
    path.write_bytes(authority.pem)
    return str(path)


def test_ca_path_is_believed(authority: Authority, ca_path: str, tmp_path: Path) -> None:
    with rig(Answer(200, {"value": 1}), context=authority.server_context(tmp_path), ca_path=ca_path) as r:
        assert r.session.get("x", what="read x").json() == {"value": 1}


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
def test_an_unknown_authority_is_not_believed_even_if_the_environment_names_it(
    authority: Authority, ca_path: str, tmp_path: Path, monkeypatch, variable: str
) -> None:
    monkeypatch.setenv(variable, ca_path)
    with rig(context=authority.server_context(tmp_path)) as r:
        with pytest.raises(RequestFailed, match=r"the certificate of 127\.0\.0\.1 is not trusted") as caught:
            r.session.post("x", what="make x")
        assert "ca_path" in caught.value.next_step
        assert r.seen == []
        assert r.clock.naps == []


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_the_environment_does_not_replace_the_options(
    authority: Authority, ca_path: str, tmp_path: Path, monkeypatch, variable: str
) -> None:
    other = tmp_path / "other.pem"
    other.write_bytes(new_authority().pem)
    monkeypatch.setenv(variable, str(other))
    with rig(context=authority.server_context(tmp_path), ca_path=ca_path) as r:
        r.session.get("x", what="read x")
    with rig(context=authority.server_context(tmp_path), validate_certs=False) as r:
        r.session.get("x", what="read x")
        assert len(r.seen) == 1


def test_another_authority_in_ca_path_is_not_enough(authority: Authority, tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    other.write_bytes(new_authority().pem)
    with rig(context=authority.server_context(tmp_path), ca_path=str(other)) as r, pytest.raises(RequestFailed, match="not trusted"):
        r.session.get("x", what="read x")


def test_the_name_counts(authority: Authority, ca_path: str, tmp_path: Path) -> None:
    with rig(context=authority.server_context(tmp_path, "mdm.example"), ca_path=ca_path) as r:
        r.session.base_url = r.session.base_url.replace("127.0.0.1", "localhost")
        with pytest.raises(RequestFailed, match="not trusted: Hostname mismatch"):
            r.session.get("x", what="read x")


def test_a_server_without_tls_is_not_asked_again(tmp_path: Path) -> None:
    with rig() as r:
        r.session.base_url = r.session.base_url.replace("http:", "https:")
        with pytest.raises(RequestFailed, match="doesn't speak TLS as we do"):
            r.session.get("x", what="read x")
        assert r.clock.naps == []


@pytest.mark.parametrize(("content", "said"), [("nothing", "hold no certificate"), (None, "can't be read: No such file")])
def test_a_file_that_holds_no_authority_is_refused_at_once(tmp_path: Path, content: str | None, said: str) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    with pytest.raises(AppbanError, match=said) as caught:
        TlsSettings(ca_path=str(path))
    assert "ca_path" in caught.value.next_step
    assert TlsSettings(validate_certs=False, ca_path=str(path)).verify() is False
