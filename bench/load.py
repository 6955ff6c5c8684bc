"""A cheap client in a process of its own: requests made beforehand, one at a time a connection.

Reads what to send as one JSON line on stdin, answers `ready`, waits for `go`, answers a Result.
"""

import asyncio
import gc
import sys
from collections.abc import Iterator
from typing import cast

import msgspec
import uvloop
from typing_extensions import override

from bench import cores, dialects, events
from bench.dialects import DIALECTS
from shared.clock import monotonic

TIMEOUT = 120.0
"""Seconds after which a run is given up."""


class Order(msgspec.Struct):
    """What to send: `count` events, `size` in a body (0: one, alone), or GETs of the targets.

    `refused`: every so many-th body is full of events that are refused; 0: none.
    """

    host: str
    port: int
    count: int
    run: str
    target: str = "/v1/events"
    size: int = 0
    targets: list[str] = []
    secret: str = ""
    connections: int = 64
    dialect: str = "native"
    refused: int = 0


class Result(msgspec.Struct):
    """What came of it."""

    seconds: float
    requests: int
    answered: int
    failed: int
    first_failure: str = ""
    p99: float = 0.0  # seconds until an answer, of bodies that are not refused


class Client(asyncio.Protocol):
    """One connection: sends the next request when the answer to the last one is whole."""

    def __init__(self, requests: Iterator[tuple[bytes, bool]], done: asyncio.Future[None]) -> None:
        self._requests = requests
        self._done = done
        self._answer = b""
        self._good = True
        self._sent = 0.0
        self.taken: list[float] = []
        self._transport: asyncio.Transport | None = None
        self.answered = 0
        self.failed = 0
        self.first_failure = ""

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def send(self) -> None:
        """The next request, if there is one."""
        request = next(self._requests, None)
        if request is None or self._transport is None:
            self._finish()
        else:
            content, self._good = request
            self._sent = monotonic()
            self._transport.write(content)

    @override
    def data_received(self, data: bytes) -> None:
        self._answer = answer = self._answer + data if self._answer else data
        end = answer.find(b"\r\n\r\n")
        if end < 0 or len(answer) < end + 4 + _length(answer[:end]):
            return
        if self._good:
            self.taken.append(monotonic() - self._sent)
        if _failed(answer, self._good):
            self.failed += 1
            self.first_failure = self.first_failure or answer[:600].decode(errors="replace")
        self._answer = b""
        self.answered += 1
        self.send()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        if not self._done.done():
            self.failed += 1
            self.first_failure = self.first_failure or f"the connection was closed: {exc!r}"
            self._finish()

    def _finish(self) -> None:
        if not self._done.done():
            self._done.set_result(None)


def _failed(answer: bytes, good: bool) -> bool:
    """Whether an answer is not what the request deserves."""
    if not good:
        return b'"refused"' not in answer
    return answer[9:10] != b"2" or b'"refused"' in answer or b'"unknown"' in answer


def _length(head: bytes) -> int:
    at = head.find(b"content-length: ")
    if at < 0:
        at = head.lower().find(b"content-length: ")
    return int(head[at + 16 :].split(b"\r\n", 1)[0]) if at >= 0 else 0


def requests(order: Order) -> list[tuple[bytes, bool]]:
    """The requests, whole, and whether each is to be accepted."""
    if order.targets:
        chosen = (order.targets[n % len(order.targets)] for n in range(order.count))
        return [(_get(order, target), True) for target in chosen]
    found = list(events.bodies(order.count, order.run))
    dialect, size = DIALECTS[order.dialect], order.size or 1
    made = []
    for number, start in enumerate(range(0, len(found), size)):
        piece = found[start : start + size]
        good = not order.refused or number % order.refused != 0
        piece = piece if good else [dialects.broken(body) for body in piece]
        body = dialect.body(piece) if order.size else piece[0]
        made.append((_post(order, dialect.media, body), good))
    return made


def _post(order: Order, media: str, body: bytes) -> bytes:
    head = f"{_head(order, 'POST', order.target)}content-type: {media}\r\n"
    return f"{head}content-length: {len(body)}\r\n\r\n".encode() + body


def _get(order: Order, target: str) -> bytes:
    return f"{_head(order, 'GET', target)}\r\n".encode()


def _head(order: Order, method: str, target: str) -> str:
    key = f"authorization: Bearer {order.secret}\r\n" if order.secret else ""
    return f"{method} {target} HTTP/1.1\r\nhost: {order.host}\r\n{key}"


async def run(order: Order) -> Result:
    """Connect, say so, send all."""
    loop = asyncio.get_running_loop()
    made = requests(order)
    coming = iter(made)
    ends = [loop.create_future() for _ in range(order.connections)]
    clients = [Client(coming, end) for end in ends]
    for client in clients:
        await loop.create_connection(lambda client=client: client, order.host, order.port)  # type: ignore[misc]
    gc.collect()
    gc.disable()
    print("ready", flush=True)
    await loop.run_in_executor(None, sys.stdin.readline)
    began = monotonic()
    for client in clients:
        client.send()
    async with asyncio.timeout(TIMEOUT):
        await asyncio.gather(*ends)
    seconds = monotonic() - began
    failures = [client.first_failure for client in clients if client.failed]
    failed = sum(client.failed for client in clients)
    answered = sum(client.answered for client in clients)
    taken = sorted(one for client in clients for one in client.taken)
    p99 = taken[int(len(taken) * 0.99)] if taken else 0.0
    return Result(seconds, len(made), answered, failed, failures[0] if failures else "", p99)


def main() -> None:
    cores.take(cores.OTHERS)
    order = msgspec.json.decode(sys.stdin.readline(), type=Order)
    print(msgspec.json.encode(uvloop.run(run(order))).decode(), flush=True)


if __name__ == "__main__":
    main()
