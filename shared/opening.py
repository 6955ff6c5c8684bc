"""Services opened for a process: databases, topics, schemas, keys, and who works on them."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from starlette.types import ASGIApp

from shared import database, deployment, generations, schemas
from shared.auth import Keyring, RemoteKeyring
from shared.clock import monotonic
from shared.consumer import Pace
from shared.crew import Crew, Prepare
from shared.deciding import restoring, succession
from shared.deciding.relay import relay
from shared.errors import Fatal, LogUnavailable
from shared.leases import Single
from shared.log import Log, Topic, topic_name
from shared.neighbours import Neighbours
from shared.projection import View
from shared.schemas import Schema
from shared.service import Service, Site
from shared.serving import Serving
from shared.settings import Settings

GRACE = 6.0
"""Seconds that a worker gives the batches in hand before it cancels them."""

TOPICS_TIMEOUT = 60.0
"""Seconds to wait for topics that another service makes."""

MIGRATIONS = Path(__file__).with_name("migrations")
DECIDING = Path(__file__).with_name("deciding") / "migrations"


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
    policies: Crew | None
    app: ASGIApp

    @property
    def crews(self) -> list[Crew]:
        """Whoever works here."""
        return [crew for crew in (self.crew, self.policies) if crew is not None]


@dataclass(frozen=True)
class Roles:
    """What this process does for its services."""

    api: bool = True
    worker: bool = True


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
        neighbours = Neighbours({"contact": settings.contact_url, "profile": settings.profile_url})
        stack.push_async_callback(neighbours.close)
        running = []
        for service, pool in zip(services, pools, strict=True):
            await deployment.recognise(pool, secret)
            site = await _site(service, settings, secret, pool, log, keyring, neighbours)
            if service.relayed is not None:
                await _nothing_forgotten(service.name, site, service.relayed)
            await service.begin(site)
            crew = policies = None
            if roles.worker:
                url = database.service_url(addresses.database, service.name)
                workers = await _connect(stack, url)
                crew = _crew(site, workers, site.view, service.singles(site), site.schema)
                policies = _policies(service, site, workers)
            app = service.app(site)
            if roles.api:
                neighbours.settle(service.name, app)
                await stack.enter_async_context(service.beside(site, app))
            running.append(Running(service, site, crew, policies, app))
        yield running


def partitions_of(settings: Settings, addresses: Addresses) -> int:
    """Of every topic that is made now."""
    return settings.partitions or (4 if addresses.embedded else 12)


async def _pool(stack: AsyncExitStack, service: Service, server: str) -> database.Pool:
    url = database.service_url(server, service.name)
    await database.ensure_database(url)
    pool = await _connect(stack, url)
    deciding = [DECIDING] if service.policies is not None else []
    own = [service.migrations] if service.migrations is not None else []
    await database.migrate(pool, MIGRATIONS, *deciding, *own)
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


async def _nothing_forgotten(name: str, site: Site, relayed: Topic) -> None:
    """Raises Fatal where the log has decided events and the database that decided them has not.

    Whoever would decide on would give out their positions once more.
    """
    topic = site.topics[relayed.name]
    if await restoring.forgotten(site.pool, site.log, topic, site.partitions):
        raise Fatal(
            f"{topic} has events that the database of {name} lacks: it is a new one, or is being "
            f"restored. Run `rapport restore {name}`."
        )


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
    neighbours: Neighbours,
) -> Site:
    view = service.view(settings.topic_prefix)
    schema = await _schema(pool, log, view, settings.topic_prefix)
    owned = {topic.name for topic in service.owns} | set(view.topics)
    if service.policies is not None:
        owned |= set(service.policies(settings.topic_prefix).topics)
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
        neighbours=neighbours,
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


def _crew(
    site: Site,
    pool: database.Pool,
    view: View,
    singles: Sequence[Single],
    schema: Schema | None = None,
    prepare: Prepare = schemas.prepare,
) -> Crew:
    return Crew(
        *(pool, site.log, view, singles),
        prefix=site.settings.topic_prefix,
        pace=Pace(lease=site.settings.lease_seconds, grace=GRACE),
        schema=schema,
        prepare=prepare,
    )


def _policies(service: Service, site: Site, pool: database.Pool) -> Crew | None:
    """Who decides and relays, where a service does that."""
    if service.policies is None or service.relayed is None:
        return None
    topic = site.topics[service.relayed.name]
    relaying = Single("relay", relay(site.log, topic, site.partitions), live_only=True)
    view = service.policies(site.settings.topic_prefix)
    return _crew(site, pool, view, [relaying], prepare=succession.prepare)
