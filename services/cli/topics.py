"""rapport topics: generations as they are in Kafka; made, copied, given up, dropped."""

from dataclasses import asdict, replace
from typing import Annotated

import typer

from services.cli import copying, show
from services.cli.members import members_of
from services.cli.reach import NotMade, Reach, log_of, pool_of, reach, run
from services.registry import SERVICES
from shared import administration, copies, retiring, topics
from shared.copies import Copy, Marks
from shared.log import Log
from shared.opening import partitions_of
from shared.retiring import Old
from shared.service import Service
from shared.topics import Step, Wanted, topic_name

app = typer.Typer(help="The topics in Kafka.", no_args_is_help=True)
app.command("copy")(copying.command)


@app.command()
def plan(as_json: show.AsJson = False) -> None:
    """Every generation: present, being made (next) or old; what is missing, fenced, or differs.

    Exit code 1 where anything is not as it is to be.
    """
    _print(run(_plan(reach())), as_json)


@app.command()
def apply(as_json: show.AsJson = False) -> None:
    """Make what is missing; what differs is shown and left as it is, partitions above all.

    Exit code 1 where something still differs: another number of partitions is another generation,
    which `copy` makes.
    """
    _print(run(_apply(reach())), as_json)


@app.command()
def abandon(as_json: show.AsJson = False) -> None:
    """Give up a copy that is not switched to: what was copied is deleted, nothing has changed."""
    given_up = run(_abandon(reach()))
    if as_json:
        show.json([copy.target for copy in given_up])
    else:
        names = ", ".join(copy.target for copy in given_up)
        print(f"Given up and deleted: {names}." if names else "Nothing is being copied.")


@app.command()
def drop(
    name: Annotated[str, typer.Argument(help="An old generation, such as interactions.1.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: show.AsJson = False,
) -> None:
    """Delete an old generation of a topic with all its records.

    Exit code 1 where it is kept: it is the present one, a view is folded from it, or it holds
    records that are not in the next one.
    """
    place = reach()
    found = run(_old(place, name))
    if not found.kept_for and not yes:
        typer.confirm(f"Delete {found.name} with its {found.records:,} records?", abort=True)
    dropped = run(_drop(place, name))
    if as_json:
        show.json({"dropped": dropped.name, "records": dropped.records})
    else:
        print(f"Dropped {dropped.name} with its {dropped.records:,} records.")


def _print(steps: list[Step], as_json: bool) -> None:
    if as_json:
        show.json([asdict(step) for step in steps])
    else:
        show.table(
            ["topic", "role", "state", ">partitions", ">records", "differs"],
            [
                (each.name, each.role, each.state, each.partitions, each.records, _said(each))
                for each in steps
            ],
        )
    if any(step.state != "fine" for step in steps):
        raise typer.Exit(1)


def _said(step: Step) -> str:
    return ", ".join([*step.differs, *(["fenced"] if step.fenced and step.role == "old" else [])])


async def _apply(place: Reach) -> list[Step]:
    wanted, steps = await _wanted(place), await _plan(place)
    missing = {step.name for step in steps if step.state == "missing"}
    prefix = place.settings.topic_prefix
    async with log_of(place) as log:
        for each in wanted:
            name = topic_name(prefix, each.topic.name, each.generation)
            if name in missing and each.generation == 1:
                await log.ensure_topics(
                    prefix, [each.topic], each.partitions, embedded=place.addresses.embedded
                )
    return await _plan(place)


async def _plan(place: Reach) -> list[Step]:
    wanted, prefix = await _wanted(place), place.settings.topic_prefix
    names = [each.topic.name for each in wanted]
    cluster = await administration.look(place.addresses.kafka, prefix, names)
    steps = topics.plan(prefix, wanted, cluster, embedded=place.addresses.embedded)
    async with log_of(place) as log, members_of(place) as members:
        begun = [copy for each in members for copy in await copies.begun(each.pool, prefix)]
        owners = {topic.name: each for each in members for topic in each.owns}
        marks = {copy: await copies.marks(owners[copy.topic].pool, copy) for copy in begun}
        return [await _with_records(log, step, marks) for step in steps]


async def _with_records(log: Log, step: Step, found: dict[Copy, Marks]) -> Step:
    """A step with its records, and how far a copy from it or into it has come."""
    if step.state == "missing":
        return step
    ends = await log.end_offsets(step.name, range(step.partitions))
    step = replace(step, records=sum(ends.values()))
    for copy, marks in found.items():
        left = copies.left(marks.former, ends)
        if copy.source == step.name and step.role == "old" and left:
            step = replace(step, state="differs", differs=(f"{left:,} not in {copy.target}",))
        if copy.target == step.name and step.role == "next":
            records = copies.total(marks.next).records
            step = replace(step, differs=(f"{records:,} copied from {copy.source}",))
    return step


async def _abandon(place: Reach) -> list[Copy]:
    async with log_of(place) as log, members_of(place) as members:
        return await retiring.abandon(log, members, place.settings.topic_prefix)


async def _old(place: Reach, name: str) -> Old:
    async with log_of(place) as log, members_of(place) as members:
        return await retiring.old(log, members, place.settings.topic_prefix, name)


async def _drop(place: Reach, name: str) -> Old:
    async with log_of(place) as log, members_of(place) as members:
        return await retiring.drop(log, members, place.settings.topic_prefix, name)


async def _wanted(place: Reach) -> list[Wanted]:
    return [each for service in SERVICES for each in await _of_service(place, service)]


async def _of_service(place: Reach, service: Service) -> list[Wanted]:
    """As the service's database has recorded them; before its first start, as it would be."""
    recorded = await _recorded(place, service)
    number = partitions_of(place.settings, place.addresses)
    return [Wanted(topic, *recorded.get(topic.name, (1, number))) for topic in service.owns]


async def _recorded(place: Reach, service: Service) -> dict[str, tuple[int, int]]:
    try:
        async with pool_of(place, service.name) as pool:
            rows = await pool.fetch("SELECT topic, generation, partitions FROM topics")
    except NotMade:
        return {}
    return {row["topic"]: (row["generation"], row["partitions"]) for row in rows}
