"""A view as the runtime folds it: which topics, which tables, how records become rows."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import MetaData

from shared.database import Connection
from shared.leases import Single
from shared.messages import Envelope, Record


class Event(NamedTuple):
    """A decoded record: its place and bytes, its envelope, and what the service reads of it."""

    record: Record
    envelope: Envelope
    body: object


@dataclass(frozen=True)
class View:
    """What a service keeps in a view schema and how it is folded.

    `decode` is pure; when it raises, that event alone is parked. `fold` writes a batch inside an
    open transaction, `(connection, schema, events)`, and commutes: any split and any interleaving
    of partitions gives the same rows. `singles` keep the second stage up, each run by one worker
    of the schema; `settled` says whether they have caught up, `left` how many rows wait for them.
    """

    service: str
    version: int
    topics: tuple[str, ...]
    metadata: MetaData
    decode: Callable[[Record], Event]
    fold: Callable[[Connection, str, Sequence[Event]], Awaitable[None]]
    settled: Callable[[Connection, str], Awaitable[bool]] | None = None
    left: Callable[[Connection, str], Awaitable[int]] | None = None
    singles: tuple[Single, ...] = ()
