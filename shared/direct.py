"""A short way for small requests of one kind: no parser, no task, one write.

A head that was parsed once is known by its bytes, but for what differs each time: then only the
body is looked at. Whatever is not as plain as can be goes the ordinary way, which knows every
rule; a taker that refuses anything leaves it to the ordinary way too.
"""

import asyncio
import http
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

import msgspec
from starlette.types import ASGIApp, Receive, Scope, Send

MOST = 512
"""Heads that are known at once: clients send few different ones."""

MAX_KNOWN = 2048
"""Bytes of a head that can be known."""

Names = Mapping[bytes, bytes]
"""The headers of a request by their names in lower case."""

_LENGTH = re.compile(rb"(?i:\r\ncontent-length: ?)(\d{1,8})(?=\r\n(?![ \t]))")
_TRACE = re.compile(rb"(?i:\r\ntraceparent: ?)([0-9a-f-]{55})(?=\r\n(?![ \t]))")
_VARIES = (b"content-length", b"traceparent")
_NEVER = frozenset((b"transfer-encoding", b"upgrade", b"expect"))


class Answer(msgspec.Struct, frozen=True, gc=False):
    """What is sent back."""

    status: int
    body: bytes
    headers: Iterable[tuple[bytes, bytes]]


class Waiting(NamedTuple):
    """A request that was taken: its answer, once the future is done, failed or not."""

    future: asyncio.Future[Any]
    answer: Callable[[], Answer]


Take = Callable[[bytes, str | None], Waiting | None]
"""Takes a body, with the traceparent that came; None where the ordinary way is to answer."""

Taker = Callable[[Names], Take | None]
"""What takes POSTs to a path that have these headers; None where nothing does."""


@runtime_checkable
class Directed(Protocol):
    """An application that answers some requests without being called."""

    @property
    def takers(self) -> Mapping[str, Taker]:
        """By path."""


class Directing:
    """An application, and what takes some of its requests."""

    def __init__(self, app: ASGIApp, takers: Mapping[str, Taker]) -> None:
        self._app = app
        self.takers = takers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)


def takers_of(app: object) -> Mapping[str, Taker]:
    """Those of an application; none where it has none."""
    return app.takers if isinstance(app, Directed) else {}


class Heads:
    """Heads of requests that were parsed, and what takes the bodies behind them."""

    def __init__(self, takers: Mapping[str, Taker]) -> None:
        self._takers = {f"POST {path} HTTP/1.1".encode(): take for path, take in takers.items()}
        self._known: dict[bytes, Take] = {}

    def __len__(self) -> int:
        return len(self._known)

    def take(self, data: bytes) -> Waiting | None:
        """Take a request that is whole, and nothing more, behind a head that is known."""
        cut = _cut(data)
        if cut is None:
            return None
        take = self._known.get(cut.head)
        if take is None or len(data) != cut.body + cut.length:
            return None
        return take(data[cut.body :], cut.trace)

    def learn(self, data: bytes, headers: Sequence[tuple[bytes, bytes]]) -> None:
        """Know the head of a request that was parsed as these headers, and keeps alive."""
        taker = self._takers.get(data[: data.find(b"\r\n")])
        cut = None if taker is None else _cut(data)
        if taker is None or cut is None or not _is_plain(data, cut, headers):
            return
        take = taker({name: value for name, value in headers if name not in _VARIES})
        if take is not None:
            if len(self._known) >= MOST:
                del self._known[next(iter(self._known))]
            self._known[cut.head] = take


def _is_plain(data: bytes, cut: "_Cut", headers: Sequence[tuple[bytes, bytes]]) -> bool:
    """Whether these bytes are one request and nothing more, whose headers say one thing each."""
    names = {name for name, _ in headers}
    varies = 1 + (cut.trace is not None)
    return (
        len(data) == cut.body + cut.length
        and len(names) == len(headers)
        and len(names.intersection(_VARIES)) == varies
        and not names & _NEVER
        and cut.head.count(b"\n") == cut.head.count(b"\r\n")
    )


class _Cut(NamedTuple):
    """A head without what differs each time; where the body begins, how long it is, the trace."""

    head: bytes
    body: int
    length: int
    trace: str | None


def _cut(data: bytes) -> _Cut | None:
    """None for a head that cannot be known.

    Lines are cut out whole, and only where the next one does not continue them: what is left of a
    head that a parser takes is one that it takes in the same way.
    """
    end = data.find(b"\r\n\r\n", 0, MAX_KNOWN)
    if end < 0:
        return None
    head, trace = data[: end + 2], None
    length = _LENGTH.search(head)
    if length is None:
        return None
    head = head[: length.start()] + head[length.end() :]
    traced = _TRACE.search(head) if b"raceparent" in head else None
    if traced is not None:
        trace = traced[1].decode()
        head = head[: traced.start()] + head[traced.end() :]
    return _Cut(head, end + 4, int(length[1]), trace)


def written(answer: Answer, defaults: Iterable[tuple[bytes, bytes]]) -> bytes:
    """An answer as it is sent; `defaults` are headers that stand before its own."""
    lines = [_LINES[answer.status]]
    for name, value in defaults:
        lines += (name, b": ", value, b"\r\n")
    for name, value in answer.headers:
        lines += (name, b": ", value, b"\r\n")
    return b"".join((*lines, b"\r\n", answer.body))


_LINES = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode()
    for status in http.HTTPStatus
}
