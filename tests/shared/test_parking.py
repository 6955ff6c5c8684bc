"""Parked events are retried or discarded on request, by the holder of their partition."""

from dataclasses import replace

import pytest

from shared.database import Pool
from shared.errors import NotFound, Unprocessable
from shared.folder import Folder
from shared.messages import Place
from shared.outcomes import Halt, Ok
from shared.parking import discard, find, parked, request_retry
from shared.projection import View
from shared.schemas import Schema
from tests.shared import toy
from tests.shared.toy import FIXED, happening, numbered


@pytest.fixture
async def schema(pool: Pool) -> Schema:
    return await toy.make_schema(pool)


@pytest.fixture
async def folder(pool: Pool, schema: Schema) -> Folder:
    """A partition with two parked events, the second not even readable."""
    folder = await toy.folder(pool, schema)
    events = [happening("1"), happening("2", amount=-1), happening("3", amount="x")]
    assert await folder.fold(numbered(events)) == Ok()
    return folder


async def test_a_retry_after_the_fix_folds_the_stored_bytes(
    pool: Pool, schema: Schema, folder: Folder
) -> None:
    assert await request_retry(pool, schema.name) == 2
    fixed = await toy.folder(pool, schema, FIXED, epoch=2)
    await fixed.answer_requests()
    assert await toy.ids(pool, schema) == {"1", "2", "3"}
    assert await parked(pool, schema.name) == []
    assert await pool.fetchval("SELECT count(*) FROM retries") == 0


async def test_a_retry_that_fails_is_counted_with_its_new_reason(
    pool: Pool, schema: Schema, folder: Folder
) -> None:
    place = (await parked(pool, schema.name))[1].place
    assert await request_retry(pool, schema.name, place) == 1
    unfixed = replace(FIXED, decode=toy.read_carelessly)
    await (await toy.folder(pool, schema, unfixed, epoch=2)).answer_requests()
    found = await find(pool, schema.name, place)
    assert (found.attempts, found.reason) == (2, "failed")
    assert await toy.ids(pool, schema) == {"1"}
    assert await pool.fetchval("SELECT count(*) FROM retries") == 0


async def test_a_discarded_event_leaves_parked_and_is_left_out_by_a_second_schema(
    pool: Pool, schema: Schema, folder: Folder
) -> None:
    for one in await parked(pool, schema.name):
        await discard(pool, schema.name, one.place, "test order, agreed with the shop")
    await folder.answer_requests()
    assert await parked(pool, schema.name) == []
    second = await toy.make_schema(pool, FIXED)
    rebuilt = await toy.folder(pool, second, FIXED)
    events = [happening("1"), happening("2", amount=-1), happening("3", amount="x")]
    assert await rebuilt.fold(numbered(events)) == Ok()
    assert await toy.rows(pool, second) == await toy.rows(pool, schema)
    assert rebuilt.at.positions == folder.at.positions


@pytest.mark.parametrize("view", [FIXED, replace(FIXED, ahead=toy.Preparing())])
async def test_a_discard_is_honoured_by_folds_that_run_already(
    pool: Pool, schema: Schema, folder: Folder, view: View
) -> None:
    second = await toy.folder(pool, await toy.make_schema(pool, view), view)
    await second.fold(numbered([happening("1")]))
    place = (await parked(pool, schema.name))[0].place
    await discard(pool, schema.name, place, "a test order")
    await second.fold(numbered([happening("2", amount=-1), happening("4")], start=1))
    assert await toy.ids(pool, "toy_1_2") == {"1", "4"}


async def test_bytes_that_cannot_be_read_can_be_discarded(pool: Pool, schema: Schema) -> None:
    folder = await toy.folder(pool, schema)
    nonsense = numbered([happening("1")._replace(value=b"\0 nonsense")])
    await folder.fold(nonsense)
    await discard(pool, schema.name, nonsense[0].place, "not ours")
    await folder.answer_requests()
    assert await parked(pool, schema.name) == []
    second = await toy.folder(pool, await toy.make_schema(pool))
    assert await second.fold(nonsense) == Ok()
    assert await parked(pool, "toy_1_2") == []


async def test_giving_up_what_was_parked_lets_a_halted_partition_go_on(
    pool: Pool, schema: Schema
) -> None:
    bad = numbered([happening(str(n), who=str(n), amount=-1) for n in range(52)])
    assert isinstance(await (await toy.folder(pool, schema)).fold(bad), Halt)
    for one in await parked(pool, schema.name, limit=100):
        await discard(pool, schema.name, one.place, "a broken import")
    again = await toy.folder(pool, schema, epoch=2)
    await again.answer_requests()
    assert await again.fold(bad) == Ok()
    assert len(await parked(pool, schema.name)) == 3


async def test_a_discard_has_a_reason_and_names_a_parked_event(
    pool: Pool, schema: Schema, folder: Folder
) -> None:
    place = (await parked(pool, schema.name))[0].place
    with pytest.raises(Unprocessable):
        await discard(pool, schema.name, place, " ")
    with pytest.raises(NotFound):
        await discard(pool, schema.name, Place("happenings.1", 0, 0), "it was folded")
    assert await pool.fetchval("SELECT count(*) FROM discards") == 0


async def test_a_retry_names_a_parked_event(pool: Pool, schema: Schema) -> None:
    with pytest.raises(NotFound):
        await request_retry(pool, schema.name, Place("happenings.1", 0, 0))
    assert await request_retry(pool, schema.name) == 0


async def test_pages_of_parked_events_follow_one_another(
    pool: Pool, schema: Schema, folder: Folder
) -> None:
    everything = await parked(pool, schema.name)
    first = await parked(pool, schema.name, limit=1)
    rest = await parked(pool, schema.name, after=first[0].place)
    assert [*first, *rest] == everything
