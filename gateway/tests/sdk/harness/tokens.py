"""Tokens of the development issuer, as an attacker would bend them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from .gateway import Gateway

HOUR = 3600


def forged(gateway: Gateway, how: str) -> str:
    """A token like those of `tradewind token`, but for one fault; `honest` has none."""
    return FORGERIES[how](_forge(gateway))


def claiming(gateway: Gateway, **claims) -> str:
    """A token like those of `tradewind token`, with further claims."""
    return _forge(gateway).sign(**claims)


def _forge(gateway: Gateway) -> Forge:
    good = gateway.token()
    header, claims = jwt.get_unverified_header(good), jwt.decode(good, options={"verify_signature": False})
    key = serialization.load_pem_private_key((gateway.home / "issuer" / "key.pem").read_bytes(), password=None)
    return Forge(header, claims, key)


class Forge:
    """The parts of a good token and the key that signed it."""

    def __init__(self, header: dict, claims: dict, key: ec.EllipticCurvePrivateKey):
        self.header, self.claims, self.key = header, claims, key

    def sign(self, key: ec.EllipticCurvePrivateKey | None = None, without: str = "", **changed) -> str:
        claims = {name: value for name, value in {**self.claims, **changed}.items() if name != without}
        extra = {name: value for name, value in self.header.items() if name != "alg"}
        return jwt.encode(claims, key or self.key, algorithm="ES256", headers=extra)

    def with_algorithm(self, algorithm: str, sign: Callable[[bytes], bytes]) -> str:
        """Put together by hand: an honest library refuses to make these."""
        head = _base64url(json.dumps({**self.header, "alg": algorithm}).encode())
        message = head + b"." + _base64url(json.dumps(self.claims).encode())
        return (message + b"." + _base64url(sign(message))).decode()

    def public_pem(self) -> bytes:
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        return self.key.public_key().public_bytes(serialization.Encoding.PEM, form)


def _altered(forge: Forge) -> str:
    head, _, signature = forge.sign().split(".")
    return ".".join([head, forge.sign(tenant="another").split(".")[1], signature])


FORGERIES: dict[str, Callable[[Forge], str]] = {
    "honest": lambda forge: forge.sign(),
    # Outside of the clock skew that is forgiven.
    "expired": lambda forge: forge.sign(iat=int(time.time()) - 2 * HOUR, nbf=int(time.time()) - 2 * HOUR, exp=int(time.time()) - HOUR),
    "not_yet_valid": lambda forge: forge.sign(nbf=int(time.time()) + HOUR, exp=int(time.time()) + 2 * HOUR),
    "of_another_audience": lambda forge: forge.sign(aud="https://another.example"),
    "of_another_issuer": lambda forge: forge.sign(iss="https://another.example"),
    "without_expiry": lambda forge: forge.sign(without="exp"),
    "without_tenant": lambda forge: forge.sign(without="tenant"),
    "signed_by_another_key": lambda forge: forge.sign(key=ec.generate_private_key(ec.SECP256R1())),
    "altered": _altered,
    "unsigned": lambda forge: forge.with_algorithm("none", lambda _: b""),
    "signed_with_the_public_key_as_a_secret": lambda forge: forge.with_algorithm(
        "HS256", lambda message: hmac.new(forge.public_pem(), message, hashlib.sha256).digest()
    ),
}


def _base64url(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")
