"""A playbook, and leads that it is for: what examples of following up begin with."""

from collections.abc import Sequence as List
from datetime import timedelta
from typing import Any

import httpx
import msgspec
from msgspec.structs import replace

from services.leads import consumers
from services.leads.consumers import SOURCE
from services.leads.decider import LEAD
from services.leads.follow_ups.commands import (
    DefineSequence,
    DefineTactic,
    PlaybookCommand,
    ReachStage,
    StartSequence,
)
from services.leads.follow_ups.decider import PLAYBOOK
from services.leads.follow_ups.decider.playbook import STREAM
from services.leads.follow_ups.events import (
    FollowUpStarted,
    Planned,
    Sequence,
    SequenceDefined,
    Start,
    Step,
    Tactic,
    TacticDefined,
)
from services.leads.follow_ups.reminding import REMINDER
from services.leads.follow_ups.states import Playbook
from shared.clock import now, rfc3339
from shared.deciding.store import Origin
from shared.deciding.timers import Ticking
from shared.leases import Lease
from tests.leads.answering import SCHEMA, Leads, decided
from tests.leads.examples import JANE, ME, SALES, captured
from tests.leads.told import capture, number
from tests.records import at, record

HOUR, DAY = 3600, 86400
POLICIES = consumers.policies("")

STEPS = (
    Step("call", "Call them", "call", hours=2, guide="Ask why."),
    Step("write", "Write to them", "email", days=2),
    Step("again", "Call again", "call", days=5, grace=48),
)
FIRST = Sequence("First contact", STEPS, (Start("sales", "new"),), "stage")
ONE = replace(FIRST, steps=STEPS[:1], ends="closed")
"""One call, two hours after a lead comes."""

CARE = Sequence("Care", (Step("visit", "Visit them", "visit", days=10),))
SAMPLES = Tactic("Samples", "Send some.", stages=("offer",), objections=("too dear",))


def playbook(*events: Any, **sequences: Sequence) -> Playbook:
    """With these sequences, by default the first contact and one that is started by hand."""
    given = sequences or {"first": FIRST, "care": CARE}
    defined = [SequenceDefined(name, 1, each, at=at(0)) for name, each in given.items()]
    return PLAYBOOK.fold([*defined, TacticDefined("samples", 1, SAMPLES, at=at(0)), *events])


def lead(*events: Any, **changes: Any) -> Any:
    """Jane's lead, which somebody owns, as it stands."""
    return LEAD.fold([captured(**({"owner": "7"} | changes)), *events])


def reach(stage: str = "new", seconds: float = 1, **changes: Any) -> ReachStage:
    """Jane's lead comes into a stage."""
    wanted: dict[str, Any] = {
        "lead": ME,
        "known": lead(),
        "playbook": playbook(),
        "stage": stage,
        "begins": stage == "new",
        "recorded": at(seconds),
        "at": at(seconds),
    }
    return ReachStage(**(wanted | changes))


def planned(seconds: float = 1, first: int = 1) -> tuple[Planned, ...]:
    """The steps of the first contact, of a lead that came then."""
    calls, when = ("call.placed", "call.received"), seconds
    due = [when + 2 * HOUR, when + 2 * DAY, when + 5 * DAY]
    return (
        Planned(
            *(first, "call", "Call them", "call", at(when), at(due[0]), at(due[0] + DAY)),
            *(calls, "Ask why."),
        ),
        Planned(
            *(first + 1, "write", "Write to them", "email", at(due[0]), at(due[1])),
            *(at(due[1] + DAY), ("email.sent",)),
        ),
        Planned(
            *(first + 2, "again", "Call again", "call", at(due[1]), at(due[2])),
            *(at(due[2] + 2 * DAY), calls),
        ),
    )


def started(seconds: float = 1, first: int = 1, **changes: Any) -> FollowUpStarted:
    """The first contact of Jane's lead was started."""
    given: dict[str, Any] = {
        "lead": ME,
        "pipeline": "sales",
        "subject": JANE,
        "sequence": "first",
        "version": 1,
        "why": "stage new",
        "steps": planned(seconds, first),
        "owner": "7",
        "stage": "new",
        "at": at(seconds),
    }
    return FollowUpStarted(**(given | changes))


def define(sequence: Sequence, name: str = "first", seconds: float = 1) -> DefineSequence:
    return DefineSequence(name=name, sequence=sequence, pipelines={"sales": SALES}, at=at(seconds))


def define_tactic(tactic: Tactic, name: str = "samples", seconds: float = 1) -> DefineTactic:
    return DefineTactic(name=name, tactic=tactic, at=at(seconds))


def numbers(steps: List[Any]) -> list[int]:
    return [each.step for each in steps]


async def react(leads: Leads) -> None:
    """Let the policies decide about all that was decided, until nothing more follows; fold it."""
    after = 0
    while rows := await decided(leads.site.pool, after):
        events = [POLICIES.decode(row) for row in rows]
        async with leads.site.pool.acquire() as connection, connection.transaction():
            await POLICIES.fold(connection, SCHEMA, events)
        after += len(rows)
    await leads.settle()


async def happen(leads: Leads, type_: str, *who: str, at_: str, **fields: Any) -> None:
    """An interaction that the policies decide about."""
    leads.told += 1
    one = record(type_, *who, id=str(leads.told), offset=leads.told, **fields)
    told = msgspec.json.decode(one.value) | {"time": at_, "recordedtime": at_}
    one = one._replace(value=msgspec.json.encode(told))
    await leads.fold(one)
    async with leads.site.pool.acquire() as connection, connection.transaction():
        await POLICIES.fold(connection, SCHEMA, [POLICIES.decode(one)])
    await react(leads)


async def written(leads: Leads, *commands: PlaybookCommand) -> None:
    """Write the playbook."""
    for command in commands:
        await leads.handler.carry_out(
            PLAYBOOK, STREAM, command, Origin("service:app"), partitionkey=STREAM
        )


async def tick(leads: Leads) -> int:
    """Let the moments come that are due by now; how many."""
    pool, before = leads.site.pool, leads.folded
    epoch = await pool.fetchval(
        "INSERT INTO leases (schema, unit, owner, epoch) VALUES ($1, 'follow-ups', 'a', 1)"
        " ON CONFLICT (schema, unit) DO UPDATE SET epoch = leases.epoch + 1 RETURNING epoch",
        SCHEMA,
    )
    lease = Lease(SCHEMA, "follow-ups", "a", epoch)
    await Ticking(pool, lease, SOURCE, REMINDER).turn()
    await leads.settle()
    return leads.folded - before


def by_hand(sequence: str = "care", **changes: Any) -> StartSequence:
    wanted: dict[str, Any] = {"lead": ME, "known": lead(), "playbook": playbook(), "at": at(2)}
    return StartSequence(sequence=sequence, **(wanted | changes))


# --- over HTTP

SEVEN, EIGHT = "representative:7", "representative:8"


def ago(**span: float) -> str:
    return rfc3339(now() - timedelta(**span))


def ahead(**span: float) -> str:
    return rfc3339(now() + timedelta(**span))


async def begun(leads: Leads, n: int = 1, at: str | None = None, **fields: Any) -> str:
    """The nth lead, for which the first contact was started."""
    wanted: dict[str, Any] = {"owner": SEVEN, "at": at or ago(minutes=1)}
    await leads.carry_out(number(n), capture(n, **(wanted | fields)))
    await react(leads)
    return f"/v1/leads/{number(n)}"


async def send(
    leads: Leads, path: str, body: Any = None, who: str = SEVEN, version: int | None = None
) -> httpx.Response:
    """A command, for a version where one is given."""
    headers = {**leads.headers(who)}
    if version is not None:
        headers["If-Match"] = f'"{version}"'
    answer = await leads.client.post(path, json=body or {}, headers=headers)
    await leads.settle()
    return answer


def problem(answer: httpx.Response) -> tuple[int, str, list[str]]:
    found = answer.json()
    return answer.status_code, found["code"], [each["pointer"] for each in found["errors"]]


async def worth(
    leads: Leads, n: int, amount: int | None = None, currency: str = "EUR", **fields: Any
) -> str:
    """The nth lead, of which a call is due."""
    money: dict[str, Any] = {} if amount is None else {"amount": amount, "currency": currency}
    return await begun(leads, n, **({"at": ago(hours=3)} | money | fields))
