"""Verify: a view folded anew beside the live one to the same checkpoints, and compared with it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from shared import rebuilding, schemas
from shared.bulk import BeginAnew
from shared.catchup import Ground, Tell, alone, catch_up
from shared.comparing import Compared, Difference, Row, SecondStage, Side, compare, sampled
from shared.consumer import Targets
from shared.database import Connection, Pool
from shared.errors import Fatal, NotReady
from shared.projection import Event, View
from shared.schemas import VERIFY, Schema
from shared.tables import parked

SHOWN = 10
"""Differences that are shown with the events behind them."""

PARKED = ("partition", "topic", "record", "subject", "event")
"""What must be the same of a parked event; when and how often it was tried may differ."""


@dataclass(frozen=True)
class Shown:
    """A difference, and the events that made the row."""

    difference: Difference
    events: list[Row]


@dataclass(frozen=True)
class Verdict:
    """What was compared, and what differs."""

    schema: str
    events: int
    tables: list[Compared]
    left_out: int = 0
    shown: list[Shown] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """Rows of the live schema that were compared."""
        return sum(table.rows for table in self.tables)

    @property
    def differences(self) -> int:
        """Rows that differ; of a table in which very many do, those that were looked at."""
        return sum(len(table.differences) for table in self.tables)


async def verify(ground: Ground, tell: Tell, sample: int = 1) -> Verdict:
    """Fold a second schema to the live one's checkpoints and compare all rows.

    With `sample` only 1 in so many subjects is folded, and only what is kept by subject compared.
    The second schema is dropped at the end; where it was cut off, the next call goes on with it.
    Raises Conflict where another command is at work on the views, Fatal where a partition halts.
    """
    async with alone(ground.pool, rebuilding.job(ground.view)):
        live = await schemas.live_name(ground.pool, ground.view.service)
        if live is None:
            raise NotReady(f"No view of {ground.view.service} serves yet.")
        await rebuilding.same_version(ground)
        folding = replace(ground, view=_sampling(ground.view, sample))
        second = await _near(folding, live, tell, sample)
        verdict = await _compared(folding, live, second, tell, sample)
        await rebuilding.drop(ground.pool, second.name)
        return verdict


async def _near(ground: Ground, live: str, tell: Tell, sample: int) -> Schema:
    """A second schema, folded as far as the live one is now."""
    for _ in range(rebuilding.MOST_BEGINNINGS):
        second = await rebuilding.begun(ground, VERIFY, sample) or await rebuilding.begin(
            ground, VERIFY, sample
        )
        try:
            until = await _positions(ground.pool, live, second)
            await rebuilding.fill(ground, second, until, tell, sample)
        except BeginAnew:
            await rebuilding.drop(ground.pool, second.name)
        else:
            return second
    raise Fatal(f"The database crashed {rebuilding.MOST_BEGINNINGS} times meanwhile.")


async def _compared(ground: Ground, live: str, second: Schema, tell: Tell, sample: int) -> Verdict:
    """Bring the second schema exactly to a snapshot of the live one, then compare the two."""
    async with _snapshot(ground.pool) as ours:
        until = await _positions(ours, live, second)
        await catch_up(ground, second, until, tell)
        async with _snapshot(ground.pool) as theirs:
            sides = Side(ours, live), Side(theirs, second.name)
            tables = await _tables(ground.view, *sides, tell, sample)
            stage = await _second_stage(ground.view, *sides, tell, sample)
            verdict = Verdict(live, sum(until.values()), [*tables, *stage.tables], stage.left_out)
            return replace(verdict, shown=await _shown(ground.view, sides[1], verdict))


async def _tables(view: View, live: Side, rebuilt: Side, tell: Tell, sample: int) -> list[Compared]:
    names = sorted(view.metadata.tables.keys() - view.proof.derived)
    if sample > 1:
        names = [name for name in names if name in view.proof.by_subject]
    found = []
    for count, name in enumerate(names):
        tell("comparing", count, len(names) + 1)
        found.append(await compare(live, rebuilt, view.metadata.tables[name], sample))
    found.append(await compare(live, rebuilt, parked, sample, PARKED))
    tell("comparing", len(names) + 1, len(names) + 1)
    return found


async def _second_stage(
    view: View, live: Side, rebuilt: Side, tell: Tell, sample: int
) -> SecondStage:
    if view.proof.compare_derived is None or sample > 1:
        return SecondStage()
    tell("comparing what is derived", 0, 1)
    stage = await view.proof.compare_derived(live, rebuilt)
    tell("comparing what is derived", 1, 1)
    return stage


async def _shown(view: View, rebuilt: Side, verdict: Verdict) -> list[Shown]:
    differences = [one for table in verdict.tables for one in table.differences][:SHOWN]
    return [Shown(one, await _behind(view, rebuilt, one)) for one in differences]


async def _behind(view: View, rebuilt: Side, difference: Difference) -> list[Row]:
    row = difference.key | (difference.rebuilt or difference.live or {})
    if view.proof.behind is None:
        return []
    return await view.proof.behind(rebuilt, difference.table, row)


@asynccontextmanager
async def _snapshot(pool: Pool) -> AsyncIterator[Connection]:
    async with (
        pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        yield connection


async def _positions(connection: Connection | Pool, live: str, second: Schema) -> Targets:
    """Where the live schema stands, by the names of the second one's topics."""
    return await schemas.positions(connection, replace(second, name=live))


def _sampling(view: View, sample: int) -> View:
    """The view, with only 1 in so many subjects folded, and no second stage kept up."""

    async def fold(connection: Connection, schema: str, events: Sequence[Event]) -> None:
        kept = [event for event in events if sampled(event.envelope.partitionkey, sample)]
        if kept:
            await view.fold(connection, schema, kept)

    return replace(view, fold=fold if sample > 1 else view.fold, singles=())
