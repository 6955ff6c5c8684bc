"""What a service is made of, and what it has at hand while it runs."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp

from shared.auth import Keyring
from shared.database import Pool
from shared.decider import Decider
from shared.deciding.policies import Policy
from shared.errors import LogUnavailable, NotReady
from shared.leases import Single
from shared.log import Log, Topic
from shared.neighbours import Neighbours
from shared.projection import View
from shared.schemas import Schema, Source, progress
from shared.serving import Serving
from shared.settings import Settings


@dataclass(frozen=True)
class Site:
    """What a running service has at hand."""

    settings: Settings
    secret: bytes
    pool: Pool
    log: Log
    view: View
    schema: Schema  # of this code's version
    serving: Serving  # which schema readers read now
    partitions: int  # of every topic
    sources: tuple[Source, ...]  # every topic owned or read
    keyring: Keyring
    neighbours: Neighbours = field(default_factory=Neighbours)  # whom it may ask over HTTP
    ending: asyncio.Event = field(default_factory=asyncio.Event)  # what goes on for long ends then

    @property
    def topics(self) -> Mapping[str, str]:
        """The names in Kafka of every topic owned or read."""
        return {source.topic: source.name for source in self.sources}


async def schema_served(site: Site) -> str:
    """The schema that readers read now.

    Raises NotReady, with how far it has come, while the view of this code is being built.
    """
    schema = await site.serving.schema()
    if schema is not None:
        return schema
    raise NotReady(
        "The view is being built; try again.",
        code="building",
        headers={"Retry-After": "5"},
        extra={"progress": await _progress(site)},
    )


async def _progress(site: Site) -> dict[str, int] | None:
    """Events folded and events there are; None while the log is away."""
    try:
        return (await progress(site.pool, site.log, site.schema))._asdict()
    except LogUnavailable:
        return None


def no_singles(site: Site) -> Sequence[Single]:
    return ()


def alone(site: Site, app: ASGIApp) -> AbstractAsyncContextManager[None]:
    return nullcontext()


async def nothing(site: Site) -> None:
    return None


async def no_counts(pool: Pool, schema: str) -> Mapping[str, int]:
    return {}


@dataclass(frozen=True)
class Service:
    """A service as the program that runs it sees it.

    `app` answers the paths that begin with one of `paths`; `keyring` is None for a service that
    asks contact; `begin` runs once before anything is served; `beside` is open while the API
    answers, for what comes in otherwise than over HTTP; `counts` are numbers that operators watch,
    by name, of the database and a view schema. `policies` are what a deciding service works on
    beside its view, `relayed` the topic that its events go to, `deciders` what reads them back,
    and `policy` what `policies` decides by.
    """

    name: str
    owns: tuple[Topic, ...]
    view: Callable[[str], View]  # by topic prefix
    migrations: Path | None
    paths: tuple[str, ...]
    app: Callable[[Site], ASGIApp]
    openapi: Callable[[], dict[str, object]]
    singles: Callable[[Site], Sequence[Single]] = no_singles
    keyring: Callable[[Pool], Keyring] | None = None
    begin: Callable[[Site], Awaitable[None]] = nothing
    beside: Callable[[Site, ASGIApp], AbstractAsyncContextManager[None]] = alone
    counts: Callable[[Pool, str], Awaitable[Mapping[str, int]]] = no_counts
    policies: Callable[[str], View] | None = None  # by topic prefix
    relayed: Topic | None = None
    deciders: tuple[Decider[Any, Any, Any], ...] = ()
    policy: Policy | None = None
