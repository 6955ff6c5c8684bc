"""The public HTTP API as the demo uses it."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import aclosing
from typing import Any

import msgspec

from services.cli.posting import Client, Results
from shared.errors import Fatal
from shared.messages import parse_position

Positions = dict[tuple[str, int], int]


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
        self._client = Client(url)

    async def close(self) -> None:
        await self._client.close()

    async def post(
        self, batches: Iterable[list[dict[str, Any]]], posted: Callable[[int], None]
    ) -> Positions:
        """Post arrays of events, a few at a time; the last offset of every partition.

        `posted` is told how many each time. Raises Fatal where one is refused or time runs out.
        """
        last: Positions = {}
        answers = self._client.posted(self._keys["ingest"], batches, msgspec.json.encode)
        async with aclosing(answers):
            async for batch, results in answers:
                for name, offset in _positions(results).items():
                    last[name] = max(offset, last.get(name, -1))
                posted(len(batch))
        return last

    async def get(self, path: str, **query: object) -> Any:
        """The JSON of a GET; waits while it says 503. Raises Fatal."""
        parameters = {name: str(value) for name, value in query.items()}
        return await self._client.answer("GET", path, self._keys["read"], params=parameters)


def _positions(results: Results) -> Positions:
    last: Positions = {}
    for result in results:
        if result["status"] != "accepted":
            raise Fatal(f"An event of the demo was not accepted: {result}.")
        place = parse_position(result["position"])
        name = (place.topic, place.partition)
        last[name] = max(place.offset, last.get(name, -1))
    return last
