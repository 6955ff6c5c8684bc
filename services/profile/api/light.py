"""The read that is asked most, one customer whole, answered with as little as can be."""

import re

from fastapi import Request, Response
from starlette.types import Scope

from services.profile.api.context import schema_of
from services.profile.queries.profiles import PROFILE
from shared.auth import admit, authenticate
from shared.database import in_schema
from shared.errors import NotFound
from shared.http import conditional
from shared.middleware import header_of
from shared.service import Site

_PATH = re.compile(r"/v1/customers/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")
_QUERY = re.compile(rb"(?:timeline=(1?[0-9]{1,2}|200))?")


async def profile(
    site: Site, subject: str, timeline: int, min_position: str | None = None
) -> bytes:
    """The present customer of a subject as JSON. Raises NotFound, NotReady, Unprocessable."""
    schema = await schema_of(site, min_position)
    text = await site.pool.fetchval(in_schema(PROFILE, schema), subject, timeline)
    if text is None:
        raise NotFound("Nothing is known of this customer.")
    return bytes(text, "utf-8")


class Reading:
    """`GET /v1/customers/<UUID>` with nothing but `?timeline=N`."""

    path = "/v1/customers/{id}"

    def asked(self, scope: Scope) -> tuple[str, int] | None:
        if scope["method"] != "GET":
            return None
        path = _PATH.fullmatch(scope["path"])
        query = _QUERY.fullmatch(scope["query_string"]) if path else None
        return (path[1], int(query[1] or 0)) if path and query else None

    async def answer(self, request: Request, asked: tuple[str, int]) -> Response:
        state, header = request.app.state, header_of(request.scope, b"authorization")
        admit(state, await authenticate(state.keyring, header), ("read",))
        return conditional(request, await profile(state.site, *asked))
