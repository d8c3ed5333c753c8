# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets are in no text, whatever was done to them on the way."""

from __future__ import annotations

import base64
import json
import re
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.redaction import MARK, Redactor

# The mark itself can't be a secret: every text that was scrubbed holds it.
SECRETS = st.text(st.characters(blacklist_characters="*", blacklist_categories=("Cs",)), min_size=8, max_size=60).filter(
    lambda text: len(text.strip()) >= 8
)
TEXTS = st.text(st.characters(blacklist_categories=("Cs",)), max_size=40)


@given(SECRETS, TEXTS, TEXTS)
def test_no_form_of_a_secret_survives(secret: str, before: str, after: str) -> None:
    redactor = Redactor(secret)
    forms = [
        secret,
        quote(secret, safe=""),
        quote(secret),
        quote_plus(secret),
        re.sub("%..", lambda found: found[0].lower(), quote(secret, safe="")),
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        json.dumps(json.dumps(secret)[1:-1])[1:-1],
        base64.b64encode(secret.encode()).decode().rstrip("="),
        base64.urlsafe_b64encode(secret.encode()).decode().rstrip("="),
        repr(secret)[1:-1],
    ]
    for form in forms:
        scrubbed = redactor.scrub(f"{before}<{form}>{after}")
        assert form not in scrubbed


@given(SECRETS, st.text("abcdefghijklmnopqrstuvwxyz0123456789", max_size=12))
def test_a_secret_within_basic_credentials_does_not_survive(secret: str, user: str) -> None:
    encoded = base64.b64encode(f"{user}:{secret}".encode()).decode()
    scrubbed = Redactor(secret).scrub(encoded)
    assert MARK in scrubbed
    # What is left are the user and at most a few bits of the characters at the secret's ends.
    assert len(scrubbed.replace(MARK, "")) <= len(base64.b64encode(f"{user}:".encode())) + 8


@given(st.lists(SECRETS, max_size=6), TEXTS)
def test_scrubbing_twice_changes_nothing_more(secrets: list[str], text: str) -> None:
    redactor = Redactor(*secrets)
    once = redactor.scrub(text + "".join(secrets))
    assert all(secret not in once for secret in secrets)
    assert redactor.scrub(once) == once


@given(TEXTS.filter(lambda text: "=" not in text and ":" not in text))
def test_texts_without_secrets_stay(text: str) -> None:
    assert Redactor("correct horse battery staple").scrub(text) == text


def test_short_strings_are_not_taken_for_secrets() -> None:
    assert Redactor("", "abc").scrub("abc of it") == "abc of it"


def test_the_longer_of_two_secrets_goes_as_a_whole() -> None:
    assert Redactor("tokentoken", "tokentoken-and-more").scrub("x tokentoken-and-more y") == f"x {MARK} y"


def test_a_line_of_a_private_key_is_a_secret_too() -> None:
    pem = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\nBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj\n-----END PRIVATE KEY-----\n"
    redactor = Redactor(pem)
    assert redactor.scrub("at MIIEvQIBADANBgkqhkiG9w0BAQEFAASC there") == f"at {MARK} there"
    assert redactor.scrub("-----END CERTIFICATE-----") == "-----END CERTIFICATE-----"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("GET https://a.blob.core.windows.net/x?sv=2020&sig=abc%2Fdef%3D&se=2026", "&se=2026"),
        ("next?u=https%3A%2F%2Fa%3Fsig%3DabcDEF123", "next?u="),
        ("{'Authorization': 'Bearer abcdef'}", "'Authorization'"),
        ("Authorization: Basic dXNlcjpwYXNz", "Authorization"),
        ("sent Bearer abcdefghijklmnop.q-r_s to it", "to it"),
        ('{"access_token": "abcdef", "expires_in": 3599}', '"expires_in": 3599'),
        ('{"message": "{\\"access_token\\": \\"abcdef\\"}"}', "access_token"),
        ("client_id=1&client_secret=abcdef&scope=x", "&scope=x"),
        ("see eyJhbGciOiJub25l.eyJzdWIiOiJ4In0xyz.c2lnbmF0dXJl now", " now"),
        ("-----BEGIN RSA PRIVATE KEY-----\nabcdef\n-----END RSA PRIVATE KEY-----\nrest", "rest"),
    ],
)
def test_what_gives_itself_away_is_scrubbed_unasked(text: str, kept: str) -> None:
    scrubbed = Redactor().scrub(text)
    assert MARK in scrubbed
    assert kept in scrubbed
    for secret in ("abc", "dXNlcjpwYXNz", "eyJzdWIi"):
        assert secret not in scrubbed


def test_repr_tells_nothing() -> None:
    assert "s3cret" not in repr(Redactor("s3cret-s3cret"))
