"""Commands that may be sent twice: the same Idempotency-Key gives the stored answer."""

import asyncio
from collections.abc import Awaitable, Callable
from hashlib import sha256

from fastapi import Request, Response

from shared.auth import Key
from shared.database import Pool
from shared.errors import Conflict, FieldError, Problem, Unprocessable
from shared.http import PROBLEM, problem_response

MOST = 255
STALE = "60 seconds"
"""After this a command that never answered (its server died) may be tried again."""

KEPT = "24 hours"


async def once(
    pool: Pool, key: Key, request: Request, run: Callable[[], Awaitable[Response]]
) -> Response:
    """Run a command, or give the answer it had when it came with the same Idempotency-Key.

    Without that header it is simply run. Another body under the same key: 422; still running: 409.
    What failed on our side (500 and above) is not stored.
    """
    header = request.headers.get("idempotency-key")
    if header is None:
        return await run()
    if not 0 < len(header) <= MOST:
        raise _wrong(f"An Idempotency-Key has 1 to {MOST} characters.")
    return await once_named(pool, f"{key.name}/{header}", await _fingerprint(request), run)


async def once_named(
    pool: Pool, name: str, fingerprint: bytes, run: Callable[[], Awaitable[Response]]
) -> Response:
    """Run what bears a name, or give the answer that it had under it before; see `once`.

    Raises Unprocessable where another `fingerprint` bore it, Conflict where it still runs.
    """
    stored = await _claim(pool, name, fingerprint)
    if stored is not None:
        return stored
    try:
        response = await _answer(run)
    except BaseException:
        await asyncio.shield(_free(pool, name))
        raise
    await (_store(pool, name, response) if response.status_code < 500 else _free(pool, name))
    return response


async def _answer(run: Callable[[], Awaitable[Response]]) -> Response:
    try:
        return await run()
    except Problem as problem:
        if problem.status >= 500:
            raise
        return problem_response(problem)


async def _fingerprint(request: Request) -> bytes:
    body = await request.body()
    return sha256(f"{request.method} {request.url.path}\n".encode() + body).digest()


async def _claim(pool: Pool, name: str, fingerprint: bytes) -> Response | None:
    """Take the key for this request, or the answer of the one before."""
    claimed = await pool.fetchval(
        f"""INSERT INTO idempotency (key, request) VALUES ($1, $2)
            ON CONFLICT (key) DO UPDATE SET request = excluded.request, created = now(),
                status = NULL, answer = NULL
            WHERE idempotency.status IS NULL AND idempotency.created < now() - interval '{STALE}'
               OR idempotency.created < now() - interval '{KEPT}'
            RETURNING true""",
        name,
        fingerprint,
    )
    if claimed:
        return None
    row = await pool.fetchrow(
        "SELECT request, status, answer FROM idempotency WHERE key = $1", name
    )
    if row is None or (row["status"] is None and row["request"] == fingerprint):
        raise Conflict(
            "A request with this Idempotency-Key is still running.",
            code="idempotency_running",
            headers={"Retry-After": "1"},
        )
    if row["request"] != fingerprint:
        raise _wrong("This Idempotency-Key was used for another request.")
    return Response(
        row["answer"],
        row["status"],
        {"Idempotency-Replayed": "true"},
        "application/json" if row["status"] < 400 else PROBLEM,
    )


async def _store(pool: Pool, name: str, response: Response) -> None:
    await pool.execute(
        "UPDATE idempotency SET status = $2, answer = $3 WHERE key = $1",
        name,
        response.status_code,
        bytes(response.body).decode(),
    )


async def _free(pool: Pool, name: str) -> None:
    await pool.execute("DELETE FROM idempotency WHERE key = $1 AND status IS NULL", name)


def _wrong(detail: str) -> Unprocessable:
    return Unprocessable(
        detail,
        code="idempotency_key",
        errors=(FieldError("/header/idempotency-key", "idempotency_key", detail),),
    )
