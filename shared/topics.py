"""Topics as they are in Kafka beside what they are to be; the plan is for people to read."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError

from shared.errors import LogUnavailable
from shared.log import Topic, replicas_of, topic_name, topic_settings

ANSWER_TIMEOUT = 20.0


class Wanted(NamedTuple):
    """A topic as its owner wants it now."""

    topic: Topic
    generation: int
    partitions: int


@dataclass(frozen=True)
class Cluster:
    """What Kafka says: how many brokers, and of each topic asked for its partitions, settings."""

    brokers: int
    partitions: Mapping[str, int] = field(default_factory=dict)
    settings: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Step:
    """One topic of the plan. `state` is fine, missing or differs; `differs` says in what."""

    name: str
    state: str
    partitions: int
    differs: tuple[str, ...] = ()


async def look(address: str, names: Sequence[str]) -> Cluster:
    """Ask Kafka about topics. Raises LogUnavailable."""
    admin = AIOKafkaAdminClient(bootstrap_servers=address, request_timeout_ms=10_000)
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT):
            await admin.start()
            brokers = len((await admin.describe_cluster())["brokers"])
            there = sorted(set(names) & set(await admin.list_topics()))
            if not there:
                return Cluster(brokers)
            described = await admin.describe_topics(there)
            partitions = {each["topic"]: len(each["partitions"]) for each in described}
            return Cluster(brokers, partitions, await _settings(admin, there))
    except (OSError, TimeoutError, KafkaError) as error:
        raise LogUnavailable(f"the log does not answer: {error}") from error
    finally:
        await asyncio.wait([asyncio.ensure_future(admin.close())], timeout=3.0)


def plan(prefix: str, wanted: Sequence[Wanted], cluster: Cluster, *, embedded: bool) -> list[Step]:
    """What is missing and what differs. Pure."""
    return [_step(prefix, each, cluster, embedded) for each in wanted]


def _step(prefix: str, wanted: Wanted, cluster: Cluster, embedded: bool) -> Step:
    name = topic_name(prefix, wanted.topic.name, wanted.generation)
    found = cluster.partitions.get(name)
    if found is None:
        return Step(name, "missing", wanted.partitions)
    differs = [] if found == wanted.partitions else [f"{found} partitions"]
    settings = cluster.settings.get(name, {})
    right = topic_settings(wanted.topic, replicas_of(cluster.brokers), embedded=embedded)
    differs += [
        f"{key}={settings.get(key, '?')} instead of {value}"
        for key, value in right.items()
        if settings.get(key) != value
    ]
    return Step(name, "differs" if differs else "fine", wanted.partitions, tuple(differs))


async def _settings(admin: AIOKafkaAdminClient, names: Sequence[str]) -> dict[str, dict[str, str]]:
    answers = await admin.describe_configs(
        [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    )
    return {
        name: {entry[0]: str(entry[1]) for entry in entries}
        for answer in answers
        for *_, name, entries in answer.resources
    }
