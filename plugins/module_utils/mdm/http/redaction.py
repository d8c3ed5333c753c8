# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep secrets out of everything a person or a log gets to see."""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

MARK = "********"
#: Shorter strings turn up by chance all over a text; masking them would garble it and so tell where they are.
SHORTEST_SECRET = 4
SHORTEST_BASE64 = 6
SHORTEST_LINE = 16

#: What gives itself away as a secret, whether we know it or not. The first group stays.
TELLTALES = tuple(
    (re.compile(pattern, re.IGNORECASE | re.DOTALL), r"\1" + MARK)
    for pattern in (
        # The signature of an Azure shared access URL, also where the URL was percent-encoded into another one.
        r"((?:\b|%3f|%26)sig(?:=|%3d))[^&\s\"'<>\\]+",
        r"((?:\b|%3f|%26)(?:client_secret|client_assertion|access_token|refresh_token|password)(?:=|%3d))[^&\s\"'<>\\]+",
        r"(\"(?:client_secret|client_assertion|access_token|refresh_token|password)\\*\"\s*:\s*\\*\")[^\"\\]+",
        r"(\bauthorization\\*[\"']?\s*[:=]\s*\\*[\"']?)(?:bearer|basic)?\s*[^\s\"',;\\}]+",
        r"(\b(?:bearer|basic)\s+)[a-z0-9._~+/=-]{16,}",
        # A JSON Web Token: two parts that are base64 of "{" and what follows.
        r"()\beyJ[a-z0-9_-]{5,}\.[a-z0-9_-]{5,}(?:\.[a-z0-9_-]*)?",
        r"()-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",
    )
)


class Redactor:
    """Knows secrets and takes them out of any text, also where they are URL-encoded, JSON-escaped or base64.

    Strings shorter than four characters can't be told from ordinary text and are not looked for.
    """

    def __init__(self, *secrets: str) -> None:
        self.lock = threading.Lock()
        self.forms: set[str] = set()
        self.pattern: re.Pattern[str] | None = None
        self.learn(*secrets)

    def __repr__(self) -> str:
        return "Redactor()"

    def learn(self, *secrets: str | None) -> None:
        """Remember secrets, from now on.

        Args:
            secrets: client secrets, tokens, private keys, passwords; empty ones are passed over.
        """
        forms = {form for secret in secrets if secret for form in appearances(secret)}
        with self.lock:
            self.forms |= forms
            # The longest first: a secret that holds another one goes as a whole.
            ordered = sorted(self.forms, key=lambda form: (-len(form), form))
            self.pattern = re.compile("|".join(map(re.escape, ordered))) if ordered else None

    def scrub(self, text: str) -> str:
        """Return the text with every secret replaced by asterisks."""
        with self.lock:
            pattern = self.pattern
        if pattern:
            text = pattern.sub(MARK, text)
        for telltale, replacement in TELLTALES:
            text = telltale.sub(replacement, text)
        return text


def appearances(secret: str) -> Iterator[str]:
    """Yield every form in which a secret may turn up in a text."""
    pieces = {secret, secret.strip()}
    # A private key may be quoted by the line.
    pieces |= {line.strip() for line in secret.splitlines() if len(line.strip()) >= SHORTEST_LINE and "-----" not in line}
    for piece in pieces:
        if len(piece) >= SHORTEST_SECRET:
            yield from plain_forms(piece)
            yield from base64_forms(piece)


def plain_forms(secret: str) -> Iterator[str]:
    """Yield a secret as it is, in URLs and in strings of JSON, also of JSON within JSON."""
    yield secret
    yield repr(secret)[1:-1]
    data = secret.encode("utf-8", "surrogatepass")
    for encoded in (quote(data, safe=""), quote(data, safe="/"), quote_plus(data)):
        yield encoded
        yield re.sub("%[0-9A-F]{2}", lambda found: found[0].lower(), encoded)
    for ascii_only in (True, False):
        once = json.dumps(secret, ensure_ascii=ascii_only)[1:-1]
        yield once
        yield json.dumps(once, ensure_ascii=ascii_only)[1:-1]
        yield once.replace("/", "\\/")


def base64_forms(secret: str) -> Iterator[str]:
    """Yield what base64 makes of a secret, alone or in the middle of something longer ("user:secret").

    Three bytes become four characters, so there are three ways to begin; the characters at both ends that also carry bits of the
    neighbours are left out.
    """
    data = secret.encode("utf-8", "surrogatepass")
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + data).decode("ascii")
        form = encoded[-(-before * 8 // 6) : (before + len(data)) * 8 // 6]
        if len(form) >= SHORTEST_BASE64:
            yield form
            yield form.replace("+", "-").replace("/", "_")
            yield quote(form, safe="")
