"""`rapport explain` and `rapport replay`: one customer from the view down to the log, and back."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import Any

import asyncpg
import httpx
import pytest
from sqlalchemy import Table, Uuid

from services.profile import tables
from services.profile.proof import QUEUES
from shared.database import service_url
from shared.log import Log, partition_of
from shared.messages import Entry
from tests.system.running import System, order, wait_until

JANE = "email:jane@example.com"


def visit(id: str, *who: tuple[str, str], **fields: Any) -> dict[str, Any]:
    """An event of somebody in the shop."""
    given = [
        {"kind": kind, "value": value} | ({"namespace": "shop"} if kind == "user" else {})
        for kind, value in who
    ]
    event = {"id": id, "source": "/web/shop", "type": "page.viewed"} | fields
    return event | {"data": {"channel": "web", "identifiers": given} | event.get("data", {})}


@pytest.fixture(scope="module")
def jane(system: System) -> str:
    """A customer of whom the view knows all there can be to know; its id."""
    user, email, device = ("user", "42"), ("email", "jane@example.com"), ("device", "d-1")
    phone = ("phone", "+4930123456")
    acme = {"id": "acme", "name": "Acme Ltd"}
    told = [
        visit("v-1", email, device),
        visit("v-2", user, email, correlationid="visit-7"),
        visit("v-3", device, phone),
        order("o-1", "42", 500),
        order("o-2", "42", 700),
        visit("c-1", phone, type="order.cancelled", data={"order": "o-2", "namespace": "shop"}),
        visit("t-1", user, type="customer.described", data={"traits": {"name": "Jane"}}),
        visit("f-1", email, type="feedback.given", data={"csat": 4, "nps": 9}),
        visit("s-1", user, type="subscription.started", data={"subscription": "s-7"}),
        visit("p-1", user, type="product.registered", data={"serial": "SN-1", "sku": "K"}),
        visit(
            "g-1",
            user,
            type="consent.granted",
            data={"address": "jane@example.com", "purpose": "news", "consent_channel": "email"},
        ),
        visit("m-1", user, type="membership.changed", data={"organisation": acme, "role": "buyer"}),
        visit("k-1", ("user", "43"), device),
        visit("q-1", user, type="quote.requested", data={"product": "K"}),
    ]
    answer = system.post(told).json()
    for item in answer["results"]:
        system.profile(JANE, item["position"])
    wait_until(lambda: system.profile(JANE)["leads"]["open"] == 1, 60.0, "the lead is known")
    disown(system, "somebody-elses")
    return together(system, JANE, "user:shop:44")


def disown(system: System, key: str) -> None:
    """Say that a key's pairs do not count, and wait until they do not."""
    body, headers = {"key": key, "reason": "A test says so."}, system.key("ops")
    answer = httpx.post(f"{system.url}/v1/key-disownments", json=body, headers=headers)
    assert answer.status_code == 202, answer.text
    system.profile(JANE, answer.json()["position"])


def together(system: System, one: str, other: str) -> str:
    """Decide that two identifiers are one customer's; its id."""
    body = {
        "identifiers": [named(one), named(other)],
        "decision": "together",
        "reason": "A test says so.",
    }
    answer = httpx.post(
        f"{system.url}/v1/identity-decisions", json=body, headers=system.key("write")
    )
    assert answer.status_code == 202, answer.text
    return str(system.profile(one, answer.json()["position"])["id"])


def named(text: str) -> dict[str, str]:
    kind, *namespace, value = text.split(":")
    return {"kind": kind, "namespace": "".join(namespace), "value": value}


def test_a_value_is_explained_down_to_the_record_in_the_log(system: System, jane: str) -> None:
    ended = system.rapport("explain", JANE, "interactions.by_type.page.viewed", "--json")
    found = json.loads(ended.stdout)
    assert (ended.returncode, found["customer"], found["value"]) == (0, jane, 2)
    latest = found["events"][0]
    assert (latest["id"], latest["record"]["correlationid"]) == ("v-2", "visit-7")
    assert latest["record"]["ingestkey"] == latest["key"]
    assert latest["record"]["receivedtime"]


def test_people_read_the_same_in_a_table(system: System, jane: str) -> None:
    ended = system.rapport("explain", jane, "orders.count", "--limit", "1")
    assert ended.returncode == 0, ended.stderr
    assert "There are more" in ended.stdout
    assert jane in ended.stdout


def test_what_cannot_be_explained_says_why(system: System, jane: str) -> None:
    unknown = system.rapport("explain", jane, "income")
    assert (unknown.returncode, "interactions.total" in unknown.stderr) == (2, True)
    assert system.rapport("explain", "user:shop:nobody", "orders.count").returncode == 1
    assert system.rapport("explain", "jane", "orders.count").returncode == 2
    assert system.rapport("explain", "colour:red", "orders.count").returncode == 2


def replayed(system: System, *words: str) -> tuple[int, Any]:
    """The exit code and the document of a replay."""
    ended = system.rapport("replay", "profile", "--json", *words)
    assert ended.stdout, ended.stderr
    return ended.returncode, json.loads(ended.stdout)


@pytest.fixture(scope="module")
def subjects(system: System, jane: str) -> list[str]:
    """The customer's."""
    found: list[str] = replayed(system, "--subject", jane)[1]["subjects"]
    return found


def test_what_was_folded_rightly_has_no_differences(system: System, jane: str) -> None:
    code, found = replayed(system, "--identifier", JANE)
    assert (code, found["differences"], found["left_out"]) == (0, 0, 0), found["first"]
    assert found["customer"] == found["customer_replayed"] == jane
    rows = {each["table"]: each["rows"] for each in found["tables"]}
    assert all(rows.values()), rows
    shown = system.rapport("replay", "profile", "--subject", jane)
    assert (shown.returncode, "0 differences" in shown.stdout) == (0, True)


def test_a_dry_run_only_says_what_there_is(system: System, jane: str) -> None:
    code, found = replayed(system, "--subject", jane, "--dry-run")
    assert code == 0
    assert found["records"] >= found["events"] > 10
    assert (found["subjects"], found["neighbours"]) == (3, 3)
    assert "nobody was told" in found["said"]


@contextmanager
def spoilt(
    system: System, table: Table, subjects: list[str], *, delete: bool = False
) -> Iterator[str | None]:
    """One row about these subjects with another value in one column, or gone, for a while.

    The column; None where the row is gone, or all of it is key.
    """
    row = asyncio.run(taken_out(system, table, subjects))
    column = None if delete else changeable(table, row)
    if column is not None:
        asyncio.run(put(system, table, row | {column: other(row[column])}))
    yield column
    asyncio.run(put(system, table, row))


async def taken_out(system: System, table: Table, subjects: list[str]) -> dict[str, Any]:
    """A row about these subjects, which is deleted."""
    uuids = [c.name for c in table.columns if isinstance(c.type, Uuid)]
    about = [f"{name} = ANY ($1::uuid[])" for name in uuids if not name.startswith("event")]
    where = " OR ".join(about) or "$1::uuid[] IS NOT NULL"
    async with database(system) as (connection, schema):
        row: dict[str, Any] = json.loads(
            await connection.fetchval(
                f"DELETE FROM {schema}.{table.name} t WHERE ctid ="
                f" (SELECT ctid FROM {schema}.{table.name} WHERE {where} LIMIT 1)"
                " RETURNING row_to_json(t)::text",
                subjects,
            )
        )
    return row


async def put(system: System, table: Table, row: dict[str, Any]) -> None:
    """Put a row in the place of that with its key."""
    async with database(system) as (connection, schema):
        name = f"{schema}.{table.name}"
        same = " AND ".join(f"t.{c.name} = k.{c.name}" for c in table.primary_key)
        record = f"json_populate_record(NULL::{name}, $1)"
        await connection.execute(
            f"DELETE FROM {name} t USING {record} k WHERE {same}", json.dumps(row)
        )
        await connection.execute(f"INSERT INTO {name} SELECT * FROM {record}", json.dumps(row))


@asynccontextmanager
async def database(system: System) -> AsyncIterator[tuple[asyncpg.Connection, str]]:
    """The profile's database, and the schema that serves."""
    url = service_url(system.settings["RAPPORT_DATABASE"], "profile")
    connection = await asyncpg.connect(url)
    try:
        yield connection, await connection.fetchval("SELECT schema FROM live")
    finally:
        await connection.close()


def changeable(table: Table, row: dict[str, Any]) -> str | None:
    """The last column that is no key and says something."""
    names = [c.name for c in table.columns if not c.primary_key and row[c.name] is not None]
    return names[-1] if names else None


def other(value: object) -> object:
    """Another value of the same type."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    text = str(value)
    if re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", text):
        return "0" * 8 + text[8:]
    return "2001" + text[4:] if re.match(r"\d{4}-\d\d-\d\dT", text) else f"{text}x"


@pytest.mark.parametrize(
    "table",
    [each for each in tables.metadata.sorted_tables if each.name not in QUEUES],
    ids=lambda table: table.name,
)
def test_a_value_changed_by_hand_is_found(
    system: System, jane: str, subjects: list[str], table: Table
) -> None:
    with spoilt(system, table, subjects) as column:
        code, found = replayed(system, "--subject", jane)
    assert (code, found["differences"]) == (1, 1)
    (one,) = found["first"]
    assert one["table"] == table.name
    assert column is None or one["columns"] == [column]


def test_a_missing_event_is_found_and_shown(system: System, jane: str, subjects: list[str]) -> None:
    with spoilt(system, tables.events, subjects, delete=True):
        code, found = replayed(system, "--identifier", JANE)
        ended = system.rapport("replay", "profile", "--subject", jane, "--events")
    assert code == 1
    (one,) = found["first"]
    assert (one["table"], one["live"]) == ("events", None)
    assert one["events"][0]["id"] == one["replayed"]["id"]
    assert "is not in the live view" in ended.stdout
    assert one["replayed"]["position"] in ended.stdout
    assert replayed(system, "--subject", jane)[0] == 0


def test_what_is_parked_is_named_and_left_out(system: System, jane: str) -> None:
    topic = f"{system.settings['RAPPORT_TOPIC_PREFIX']}interactions.1"
    place = asyncio.run(append(system, topic, jane, b"no event"))

    def parked() -> bool:
        ended = system.rapport("parked", "show", place, "--service", "profile", "--json")
        return ended.returncode == 0

    wait_until(parked, 30.0, f"{place} is parked")
    code, found = replayed(system, "--subject", jane)
    assert (code, found["parked"]) == (0, [f"{place} (undecodable)"])
    for service in ("profile", "contact"):
        wait_until(partial(given_up, system, place, service), 30.0, f"{place} is given up")
    code, found = replayed(system, "--subject", jane)
    assert (code, found["parked"], found["unreadable"]) == (0, [], [])


async def append(system: System, topic: str, key: str, value: bytes) -> str:
    """Append a record; its position."""
    log = await Log.connect(system.settings["RAPPORT_KAFKA"])
    partition = partition_of(key, 2)
    (offset,) = await log.append(topic, partition, [Entry(key.encode(), value)])
    await log.close()
    return f"{topic}/{partition}/{offset}"


def given_up(system: System, place: str, service: str) -> bool:
    words = ("parked", "discard", place, "--reason", "no event", "--service", service)
    return system.rapport(*words).returncode == 0


def test_what_cannot_be_replayed_is_exit_code_2(system: System, jane: str) -> None:
    for words in (
        ("contact", "--subject", jane),
        ("profile",),
        ("profile", "--subject", jane, "--identifier", JANE),
        ("profile", "--identifier", "email:nobody@example.com"),
    ):
        ended = system.rapport("replay", *words)
        assert ended.returncode == 2, ended.stdout
        assert ended.stderr
