"""The databases of a deployment's services: which generations they record, what is to be copied."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from shared import administration, copies
from shared.copies import Copy
from shared.database import Connection, Pool
from shared.errors import Fatal
from shared.locking import locked
from shared.topics import Topic


@dataclass(frozen=True)
class Member:
    """A service of the deployment: the database that records its topics, and those it owns."""

    name: str
    pool: Pool
    owns: tuple[Topic, ...]


async def find(
    members: Sequence[Member],
    prefix: str,
    partitions: int,
    names: Collection[str] = (),
    applied: Mapping[str, str] | None = None,
) -> list[Copy]:
    """What is to be copied so that topics have so many partitions: all, or those that are named.

    `applied`, by topic, names what is applied on the way. One that is under way already is among
    them. Raises Fatal where it has another number or something else is applied, and where topics
    would have different numbers.
    """
    present = await _recorded(members)
    begun = [copy for member in members for copy in await copies.begun(member.pool, prefix)]
    found, numbers = [], set()
    for member in members:
        for topic in member.owns:
            generation, number = _owned(present, topic.name)
            under_way = _under_way(begun, topic.name, generation)
            if under_way is None and _is_wanted(topic.name, number != partitions, names):
                under_way = Copy(
                    *(topic.name, generation, number, generation + 1, partitions, prefix),
                    (applied or {}).get(topic.name, ""),
                )
            if under_way is not None:
                found.append(under_way)
            numbers.add(under_way.partitions if under_way else number)
    _raise_unless_one(numbers, partitions, found)
    _raise_unless_applied(found, applied or {})
    return found


async def under_way(members: Sequence[Member], prefix: str) -> list[Copy]:
    """Copies that were begun and are not recorded everywhere."""
    present = await _recorded(members)
    begun = [copy for member in members for copy in await copies.begun(member.pool, prefix)]
    return [copy for copy in begun if copy.former in _generations(present, copy.topic)]


async def latest(members: Sequence[Member], prefix: str) -> list[Copy]:
    """The copies that the present generations were made by."""
    present = await _recorded(members)
    begun = [copy for member in members for copy in await copies.begun(member.pool, prefix)]
    return [copy for copy in begun if {copy.generation} == _generations(present, copy.topic)]


async def is_switched(members: Sequence[Member], wanted: Collection[Copy]) -> bool:
    """Whether one of the databases records one of these generations: then there is no way back."""
    present = await _recorded(members)
    return any(max(_generations(present, copy.topic)) >= copy.generation for copy in wanted)


async def open_again(address: str, members: Sequence[Member], wanted: Collection[Copy]) -> None:
    """Let the present generations be appended to again. Raises LogUnavailable."""
    topics = {topic.name: topic for member in members for topic in member.owns}
    await administration.unfence(address, {copy.source: topics[copy.topic] for copy in wanted})


@asynccontextmanager
async def alone(member: Member) -> AsyncIterator[Connection]:
    """A connection that keeps a second copy away while the body runs. Raises Fatal."""
    async with locked(member.pool, "topics copy") as connection:
        if connection is None:
            raise Fatal("Topics are being copied already, by another call of this command.")
        yield connection


Recorded = Mapping[str, Mapping[str, tuple[int, int]]]
"""Generation and number of partitions, by topic and by the service that recorded them."""


async def _recorded(members: Sequence[Member]) -> Recorded:
    found: dict[str, dict[str, tuple[int, int]]] = {}
    for member in members:
        # waits for a switch that is being committed at this moment
        async with member.pool.acquire() as connection, connection.transaction():
            for topic, generation, partitions in await connection.fetch(_TOPICS):
                found.setdefault(topic, {})[member.name] = (generation, partitions)
    return found


def _generations(recorded: Recorded, topic: str) -> set[int]:
    return {generation for generation, _ in recorded.get(topic, {}).values()}


def _owned(recorded: Recorded, topic: str) -> tuple[int, int]:
    """The oldest that is recorded anywhere: what a switch that is not done has begun with."""
    if topic not in recorded:
        raise Fatal(f"No service has recorded the topic {topic}; start the services once.")
    return min(recorded[topic].values())


def _under_way(begun: Sequence[Copy], topic: str, generation: int) -> Copy | None:
    return next((each for each in begun if (each.topic, each.former) == (topic, generation)), None)


def _is_wanted(topic: str, differs: bool, names: Collection[str]) -> bool:
    return topic in names if names else differs


def _raise_unless_one(numbers: set[int], partitions: int, found: Sequence[Copy]) -> None:
    other = next((copy for copy in found if copy.partitions != partitions), None)
    if other is not None:
        raise Fatal(
            f"{other.source} is being copied into {other.partitions} partitions already: "
            "finish that with the same number, or give it up with `rapport topics abandon`."
        )
    if len(numbers) != 1:
        raise Fatal(
            "All topics of a deployment have the same number of partitions: "
            "copy all of them, or keep the number."
        )


def _raise_unless_applied(found: Sequence[Copy], applied: Mapping[str, str]) -> None:
    for copy in found:
        if copy.applied != applied.get(copy.topic, ""):
            raise Fatal(
                f"{copy.source} is being copied with other mappings than are declared and asked "
                "for now: ask for the same, or give it up with `rapport topics abandon`."
            )


_TOPICS = "SELECT topic, generation, partitions FROM topics ORDER BY topic FOR SHARE"
