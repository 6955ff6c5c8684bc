"""The command that is sent most, a lead captured, taken with as little around it as can be.

Only a request as plain as can be goes this way; any other, and one with a body that is wrong, is
left to the documented operation.
"""

from fastapi import Request
from fastapi.routing import APIRoute
from pydantic import ValidationError
from starlette.routing import BaseRoute, Match
from starlette.types import Message, Receive, Scope, Send
from typing_extensions import override

from services.leads.api.bodies import Capture
from services.leads.api.capturing import captured
from shared.auth import authenticate, authorise
from shared.middleware import header_of


class LightRoute(BaseRoute):
    """`POST /v1/leads` of JSON without an Idempotency-Key; stands before `documented`."""

    path = "/v1/leads"

    def __init__(self, documented: APIRoute) -> None:
        self._documented = documented

    @override
    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        is_plain = (
            scope["type"] == "http"
            and scope["method"] == "POST"
            and scope["path"] == self.path
            and not scope["query_string"]
            and header_of(scope, b"content-type") == "application/json"
            and header_of(scope, b"idempotency-key") is None
        )
        return (Match.FULL, {"route": self}) if is_plain else (Match.NONE, {})

    @override
    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        ring = scope["app"].state.keyring
        key = await authenticate(ring, header_of(scope, b"authorization"))
        authorise(key, ("write",))
        request = Request(scope, receive)
        content = await request.body()
        try:
            body = Capture.model_validate_json(content)
        except ValidationError:
            _, child = self._documented.matches(scope)
            scope.update(child)
            await self._documented.handle(scope, _again(content, receive), send)
            return
        response = await captured(request, body, key)
        await response(scope, receive, send)


def _again(content: bytes, receive: Receive) -> Receive:
    """A body that was read, to be read once more."""
    waiting: list[Message] = [{"type": "http.request", "body": content, "more_body": False}]

    async def receiving() -> Message:
        return waiting.pop() if waiting else await receive()

    return receiving
