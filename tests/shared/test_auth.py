"""Keys: what is one, who is let in, and how other services ask contact."""

import asyncio

import httpx
import pytest

from shared.auth import (
    Key,
    RemoteKeyring,
    authenticate,
    authorise,
    bearer,
    looks_like_a_key,
    new_secret,
)
from shared.errors import Forbidden, NotReady, Unauthenticated

KEY = Key("shop", frozenset(["read"]), "service:shop", "shop", "/web")


class Contact:
    """A contact of one key, that counts how often it is asked."""

    def __init__(self) -> None:
        self.secret = new_secret()
        self.asked = 0
        self.away = False

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        if self.away:
            raise httpx.ConnectError("away")
        if request.headers["authorization"] != f"Bearer {self.secret}":
            return httpx.Response(401)
        fields = {"name": "shop", "scopes": ["read"], "principal": "service:shop"}
        return httpx.Response(200, json=fields | {"namespace": "shop", "source_prefix": "/web"})

    def ring(self) -> RemoteKeyring:
        transport = httpx.MockTransport(self.answer)
        return RemoteKeyring(httpx.AsyncClient(transport=transport, base_url="http://contact"))


@pytest.fixture
def contact() -> Contact:
    return Contact()


def test_a_secret_is_a_new_one_each_time_and_looks_like_a_key() -> None:
    secrets = {new_secret() for _ in range(10)}
    assert len(secrets) == 10
    assert all(looks_like_a_key(secret) for secret in secrets)


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer x", "Basic abc", "Token rk_" + "A" * 43]
)
def test_what_is_no_bearer_key_is_nothing(header: str | None) -> None:
    assert bearer(header) is None


def test_the_scheme_is_written_as_one_likes() -> None:
    secret = new_secret()
    assert bearer(f"bearer {secret}") == bearer(f"BEARER  {secret}") == secret


async def test_who_has_no_known_key_is_not_let_in(contact: Contact) -> None:
    ring = contact.ring()
    assert await authenticate(ring, f"Bearer {contact.secret}") == KEY
    for header in (None, "Bearer nonsense", f"Bearer {new_secret()}"):
        with pytest.raises(Unauthenticated) as refusal:
            await authenticate(ring, header)
        assert refusal.value.headers["WWW-Authenticate"].startswith("Bearer")


def test_one_of_the_scopes_is_enough() -> None:
    authorise(KEY, ["ops", "read"])
    with pytest.raises(Forbidden):
        authorise(KEY, ["ops", "write"])


async def test_contact_is_asked_once_for_many(contact: Contact) -> None:
    ring = contact.ring()
    found = await asyncio.gather(*(ring.find(contact.secret) for _ in range(20)))
    assert found == [KEY] * 20
    assert await ring.find(contact.secret) == KEY
    assert contact.asked == 1


async def test_who_is_not_known_is_remembered_too(contact: Contact) -> None:
    ring, stranger = contact.ring(), new_secret()
    assert await ring.find(stranger) is None
    assert await ring.find(stranger) is None
    assert contact.asked == 1


async def test_while_contact_is_away_nobody_is_judged(contact: Contact) -> None:
    ring = contact.ring()
    contact.away = True
    with pytest.raises(NotReady) as answer:
        await ring.find(contact.secret)
    assert answer.value.headers["Retry-After"]
    contact.away = False
    assert await ring.find(contact.secret) == KEY
