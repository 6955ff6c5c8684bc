"""The law: the views of leads rebuilt from the log equal the live ones, and what was decided."""

import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.leads.consumers import view
from services.leads.queries import boards
from services.leads.states import Lost, Merged, Open, Won
from shared import bulk, parking, schemas
from shared.bulk import Bulk
from shared.comparing import Side, compare
from shared.database import Pool
from shared.folder import Folder
from shared.messages import Record
from shared.outcomes import Ok
from shared.schemas import Schema, Source
from tests.leads.histories import LEADS, PARTITIONS, SAID, History

VIEW = view("")
HISTORIES = int(os.environ.get("HISTORIES", "12"))
"""How many are tried; `make faults` tries thousands."""


async def _schema(pool: Pool, *, in_bulk: bool = False) -> Schema:
    sources = [Source(topic, 1, f"{topic}.1") for topic in sorted(VIEW.topics)]
    async with pool.acquire() as connection, connection.transaction():
        schema = await schemas.make(connection, VIEW, sources, PARTITIONS)
        if in_bulk:
            await bulk.begin(connection, VIEW, schema.name)
    return schema


async def _folder(pool: Pool, schema: Schema, partition: int, view: Any = VIEW) -> Folder:
    folder = Folder(pool, view, schema, partition, 1)
    await folder.take_over()
    return folder


async def _live(pool: Pool, lanes: list[list[Record]], drawn: st.DataObject) -> Schema:
    """Folded as services do it: in batches, what was read is at times read again."""
    schema = await _schema(pool)
    folders = [await _folder(pool, schema, n) for n in range(PARTITIONS)]
    waiting = [list(lane) for lane in lanes]
    while any(waiting):
        partition = drawn.draw(st.sampled_from([n for n, lane in enumerate(waiting) if lane]))
        size, again = drawn.draw(st.integers(1, 9)), drawn.draw(st.integers(0, 2))
        done = len(lanes[partition]) - len(waiting[partition])
        batch = lanes[partition][max(0, done - again) : done + size]
        assert await folders[partition].fold(batch) == Ok()
        del waiting[partition][:size]
    return schema


async def _rebuilt(pool: Pool, lanes: list[list[Record]], drawn: st.DataObject) -> Schema:
    """Folded as a rebuild does it: staged from the start, in batches of its own, then merged."""
    schema = await _schema(pool, in_bulk=True)
    filling = Bulk(VIEW, schema.name, expected=sum(map(len, lanes)), partitions=PARTITIONS)
    for partition, lane in enumerate(lanes):
        holding = filling.holding(partition)
        folder = await _folder(
            pool, schema, partition, replace(VIEW, fold=holding.fold, ahead=holding)
        )
        size = drawn.draw(st.integers(1, 30))
        ahead = await folder.ahead(lane[:size])
        for start in range(size, len(lane) + size, size):
            batch, ahead = ahead, await folder.ahead(lane[start : start + size])
            assert await folder.write(batch) == Ok()
    await bulk.finish(pool, VIEW, schema.name, lambda what, done, all_: None)
    return schema


async def _rows(pool: Pool, schema: Schema) -> dict[str, dict[str, Any]]:
    """What the view says of each lead."""
    rows = await pool.fetch(f"SELECT to_jsonb(l)::text FROM {schema.name}.leads l")
    found = {row["lead"]: row for row in (msgspec.json.decode(each[0]) for each in rows)}
    fields = await pool.fetch(
        f"SELECT lead::text, name, value FROM {schema.name}.fields WHERE value IS NOT NULL"
    )
    for row in found.values():
        row["fields"] = {
            each["name"]: msgspec.json.decode(each["value"])
            for each in fields
            if each["lead"] == row["lead"]
        }
    return found


async def _board(pool: Pool, schema: Schema) -> Counter[tuple[str, str | None, str]]:
    """How many leads a board says there are in each stage and currency, and their sum."""
    async with pool.acquire() as connection:
        cells, _ = await boards.board(connection, schema.name, "sales", {}, 1)
    found: Counter[tuple[str, str | None, str]] = Counter()
    for cell in cells:
        found[cell.stage, cell.currency, "leads"] = cell.leads
        found[cell.stage, cell.currency, "amount"] = cell.amount or 0
    return found


def _standing(states: Iterable[Any]) -> Counter[tuple[str, str | None, str]]:
    """The same from what was decided."""
    found: Counter[tuple[str, str | None, str]] = Counter()
    for lead in (each.lead for each in states if isinstance(each, Open)):
        found[lead.stage, lead.currency, "leads"] += 1
        found[lead.stage, lead.currency, "amount"] += lead.amount or 0
    return found


def _of_state(state: Any) -> dict[str, Any]:
    """The same from what was decided."""
    names = ("pipeline", "stage", "subject", "source", "channel", "title", "product", "amount")
    more = ("currency", "expected_close", "owner", "rule", "inquiries", "fields")
    ended = (
        *((state.amount, state.currency) if isinstance(state, Won) else (None, None)),
        *((state.reason, state.competitor) if isinstance(state, Lost) else (None, None)),
        state.into if isinstance(state, Merged) else None,
    )
    ends = ("won_amount", "won_currency", "reason", "competitor", "merged_into")
    return {
        "state": type(state).__name__.lower(),
        "reached": state.lead.reached or None,
        "prequalified": not state.lead.failed if state.lead.judged else None,
        **{name: getattr(state.lead, name) for name in (*names, *more)},
        **dict(zip(ends, ended, strict=True)),
    }


@settings(
    max_examples=HISTORIES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    st.lists(SAID, min_size=20, max_size=60), st.lists(st.integers(0, 99), max_size=4), st.data()
)
async def test_leads_rebuilt_from_the_log_equal_the_live_ones_and_what_was_decided(
    pool: Pool, said: list[tuple[str, int, int]], again: list[int], drawn: st.DataObject
) -> None:
    history = History()
    for step in said:
        history.say(*step)
    lanes = history.lanes(again)
    live, rebuilt = await _live(pool, lanes, drawn), await _rebuilt(pool, lanes, drawn)
    async with pool.acquire() as ours, pool.acquire() as theirs:
        sides = Side(ours, live.name), Side(theirs, rebuilt.name)
        for name in sorted(VIEW.metadata.tables.keys() - VIEW.proof.derived):
            assert (await compare(*sides, VIEW.metadata.tables[name])).differences == [], name
        if VIEW.proof.compare_derived is not None:
            for one, other in (sides, sides[::-1]):
                stage = await VIEW.proof.compare_derived(one, other)
                assert [table.differences for table in stage.tables] == [[]] * len(stage.tables)
    assert await parking.parked(pool, live.name) == []
    rows = await _rows(pool, live)
    decided = {lead: history.states[lead] for lead in LEADS if lead in history.states}
    assert rows.keys() == decided.keys()
    for lead, state in decided.items():
        assert (rows[lead]["heated"] is not None) == (state.lead.heated > 0)
        expected = _of_state(state)
        assert {name: rows[lead][name] for name in expected} == expected
    assert await _board(pool, live) == _standing(decided.values())
    async with pool.acquire() as connection, connection.transaction():
        for schema in (live, rebuilt):
            await connection.execute("DELETE FROM live")
            await schemas.drop(connection, schema.name)
