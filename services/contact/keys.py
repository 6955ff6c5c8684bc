"""The keys of a deployment: made, changed, rotated, revoked, and found by who asks."""

import asyncio
import json
import logging
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg

from services.contact import granting
from services.contact.granting import Bounds
from shared.auth import PUBLIC, SCOPES, Key, bearer, digest, looks_like_a_key, new_secret
from shared.clock import monotonic
from shared.database import Connection, Pool, is_transient
from shared.deployment import write_private
from shared.errors import Fatal

FRESH = 2.0
"""Seconds after which the keys are read again, behind the back of requests."""

STALE = 4.0
"""Seconds after which a request waits until they are: revoking takes at most 5 s."""

WAIT = 1.0
"""Seconds that a request waits for that; then, with the database away, it makes do."""

FIRST_KEYS = "keys.json"
_MOST_HEADERS = 10_000
UNBOUND = Bounds()
_logger = logging.getLogger("rapport.contact")


async def create(
    pool: Pool,
    name: str,
    scopes: Sequence[str],
    principal: str,
    *,
    namespace: str = "",
    source_prefix: str = "",
    bounds: Bounds = UNBOUND,
) -> str:
    """Make a key; its secret is shown here and never again. Raises Fatal with one sentence.

    A public key always has a source prefix, so that it cannot take the event ids of others.
    """
    granting.check(name, scopes, principal, source_prefix, bounds)
    if PUBLIC in scopes:
        source_prefix = source_prefix or granting.own_source(name)
    secret = new_secret()
    fields = (name, digest(secret), list(scopes), principal, namespace, source_prefix)
    try:
        await pool.execute(_INSERT, *fields, *_row(bounds))
    except asyncpg.UniqueViolationError:
        raise Fatal(f"There is, or was, a key named {name}; take another name.") from None
    return secret


def _row(bounds: Bounds) -> tuple[object, ...]:
    types = None if bounds.types is None else list(dict.fromkeys(bounds.types))
    origins = [origin.lower() for origin in dict.fromkeys(bounds.origins)]
    return types, origins, bounds.rate, bounds.token_key


async def change(pool: Pool, name: str, changes: Bounds) -> bool:
    """Give a key other bounds, where they are named; False where there is none that is in use."""
    async with pool.acquire() as connection, connection.transaction():
        row = await connection.fetchrow(_BOUNDS, name)
        if row is None:
            return False
        bounds = Bounds(
            row["types"] if changes.types is None else changes.types,
            changes.origins or row["origins"],
            row["rate"] if changes.rate is None else changes.rate,
            row["token_key"] if changes.token_key is None else changes.token_key,
        )
        granting.check_bounds(bounds, public=PUBLIC in row["scopes"])
        await connection.execute(_CHANGE, name, *_row(bounds))
    return True


async def rotate(pool: Pool, name: str, overlap: timedelta) -> str | None:
    """A new secret for a key; the one until now works on for as long as `overlap` says.

    None where there is no key of that name that is in use.
    """
    secret = new_secret()
    async with pool.acquire() as connection, connection.transaction():
        former = await connection.fetchval(_PRESENT_SECRET, name)
        if former is None:
            return None
        await connection.execute(_ROTATE, name, digest(secret))
        await connection.execute("DELETE FROM former_secrets WHERE until <= now()")
        if overlap:
            await connection.execute(_KEEP_FORMER, former, name, overlap)
    return secret


async def listed(pool: Pool) -> list[dict[str, Any]]:
    """All keys, revoked ones too, by name; no secret is known here."""
    return [dict(row) for row in await pool.fetch(_LIST)]


async def named(pool: Pool | Connection, name: str) -> Key | None:
    """The key of that name, revoked or not: no name is used again. None where there is none."""
    row = await pool.fetchrow("SELECT * FROM keys WHERE name = $1", name)
    return None if row is None else _key(row)


async def revoke(pool: Pool, name: str) -> bool:
    """Revoke a key, its former secrets too; False where none of that name is in use."""
    return bool(await pool.fetchval(_REVOKE, name))


async def is_there(pool: Pool, name: str) -> bool:
    """Whether there is, or was, a key of that name."""
    return bool(await pool.fetchval("SELECT EXISTS (SELECT FROM keys WHERE name = $1)", name))


async def disown(pool: Pool, name: str, reason: str) -> bool:
    """Note that the pairs of a key no longer count; False where there never was such a key."""
    return bool(await pool.fetchval(_DISOWN, name, reason))


async def ensure_first(pool: Pool, folder: Path) -> bool:
    """At the very first start make one key per scope and write them down; True when it did.

    Where the file is there already and the database is new, the keys of the file are kept.
    """
    path = folder / FIRST_KEYS
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("LOCK TABLE keys IN EXCLUSIVE MODE")
        if await connection.fetchval("SELECT EXISTS (SELECT FROM keys)"):
            return False
        secrets = _written(path) or {scope: new_secret() for scope in SCOPES}
        _write(path, secrets)
        for scope, secret in secrets.items():
            await connection.execute(
                *(_INSERT, scope, digest(secret), [scope], f"service:{scope}", "", ""),
                *_row(UNBOUND),
            )
    return True


def _written(path: Path) -> dict[str, str] | None:
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    right = isinstance(found, dict) and set(found) == set(SCOPES)
    return found if right and all(looks_like_a_key(str(key)) for key in found.values()) else None


def _write(path: Path, secrets: dict[str, str]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_private(path, json.dumps(secrets, indent=2))
    except OSError as error:
        raise Fatal(
            f"The keys cannot be written to {path} ({error.strerror}); "
            "set RAPPORT_DATA to a folder that this user may write to."
        ) from error


class StoredKeyring:
    """The ring of contact: all keys at hand, read again every 2 s; old ones serve in an outage."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._keys: dict[bytes, Key] = {}
        self._headers: dict[bytes, Key] = {}
        self._read = -STALE
        self._tried = -STALE
        self._reading: asyncio.Task[None] | None = None

    def at_hand(self, header: bytes) -> Key | None:
        """The key of an Authorization header that came before and is still fresh: the hot way."""
        return self._headers.get(header) if monotonic() - self._read < FRESH else None

    async def find_by_header(self, header: bytes) -> Key | None:
        """The key of an Authorization header, None where there is none or it was revoked."""
        secret = bearer(header.decode("latin-1"))
        key = await self.find(secret) if secret else None
        if key is not None and len(self._headers) < _MOST_HEADERS:
            self._headers[header] = key
        return key

    async def find(self, secret: str) -> Key | None:
        """See shared.auth.Keyring; a secret that is not known reads the table once a second."""
        name = digest(secret)
        age = monotonic() - self._read
        if age > STALE or name not in self._keys:
            await self._wait()
        elif age > FRESH:
            self._start()
        return self._keys.get(name)

    async def _wait(self) -> None:
        task = self._start()
        if task is not None:
            await asyncio.wait([task], timeout=WAIT)

    def _start(self) -> asyncio.Task[None] | None:
        """Begin to read the keys, unless that is under way or was tried within a second."""
        if self._reading is None and monotonic() - self._tried >= 1.0:
            self._tried = monotonic()
            self._reading = asyncio.create_task(self._refresh())
        return self._reading

    async def _refresh(self) -> None:
        began = monotonic()
        try:
            async with asyncio.timeout(5):
                rows = await self._pool.fetch(_PRESENT)
        except Exception as error:
            if not is_transient(error):
                _logger.exception("the keys cannot be read")
            else:
                _logger.warning("the keys cannot be read now: %r", error)
        else:
            self._keys = {row["secret"]: _key(row) for row in rows}
            self._headers = {}
            self._read = began
        finally:
            self._reading = None


def _key(row: asyncpg.Record) -> Key:
    types = row["types"]
    return Key(
        row["name"],
        frozenset(row["scopes"]),
        row["principal"],
        row["namespace"],
        row["source_prefix"],
        None if types is None else frozenset(types),
        tuple(row["origins"]),
        row["rate"],
        row["token_key"],
    )


_INSERT = """
INSERT INTO keys (name, digest, scopes, principal, namespace, source_prefix,
                  types, origins, rate, token_key)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
"""

_LIST = """
SELECT name, scopes, principal, namespace, source_prefix, types, origins, rate,
       token_key IS NOT NULL AS tokens, created, rotated,
       (SELECT max(until) FROM former_secrets f WHERE f.name = k.name AND until > now())
           AS former_until,
       revoked, disowned, disowned_reason
FROM keys k ORDER BY name
"""

_BOUNDS = """
SELECT scopes, types, origins, rate, token_key FROM keys
WHERE name = $1 AND revoked IS NULL FOR UPDATE
"""

_CHANGE = """
UPDATE keys SET types = $2, origins = $3, rate = $4, token_key = $5 WHERE name = $1
"""

# Locked: of two rotations at once the second keeps the secret that the first has made.
_PRESENT_SECRET = "SELECT digest FROM keys WHERE name = $1 AND revoked IS NULL FOR UPDATE"

_ROTATE = "UPDATE keys SET digest = $2, rotated = now() WHERE name = $1"

_KEEP_FORMER = """
INSERT INTO former_secrets (digest, name, until) VALUES ($1, $2, now() + $3)
"""

_REVOKE = "UPDATE keys SET revoked = now() WHERE name = $1 AND revoked IS NULL RETURNING true"

_DISOWN = """
UPDATE keys SET disowned = coalesce(disowned, now()), disowned_reason = $2
WHERE name = $1 RETURNING true
"""

_PRESENT = """
SELECT k.*, s.digest AS secret
FROM keys k JOIN (
    SELECT name, digest FROM keys
    UNION ALL
    SELECT name, digest FROM former_secrets WHERE until > now()) s USING (name)
WHERE revoked IS NULL
"""
