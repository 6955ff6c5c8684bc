"""The front of a process: each path to its service, health, metrics, and one API description."""

import asyncio
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Protocol

import msgspec
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from shared import metrics
from shared.database import ERRORS
from shared.direct import Taker, takers_of
from shared.errors import LogUnavailable, NotFound
from shared.http import problem_response

READY_TIMEOUT = 3.0


class Running(metrics.Running, Protocol):
    """A service that was opened, as the front sees it."""

    @property
    def app(self) -> ASGIApp: ...


class Front:
    """Sends a request to the service whose path it is, and answers what belongs to the process."""

    def __init__(self, running: Sequence[Running], *, api: bool = True) -> None:
        """`api` False: a process that only works answers for its health and metrics alone."""
        self._running = running
        self._by_segment = {
            path.split("/")[2]: each.app for each in running for path in each.service.paths if api
        }
        self.takers: dict[str, Taker] = {}
        for app in self._by_segment.values():
            self.takers |= takers_of(app)
        self._own = Router(
            [
                Route("/livez", self._livez),
                Route("/readyz", self._readyz),
                Route("/metrics", self._metrics),
                Route("/openapi.json", self._openapi),
                Route("/docs", self._docs),
            ],
            default=_nothing,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        if path.startswith("/v1/"):
            app = self._by_segment.get(path.split("/", 3)[2], self._own)
            await app(scope, receive, send)
        else:
            await self._own(scope, receive, send)

    async def _livez(self, _: Request) -> Response:
        """Progress, not merely alive: false when a worker is stuck and only a new start helps."""
        alive = {
            each.service.name: all(crew.alive for crew in each.crews) for each in self._running
        }
        return _json({"alive": alive}, 200 if all(alive.values()) else 503)

    async def _readyz(self, _: Request) -> Response:
        """Whether every service here can do its work: database, log, view."""
        states = await asyncio.gather(*(_state(each) for each in self._running))
        services = dict(zip([each.service.name for each in self._running], states, strict=True))
        fine = all(all(state.values()) for state in states)
        return _json({"ready": services}, 200 if fine else 503)

    async def _metrics(self, _: Request) -> Response:
        return Response(
            await metrics.exposition(self._running), media_type="text/plain; version=0.0.4"
        )

    async def _openapi(self, _: Request) -> Response:
        return Response(self._description, media_type="application/json")

    @cached_property
    def _description(self) -> bytes:
        """Made once: it takes tens of milliseconds, and anybody may ask."""
        return msgspec.json.encode(merged([each.service.openapi() for each in self._running]))

    async def _docs(self, _: Request) -> Response:
        return get_swagger_ui_html(openapi_url="/openapi.json", title="Rapport")


async def _state(running: Running) -> dict[str, bool]:
    site = running.site
    topic = next(iter(site.topics.values()))
    try:
        async with asyncio.timeout(READY_TIMEOUT):
            schema = await site.serving.schema()
            database = await site.pool.fetchval("SELECT true")
    except ERRORS:
        schema, database = None, False
    try:
        async with asyncio.timeout(READY_TIMEOUT):
            await site.log.end_offsets(topic, [0])
        log = True
    except (LogUnavailable, TimeoutError):
        log = False
    return {"database": database, "log": log, "view": schema is not None}


def merged(documents: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Several OpenAPI documents as one; their paths are unique."""
    first = documents[0]
    whole: dict[str, Any] = {"openapi": first["openapi"], "info": first["info"], "paths": {}}
    whole["info"] = {**first["info"], "title": "Rapport"}
    for document in documents:
        whole["paths"] |= document["paths"]
        for kind, members in document.get("components", {}).items():
            whole.setdefault("components", {}).setdefault(kind, {}).update(members)
    return whole


def _json(content: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(content), status, media_type="application/json")


async def _nothing(scope: Scope, receive: Receive, send: Send) -> None:
    await problem_response(NotFound())(scope, receive, send)
