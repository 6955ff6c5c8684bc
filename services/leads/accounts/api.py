"""Accounts over HTTP: the organisation chart, notes, and the open leads of all its people."""

from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends, Header, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.leads.accounts import queries
from services.leads.accounts.commands import (
    AccountCommand,
    NameAccount,
    NoteAccount,
    PlacePerson,
    RemovePerson,
)
from services.leads.accounts.decider import ACCOUNT, account_of, known, stream_of
from services.leads.accounts.states import Account, Person
from services.leads.api import documents
from services.leads.api.bodies import Text, example
from services.leads.api.capturing import IdempotencyKey, Writer
from services.leads.api.context import (
    answer,
    cursors_of,
    handler_of,
    moment,
    origin_of,
    schema_of,
    sight_of,
    site_of,
)
from services.leads.queries.filters import seen
from shared.auth import Key, require
from shared.deciding.store import Kept
from shared.documents import answers
from shared.http import conditional, expected_version, json_response, page, version_tag
from shared.idempotency import once
from shared.parameters import Line, Page, Parameters

router = APIRouter(tags=["accounts"])
Reader = Annotated[Key, Depends(require("read"))]
IfMatch = Annotated[
    str | None,
    Header(alias="If-Match", description="The ETag of the account as you saw it; required."),
]
IfRenamed = Annotated[
    str | None,
    Header(alias="If-Match", description="Its ETag; required to give another name."),
]

_ACCOUNT, _JANE, _JOHN = (
    "5f1c2a7e-0d3b-8c4a-9e6f-1a2b3c4d5e6f",
    documents.LISTED["subject"],
    "0c9e4b1d-7f2a-8b3c-a1d4-5e6f7a8b9c0d",
)
_LEAF = {"person": _JANE, "name": "Jane Doe", "role": "buyer", "reports": []}
CHANGED: dict[str, Any] = {
    "account": _ACCOUNT,
    "version": 3,
    "name": "Acme Ltd",
    "chart": [{"person": _JOHN, "name": "John Roe", "role": "director", "reports": [_LEAF]}],
    "position": "leads.events/3/1042",
}
_MEMBER = {"person": _JANE, "customer": _JANE, "role": "buyer", "organisation": "Acme Ltd"}
SHOWN: dict[str, Any] = {
    **{name: CHANGED[name] for name in ("account", "version", "name", "chart")},
    "members": [_MEMBER | {"since": "2026-01-31T11:00:00.000000Z"}],
    "amounts": [{"currency": "EUR", "leads": 1, "amount": 398000}],
    "open_leads": [documents.LISTED],
}
NOTES: dict[str, Any] = {
    "data": [
        {
            "version": 4,
            "time": "2026-11-02T10:00:00.000000Z",
            "actor": "representative:7",
            "text": "They move in May.",
        }
    ],
    "next_cursor": None,
}
_ANSWERS: Any = answers(CHANGED, 400, 404, 409, 412, 413, 428)


class OrganisationBody(BaseModel):
    """As membership.changed names it."""

    model_config = ConfigDict(extra="forbid")

    namespace: Annotated[Line, StringConstraints(max_length=128)] = ""
    id: Text


class AccountBody(BaseModel):
    model_config = example(organisation={"namespace": "crm", "id": "acme"}, name="Acme Ltd")

    organisation: OrganisationBody
    name: Text


class PersonBody(BaseModel):
    model_config = example(name="Jane Doe", role="buyer", reports_to=_JOHN)

    name: Text
    role: Text
    reports_to: UUID | None = Field(None, description="The subject of somebody in the chart.")


class NoteBody(BaseModel):
    model_config = example(text="They move in May.")

    text: Annotated[str, StringConstraints(min_length=1, max_length=20_000)]


@router.put(
    "/v1/accounts",
    summary="Keep an organisation as an account",
    responses=answers(CHANGED, 400, 409, 412, 413, 428),
    response_class=Response,
)
async def keep(
    request: Request,
    body: AccountBody,
    key: Writer,
    if_match: IfRenamed = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Or call it otherwise; `account` in the answer is its id, the same for ever."""
    organisation = account_of(body.organisation.namespace, body.organisation.id)

    async def run() -> Response:
        kept = await handler_of(request).load(ACCOUNT, stream_of(organisation))
        expected = kept.version
        if isinstance(kept.state, Account) and kept.state.name != body.name:
            expected = expected_version(request)
        command = NameAccount(organisation=organisation, name=body.name, at=moment())
        return await _carried_out(request, key, organisation, command, expected)

    return await once(site_of(request).pool, key, request, run)


@router.get(
    "/v1/accounts/{account}",
    summary="One account",
    responses=answers(SHOWN, 404),
    response_class=Response,
)
async def one_account(
    request: Request, account: UUID, parameters: Annotated[Parameters, Query()], key: Reader
) -> Response:
    """The chart as a tree, who belongs to the organisation as the log says, and what is open.

    `chart`: the people who report to nobody, each with its `reports`; `members`: at most 500, from
    membership.changed. `open_leads`: of all customers whom people of either are, the 50 touched
    latest, and `amounts` of all of them by currency, in minor units, null those without an amount;
    of the leads that the key sees. The ETag is what changing it asks for.
    """
    site = site_of(request)
    kept = await _account(request, str(account))
    state: Account = kept.state
    limits = seen(await sight_of(request, key))
    schema = await schema_of(site, parameters.min_position)
    async with (
        site.pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        members = await queries.members(connection, schema, str(account))
        people = sorted({*state.people, *(each.person for each in members)})
        amounts, leads = await queries.open_leads(connection, schema, people, limits)
    content = _shown(kept.version, state) | {
        "members": [each._asdict() for each in members],
        "amounts": msgspec.Raw(amounts.encode()),
        "open_leads": msgspec.Raw(leads.encode()),
    }
    return json_response(content, headers={"ETag": version_tag(kept.version)})


@router.put(
    "/v1/accounts/{account}/people/{person}",
    summary="Place a person in the chart",
    responses=_ANSWERS,
    response_class=Response,
)
async def place(
    request: Request,
    account: UUID,
    person: UUID,
    body: PersonBody,
    key: Writer,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """A person, by any subject of theirs, with a role, under somebody or at the top; 409 `cycle`
    for one who would report to themselves, however far up."""
    above = None if body.reports_to is None else str(body.reports_to)
    command = PlacePerson(
        person=str(person), name=body.name, role=body.role, reports_to=above, at=moment()
    )
    return await _change(request, key, account, command)


@router.delete(
    "/v1/accounts/{account}/people/{person}",
    summary="Take a person out of the chart",
    responses=_ANSWERS,
    response_class=Response,
)
async def remove(
    request: Request, account: UUID, person: UUID, key: Writer, if_match: IfMatch = None
) -> Response:
    """Who reported to them reports to whom they reported to; one who is not there is no news."""
    return await _change(request, key, account, RemovePerson(person=str(person), at=moment()))


@router.post(
    "/v1/accounts/{account}/notes",
    summary="Note something about an account",
    responses=_ANSWERS,
    response_class=Response,
)
async def note(
    request: Request,
    account: UUID,
    body: NoteBody,
    key: Writer,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Kept with who wrote it, and when; needs no If-Match."""

    async def run() -> Response:
        command = NoteAccount(text=body.text, at=moment())
        return await _carried_out(request, key, str(account), command)

    return await once(site_of(request).pool, key, request, run)


@router.get(
    "/v1/accounts/{account}/notes",
    summary="The notes about an account",
    responses=answers(NOTES, 304, 404),
    response_class=Response,
)
async def all_notes(
    request: Request, account: UUID, parameters: Annotated[Page, Query()], key: Reader
) -> Response:
    """A page of notes, the latest first."""
    site = site_of(request)
    kept = await _account(request, str(account))
    schema = await schema_of(site, parameters.min_position)
    name = f"/v1/accounts/{account}/notes"
    cursor = cursors_of(site).read(name, parameters.cursor)
    before = int(cursor[0] or 0) if cursor else None
    async with site.pool.acquire() as connection:
        rows = await queries.notes(connection, schema, kept.stream, before, parameters.limit)
    shown = rows[: parameters.limit]
    more = len(rows) > parameters.limit
    following = cursors_of(site).write(name, [shown[-1][0]]) if more else None
    return conditional(request, page([row[1] for row in shown], following))


async def _account(request: Request, account: str) -> Kept:
    """An account as it stands. Raises NotFound."""
    kept = await handler_of(request).load(ACCOUNT, stream_of(account))
    known(kept.state)
    return kept


async def _change(request: Request, key: Key, account: UUID, command: AccountCommand) -> Response:
    async def run() -> Response:
        expected = expected_version(request)
        return await _carried_out(request, key, str(account), command, expected)

    return await once(site_of(request).pool, key, request, run)


async def _carried_out(
    request: Request, key: Key, account: str, command: AccountCommand, expected: int | None = None
) -> Response:
    handled = await handler_of(request).carry_out(
        *(ACCOUNT, stream_of(account), command, origin_of(key)),
        partitionkey=account,
        expected=expected,
    )
    return answer(request, handled, account, _shown(handled.version, handled.state))


def _shown(version: int, state: Account) -> dict[str, Any]:
    chart = {"name": state.name, "chart": _under(state.people, None)}
    return {"account": state.organisation, "version": version, **chart}


def _under(people: Mapping[str, Person], above: str | None) -> list[dict[str, Any]]:
    """Who reports to somebody, by name, each with those who report to them."""
    mine = sorted(
        (each.name, who, each.role) for who, each in people.items() if each.reports_to == above
    )
    return [
        {"person": who, "name": name, "role": role, "reports": _under(people, who)}
        for name, who, role in mine
    ]
