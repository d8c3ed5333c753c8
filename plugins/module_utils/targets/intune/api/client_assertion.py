# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prove with a certificate who we are: a signed JSON Web Token instead of a client secret (RFC 7523; Entra: certificate credentials)."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from ....engine.errors import AppbanError

try:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import padding, rsa

    HAS_CRYPTOGRAPHY = True
except ImportError:
    HAS_CRYPTOGRAPHY = False

#: Seconds that a proof is good for; Entra wants it short.
LIFETIME = 600


@dataclass(frozen=True)
class ClientCertificate:
    """A certificate of the app registration, with its private key.

    Args:
        key: the RSA private key.
        thumbprint: SHA-256 of the certificate.
        chain: the certificate and those above it that the file holds, each as DER, the certificate first.
    """

    key: rsa.RSAPrivateKey = field(repr=False)
    thumbprint: bytes
    chain: tuple[bytes, ...] = ()

    def assertion(self, audience: str, client_id: str, identifier: str, now: datetime, send_chain: bool = False) -> str:
        """Sign a proof.

        Args:
            audience: the token endpoint that it is for.
            client_id: who we are.
            identifier: never the same twice (``jti``).
            now: the instant; the proof is good for ten minutes from it.
            send_chain: send the certificates along, for an app registration that names a subject and issuer instead of a certificate.
        """
        issued = int(now.timestamp())
        header: dict[str, Any] = {"alg": "PS256", "typ": "JWT", "x5t#S256": base64url(self.thumbprint)}
        if send_chain:
            # Plain base64 here, not its URL form (RFC 7515, section 4.1.6).
            header["x5c"] = [base64.b64encode(certificate).decode("ascii") for certificate in self.chain]
        claims = {
            "aud": audience,
            "iss": client_id,
            "sub": client_id,
            "jti": identifier,
            "iat": issued,
            "nbf": issued,
            "exp": issued + LIFETIME,
        }
        signed = "%s.%s" % (base64url(json.dumps(header).encode()), base64url(json.dumps(claims).encode()))
        # PS256 has a salt as long as the digest (RFC 7518, section 3.5).
        pss = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=hashes.SHA256().digest_size)
        return "%s.%s" % (signed, base64url(self.key.sign(signed.encode("ascii"), pss, hashes.SHA256())))


def read_certificate(path: str, password: str | None, now: datetime) -> ClientCertificate:
    """Read a PEM file that holds a private key and its certificate, in any order.

    Args:
        path: the file.
        password: of the private key, if it is encrypted.
        now: the instant, to notice a certificate that has expired.

    Raises:
        AppbanError: for anything that would make the server refuse the proof.
    """
    if not HAS_CRYPTOGRAPHY:
        raise AppbanError(
            "The Python library cryptography is not installed where this module runs",
            "certificate_path",
            "Install it for the Python that runs Ansible: python -m pip install cryptography",
        )
    try:
        with open(path, "rb") as file:
            pem = file.read()
    except OSError as error:
        raise AppbanError("The certificate can't be read: %s" % error.strerror, path, "Correct certificate_path") from None
    key = read_key(pem, password, path)
    certificates = read_certificates(pem, path)
    own = next((one for one in certificates if public_bytes(one.public_key()) == public_bytes(key.public_key())), None)
    if own is None:
        raise AppbanError("None of the certificates belongs to the private key", path, "Put the key and its own certificate into the file")
    expires = getattr(own, "not_valid_after_utc", None) or own.not_valid_after.replace(tzinfo=timezone.utc)
    if expires <= now:
        raise AppbanError(
            "The certificate expired on %s" % expires.date(), path, "Make a new one and add it to the app registration in Entra"
        )
    chain = [own, *(one for one in certificates if one is not own)]
    return ClientCertificate(
        key, own.fingerprint(hashes.SHA256()), tuple(one.public_bytes(serialization.Encoding.DER) for one in chain)
    )


def read_key(pem: bytes, password: str | None, path: str) -> rsa.RSAPrivateKey:
    """Read the RSA private key of a PEM file. The words of the library are left out: they may quote what they read."""
    start = pem.find(b"-----BEGIN")
    while start >= 0 and b"PRIVATE KEY" not in pem[start : pem.find(b"\n", start)]:
        start = pem.find(b"-----BEGIN", start + 1)
    if start < 0:
        raise AppbanError("The file has no private key", path, "Put key and certificate, both as PEM, into one file")
    end = pem.find(b"-----END", start)
    block = pem[start : pem.find(b"-----", end + 8) + 5] if end >= 0 else pem[start:]
    encrypted = b"ENCRYPTED" in block
    if encrypted and not password:
        raise AppbanError("The private key is encrypted", path, "Give its password with certificate_password")
    try:
        key = serialization.load_pem_private_key(block, password.encode() if password and encrypted else None)
    except Exception:  # whatever the library raises for a broken key, it means this
        key = None
    if key is None:
        next_step = "Check certificate_password" if encrypted else "Check that the file is whole"
        raise AppbanError("The private key can't be read", path, next_step)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise AppbanError("The private key is not an RSA key", path, "Entra takes certificates with RSA keys only")
    return key


def read_certificates(pem: bytes, path: str) -> list[x509.Certificate]:
    """Read all certificates of a PEM file."""
    try:
        return list(x509.load_pem_x509_certificates(pem))
    except ValueError:
        pass
    raise AppbanError("The file has no certificate that can be read", path, "Put key and certificate, both as PEM, into one file")


def public_bytes(key: Any) -> bytes:
    """A public key as bytes, to compare it."""
    encoded: bytes = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return encoded


def base64url(data: bytes) -> str:
    """Base64 for URLs, without padding (RFC 7515, section 2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")
