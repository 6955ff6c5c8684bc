"""The law: a view rebuilt from the log equals the live one, whatever happened to that."""

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.profile.consumers import view
from services.profile.proof import compare_derived
from services.profile.resolver import resolve_once
from shared import bulk, parking, schemas
from shared.bulk import Bulk
from shared.comparing import Side, compare
from shared.database import Pool
from shared.folder import Folder
from shared.log import partition_of
from shared.messages import Place, Record
from shared.outcomes import Ok
from shared.schemas import Schema, Source
from shared.tables import parked
from shared.verifying import PARKED
from tests.profile.histories import captured, of_leads
from tests.records import decided, record

VIEW = view("")
PARTITIONS = 2
HISTORIES = int(os.environ.get("HISTORIES", "12"))
"""How many are tried; `make faults` tries thousands."""


class Said(NamedTuple):
    """A step of a history: an event, in few words.

    Its times follow from its id, so that events of one name under two subjects differ in nothing
    else that orders them.
    """

    type: str
    who: tuple[str, ...]
    id: int
    fields: dict[str, Any]


_WHO = st.lists(
    st.sampled_from(
        ["device:d", "device:e", "email:a@x", "email:b@x", "crm:9", "crm:8", "user:1", "user:2"]
    ),
    max_size=4,
    unique=True,
).map(tuple)

_FIELDS: dict[str, dict[str, list[Any]]] = {
    "order.placed": {"order": ["A", "B"], "amount": [100, 250], "currency": ["EUR", "USD"]},
    "order.returned": {"order": ["A", "B"], "amount": [50]},
    "order.cancelled": {"order": ["A", "B"]},
    "customer.described": {"traits": [{"name": "Jane"}, {"name": None, "city": "Leeds"}]},
    "feedback.given": {"csat": [1, 5], "nps": [9]},
    "consent.granted": {"address": ["a@x"], "purpose": ["news"], "consent_channel": ["email"]},
    "consent.withdrawn": {"address": ["a@x"], "purpose": ["news"], "consent_channel": ["email"]},
    "subscription.started": {"subscription": ["s"], "term": ["P1M"], "amount": [990]},
    "product.registered": {"serial": ["n1"], "sku": ["K"]},
    "membership.changed": {"organisation": [{"id": "acme"}], "role": ["buyer"], "member": [True]},
    "identifiers.seen": {},
    "page.viewed": {},
}


@st.composite
def _event(draw: st.DrawFn) -> Said:
    type_ = draw(st.sampled_from(sorted(_FIELDS)))
    fields = {name: draw(st.sampled_from(values)) for name, values in _FIELDS[type_].items()}
    if draw(st.integers(0, 15)) == 0:
        fields["identifiers"] = "nobody can read this"  # parked
    return Said(type_, draw(_WHO), draw(st.integers(0, 30)), fields)


@st.composite
def _decision(draw: st.DrawFn) -> Said:
    verb = draw(st.sampled_from(["together", "apart", "observed"]))
    two = draw(
        st.lists(
            st.sampled_from(["email:a@x", "crm:9", "user:1", "user:2"]),
            min_size=2,
            max_size=2,
            unique=True,
        )
    )
    fields = {"decision": verb, "reason": "heard"}
    return Said(f"identifiers.{verb}", tuple(two), draw(st.integers(0, 99)), fields)


@st.composite
def _disownment(draw: st.DrawFn) -> Said:
    key = draw(st.sampled_from(["tests", "other"]))
    return Said("key.disowned", (), draw(st.integers(0, 99)), {"disowned": key})


@st.composite
def _of_lead(draw: st.DrawFn) -> Said:
    """One of two leads, each of one person; which event it is, is its place in the stream."""
    version = draw(st.integers(1, 6))
    type_, fields = ("lead.captured", captured()) if version == 1 else draw(of_leads())
    who = draw(st.sampled_from(["user:1", "email:a@x"]))
    return Said(type_, (who,), version, fields | {"stream": len(who)})


_HISTORY = st.lists(
    st.one_of(*[_event()] * 6, _decision(), _decision(), _disownment(), _of_lead(), _of_lead()),
    max_size=25,
)


def _lanes(history: Sequence[Said]) -> list[list[Record]]:
    """The history as it stands in the partitions; one name of a subject means one event."""
    lanes: list[list[Record]] = [[] for _ in range(PARTITIONS)]
    ends: dict[tuple[str, int], int] = {}
    first: dict[tuple[str, bytes | None, int], Record] = {}
    for said in history:
        if "stream" in said.fields:
            made, topic = _decided(said), "leads.1"
        else:
            made, topic = _happened(said)
        made = first.setdefault((topic, made.key, said.id), made)
        assert made.key is not None
        partition = partition_of(made.key.decode(), PARTITIONS)
        offset = ends.get((topic, partition), 0)
        ends[topic, partition] = offset + 1
        lanes[partition].append(made._replace(place=Place(topic, partition, offset)))
    return lanes


def _decided(said: Said) -> Record:
    fields = {name: value for name, value in said.fields.items() if name != "stream"}
    stream = said.fields["stream"]
    return decided(said.type, said.who[0], stream, said.id, seconds=said.id * 3 % 7, **fields)


def _happened(said: Said) -> tuple[Record, str]:
    """An interaction, or what somebody decided; and its topic."""
    decision = bool({"decision", "disowned"} & said.fields.keys())
    topic = "identity.1" if decision else "interactions.1"
    made = record(
        said.type,
        *said.who,
        id=f"{topic}-{said.id}",
        seconds=said.id * 8 % 21,
        recorded=said.id * (8 if decision else 5) % 21,
        topic=topic,
        key="tests" if said.id % 3 else "other",
        **said.fields,
    )
    return made, topic


async def _live(pool: Pool, lanes: list[list[Record]], drawn: st.DataObject) -> Schema:
    """Folded as services do it: in batches, by one holder after the other, resolved in between."""
    schema = await _schema(pool)
    epochs = [1] * PARTITIONS
    folders = [await _folder(pool, schema, n, 1) for n in range(PARTITIONS)]
    waiting = [list(lane) for lane in lanes]
    while any(waiting):
        partition = drawn.draw(st.sampled_from([n for n, lane in enumerate(waiting) if lane]))
        size = drawn.draw(st.integers(1, 9))
        again = drawn.draw(st.integers(0, 2))  # what was read is read again
        done = len(lanes[partition]) - len(waiting[partition])
        batch = lanes[partition][max(0, done - again) : done + size]
        assert await folders[partition].fold(batch) == Ok()
        del waiting[partition][:size]
        what = drawn.draw(st.sampled_from(["", "", "restart", "resolve"]))
        if what == "restart":
            epochs[partition] += 1
            folders[partition] = await _folder(pool, schema, partition, epochs[partition])
        elif what == "resolve":
            await resolve_once(pool, schema.name)
    await _discard_some(pool, schema, folders, drawn)
    return schema


async def _discard_some(
    pool: Pool, schema: Schema, folders: list[Folder], drawn: st.DataObject
) -> None:
    for one in await parking.parked(pool, schema.name):
        if drawn.draw(st.booleans()):
            await parking.discard(pool, schema.name, one.place, "cannot be read")
    await parking.request_retry(pool, schema.name)
    for folder in folders:
        await folder.answer_requests()


async def _rebuilt(pool: Pool, lanes: list[list[Record]], drawn: st.DataObject) -> Schema:
    """Folded as a rebuild does it: staged from the start, in batches of its own, then merged."""
    schema = await _schema(pool, in_bulk=True)
    total = sum(map(len, lanes))
    filling = Bulk(VIEW, schema.name, expected=total, partitions=PARTITIONS)
    for partition, lane in enumerate(lanes):
        holding = filling.holding(partition)
        folder = await _folder(
            pool, schema, partition, 1, replace(VIEW, fold=holding.fold, ahead=holding)
        )
        size = drawn.draw(st.integers(1, 30))
        ahead = await folder.ahead(lane[:size])
        for start in range(size, len(lane) + size, size):
            batch, ahead = ahead, await folder.ahead(lane[start : start + size])
            assert await folder.write(batch) == Ok()
    await bulk.finish(pool, VIEW, schema.name, lambda what, done, all_: None)
    return schema


async def _schema(pool: Pool, *, in_bulk: bool = False) -> Schema:
    sources = [Source(topic, 1, f"{topic}.1") for topic in sorted(VIEW.topics)]
    async with pool.acquire() as connection, connection.transaction():
        schema = await schemas.make(connection, VIEW, sources, PARTITIONS)
        if in_bulk:
            await bulk.begin(connection, VIEW, schema.name)
    return schema


async def _folder(
    pool: Pool, schema: Schema, partition: int, epoch: int, view: Any = VIEW
) -> Folder:
    folder = Folder(pool, view, schema, partition, epoch)
    await folder.take_over()
    return folder


@settings(
    max_examples=HISTORIES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(_HISTORY, st.data())
async def test_a_view_rebuilt_from_the_log_equals_the_live_one(
    pool: Pool, history: list[Said], drawn: st.DataObject
) -> None:
    lanes = _lanes(history)
    live, rebuilt = await _live(pool, lanes, drawn), await _rebuilt(pool, lanes, drawn)
    for schema in (live, rebuilt):
        while await resolve_once(pool, schema.name):
            pass
    async with pool.acquire() as ours, pool.acquire() as theirs:
        sides = Side(ours, live.name), Side(theirs, rebuilt.name)
        for name in sorted(VIEW.metadata.tables.keys() - VIEW.proof.derived):
            assert (await compare(*sides, VIEW.metadata.tables[name])).differences == []
        assert (await compare(*sides, parked, columns=PARKED)).differences == []
        for one, other in (sides, sides[::-1]):
            stage = await compare_derived(one, other)
            assert [table.differences for table in stage.tables] == [[]] * len(stage.tables)
            assert stage.left_out == 0
    async with pool.acquire() as connection, connection.transaction():
        for schema in (live, rebuilt):
            await connection.execute("DELETE FROM live")
            await schemas.drop(connection, schema.name)
        await connection.execute("DELETE FROM discards")
