"""Generations of topics, as a running service meets them: is ours the present one, is it passed."""

from collections.abc import Iterable

from shared import administration
from shared.database import Pool
from shared.errors import Fatal
from shared.log import Log
from shared.messages import Place
from shared.topics import generation_of


async def check(pool: Pool, sources: Iterable[tuple[str, int, str]]) -> None:
    """Compare the generations that a process works with (topic, generation, name in Kafka) with
    those that its database records as the present ones.

    Raises Fatal where another one is present by now, and what asyncpg raises.
    """
    mine = {topic: (generation, name) for topic, generation, name in sources}
    for row in await pool.fetch(_PRESENT, list(mine)):
        generation, name = mine[row["topic"]]
        if row["generation"] != generation:
            raise Fatal(
                f"{name} is no longer the present generation of its topic, generation "
                f"{row['generation']} is; a new start goes on with it."
            )


async def first_seen(log: Log, prefix: str, topic: str) -> int:
    """The present generation of a topic that a database has not recorded yet: the oldest in Kafka
    that can be appended to, 1 where there is none.

    Raises LogUnavailable.
    """
    cluster = await administration.look(log.address, prefix, [topic])
    found = cluster.generations(prefix, topic)
    open_ones = [n for n in found if not cluster.fenced(f"{prefix}{topic}.{n}")]
    return next(iter(open_ones or found), 1)


def located(
    sources: Iterable[tuple[str, int, str]], prefix: str, partitions: int, place: Place
) -> tuple[str, int]:
    """The topic and the generation of a place; of an earlier generation with any partition.

    Raises ValueError where it is of no topic that is read here, or of no partition there is.
    """
    for topic, present, _ in sources:
        generation = generation_of(prefix, topic, place.topic)
        if generation is not None:
            most = partitions if generation == present else _MOST
            if generation < _MOST and place.partition < most and place.offset <= LARGEST:
                return topic, generation
    raise ValueError(place.position())


_MOST = 2**31
LARGEST = 2**62
"""What PostgreSQL's integer and bigint hold, the latter with room to count on."""

PASSED = """
coalesce(
    (SELECT c.next_offset > $4 FROM {s}.checkpoints c
     WHERE c.topic = $1 AND c.generation = $2 AND c.partition = $3),
    (SELECT min(c.generation) > $2 FROM {s}.checkpoints c WHERE c.topic = $1),
    false)
"""
"""Whether a schema has folded a topic's generation ($1, $2) beyond an offset ($4) of a partition
($3). One that is folded from a later generation serves only when it has all of the earlier."""

_PRESENT = "SELECT topic, generation FROM topics WHERE topic = ANY ($1)"
