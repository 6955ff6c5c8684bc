"""The profile as it was, and as we knew it: equal to a view that stopped there."""

import random
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.profile import past, scratch, tables
from services.profile.consumers import view
from services.profile.past import customer_then
from services.profile.queries.history import Horizon
from services.profile.queries.profiles import PROFILE
from services.profile.resolver import resolve_within
from services.profile.scratch import TABLES, bounded
from shared.database import Connection, Pool, ddl, in_schema
from shared.messages import Record, decode
from tests.profile.answering import SCHEMA, Profile, answering
from tests.profile.histories import captured, histories, people
from tests.records import START, at, decided, record, subject

VIEW = view("")
LIVE, STOPPED = "profile_2_1", "stopped"


@pytest.fixture
async def views(pool: Pool) -> Pool:
    """A database with two empty view schemas."""
    for schema in (LIVE, STOPPED):
        for statement in ddl(tables.metadata, schema):
            await pool.execute(statement)
    return pool


def moment(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def within(horizon: Horizon, one: Record) -> bool:
    """Whether an event had happened, and was known, by then."""
    envelope = decode(one.value)
    happened, recorded = (
        datetime.fromisoformat(text) for text in (envelope.happened, envelope.recordedtime)
    )
    return (horizon.as_of is None or happened <= horizon.as_of) and (
        horizon.known_at is None or recorded <= horizon.known_at
    )


async def fold(pool: Pool, schema: str, records: Sequence[Record], shared_above: int = 50) -> None:
    """Make a schema hold these records and nothing else, resolved."""
    names = [table.name for table in tables.metadata.sorted_tables]
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(";".join(f"DELETE FROM {schema}.{name}" for name in names))
        await VIEW.fold(connection, schema, [VIEW.decode(each) for each in records])
        await resolve_within(connection, schema, shared_above)


async def whole(connection: Connection | Pool, schema: str, who: str) -> str | None:
    """The profile of whom an identifier belongs to, with its timeline, as the API answers it."""
    found: str | None = await connection.fetchval(in_schema(PROFILE, schema), subject(who), 200)
    return found


async def then(pool: Pool, who: str, horizon: Horizon, shared_above: int = 50) -> str | None:
    async with customer_then(
        pool, VIEW, LIVE, subject(who), horizon, shared_above=shared_above
    ) as connection:
        return await whole(connection, TABLES, who)


moments = st.none() | st.integers(0, 9).map(moment)


@given(
    history=histories(),
    horizon=st.builds(Horizon, moments, moments),
    asked=st.lists(people, min_size=2, max_size=2, unique=True),
    limit=st.integers(1, 4),
    order=st.randoms(use_true_random=False),
)
@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_a_profile_then_is_that_of_a_view_that_stopped_there(
    views: Pool,
    history: list[Record],
    horizon: Horizon,
    asked: list[str],
    limit: int,
    order: random.Random,
) -> None:
    order.shuffle(history)
    await fold(views, LIVE, history, limit)
    await fold(views, STOPPED, [one for one in history if within(horizon, one)], limit)
    for who in asked:
        assert await then(views, who, horizon, limit) == await whole(views, STOPPED, who), who


@pytest.fixture
async def profile(pool: Pool) -> AsyncIterator[Profile]:
    async with answering(pool) as profile:
        yield profile


async def refused(profile: Profile, path: str, **parameters: str) -> tuple[int, str, str]:
    """Status, pointer and code of the problem that answers."""
    answer = await profile.client.get(path, params=parameters)
    (error,) = answer.json()["errors"]
    return answer.status_code, error["pointer"], error["code"]


async def test_a_customer_is_shown_as_it_was_and_as_we_knew_it(profile: Profile) -> None:
    await profile.tell("page.viewed", "email:a@x")
    await profile.tell("customer.described", "email:a@x", traits={"name": "Jane"})
    await profile.tell("page.viewed", "email:a@x", "user:1", seconds=3)
    await profile.tell("page.viewed", "user:1", seconds=1, recorded=9)
    path = f"/v1/customers/{subject('email:a@x')}"
    now = await profile.get(path)
    assert (now["id"], now["interactions"]["total"]) == (subject("user:1"), 4)
    assert "as_of" not in now
    then = await profile.get(path, as_of=at(2))
    assert (then["id"], then["as_of"], then["known_at"]) == (subject("email:a@x"), at(2), None)
    assert then.keys() == now.keys() | {"as_of", "known_at"}
    assert (then["interactions"]["total"], then["traits"]["name"]["value"]) == (2, "Jane")
    known = await profile.get(path, known_at=at(3), timeline=9)
    assert (known["id"], known["interactions"]["total"]) == (subject("user:1"), 3)
    assert [row["id"] for row in known["timeline"]] == ["3", "2", "1"]
    both = await profile.get(f"/v1/customers/{subject('user:1')}", as_of=at(2), known_at=at(9))
    assert both["interactions"]["total"] == 1


async def test_who_was_not_known_then_is_not_found(profile: Profile) -> None:
    await profile.tell("page.viewed", "user:1", seconds=5)
    path = f"/v1/customers/{subject('user:1')}"
    for asked in (path, f"{path}/timeline"):
        answer = await profile.client.get(asked, params={"as_of": at(4)})
        assert answer.status_code == 404
        assert answer.json()["detail"] == "Nothing was known of this customer then."


async def test_an_identifier_is_looked_up_as_of_a_moment(profile: Profile) -> None:
    await profile.tell("page.viewed", "email:a@x")
    await profile.tell("page.viewed", "email:a@x", "user:1")
    then = await profile.get("/v1/customers", identifier="email:a@x", as_of=at(1))
    assert then["id"] == subject("email:a@x")
    body = {"kind": "email", "value": "a@x"}
    posted = await profile.client.post(f"/v1/customers/lookup?as_of={at(1)}", json=body)
    assert posted.json() == then


async def test_a_timeline_is_read_page_by_page_as_of_a_moment(profile: Profile) -> None:
    for number in range(1, 6):
        await profile.tell("page.viewed", "user:1", page=number)
    path = f"/v1/customers/{subject('user:1')}/timeline"
    first = await profile.get(path, as_of=at(4), limit=3)
    rest = await profile.get(path, as_of=at(4), limit=3, cursor=first["next_cursor"])
    assert [row["data"]["page"] for row in first["data"] + rest["data"]] == [4, 3, 2, 1]
    assert rest["next_cursor"] is None
    other = await profile.client.get(path, params={"cursor": first["next_cursor"]})
    assert other.status_code == 422


async def test_a_moment_that_is_none_or_not_over_is_named(profile: Profile) -> None:
    await profile.tell("page.viewed", "user:1")
    path = f"/v1/customers/{subject('user:1')}"
    for text in ("yesterday", "2026-01-01", "2026-01-01T00:00:00", "1700000000", ""):
        assert await refused(profile, path, as_of=text) == (400, "/query/as_of", "syntax")
    for text in ("2026-02-30T00:00:00Z", "0001-01-01T00:00:00+14:00"):
        assert await refused(profile, path, known_at=text) == (400, "/query/known_at", "range")
    later = "9999-12-31T23:59:59Z"
    assert await refused(profile, path, known_at=later) == (400, "/query/known_at", "future")
    assert (await refused(profile, "/v1/customers", as_of=at(0)))[1:] == (
        "/query/as_of",
        "combination",
    )


async def test_what_is_too_much_says_so_and_what_to_do(
    profile: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(past, "MOST", 2)
    for number in range(3):
        await profile.tell("page.viewed", "user:1", f"device:{number}")
    answer = await profile.client.get(f"/v1/customers/{subject('user:1')}", params={"as_of": at(9)})
    assert (answer.status_code, answer.json()["code"]) == (422, "too_large")
    assert "too much to fold for one request" in answer.json()["detail"]


async def test_no_more_than_two_are_worked_out_at_once(profile: Profile) -> None:
    await profile.tell("page.viewed", "user:1")
    path = f"/v1/customers/{subject('user:1')}"
    async with bounded(), bounded():
        answer = await profile.client.get(path, params={"as_of": at(9)})
        assert (answer.status_code, answer.json()["code"]) == (503, "busy")
        assert answer.headers["retry-after"]
        assert (await profile.client.get(path)).status_code == 200
    assert (await profile.client.get(path, params={"as_of": at(9)})).status_code == 200


async def test_what_takes_too_long_is_given_up_and_harms_nothing(
    profile: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    await profile.tell("page.viewed", "user:1")
    path = f"/v1/customers/{subject('user:1')}"
    with monkeypatch.context() as hurry:
        hurry.setattr(scratch, "LONGEST", 0.001)
        for _ in range(5):
            answer = await profile.client.get(path, params={"as_of": at(9)})
            assert (answer.status_code, answer.json()["code"]) == (503, "busy")
            assert answer.headers["retry-after"]
    assert (await profile.client.get(path, params={"as_of": at(9)})).status_code == 200


async def test_nothing_is_left_of_what_was_worked_out(profile: Profile) -> None:
    await profile.tell("page.viewed", "user:1", "email:a@x")
    tables_now = "SELECT count(*) FROM pg_class WHERE relpersistence = 't'"
    await profile.get(f"/v1/customers/{subject('user:1')}", as_of=at(9))
    assert await profile.site.pool.fetchval(tables_now) == 0
    assert await profile.site.pool.fetchval(f"SELECT count(*) FROM {SCHEMA}.events") == 1


async def test_a_shared_device_does_not_bring_everybody_in(views: Pool) -> None:
    visits = [
        record("page.viewed", "device:kiosk", f"user:{n}", id=f"{n}", offset=n, seconds=n)
        for n in range(80)
    ]
    own = [
        record("page.viewed", "user:7", f"device:own{n}", id=f"own{n}", offset=100 + n)
        for n in range(3)
    ]
    await fold(views, LIVE, visits + own)
    for horizon in (Horizon(moment(20)), Horizon(moment(70)), Horizon(None, moment(70))):
        stopped = [one for one in visits + own if within(horizon, one)]
        await fold(views, STOPPED, stopped)
        async with customer_then(views, VIEW, LIVE, subject("user:7"), horizon) as connection:
            folded = await connection.fetchval("SELECT count(*) FROM pg_temp.events")
            assert await whole(connection, TABLES, "user:7") == await whole(
                views, STOPPED, "user:7"
            )
        assert folded <= (24 if len(stopped) < 50 else 55)
        assert await then(views, "device:kiosk", horizon) == await whole(
            views, STOPPED, "device:kiosk"
        )


async def test_a_lead_that_no_interaction_began_shows_in_its_customer_now_and_then(
    profile: Profile,
) -> None:
    path = f"/v1/customers/{subject('email:kim@x')}"
    assert (await profile.client.get(path)).status_code == 404
    await profile.fold(
        decided(
            "lead.captured", "email:kim@x", 1, 1, seconds=1, **captured(amount=5, currency="EUR")
        )
    )
    now = await profile.get(path)
    assert (now["leads"]["open"], now["leads"]["pipeline_value"]) == (1, {"EUR": 5})
    then = await profile.get(path, as_of=at(2))
    assert then["leads"] == now["leads"]
    assert (await profile.client.get(path, params={"as_of": at(0)})).status_code == 404
