"""A quote as a document to print."""

import base64
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from services.leads.quotes.api import examples
from services.leads.quotes.api.context import Reader, quote_of
from services.leads.quotes.api.parameters import Which
from services.leads.quotes.document import POLICY, TEMPLATE, digest, render
from services.leads.quotes.states import Known
from shared.documents import answers
from shared.errors import NotFound

router = APIRouter(tags=["quotes"])

_PAGE: dict[int | str, Any] = {
    200: {
        "description": "The document",
        "content": {
            "text/html": {"schema": {"type": "string"}, "example": examples.DOCUMENT},
        },
    }
}


@router.get(
    "/v1/quotes/{id}/document",
    summary="A quote to print",
    responses=answers({}, 304, 404) | _PAGE,
    response_class=Response,
)
async def document(
    request: Request, id: UUID, parameters: Annotated[Which, Query()], key: Reader
) -> Response:
    """One version as a page of HTML, made to be printed on A4: no script, nothing from elsewhere.

    Its bytes are the same whenever it is asked for. Of a version that was sent they are those that
    were sent: their SHA-256 is the `digest` of that sending, and stands in `Repr-Digest`.
    """
    found = await quote_of(request, key, id)
    quote = found.state.quote
    offer = quote.offer(parameters.version or quote.latest.version)
    if offer is None:
        detail = f"This quote has no version {parameters.version}."
        raise NotFound(detail, code="unknown_version")
    body = render(quote.number, offer, _template(quote, offer.version))
    sha = digest(body)
    headers = {
        "ETag": f'"{sha}"',
        "Repr-Digest": f"sha-256=:{base64.b64encode(bytes.fromhex(sha)).decode()}:",
        "Content-Security-Policy": POLICY,
        "X-Content-Type-Options": "nosniff",
        "Content-Language": offer.language,
        "Content-Disposition": f'inline; filename="{quote.number}-{offer.version}.html"',
    }
    known = request.headers.get("if-none-match", "")
    if headers["ETag"] in (part.strip().removeprefix("W/") for part in known.split(",")):
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type="text/html; charset=utf-8")


def _template(quote: Known, version: int) -> int:
    """That of the latest sending; the present one for what was never sent."""
    sent = [each.template for each in quote.sendings if each.version == version]
    return sent[-1] if sent else TEMPLATE
