"""Public keys and identity tokens, as tests make them."""

from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey, OctKey

from shared.clock import now

SECRET = OctKey.import_key({"kty": "oct", "k": "c2VjcmV0IG9mIGFsbCB0ZXN0cyB0aGF0IHNpZ24gdG9rZW5z"})
PAIR = ECKey.generate_key("P-256")
USER = {"kind": "user", "namespace": "shop", "value": "42"}


def claims(key: str, *identifiers: dict[str, str], **changes: Any) -> dict[str, Any]:
    """What a token says; a claim that is None is left out."""
    moment = int(now().timestamp())
    said: dict[str, Any] = {
        "aud": key,
        "iat": moment,
        "exp": moment + 300,
        "identifiers": list(identifiers or [USER]),
    } | changes
    return {name: value for name, value in said.items() if value is not None}


def signed(said: dict[str, Any], key: OctKey | ECKey = SECRET, **header: Any) -> str:
    """A token of the usual algorithm of a key."""
    algorithm = "HS256" if isinstance(key, OctKey) else "ES256"
    return jwt.encode({"alg": algorithm} | header, said, key)
