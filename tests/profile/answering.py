"""A profile that answers over HTTP, from records that tests tell it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast

import httpx

from services.profile import consumers, tables
from services.profile.api import install
from services.profile.projections import fold
from services.profile.resolver import resolve_once
from shared.application import application, guarded
from shared.auth import Key, digest, new_secret
from shared.database import Pool, ddl
from shared.log import Log
from shared.messages import Record
from shared.schemas import Schema, Source
from shared.service import Site
from shared.serving import Serving
from shared.settings import load
from shared.tables import runtime
from tests.records import SECRET, record

SCHEMA = f"profile_{tables.VERSION}_1"
PARTITIONS = 4


class Ring:
    """The keys of a test: one of each scope."""

    def __init__(self) -> None:
        self.secrets = {scope: new_secret() for scope in ("read", "write", "ingest", "ops")}
        self._keys = {
            digest(secret): Key(scope, frozenset([scope]), f"representative:{scope}", "shop")
            for scope, secret in self.secrets.items()
        }

    async def find(self, secret: str) -> Key | None:
        return self._keys.get(digest(secret))

    def at_hand(self, header: bytes) -> Key | None:
        return self._keys.get(digest(header.decode().removeprefix("Bearer ")))


@dataclass
class Profile:
    """What a test talks to."""

    site: Site
    client: httpx.AsyncClient
    ring: Ring
    told: int = 0

    async def tell(self, type_: str, *who: str, **fields: Any) -> Record:
        """Fold one event, the next of partition 0, and resolve what follows."""
        self.told += 1
        given: dict[str, Any] = {
            "id": str(self.told),
            "seconds": self.told,
            "offset": self.told,
            "topic": self.site.topics["interactions"],
        } | fields
        one = record(type_, *who, **given)
        await self.fold(one)
        await self.settle()
        return one

    async def decide(self, verb: str, one: str, other: str, **fields: Any) -> Record:
        fields |= {"topic": self.site.topics["identity"], "decision": verb}
        return await self.tell(f"identifiers.{verb}", one, other, **fields)

    async def fold(self, *records: Record) -> None:
        events = [self.site.view.decode(one) for one in records]
        async with self.site.pool.acquire() as connection, connection.transaction():
            await fold(connection, SCHEMA, events)

    async def settle(self) -> None:
        while await resolve_once(self.site.pool, SCHEMA):
            pass

    async def reached(self, last: Record) -> None:
        """Move the checkpoint of a record's partition behind it."""
        topic = last.place.topic.split(".")[0]
        await self.site.pool.execute(
            f"INSERT INTO {SCHEMA}.checkpoints (topic, generation, partition, next_offset)"
            " VALUES ($1, 1, $2, $3)",
            topic,
            last.place.partition,
            last.place.offset + 1,
        )

    async def get(self, path: str, **parameters: Any) -> Any:
        """The document at a path, which must be there."""
        answer = await self.client.get(path, params=parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def headers(self, scope: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.ring.secrets[scope]}"}


@asynccontextmanager
async def answering(pool: Pool, log: Log | None = None, prefix: str = "") -> AsyncIterator[Profile]:
    """A profile over an empty view schema; without a log it takes no decisions."""
    view = consumers.view(prefix)
    for statement in [*ddl(tables.metadata, SCHEMA), *ddl(runtime, SCHEMA)[1:]]:
        await pool.execute(statement)
    await pool.execute(
        "INSERT INTO schemas (schema, service, version, number, ready)"
        " VALUES ($1, 'profile', $2, 1, now())",
        SCHEMA,
        view.version,
    )
    await pool.execute("INSERT INTO live (service, schema) VALUES ('profile', $1)", SCHEMA)
    sources = tuple(Source(name, 1, f"{prefix}{name}.1") for name in view.topics)
    site = Site(
        settings=load(),
        secret=SECRET,
        pool=pool,
        log=cast(Log, log),
        view=view,
        schema=Schema(SCHEMA, view.version, 1, sources, PARTITIONS),
        serving=Serving(pool, view),
        partitions=PARTITIONS,
        sources=sources,
        keyring=(ring := Ring()),
    )
    app = application("Rapport: profile", "As tests see it.")
    app.state.site, app.state.keyring = site, ring
    install(app)
    transport = httpx.ASGITransport(app=guarded(app, site.settings))
    async with httpx.AsyncClient(transport=transport, base_url="http://profile") as client:
        profile = Profile(site, client, ring)
        client.headers.update(profile.headers("read"))
        yield profile
