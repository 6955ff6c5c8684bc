"""A TCP proxy that is slow, resets connections, or keeps them open and passes nothing."""

import asyncio
import random
import socket
import struct
import threading
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")

Connect = Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]
"""Opens a connection to what stands behind a proxy."""

_CHUNK = 65_536
_FOR_A_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: closing sends a reset


class Proxy:
    """Stands before one address, in a thread of its own; passes everything on until told else."""

    def __init__(self, connect: Connect, *, kafka: int | None = None) -> None:
        """`kafka` is the broker's port, which its answers name: they are told ours instead."""
        self._connect = connect
        self._broker = kafka
        self._delay = 0.0
        self._resets = 0.0
        self._flows: asyncio.Event
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.broken = 0
        self.port: int = self._do(self._begin())

    def slow(self, seconds: float) -> None:
        """Each piece of data waits up to so many seconds; 0 for no longer."""
        self._delay = seconds

    def reset(self, seconds: float) -> None:
        """Every so many seconds one connection is reset; 0 for no longer."""
        self._resets = seconds

    def hold(self) -> None:
        """Pass nothing; connections stay open, and more can be made."""
        self._loop.call_soon_threadsafe(self._flows.clear)

    def let_go(self) -> None:
        """Break off what was held, and pass everything again."""
        self._do(self._break(len(self._open)))
        self._loop.call_soon_threadsafe(self._flows.set)

    def end(self) -> None:
        """Close everything."""
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _begin(self) -> int:
        self._flows = asyncio.Event()
        self._flows.set()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self._resetting = asyncio.create_task(self._reset_now_and_then())
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def _end(self) -> None:
        self._server.close()
        self._resetting.cancel()
        self._flows.set()
        await self._break(len(self._open))
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=5.0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._open.add(writer)
        try:
            await self._flows.wait()
            behind, onward = await self._connect()
            self._open.add(onward)
            pumps = [
                asyncio.create_task(self._pump(reader, onward, self._chunk)),
                asyncio.create_task(self._pump(behind, writer, self._answer)),
            ]
            try:
                await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for pump in pumps:
                    pump.cancel()
                await asyncio.gather(*pumps, return_exceptions=True)
                self._open.discard(onward)
                onward.close()
        except OSError:
            pass  # what stands behind is away: so are we
        finally:
            self._open.discard(writer)
            self._tasks.discard(task)
            writer.close()

    async def _pump(
        self,
        source: asyncio.StreamReader,
        target: asyncio.StreamWriter,
        read: Callable[[asyncio.StreamReader], Awaitable[bytes]],
    ) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            while chunk := await read(source):
                await asyncio.sleep(random.uniform(0, self._delay))
                await self._flows.wait()
                target.write(chunk)
                await target.drain()

    async def _chunk(self, source: asyncio.StreamReader) -> bytes:
        return await source.read(_CHUNK)

    async def _answer(self, source: asyncio.StreamReader) -> bytes:
        """What stands behind says; of a broker one whole answer, with our port for its own."""
        if self._broker is None:
            return await self._chunk(source)
        size = await source.readexactly(4)
        answer = await source.readexactly(int.from_bytes(size))
        theirs, ours = _address(self._broker), _address(self.port)
        return size + answer.replace(theirs, ours)

    async def _reset_now_and_then(self) -> None:
        while True:
            await asyncio.sleep(self._resets or 0.1)
            if self._resets:
                await self._break(1)

    async def _break(self, number: int) -> None:
        """Reset so many connections, whichever."""
        for writer in random.sample(sorted(self._open, key=id), min(number, len(self._open))):
            self._open.discard(writer)
            opened: socket.socket = writer.get_extra_info("socket")
            if opened.family != socket.AF_UNIX:
                opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _FOR_A_RESET)
            writer.transport.abort()
            self.broken += 1


def _address(port: int) -> bytes:
    """How Kafka's protocol spells an address on this machine."""
    return b"127.0.0.1" + port.to_bytes(4)


def to_port(port: int) -> Connect:
    """A way to a port of this machine."""
    return lambda: asyncio.open_connection("127.0.0.1", port)


def to_socket(path: str) -> Connect:
    """A way to a unix socket."""
    return lambda: asyncio.open_unix_connection(path)
