"""How commands reach a deployment: its settings, its servers, the databases of its services."""

import asyncio
import signal
import threading
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

import asyncpg
import uvloop

from services.registry import SERVICES
from services.run import running_servers
from shared import database, failpoints, settings, telemetry
from shared.errors import Fatal
from shared.log import Log
from shared.opening import Addresses
from shared.service import Service
from shared.settings import Settings

T = TypeVar("T")


@dataclass(frozen=True)
class Reach:
    """What a command has at hand."""

    settings: Settings
    addresses: Addresses


def reach() -> Reach:
    """Settings and addresses. Raises Fatal."""
    chosen = settings.load()
    telemetry.configure(chosen.log_format, level=50)
    failpoints.arm(chosen.failpoints, chosen.clock_offset, allowed=chosen.allow_failpoints)
    return Reach(chosen, running_servers(chosen))


def run(work: Coroutine[object, object, T]) -> T:
    """Run a command's work to its end; SIGTERM ends it as SIGINT does."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


def owner_of(topic: str) -> Service:
    """The service that owns a topic. Raises Fatal."""
    for found in SERVICES:
        if any(topic == owned.name for owned in found.owns):
            return found
    known = ", ".join(owned.name for each in SERVICES for owned in each.owns)
    raise Fatal(f"There is no topic {topic}; there are {known}.")


class NotMade(Fatal):
    """A service that has never been started: its database is not there, or is empty."""


@asynccontextmanager
async def pool_of(place: Reach, name: str, *, size: int = 3) -> AsyncIterator[database.Pool]:
    """A pool on a service's database. Raises NotMade, and Fatal where it is away."""
    pool = await _connect(database.service_url(place.addresses.database, name), name, size)
    try:
        if await pool.fetchval("SELECT to_regclass('public.schemas')") is None:
            raise NotMade(f"The database of {name} is empty; start the services once.")
        yield pool
    finally:
        pool.terminate()


async def _connect(url: str, name: str, size: int) -> database.Pool:
    try:
        return await database.connect(url, size=size)
    except Fatal as error:
        if isinstance(error.__cause__, asyncpg.InvalidCatalogNameError):
            raise NotMade(f"There is no database of {name}; start the services once.") from error
        raise


async def started(place: Reach) -> list[str]:
    """The services that were started once; the others have nothing. Raises NotMade for none."""
    names = []
    for service in SERVICES:
        try:
            async with pool_of(place, service.name):
                names.append(service.name)
        except NotMade:
            continue
    if not names:
        raise NotMade("No service was started yet; start them once.")
    return names


@asynccontextmanager
async def log_of(place: Reach) -> AsyncIterator[Log]:
    """The log. Raises Fatal where it is away."""
    log = await Log.connect(place.addresses.kafka)
    try:
        yield log
    finally:
        await log.close()
