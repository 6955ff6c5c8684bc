"""Operations of an application whose requests are taken directly, each worked on in a task."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from fastapi import FastAPI, Request, Response

from shared import telemetry
from shared.clock import monotonic
from shared.counting import REQUESTS
from shared.direct import Answer, Waiting
from shared.errors import Problem
from shared.http import answer_to, problem_response

_logger = logging.getLogger("rapport.http")


class Work:
    """One operation, answered past the framework: with its trace, access line and problems."""

    def __init__(self, api: FastAPI, method: str, path: str) -> None:
        self._scope = {"type": "http", "app": api, "method": method, "path": path, "headers": []}
        self._method = method
        self._path = path

    def begin(self, work: Callable[[Request], Awaitable[Response]], trace: str | None) -> Waiting:
        """Work on one request, of which only the application can be asked for."""
        task = asyncio.create_task(self._run(work, trace))
        return Waiting(task, task.result)

    async def _run(
        self, work: Callable[[Request], Awaitable[Response]], trace: str | None
    ) -> Answer:
        began = monotonic()
        telemetry.trace.set(telemetry.traceparent(trace))  # the task has a context of its own
        request = Request({**self._scope})
        try:
            try:
                response = await work(request)
            except Exception as error:
                response = await answer_to(request, error)
        except Exception:
            _logger.exception("%s %s failed", self._method, self._path)
            response = problem_response(Problem())
        seconds = monotonic() - began
        REQUESTS.count(self._method, self._path, response.status_code, seconds)
        telemetry.access(self._method, self._path, response.status_code, seconds)
        return Answer(response.status_code, bytes(response.body), response.raw_headers)
