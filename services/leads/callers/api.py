"""Who calls: all that is known of whoever has a telephone number, in one answer."""

import re
from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, Field, StringConstraints

from services.leads.api import documents
from services.leads.api.bodies import example
from services.leads.api.context import schema_of, sight_of, site_of
from services.leads.callers import queries
from services.leads.queries import scores
from services.leads.queries.filters import Filter, seen
from shared.auth import Key, require
from shared.database import Connection
from shared.documents import answers
from shared.errors import FieldError, Forbidden, Unprocessable
from shared.http import json_response
from shared.naming import identifier
from shared.parameters import Line

router = APIRouter(tags=["callers"])
Reader = Annotated[Key, Depends(require("read"))]
_E164 = re.compile(r"\+?[0-9]{4,15}")

KNOWN: dict[str, Any] = {
    "known": True,
    "subject": documents.LISTED["subject"],
    "customer": documents.LISTED["customer"],
    "subjects": [documents.LISTED["subject"], documents.LISTED["customer"]],
    "traits": {"company": "Acme", "country": "NL"},
    "open_leads": [documents.LISTED],
    "interactions": [
        {
            "event": "7d3c1b2a-9e8f-8a7b-b6c5-d4e3f2a1b0c9",
            "type": "quote.requested",
            "time": "2026-11-01T09:30:00.000000Z",
            "channel": "web",
            "purpose": None,
            "product": "CHAIR-7",
            "position": "interactions.1/3/4711",
        }
    ],
    "orders": [
        {
            "namespace": "shop",
            "number": "1001",
            "amount": 19900,
            "currency": "EUR",
            "ordered": "2026-06-01T12:00:00.000000Z",
            "cancelled": False,
        }
    ],
    "products": [
        {
            "product": "CHAIR-7",
            "name": "Office chair",
            "asked": "2026-11-01T09:30:00.000000Z",
            "ordered": "2026-06-01T12:00:00.000000Z",
            "registered": None,
        }
    ],
    "quotes": [],
    "steps": [
        {
            "lead": documents.LISTED["id"],
            "step": 2,
            "state": "due",
            "title": "Call back",
            "kind": "call",
            "due": "2026-11-03T09:00:00.000000Z",
            "owner": "representative:7",
        }
    ],
}


class Caller(BaseModel):
    model_config = example(telephone="+31 20 123 4567")

    telephone: Annotated[Line, StringConstraints(max_length=64)] = Field(
        description="As +31201234567; 00 for the + and what people write between digits will do."
    )
    min_position: Annotated[Line, StringConstraints(max_length=200)] | None = Field(
        None, description="The `position` of a command or event that must be seen already."
    )


@router.post(
    "/v1/callers",
    summary="Who calls",
    responses=answers(KNOWN, 400, 413),
    response_class=Response,
)
async def caller(request: Request, body: Caller, key: Reader) -> Response:
    """The customer who has a telephone number, in one answer; the number stands in no log.

    `customer` is whose the number is; where it was seen with no other identifier, but leads name
    it, all of one customer, that one. `subjects` are all that belong to the customer now; `traits`
    the latest told of any of them; then at most 20 of each, the latest first: `open_leads` as
    `GET /v1/leads` shows them, those that name the number among them, `interactions`, `orders`
    (`amount` in minor units), `products` with when each was last asked for, ordered and registered
    (null: never), `quotes` that are open, and `steps` of follow-ups still to be done, those due
    first. Leads, quotes and steps are those that the key sees. A number that nobody was ever seen
    with: `known` is false, and all else empty. 422 for what is no telephone number; 403 for
    partners.
    """
    if key.principal.startswith("partner:"):
        raise Forbidden("Callers are not shown to partners.", code="not_for_partners")
    site = site_of(request)
    named = identifier(site.secret, key, "phone", None, body.telephone, "/telephone")
    if not _E164.fullmatch(named.value):
        detail = "A telephone number has 4 to 15 digits, best with its country: +31201234567."
        raise Unprocessable(detail, errors=(FieldError("/telephone", "telephone", detail),))
    limits = seen(await sight_of(request, key))
    schema = await schema_of(site, body.min_position)
    async with (
        site.pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        customer, subjects = await _whose(connection, schema, str(named.subject), limits)
        told = await queries.known(connection, schema, str(named.subject), subjects, limits)
    found: dict[str, Any] = msgspec.json.decode(told)
    content: dict[str, Any] = {
        name: found[name] or ({} if name == "traits" else []) for name in _PARTS
    }
    is_known = len(subjects) > 1 or customer != named.subject or any(content.values())
    whose = {"subject": named.subject, "customer": customer, "subjects": sorted(subjects)}
    return json_response({"known": is_known, **whose, **content})


async def _whose(
    connection: Connection, schema: str, subject: str, limits: Sequence[Filter]
) -> tuple[str, Sequence[str]]:
    """The customer who has a number, and all subjects: its own, or that of the leads naming it."""
    customer, subjects = await scores.members(connection, schema, subject)
    if len(subjects) > 1 or customer != subject:
        return customer, subjects
    found: dict[str, Sequence[str]] = {}
    for each in await queries.naming(connection, schema, subject, limits):
        one, its_own = await scores.members(connection, schema, each)
        found[one] = its_own
    if len(found) != 1:
        return customer, subjects
    [(customer, its_own)] = found.items()
    return customer, sorted({*its_own, subject})


_PARTS = ("traits", "open_leads", "interactions", "orders", "products", "quotes", "steps")
