"""Streams as they stand, what is to be appended to them, and why it may not be."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from shared.decider import Claim, Decider


class Origin(NamedTuple):
    """Where an event comes from: who wanted it, by which key, and what it follows from."""

    actor: str
    key: str = ""
    correlationid: str | None = None
    causationid: str | None = None
    traceparent: str | None = None


class Decided(NamedTuple):
    """An event and where it comes from."""

    event: Any
    origin: Origin


@dataclass(frozen=True)
class Kept:
    """A stream as it stands; version 0 where there is none."""

    stream: str
    version: int
    state: Any
    partitionkey: str | None = None
    category: str = ""


@dataclass(frozen=True)
class Change:
    """What is to be appended to one stream, decided at a version of it, and what it comes to.

    `partitionkey` is the subject with which a stream begins; one that is there has its own.
    """

    decider: Decider[Any, Any, Any]
    kept: Kept
    decided: Sequence[Decided]
    after: Any
    partitionkey: str

    @property
    def stream(self) -> str:
        return self.kept.stream

    @cached_property
    def takes(self) -> frozenset[Claim]:
        return self.decider.claims(self.after) - self.decider.claims(self.kept.state)

    @cached_property
    def frees(self) -> frozenset[Claim]:
        return self.decider.claims(self.kept.state) - self.decider.claims(self.after)


class Stale(NamedTuple):
    """Another version stands than the one that was decided upon."""

    stream: str


class Taken(NamedTuple):
    """Another stream holds what this one claims."""

    claim: Claim
    stream: str


class Lost(Exception):
    """Some of the changes cannot be appended, by their number; nothing was written that may stay.

    The transaction is to be rolled back, and tried again without them. `refused` are the streams
    among them that may not have what they claim.
    """

    def __init__(self, losers: Mapping[int, Stale | Taken], changes: Sequence[Change]) -> None:
        super().__init__(f"{len(losers)} changes lost")
        self.losers = losers
        self.refused = {changes[n].stream for n, lost in losers.items() if isinstance(lost, Taken)}
