"""Commissions: the rules, and the statements that follow from them."""

from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Header, Query, Request, Response
from pydantic import Field

from services.leads.api.capturing import IdempotencyKey
from services.leads.api.context import (
    answer,
    cursors_of,
    handler_of,
    moment,
    origin_of,
    schema_of,
    seen_by,
    site_of,
)
from services.leads.api.parameters import Day
from services.leads.measuring.periods import midnight
from services.leads.planning import queries
from services.leads.planning.api import documents
from services.leads.planning.api.bodies import RulesBody
from services.leads.planning.commands import DefineCommissions
from services.leads.planning.commissions import Happened, Line, statement
from services.leads.planning.decider import COMMISSIONS
from services.leads.planning.decider.rules import STREAM
from services.leads.planning.events import CommissionRule
from services.leads.planning.queries import MOST_LEADS
from services.leads.planning.states import Commissions, Paid
from shared.auth import Key, require
from shared.clock import now, rfc3339
from shared.deciding.command_handler import Handled
from shared.documents import answers
from shared.errors import Forbidden, NotFound
from shared.http import expected_version, json_response, version_tag, wrong_parameter
from shared.idempotency import once
from shared.parameters import Line as Text
from shared.parameters import Page

MOST_DAYS = 366

router = APIRouter(tags=["commissions"])
Reader = Annotated[Key, Depends(require("read"))]
Operator = Annotated[Key, Depends(require("ops", "write"))]
IfMatch = Annotated[
    str | None,
    Header(alias="If-Match", description="The ETag of what you saw; required to change it."),
]


class Asked(Page):
    """Whose statement, of which days."""

    representative: Text | None = Field(None, description="Left out: of everybody.")
    since: Day | None = Field(
        None, alias="from", description="On or after this day (UTC); left out: of this month."
    )
    until: Day | None = Field(
        None, alias="to", description="Before this day (UTC); left out: today is the last."
    )

    def days(self) -> tuple[date, date]:
        until = self.until or now().date() + timedelta(days=1)
        since = self.since or (until - timedelta(days=1)).replace(day=1)
        if not timedelta(0) < until - since <= timedelta(days=MOST_DAYS):
            detail = f"From `from` to `to` there are 1 to {MOST_DAYS} days."
            raise wrong_parameter("from", "range", detail)
        return since, until


@router.get(
    "/v1/commissions",
    summary="A statement of commissions",
    responses=answers(documents.STATEMENT),
    response_class=Response,
)
async def commissions(
    request: Request, parameters: Annotated[Asked, Query()], key: Reader
) -> Response:
    """What was earned by winning leads in some days, and taken back by reopening them: a page of
    lines in the order of time, and the `sums` of all of them by representative and currency.

    A line is worked out from the events of the lead by the rules of the moment when it was won:
    a rule pays its rate of what it was won for, rounded half up, or its fixed amount, in minor
    units. `share` (hundredths of a percent) of that is for the `role`: the `owner` when it was won,
    who `captured` it, who had `quoted`, to whom it was `assigned` before. Equal parts where several
    had it, rounded down; what is left by rounding goes to the first, one unit each, so that all
    together get the shares of the commission that anybody had. Nobody's share, and a program's, is
    not paid. Winning pays by each rule that holds. A lead that is reopened takes back what it paid,
    when it is reopened (`amount` below 0): earlier statements stay as they were. `events` are those
    that a line follows from. A representative sees its own. At most 366 days; 422 where more than
    5,000 leads were won or reopened in them.
    """
    site = site_of(request)
    days, may = parameters.days(), seen_by(key)
    if may is not None and parameters.representative not in (None, may):
        raise Forbidden("A representative sees its own statement alone.")
    who = may or parameters.representative
    schema = await schema_of(site, parameters.min_position)
    name = f"/v1/commissions {who} {days}"
    cursor = cursors_of(site).read(name, parameters.cursor)
    done = int(cursor[0] or 0) if cursor else 0
    found = [
        line
        for line in await _lines(request, schema, days)
        if who is None or line.representative == who
    ]
    shown = found[done : done + parameters.limit]
    upto = done + len(shown)
    more = upto < len(found)
    return json_response(
        {
            "from": days[0],
            "to": days[1],
            "sums": _sums(found),
            "data": [_shown(line) for line in shown],
            "next_cursor": cursors_of(site).write(name, [upto]) if more else None,
        }
    )


async def _lines(request: Request, schema: str, days: tuple[date, date]) -> list[Line]:
    """All lines of some days, in their order. Raises Unprocessable where there are too many."""
    since, until = (midnight(day) for day in days)
    async with (
        site_of(request).pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        rules = await queries.rules(connection, schema)
        courses = await queries.courses(connection, schema, since, until)
        if len(courses) > MOST_LEADS:
            detail = f"More than {MOST_LEADS:,} leads were won or reopened: ask for fewer days."
            raise wrong_parameter("from", "too_many", detail)
        quotes = await queries.quotes(connection, schema, [*courses], until)
    first = rfc3339(since)
    lines = [
        line
        for lead, events in courses.items()
        for line in statement(lead, events, quotes.get(lead, ()), rules)
        if line.at >= first
    ]
    return sorted(lines, key=lambda line: (line.at, line.lead))


def _sums(lines: Sequence[Line]) -> list[dict[str, Any]]:
    earned: Counter[tuple[str, str]] = Counter()
    back: Counter[tuple[str, str]] = Counter()
    for line in lines:
        (earned if line.amount >= 0 else back)[line.representative, line.currency] += line.amount
    return [
        {
            "representative": key[0],
            "currency": key[1],
            "earned": earned[key],
            "taken_back": -back[key],
            "amount": earned[key] + back[key],
        }
        for key in sorted({*earned, *back})
    ]


def _shown(line: Line) -> dict[str, Any]:
    return {
        **{name: getattr(line, name) for name in ("at", "lead", "representative", "role")},
        **{name: getattr(line, name) for name in ("rule", "version", "share")},
        "won": {"amount": line.won, "currency": line.won_currency},
        "amount": line.amount,
        "currency": line.currency,
        "events": [_event(each) for each in line.events],
    }


def _event(event: Happened) -> dict[str, Any]:
    return {"event": event.event, "type": event.type, "at": event.at, "actor": event.actor}


@router.get(
    "/v1/commissions/rules",
    summary="The rules of commissions",
    responses=answers(documents.RULES, 404),
    response_class=Response,
)
async def rules(request: Request, key: Reader) -> Response:
    """Those that stand; 404 while there never were any."""
    kept = await handler_of(request).load(COMMISSIONS, STREAM)
    if not isinstance(kept.state, Paid):
        raise NotFound("There are no rules yet: PUT /v1/commissions/rules makes some.")
    return json_response(_rules(kept.state), headers={"ETag": version_tag(kept.version)})


@router.put(
    "/v1/commissions/rules",
    summary="Make the rules of commissions",
    responses=answers(
        documents.RULES | {"position": "leads.events/3/1042"}, 400, 409, 412, 413, 428
    ),
    response_class=Response,
)
async def put_rules(
    request: Request,
    body: RulesBody,
    key: Operator,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """A new version of all rules, for leads that are won from now on; those won before stay paid as
    they were. With If-Match where there are some already. `rate` and `share` are in hundredths of a
    percent; the shares of a rule come to at most 10,000; no rules at all pay nothing."""

    async def run() -> Response:
        if seen_by(key) is not None:
            raise Forbidden("Rules of commissions are made by services.")
        kept = await handler_of(request).load(COMMISSIONS, STREAM)
        expected = expected_version(request) if kept.version else 0
        wanted = msgspec.convert(body.model_dump()["rules"], tuple[CommissionRule, ...])
        command = DefineCommissions(rules=wanted, at=moment())
        handled: Handled = await handler_of(request).carry_out(
            *(COMMISSIONS, STREAM, command, origin_of(key)), partitionkey=STREAM, expected=expected
        )
        return answer(request, handled, STREAM, _rules(handled.state))

    return await once(site_of(request).pool, key, request, run)


def _rules(state: Commissions) -> dict[str, Any]:
    assert isinstance(state, Paid)
    return {"version": state.version, "rules": msgspec.to_builtins(state.rules)}
