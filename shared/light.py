"""A short way for the one operation that is asked most: past the framework's routing and checks.

Only a request as plain as can be goes this way; any other is left to the documented operation.
"""

from typing import Any, Protocol

from fastapi import FastAPI, Request, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.http import answer_to


class Way(Protocol):
    """An operation as it is answered in short."""

    path: str
    """As it is documented."""

    def asked(self, scope: Scope) -> Any | None:
        """What is asked; None where the request is another's, or not plain."""

    async def answer(self, request: Request, asked: Any) -> Response | None:
        """The answer; None for a body that is to be refused by the documented operation."""


class Light:
    """Stands before an application, whose state and answers to errors it shares."""

    def __init__(self, api: FastAPI, way: Way) -> None:
        self._app: ASGIApp = api
        self._api = api
        self._way = way

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = self._way.asked(scope) if scope["type"] == "http" else None
        if asked is None:
            await self._app(scope, receive, send)
            return
        scope["app"], scope["route"] = self._api, self._way
        request = Request(scope, receive)
        try:
            response = await self._way.answer(request, asked)
        except Exception as error:
            response = await answer_to(request, error)
        if response is None:
            await self._app(scope, _again(await request.body(), receive), send)
        else:
            await response(scope, receive, send)


def _again(content: bytes, receive: Receive) -> Receive:
    """A body that was read, to be read once more."""
    waiting: list[Message] = [{"type": "http.request", "body": content, "more_body": False}]

    async def receiving() -> Message:
        return waiting.pop() if waiting else await receive()

    return receiving
