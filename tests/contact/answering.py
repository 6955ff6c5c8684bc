"""A contact that answers over HTTP: on a real log, or from records that tests tell it."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import httpx
import msgspec

from services import contact as service
from services.contact import keys, refused
from services.contact.app import SERVICE
from services.contact.consumers import CUSTOMERS, DECLARATIONS, OWNED, view
from services.contact.lanes import Topics
from shared.auth import SCOPES, Key
from shared.database import Pool, ddl, migrate
from shared.errors import FieldError
from shared.log import Log, Topic
from shared.messages import Place, Record
from shared.schemas import Schema, Source, prepare
from shared.service import Site
from shared.serving import Serving
from shared.settings import load
from shared.tables import runtime
from tests.contact.sending import SENDING
from tests.records import SECRET, at, record

SCHEMA = "contact_2_1"
PARTITIONS = 2
_MIGRATIONS = Path(str(service.__file__)).with_name("migrations")


@dataclass
class Contact:
    """What a test talks to."""

    site: Site
    client: httpx.AsyncClient
    secrets: Mapping[str, str]
    told: int = 0

    def headers(self, scope: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.secrets[scope]}"}

    async def post(self, content: object, **query: str) -> httpx.Response:
        """Post one event or an array of them."""
        return await self.send(msgspec.json.encode(content), **query)

    async def send(
        self, body: bytes | AsyncIterator[bytes], media: str = "application/json", **query: str
    ) -> httpx.Response:
        """Post these very bytes."""
        headers = self.headers("ingest") | {"Content-Type": media}
        return await self.client.post("/v1/events", content=body, headers=headers, params=query)

    async def get(self, path: str, **parameters: Any) -> Any:
        """The document at a path, which must be there."""
        answer = await self.ask(path, **parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def ask(self, path: str, **parameters: Any) -> httpx.Response:
        scope = "ops" if "quarantine" in path or "/types" in path else "read"
        return await self.client.get(path, params=parameters, headers=self.headers(scope))

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

    # From records

    async def tell(self, type_: str, *who: str, **fields: Any) -> Record:
        """Fold one event, the next of partition 0."""
        self.told += 1
        given: dict[str, Any] = {
            "id": str(self.told),
            "seconds": self.told,
            "offset": self.told,
            "topic": self.site.topics["interactions"],
        } | fields
        one = record(type_, *who, **given)
        await self.fold(one)
        return one

    async def belongs(self, subject: str, customer: str, revision: int = 1) -> None:
        """Fold what profile tells of a subject."""
        fields: dict[str, Any] = {"subject": subject, "customer": customer, "revision": revision}
        await self.tell("belongs", topic=self.site.topics[CUSTOMERS], **fields)

    async def refuse(
        self, raw: bytes, code: str = "required", key: str = "shop", seconds: int = 0
    ) -> None:
        """Fold what the door keeps of something that it refused."""
        self.told += 1
        sender = Key(key, frozenset(["ingest"]), f"service:{key}")
        sending = SENDING._replace(key=sender, received=at(seconds))
        kept = refused.record(raw, "application/json", sending, [FieldError("/type", code, "Why.")])
        place = Place(self.site.topics["quarantine"], 0, self.told)
        await self.fold(Record(place, kept.key, kept.value))

    async def fold(self, *records: Record) -> None:
        events = [self.site.view.decode(one) for one in records]
        async with self.site.pool.acquire() as connection, connection.transaction():
            await self.site.view.fold(connection, SCHEMA, events)

    # From the log

    async def at(self, position: str) -> Record:
        """The record at a position."""
        topic, partition, offset = position.split("/")
        (found,) = await self.site.log.read(topic, int(partition), int(offset), 1)
        assert found.place.position() == position
        return found

    @property
    def topics(self) -> Topics:
        """The names in Kafka of what the door writes to."""
        names = self.site.topics
        return Topics(names["interactions"], names["quarantine"], PARTITIONS)

    async def ends(self) -> dict[tuple[str, int], int]:
        """The end of every partition of all topics."""
        found = {}
        for topic in self.site.topics.values():
            offsets = await self.site.log.end_offsets(topic, range(PARTITIONS))
            found.update({(topic, number): offset for number, offset in offsets.items()})
        return found


@asynccontextmanager
async def answering(pool: Pool, log: Log | None = None, prefix: str = "") -> AsyncIterator[Contact]:
    """A contact with a key per scope over an empty view schema; without a log the door is shut."""
    await migrate(pool, _MIGRATIONS)
    made = view(prefix)
    schema = await _schema(pool, made.topics, prefix) if log is None else None
    if log is not None:
        await log.ensure_topics(prefix, (*OWNED, Topic(CUSTOMERS)), PARTITIONS)
        schema = await prepare(pool, log, made, prefix)
    assert schema is not None
    secrets = {
        scope: await keys.create(pool, scope, [scope], f"service:{scope}", namespace="shop")
        for scope in SCOPES
    }
    declarations = Source(DECLARATIONS.name, 1, f"{prefix}{DECLARATIONS.name}.1")
    site = Site(
        settings=load().model_copy(update={"topic_prefix": prefix}),
        secret=SECRET,
        pool=pool,
        log=cast(Log, log),
        view=made,
        schema=schema,
        serving=Serving(pool, made),
        partitions=PARTITIONS,
        sources=(*schema.sources, declarations),
        keyring=keys.StoredKeyring(pool),
    )
    transport = httpx.ASGITransport(app=SERVICE.app(site))
    async with httpx.AsyncClient(transport=transport, base_url="http://contact") as client:
        yield Contact(site, client, secrets)


async def _schema(pool: Pool, topics: tuple[str, ...], prefix: str) -> Schema:
    """The view schema, without asking a log."""
    made = view(prefix)
    for statement in [*ddl(made.metadata, SCHEMA), *ddl(runtime, SCHEMA)[1:]]:
        await pool.execute(statement)
    await pool.execute(
        "INSERT INTO schemas (schema, service, version, number, ready)"
        " VALUES ($1, 'contact', $2, 1, now())",
        SCHEMA,
        made.version,
    )
    await pool.execute("INSERT INTO live (service, schema) VALUES ('contact', $1)", SCHEMA)
    sources = tuple(Source(name, 1, f"{prefix}{name}.1") for name in topics)
    return Schema(SCHEMA, made.version, 1, sources, PARTITIONS)
