"""Identity tokens: short-lived JWTs in which a customer's own server vouches for identifiers.

A token is signed with HS256 or ES256: which one is fixed by the JWK that is stored with the public
key, never by the token. Its claims:

    aud          the name of the public key it comes with
    iat, exp     when it was made and until when it holds; at most an hour apart
    identifiers  [{"kind": "user", "value": "42", "namespace": "shop"}, ...], at most 20
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OctKey

from services.contact.faults import Refusal
from shared.auth import Key
from shared.clock import now
from shared.errors import Fatal, FieldError, Unprocessable

HEADER = b"identity-token"
"""Where a token stands in a request; a beacon has it in its body."""

POINTER = "/header/Identity-Token"
MAX_TOKEN = 8192
MAX_LIFETIME = 3600
LEEWAY = 30
"""Seconds by which clocks may differ."""

MOST = 20
_REMEMBERED = 4096
_SECRET_BYTES = 32

Subjects = frozenset[str]
Identify = Callable[[Any, str], Subjects]
"""The subjects of identifiers as they were given, in a namespace. Raises Refusal."""


class _Wrong(Exception):
    """Why a token vouches for nobody."""


class _Claims(msgspec.Struct, frozen=True):
    aud: str | list[str]
    iat: float
    exp: float
    identifiers: list[dict[str, Any]]


class _Vouched(NamedTuple):
    """What a token that was checked says."""

    iat: float
    exp: float
    subjects: Subjects


class Tokens:
    """Checks tokens, and remembers those that were right; a signature is dear to check."""

    def __init__(self, identify: Identify) -> None:
        self._identify = identify
        self._known: dict[tuple[str, str, str], _Vouched] = {}

    def vouched(self, key: Key, token: str, pointer: str) -> Subjects:
        """The subjects that a token vouches for; `pointer` is to where it stood.

        Raises Unprocessable, which says why it vouches for nobody.
        """
        try:
            return self._vouched(key, token)
        except _Wrong as wrong:
            error = FieldError(pointer, "identity_token", str(wrong))
            raise Unprocessable(error.detail, code="identity_token", errors=(error,)) from None

    def _vouched(self, key: Key, token: str) -> Subjects:
        if key.token_key is None:
            raise _Wrong(f"The key {key.name} takes no identity tokens.")
        name = (key.name, key.token_key, token)
        found = self._known.get(name)
        if found is None:
            found = self._read(key, key.token_key, token)
        _check_time(found.iat, found.exp)
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known[name] = found
        return found.subjects

    def _read(self, key: Key, stored: str, token: str) -> _Vouched:
        claims = _claims(_payload(stored, token))
        audience = [claims.aud] if isinstance(claims.aud, str) else claims.aud
        if key.name not in audience:
            raise _Wrong(f"`aud` of the identity token is not {key.name}.")
        if not 0 < claims.exp - claims.iat <= MAX_LIFETIME:
            raise _Wrong(f"An identity token holds for at most {MAX_LIFETIME} s: `exp` - `iat`.")
        if len(claims.identifiers) > MOST:
            raise _Wrong(f"An identity token names at most {MOST} identifiers.")
        try:
            subjects = self._identify(claims.identifiers, key.namespace)
        except Refusal as refusal:
            raise _Wrong(f"`identifiers` of the identity token: {refusal.error.detail}") from None
        return _Vouched(claims.iat, claims.exp, subjects)


def _payload(stored: str, token: str) -> bytes:
    if len(token) > MAX_TOKEN:
        raise _Wrong(f"An identity token has at most {MAX_TOKEN} characters.")
    key, algorithm = _key(stored)
    try:
        return jws.deserialize_compact(token, key, algorithms=[algorithm]).payload
    except (JoseError, ValueError):  # whatever is wrong with it: no more is said to a stranger
        raise _Wrong("The identity token is not signed as this key wants it.") from None


def _claims(payload: bytes) -> _Claims:
    try:
        return msgspec.json.decode(payload, type=_Claims)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        detail = "An identity token has the claims `aud`, `iat`, `exp` and `identifiers`."
        raise _Wrong(detail) from None


def _check_time(iat: float, exp: float) -> None:
    present = now().timestamp()
    if exp + LEEWAY <= present:
        raise _Wrong("The identity token has expired.")
    if iat - LEEWAY > present:
        raise _Wrong("The identity token is of the future.")


# The key that is stored


def _key(stored: str) -> tuple[OctKey | ECKey, str]:
    """The JWK, and the one algorithm it is for."""
    found: dict[str, Any] = msgspec.json.decode(stored)
    if found.get("kty") == "oct":
        return OctKey.import_key(found), "HS256"
    return ECKey.import_key(found), "ES256"


_ALGORITHMS = {"oct": "HS256", "EC": "ES256"}


def check_key(text: str) -> None:
    """Raises Fatal for a JWK that identity tokens cannot be checked by."""
    try:
        found = msgspec.json.decode(text, type=dict[str, Any])
        algorithm = _ALGORITHMS.get(found.get("kty", ""))
        if algorithm is None or found.get("alg", algorithm) != algorithm:
            raise Fatal("The JWK is for HS256 (`kty` oct) or ES256 (`kty` EC, `crv` P-256).")
        if algorithm == "ES256" and (found.get("crv") != "P-256" or "d" in found):
            raise Fatal("The JWK of ES256 is a public key on P-256: without `d`.")
        key, _ = _key(text)
    except (JoseError, msgspec.MsgspecError, ValueError, TypeError) as error:
        raise Fatal(f"This is not a JWK: {error}.") from None
    if isinstance(key, OctKey) and len(key.raw_value) < _SECRET_BYTES:
        raise Fatal(f"The secret of HS256 has at least {_SECRET_BYTES} bytes.")
