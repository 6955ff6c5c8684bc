"""Pure ASGI around a whole application: trace context, access lines, bounds of bodies."""

import asyncio
import logging

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared import telemetry
from shared.clock import monotonic
from shared.counting import REQUESTS
from shared.deadlines import Deadlines
from shared.errors import Problem, TooLarge
from shared.http import problem_response

MAX_BODY = 1024 * 1024
"""Bytes of a body, where a route does not say otherwise."""

MAX_DIGITS = 18
"""Digits of a length that are read as a number."""

BODY_TIMEOUT = 30.0
"""Seconds in which a body must have come."""

_logger = logging.getLogger("rapport.http")


def header_of(scope: Scope, name: bytes) -> str | None:
    """The first value of a header in an ASGI scope."""
    for header, value in scope["headers"]:
        if header == name:
            return str(value, "latin-1")
    return None


class Tracing:
    """Carries the caller's trace on, writes one access line, shows nobody a stack trace."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        token = telemetry.trace.set(telemetry.traceparent(header_of(scope, b"traceparent")))
        started, status, complete, streams = monotonic(), 0, False, False

        async def sending(message: Message) -> None:
            nonlocal status, complete, streams
            if message["type"] == "http.response.start":
                status, streams = message["status"], _is_stream(message)
            else:
                complete = not message.get("more_body", False)
            await send(message)

        try:
            await self.app(scope, receive, sending)
        except Exception:
            _logger.exception("%s %s failed", scope["method"], scope["path"])
            if status and not complete:
                raise  # half an answer is out: let the server break the connection off
            if not complete:
                await problem_response(Problem())(scope, receive, sending)
        finally:
            seconds = monotonic() - started
            route = getattr(scope.get("route"), "path", "unknown")
            REQUESTS.count(scope["method"], route, status, None if streams else seconds)
            telemetry.access(scope["method"], scope["path"], status, seconds)
            telemetry.trace.reset(token)


def _is_stream(start: Message) -> bool:
    """Whether an answer goes on for as long as somebody reads it."""
    return any(
        name == b"content-type" and value.startswith(b"text/event-stream")
        for name, value in start.get("headers", ())
    )


class BodyLimit:
    """Bounds the size of bodies and the time they take to come: 413, 408."""

    def __init__(self, app: ASGIApp, limit: int = MAX_BODY, timeout: float = BODY_TIMEOUT) -> None:
        self.app, self.limit = app, limit
        self._deadlines = Deadlines(timeout)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        length = header_of(scope, b"content-length") or "0"
        few = length.isdecimal() and len(length) <= MAX_DIGITS
        if not (few and int(length) <= self.limit):
            await problem_response(TooLarge(self._detail))(scope, receive, send)
            return
        await self.app(scope, self._bounded(receive), send)

    @property
    def _detail(self) -> str:
        return f"A body has at most {self.limit} bytes here."

    def _bounded(self, receive: Receive) -> Receive:
        began, seen, complete = asyncio.get_running_loop().time(), 0, False

        async def receiving() -> Message:
            nonlocal seen, complete
            if complete:
                return await receive()
            message = await self._in_time(receive, began)
            seen += len(message.get("body", b""))
            complete = not message.get("more_body", False)
            if seen > self.limit:
                raise HTTPException(413, self._detail)
            return message

        return receiving

    async def _in_time(self, receive: Receive, began: float) -> Message:
        task = self._deadlines.begin(began)
        try:
            return await receive()
        except asyncio.CancelledError:
            if not self._deadlines.has_cut(task):
                raise
            raise HTTPException(408, "The body did not come in time.") from None
        finally:
            self._deadlines.end(task)
