"""Pages of other origins: which of them may read answers (CORS), and how long they may know it."""

import re

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.errors import Forbidden
from shared.http import problem_response
from shared.middleware import header_of
from shared.settings import Settings

MAX_AGE = 7200
"""Seconds for which a browser keeps the answer to its preflight; they keep none for longer."""

METHODS = b"GET, POST, PUT, PATCH, DELETE"
EXPOSED = b"ETag, Retry-After, Idempotency-Replayed, X-RateLimit-Reset"
_HEADERS = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~, -]{0,2048}")
_VARY = (b"vary", b"Origin")

Headers = list[tuple[bytes, bytes]]


def for_origins(app: ASGIApp, settings: Settings) -> ASGIApp:
    """The application for pages of the allowed origins; as it is where none is allowed."""
    allowed = frozenset(filter(None, (each.strip() for each in settings.origins.split(","))))
    return Origins(app, allowed) if allowed else app


class Origins:
    """Answers preflights, and says of answers that a page of an allowed origin may read them.

    No cookies and no passwords of a browser's own are taken: a page sends its key. What is not a
    preflight goes on to the application, web hooks' OPTIONS too.
    """

    def __init__(self, app: ASGIApp, allowed: frozenset[str]) -> None:
        self._app = app
        self._allowed = allowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        origin = header_of(scope, b"origin")
        fields = self._fields(origin)
        if _is_preflight(scope):
            await self._preflight(scope, receive, send, fields)
            return

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], *fields]}
            await send(message)

        await self._app(scope, receive, sending)

    def _fields(self, origin: str | None) -> Headers:
        """What an answer says of the origin that asks; caches keep the answers to each apart."""
        if origin is None or origin not in self._allowed:
            return [_VARY]
        return [
            _VARY,
            (b"access-control-allow-origin", origin.encode("latin-1")),
            (b"access-control-expose-headers", EXPOSED),
        ]

    async def _preflight(self, scope: Scope, receive: Receive, send: Send, fields: Headers) -> None:
        wanted = header_of(scope, b"access-control-request-headers") or ""
        if len(fields) < 2 or not _HEADERS.fullmatch(wanted):
            refusal = Forbidden("Pages of this origin may not ask.", code="origin")
            answer = problem_response(refusal)
            answer.raw_headers.append(_VARY)
            await answer(scope, receive, send)
            return
        headers = [
            *fields[:2],
            (b"access-control-allow-methods", METHODS),
            (b"access-control-allow-headers", wanted.encode("latin-1")),
            (b"access-control-max-age", b"%d" % MAX_AGE),
        ]
        await send({"type": "http.response.start", "status": 204, "headers": headers})
        await send({"type": "http.response.body", "body": b""})


def _is_preflight(scope: Scope) -> bool:
    return (
        scope["method"] == "OPTIONS"
        and header_of(scope, b"access-control-request-method") is not None
    )
