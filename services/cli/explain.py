"""rapport explain: why a customer's profile says what it says, down to the touch point."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
import typer

from services.cli import show
from services.cli.reach import Reach, log_of, pool_of, reach, run
from services.cli.whom import live_of, subject_given, view_of
from services.profile.queries.explain import FIELDS, Explained, explain, is_field
from services.profile.queries.timeline import Mark
from shared.database import Pool
from shared.errors import Fatal, NotFound
from shared.log import Log
from shared.messages import Place, Record, parse_position

AT_ONCE = 4
"""Records that are read from the log at the same time."""

PAGE = 200
_FROM_THE_DOOR = (
    "source",
    "id",
    "type",
    "time",
    "receivedtime",
    "recordedtime",
    "ingestkey",
    "actor",
    "correlationid",
    "causationid",
    "traceparent",
)
"""The attributes of a record that say where it came from."""

_COLUMNS = ["time", "type", "gives", "stands", "source", "id", "key", "correlation id", "position"]


def command(
    customer: Annotated[
        str, typer.Argument(help="An id, or an identifier: email:jane@x, user:shop:42.")
    ],
    field: Annotated[str, typer.Argument(help="A path into the profile: revenue.EUR.amount.")],
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="Latest events to show.")] = 20,
    as_json: show.AsJson = False,
) -> None:
    """A value of a customer's profile, the rule that makes it, and the events behind it.

    Each event with the record in the log at its place: who sent it, the key that let it in, the
    correlation id. Exit code 1: nothing is known of the customer, or a record is not in the log.
    """
    if not is_field(field):
        raise Fatal(f"There is no field {field}; there are {', '.join(FIELDS)}.")
    found = run(_explained(reach(), customer, field, limit))
    if as_json:
        show.json(found)
    else:
        _print(found)
    if any(event["record"] is None for event in found["events"]):
        raise typer.Exit(1)


async def _explained(place: Reach, customer: str, field: str, limit: int) -> dict[str, Any]:
    async with pool_of(place, "profile") as pool, log_of(place) as log:
        subject = await subject_given(place, pool, customer)
        schema = await live_of(pool, view_of(place))
        found, more = await _read(pool, schema, subject, field, limit)
        records = await _records(log, found.events)
    return {
        "customer": found.customer,
        "field": field,
        "value": found.value,
        "rule": found.rule,
        "events": [
            event | {"record": record} for event, record in zip(found.events, records, strict=True)
        ],
        "more": more,
    }


async def _read(
    pool: Pool, schema: str, subject: str, field: str, limit: int
) -> tuple[Explained, bool]:
    """The value and its latest events, and whether there are more of them."""
    events: list[dict[str, Any]] = []
    mark: Mark | None = None
    async with (
        pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        while True:
            wanted = min(PAGE, limit - len(events))
            found = await explain(connection, schema, subject, field, wanted, mark)
            if found is None:
                raise NotFound("Nothing is known of this customer.")
            events += found.events
            mark = found.following
            if mark is None or len(events) >= limit:
                return found._replace(events=events), mark is not None


async def _records(log: Log, events: Sequence[dict[str, Any]]) -> list[dict[str, Any] | None]:
    """What the records at the events' places say of where they came from; None: not there.

    Raises LogUnavailable.
    """
    places = [parse_position(event["position"]) for event in events]
    topics = {place.topic for place in places}
    there = {topic for topic in topics if await log.partitions(topic) is not None}
    busy = asyncio.Semaphore(AT_ONCE)

    async def one(place: Place, event: dict[str, Any]) -> dict[str, Any] | None:
        if place.topic not in there:
            return None
        async with busy:
            records = await log.read(place.topic, place.partition, place.offset, 1)
        return _attributes(records[0], event) if records and records[0].place == place else None

    return await asyncio.gather(*map(one, places, events))


def _attributes(record: Record, event: dict[str, Any]) -> dict[str, Any] | None:
    """The attributes of a record, if it is that event's."""
    try:
        found = msgspec.json.decode(record.value, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    if (found.get("source"), found.get("id")) != (event["source"], event["id"]):
        return None
    return {name: found.get(name) for name in _FROM_THE_DOOR}


def _print(found: dict[str, Any]) -> None:
    value = found["value"]
    print(f"customer  {found['customer']}")
    print(f"{found['field']}  {bytes(value).decode() if value is not None else 'nothing'}")
    print(f"{found['rule']}\n")
    show.table(_COLUMNS, [_row(event) for event in found["events"]])
    if found["more"]:
        print("There are more; --limit shows them.")


def _row(event: dict[str, Any]) -> list[object]:
    record = event["record"]
    return [
        event["time"],
        event["type"],
        msgspec.json.encode(event["contributed"]).decode(),
        "yes" if event["stands"] else event["reason"],
        event["source"],
        event["id"],
        event["key"],
        (record["correlationid"] or "-") if record else "not in the log",
        event["position"],
    ]
