"""The law of policies: each subject's events are decided once and in order, whatever fails."""

from collections.abc import Sequence

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.database import Pool
from shared.folder import Folder
from shared.outcomes import Ok
from shared.parking import discard, parked, request_retry
from shared.schemas import Schema
from tests.deciding import toy
from tests.deciding.toy import FIXED, POLICIES, Here, happening
from tests.records import subject
from tests.shared.toy import folder, make_schema, numbered

_NAMES = ("user:a", "user:b", "user:c")
_EVENTS = st.lists(
    st.tuples(st.sampled_from(_NAMES), st.sampled_from([True, True, True, False])), max_size=25
)
_STEPS = st.lists(
    st.tuples(
        st.integers(1, 6),  # events in a batch
        st.sampled_from(["nothing", "retry all", "retry one", "discard", "again", "take over"]),
        st.integers(0, 10),
    ),
    max_size=12,
)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(_EVENTS, _STEPS)
async def test_what_is_parked_and_what_is_not_come_out_in_order(
    pool: Pool, story: list[tuple[str, bool]], steps: list[tuple[int, str, int]]
) -> None:
    await _begin_anew(pool)
    schema = await make_schema(pool, POLICIES, partitions=1)
    events = numbered(
        [happening(str(n), who, amount=n if good else -n) for n, (who, good) in enumerate(story, 1)]
    )
    one, done, epoch, given_up = await folder(pool, schema, POLICIES), 0, 1, set[int]()
    for size, what, which in steps:
        assert await one.fold(events[done : done + size]) == Ok()
        done += size
        given_up |= await _ask(pool, schema, what, which)
        if what == "take over":
            epoch += 1
            one = await folder(pool, schema, POLICIES, epoch=epoch)
        await one.answer_requests()
    await one.fold(events[done:])
    await _all_is_decided(pool, schema, epoch + 1)
    again = await folder(pool, await make_schema(pool, FIXED, partitions=1), FIXED)
    await again.fold(events)  # sent again: nothing new
    await _assert_in_order(pool, story, given_up)
    await toy.assert_kept_is_folded(pool)


async def _begin_anew(pool: Pool) -> None:
    await pool.execute(
        "DROP SCHEMA IF EXISTS toy_policies_1_1 CASCADE;"
        "DROP SCHEMA IF EXISTS toy_policies_1_2 CASCADE;"
        "DELETE FROM live; DELETE FROM schemas;"
        "TRUNCATE events, streams, claims, inbox, discards, retries"
    )


async def _ask(pool: Pool, schema: Schema, what: str, which: int) -> set[int]:
    """Ask for something about what is parked; the numbers of events that are given up."""
    found = await parked(pool, schema.name, limit=100)
    one = found[which % len(found)] if found else None
    if what == "retry all":
        await request_retry(pool, schema.name)
    elif what == "retry one" and one is not None:
        await request_retry(pool, schema.name, one.place)
    elif what == "discard" and one is not None:
        await discard(pool, schema.name, one.place, "a test order")
        return {one.place.offset + 1}
    return set()


async def _all_is_decided(pool: Pool, schema: Schema, epoch: int) -> None:
    """After the fix, everything that is parked is retried."""
    fixed: Folder = await folder(pool, schema, FIXED, epoch=epoch)
    for _ in range(30):
        await request_retry(pool, schema.name)
        await fixed.answer_requests()
    assert await parked(pool, schema.name) == []


async def _assert_in_order(
    pool: Pool, story: Sequence[tuple[str, bool]], given_up: set[int]
) -> None:
    rows = await pool.fetch("SELECT stream FROM streams")
    states = [await toy.state_of(pool, str(row["stream"])) for row in rows]
    found = {state.who: state.amounts for state in states if isinstance(state, Here)}
    for who in _NAMES:
        wanted = tuple(
            n
            for n, (whose, good) in enumerate(story, 1)
            if whose == who and good and n not in given_up
        )
        assert found.get(subject(who), ()) == wanted
