"""Policies: what a service decides of its own accord about the events that it reads."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import asyncpg
from sqlalchemy import MetaData

from shared.database import Connection
from shared.decider import Decider
from shared.deciding.batch import Batch
from shared.deciding.store import Lost, append
from shared.errors import DatabaseUnavailable, Problem
from shared.messages import Record
from shared.projection import Event, Projection, View
from shared.schemas import policies_of

TRIES = 5
"""Times that a batch is decided anew where commands were faster."""


ANYBODY = "00000000-0000-0000-0000-000000000000"
"""The subject of what is in the inbox although it is not known of whom it was."""


class Target(NamedTuple):
    """A stream whose state a command is made with."""

    decider: Decider[Any, Any, Any]
    stream: str


class Beside(NamedTuple):
    """Whichever stream holds a claim of this scope: a command is made with its state too."""

    decider: Decider[Any, Any, Any]
    scope: str


@dataclass(frozen=True)
class Reaction:
    """What a policy wants: a command to a stream.

    With a `scope`, to whichever stream holds that claim for the customer of any of `subjects`;
    where none does, and without a scope, to `stream`, which begins with `partitionkey`. With a
    `prefix`, to every stream that holds a claim whose scope begins so for the customer of any of
    `subjects`, and to no other; all claims of such scopes are of streams of that decider.
    `command` makes it from the states of what it `needs`, by stream, and of those that hold claims
    `beside` for the customer of any of `subjects`, by scope: where none does, the initial one.
    """

    decider: Decider[Any, Any, Any]
    stream: str
    partitionkey: str
    command: Callable[[Mapping[str, Any]], Any]
    scope: str | None = None
    subjects: tuple[str, ...] = ()
    needs: tuple[Target, ...] = ()
    prefix: str | None = None
    beside: tuple[Beside, ...] = ()


def to_all(
    decider: Decider[Any, Any, Any],
    prefix: str,
    subjects: tuple[str, ...],
    command: Callable[[Mapping[str, Any]], Any],
) -> Reaction:
    """A command to every stream that holds a claim whose scope begins so for those customers."""
    return Reaction(decider, "", "", command, subjects=subjects, prefix=prefix)


Asked = tuple[Event, Sequence[Reaction]]
"""An event, and what a policy wants of it."""


class Belonging(NamedTuple):
    """A subject belongs to a customer; the highest revision stands."""

    subject: str
    customer: str
    revision: int


@dataclass(frozen=True)
class Policy:
    """`react` is pure: what an event asks for; None where it is none of the policy's business."""

    name: str
    react: Callable[[Event], Sequence[Reaction] | None]
    belongs: Callable[[Event], Belonging | None]


def policies_view(
    service: str,
    source: str,
    topics: tuple[str, ...],
    decode: Callable[[Record], Event],
    policy: Policy,
) -> View:
    """The policies of a service as the runtime works on them: never rewound, never rebuilt.

    Decisions stand beside `events`, so its schema has no tables of its own.
    """

    async def fold(connection: Connection, schema: str, events: Sequence[Event]) -> None:
        await _decide(connection, source, policy, events)

    return View(
        service=policies_of(service),
        version=1,
        topics=topics,
        metadata=MetaData(),
        decode=decode,
        projection=Projection((), lambda event: None, lambda events: {}, ()),
        fold=fold,
        ordered=True,
    )


async def _decide(
    connection: Connection, source: str, policy: Policy, events: Sequence[Event]
) -> None:
    """Decide about a batch in the open transaction: all events and states in one go.

    Nothing that `inbox` has is decided again. Raises DatabaseUnavailable, so that the batch is
    tried again, where commands were faster each time.
    """
    await note_belonging(connection, policy, events)
    asked = [(event, found) for event in events if (found := policy.react(event)) is not None]
    refused: set[str] = set()
    for tries in range(TRIES):
        wanted = await _undecided(connection, policy.name, asked)
        if not wanted:
            return
        try:
            async with connection.transaction():
                await _decide_once(connection, source, policy.name, wanted, refused)
            return
        except Lost as lost:
            if tries:  # not for the holder that was not there yet
                refused |= lost.refused
        except asyncpg.UniqueViolationError:  # another schema's holder decides about the same
            continue
    raise DatabaseUnavailable("others were faster each time")


async def note_belonging(connection: Connection, policy: Policy, events: Sequence[Event]) -> None:
    """Note who belongs to whom, in the open transaction."""
    told = [belonging for event in events if (belonging := policy.belongs(event)) is not None]
    if told:
        await connection.execute(_BELONGS, *zip(*_latest(told), strict=True))


async def _decide_once(
    connection: Connection,
    source: str,
    policy: str,
    wanted: Sequence[Asked],
    refused: Collection[str],
) -> None:
    """`refused`: streams that may not have what they would claim."""
    reactions = [each for _, found in wanted for each in found]
    batch = await Batch.load(connection, reactions, refused)
    outcomes = _carry_out(batch, policy, wanted)
    claimants: set[str] = set()
    while strangers := batch.strangers:  # at most once for each subject that something claims
        claimants |= strangers  # whose claims they are matters to what comes after them
        batch = await Batch.load(connection, reactions, refused, claimants)
        outcomes = _carry_out(batch, policy, wanted)
    await connection.execute(_LOOKED_AT, *zip(*outcomes, strict=True))
    if changes := batch.changes():
        await append(connection, source, changes)


def _carry_out(batch: Batch, policy: str, wanted: Sequence[Asked]) -> list[tuple[object, ...]]:
    """Decide all of it in memory; the rows of the inbox."""
    outcomes: list[tuple[object, ...]] = []
    for event, reactions in wanted:
        outcome, stream = "nothing", None
        for reaction in reactions:
            for stream in batch.targets(reaction):
                try:
                    decided = batch.carry_out(reaction, stream, event)
                    outcome = "decided" if decided else "nothing new"
                except Problem as problem:
                    outcome = f"refused: {problem.code}"
        envelope = event.envelope
        outcomes.append((envelope.partitionkey, envelope.event, policy, outcome, stream))
    return outcomes


async def _undecided(connection: Connection, policy: str, wanted: Sequence[Asked]) -> list[Asked]:
    """Those that the inbox does not have, each once."""
    first: dict[tuple[str, str], Asked] = {}
    for each in wanted:
        first.setdefault((each[0].envelope.partitionkey, each[0].envelope.event), each)
    if not first:
        return []
    rows = await connection.fetch(_KNOWN, policy, *zip(*first, strict=True))
    for row in rows:
        del first[str(row["subject"]), str(row["event"])]
    return [*first.values()]


def _latest(belongs: Sequence[Belonging]) -> list[Belonging]:
    """The highest revision of each subject, in the order of subjects so that none deadlock."""
    found: dict[str, Belonging] = {}
    for each in belongs:
        if each.subject not in found or found[each.subject].revision < each.revision:
            found[each.subject] = each
    return sorted(found.values())


_BELONGS = """
INSERT INTO belonging AS b (subject, customer, revision)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::bigint[])
ON CONFLICT (subject) DO UPDATE SET customer = excluded.customer, revision = excluded.revision
WHERE excluded.revision > b.revision
"""

_KNOWN = f"""
SELECT g.subject, g.event FROM unnest($2::uuid[], $3::uuid[]) g (subject, event)
JOIN inbox i ON i.subject = g.subject AND i.event = g.event AND i.policy = $1
UNION
SELECT g.subject, g.event FROM unnest($2::uuid[], $3::uuid[]) g (subject, event)
JOIN inbox i ON i.subject = '{ANYBODY}' AND i.event = g.event AND i.policy = $1
"""

_LOOKED_AT = """
INSERT INTO inbox (subject, event, policy, outcome, stream)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::uuid[])
"""
