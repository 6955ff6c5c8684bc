"""A batch of commands decided in memory: all that it touches is loaded once, and appended once."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

from shared.database import Connection
from shared.decider import Claim, Decider
from shared.deciding.store import Change, Decided, Kept, Origin, load
from shared.errors import Conflict
from shared.projection import Event

POLICY = "policy"
"""The actor of what a policy decided."""


class Wanted(Protocol):
    """See `policies.Reaction`."""

    @property
    def decider(self) -> Decider[Any, Any, Any]: ...
    @property
    def stream(self) -> str: ...
    @property
    def partitionkey(self) -> str: ...
    @property
    def scope(self) -> str | None: ...
    @property
    def prefix(self) -> str | None: ...
    @property
    def subjects(self) -> tuple[str, ...]: ...
    @property
    def needs(self) -> Sequence[tuple[Decider[Any, Any, Any], str]]: ...
    @property
    def beside(self) -> Sequence[tuple[Decider[Any, Any, Any], str]]: ...
    def command(self, states: Mapping[str, Any], /) -> Any: ...


class Holding(NamedTuple):
    """A stream holds a claim of this scope."""

    scope: str
    stream: str


class Batch:
    """The streams that a batch touches, as they are while it is decided."""

    def __init__(
        self,
        kept: Mapping[str, Kept],
        customers: Mapping[str, str],
        holders: Mapping[tuple[str, str], str],
        refused: Collection[str] = (),
        held_by: Mapping[str, Iterable[Holding]] = MappingProxyType({}),
    ) -> None:
        """`customers` by subject where it is another; `holders`: streams by scope and customer;
        `refused`: streams that may take no claim; `held_by`: what is held by customer."""
        self._kept = kept
        self._refused = refused
        self._customers = customers
        self._holders = dict(holders)
        self._held_by = defaultdict[str, set[Holding]](set)
        for customer, holdings in held_by.items():
            self._held_by[customer] |= {*holdings}
        self._states = {stream: each.state for stream, each in kept.items()}
        self._decided: defaultdict[str, list[Decided]] = defaultdict(list)
        self._deciders: dict[str, Decider[Any, Any, Any]] = {}
        self._keys: dict[str, str] = {}
        self._asked: set[str] = set()
        self._claimed: set[str] = set()

    @classmethod
    async def load(
        cls,
        connection: Connection,
        wanted: Sequence[Wanted],
        refused: Collection[str] = (),
        claimants: Collection[str] = (),
    ) -> "Batch":
        """Load and lock every stream that may be reached, in the open transaction.

        Mostly a stream claims the subject that is its partition key; `claimants` are others that
        the batch is going to take claims of.
        """
        subjects = {subject for each in wanted for subject in each.subjects}
        subjects |= {each.partitionkey for each in wanted if each.prefix is None} | {*claimants}
        customers, holders = await held(connection, _scopes(wanted), subjects)
        held_by = await _held_within(connection, wanted, customers)
        kept: dict[str, Kept] = {}
        for decider, streams in _needed(wanted).items():
            kept |= await load(connection, decider, streams)
        for decider, streams in _reached(wanted, holders, held_by).items():
            kept |= await load(connection, decider, streams, lock=True)
        batch = cls(kept, customers, holders, refused, held_by)
        batch._asked = subjects
        return batch

    @property
    def strangers(self) -> set[str]:
        """Subjects that claims were taken of without knowing whose they are."""
        return self._claimed - self._asked

    def targets(self, wanted: Wanted) -> Sequence[str]:
        """The streams that a command is for."""
        if wanted.prefix is not None:
            return self._all_within(wanted.prefix, wanted.subjects)
        if wanted.scope is not None:
            holder = self._holder(wanted.scope, wanted.subjects)
            return [wanted.stream if holder is None else holder]
        return [wanted.stream]

    def _holder(self, scope: str, subjects: Iterable[str]) -> str | None:
        """The stream that holds a claim of this scope for the customer of any of the subjects."""
        customers = (self._customer(subject) for subject in subjects)
        holders = (self._holders.get((scope, customer)) for customer in customers)
        return next((holder for holder in holders if holder is not None), None)

    def _states_for(self, wanted: Wanted) -> dict[str, Any]:
        """What a command is made with: states by stream, and by scope those of who holds it."""
        states = {stream: self._states[stream] for _, stream in wanted.needs}
        for decider, scope in wanted.beside:
            holder = self._holder(scope, wanted.subjects)
            states[scope] = decider.initial if holder is None else self._states[holder]
        return states

    def _all_within(self, prefix: str, subjects: Iterable[str]) -> list[str]:
        """Every stream with such a claim for the customer of any of the subjects, in order."""
        customers = {self._customer(subject) for subject in subjects}
        holdings = {each for customer in customers for each in self._held_by.get(customer, ())}
        return sorted({each.stream for each in holdings if each.scope.startswith(prefix)})

    def carry_out(self, wanted: Wanted, stream: str, event: Event) -> bool:
        """Decide a command that follows from an event; whether anything came of it.

        Raises what the decider raises.
        """
        decider, state = wanted.decider, self._states[stream]
        command = wanted.command(self._states_for(wanted))
        events = decider.decide(state, command)
        after = decider.fold(events, state)
        before, then = decider.claims(state), decider.claims(after)
        if then - before and stream in self._refused:
            raise Conflict("Another one holds what this claims.", code="claim_taken")
        origin = _origin(event)
        self._decided[stream] += [Decided(each, origin) for each in events]
        self._states[stream] = after
        self._deciders[stream] = decider
        self._keys.setdefault(stream, wanted.partitionkey)
        self._hold(stream, before, then)
        return bool(events)

    def changes(self) -> list[Change]:
        """What is to be appended."""
        return [
            Change(
                *(self._deciders[stream], self._kept[stream], decided),
                *(self._states[stream], self._keys[stream]),
            )
            for stream, decided in self._decided.items()
            if decided
        ]

    def _hold(self, stream: str, before: frozenset[Claim], after: frozenset[Claim]) -> None:
        for scope, subject in before - after:
            customer = self._customer(subject)
            self._holders.pop((scope, customer), None)
            self._held_by[customer].discard(Holding(scope, stream))
        for scope, subject in after - before:
            self._claimed.add(subject)
            customer = self._customer(subject)
            self._holders[scope, customer] = stream
            self._held_by[customer].add(Holding(scope, stream))

    def _customer(self, subject: str) -> str:
        return self._customers.get(subject, subject)


async def held(
    connection: Connection, scopes: Iterable[str], subjects: Iterable[str]
) -> tuple[dict[str, str], dict[tuple[str, str], str]]:
    """Who belongs to whom, and which streams hold claims of these scopes for those customers.

    The customers of subjects, where they are others; the streams by scope and customer.
    """
    asked = sorted(subjects)
    rows = await connection.fetch(_CUSTOMERS, asked)
    customers = {str(row["subject"]): str(row["customer"]) for row in rows}
    theirs = sorted({customers.get(subject, subject) for subject in asked})
    holders: dict[tuple[str, str], str] = {}
    for row in await connection.fetch(_HOLDERS, sorted(scopes), theirs):
        holders.setdefault((row["scope"], str(row["customer"])), str(row["stream"]))
        customers[str(row["subject"])] = str(row["customer"])
    return customers, holders


async def _held_within(
    connection: Connection, wanted: Sequence[Wanted], customers: dict[str, str]
) -> dict[str, list[Holding]]:
    """What is held, of scopes that begin as is asked, by the customers of those subjects.

    Whom the subjects of these claims belong to is added to `customers`.
    """
    asked = [each for each in wanted if each.prefix is not None]
    theirs = {customers.get(subject, subject) for each in asked for subject in each.subjects}
    found = defaultdict[str, list[Holding]](list)
    if theirs:
        prefixes = sorted({each.prefix or "" for each in asked})
        for row in await connection.fetch(_HELD_WITHIN, prefixes, sorted(theirs)):
            customer = customers[str(row["subject"])] = str(row["customer"])
            found[customer].append(Holding(row["scope"], str(row["stream"])))
    return found


def _scopes(wanted: Sequence[Wanted]) -> dict[str, Decider[Any, Any, Any]]:
    """The scopes of which holders are asked for, and of what decider those are."""
    found = {scope: decider for each in wanted for decider, scope in each.beside}
    return found | {each.scope: each.decider for each in wanted if each.scope is not None}


def _reached(
    wanted: Sequence[Wanted],
    holders: Mapping[tuple[str, str], str],
    held_by: Mapping[str, Sequence[Holding]],
) -> dict[Decider[Any, Any, Any], set[str]]:
    """The streams that commands may be for, in one order so that none deadlock."""
    deciders = _scopes(wanted)
    within = {each.prefix: each.decider for each in wanted if each.prefix is not None}
    asked = [(each.decider, {each.stream}) for each in wanted if each.prefix is None]
    asked += [(deciders[scope], {stream}) for (scope, _), stream in holders.items()]
    asked += [
        (decider, {each.stream})
        for prefix, decider in within.items()
        for holdings in held_by.values()
        for each in holdings
        if each.scope.startswith(prefix)
    ]
    return _by_decider(asked)


def _needed(wanted: Sequence[Wanted]) -> dict[Decider[Any, Any, Any], set[str]]:
    """The streams that commands are made with."""
    return _by_decider((decider, {stream}) for each in wanted for decider, stream in each.needs)


def _by_decider(
    asked: Iterable[tuple[Decider[Any, Any, Any], set[str]]],
) -> dict[Decider[Any, Any, Any], set[str]]:
    found: dict[str, tuple[Decider[Any, Any, Any], set[str]]] = {}
    for decider, streams in asked:
        found.setdefault(decider.category, (decider, set()))[1].update(streams)
    return {decider: streams for _, (decider, streams) in sorted(found.items(), key=_category)}


def _category(item: tuple[str, object]) -> str:
    return item[0]


def _origin(event: Event) -> Origin:
    envelope = event.envelope
    return Origin(
        actor=POLICY,
        key=envelope.ingestkey,
        correlationid=envelope.correlationid,
        causationid=envelope.event,
        traceparent=envelope.traceparent,
    )


_CUSTOMERS = "SELECT subject, customer FROM belonging WHERE subject = ANY ($1::uuid[])"

# By the keys of both tables, however many claims there are: OFFSET 0 keeps a plan that was made
# when there were few from reading all claims of a scope.
_HOLDERS = """
WITH theirs AS (
    SELECT customer AS subject, customer FROM unnest($2::uuid[]) g (customer)
    UNION SELECT subject, customer FROM belonging WHERE customer = ANY ($2::uuid[])
)
SELECT c.scope, c.subject, c.stream, t.customer
FROM theirs t CROSS JOIN LATERAL (
    SELECT * FROM claims WHERE subject = t.subject AND scope = ANY ($1::text[]) OFFSET 0
) c
LEFT JOIN LATERAL (SELECT customer FROM belonging WHERE subject = c.subject OFFSET 0) b ON true
WHERE coalesce(b.customer, c.subject) = t.customer
ORDER BY c.scope, c.stream
"""

# by the key of one table and an index of the other, as above
_HELD_WITHIN = """
WITH theirs AS (
    SELECT customer AS subject, customer FROM unnest($2::uuid[]) g (customer)
    UNION SELECT subject, customer FROM belonging WHERE customer = ANY ($2::uuid[])
)
SELECT c.scope, c.subject, c.stream, t.customer
FROM theirs t CROSS JOIN LATERAL (
    SELECT * FROM claims WHERE subject = t.subject OFFSET 0
) c
LEFT JOIN LATERAL (SELECT customer FROM belonging WHERE subject = c.subject OFFSET 0) b ON true
WHERE coalesce(b.customer, c.subject) = t.customer
  AND EXISTS (SELECT FROM unnest($1::text[]) g (prefix) WHERE starts_with(c.scope, g.prefix))
ORDER BY c.scope, c.stream
"""
