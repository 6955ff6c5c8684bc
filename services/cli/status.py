"""rapport status: how far every view is, and what is wrong, from the databases and the log."""

import asyncio
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import asyncpg
import typer

from services.cli import show
from services.cli.reach import Reach, log_of, pool_of, reach, run
from services.registry import SERVICES
from shared.errors import Fatal, LogUnavailable
from shared.log import Log
from shared.outcomes import describe
from shared.service import Service
from shared.status import PartitionStatus, SchemaStatus
from shared.status import status as schemas_of


@dataclass
class Found:
    """One service as it stands; `away` says why its database tells nothing."""

    service: str
    away: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    schemas: list[SchemaStatus] = field(default_factory=list)


def command(as_json: show.AsJson = False) -> None:
    """How far every view is, what is parked, refused, halted.

    It works with the services down. Exit code 1: a partition halted, an event is parked, or events
    wait for a view that nobody folds. Exit code 2: a database or the log does not answer.
    """
    found, log_away = run(_look(reach()))
    wrong, untold = _wrong(found), _untold(found, log_away)
    if as_json:
        show.json(_document(found, log_away, wrong, untold))
    else:
        _print(found, wrong, untold)
    if untold or wrong:
        raise typer.Exit(2 if untold else 1)


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
            return Found(service.name, counts=counts, schemas=schemas)
    except Fatal as error:
        return Found(service.name, away=str(error))
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        return Found(service.name, away=describe(error))


def _wrong(found: list[Found]) -> list[str]:
    return [
        sentence
        for each in found
        for schema in each.schemas
        for row in schema.partitions
        for sentence in _complaints(schema, row)
    ]


def _complaints(schema: SchemaStatus, row: PartitionStatus) -> list[str]:
    where = f"{schema.schema}: {row.topic}/{row.partition}"
    said = []
    if row.outcome == "halt":
        said.append(f"{where} halted: {row.reason}.")
    if row.parked:
        said.append(f"{where} has {row.parked} parked; see `rapport parked list`.")
    if row.outcome == "idle" and row.lag and schema.live:
        said.append(f"{where} waits with {row.lag} events and nobody folds it; start the services.")
    return said


def _untold(found: list[Found], log_away: str) -> list[str]:
    said = [f"The database of {each.service}: {each.away}" for each in found if each.away]
    return [*said, f"The log: {log_away}"] if log_away else said


def _document(
    found: list[Found], log_away: str, wrong: list[str], untold: list[str]
) -> dict[str, Any]:
    return {
        "fine": not wrong and not untold,
        "wrong": wrong,
        "untold": untold,
        "log": not log_away,
        "services": [
            {
                "service": each.service,
                "database": not each.away,
                "counts": dict(each.counts),
                "schemas": [asdict(schema) for schema in each.schemas],
            }
            for each in found
        ],
    }


def _print(found: list[Found], wrong: list[str], untold: list[str]) -> None:
    columns = ["topic", ">partition", ">position", ">end", ">lag", ">seconds", ">parked"]
    for each in found:
        counts = ", ".join(f"{name} {number:,}" for name, number in each.counts.items())
        print(f"{each.service}: {counts}" if counts else each.service)
        for schema in each.schemas:
            rows = [_row(row) for row in schema.partitions]
            show.table(
                [*columns, "outcome", "owner"],
                rows,
                title=f"{schema.schema} ({show.state(schema)})",
            )
        print()
    for sentence in (*wrong, *untold):
        print(sentence)
    if not wrong and not untold:
        print("All fine.")


def _row(row: PartitionStatus) -> list[object]:
    numbers = (row.partition, row.next_offset, row.end, row.lag, row.lag_seconds, row.parked)
    return [row.topic, *numbers, f"{row.outcome} {row.reason}".strip(), row.owner or "-"]
