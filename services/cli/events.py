"""rapport events: what stands in the log."""

import asyncio
import base64
from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
import typer

from services.cli import show
from services.cli.reach import Reach, log_of, owner_of, pool_of, reach, run
from shared.errors import Fatal, NotFound
from shared.log import Log, topic_name
from shared.messages import Record, decode, parse_position

app = typer.Typer(help="What stands in the log.", no_args_is_help=True)


@app.command()
def tail(
    topic: Annotated[str, typer.Option(help="Without generation and prefix.")] = "interactions",
    partition: Annotated[int | None, typer.Option(min=0, help="Only this one.")] = None,
    last: Annotated[int, typer.Option(min=0, max=10_000, help="Latest events to show.")] = 10,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until Ctrl-C.")] = False,
    as_json: show.AsJson = False,
) -> None:
    """The latest events of a topic, oldest first; as JSON one a line."""
    run(_tail(reach(), topic, partition, last, follow, as_json))


@app.command("show")
def one(
    position: Annotated[str, typer.Argument(help="As ingest answers it: interactions.1/3/1042.")],
    as_json: show.AsJson = False,
) -> None:
    """One event whole, and its place."""
    document = _document(run(_read(reach(), position)))
    show.json(document, line=as_json)


async def _read(place: Reach, position: str) -> Record:
    try:
        at = parse_position(position)
    except ValueError:
        raise Fatal(f"{position!r} is not a position, such as interactions.1/3/1042.") from None
    async with log_of(place) as log:
        partitions = await log.partitions(at.topic)
        if partitions is None or at.partition >= partitions:
            raise NotFound(f"There is no partition {at.partition} of a topic {at.topic}.")
        records = await log.read(at.topic, at.partition, at.offset, 1)
    if not records or records[0].place != at:
        raise NotFound(f"There is no event at {position}.")
    return records[0]


async def _tail(
    place: Reach, topic: str, partition: int | None, last: int, follow: bool, as_json: bool
) -> None:
    name = await _name(place, topic)
    async with log_of(place) as log:
        chosen = await _partitions(log, name, partition)
        ends = await log.end_offsets(name, chosen)
        for record in await _latest(log, name, ends, last):
            _print(record, as_json)
        if follow:
            await _follow(log, name, ends, as_json)


async def _name(place: Reach, topic: str) -> str:
    """The topic's name in Kafka: its owner knows the present generation."""
    async with pool_of(place, owner_of(topic).name) as pool:
        generation = await pool.fetchval("SELECT generation FROM topics WHERE topic = $1", topic)
    return topic_name(place.settings.topic_prefix, topic, generation or 1)


async def _partitions(log: Log, name: str, partition: int | None) -> list[int]:
    count = await log.partitions(name)
    if count is None:
        raise NotFound(f"The topic {name} is not in Kafka; `rapport topics apply` makes it.")
    if partition is not None and partition >= count:
        raise NotFound(f"The topic {name} has {count} partitions, from 0.")
    return [*range(count)] if partition is None else [partition]


async def _latest(log: Log, name: str, ends: dict[int, int], last: int) -> Sequence[Record]:
    """The last events of some partitions, by when they were appended."""
    if not last:
        return []
    read = [
        log.read(name, partition, max(0, end - last), last)
        for partition, end in ends.items()
        if end
    ]
    found = [record for records in await asyncio.gather(*read) for record in records]
    return sorted(found, key=_recorded)[-last:]


async def _follow(log: Log, name: str, ends: dict[int, int], as_json: bool) -> None:
    reader = log.reader()
    try:
        await reader.start({(name, partition): end for partition, end in ends.items()})
        while True:
            for record in await reader.batch(500, 1.0):
                _print(record, as_json)
    finally:
        await reader.close()


def _print(record: Record, as_json: bool) -> None:
    if as_json:
        show.json(_document(record), line=True)
        return
    document = _document(record)
    event = document.get("event", {})
    fields = [event.get(name, "?") for name in ("recordedtime", "type", "source", "id")]
    print(document["position"], *fields, sep="  ", flush=True)


def _document(record: Record) -> dict[str, Any]:
    position = record.place.position()
    key = record.key.decode("utf-8", "replace") if record.key is not None else None
    try:
        event = msgspec.json.decode(record.value, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        text = base64.b64encode(record.value).decode()
        return {"position": position, "key": key, "bytes": text}
    return {"position": position, "key": key, "event": event}


def _recorded(record: Record) -> str:
    try:
        return decode(record.value).recordedtime
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ""
