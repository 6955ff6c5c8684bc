"""rapport topics copy: the next generation of topics, made while services run."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Annotated

import typer
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

from services.cli import show
from services.cli.members import members_of
from services.cli.reach import Reach, log_of, owner_of, reach, run
from services.cli.types import desk
from services.cli.whom import secret_of
from services.contact import keys, remapping
from services.contact.consumers import INTERACTIONS
from shared import copies, members, retiring
from shared.auth import Key
from shared.copies import Copy
from shared.copy_session import Change, Pace
from shared.errors import Fatal
from shared.growth import Growth, News, Result
from shared.log import Log
from shared.members import Member
from shared.opening import partitions_of

RUNNING = (
    "Services that run notice it within seconds and end with a sentence; started again, by whoever "
    "supervises them, they take events at once and build their views from the new generation."
)


def command(
    partitions: Annotated[int, typer.Option(min=1, max=1000, help="Of every topic, from then on.")],
    topic: Annotated[
        list[str] | None,
        typer.Option(help="Only this one, into the number that all have; may be repeated."),
    ] = None,
    rate: Annotated[float, typer.Option(min=0, help="Events a second at most; 0: no bound.")] = 0.0,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be done.")
    ] = False,
    map_types: Annotated[
        bool,
        typer.Option("--map", help="Apply the present mappings of types to what is stored."),
    ] = False,
    no_switch: Annotated[
        bool, typer.Option("--no-switch", help="Stop when nearly all is copied.")
    ] = False,
    as_json: show.AsJson = False,
) -> None:
    """Copy topics into their next generation, with another number of partitions, and switch.

    Every record keeps its bytes, its key and the order of its key; both sides are compared before
    the switch. With --map, records of `interactions` whose type is mapped now become what they
    would become at the door, under the same name and times; what cannot be mapped stays as it is.
    Services run meanwhile; for the last moment the topics are fenced, and the door
    answers 503 with Retry-After. Interrupted or killed, the same call goes on where it was; until
    the switch nothing has changed, and `rapport topics abandon` gives it up. The former generation
    stays until `rapport topics drop`.
    """
    for name in topic or ():
        owner_of(name)
    place, pace = reach(), Pace(rate=rate)
    mapping = run(_mapping(place)) if map_types else Remapping()
    names = topic or ([INTERACTIONS.name] if map_types else ())
    wanted = run(_found(place, partitions, names, mapping.applied))
    if dry_run or not wanted:
        _print_plan(wanted, as_json)
        return
    results = run(
        _copied(place, [copy for copy, _ in wanted], pace, mapping, not no_switch, as_json)
    )
    _print(place, results, as_json)


@dataclass(frozen=True)
class Remapping:
    """What is applied to the records of a topic on the way, and its name; by topic."""

    changes: Mapping[str, Change] = field(default_factory=dict)
    applied: Mapping[str, str] = field(default_factory=dict)


async def _mapping(place: Reach) -> Remapping:
    """The mappings that stand. Raises Fatal where there are none."""
    async with desk(place) as found:
        name = remapping.applied(found.following.versions)
        if not name:
            raise Fatal("No mapping is declared: see `rapport types map`.")
        known = {
            row["name"]: Key(
                row["name"], frozenset(row["scopes"]), row["principal"], row["namespace"]
            )
            for row in await keys.listed(found.pool)
        }
        secret = await secret_of(place, found.pool)
        change = remapping.change_of(found.following.rules, secret, known)
    return Remapping({INTERACTIONS.name: change}, {INTERACTIONS.name: name})


async def _found(
    place: Reach, partitions: int, names: Sequence[str], applied: Mapping[str, str]
) -> list[tuple[Copy, tuple[int, int]]]:
    """What is to be copied, each with its records that are copied and those there are."""
    prefix = place.settings.topic_prefix
    async with log_of(place) as log, members_of(place) as found:
        wanted = await members.find(found, prefix, partitions, names, applied)
        wanted = wanted or await retiring.late(log, found, prefix)
        return [(copy, await _records(log, found, copy)) for copy in wanted]


async def _records(log: Log, found: Sequence[Member], copy: Copy) -> tuple[int, int]:
    ends = await log.end_offsets(copy.source, range(copy.former_partitions))
    [owner] = [each for each in found if copy.topic in {topic.name for topic in each.owns}]
    marks = await copies.marks(owner.pool, copy)
    return copies.total(marks.former).records, sum(ends.values())


async def _copied(
    place: Reach,
    wanted: Sequence[Copy],
    pace: Pace,
    mapping: Remapping,
    switch: bool,
    quiet: bool,
) -> list[Result]:
    async with log_of(place) as log, members_of(place) as found:
        with _news(quiet) as news:
            growth = Growth(
                *(log, found, wanted),
                news=news,
                pace=pace,
                changes=mapping.changes,
                embedded=place.addresses.embedded,
            )
            return await growth.run(switch=switch)


@contextmanager
def _news(quiet: bool) -> Iterator[News]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(show_speed=True),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=show.console(), disable=quiet, speed_estimate_period=10) as bar:
        tasks: dict[str, TaskID] = {}

        def told(topic: str, records: int, there: int) -> None:
            if topic not in tasks and there:
                tasks[topic] = bar.add_task(topic, total=there, completed=records, rate="")
            if there:
                task = tasks[topic]
                bar.update(task, completed=records, total=there, rate=_speed(bar, task))

        def says(sentence: str) -> None:
            if not quiet:
                bar.console.print(sentence)

        yield News(told, says)


def _speed(bar: Progress, task: TaskID) -> str:
    [found] = [each for each in bar.tasks if each.id == task]
    return f"{found.speed:,.0f} events/s" if found.speed else ""


def _print_plan(wanted: Sequence[tuple[Copy, tuple[int, int]]], as_json: bool) -> None:
    if as_json:
        show.json(
            [
                asdict(copy)
                | {"source": copy.source, "target": copy.target}
                | {"copied": copied, "records": records}
                for copy, (copied, records) in wanted
            ]
        )
    elif not wanted:
        print("There is nothing to copy: every topic has this number of partitions.")
    else:
        show.table(
            ["topic", ">partitions", "next", ">partitions", ">records", ">copied"],
            [
                (each.source, each.former_partitions, each.target, each.partitions, there, copied)
                for each, (copied, there) in wanted
            ],
        )


def _print(place: Reach, results: Sequence[Result], as_json: bool) -> None:
    if as_json:
        show.json([_document(result) for result in results])
        return
    show.table(
        ["topic", "next", ">partitions", ">records", "checksum"],
        [
            (
                each.copy.source,
                each.copy.target,
                each.copy.partitions,
                each.sum.records,
                f"{each.sum.checksum:016x}",
            )
            for each in results
        ],
    )
    if not all(each.switched for each in results):
        print("Nearly all is copied and nothing has changed; without --no-switch it goes on.")
        return
    print(f"Switched. {RUNNING}")
    number = results[0].copy.partitions
    if partitions_of(place.settings, place.addresses) != number:
        print(
            f"Set RAPPORT_PARTITIONS={number}, for topics of services that are started first now."
        )


def _document(result: Result) -> dict[str, object]:
    return {
        "topic": result.copy.topic,
        "former": result.copy.source,
        "present" if result.switched else "next": result.copy.target,
        "partitions": result.copy.partitions,
        "records": result.sum.records,
        "checksum": f"{result.sum.checksum:016x}",
        "switched": result.switched,
    }
