"""The keys of a deployment: made, listed, revoked, and found by who asks."""

import asyncio
import json
import logging
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import asyncpg

from shared.auth import SCOPES, Key, bearer, digest, looks_like_a_key, new_secret
from shared.clock import monotonic
from shared.database import Pool, is_transient
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
_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")
_PRINCIPAL = re.compile(r"[a-z]{1,32}:[!-~]{1,128}")
_logger = logging.getLogger("rapport.contact")


async def create(
    pool: Pool,
    name: str,
    scopes: Sequence[str],
    principal: str,
    *,
    namespace: str = "",
    source_prefix: str = "",
) -> str:
    """Make a key; its secret is shown here and never again. Raises Fatal with one sentence."""
    _check(name, scopes, principal, source_prefix)
    secret = new_secret()
    try:
        await pool.execute(
            _INSERT, name, digest(secret), list(scopes), principal, namespace, source_prefix
        )
    except asyncpg.UniqueViolationError:
        raise Fatal(f"There is, or was, a key named {name}; take another name.") from None
    return secret


def _check(name: str, scopes: Sequence[str], principal: str, source_prefix: str) -> None:
    if not _NAME.fullmatch(name):
        raise Fatal(f"{name!r} cannot name a key: 1 to 64 of a-z, 0-9, _ . and -.")
    wrong = [scope for scope in scopes if scope not in SCOPES]
    if wrong or not scopes:
        raise Fatal(f"A key has one or more of the scopes {', '.join(SCOPES)}.")
    if not _PRINCIPAL.fullmatch(principal):
        raise Fatal(f"{principal!r} is not a principal; write kind:id, such as service:shop.")
    if len(source_prefix) > 128 or (source_prefix and not source_prefix.isprintable()):
        raise Fatal("A source prefix has at most 128 characters that can be printed.")


async def listed(pool: Pool) -> list[dict[str, Any]]:
    """All keys, revoked ones too, by name; no secret is known here."""
    return [dict(row) for row in await pool.fetch(_LIST)]


async def revoke(pool: Pool, name: str) -> bool:
    """Revoke a key; False where there is none of that name or it was revoked before."""
    return bool(await pool.fetchval(_REVOKE, name))


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
                _INSERT, scope, digest(secret), [scope], f"service:{scope}", "", ""
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
            self._keys = {row["digest"]: _key(row) for row in rows}
            self._headers = {}
            self._read = began
        finally:
            self._reading = None


def _key(row: asyncpg.Record) -> Key:
    return Key(
        row["name"],
        frozenset(row["scopes"]),
        row["principal"],
        row["namespace"],
        row["source_prefix"],
    )


_INSERT = """
INSERT INTO keys (name, digest, scopes, principal, namespace, source_prefix)
VALUES ($1, $2, $3, $4, $5, $6)
"""

_LIST = """
SELECT name, scopes, principal, namespace, source_prefix, created, revoked
FROM keys ORDER BY name
"""

_REVOKE = "UPDATE keys SET revoked = now() WHERE name = $1 AND revoked IS NULL RETURNING true"

_PRESENT = """
SELECT name, digest, scopes, principal, namespace, source_prefix FROM keys WHERE revoked IS NULL
"""
