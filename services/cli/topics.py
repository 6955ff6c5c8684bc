"""rapport topics: what is missing in Kafka, or is not as it is to be."""

from dataclasses import asdict

import typer

from services.cli import show
from services.cli.reach import NotMade, Reach, log_of, pool_of, reach, run
from services.registry import SERVICES
from shared import administration, topics
from shared.program import partitions_of
from shared.service import Service
from shared.topics import Step, Wanted, topic_name

app = typer.Typer(help="The topics in Kafka.", no_args_is_help=True)


@app.command()
def plan(as_json: show.AsJson = False) -> None:
    """What is missing or differs. Exit code 1 where anything does."""
    _print(run(_plan(reach())), as_json)


@app.command()
def apply(as_json: show.AsJson = False) -> None:
    """Make what is missing; what differs is shown and left as it is, partitions above all.

    Exit code 1 where something still differs: another number of partitions is another generation.
    """
    _print(run(_apply(reach())), as_json)


def _print(steps: list[Step], as_json: bool) -> None:
    if as_json:
        show.json([asdict(step) for step in steps])
    else:
        rows = [(each.name, each.state, each.partitions, ", ".join(each.differs)) for each in steps]
        show.table(["topic", "state", ">partitions", "differs"], rows)
    if any(step.state != "fine" for step in steps):
        raise typer.Exit(1)


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
    return topics.plan(prefix, wanted, cluster, embedded=place.addresses.embedded)


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
