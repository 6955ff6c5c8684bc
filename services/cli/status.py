"""rapport status: how far every view is, and what is wrong, from the databases and the log."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import typer

from services.cli import show
from services.cli.reach import NotMade, Reach, log_of, pool_of, reach, run
from services.contact.bounding import bounds_of
from services.contact.queries.bounds import usage
from services.registry import SERVICES
from shared.clock import now
from shared.database import ERRORS, Pool
from shared.errors import Fatal, LogUnavailable
from shared.leases import PARTITION
from shared.log import Log, topic_name
from shared.outcomes import describe
from shared.schemas import REBUILD, VERIFY
from shared.service import Service
from shared.settings import Settings
from shared.status import PartitionStatus, SchemaStatus
from shared.status import status as schemas_of

LATE = 60.0
"""Seconds behind the log that are too many for what serves; the alert RapportLagGrows says so."""


@dataclass
class Found:
    """One service as it stands; `away` says why its database tells nothing, `started` whether it
    ever was: one that never was has nothing that could be wrong."""

    service: str
    away: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    schemas: list[SchemaStatus] = field(default_factory=list)
    singles: Mapping[str, Mapping[str, str | None]] = field(default_factory=dict)
    """By schema: who holds each of its single units, such as the resolver."""

    present: frozenset[str] = frozenset()
    """The present generations of topics, as Kafka knows them."""

    near: list[str] = field(default_factory=list)
    """Bounds of which most is used."""

    started: bool = True


@dataclass
class Said:
    """Sentences: what is wrong, what could not be told, and what is only worth knowing."""

    wrong: list[str]
    untold: list[str]
    notes: list[str]

    @property
    def fine(self) -> bool:
        return not self.wrong and not self.untold


def command(as_json: show.AsJson = False) -> None:
    """How far every view is, what is parked, refused, halted.

    It works with the services down. Exit code 1: a partition halted, an event is parked, events
    wait for a view that nobody folds, or what serves is a minute behind. Exit code 2: a database or
    the log does not answer.
    """
    try:
        found, log_away = run(_look(reach()))
        said = _said(found, log_away)
    except Fatal as error:  # there is no address to ask at
        if not as_json:
            raise
        found, log_away, said = [], str(error), Said([], [str(error)], [])
    if as_json:
        show.json(_document(found, said, log_away))
    else:
        _print(found, said)
    if not said.fine:
        raise typer.Exit(2 if said.untold else 1)


def _said(found: list[Found], log_away: str) -> Said:
    wrong, notes = _sentences(found, _complaints), _sentences(found, _notes)
    notes += [sentence for each in found for sentence in each.near]
    notes += [f"{each.service} was never started." for each in found if not each.started]
    return Said(wrong, _untold(found, log_away), notes)


async def _look(place: Reach) -> tuple[list[Found], str]:
    try:
        async with log_of(place) as log:
            await _answers(log)
            return await _services(place, log), ""
    except (Fatal, LogUnavailable) as error:
        return await _services(place, None), str(error)


async def _answers(log: Log) -> None:
    await log.partitions("interactions.1")


async def _services(place: Reach, log: Log | None) -> list[Found]:
    return [*await asyncio.gather(*(_service(place, log, each) for each in SERVICES))]


async def _service(place: Reach, log: Log | None, service: Service) -> Found:
    try:
        async with pool_of(place, service.name) as pool:
            schemas = await schemas_of(pool, log, service.name, place.settings.topic_prefix)
            live = next((each.schema for each in schemas if each.live), None)
            counts = await service.counts(pool, live) if live else {}
            singles = {each.schema: await _singles(pool, each.schema) for each in schemas}
            present = await _present(pool, place.settings.topic_prefix)
            near = await _near(pool, live, place.settings) if "quarantined" in counts else []
            return Found(service.name, "", counts, schemas, singles, present, near)
    except NotMade:
        return Found(service.name, started=False)
    except Fatal as error:
        return Found(service.name, away=str(error))
    except ERRORS as error:
        return Found(service.name, away=describe(error))


async def _near(pool: Pool, live: str | None, settings: Settings) -> list[str]:
    """What fills the quarantine."""
    if live is None:
        return []
    most = bounds_of(settings)
    return [said for used in await usage(pool, live, now()) for said in used.near(most)]


async def _singles(pool: Pool, schema: str) -> dict[str, str | None]:
    rows = await pool.fetch(_SINGLES, schema, f"{PARTITION}%")
    return {row["unit"]: row["owner"] for row in rows}


async def _present(pool: Pool, prefix: str) -> frozenset[str]:
    rows = await pool.fetch("SELECT topic, generation FROM topics")
    return frozenset(topic_name(prefix, row["topic"], row["generation"]) for row in rows)


def _sentences(
    found: list[Found], about: Callable[[Found, SchemaStatus], Iterable[str]]
) -> list[str]:
    return [
        sentence for each in found for schema in each.schemas for sentence in about(each, schema)
    ]


def _complaints(found: Found, schema: SchemaStatus) -> Iterator[str]:
    name, rows = schema.schema, schema.partitions
    for reason in sorted({row.reason for row in rows if row.outcome == "halt"}):
        halted = sorted({row.partition for row in rows if row.reason == reason})
        yield (
            f"{name}: partition {', '.join(map(str, halted))} halted: {reason}. "
            "Take the code back or mend it, start the services, then `rapport parked retry --all`."
        )
    if parked := sum(row.parked for row in rows):
        yield f"{name} has {parked:,} parked; `rapport parked list` shows why."
    if schema.live:
        yield from _complaints_of_live(found, schema)


def _complaints_of_live(found: Found, schema: SchemaStatus) -> Iterator[str]:
    name = schema.schema
    idle = [row for row in schema.partitions if row.outcome == "idle"]
    if waiting := sum(row.lag or 0 for row in idle):
        number = f"{len(idle)} of its {len(schema.partitions)} partitions"
        yield f"{name}: nobody folds {number}, {waiting:,} events wait; start the services."
    vacant = [unit for unit, owner in found.singles.get(name, {}).items() if owner is None]
    if vacant and any(found.counts.values()):
        yield f"{name}: nobody is its {', '.join(vacant)}; start the services."
    late = max((row.lag_seconds or 0.0 for row in schema.partitions), default=0.0)
    if late > LATE and not waiting:
        lag = sum(row.lag or 0 for row in schema.partitions)
        yield f"{name} is {late:,.0f} s and {lag:,} events behind the log."


def _notes(found: Found, schema: SchemaStatus) -> Iterator[str]:
    """What there is to know or to do about a schema that is well."""
    name, service = schema.schema, found.service
    earlier = sorted({row.topic for row in schema.partitions} - found.present)
    if schema.live and earlier:
        yield f"{name} serves what {', '.join(earlier)} held, until the next schema has caught up."
    elif schema.live or (_worked_on(schema) and not schema.stands_by):
        return
    elif schema.stands_by and not earlier:
        yield f"{name} stands by: `rapport rebuild {service} --back` lets it serve again."
    elif schema.ready:
        yield f"{name} is not needed: `rapport schemas drop {service} {name}` frees its space."
    else:
        yield f"{name} is half built: {_to_be_done(service, schema.purpose)}."


def _worked_on(schema: SchemaStatus) -> bool:
    return any(row.owner for row in schema.partitions)


def _to_be_done(service: str, purpose: str) -> str:
    if purpose == REBUILD:
        return f"`rapport rebuild {service}` goes on with it, `--cancel` drops it"
    if purpose == VERIFY:
        return f"`rapport verify {service}` is at it, or goes on with it"
    return "start the services of its version"


def _untold(found: list[Found], log_away: str) -> list[str]:
    said = [f"The database of {each.service}: {each.away}" for each in found if each.away]
    if not any(each.started for each in found):
        said.append("No service was started yet; start them once.")
    return [*said, f"The log: {log_away}"] if log_away else said


def _document(found: list[Found], said: Said, log_away: str) -> dict[str, Any]:
    return {
        "fine": said.fine,
        **asdict(said),
        "log": not log_away,
        "services": [
            {
                "service": each.service,
                "database": each.started and not each.away,
                "counts": dict(each.counts),
                "schemas": [
                    asdict(schema)
                    | {"state": show.state(schema), "singles": each.singles[schema.schema]}
                    for schema in each.schemas
                ],
            }
            for each in found
        ],
    }


def _print(found: list[Found], said: Said) -> None:
    columns = ["topic", ">partition", ">position", ">end", ">lag", ">seconds", ">parked"]
    for each in found:
        counts = ", ".join(f"{name} {number:,}" for name, number in each.counts.items())
        print(f"{each.service}: {counts}" if counts else each.service)
        for schema in each.schemas:
            rows = [_row(row) for row in schema.partitions]
            show.table([*columns, "outcome", "owner"], rows, title=_title(each, schema))
        print()
    for sentence in (*said.notes, *said.wrong, *said.untold):
        print(sentence)
    if said.fine:
        print("All fine.")


def _title(found: Found, schema: SchemaStatus) -> str:
    """A schema's name, what it is, how far one is that does not serve, who runs its units."""
    words = [show.state(schema)]
    if not schema.live and all(row.end is not None for row in schema.partitions):
        folded = sum(row.next_offset for row in schema.partitions)
        end = sum(row.end or 0 for row in schema.partitions)
        words.append(f"{folded:,} of {end:,} records")
    held = found.singles.get(schema.schema, {}).items()
    words += [f"{unit} {owner or '-'}" for unit, owner in held if owner or schema.live]
    return f"{schema.schema} ({', '.join(words)})"


def _row(row: PartitionStatus) -> list[object]:
    numbers = (row.partition, row.next_offset, row.end, row.lag, row.lag_seconds, row.parked)
    return [row.topic, *numbers, row.outcome, row.owner or "-"]


_SINGLES = """
SELECT unit, CASE WHEN until > clock_timestamp() THEN owner END AS owner
FROM leases WHERE schema = $1 AND unit NOT LIKE $2 ORDER BY unit
"""
