"""Stage two computed whole from stage one, told apart from the resolver's way of keeping it up."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from itertools import chain
from typing import Any

from services.profile.belonging_sql import COUNTS
from services.profile.identity import SHARED_ABOVE, Decision, Identity, Pair, identify
from shared.database import Connection, in_schema

Key = tuple[object, ...]
Table = dict[Key, tuple[object, ...]]
Tables = dict[str, Table]
"""Rows by table and key: owners, derived, identities, joins, counted, customers."""


async def resolve_all(
    connection: Connection, schema: str, shared_above: int = SHARED_ABOVE
) -> Tables:
    """What stage two must be by what stage one is. Keeps all of it in memory.

    Both this and `stored` belong into one REPEATABLE READ transaction.
    """
    pairs = [Pair(*row) for row in await _fetch(connection, schema, _PAIRS)]
    decisions = [Decision(*row) for row in await _fetch(connection, schema, _DECISIONS)]
    identity = identify(pairs, decisions, shared_above)
    return {
        **_belonging(identity, _ranks(pairs, decisions)),
        "counted": {
            (namespace, number): (subject,)
            for namespace, number, subject in await _fetch(connection, schema, _ATTACHED)
        },
        "customers": await _customers(connection, schema, identity),
    }


async def stored(connection: Connection, schema: str) -> Tables:
    """What stage two is, in the same form; rows that say what no row says are left out."""
    tables: Tables = {}
    for name, (width, sql) in _STORED.items():
        rows = await _fetch(connection, schema, sql)
        tables[name] = {tuple(row)[:width]: tuple(row)[width:] for row in rows}
    for key, row in tables["customers"].items():
        *columns, revenues, last_order, name_ = row
        tables["customers"][key] = (*columns, _by_currency(str(revenues)), last_order, name_)
    return tables


def differences(expected: Tables, found: Tables) -> list[tuple[str, Key, object, object]]:
    """Table, key, the row that must be and the row that is (None: no row), in order."""
    return [
        (table, key, expected[table].get(key), found[table].get(key))
        for table in expected
        for key in sorted({*expected[table], *found[table]}, key=str)
        if expected[table].get(key) != found[table].get(key)
    ]


def _ranks(pairs: Iterable[Pair], decisions: Iterable[Decision]) -> dict[str, int]:
    """The rank of every subject that a pair or a decision names."""
    both: Iterable[Pair | Decision] = chain(pairs, decisions)
    named = ((two[0], two[2], two[1], two[3]) for two in both)
    return {subject: rank for two in named for subject, rank in (two[:2], two[2:])}


def _belonging(identity: Identity, ranks: Mapping[str, int]) -> Tables:
    owners: Table = {
        (subject, owner.rank): (owner.subject, owner.direct, owner.stamp)
        for subject, owners in identity.owners.items()
        for owner in owners
    }
    derived: Table = {tuple(pair)[:3]: tuple(pair)[3:] for pair in identity.derived}
    identities: Table = {
        (subject,): (
            ranks[subject],
            subject in identity.shared,
            identity.parent(subject),
            identity.roots[subject],
            customer,
        )
        for subject, customer in identity.customers.items()
        if subject in identity.shared or identity.parent(subject) or customer != subject
    }
    joins: Table = {at: (identity.roots[at[0]], identity.roots[at[1]]) for at in identity.together}
    return {"owners": owners, "derived": derived, "identities": identities, "joins": joins}


@dataclass
class _Sum:
    """What a row of the list adds up."""

    interactions: int = 0
    seen: list[datetime] = field(default_factory=list)
    orders: int = 0
    last_order: datetime | None = None
    amounts: dict[str, list[Decimal]] = field(default_factory=lambda: defaultdict(list))
    traits: dict[str, tuple[str, str]] = field(default_factory=dict)


async def _customers(connection: Connection, schema: str, identity: Identity) -> Table:
    sums: dict[str, _Sum] = defaultdict(_Sum)
    for subject, n, first, last in await _fetch(connection, schema, _COUNTS):
        total = sums[identity.customer(subject)]
        total.interactions += n
        total.seen += [first, last]
    for subject, amount, currency, ordered in await _fetch(connection, schema, _ORDERS):
        _sell(sums[identity.customer(subject)], amount, currency, ordered)
    for subject, name, value, stamp in await _fetch(connection, schema, _TRAITS):
        _describe(sums[identity.customer(subject)], name, value, stamp)
    sizes: dict[str, int] = defaultdict(int)
    for customer in identity.customers.values():
        sizes[customer] += 1
    return {
        (customer,): (sizes.get(customer, 1), *_listed(total))
        for customer, total in sums.items()
        if total.seen
    }


def _sell(
    total: _Sum, amount: Decimal | None, currency: str | None, ordered: datetime | None
) -> None:
    total.orders += 1
    if ordered is not None:
        total.last_order = max(total.last_order or ordered, ordered)
    if amount is not None and currency is not None:
        total.amounts[currency].append(amount)


def _describe(total: _Sum, name: str, value: str, stamp: str) -> None:
    """Of a trait the latest counts."""
    if name not in total.traits or stamp > total.traits[name][0]:
        total.traits[name] = (stamp, value)


def _listed(total: _Sum) -> tuple[object, ...]:
    currency = min(
        total.amounts, key=lambda currency: (-len(total.amounts[currency]), currency), default=None
    )
    revenues = {name: sum(amounts, Decimal()) for name, amounts in total.amounts.items()}
    return (
        min(total.seen),
        max(total.seen),
        total.interactions,
        total.orders,
        currency,
        revenues[currency] if currency is not None else Decimal(),
        revenues,
        total.last_order,
        _name(total.traits),
    )


def _name(traits: Mapping[str, tuple[str, str]]) -> str | None:
    names = (_text(traits[name][1]) if name in traits else "" for name in _NAMES)
    whole, first, last = names
    return whole or " ".join(filter(None, (first, last))) or None


def _text(value: str) -> str:
    """A trait that is a string which the database can hold; else nothing."""
    found = json.loads(value)
    if not isinstance(found, str) or "\0" in found:
        return ""
    return found if found.encode(errors="replace").decode() == found else ""


def _by_currency(revenues: str) -> dict[str, Decimal]:
    return {name: Decimal(amount) for name, amount in json.loads(revenues).items()}


async def _fetch(connection: Connection, schema: str, sql: str) -> Iterable[Any]:
    return await connection.fetch(in_schema(sql, schema))


_NAMES = ("name", "first_name", "last_name")

_PAIRS = f"""
SELECT weaker::text, stronger::text, weaker_rank, stronger_rank, stamp
FROM {{s}}.pairs WHERE {COUNTS}
"""

_DECISIONS = """
SELECT weaker::text, stronger::text, weaker_rank, stronger_rank, verb, stamp FROM {s}.decisions
"""

_ATTACHED = """
SELECT namespace, number, subject::text FROM {s}.orders WHERE subject IS NOT NULL
"""

_COUNTS = """
SELECT subject::text, sum(n), min(first), max(last)
FROM {s}.counts JOIN {s}.identifiers USING (subject) GROUP BY subject
"""

_ORDERS = """
SELECT subject::text, amount, currency, ordered FROM {s}.orders
WHERE subject IS NOT NULL AND placed IS NOT NULL AND (cancelled IS NULL OR cancelled <= placed)
"""

_TRAITS = """
SELECT subject::text, name, value, stamp FROM {s}.traits
WHERE name IN ('name', 'first_name', 'last_name')
"""

_STORED = {
    "owners": (2, "SELECT subject::text, rank, owner::text, direct, stamp FROM {s}.owners"),
    "derived": (
        3,
        "SELECT weaker::text, stronger::text, through::text, weaker_rank, stronger_rank, stamp"
        " FROM {s}.derived",
    ),
    "identities": (
        1,
        "SELECT subject::text, rank, shared, parent::text, root::text, customer::text"
        " FROM {s}.identities"
        " WHERE shared OR parent IS NOT NULL OR root <> subject OR customer <> subject",
    ),
    "joins": (
        2,
        "SELECT weaker::text, stronger::text, weaker_root::text, stronger_root::text"
        " FROM {s}.joins",
    ),
    "counted": (2, "SELECT namespace, number, subject::text FROM {s}.counted"),
    "customers": (
        1,
        "SELECT customer::text, subjects, first_seen, last_seen, interactions, orders, currency,"
        " revenue, revenues, last_order, name FROM {s}.customers",
    ),
}
