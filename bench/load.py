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

from bench import cores, events
from shared.clock import monotonic

TIMEOUT = 120.0
"""Seconds after which a run is given up."""


class Order(msgspec.Struct):
    """What to send: `count` events, `size` in a body (0: one, alone), or GETs of the targets."""

    host: str
    port: int
    count: int
    run: str
    target: str = "/v1/events"
    size: int = 0
    targets: list[str] = []
    secret: str = ""
    connections: int = 64


class Result(msgspec.Struct):
    """What came of it."""

    seconds: float
    requests: int
    answered: int
    failed: int
    first_failure: str = ""


class Client(asyncio.Protocol):
    """One connection: sends the next request when the answer to the last one is whole."""

    def __init__(self, requests: Iterator[bytes], done: asyncio.Future[None]) -> None:
        self._requests = requests
        self._done = done
        self._answer = b""
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
            self._transport.write(request)

    @override
    def data_received(self, data: bytes) -> None:
        self._answer = answer = self._answer + data if self._answer else data
        end = answer.find(b"\r\n\r\n")
        if end < 0 or len(answer) < end + 4 + _length(answer[:end]):
            return
        if answer[9:10] != b"2" or b'"refused"' in answer or b'"unknown"' in answer:
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


def _length(head: bytes) -> int:
    at = head.find(b"content-length: ")
    if at < 0:
        at = head.lower().find(b"content-length: ")
    return int(head[at + 16 :].split(b"\r\n", 1)[0]) if at >= 0 else 0


def requests(order: Order) -> list[bytes]:
    """The requests, whole."""
    if order.targets:
        return [_get(order, order.targets[n % len(order.targets)]) for n in range(order.count)]
    bodies = list(events.bodies(order.count, order.run))
    if order.size:
        pieces = [bodies[n : n + order.size] for n in range(0, len(bodies), order.size)]
        bodies = [b"[" + b",".join(piece) + b"]" for piece in pieces]
    return [_post(order, body) for body in bodies]


def _post(order: Order, body: bytes) -> bytes:
    head = f"{_head(order, 'POST', order.target)}content-type: application/json\r\n"
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
    return Result(seconds, len(made), answered, failed, failures[0] if failures else "")


def main() -> None:
    cores.take(cores.OTHERS)
    order = msgspec.json.decode(sys.stdin.readline(), type=Order)
    print(msgspec.json.encode(uvloop.run(run(order))).decode(), flush=True)


if __name__ == "__main__":
    main()
