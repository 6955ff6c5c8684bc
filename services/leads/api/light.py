"""What a representative looks at all day, a board, answered with as little as can be."""

import re

from fastapi import Request, Response
from starlette.types import Scope

from services.leads.api.boards import shown
from services.leads.api.parameters import Board
from shared.auth import authenticate, authorise
from shared.middleware import header_of

_PATH = re.compile(r"/v1/boards/([a-z0-9_-]{1,64})")
_WHOLE = Board.model_validate({})


class Looking:
    """`GET /v1/boards/<name>` without parameters."""

    path = "/v1/boards/{pipeline}"

    def asked(self, scope: Scope) -> str | None:
        if scope["method"] != "GET" or scope["query_string"]:
            return None
        found = _PATH.fullmatch(scope["path"])
        return found and found[1]

    async def answer(self, request: Request, asked: str) -> Response:
        header = header_of(request.scope, b"authorization")
        key = await authenticate(request.app.state.keyring, header)
        authorise(key, ("read",))
        return await shown(request, asked, _WHOLE, key)
