"""Partners over HTTP: who they are, what they are shown, which of them wins what."""

from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import urlencode

import msgspec
from fastapi import APIRouter, Depends, Header, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from services.leads.api.bodies import Text, example
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
from services.leads.partners import queries
from services.leads.partners.commands import PutPartner
from services.leads.partners.decider import PARTNER, stream_of
from services.leads.partners.events import Release
from services.leads.partners.queries import Tally
from services.leads.partners.states import Partner, Stranger
from shared.auth import Key, require
from shared.documents import answers
from shared.errors import Forbidden, NotFound
from shared.http import expected_version, json_response, version_tag
from shared.idempotency import once
from shared.parameters import Name, Page

router = APIRouter(tags=["partners"])
Reader = Annotated[Key, Depends(require("read"))]
Operator = Annotated[Key, Depends(require("ops", "write"))]
IfMatch = Annotated[
    str | None,
    Header(alias="If-Match", description="The ETag of what you saw; required to change it."),
]
Names = Annotated[list[Text], Field(max_length=100)]

_RELEASE = {"identifiers": ["phone"], "traits": ["company"], "fields": ["seats"]}
_BODY = {
    "name": "Kettles & Co",
    "price_list": "partner",
    "release": _RELEASE | {"title": True, "notes": False},
    "active": True,
}
SHOWN: dict[str, Any] = {"principal": "partner:12", "version": 1, **_BODY}
_QUERY = "filter%5Bowner%5D%5Beq%5D=partner%3A12&filter%5Bstate%5D%5Beq%5D=won"
_AMOUNT = {"currency": "EUR", "leads": 3, "amount": 950000}
_COUNTS: dict[str, Any] = {
    "open": {"leads": 0, "amounts": [], "query": _QUERY.replace("won", "open")},
    "won": {"leads": 3, "amounts": [_AMOUNT], "query": _QUERY},
    "lost": {"leads": 1, "amounts": [_AMOUNT | {"leads": 1}], "query": _QUERY},
    "closing_rate": 0.75,
}
LISTED: dict[str, Any] = {
    "data": [SHOWN | {"touched": "2026-11-02T10:00:00.000000Z", "has": _COUNTS, "gave": _COUNTS}],
    "next_cursor": None,
}


class ReleaseBody(BaseModel):
    """Which data of customers a partner is shown, of the leads that it has or gave."""

    model_config = ConfigDict(extra="forbid")

    identifiers: Names = Field([], description="Kinds: user, crm, loyalty, email, phone, device.")
    traits: Names = Field([], description="Names of traits.")
    fields: Names = Field([], description="Names of the leads' own fields.")
    title: bool = Field(False, description="Titles, in which a customer's words may stand.")
    notes: bool = Field(False, description="Notes, reports of visits, reasons as one wrote them.")


class PartnerBody(BaseModel):
    model_config = example(**_BODY)

    name: Text
    price_list: Text | None = None
    release: ReleaseBody = ReleaseBody.model_validate({})
    active: bool = Field(True, description="One that is not is shown nothing, and refused.")


@router.get(
    "/v1/partners",
    summary="Which partner wins what",
    responses=answers(LISTED),
    response_class=Response,
)
async def partners(request: Request, parameters: Annotated[Page, Query()], key: Reader) -> Response:
    """A page of partners by principal, each with the leads that it `has` now and those it `gave`.

    `open`, `won` and `lost`: how many `leads`, `amounts` by currency in minor units - of open and
    lost ones as they are described, of won ones what they were won for - and the `query` of `GET
    /v1/leads` that lists them. `closing_rate` = won / (won + lost), null where none is closed.
    Merged leads count nowhere. Of a period: `GET /v1/leads/measures?by=owner`. For services.
    """
    _ours(key)
    site = site_of(request)
    schema = await schema_of(site, parameters.min_position)
    cursor = cursors_of(site).read("/v1/partners", parameters.cursor)
    after = str(cursor[0]) if cursor else ""
    async with (
        site.pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        rows = await queries.partners(connection, schema, after, parameters.limit)
        shown = rows[: parameters.limit]
        told = await queries.tallies(connection, schema, [each.principal for each in shown])
    more = len(rows) > parameters.limit
    data = [
        msgspec.json.decode(each.shown)
        | {"has": _counts(each.principal, told, False), "gave": _counts(each.principal, told, True)}
        for each in shown
    ]
    following = cursors_of(site).write("/v1/partners", [shown[-1].principal]) if more else None
    return json_response({"data": data, "next_cursor": following})


def _counts(principal: str, told: Sequence[Tally], given: bool) -> dict[str, Any]:
    mine = [each for each in told if (each.principal, each.given) == (principal, given)]
    found = {state: _state(principal, mine, given, state) for state in ("open", "won", "lost")}
    won, lost = found["won"]["leads"], found["lost"]["leads"]
    return found | {"closing_rate": round(won / (won + lost), 4) if won + lost else None}


def _state(principal: str, mine: Sequence[Tally], given: bool, state: str) -> dict[str, Any]:
    some = [each for each in mine if each.state == state]
    amounts = [
        {"currency": each.currency, "leads": each.leads, "amount": each.amount}
        for each in some
        if each.currency is not None
    ]
    by = "filter[source][eq]" if given else "filter[owner][eq]"
    query = urlencode({by: principal, "filter[state][eq]": state})
    return {"leads": sum(each.leads for each in some), "amounts": amounts, "query": query}


@router.get(
    "/v1/partners/{name}",
    summary="One partner",
    responses=answers(SHOWN, 404),
    response_class=Response,
)
async def partner(request: Request, name: Name, key: Reader) -> Response:
    """The partner whose keys have the principal partner:NAME. For services."""
    _ours(key)
    kept = await handler_of(request).load(PARTNER, stream_of(f"partner:{name}"))
    if isinstance(kept.state, Stranger):
        raise NotFound("There is no such partner.", code="unknown_partner")
    shown = _shown(kept.version, kept.state)
    return json_response(shown, headers={"ETag": version_tag(kept.version)})


@router.put(
    "/v1/partners/{name}",
    summary="Make or change a partner",
    responses=answers(SHOWN | {"position": "leads.events/3/1042"}, 400, 412, 413, 428),
    response_class=Response,
)
async def put_partner(
    request: Request,
    name: Name,
    body: PartnerBody,
    key: Operator,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """What the partner whose keys have the principal partner:NAME is called, pays by, and is shown.

    A partner sees the leads that it owns - in pipelines of the kind `partner` - and those that it
    gave, which carry its principal as `source`. Of their customers it is shown what `release` names
    and nothing else, in every answer, from the next request on; a partner that is not defined here
    is shown none of it. With If-Match where it is there already.
    """

    async def run() -> Response:
        _ours(key)
        principal = f"partner:{name}"
        kept = await handler_of(request).load(PARTNER, stream_of(principal))
        expected = expected_version(request) if kept.version else 0
        command = PutPartner(
            principal=principal,
            name=body.name,
            price_list=body.price_list,
            release=msgspec.convert(body.release.model_dump(), Release),
            active=body.active,
            at=moment(),
        )
        handled = await handler_of(request).carry_out(
            *(PARTNER, kept.stream, command, origin_of(key)),
            partitionkey=kept.stream,
            expected=expected,
        )
        return answer(request, handled, kept.stream, _shown(handled.version, handled.state))

    return await once(site_of(request).pool, key, request, run)


def _ours(key: Key) -> None:
    if seen_by(key) is not None:
        raise Forbidden("Partners are the matter of services.", code="for_services")


def _shown(version: int, state: Partner) -> dict[str, Any]:
    return {
        "principal": state.principal,
        "version": version,
        "name": state.name,
        "price_list": state.price_list,
        "release": {name: getattr(state.release, name) for name in Release.__struct_fields__},
        "active": state.active,
    }
