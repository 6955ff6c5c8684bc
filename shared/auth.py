"""Keys: who asks, what they may do; a ring finds the key behind a secret."""

import asyncio
import base64
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

import httpx
import msgspec
from fastapi import Request
from fastapi.security import HTTPBearer
from starlette.datastructures import State
from typing_extensions import override

from shared.clock import monotonic
from shared.errors import Forbidden, NotReady, Unauthenticated
from shared.ids import random_token

SCOPES = ("ingest", "read", "write", "ops")
PUBLIC = "ingest-public"
"""The scope of a key that stands in a page or an app, where everybody can read it."""

PRINCIPAL = "[a-z]{1,32}:[!-~]{1,128}"
"""What an actor looks like, as a regular expression: service:shop, representative:7."""

PREFIX = "rk_"
_SECRET = re.compile(r"rk_[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class Key:
    """A key as it is used: never its secret."""

    name: str
    scopes: frozenset[str]
    principal: str  # service:shop, representative:7, partner:12: the actor on every event
    namespace: str = ""  # of identifiers that name none
    source_prefix: str = ""  # every source sent with this key begins with it
    types: frozenset[str] | None = None  # that it may send; of a public key never None
    origins: tuple[str, ...] = ()  # pages it may be used from; none named: any
    rate: float | None = None  # events a second; None: as the deployment says
    token_key: str | None = None  # the JWK by which identity tokens are checked


class KeySelf(msgspec.Struct, frozen=True):
    """What a key may know of itself: the answer of `GET /v1/keys/self`."""

    name: str
    scopes: list[str]
    principal: str
    namespace: str = ""
    source_prefix: str = ""


class Keyring(Protocol):
    """Finds keys; contact reads its own table, the other services ask contact."""

    async def find(self, secret: str) -> Key | None:
        """The key with this secret, None where there is none or it was revoked.

        Raises NotReady where that cannot be known now.
        """
        ...

    def at_hand(self, header: bytes) -> Key | None:
        """The key of an Authorization header, None where it would have to be looked up."""
        ...


def new_secret() -> str:
    """A new key's secret: 256 random bits."""
    return PREFIX + base64.urlsafe_b64encode(random_token(32)).decode().rstrip("=")


def digest(secret: str) -> bytes:
    """What is kept of a secret, and what it is looked up by."""
    return sha256(secret.encode()).digest()


def looks_like_a_key(secret: str) -> bool:
    """Whether a text could be a key at all: anything else is not worth a question."""
    return _SECRET.fullmatch(secret) is not None


def bearer(header: str | None) -> str | None:
    """The secret in an Authorization header, None where there is none that could be a key."""
    scheme, _, secret = (header or "").partition(" ")
    secret = secret.strip()
    return secret if scheme.lower() == "bearer" and looks_like_a_key(secret) else None


async def authenticate(keyring: Keyring, header: str | None) -> Key:
    """The key of a request. Raises Unauthenticated."""
    secret = bearer(header)
    key = await keyring.find(secret) if secret else None
    if key is None:
        raise unauthenticated()
    return key


def unauthenticated() -> Unauthenticated:
    return Unauthenticated(
        "Send a key that is known: Authorization: Bearer KEY",
        headers={"WWW-Authenticate": 'Bearer realm="rapport"'},
    )


def authorise(key: Key, scopes: Sequence[str]) -> None:
    """Raises Forbidden unless the key has one of the scopes."""
    if not key.scopes.intersection(scopes):
        raise Forbidden(f"The key {key.name} does not have the scope {' or '.join(scopes)}.")


def admit(state: State, key: Key, scopes: Sequence[str]) -> None:
    """Raises Forbidden unless the key has one of the scopes, and is of nobody this is closed to.

    `state.closed_to` of an application: how the principals begin that only send to it.
    """
    authorise(key, scopes)
    kinds: tuple[str, ...] = getattr(state, "closed_to", ())
    if "ingest" not in scopes and key.principal.startswith(kinds):
        kind = key.principal.partition(":")[0]
        raise Forbidden(f"This is not for {kind}s.", code=f"not_for_{kind}s")


class Require(HTTPBearer):
    """The dependency that lets in keys with one of the scopes, and gives the endpoint the key."""

    def __init__(self, *scopes: str) -> None:
        super().__init__(
            scheme_name="key", description="A key made by `rapport keys create`.", auto_error=False
        )
        self.scopes = scopes

    @override
    async def __call__(self, request: Request) -> Key:  # type: ignore[override]
        header = request.headers.get("authorization")
        key = await authenticate(request.app.state.keyring, header)
        if self.scopes:
            admit(request.app.state, key, self.scopes)
        return key


def require(*scopes: str) -> Require:
    """`Annotated[Key, Depends(require("read"))]`; without scopes any known key is let in."""
    return Require(*scopes)


_NEVER: tuple[float, Key | None] = (-math.inf, None)


class RemoteKeyring:
    """The ring of every service but contact: asks contact with the caller's own secret."""

    FRESH = 5.0
    MOST = 10_000

    def __init__(self, client: httpx.AsyncClient) -> None:
        """`client` has contact's base URL and a timeout."""
        self._client = client
        self._known: dict[bytes, tuple[float, Key | None]] = {}
        self._asking: dict[bytes, asyncio.Task[Key | None]] = {}

    async def find(self, secret: str) -> Key | None:
        """See Keyring; an answer holds for 5 s, one question per secret is under way at a time."""
        name = digest(secret)
        since, key = self._known.get(name, _NEVER)
        if monotonic() - since < self.FRESH:
            return key
        task = self._asking.get(name)
        if task is None:
            task = self._asking[name] = asyncio.create_task(self._ask(secret))
            task.add_done_callback(lambda _: self._asking.pop(name, None))
        key = await asyncio.shield(task)
        if len(self._known) >= self.MOST:
            self._known.clear()
        self._known[name] = (monotonic(), key)
        return key

    def at_hand(self, header: bytes) -> Key | None:
        """See Keyring."""
        secret = bearer(header.decode("latin-1"))
        since, key = self._known.get(digest(secret), _NEVER) if secret else _NEVER
        return key if monotonic() - since < self.FRESH else None

    async def _ask(self, secret: str) -> Key | None:
        try:
            answer = await self._client.get(
                "/v1/keys/self", headers={"Authorization": f"Bearer {secret}"}
            )
            if answer.status_code == 401:
                return None
            answer.raise_for_status()
            found = msgspec.json.decode(answer.content, type=KeySelf)
        except (httpx.HTTPError, msgspec.MsgspecError) as error:
            raise NotReady(
                "The key cannot be checked now.",
                code="keys_unavailable",
                headers={"Retry-After": "1"},
            ) from error
        return Key(
            found.name,
            frozenset(found.scopes),
            found.principal,
            found.namespace,
            found.source_prefix,
        )
