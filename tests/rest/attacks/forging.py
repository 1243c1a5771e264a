"""Tokens that nobody issued: other claims, other times, other signatures.

token = { claims = {role = "postgres"}, without = ["sub"], seconds = {exp = -60}, signed = "none" }
token = { text = "not.a.token" }
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping
from typing import Any

import jwt
from tests.rest.conftest import Api

# What `supabase start` signs with on every machine, and what tutorials show.
_WELL_KNOWN = "super-secret-jwt-token-with-at-least-32-characters-long"


def forge(api: Api, persona: str, recipe: Mapping[str, Any]) -> str:
    """Return the persona's token, changed as `recipe` says."""
    if "text" in recipe:
        return str(recipe["text"])
    genuine = api.token(persona)
    claims = jwt.decode(genuine, options={"verify_signature": False})
    now = int(time.time())
    claims |= {name: now + seconds for name, seconds in recipe.get("seconds", {}).items()}
    claims |= recipe.get("claims", {})
    claims = {name: claims[name] for name in claims.keys() - set(recipe.get("without", ()))}
    return _signed(api, genuine, claims, recipe.get("signed", "rightly"))


def _signed(api: Api, genuine: str, claims: dict[str, Any], how: str) -> str:
    secret = api.local.jwt_secret
    head, _, signature = genuine.split(".")
    match how:
        case "rightly":
            return _encode(claims, secret)
        case "none":
            return f"{_part({'alg': 'none', 'typ': 'JWT'})}.{_part(claims)}."
        case "NONE":
            return f"{_part({'alg': 'nOnE', 'typ': 'JWT'})}.{_part(claims)}."
        case "with the signature of another":
            return f"{head}.{_part(claims)}.{signature}"
        case "without a signature":
            return f"{head}.{_part(claims)}."
        case "with the well-known secret":
            return _encode(claims, _WELL_KNOWN)
        case "with the public key":
            return _encode(claims, api.local.anon_key)
        case "with nothing":
            return _encode(claims, "\0")
        case "by a key it brings along":
            own = jwt.algorithms.HMACAlgorithm.to_jwk("x" * 32, as_dict=True)
            return _encode(claims, "x" * 32, {"jwk": own})
        case "by a file it names":
            return _encode(claims, "\0" * 32, {"kid": "../../../../dev/null"})
        case "as RS256":
            return f"{_part({'alg': 'RS256', 'typ': 'JWT'})}.{_part(claims)}.{signature}"
        case _:
            raise AssertionError(how)


def _encode(claims: dict[str, Any], secret: str, headers: dict[str, Any] | None = None) -> str:
    # By hand, because PyJWT refuses claims that are not as they should be, and short secrets.
    head = _part({"alg": "HS256", "typ": "JWT"} | (headers or {}))
    signed = f"{head}.{_part(claims)}"
    key = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    return f"{signed}.{_text(key.sign(signed.encode(), secret.encode()))}"


def _part(value: object) -> str:
    return _text(json.dumps(value).encode())


def _text(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
