"""Search: full text over the interactions of a customer, or of all."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.contact.api.context import mark_of, page_of, schema_of, site_of
from services.contact.api.documents import CUSTOMER
from services.contact.api.parameters import Narrowed
from services.contact.queries import search
from services.contact.queries.interactions import Whose
from services.contact.queries.search import Mark
from shared.auth import Key, require
from shared.documents import answers
from shared.http import conditional
from shared.parameters import Line, Page

router = APIRouter(tags=["interactions"])
Reader = Annotated[Key, Depends(require("read"))]
Words = Annotated[Line, StringConstraints(min_length=1)]

_WORDS = Field(
    description='Words that must all be there; "in this order", one or other, -without.',
    examples=['kettle "does not boil" -warranty'],
)

FOUND: dict[str, Any] = {
    "data": [
        {
            "event": "7d0e6c1f-2f4b-8e3a-b1d5-6a9c8e7f0b21",
            "subject": CUSTOMER,
            "time": "2026-01-31T12:00:00.000001Z",
            "recorded": "2026-01-31T12:00:00.000001Z",
            "type": "email.received",
            "channel": "email",
            "direction": "inbound",
            "source": "/mail",
            "id": "<1@example.com>",
            "position": "interactions.1/3/1042",
            "rank": 0.06079271,
            "excerpt": "My <mark>kettle</mark> leaks. Since Tuesday the <mark>kettle</mark> …",
        }
    ],
    "next_cursor": None,
}


class Searched(Narrowed, Page):
    """What is looked for, and where."""

    q: Words = _WORDS


class Wanted(Narrowed, BaseModel):
    """The same in a body, so that no words stand in a URL."""

    q: Words = _WORDS
    limit: int = Field(50, ge=1, le=200, description="Items on a page.")
    cursor: Annotated[str, StringConstraints(max_length=2048)] | None = Field(
        None, description="`next_cursor` of the page before."
    )
    min_position: Annotated[str, StringConstraints(max_length=300)] | None = Field(
        None, description="Wait up to 2 s until the view has this position, else 503."
    )

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"q": "kettle leaks", "channel": ["email"]}]},
    )


@router.get(
    "/v1/interactions/search",
    summary="Search the text of interactions",
    responses=answers(FOUND, 304),
    response_class=Response,
)
async def search_text(
    request: Request, parameters: Annotated[Searched, Query()], key: Reader
) -> Response:
    """Interactions with these words in their own texts, best first: of a customer, or of all.

    Searched are subject, title, name, text, body, comment, query, about, reason, note and the like,
    at most 20,000 characters of an event. Words count as they are written, in any language and
    without their endings cut; case does not matter. `excerpt` is HTML: the words that were found
    stand in `<mark>`, all else is escaped. Of more than 10,000 matches the latest 10,000 are
    ranked. 422 `words` where no word is to be there, `too_broad` where it takes more than 5 s.
    `POST /v1/interactions/search` does the same with no words in a URL.
    """
    return conditional(request, await _found(request, parameters))


@router.post(
    "/v1/interactions/search",
    summary="Search the text of interactions, with no words in a URL",
    responses=answers(FOUND, 400, 413),
    response_class=Response,
)
async def search_text_privately(request: Request, body: Wanted, key: Reader) -> Response:
    """The same as `GET /v1/interactions/search`. A mere read."""
    return Response(await _found(request, body), media_type="application/json")


async def _found(request: Request, asked: Searched | Wanted) -> bytes:
    site = site_of(request)
    schema = await schema_of(site, asked.min_position)
    whose = Whose(str(asked.customer), True) if asked.customer else None
    chosen = (asked.q, whose, asked.since, asked.until, asked.channel, asked.type)
    name = f"search {chosen}"
    mark = mark_of(site, name, asked.cursor)
    wanted = search.Search(*chosen, asked.limit, Mark(*mark) if mark else None)
    rows = await search.page(site.pool, schema, wanted)
    return page_of(site, name, rows, asked.limit)
