"""Keys: made, listed, revoked, and found by who asks."""

import asyncio
import json
import stat
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from services.contact import keys
from services.contact.granting import Bounds
from shared.auth import PUBLIC, SCOPES, digest, looks_like_a_key, new_secret
from shared.clock import monotonic, now
from shared.database import Pool
from shared.errors import Fatal
from tests.contact.answering import Contact, answering
from tests.waiting import until

REVOKED_WITHIN = 5.0


@pytest.fixture
async def contact(pool: Pool) -> AsyncIterator[Contact]:
    async with answering(pool) as contact:
        yield contact


async def test_a_key_may_ask_what_it_is(contact: Contact) -> None:
    for scope in SCOPES:
        answer = await contact.client.get("/v1/keys/self", headers=contact.headers(scope))
        assert answer.json() == {
            "name": scope,
            "scopes": [scope],
            "principal": f"service:{scope}",
            "namespace": "shop",
            "source_prefix": "",
        }
    answer = await contact.client.get("/v1/keys/self")
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")


async def test_of_a_key_only_its_digest_is_kept(contact: Contact) -> None:
    pool = contact.site.pool
    assert looks_like_a_key(contact.secrets["read"])
    rows = await pool.fetch("SELECT k::text AS row, digest FROM keys k")
    assert digest(contact.secrets["read"]) in {row["digest"] for row in rows}
    assert all(contact.secrets["read"] not in row["row"] for row in rows)
    assert "secret" not in (await keys.listed(pool))[0]


async def test_a_new_key_is_good_at_once(contact: Contact) -> None:
    ring = keys.StoredKeyring(contact.site.pool)
    secret = await keys.create(contact.site.pool, "new", ["read", "ops"], "partner:12")
    found = await ring.find(secret)
    assert found is not None
    assert (found.name, found.principal) == ("new", "partner:12")
    assert found.scopes == {"read", "ops"}


async def test_a_revoked_key_opens_nothing_within_five_seconds(contact: Contact) -> None:
    pool, began = contact.site.pool, monotonic()
    headers = contact.headers("read")

    async def is_turned_away() -> bool:
        answer = await contact.client.get("/v1/keys/self", headers=headers)
        return answer.status_code == 401

    assert not await is_turned_away()
    assert await keys.revoke(pool, "read")
    assert not await keys.revoke(pool, "read")
    assert not await keys.revoke(pool, "nobody")
    await until(is_turned_away, REVOKED_WITHIN + monotonic() - began)
    (listed,) = (each for each in await keys.listed(pool) if each["name"] == "read")
    assert listed["revoked"]


async def test_the_hot_way_forgets_a_revoked_key_too(contact: Contact) -> None:
    ring = contact.site.keyring
    assert isinstance(ring, keys.StoredKeyring)
    header = f"Bearer {contact.secrets['ingest']}".encode()
    assert await ring.find_by_header(header)
    assert ring.at_hand(header)
    await keys.revoke(contact.site.pool, "ingest")

    async def is_unknown() -> bool:
        return not (ring.at_hand(header) or await ring.find_by_header(header))

    await until(is_unknown, REVOKED_WITHIN)


async def test_known_keys_serve_while_the_database_is_away(
    contact: Contact, monkeypatch: pytest.MonkeyPatch
) -> None:
    ring = keys.StoredKeyring(contact.site.pool)
    assert await ring.find(contact.secrets["read"])

    class Away:
        async def fetch(self, sql: str) -> list[Any]:
            raise ConnectionRefusedError

    monkeypatch.setattr(ring, "_pool", Away())
    monkeypatch.setattr(ring, "_read", monotonic() - keys.STALE - 1)
    monkeypatch.setattr(ring, "_tried", monotonic() - 2)
    assert await ring.find(contact.secrets["read"])
    assert await ring.find(new_secret()) is None


@pytest.mark.parametrize(
    ("name", "scopes", "principal", "prefix", "word"),
    [
        ("Shop", ["read"], "service:x", "", "name"),
        ("", ["read"], "service:x", "", "name"),
        ("x", [], "service:x", "", "scopes"),
        ("x", ["read", "all"], "service:x", "", "scopes"),
        ("x", ["read"], "x", "", "principal"),
        ("x", ["read"], "service:x", "/\n", "prefix"),
        ("read", ["read"], "service:x", "", "another name"),
    ],
)
async def test_a_key_that_cannot_be_is_refused_in_one_sentence(
    contact: Contact, name: str, scopes: list[str], principal: str, prefix: str, word: str
) -> None:
    with pytest.raises(Fatal, match=word):
        await keys.create(contact.site.pool, name, scopes, principal, source_prefix=prefix)


async def test_the_first_start_makes_a_key_per_scope_and_writes_them_down(
    contact: Contact, tmp_path: Path
) -> None:
    pool = contact.site.pool
    assert not await keys.ensure_first(pool, tmp_path)
    await pool.execute("DELETE FROM keys")
    assert await keys.ensure_first(pool, tmp_path)
    path = tmp_path / keys.FIRST_KEYS
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    written = json.loads(path.read_text())
    ring = keys.StoredKeyring(pool)
    for scope in SCOPES:
        found = await ring.find(written[scope])
        assert found is not None
        assert found.scopes == {scope}
    assert not await keys.ensure_first(pool, tmp_path)


async def test_a_new_database_takes_the_keys_that_are_written_down(
    contact: Contact, tmp_path: Path
) -> None:
    pool = contact.site.pool
    await pool.execute("DELETE FROM keys")
    await keys.ensure_first(pool, tmp_path)
    before = (tmp_path / keys.FIRST_KEYS).read_text()
    await pool.execute("DELETE FROM keys")
    assert await keys.ensure_first(pool, tmp_path)
    assert (tmp_path / keys.FIRST_KEYS).read_text() == before


async def test_a_folder_that_cannot_be_written_to_is_named(
    contact: Contact, tmp_path: Path
) -> None:
    await contact.site.pool.execute("DELETE FROM keys")
    (tmp_path / "file").write_text("")
    with pytest.raises(Fatal, match="RAPPORT_DATA"):
        await keys.ensure_first(contact.site.pool, tmp_path / "file" / "data")
    assert await keys.listed(contact.site.pool) == []


# Rotation, and bounds


def in_use(pool: Pool, *secrets: str) -> Any:
    """Which of some secrets open something, asked anew."""

    async def found() -> list[bool]:
        ring = keys.StoredKeyring(pool)
        return [await ring.find(secret) is not None for secret in secrets]

    return found()


async def test_after_a_rotation_both_secrets_work_for_a_while(contact: Contact) -> None:
    pool, first = contact.site.pool, contact.secrets["ingest"]
    second = await keys.rotate(pool, "ingest", timedelta(hours=1))
    assert second
    third = await keys.rotate(pool, "ingest", timedelta(hours=2))
    assert third
    assert await in_use(pool, first, second, third) == [True, True, True]
    (listed,) = (each for each in await keys.listed(pool) if each["name"] == "ingest")
    left = listed["former_until"] - now()
    assert timedelta(hours=1.9) < left < timedelta(hours=2.1)
    assert listed["rotated"]
    await pool.execute("UPDATE former_secrets SET until = now() - interval '1 s'")
    assert await in_use(pool, first, second, third) == [False, False, True]


async def test_both_secrets_are_one_key(contact: Contact) -> None:
    pool = contact.site.pool
    second = await keys.rotate(pool, "read", timedelta(hours=1))
    ring = keys.StoredKeyring(pool)
    assert await ring.find(contact.secrets["read"]) == await ring.find(str(second))


async def test_a_rotation_without_overlap_ends_the_secret_until_now(contact: Contact) -> None:
    pool = contact.site.pool
    second = await keys.rotate(pool, "read", timedelta())
    assert await in_use(pool, contact.secrets["read"], str(second)) == [False, True]


async def test_a_revoked_key_has_no_former_secrets_and_cannot_be_rotated(contact: Contact) -> None:
    pool = contact.site.pool
    second = await keys.rotate(pool, "read", timedelta(hours=1))
    await keys.revoke(pool, "read")
    assert await in_use(pool, contact.secrets["read"], str(second)) == [False, False]
    for name in ("read", "nobody"):
        assert await keys.rotate(pool, name, timedelta(hours=1)) is None
        assert not await keys.change(pool, name, Bounds(rate=1.0))


async def test_two_rotations_at_once_lose_no_secret(contact: Contact) -> None:
    pool = contact.site.pool
    hour = timedelta(hours=1)
    made = await asyncio.gather(*(keys.rotate(pool, "read", hour) for _ in range(4)))
    secrets = [contact.secrets["read"], *(secret for secret in made if secret)]
    assert await in_use(pool, *secrets) == [True] * 5


async def test_a_public_key_always_has_a_source_prefix_and_types(contact: Contact) -> None:
    pool = contact.site.pool
    bounds = Bounds(["page.viewed"], ["https://Shop.example"], 5.0)
    secret = await keys.create(pool, "web", [PUBLIC], "service:web", bounds=bounds)
    found = await keys.StoredKeyring(pool).find(secret)
    assert found is not None
    assert (found.source_prefix, found.types) == ("/keys/web", frozenset(["page.viewed"]))
    assert (found.origins, found.rate) == (("https://shop.example",), 5.0)


async def test_what_is_changed_of_a_key_leaves_the_rest(contact: Contact) -> None:
    pool = contact.site.pool
    bounds = Bounds(["page.viewed"], ["https://shop.example"], 5.0)
    secret = await keys.create(pool, "web", [PUBLIC], "service:web", bounds=bounds)
    assert await keys.change(pool, "web", Bounds(rate=7.0))
    found = await keys.StoredKeyring(pool).find(secret)
    assert found is not None
    assert (found.types, found.rate) == (frozenset(["page.viewed"]), 7.0)
    with pytest.raises(Fatal, match="names the event types"):
        await keys.change(pool, "web", Bounds(types=[]))


@pytest.mark.parametrize(
    ("scopes", "bounds", "word"),
    [
        ([PUBLIC], Bounds(), "--type"),
        ([PUBLIC], Bounds([]), "--type"),
        ([PUBLIC, "read"], Bounds(["page.viewed"]), "no other scope"),
        ([PUBLIC], Bounds([""]), "event type"),
        ([PUBLIC], Bounds(["x"] * 201), "at most 200"),
        (["ingest"], Bounds(rate=0), "rate"),
        (["ingest"], Bounds(rate=float("nan")), "rate"),
        (["ingest"], Bounds(origins=["shop.example"]), "origin"),
        (["ingest"], Bounds(origins=["https://shop.example/"]), "origin"),
        (["ingest"], Bounds(origins=["https://a.example"] * 51), "at most 50"),
        (["ingest"], Bounds(token_key="{}"), "identity tokens"),
        ([PUBLIC], Bounds(["page.viewed"], token_key="{}"), "JWK"),
    ],
)
async def test_bounds_that_cannot_be_are_refused_in_one_sentence(
    contact: Contact, scopes: list[str], bounds: Bounds, word: str
) -> None:
    with pytest.raises(Fatal, match=word):
        await keys.create(contact.site.pool, "web", scopes, "service:web", bounds=bounds)
