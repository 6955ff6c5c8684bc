"""The command that is sent most, a lead captured, taken with as little around it as can be."""

from fastapi import Request, Response
from pydantic import ValidationError
from starlette.types import Scope

from services.leads.api.bodies import Capture
from services.leads.api.capturing import captured
from shared.auth import authenticate, authorise
from shared.middleware import header_of


class Capturing:
    """`POST /v1/leads` of JSON without an Idempotency-Key."""

    path = "/v1/leads"

    def asked(self, scope: Scope) -> bool | None:
        is_plain = (
            scope["path"] == self.path
            and scope["method"] == "POST"
            and not scope["query_string"]
            and header_of(scope, b"content-type") == "application/json"
            and header_of(scope, b"idempotency-key") is None
        )
        return is_plain or None

    async def answer(self, request: Request, asked: bool) -> Response | None:
        ring, header = request.app.state.keyring, header_of(request.scope, b"authorization")
        key = await authenticate(ring, header)
        authorise(key, ("write",))
        try:
            body = Capture.model_validate_json(await request.body())
        except ValidationError:
            return None
        return await captured(request, body, key)
