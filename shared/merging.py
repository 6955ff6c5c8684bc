"""How rows of one key become one, declared once per table; all that writes it follows from that.

Merges are exact: the same rows in any order and in any batches give the same table.
"""

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Table

from shared.database import Connection, in_schema
from shared.literals import Layout, Row, copy

Rows = Mapping[str, Sequence[Row]]
"""Rows by the name of their table, any number of a key."""

SOME = 50
"""Rows by which it is judged how often keys come again."""


@dataclass(frozen=True)
class Each:
    """Columns that merge each by itself."""

    columns: tuple[str, ...]
    upsert: str
    gather: str
    merge: Callable[[Any, Any], Any]


@dataclass(frozen=True)
class Stamped:
    """Columns that are taken together from the row whose stamp wins; null where that is null."""

    stamp: str
    columns: tuple[str, ...]
    wins: str  # how a winning stamp stands to the other
    order: str


Rule = Each | Stamped


def summed(*columns: str) -> Rule:
    """Numbers that add up."""
    return Each(columns, "t.{c} + excluded.{c}", "sum({c})", operator.add)


def least(*columns: str) -> Rule:
    """The smallest that is not null."""
    return Each(columns, "least(t.{c}, excluded.{c})", "min({c})", _but_null(min))


def greatest(*columns: str) -> Rule:
    """The greatest that is not null."""
    return Each(columns, "greatest(t.{c}, excluded.{c})", "max({c})", _but_null(max))


def latest(stamp: str, *columns: str) -> Rule:
    """As they are where the stamp is greatest, and that stamp."""
    return Stamped(stamp, columns, ">", "DESC")


def earliest(stamp: str, *columns: str) -> Rule:
    """As they are where the stamp is smallest, and that stamp."""
    return Stamped(stamp, columns, "<", "ASC")


class Merge:
    """A table, and a rule for each of its columns outside the key, which comes first in it.

    Without rules all rows of a key are the same, and one of them stays. `then` is a statement that
    follows when an ordinary fold writes, and may read from `changed`: the rows, as they are now,
    that are new or became different. `source` selects, from what was recorded, all rows that are
    to be merged, so that a bulk fold need not stage them.
    """

    def __init__(self, table: Table, *rules: Rule, then: str = "", source: str = "") -> None:
        self.layout = Layout(table)
        self.name = table.name
        self.is_staged = not source
        self.key = self.layout.columns[: len(table.primary_key.columns)]
        self._rules = rules
        self._rest = self.layout.columns[len(self.key) :]
        self._check(table)
        self._nothing = {name: 0 for rule in rules for name in rule.columns if _is_sum(rule)}
        self._one = self._merge_of(table)
        self.upsert = self._upsert(table, then)
        self.gather = self._gather(table, source)

    def row(self, **columns: Any) -> Row:
        """A row from some of its columns: what is summed is 0 otherwise, all else null."""
        return tuple(map({**self._nothing, **columns}.get, self.layout.columns))

    def repeats(self, rows: Sequence[Row]) -> bool:
        """Whether there are much fewer keys than rows, as far as the first ones tell."""
        some, width = rows[:SOME], len(self.key)
        return len({row[:width] for row in some}) < len(some) // 2

    def combined(self, rows: Iterable[Row]) -> list[Row]:
        """One row a key."""
        width, found = len(self.key), dict[Row, Row]()
        for row in rows:
            key = row[:width]
            there = found.setdefault(key, row)
            if there is not row:
                found[key] = self._one(there, row)
        return list(found.values())

    async def write(self, connection: Connection, schema: str, rows: Sequence[Row]) -> None:
        """Merge rows into the table, in the open transaction."""
        if rows:
            arrays = self.layout.arrays(sorted(self.combined(rows)))  # so that none deadlock
            await connection.execute(in_schema(self.upsert, schema), *arrays)

    def _check(self, table: Table) -> None:
        ruled = [name for rule in self._rules for name in _ruled(rule)]
        if set(self.key) != {column.name for column in table.primary_key.columns}:
            raise ValueError(f"the key of {self.name} does not come first")
        if self._rules and sorted(ruled) != sorted(self._rest):
            raise ValueError(f"{self.name} has not exactly one rule for each of {self._rest}")

    def _whole(self, table: Table) -> Stamped | None:
        """The one rule by which a row is taken or left whole."""
        for rule in self._rules:
            whole = isinstance(rule, Stamped) and not table.columns[rule.stamp].nullable
            if whole and len(self._rules) == 1:
                return rule  # type: ignore[return-value]
        return None

    # In Python, for the rows of a batch

    def _merge_of(self, table: Table) -> Callable[[Row, Row], Row]:
        if not self._rules:
            return lambda there, row: there
        if whole := self._whole(table):
            at = self.layout.columns.index(whole.stamp)
            if whole.wins == ">":
                return lambda there, row: row if row[at] > there[at] else there
            return lambda there, row: row if row[at] < there[at] else there
        steps = [_step(rule, self.layout.columns) for rule in self._rules]

        def merge(there: Row, row: Row) -> Row:
            merged = list(there)
            for step in steps:
                step(merged, row)
            return tuple(merged)

        return merge

    # In SQL, into the table

    def _upsert(self, table: Table, then: str) -> str:
        names, keys = ", ".join(self.layout.columns), ", ".join(self.key)
        arrays = [f"${n}::text::{type_}[]" for n, type_ in enumerate(self.layout.types, 1)]
        sql = (
            f"INSERT INTO {{s}}.{self.name} AS t ({names})\n"
            f"SELECT * FROM unnest({', '.join(arrays)})\nON CONFLICT ({keys}) DO "
        )
        if not self._rules:
            sql += "NOTHING"
        elif whole := self._whole(table):
            taken = ", ".join(f"{name} = excluded.{name}" for name in self._rest)
            stamps = f"excluded.{whole.stamp} {whole.wins} t.{whole.stamp}"
            sql += f"UPDATE SET {taken}\nWHERE {stamps}"
        else:
            sql += "UPDATE SET " + ",\n".join(s for rule in self._rules for s in _sets(rule))
        return f"WITH changed AS (\n{sql}\nRETURNING t.*\n)\n{then}" if then else sql

    def _gather(self, table: Table, source: str) -> str:
        names, keys = ", ".join(self.layout.columns), ", ".join(self.key)
        head = f"INSERT INTO {{s}}.{self.name} ({names})\n"
        given = f"FROM ({source}) given" if source else f"FROM {{s}}.{staged(self.name)}"
        whole = self._whole(table)
        if whole or not self._rules:
            order = f"{keys}, {whole.stamp} {whole.order}" if whole else keys
            return f"{head}SELECT DISTINCT ON ({keys}) {names}\n{given}\nORDER BY {order}"
        types = dict(zip(self.layout.columns, self.layout.types, strict=True))
        found = {name: expr for rule in self._rules for name, expr in _gathered(rule)}
        columns = ",\n".join(f"({found[name]})::{types[name]}" for name in self._rest)
        return f"{head}SELECT {keys},\n{columns}\n{given}\nGROUP BY {keys}\nORDER BY {keys}"


class Added:
    """A table whose rows are only ever added, by events that count, and never merged."""

    def __init__(self, table: Table) -> None:
        self.layout = Layout(table)
        self.name = table.name

    async def write(self, connection: Connection, schema: str, rows: Sequence[Row]) -> None:
        """Add rows to the table, in the open transaction."""
        await copy(connection, schema, self.layout, rows)


def staged(table: str) -> str:
    """The table in which rows wait to be merged all at once."""
    return f"{table}_staged"


def _is_sum(rule: Rule) -> bool:
    return isinstance(rule, Each) and rule.merge is operator.add


def _ruled(rule: Rule) -> tuple[str, ...]:
    return rule.columns if isinstance(rule, Each) else (rule.stamp, *rule.columns)


def _but_null(choose: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def chosen(one: Any, other: Any) -> Any:
        if one is None or other is None:
            return one if other is None else other
        return choose(one, other)

    return chosen


def _step(rule: Rule, columns: tuple[str, ...]) -> Callable[[list[Any], Row], None]:
    places = [columns.index(name) for name in _ruled(rule)]
    return _each(rule, places) if isinstance(rule, Each) else _stamped(rule, places)


def _each(rule: Each, places: list[int]) -> Callable[[list[Any], Row], None]:
    def step(there: list[Any], row: Row) -> None:
        for place in places:
            there[place] = rule.merge(there[place], row[place])

    return step


def _stamped(rule: Stamped, places: list[int]) -> Callable[[list[Any], Row], None]:
    at = places[0]
    wins = operator.gt if rule.wins == ">" else operator.lt

    def step(there: list[Any], row: Row) -> None:
        if row[at] is not None and (there[at] is None or wins(row[at], there[at])):
            for place in places:
                there[place] = row[place]

    return step


def _sets(rule: Rule) -> list[str]:
    """The assignments of an upsert."""
    if isinstance(rule, Each):
        return [f"{name} = {rule.upsert.format(c=name)}" for name in rule.columns]
    stamp, choose = rule.stamp, "greatest" if rule.wins == ">" else "least"
    wins = f"excluded.{stamp} {rule.wins} t.{stamp} OR t.{stamp} IS NULL"
    return [
        *(
            f"{name} = CASE WHEN {wins} THEN excluded.{name} ELSE t.{name} END"
            for name in rule.columns
        ),
        f"{stamp} = {choose}(t.{stamp}, excluded.{stamp})",
    ]


def _gathered(rule: Rule) -> list[tuple[str, str]]:
    """What each column is over all rows of a key."""
    if isinstance(rule, Each):
        return [(name, rule.gather.format(c=name)) for name in rule.columns]
    stamp, choose = rule.stamp, "max" if rule.wins == ">" else "min"
    which = f"ORDER BY {stamp} {rule.order}) FILTER (WHERE {stamp} IS NOT NULL"
    return [
        *((name, f"(array_agg({name} {which}))[1]") for name in rule.columns),
        (stamp, f"{choose}({stamp})"),
    ]
