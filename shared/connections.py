"""Connections of the HTTP server: bounds on heads of requests, on their time, on their number.

Whatever goes over a bound is answered with a problem and closed; nothing hangs.
"""

import asyncio
import http
from typing import Any, cast

import msgspec
from starlette.types import ASGIApp, Receive, Scope, Send
from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from shared.counting import REQUESTS
from shared.errors import BadRequest, NotReady, Problem
from shared.http import PROBLEM, current_trace_id, problem_response

MAX_HEAD = 64 * 1024
"""Bytes of a request before its body: its line and all headers."""

MAX_FIELDS = 200
"""Headers of a request."""

HEAD_SECONDS = 15.0
"""Seconds between two looks at whether a head has come: within twice that it must have."""

LINGER = 1.0
"""Seconds in which a client that still sends may read why it was refused."""

ALWAYS = frozenset(("/livez", "/readyz", "/metrics"))
"""What is answered however many ask."""


class HeadTooLarge(Problem):
    status, code, title = 431, "head_too_large", "The headers are over a limit"


class AddressTooLong(Problem):
    status, code, title = 414, "address_too_long", "The address is over a limit"


class TooSlow(Problem):
    status, code, title = 408, "too_slow", "The request did not come in time"


class Connection(HttpToolsProtocol):
    """A connection whose client can neither send heads without end nor take its time for them."""

    def __init__(self, *arguments: Any, most: int, **more: Any) -> None:
        """`most` connections are served at once."""
        super().__init__(*arguments, **more)
        self._most = most
        self._is_crowd = False  # one too many
        self._reading_head = False
        self._reading_body = False
        self._head = 0  # bytes of a head that is not complete
        self._heads = 0  # that were complete
        self._waited: int | None = None  # for what follows so many heads, at the last look
        self._problem: Problem | None = None
        self._refused = False
        self._looking: asyncio.TimerHandle | None = None

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self._most:
            self.app, self._is_crowd = _crowded(self.app), True
        self._looking = self.loop.call_later(HEAD_SECONDS, self._look)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        if self._looking is not None:
            self._looking.cancel()
        super().connection_lost(exc)

    def _look(self) -> None:
        """Cut off who began a head, or only a connection, and has not completed one since."""
        waits = self._reading_head or not self._heads
        if waits and self._waited == self._heads:
            self._refuse(TooSlow("The headers of the request did not come in time."))
            return
        self._waited = self._heads if waits else None
        self._looking = self.loop.call_later(HEAD_SECONDS, self._look)

    # What comes

    @override
    def data_received(self, data: bytes) -> None:
        if self._refused:
            return  # the client is still sending what is not read
        if self._head + len(data) > MAX_HEAD and not self._reading_body:
            problem = self._too_long(data)
            if problem is not None:
                self._refuse(problem)
                return
        super().data_received(data)
        if self._reading_head:
            self._head += len(data)

    def _too_long(self, data: bytes) -> Problem | None:
        """What is wrong with a head that goes on with these bytes."""
        end = data.find(b"\r\n\r\n")
        if 0 <= end <= MAX_HEAD - self._head:
            return None
        line = len(self.url) if self._head else data.find(b"\r\n") % (len(data) + 1)
        if line > MAX_HEAD // 2:
            return AddressTooLong(f"An address and its headers have at most {MAX_HEAD} bytes.")
        return HeadTooLarge(f"The headers of a request have at most {MAX_HEAD} bytes.")

    @override
    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._reading_head = True

    @override
    def on_headers_complete(self) -> None:
        self._reading_head, self._reading_body = False, True
        self._head = 0
        self._heads += 1
        if len(self.headers) > MAX_FIELDS:
            self._problem = HeadTooLarge(f"A request has at most {MAX_FIELDS} headers.")
            raise ValueError  # the parser ends here, and what it calls then is below
        super().on_headers_complete()
        if self.cycle is not None and self.cycle.transport is self.transport:
            joining = Joining(self.transport, self.loop)
            self.cycle.transport = cast(asyncio.Transport, joining)

    @override
    def on_message_complete(self) -> None:
        self._reading_body = False
        super().on_message_complete()

    # What is answered

    @override
    def send_400_response(self, msg: str) -> None:
        self._refuse(self._problem or BadRequest("This is not a request of HTTP/1.1."))

    def _refuse(self, problem: Problem) -> None:
        """Answer a problem and close; for a moment what still comes is read and thrown away.

        Closing at once would reset the connection, and the client might never see the answer.
        """
        if self._refused or self.transport.is_closing():
            return
        self._refused = True
        self._unset_keepalive_if_required()
        body = msgspec.json.encode(problem.body(current_trace_id()))
        phrase = http.HTTPStatus(problem.status).phrase
        head = (
            f"HTTP/1.1 {problem.status} {phrase}\r\ncontent-type: {PROBLEM}\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        REQUESTS.count("other", "refused", problem.status, 0.0)
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.loop.call_later(LINGER, self.transport.close)


class Joining:
    """A transport as an answer sees it: the head and what follows it at once are one write."""

    __slots__ = ("_begun", "_head", "_loop", "_transport")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._begun = False
        self._head = b""

    def write(self, data: bytes) -> None:
        if not self._begun:
            self._begun, self._head = True, data
            self._loop.call_soon(self._flush)  # a stream may have nothing to say for long
        elif self._head:
            self._head += data
            self._flush()
        else:
            self._transport.write(data)

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def _flush(self) -> None:
        head, self._head = self._head, b""
        if head:
            self._transport.write(head)


def _crowded(app: Any) -> ASGIApp:
    """What answers on a connection that is one too many."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in ALWAYS:
            await app(scope, receive, send)
            return
        REQUESTS.count(scope["method"], "refused", 503, 0.0)
        headers = {"Retry-After": "1", "Connection": "close"}
        problem = NotReady("Too many connections are open.", code="busy", headers=headers)
        await problem_response(problem)(scope, receive, send)

    return answer
