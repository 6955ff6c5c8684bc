"""Copying the toy's topic into its next generation, for tests of what comes of it."""

from collections import Counter, defaultdict
from collections.abc import Sequence

from shared import administration, members
from shared.copy_session import Pace, target_of
from shared.database import Pool
from shared.growth import Growth, News, Result
from shared.log import Log, Origin, Original, Topic
from shared.members import Member
from tests.shared.toy import PARTITIONS, append, happening

TOPIC = Topic("happenings")
MORE = 7
FAST = Pace(chunk=50, save=0.0, settle=0.1, wait=0.1)
SILENT = News(lambda topic, records, there: None, lambda sentence: None)


async def deployed(pool: Pool) -> list[Member]:
    """A service that has recorded the first generation of its topic."""
    await pool.execute("INSERT INTO topics VALUES ('happenings', 1, $1)", PARTITIONS)
    return [Member("toy", pool, (TOPIC,))]


async def fill(log: Log, prefix: str, count: int, start: int = 0) -> None:
    """Records of 23 keys in the first generation."""
    found = [happening(str(n), who=str(n % 23)) for n in range(start, start + count)]
    await append(log, prefix, found)


async def grow(
    log: Log,
    deployment: Sequence[Member],
    prefix: str,
    *,
    partitions: int = MORE,
    news: News = SILENT,
    switch: bool = True,
) -> list[Result]:
    """Copy all topics of the deployment into their next generation."""
    wanted = await members.find(deployment, prefix, partitions)
    growth = Growth(log, deployment, wanted, news=news, pace=FAST, late=0.1)
    return await growth.run(switch=switch)


async def records(log: Log, topic: str) -> list[Original]:
    """All records of a topic."""
    partitions = await log.partitions(topic)
    assert partitions is not None
    ends = await log.end_offsets(topic, range(partitions))
    reader = log.reader()
    found: list[Original] = []
    try:
        await reader.start({(topic, n): 0 for n in ends})
        while len(found) < sum(ends.values()):
            found += await reader.originals(1000, 1.0)
    finally:
        await reader.close()
    return found


async def present(pool: Pool) -> tuple[int, int]:
    """What is recorded: generation and partitions."""
    row = await pool.fetchrow("SELECT generation, partitions FROM topics")
    assert row is not None
    return row["generation"], row["partitions"]


async def is_fenced(log: Log, prefix: str, generation: int = 1) -> bool:
    cluster = await administration.look(log.address, prefix, ["happenings"])
    return cluster.fenced(f"{prefix}happenings.{generation}")


def by_key(found: Sequence[Original]) -> dict[bytes | None, list[bytes | None]]:
    """The values of each key in their order."""
    values: dict[bytes | None, list[bytes | None]] = defaultdict(list)
    for record in sorted(found, key=lambda record: (record.partition, record.offset)):
        values[record.key].append(record.value)
    return values


async def audit(log: Log, prefix: str) -> None:
    """The second generation is the first one, each record where its key belongs."""
    former, made = (
        await records(log, f"{prefix}happenings.1"),
        await records(log, f"{prefix}happenings.2"),
    )
    assert by_key(made) == by_key(former)
    assert Counter((r.key, r.value, r.timestamp) for r in made) == Counter(
        (r.key, r.value, r.timestamp) for r in former
    )
    places = {Origin(1, r.partition, r.offset): r.value for r in former}
    assert {r.origin: r.value for r in made} == places
    number = await log.partitions(f"{prefix}happenings.2")
    assert number is not None
    assert all(target_of(r.key, -1, number) == r.partition for r in made if r.key is not None)
