"""Topics as their owners want them, and the plan: what is in Kafka beside what is to be there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

FENCED = "0"
"""The largest record in bytes of a topic that nobody may append to any more."""

LARGEST = "max.message.bytes"


class Topic(NamedTuple):
    """A topic as its owner wants it. Kept for ever; the largest record in bytes."""

    name: str
    max_bytes: int = 1024 * 1024


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

    def fenced(self, name: str) -> bool:
        """Whether the brokers refuse every append to a topic."""
        return self.settings.get(name, {}).get(LARGEST) == FENCED

    def generations(self, prefix: str, topic: str) -> list[int]:
        """The generations of a topic that are there, oldest first."""
        found = (generation_of(prefix, topic, name) for name in self.partitions)
        return sorted(number for number in found if number is not None)


@dataclass(frozen=True)
class Step:
    """One generation of a topic. `state` is fine, missing or differs; `differs` says in what.

    `role` is present, next (it is being made) or old (kept until it is dropped).
    """

    name: str
    state: str
    partitions: int
    differs: tuple[str, ...] = ()
    role: str = "present"
    fenced: bool = False
    records: int | None = None


def topic_name(prefix: str, name: str, generation: int) -> str:
    """The name in Kafka: `interactions.1`, with the deployment's prefix in front."""
    return f"{prefix}{name}.{generation}"


def generation_of(prefix: str, topic: str, name: str) -> int | None:
    """The generation in a name in Kafka; None where it is no name of this topic."""
    start = f"{prefix}{topic}."
    number = name.removeprefix(start)
    if not name.startswith(start) or number.startswith("0"):
        return None
    return int(number) if number.isascii() and number.isdecimal() else None


def topic_settings(topic: Topic, replicas: int, *, embedded: bool) -> dict[str, str]:
    """What Kafka is told of a topic when it is made."""
    settings = {
        "retention.ms": "-1",
        "retention.bytes": "-1",
        "cleanup.policy": "delete",
        LARGEST: str(topic.max_bytes),
        "min.insync.replicas": str(max(1, replicas - 1)),
    }
    if embedded:
        settings["flush.messages"] = "1"  # one node: a 2xx survives a power cut only when flushed
    return settings


def replicas_of(brokers: int) -> int:
    """How many copies of a record there are."""
    return min(3, brokers)


def plan(prefix: str, wanted: Sequence[Wanted], cluster: Cluster, *, embedded: bool) -> list[Step]:
    """Every generation of the topics: what is there, what is missing, what differs. Pure."""
    return [
        step
        for each in wanted
        for number in sorted({each.generation, *cluster.generations(prefix, each.topic.name)})
        for step in [_step(prefix, each, number, cluster, embedded)]
    ]


def _step(prefix: str, wanted: Wanted, number: int, cluster: Cluster, embedded: bool) -> Step:
    name = topic_name(prefix, wanted.topic.name, number)
    found = cluster.partitions.get(name)
    if found is None:
        return Step(name, "missing", wanted.partitions)
    role = _role(number, wanted.generation)
    fenced = cluster.fenced(name)
    differs = _differs(wanted.topic, name, cluster, embedded)
    if role == "present" and found != wanted.partitions:
        differs.insert(0, f"{found} partitions")
    if fenced != (role == "old"):
        differs.append("fenced: nobody can append" if fenced else "not fenced")
    partitions = wanted.partitions if role == "present" else found
    return Step(name, "differs" if differs else "fine", partitions, tuple(differs), role, fenced)


def _role(number: int, present: int) -> str:
    if number == present:
        return "present"
    return "old" if number < present else "next"


def _differs(topic: Topic, name: str, cluster: Cluster, embedded: bool) -> list[str]:
    settings = cluster.settings.get(name, {})
    right = topic_settings(topic, replicas_of(cluster.brokers), embedded=embedded)
    return [
        f"{key}={settings.get(key, '?')} instead of {value}"
        for key, value in right.items()
        if settings.get(key) != value and not (key == LARGEST and cluster.fenced(name))
    ]
