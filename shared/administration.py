"""What is asked of Kafka's administration: which topics there are, make, set, fence, delete."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, UnknownTopicOrPartitionError, for_code

from shared.errors import LogUnavailable
from shared.topics import (
    FENCED,
    LARGEST,
    Cluster,
    Topic,
    Wanted,
    generation_of,
    replicas_of,
    topic_name,
    topic_settings,
)

CHANGE_TIMEOUT = 30.0
"""Seconds that a change takes at most, connecting to Kafka included."""

ANSWER_TIMEOUT = 10.0
"""The same for a question."""

LOOKS = 1000
"""At what was changed, until a broker shows it."""

CLOSE_TIMEOUT = 3.0
_OF_THE_TOPIC = 1
"""How Kafka says that a setting was made for this topic, and is no default."""


async def look(address: str, prefix: str, names: Iterable[str]) -> Cluster:
    """Every generation of these topics, as Kafka has them. Raises LogUnavailable."""
    wanted = list(names)
    async with _asked(address) as admin:
        brokers = len((await admin.describe_cluster())["brokers"])
        there = [
            name
            for name in sorted(await admin.list_topics())
            if any(generation_of(prefix, topic, name) is not None for topic in wanted)
        ]
        return Cluster(brokers, await _partitions(admin, there), await _settings(admin, there))


async def partitions(address: str, topic: str) -> int | None:
    """The number of partitions of a topic, None where there is no such topic.

    Raises LogUnavailable.
    """
    async with _asked(address, ANSWER_TIMEOUT) as admin:
        there = [topic] if topic in await admin.list_topics() else []
        return (await _partitions(admin, there)).get(topic)


async def make(
    address: str, prefix: str, topics: Sequence[Wanted], *, embedded: bool = False
) -> list[str]:
    """Make these generations; one that is there already is left as it is. The names in Kafka.

    Raises LogUnavailable.
    """
    async with _asked(address) as admin:
        replicas = replicas_of(len((await admin.describe_cluster())["brokers"]))
        wanted = [_new_topic(prefix, each, replicas, embedded) for each in topics]
        names = [each.name for each in wanted]
        if wanted:
            _raise_for(await admin.create_topics(wanted, timeout_ms=10_000))
            await _until(lambda: _there(admin, names))
        return names


async def make_first(
    address: str, prefix: str, topics: Iterable[Topic], number: int, *, embedded: bool = False
) -> list[str]:
    """Make the first generation of the topics that have none; the names in Kafka of the new ones.

    Raises LogUnavailable.
    """
    wanted = list(topics)
    cluster = await look(address, prefix, [topic.name for topic in wanted])
    missing = [
        Wanted(topic, 1, number) for topic in wanted if not cluster.generations(prefix, topic.name)
    ]
    return await make(address, prefix, missing, embedded=embedded) if missing else []


async def fence(address: str, names: Sequence[str]) -> None:
    """Let the brokers refuse every append to these topics from now on. Raises LogUnavailable.

    A producer that is connected is refused too, within milliseconds; what was acknowledged is
    there. An append that the broker was carrying out at that moment may still arrive.
    """
    await _set(address, {name: {LARGEST: FENCED} for name in names})


async def unfence(address: str, topics: Mapping[str, Topic]) -> None:
    """Let them be appended to again, by name in Kafka. Raises LogUnavailable."""
    await _set(address, {name: {LARGEST: str(each.max_bytes)} for name, each in topics.items()})


async def delete(address: str, names: Sequence[str]) -> None:
    """Delete topics with all that is in them; one that is not there is fine.

    Raises LogUnavailable.
    """
    async with _asked(address) as admin:
        _raise_for(await admin.delete_topics(list(names), timeout_ms=10_000))
        await _until(lambda: _gone(admin, names))


async def _set(address: str, settings: Mapping[str, Mapping[str, str]]) -> None:
    """Change settings of topics, until a broker shows them.

    Kafka is told all of a topic's settings anew, so the others are read before.
    """
    async with _asked(address) as admin:
        present = await _settings(admin, list(settings), own=True)
        answers = await admin.alter_configs(
            [
                ConfigResource(
                    ConfigResourceType.TOPIC, name, present.get(name, {}) | dict(changed)
                )
                for name, changed in settings.items()
            ]
        )
        for answer in answers:
            for code, message, _, name in answer.resources:
                if code:
                    raise for_code(code)(f"{name}: {message}")
        await _until(lambda: _shown(admin, settings))


async def _until(shown: Callable[[], Awaitable[bool]]) -> None:
    """Wait until a broker shows what the controller has done."""
    for _ in range(LOOKS):
        if await shown():
            return
        await asyncio.sleep(0.01)
    raise TimeoutError("the brokers do not show what was changed")


async def _shown(admin: AIOKafkaAdminClient, wanted: Mapping[str, Mapping[str, str]]) -> bool:
    present = await _settings(admin, list(wanted))
    return all(present[name].items() >= changed.items() for name, changed in wanted.items())


async def _there(admin: AIOKafkaAdminClient, names: Iterable[str]) -> bool:
    return set(names) <= set(await admin.list_topics())


async def _gone(admin: AIOKafkaAdminClient, names: Iterable[str]) -> bool:
    return set(names).isdisjoint(await admin.list_topics())


async def _partitions(admin: AIOKafkaAdminClient, names: Sequence[str]) -> dict[str, int]:
    described = await admin.describe_topics(list(names)) if names else []
    return {each["topic"]: len(each["partitions"]) for each in described}


async def _settings(
    admin: AIOKafkaAdminClient, names: Sequence[str], *, own: bool = False
) -> dict[str, dict[str, str]]:
    """The settings of topics; `own`: only those that were made for them."""
    if not names:
        return {}
    answers = await admin.describe_configs(
        [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    )
    return {
        name: {entry[0]: str(entry[1]) for entry in entries if not own or _is_own(entry)}
        for answer in answers
        for *_, name, entries in answer.resources
    }


def _is_own(entry: Sequence[object]) -> bool:
    return entry[3] == _OF_THE_TOPIC


def _new_topic(prefix: str, wanted: Wanted, replicas: int, embedded: bool) -> NewTopic:
    name = topic_name(prefix, wanted.topic.name, wanted.generation)
    settings = topic_settings(wanted.topic, replicas, embedded=embedded)
    return NewTopic(name, wanted.partitions, replicas, topic_configs=settings)


_FINE = ("TopicAlreadyExistsError", UnknownTopicOrPartitionError.__name__)


def _raise_for(response: object) -> None:
    errors = vars(response).get("topic_errors") or vars(response).get("topic_error_codes") or ()
    for name, code, *rest in errors:
        error = for_code(code)
        if code and error.__name__ not in _FINE:
            raise error(f"{name}: {rest[0] if rest else ''}")


@asynccontextmanager
async def _asked(
    address: str, seconds: float = CHANGE_TIMEOUT
) -> AsyncIterator[AIOKafkaAdminClient]:
    """A client for one question, bounded in time. Raises LogUnavailable."""
    admin = AIOKafkaAdminClient(bootstrap_servers=address, request_timeout_ms=10_000)
    try:
        async with asyncio.timeout(seconds):
            await admin.start()
            yield admin
    except (OSError, TimeoutError, KafkaError) as error:
        raise LogUnavailable(f"the log does not answer: {error}") from error
    finally:
        await asyncio.wait([asyncio.ensure_future(admin.close())], timeout=CLOSE_TIMEOUT)
