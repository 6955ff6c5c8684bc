"""A process: opens services on databases and the log, serves their APIs, works on their views."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TypeVar

from shared import gateway, generations
from shared.database import ERRORS
from shared.errors import Fatal, LogUnavailable
from shared.opening import Addresses, Roles, Running, opened
from shared.outcomes import describe
from shared.server import Server
from shared.service import Service, Site
from shared.settings import Settings
from shared.tasks import cancelled_by_others_only

STOP_TIMEOUT = 14.0
"""Seconds that requests and batches in hand get at the end."""

CANCEL_TIMEOUT = 2.0
"""Seconds that whatever is still at work then gets to let go."""

CLOSE_TIMEOUT = 4.0
"""Seconds in which pools and clients close. All three together, and the servers, are under 25 s."""

GENERATIONS_EVERY = 2.0
"""Seconds between two looks at whether topics have gone on to another generation."""

T = TypeVar("T")

_logger = logging.getLogger("rapport.program")


Ready = Callable[[str, list[Running]], Awaitable[None]]
"""Told the URL, and what was opened, once it answers."""


async def run(
    services: Sequence[Service],
    settings: Settings,
    addresses: Addresses,
    roles: Roles,
    listener: socket.socket,
    stop: asyncio.Event,
    ready: Ready,
) -> None:
    """Run services until `stop` is set; `ready` is told the URL once they answer.

    Raises Fatal where they cannot be opened, or one of them cannot go on.
    """
    async with _bounded_stack() as stack:
        entering = stack.enter_async_context(opened(services, settings, addresses, roles))
        running = await _unless_stopped(entering, stop)
        if running is not None:
            await _serve(running, roles, listener, stop, ready)


@asynccontextmanager
async def _bounded_stack() -> AsyncIterator[AsyncExitStack]:
    """A stack whose closing has a bound: what is away then is left behind."""
    stack = AsyncExitStack()
    try:
        yield stack
    finally:
        closing = asyncio.create_task(stack.aclose())
        await asyncio.wait([closing], timeout=CLOSE_TIMEOUT)
        if not closing.done():
            _logger.warning("what was open did not close within %s s", CLOSE_TIMEOUT)
            closing.cancel()
        elif not closing.cancelled() and (error := closing.exception()) is not None:
            _logger.warning("what was open did not close cleanly: %s", describe(error))


async def _unless_stopped(opening: Coroutine[object, object, T], stop: asyncio.Event) -> T | None:
    """What was opened; None when told to stop before. Raises Fatal for what stands in the way."""
    task, stopped = asyncio.create_task(opening), asyncio.create_task(stop.wait())
    await asyncio.wait([task, stopped], return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=CLOSE_TIMEOUT)
        return None
    try:
        return task.result()
    except (LogUnavailable, *ERRORS) as error:
        raise Fatal(f"The services cannot be opened: {describe(error)}.") from error


async def _serve(
    running: list[Running],
    roles: Roles,
    listener: socket.socket,
    stop: asyncio.Event,
    ready: Ready,
) -> None:
    front = gateway.Front(running, api=roles.api)
    server = Server(front, listener, connections=running[0].site.settings.connections)
    crews = [crew.run() for each in running for crew in each.crews]
    looks = [_watch_generations(each.site) for each in running]
    working = [asyncio.create_task(each) for each in (server.serve(), *crews)]
    watching = [asyncio.create_task(each) for each in (stop.wait(), *looks)]
    telling = asyncio.create_task(_tell(server, listener, running, ready))
    try:
        done, _ = await asyncio.wait([*working, *watching], return_when=asyncio.FIRST_COMPLETED)
    finally:
        told = telling.done()
        for task in (telling, *watching):
            task.cancel()
        await _end(server, running, [*working, *watching])
    for task in done:
        task.result()
    if told:
        telling.result()


async def _watch_generations(site: Site) -> None:
    """Look now and then whether our topics are the present ones. Raises Fatal once they are not."""
    failing = False
    while True:
        await asyncio.sleep(GENERATIONS_EVERY)
        try:
            with cancelled_by_others_only():
                await generations.check(site.pool, site.sources)
            failing = False
        except Fatal:
            raise
        except Exception as error:  # whatever a driver says whose server dies
            if not failing:  # said once until it works again
                _logger.warning("generations were not looked up: %s", describe(error))
            failing = True


async def _tell(
    server: Server,
    listener: socket.socket,
    running: list[Running],
    ready: Ready,
) -> None:
    await server.up.wait()
    host, port = listener.getsockname()[:2]
    await ready(f"http://{f'[{host}]' if ':' in host else host}:{port}", running)


async def _end(
    server: Server, running: Sequence[Running], tasks: Sequence[asyncio.Task[object]]
) -> None:
    """Stop taking requests, finish the batches in hand, and be done within the bound."""
    server.stop()
    for each in running:
        each.site.ending.set()
    for crew in (crew for each in running for crew in each.crews):
        crew.stop()
    _, late = await asyncio.wait(tasks, timeout=STOP_TIMEOUT)
    for task in late:
        _logger.warning("did not end in time: %r", task)
        task.cancel()
    if late:
        await asyncio.wait(late, timeout=CANCEL_TIMEOUT)
