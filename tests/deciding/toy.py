"""A small decider: visits, of which a customer has one at a time, and policies that open them."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, assert_never

import msgspec
from msgspec import Struct

from shared.database import Pool
from shared.decider import Claim, Decider
from shared.deciding.policies import Belonging, Policy, Reaction, policies_view
from shared.deciding.store import Change, Decided, Kept, Origin, append
from shared.errors import Conflict, Unprocessable
from shared.ids import event_id
from shared.messages import Record, decode
from shared.projection import Event, View
from tests.records import at, record, subject

SOURCE = "/visits"
OPEN = "open"
HAPPENINGS = "happenings"
VISITS = "visits"
ORIGIN = Origin("service:tests", "tests")
NOW = at(0)
UNLUCKY = 1313


# Events


class Begun(Struct, frozen=True):
    who: str
    at: str


class Ordered(Struct, frozen=True):
    amount: int
    at: str


class Ended(Struct, frozen=True):
    at: str


class Reminded(Struct, frozen=True):
    """One is to be reminded at a moment; without one, no longer."""

    name: str
    due: str | None
    at: str


class Rung(Struct, frozen=True):
    """The moment of a reminder came."""

    name: str
    due: str
    at: str


VisitEvent = Begun | Ordered | Ended | Reminded | Rung


# Commands


class Order(Struct, frozen=True):
    """Order something; begins a visit where there is none. An amount of 0 is no news."""

    who: str
    amount: int
    at: str = NOW


class End(Struct, frozen=True):
    at: str = NOW


class Return(Struct, frozen=True):
    """Go on with a visit that ended."""

    at: str = NOW


class Remind(Struct, frozen=True):
    name: str
    due: str | None
    at: str = NOW


class Ring(Struct, frozen=True):
    name: str
    due: str
    at: str = NOW


VisitCommand = Order | End | Return | Remind | Ring


# States


class Nobody(Struct, frozen=True, tag=True):
    """There was no visit yet."""


class Here(Struct, frozen=True, tag=True):
    who: str
    amounts: tuple[int, ...] = ()
    reminders: dict[str, str] = {}


class Gone(Struct, frozen=True, tag=True):
    was: Here


Visit = Nobody | Here | Gone


def decide(state: Visit, command: VisitCommand) -> list[VisitEvent]:
    match command:
        case Order():
            return _order(state, command)
        case End():
            return [Ended(command.at)] if isinstance(state, Here) else []
        case Return():
            return [Begun(state.was.who, command.at)] if isinstance(state, Gone) else []
        case Remind():
            return [Reminded(command.name, command.due, command.at)]
        case Ring():
            return _ring(state, command)
        case _:
            assert_never(command)


def _order(state: Visit, command: Order) -> list[VisitEvent]:
    if command.amount == UNLUCKY:
        raise Unprocessable("Not this amount.", code="unlucky")
    if command.amount < 0:
        raise ValueError("a bug")
    if isinstance(state, Gone):
        raise Conflict("The visit is over.", code="over")
    if not command.amount:
        return []
    begun = [Begun(command.who, command.at)] if isinstance(state, Nobody) else []
    return [*begun, Ordered(command.amount, command.at)]


def _ring(state: Visit, command: Ring) -> list[VisitEvent]:
    if command.name == "unlucky":
        raise Unprocessable("Not this one.", code="unlucky")
    if command.name == "bug":
        raise ValueError("a bug")
    if isinstance(state, Here) and state.reminders.get(command.name) == command.due:
        return [Rung(command.name, command.due, command.at)]
    return []


def evolve(state: Visit, event: VisitEvent) -> Visit:
    match event:
        case Begun():
            return state.was if isinstance(state, Gone) else Here(event.who)
        case Ordered():
            here = _here(state)
            return msgspec.structs.replace(here, amounts=(*here.amounts, event.amount))
        case Ended():
            return Gone(_here(state))
        case Reminded():
            return _reminding(state, event.name, event.due)
        case Rung():
            return _reminding(state, event.name, None)
        case _:
            assert_never(event)


def _here(state: Visit) -> Here:
    assert isinstance(state, Here)
    return state


def _reminding(state: Visit, name: str, due: str | None) -> Visit:
    if not isinstance(state, Here):
        return state
    others = {key: value for key, value in state.reminders.items() if key != name}
    return msgspec.structs.replace(state, reminders=others | ({name: due} if due else {}))


def claims(state: Visit) -> frozenset[Claim]:
    return frozenset({Claim(OPEN, state.who)}) if isinstance(state, Here) else frozenset()


VISIT: Decider[Visit, VisitCommand, VisitEvent] = Decider(
    category="visit",
    initial=Nobody(),
    decide=decide,
    evolve=evolve,
    events={
        "visit.begun": Begun,
        "visit.ordered": Ordered,
        "visit.ended": Ended,
        "visit.reminded": Reminded,
        "visit.rung": Rung,
    },
    states=Visit,
    claims=claims,
)

NOTE: Decider[tuple[int, ...], int, Ordered] = Decider(
    category="note",
    initial=(),
    decide=lambda state, command: [Ordered(command, NOW)],
    evolve=lambda state, event: (*state, event.amount),
    events={"note.taken": Ordered},
    states=tuple[int, ...],
)
"""Streams of another kind, which claim nothing."""


# The store


def stream_of(name: str) -> str:
    """The stream of that name."""
    return event_id("stream", name)


def change(kept: Kept, *events: VisitEvent, who: str = "user:a") -> Change:
    """What appends events to a visit."""
    after = VISIT.fold(events, kept.state)
    return Change(VISIT, kept, [Decided(event, ORIGIN) for event in events], after, subject(who))


def begun(name: str, who: str = "user:a") -> Change:
    """What begins a visit."""
    kept = Kept(stream_of(name), 0, Nobody())
    return change(kept, Begun(subject(who), NOW), Ordered(1, NOW), who=who)


async def appended(pool: Pool, *changes: Change) -> list[int]:
    """Append in a transaction of its own."""
    async with pool.acquire() as connection, connection.transaction():
        return await append(connection, SOURCE, changes)


async def belong(pool: Pool, customer: str, *names: str) -> None:
    """Let subjects belong to a customer, as policies would have noted it."""
    rows = [(subject(name), subject(customer)) for name in names]
    await pool.executemany("INSERT INTO belonging VALUES ($1, $2, 1)", rows)


async def state_of(pool: Pool, stream: str) -> Visit:
    """The state that is kept of a visit."""
    found = await pool.fetchval("SELECT state FROM streams WHERE stream = $1", stream)
    return Nobody() if found is None else msgspec.json.decode(found, type=VISIT.states)


async def begun_visits(pool: Pool) -> int:
    """How many visits there are."""
    found = await pool.fetchval("SELECT count(*) FROM events WHERE type = 'visit.begun'")
    assert isinstance(found, int)
    return found


async def everything(pool: Pool) -> list[list[tuple[Any, ...]]]:
    """All rows of what a service decided."""
    tables = ("events", "streams", "claims")
    return [
        [tuple(row) for row in await pool.fetch(f"SELECT * FROM {table} ORDER BY 1, 2")]
        for table in tables
    ]


async def assert_kept_is_folded(pool: Pool) -> None:
    """The kept state of every stream is the fold of its events, and claims are what states say."""
    rows = await pool.fetch("SELECT stream, version, type, record FROM events ORDER BY 1, 2")
    states: dict[str, tuple[int, Any]] = {}
    deciders: dict[str, Decider[Any, Any, Any]] = {
        name: decider for decider in (VISIT, NOTE) for name in decider.events
    }
    for row in rows:
        decider, stream = deciders[row["type"]], str(row["stream"])
        version, state = states.get(stream, (0, decider.initial))
        assert row["version"] == version + 1
        kind = decider.events[row["type"]]
        event = msgspec.json.decode(decode(row["record"]).data, type=kind)
        states[stream] = version + 1, decider.evolve(state, event)
    kept = await pool.fetch("SELECT stream, version, state FROM streams")
    assert {str(row["stream"]): (row["version"], row["state"]) for row in kept} == {
        stream: (version, msgspec.json.encode(state)) for stream, (version, state) in states.items()
    }
    held = await pool.fetch("SELECT scope, subject, stream FROM claims")
    assert {(row["scope"], str(row["subject"]), str(row["stream"])) for row in held} == {
        (*claim, stream)
        for stream, (_, state) in states.items()
        if isinstance(state, Nobody | Here | Gone)
        for claim in claims(state)
    }


# Policies


class Body(Struct):
    """What the policy reads of an event."""

    amount: int = 0
    identifiers: tuple[dict[str, Any], ...] = ()
    subject: str = ""
    customer: str = ""
    revision: int = 0


def read(found: Record) -> Event:
    envelope = decode(found.value)
    return Event(found, envelope, msgspec.json.decode(envelope.data, type=Body))


def react(event: Event) -> Sequence[Reaction] | None:
    """Order for the visit that is open; begin one where none is."""
    body, envelope = event.body, event.envelope
    assert isinstance(body, Body)
    if envelope.type != "thing.happened":
        return None
    subjects = tuple(each["subject"] for each in body.identifiers if "subject" in each)
    command = Order(envelope.partitionkey, body.amount, envelope.happened)
    return [
        Reaction(
            VISIT,
            stream=opened_by(event.record),
            partitionkey=envelope.partitionkey,
            command=lambda states: command,
            scope=OPEN,
            subjects=subjects,
        )
    ]


def react_leniently(event: Event) -> Sequence[Reaction] | None:
    """The fix: an amount below zero is none."""
    body = event.body
    assert isinstance(body, Body)
    return react(event._replace(body=msgspec.structs.replace(body, amount=max(0, body.amount))))


def belongs(event: Event) -> Belonging | None:
    body = event.body
    assert isinstance(body, Body)
    if event.envelope.type != "belongs":
        return None
    return Belonging(body.subject, body.customer, body.revision)


def react_to_all(event: Event) -> Sequence[Reaction] | None:
    """Another rule: what is unlucky counts as one."""
    body = event.body
    assert isinstance(body, Body)
    amount = 1 if body.amount == UNLUCKY else body.amount
    return react(event._replace(body=msgspec.structs.replace(body, amount=amount)))


def policies(fixed: bool = False, lucky: bool = False) -> View:
    """The policies as the runtime works on them."""
    policy = POLICY
    if fixed or lucky:
        policy = replace(policy, react=react_leniently if fixed else react_to_all)
    return policies_view("toy", SOURCE, (HAPPENINGS,), read, policy)


def opened_by(found: Record) -> str:
    """The visit that an event begins where none is open."""
    envelope = decode(found.value)
    return event_id("visits", envelope.partitionkey + envelope.event)


POLICY = Policy("visiting", react, belongs)
POLICIES = policies()
FIXED = policies(fixed=True)


def happening(id: str, *who: str, amount: int = 1, **place: Any) -> Record:
    """Somebody orders; -1 cannot be decided, UNLUCKY is refused, 0 is no news."""
    place.setdefault("topic", f"{HAPPENINGS}.1")
    return record("thing.happened", *(who or ("user:a",)), id=id, amount=amount, **place)


def belonging(id: str, of: str, to: str, revision: int = 1) -> Record:
    """A subject belongs to a customer from now on."""
    topic, whom = f"{HAPPENINGS}.1", subject(to)
    told: dict[str, Any] = {"subject": subject(of), "customer": whom, "revision": revision}
    return record("belongs", of, id=id, topic=topic, offset=0, **told)


async def gathered(*work: Any) -> list[Any]:
    """Everything at once; errors are among the results."""
    return await asyncio.gather(*work, return_exceptions=True)
