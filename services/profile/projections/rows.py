"""What a batch adds up to, by key, before it becomes statements."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from shared.database import Copy, Statement
from shared.messages import Place
from shared.projection import Event

Key = tuple[str, ...]


@dataclass(slots=True)
class Pending:
    """What the resolver has to look at again, each with the earliest place that asks for it."""

    facts: dict[str, Place] = field(default_factory=dict)
    orders: dict[Key, Place] = field(default_factory=dict)

    def statements(self) -> list[Copy]:
        rows: list[tuple[Any, ...]] = [
            ("facts", subject, None, None, place.topic, place.partition, place.offset + 1)
            for subject, place in self.facts.items()
        ]
        rows += [
            ("order", None, *key, place.topic, place.partition, place.offset + 1)
            for key, place in self.orders.items()
        ]
        return [Copy("pending", rows)] if rows else []


@dataclass(slots=True)
class Rows:
    """The rows of one batch, merged by key the same way the tables merge them."""

    identifiers: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    counts: dict[tuple[str, str, str], list[Any]] = field(default_factory=dict)
    traits: dict[Key, tuple[Any, ...]] = field(default_factory=dict)
    satisfaction: dict[str, list[int]] = field(default_factory=dict)
    consents: dict[Key, tuple[Any, ...]] = field(default_factory=dict)
    organisations: dict[Key, tuple[Any, ...]] = field(default_factory=dict)
    memberships: dict[Key, tuple[Any, ...]] = field(default_factory=dict)
    orders: dict[Key, dict[str, Any]] = field(default_factory=dict)
    subscriptions: dict[Key, dict[str, Any]] = field(default_factory=dict)
    products: dict[Key, dict[str, Any]] = field(default_factory=dict)
    mentions: list[Key] = field(default_factory=list)
    pairs: dict[Key, tuple[Any, ...]] = field(default_factory=dict)
    decisions: dict[Key, tuple[Any, ...]] = field(default_factory=dict)
    pending: Pending = field(default_factory=Pending)

    def mention(self, event: Event, kind: str, namespace: str, number: str) -> None:
        """Note that the event says something of a thing; an event does so once."""
        envelope = event.envelope
        self.mentions.append((kind, namespace, number, envelope.partitionkey, envelope.event))


def insert(sql: str, rows: Sequence[tuple[Any, ...]]) -> list[Statement]:
    """The statement with one array per column, or nothing where there are no rows."""
    return [Statement(sql, list(zip(*rows, strict=True)))] if rows else []


def in_key_order(rows: Mapping[Any, Iterable[Any]]) -> list[tuple[Any, ...]]:
    """Rows of a mapping key -> columns, flat and in key order, so that writers never deadlock."""
    return [(*(key if isinstance(key, tuple) else (key,)), *rows[key]) for key in sorted(rows)]


def moment(text: str) -> datetime:
    """The moment that a record spells as 27 characters."""
    return datetime.fromisoformat(text)
