"""Who belongs to whom, kept up from what changed: owners, derived pairs, roots, customers.

The rules stand in `identity`; here they meet the tables, many identifiers at a time.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from services.profile import belonging_sql as sql
from services.profile.identity import (
    SHARED_ABOVE,
    Candidate,
    Derived,
    Owners,
    choose,
    components,
    derive,
)
from shared.database import Connection, in_schema
from shared.identifiers import KINDS

WIDTH = 2_000
"""Identifiers worked at a time: with the limit on candidates, the bound on what is in memory."""

Row = Any


async def belong(
    connection: Connection,
    schema: str,
    subjects: Collection[str],
    shared_above: int = SHARED_ABOVE,
) -> set[str]:
    """Work the identifiers whose pairs or decisions changed, and all that follows from it.

    The answer: the customers that gained or lost subjects. Runs inside an open transaction.
    """
    fetch = _Fetch(connection, schema)
    decided = await fetch(sql.DECIDED, [*subjects])
    await fetch(sql.ENDS, [*subjects] if decided else [])
    moved, customers = await _own(fetch, subjects, shared_above)
    moves = await _root(fetch, moved)
    joined = await _join(fetch, [*subjects] if decided else [], moves.left)
    return customers | moves.customers | await _name(fetch, moves.reached | joined)


class _Fetch:
    """The open transaction, and the schema that its statements name."""

    def __init__(self, connection: Connection, schema: str) -> None:
        self.connection = connection
        self.schema = schema

    async def __call__(self, statement: str, first: Sequence[object], *rest: object) -> list[Row]:
        """The rows of a statement; with nothing in its first array it is not run."""
        if not first:
            return []
        return await self.connection.fetch(in_schema(statement, self.schema), first, *rest)


async def _own(
    fetch: _Fetch, subjects: Collection[str], shared_above: int
) -> tuple[set[str], set[str]]:
    """Owners of these and of whatever their derived pairs change, weakest kind first.

    The answer: the identifiers whose parent changed, and the customers that new ones concern.
    """
    waiting: dict[int, set[str]] = defaultdict(set)
    for row in await fetch(sql.RANKS, [*subjects]):
        waiting[row["rank"]].add(row["subject"])
    moved: set[str] = set()
    customers: set[str] = set()
    for rank in range(len(KINDS)):
        level = sorted(waiting[rank])
        for start in range(0, len(level), WIDTH):
            work = _Work(fetch, rank, level[start : start + WIDTH], shared_above)
            await work.run()
            moved |= work.moved
            customers |= work.customers
            for weaker, weaker_rank in work.touched:
                waiting[weaker_rank].add(weaker)
    return moved, customers


class _Work:
    """One round: identifiers of one kind, their owners before and after."""

    def __init__(
        self, fetch: _Fetch, rank: int, subjects: Sequence[str], shared_above: int
    ) -> None:
        self.fetch = fetch
        self.rank = rank
        self.subjects = subjects
        self.shared_above = shared_above
        self.moved: set[str] = set()
        self.customers: set[str] = set()
        self.touched: set[tuple[str, int]] = set()

    async def run(self) -> None:
        before = await self._owners()
        chosen = await self._choose()
        after = {subject: owners or () for subject, owners in chosen.items()}
        await self._write_owners(before, after)
        await self._write_derived(before, after)
        await self._write_identities(chosen)

    async def _owners(self) -> dict[str, Owners]:
        before: dict[str, list[Candidate]] = defaultdict(list)
        for subject, *owner in await self.fetch(sql.OWNERS, self.subjects):
            before[subject].append(Candidate(*owner))
        return {subject: tuple(before.get(subject, ())) for subject in self.subjects}

    async def _choose(self) -> dict[str, Owners | None]:
        """What each belongs to by all its candidates; None where it is shared.

        More rows than the limit allows for all kinds together say "shared" as well as all would.
        """
        most = self.shared_above * len(KINDS) + 1
        candidates: dict[str, list[Candidate]] = defaultdict(list)
        struck: dict[str, set[str]] = defaultdict(set)
        rows = await self.fetch(sql.CANDIDATES, self.subjects, self.rank, most)
        for subject, apart, *candidate in rows:
            candidates[subject].append(Candidate(*candidate))
            if apart:
                struck[subject].add(candidate[0])
        return {
            subject: choose(candidates.get(subject, ()), struck.get(subject, ()), self.shared_above)
            for subject in self.subjects
        }

    async def _write_owners(
        self, before: Mapping[str, Owners], after: Mapping[str, Owners]
    ) -> None:
        had = {(subject, owner) for subject, owners in before.items() for owner in owners}
        has = {(subject, owner) for subject, owners in after.items() for owner in owners}
        kept = {(subject, owner.rank) for subject, owner in has}
        gone = {(subject, owner.rank) for subject, owner in had} - kept
        await self.fetch(sql.DELETE_OWNERS, *_columns(gone))
        fresh = [(subject, *owner) for subject, owner in has - had]
        await self.fetch(sql.WRITE_OWNERS, *_columns(fresh, 5))

    async def _write_derived(
        self, before: Mapping[str, Owners], after: Mapping[str, Owners]
    ) -> None:
        """Replace the derived pairs; between the two steps the rest shows whom that concerns."""
        had = {pair for subject, owners in before.items() for pair in derive(subject, owners)}
        has = {pair for subject, owners in after.items() for pair in derive(subject, owners)}
        gone, fresh = had - has, has - had
        await self.fetch(sql.DELETE_DERIVED, *_columns(pair[:3] for pair in gone))
        self.touched = await self._concerned(gone | fresh)
        await self.fetch(sql.WRITE_DERIVED, *_columns(fresh, 6))

    async def _concerned(self, changed: Iterable[Derived]) -> set[tuple[str, int]]:
        """The weaker ends whose candidates differ by these pairs, as far as can be seen cheaply.

        Where the two were seen directly, or another derived pair is at least as early, they do not.
        """
        earliest: dict[tuple[str, str, int], str] = {}
        for pair in changed:
            key = (pair.weaker, pair.stronger, pair.weaker_rank)
            earliest[key] = min(earliest.get(key, pair.stamp), pair.stamp)
        rows = [(*key, stamp) for key, stamp in earliest.items()]
        return {(row[0], row[1]) for row in await self.fetch(sql.CONCERNED, *_columns(rows, 4))}

    async def _write_identities(self, chosen: Mapping[str, Owners | None]) -> None:
        rows = [
            (subject, self.rank, owners is None, owners[-1].subject if owners else None)
            for subject, owners in chosen.items()
        ]
        for subject, customer, joins in await self.fetch(sql.WRITE_IDENTITIES, *_columns(rows, 4)):
            self.moved.add(subject)
            if joins:
                self.customers |= {subject, customer}
        tops = {(owner.subject, owner.rank) for owners in chosen.values() for owner in owners or ()}
        await self.fetch(sql.WRITE_TOPS, *_columns(tops, 2))


def _columns(rows: Iterable[tuple[object, ...]], width: int = 0) -> list[list[object]]:
    """One array per column, rows in key order; `width` empty ones where there are no rows."""
    ordered = sorted(rows, key=_key)
    if not ordered:
        return [[] for _ in range(width or 1)]
    return [list(column) for column in zip(*ordered, strict=True)]


def _key(row: tuple[object, ...]) -> str:
    return str(row[0])


class _Moves(NamedTuple):
    """Roots that were left and reached, and the customers that lost and gained."""

    left: set[str]
    reached: set[str]
    customers: set[str]


async def _root(fetch: _Fetch, moved: Collection[str]) -> _Moves:
    """New roots of these and of all below them; whoever moves goes to the customer of its root."""
    rows = await fetch(sql.WRITE_ROOTS, [*moved])
    return _Moves(
        {row["was_root"] for row in rows},
        {row["root"] for row in rows},
        {
            row[side]
            for row in rows
            for side in ("was", "customer")
            if row["was"] != row["customer"]
        },
    )


async def _join(fetch: _Fetch, decided: Sequence[str], left: Collection[str]) -> set[str]:
    """Bring `joins` to the decisions of these and to the present roots; the roots concerned."""
    rows = await fetch(sql.DELETE_JOINS, decided)
    rows += await fetch(sql.WRITE_JOINS, decided)
    rows += await fetch(sql.MOVE_JOINS, [*left])
    return {row["root"] for row in rows}


async def _name(fetch: _Fetch, roots: Collection[str]) -> set[str]:
    """Give the connected sets of these roots their customer; customers before and after."""
    ranks = {row["root"]: row["rank"] for row in await fetch(sql.CONNECTED, [*roots])}
    rows = await fetch(sql.EDGES, [*ranks])
    named = components(ranks, ((row["weaker_root"], row["stronger_root"]) for row in rows))
    changed = await fetch(sql.WRITE_CUSTOMERS, *_columns(named.items(), 2))
    return {row["was"] for row in changed} | {row["customer"] for row in changed}
