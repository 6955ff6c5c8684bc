"""The public HTTP API as commands use it: bounded, patient with a 503, loud about the rest."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from typing import Any, TypeVar

import httpx

from shared.clock import monotonic
from shared.errors import Fatal

PATIENCE = 120.0
"""Seconds that one request is tried again before a command gives up."""

IN_FLIGHT = 3
_AGAIN = frozenset({408, 429, 500, 502, 503, 504})

T = TypeVar("T")
Results = list[dict[str, Any]]


class Refused(Fatal):
    """A request was answered with a status that trying again does not change."""

    def __init__(self, detail: str, status: int) -> None:
        super().__init__(detail)
        self.status = status


class Client:
    """A client of a running system."""

    def __init__(self, url: str) -> None:
        self._client = httpx.AsyncClient(base_url=url, timeout=30.0)

    async def close(self) -> None:
        await self._client.aclose()

    async def answer(
        self,
        method: str,
        path: str,
        key: str,
        *,
        extra: Mapping[str, str] | None = None,
        **rest: Any,
    ) -> Any:
        """The JSON of an answer; what may pass is tried again. Raises Refused, Fatal.

        To send events again is settled by their ids. `extra` are headers.
        """
        headers = {
            "Authorization": f"Bearer {key}",
            "Content-Type": "application/json",
            **(extra or {}),
        }
        deadline = monotonic() + PATIENCE
        while True:
            pause, problem = 1.0, ""
            try:
                answer = await self._client.request(method, path, headers=headers, **rest)
            except httpx.TransportError as error:
                problem = repr(error)
            else:
                if answer.is_success:
                    return answer.json()
                problem = f"{answer.status_code} {answer.text[:300]}"
                if answer.status_code not in _AGAIN:
                    said = f"{method} {path} was answered with {problem}."
                    raise Refused(said, answer.status_code)
                pause = _pause(answer)
            if monotonic() + pause > deadline:
                raise Fatal(f"{method} {path} was not answered in {PATIENCE:.0f} s: {problem}.")
            await asyncio.sleep(pause)

    async def posted(
        self, key: str, batches: Iterable[T], body: Callable[[T], bytes], *, validate: bool = False
    ) -> AsyncGenerator[tuple[T, Results], None]:
        """Post arrays of events, a few at a time; each batch with its results, in order.

        `validate` checks and stores nothing. Raises Fatal.
        """
        query = {"validate": "true"} if validate else {}
        waiting, under_way = iter(batches), deque[tuple[T, asyncio.Task[Any]]]()
        try:
            while True:
                while len(under_way) < IN_FLIGHT and (batch := next(waiting, None)) is not None:
                    asked = self.answer(
                        "POST", "/v1/events", key, content=body(batch), params=query
                    )
                    under_way.append((batch, asyncio.create_task(asked)))
                if not under_way:
                    return
                first, task = under_way[0]
                results: Results = (await task)["results"]
                under_way.popleft()
                yield first, results
        finally:
            for _, task in under_way:
                task.cancel()
            await asyncio.gather(*(task for _, task in under_way), return_exceptions=True)


def _pause(answer: httpx.Response) -> float:
    given = answer.headers.get("Retry-After", "1")
    return min(10.0, max(0.2, float(given))) if given.isdigit() else 1.0
