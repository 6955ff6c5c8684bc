"""Leads that answer over HTTP, over an event store and views that tests fold."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import httpx

from services.leads import consumers, tables
from services.leads.app import SERVICE
from services.leads.commands import LeadCommand
from services.leads.decider import LEAD, PIPELINE
from services.leads.decider.pipeline import stream_of
from shared import deciding
from shared.auth import Key, digest, new_secret
from shared.database import Pool, ddl, migrate
from shared.deciding.command_handler import CommandHandler
from shared.deciding.store import Origin
from shared.log import Log, partition_of
from shared.messages import Place, Record
from shared.schemas import Schema, Source
from shared.service import Site
from shared.serving import Serving
from shared.settings import load
from shared.tables import runtime
from tests.leads.examples import define
from tests.records import SECRET, record

SCHEMA = f"leads_{tables.VERSION}_1"
PARTITIONS = 4
MIGRATIONS = Path(str(deciding.__file__)).with_name("migrations")
PRINCIPALS = ("service:app", "representative:7", "representative:8", "partner:12")


class Ring:
    """The keys of a test: one of each principal, with every scope."""

    def __init__(self) -> None:
        self.secrets = {principal: new_secret() for principal in PRINCIPALS}
        scopes = frozenset(["read", "write", "ops"])
        self._keys = {
            digest(secret): Key(principal, scopes, principal, "shop")
            for principal, secret in self.secrets.items()
        }

    async def find(self, secret: str) -> Key | None:
        return self._keys.get(digest(secret))

    def at_hand(self, header: bytes) -> Key | None:
        return self._keys.get(digest(header.decode().removeprefix("Bearer ")))

    def revoke(self, principal: str) -> None:
        del self._keys[digest(self.secrets[principal])]


@dataclass
class Leads:
    """What a test talks to."""

    site: Site
    client: httpx.AsyncClient
    ring: Ring
    handler: CommandHandler
    folded: int = 0
    told: int = 0
    keys: dict[str, str] = field(default_factory=dict)

    async def get(self, path: str, who: str = "service:app", **parameters: Any) -> Any:
        """The document at a path, which must be there."""
        answer = await self.ask(path, who, **parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def ask(self, path: str, who: str = "service:app", **parameters: Any) -> httpx.Response:
        query = {spelt(name): value for name, value in parameters.items()} or None
        return await self.client.get(path, params=query, headers=self.headers(who))

    async def ids(self, path: str = "/v1/leads", **parameters: Any) -> list[str]:
        """The ids of what is listed, on one page."""
        return [each["id"] for each in (await self.get(path, **parameters))["data"]]

    async def all_pages(self, path: str, limit: int, **parameters: Any) -> list[Any]:
        """Every item of a list, page by page."""
        found: list[Any] = []
        cursor: dict[str, str] = {}
        while True:
            page = await self.get(path, limit=limit, **parameters, **cursor)
            assert len(page["data"]) <= limit
            found += page["data"]
            if page["next_cursor"] is None:
                return found
            cursor = {"cursor": page["next_cursor"]}

    async def carry_out(
        self, lead: str, *commands: LeadCommand, actor: str = "service:app"
    ) -> None:
        """Carry out commands on a lead; its stream begins with the first one's subject."""
        key = self.keys.setdefault(lead, getattr(commands[0], "subject", ""))
        for command in commands:
            await self.handler.carry_out(LEAD, lead, command, Origin(actor), partitionkey=key)

    async def tell(self, type_: str, *who: str, **fields: Any) -> None:
        """Fold one interaction."""
        self.told += 1
        given: dict[str, Any] = {"id": str(self.told), "seconds": self.told, "offset": self.told}
        await self.fold(record(type_, *who, **(given | fields)))

    async def belongs(self, subject: str, customer: str, revision: int = 1) -> None:
        """Fold that a subject belongs to a customer."""
        self.told += 1
        told = {"id": f"{subject}/{revision}", "topic": "customers.1", "offset": self.told}
        about = {"subject": subject, "customer": customer, "revision": revision}
        await self.fold(record("belongs", source="/profile", **told, **about))  # type: ignore[arg-type]

    async def settle(self) -> None:
        """Fold what was decided, as it is in the table of events."""
        rows = await decided(self.site.pool, self.folded)
        await self.fold(*rows)
        self.folded += len(rows)

    async def fold(self, *records: Record) -> None:
        events = [self.site.view.decode(one) for one in records]
        async with self.site.pool.acquire() as connection, connection.transaction():
            await self.site.view.fold(connection, SCHEMA, events)

    def headers(self, who: str) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {self.ring.secrets[who]}"}


async def defined(leads: Leads, *names: str) -> None:
    """Define pipelines like that of the examples."""
    for name in names:
        stream, command = stream_of(name), define(name=name, kind=name)
        await leads.handler.carry_out(
            PIPELINE, stream, command, Origin("service:app"), partitionkey=stream
        )


def spelt(name: str) -> str:
    """`state__eq` is `filter[state][eq]`; other names are as they are."""
    field_, _, operator = name.partition("__")
    return f"filter[{field_}][{operator}]" if operator else name


async def decided(pool: Pool, after: int = 0) -> list[Record]:
    """What was decided after a position, as the relay appends it to the log."""
    rows = await pool.fetch(
        "SELECT position, partitionkey::text AS key, record FROM events"
        " WHERE position > $1 ORDER BY position",
        after,
    )
    return [
        Record(
            Place("leads.1", partition_of(row["key"], PARTITIONS), row["position"]),
            row["key"].encode(),
            row["record"],
        )
        for row in rows
    ]


@asynccontextmanager
async def answering(pool: Pool) -> AsyncIterator[Leads]:
    """A service over an empty view schema, with the pipelines that there are from the start."""
    await migrate(pool, MIGRATIONS)
    view = consumers.view("")
    for statement in [*ddl(tables.metadata, SCHEMA), *ddl(runtime, SCHEMA)[1:]]:
        await pool.execute(statement)
    await pool.execute(
        "INSERT INTO schemas (schema, service, version, number, ready)"
        " VALUES ($1, 'leads', $2, 1, now())",
        SCHEMA,
        view.version,
    )
    await pool.execute("INSERT INTO live (service, schema) VALUES ('leads', $1)", SCHEMA)
    sources = tuple(Source(name, 1, f"{name}.1") for name in view.topics)
    site = Site(
        settings=load(),
        secret=SECRET,
        pool=pool,
        log=cast(Log, None),
        view=view,
        schema=Schema(SCHEMA, view.version, 1, sources, PARTITIONS),
        serving=Serving(pool, view),
        partitions=PARTITIONS,
        sources=sources,
        keyring=(ring := Ring()),
    )
    transport = httpx.ASGITransport(app=SERVICE.app(site))
    async with httpx.AsyncClient(transport=transport, base_url="http://leads") as client:
        handler = CommandHandler(pool, consumers.SOURCE)
        yield Leads(site, client, ring, handler)
