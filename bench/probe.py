"""A client in a process of its own that posts at an even pace and looks when events are visible.

Reads an Order as one JSON line on stdin, answers `ready`, waits for `go`, answers what it Saw.
"""

import asyncio
import sys
from asyncio import StreamReader, StreamWriter

import msgspec
import uvloop

from bench import events
from shared import memory
from shared.clock import monotonic

PACE = 500
"""Events per second."""

SAMPLE = 25
"""One of so many events is looked for."""

PAUSE = 0.01
"""Seconds between two looks."""

PATIENCE = 20.0
"""Seconds after which an event counts as lost."""

CONNECTIONS = 64


class Order(msgspec.Struct):
    """Where, how many events, and the keys to write and to read with."""

    host: str
    port: int
    count: int
    run: str
    ingest: str
    read: str


class Saw(msgspec.Struct):
    """Seconds from before the POST until it was seen: by its own identifier, by its weaker one."""

    own: list[float]
    weaker: list[float]
    posted: list[float]  # until the POST was answered
    pace: float  # events per second that came about
    failed: str = ""


class Line:
    """A connection that is asked one thing at a time."""

    def __init__(self, reader: StreamReader, writer: StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Status and body of the answer."""
        self._writer.write(request)
        head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        _, _, rest = head.partition(b"content-length: ")
        return int(head[9:12]), await self._reader.readexactly(int(rest.split(b"\r\n", 1)[0]))


class Prober:
    """Posts and looks."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._free: asyncio.Queue[Line] = asyncio.Queue()
        self.saw = Saw([], [], [], 0.0)

    async def connect(self) -> None:
        for _ in range(CONNECTIONS):
            streams = await asyncio.open_connection(self._order.host, self._order.port)
            self._free.put_nowait(Line(*streams))

    async def run(self) -> Saw:
        """All events at their moments, whether or not the ones before were answered."""
        began, tasks = monotonic(), []
        for n, body in enumerate(events.bodies(self._order.count, self._order.run, both=SAMPLE)):
            await asyncio.sleep(max(0.0, began + n / PACE - monotonic()))
            tasks.append(asyncio.create_task(self._one(n, body)))
        self.saw.pace = self._order.count / (monotonic() - began)
        await asyncio.gather(*tasks)
        return self.saw

    async def _one(self, n: int, body: bytes) -> None:
        began = monotonic()
        status, answer = await self._ask(self._post(body))
        self.saw.posted.append(monotonic() - began)
        if status != 202:
            self.saw.failed = f"a POST was answered {status}: {answer[:300]!r}"
        elif n % SAMPLE == 0:
            name = f"{self._order.run}-{n}"
            await asyncio.gather(
                self._look(f"user:shop:{name}", name, began, self.saw.own),
                self._look(f"email:{name}@example.com", name, began, self.saw.weaker),
            )

    async def _look(self, identifier: str, name: str, began: float, seen: list[float]) -> None:
        """Ask until the profile shows the event."""
        request, sign = self._get(identifier), f'"{name}"'.encode()
        while monotonic() - began < PATIENCE:
            status, answer = await self._ask(request)
            if status == 200 and sign in answer:
                seen.append(monotonic() - began)
                return
            if status not in (200, 404):
                self.saw.failed = f"a GET was answered {status}: {answer[:300]!r}"
                return
            await asyncio.sleep(PAUSE)
        self.saw.failed = f"{identifier} was not visible within {PATIENCE:.0f} s"

    async def _ask(self, request: bytes) -> tuple[int, bytes]:
        line = await self._free.get()
        try:
            return await line.ask(request)
        finally:
            self._free.put_nowait(line)

    def _post(self, body: bytes) -> bytes:
        return (
            f"POST /v1/events HTTP/1.1\r\nhost: {self._order.host}\r\n"
            f"authorization: Bearer {self._order.ingest}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\n\r\n"
        ).encode() + body

    def _get(self, identifier: str) -> bytes:
        return (
            f"GET /v1/customers?identifier={identifier}&timeline=1 HTTP/1.1\r\n"
            f"host: {self._order.host}\r\nauthorization: Bearer {self._order.read}\r\n\r\n"
        ).encode()


async def run(order: Order) -> Saw:
    """Connect, say so, post and look."""
    prober = Prober(order)
    await prober.connect()
    memory.settle()
    print("ready", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    return await prober.run()


def main() -> None:
    order = msgspec.json.decode(sys.stdin.readline(), type=Order)
    print(msgspec.json.encode(uvloop.run(run(order))).decode(), flush=True)


if __name__ == "__main__":
    main()
