"""The read that is asked most, one customer whole, answered with as little as can be.

Only a request as plain as can be goes this way; any other is left to the documented operation.
"""

import re

from fastapi import Request, Response
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send
from typing_extensions import override

from services.profile.api.context import schema_of
from services.profile.queries.profiles import PROFILE
from shared.auth import authenticate, authorise
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


class LightRoute(BaseRoute):
    """`GET /v1/customers/<UUID>` with nothing but `?timeline=N`; stands before all routes."""

    path = "/v1/customers/{id}"

    @override
    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if scope["type"] == "http" and scope["method"] == "GET":
            path = _PATH.fullmatch(scope["path"])
            query = _QUERY.fullmatch(scope["query_string"]) if path else None
            if path and query:
                return Match.FULL, {"route": self, "profile": (path[1], int(query[1] or 0))}
        return Match.NONE, {}

    @override
    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        state = scope["app"].state
        authorise(await authenticate(state.keyring, header_of(scope, b"authorization")), ("read",))
        body = await profile(state.site, *scope["profile"])
        response: Response = conditional(Request(scope), body)
        await response(scope, receive, send)
