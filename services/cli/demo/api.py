"""The public HTTP API as the demo uses it: bounded, patient with a 503, loud about the rest."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import httpx
import msgspec

from shared.clock import monotonic
from shared.errors import Fatal
from shared.messages import parse_position

PATIENCE = 120.0
"""Seconds that one request is tried again before the demo gives up."""

IN_FLIGHT = 3
Positions = dict[tuple[str, int], int]

_AGAIN = frozenset({408, 429, 500, 502, 503, 504})


class Api:
    """A client with two keys: one that writes events, one that reads."""

    def __init__(self, url: str, keys: Mapping[str, str]) -> None:
        missing = [scope for scope in ("ingest", "read") if scope not in keys]
        if missing:
            raise Fatal(
                f"There is no key to {missing[0]} in keys.json of the data folder; "
                "set RAPPORT_DATA to the folder of the running system."
            )
        self._keys = keys
        self._client = httpx.AsyncClient(base_url=url, timeout=30.0)

    async def close(self) -> None:
        await self._client.aclose()

    async def post(
        self, batches: Iterable[list[dict[str, Any]]], posted: Callable[[int], None]
    ) -> Positions:
        """Post arrays of events, a few at a time; the last offset of every partition.

        `posted` is told how many each time. Raises Fatal where one is refused or time runs out.
        """
        last: Positions = {}
        waiting = iter(batches)

        async def lane() -> None:
            for batch in waiting:
                for name, offset in _positions(await self._post(batch)).items():
                    last[name] = max(offset, last.get(name, -1))
                posted(len(batch))

        lanes = [asyncio.create_task(lane()) for _ in range(IN_FLIGHT)]
        try:
            await asyncio.gather(*lanes)
        finally:
            for each in lanes:
                each.cancel()
        return last

    async def get(self, path: str, **query: object) -> Any:
        """The JSON of a GET; waits while it says 503. Raises Fatal."""
        parameters = {name: str(value) for name, value in query.items()}
        return await self._until_answered("GET", path, "read", params=parameters)

    async def _post(self, batch: list[dict[str, Any]]) -> list[dict[str, Any]]:
        body = msgspec.json.encode(batch)
        answer = await self._until_answered("POST", "/v1/events", "ingest", content=body)
        results: list[dict[str, Any]] = answer["results"]
        for result in results:
            if result["status"] != "accepted":
                raise Fatal(f"An event of the demo was not accepted: {result}.")
        return results

    async def _until_answered(self, method: str, path: str, scope: str, **rest: Any) -> Any:
        """Try again what may pass; a resend is settled by the events' ids."""
        headers = {
            "Authorization": f"Bearer {self._keys[scope]}",
            "Content-Type": "application/json",
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
                    raise Fatal(f"{method} {path} was answered with {problem}.")
                pause = _pause(answer)
            if monotonic() + pause > deadline:
                raise Fatal(f"{method} {path} was not answered in {PATIENCE:.0f} s: {problem}.")
            await asyncio.sleep(pause)


def _pause(answer: httpx.Response) -> float:
    given = answer.headers.get("Retry-After", "1")
    return min(10.0, max(0.2, float(given))) if given.isdigit() else 1.0


def _positions(results: list[dict[str, Any]]) -> Positions:
    last: Positions = {}
    for result in results:
        place = parse_position(result["position"])
        name = (place.topic, place.partition)
        last[name] = max(place.offset, last.get(name, -1))
    return last
