"""A process: opens services on databases and the log, serves their APIs, works on their views."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import asyncpg
import httpx
from starlette.types import ASGIApp

from shared import database, deployment, gateway, generations, schemas
from shared.auth import Keyring, RemoteKeyring
from shared.clock import monotonic
from shared.consumer import Pace
from shared.crew import Crew
from shared.errors import Fatal, LogUnavailable
from shared.log import Log, Topic, topic_name
from shared.outcomes import describe
from shared.projection import View
from shared.server import Server
from shared.service import Service, Site
from shared.serving import Serving
from shared.settings import Settings
from shared.tasks import cancelled_by_others_only

STOP_TIMEOUT = 14.0
"""Seconds that requests and batches in hand get at the end."""

CANCEL_TIMEOUT = 2.0
"""Seconds that whatever is still at work then gets to let go."""

CLOSE_TIMEOUT = 4.0
"""Seconds in which pools and clients close. All three together, and the servers, are under 25 s."""

GRACE = 6.0
"""Seconds that a worker gives the batches in hand before it cancels them."""

TOPICS_TIMEOUT = 60.0
"""Seconds to wait for topics that another service makes."""

GENERATIONS_EVERY = 2.0
"""Seconds between two looks at whether topics have gone on to another generation."""

T = TypeVar("T")

_MIGRATIONS = Path(__file__).with_name("migrations")
_logger = logging.getLogger("rapport.program")


@dataclass(frozen=True)
class Addresses:
    """Where the two servers are; `embedded` when they are ours alone, on this machine."""

    kafka: str
    database: str
    embedded: bool


@dataclass(frozen=True)
class Running:
    """A service that was opened."""

    service: Service
    site: Site
    crew: Crew | None
    app: ASGIApp


@dataclass(frozen=True)
class Roles:
    """What this process does for its services."""

    api: bool = True
    worker: bool = True


Ready = Callable[[str, list[Running]], Awaitable[None]]
"""Told the URL, and what was opened, once it answers."""


@asynccontextmanager
async def opened(
    services: Sequence[Service], settings: Settings, addresses: Addresses, roles: Roles
) -> AsyncIterator[list[Running]]:
    """Open services together: databases, topics, schemas, keys; closed in the opposite order."""
    async with AsyncExitStack() as stack:
        secret = deployment.secret(settings)
        pools = [await _pool(stack, service, addresses.database) for service in services]
        log = await Log.connect(addresses.kafka)
        stack.push_async_callback(log.close)
        partitions = partitions_of(settings, addresses)
        owned = [topic for service in services for topic in service.owns]
        await _topics(log, settings.topic_prefix, owned, partitions, addresses.embedded)
        keyring = await _keyring(stack, services, pools, settings)
        running = []
        for service, pool in zip(services, pools, strict=True):
            await deployment.recognise(pool, secret)
            site = await _site(service, settings, secret, pool, log, keyring)
            await service.begin(site)
            crew = None
            if roles.worker:
                url = database.service_url(addresses.database, service.name)
                crew = _crew(service, site, await _connect(stack, url))
            app = service.app(site)
            if roles.api:
                await stack.enter_async_context(service.beside(site, app))
            running.append(Running(service, site, crew, app))
        yield running


def partitions_of(settings: Settings, addresses: Addresses) -> int:
    """Of every topic that is made now."""
    return settings.partitions or (4 if addresses.embedded else 12)


async def _pool(stack: AsyncExitStack, service: Service, server: str) -> database.Pool:
    url = database.service_url(server, service.name)
    await database.ensure_database(url)
    pool = await _connect(stack, url)
    await database.migrate(pool, _MIGRATIONS, service.migrations)
    return pool


async def _connect(stack: AsyncExitStack, url: str) -> database.Pool:
    """A pool of its own for each use: requests never keep a worker from its leases."""
    pool = await database.connect(url)
    stack.push_async_callback(_close_pool, pool)
    return pool


async def _close_pool(pool: database.Pool) -> None:
    try:
        async with asyncio.timeout(5):
            await pool.close()
    except TimeoutError:
        pool.terminate()


async def _topics(
    log: Log, prefix: str, owned: Sequence[Topic], partitions: int, embedded: bool
) -> None:
    try:
        await log.ensure_topics(prefix, owned, partitions, embedded=embedded)
    except LogUnavailable as error:
        raise Fatal(f"The topics cannot be made: {error}.") from error


async def _keyring(
    stack: AsyncExitStack,
    services: Sequence[Service],
    pools: Sequence[database.Pool],
    settings: Settings,
) -> Keyring:
    """The ring of the service here that owns the keys, else one that asks for them over HTTP."""
    for service, pool in zip(services, pools, strict=True):
        if service.keyring is not None:
            return service.keyring(pool)
    if settings.contact_url is None:
        raise Fatal(
            "Keys are checked by the service contact; set RAPPORT_CONTACT_URL to where it is."
        )
    client = httpx.AsyncClient(base_url=settings.contact_url, timeout=5.0)
    stack.push_async_callback(client.aclose)
    return RemoteKeyring(client)


async def _site(
    service: Service,
    settings: Settings,
    secret: bytes,
    pool: database.Pool,
    log: Log,
    keyring: Keyring,
) -> Site:
    view = service.view(settings.topic_prefix)
    schema = await _schema(pool, log, view, settings.topic_prefix)
    owned = {topic.name for topic in service.owns} | set(view.topics)
    sources, _ = await schemas.record_topics(pool, log, owned, settings.topic_prefix)
    return Site(
        settings=settings,
        secret=secret,
        pool=pool,
        log=log,
        view=view,
        schema=schema,
        serving=Serving(pool, view),
        partitions=schema.partitions,
        sources=sources,
        keyring=keyring,
    )


async def _schema(pool: database.Pool, log: Log, view: View, prefix: str) -> schemas.Schema:
    """The schema of this code; topics that another service makes are waited for."""
    deadline = monotonic() + TOPICS_TIMEOUT
    while True:
        missing = [name for name in view.topics if not await _is_there(log, pool, name, prefix)]
        if not missing:
            return await schemas.prepare(pool, log, view, prefix)
        if monotonic() > deadline:
            raise Fatal(
                f"The topic {missing[0]} is not in Kafka; start the service that owns it, "
                "or run `rapport topics apply`."
            )
        await asyncio.sleep(0.5)


async def _is_there(log: Log, pool: database.Pool, topic: str, prefix: str) -> bool:
    generation = await pool.fetchval("SELECT generation FROM topics WHERE topic = $1", topic)
    generation = generation or await generations.first_seen(log, prefix, topic)
    return await log.partitions(topic_name(prefix, topic, generation)) is not None


def _crew(service: Service, site: Site, pool: database.Pool) -> Crew:
    return Crew(
        pool,
        site.log,
        site.view,
        service.singles(site),
        prefix=site.settings.topic_prefix,
        pace=Pace(lease=site.settings.lease_seconds, grace=GRACE),
        schema=site.schema,
    )


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
    except (OSError, asyncpg.PostgresError, LogUnavailable) as error:
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
    crews = [each.crew.run() for each in running if each.crew is not None]
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
        if each.crew is not None:
            each.crew.stop()
    _, late = await asyncio.wait(tasks, timeout=STOP_TIMEOUT)
    for task in late:
        _logger.warning("did not end in time: %r", task)
        task.cancel()
    if late:
        await asyncio.wait(late, timeout=CANCEL_TIMEOUT)
