"""The public HTTP API as the demo uses it."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from typing import Any, TypeVar

import msgspec
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn

from services.cli import show
from services.cli.posting import Client, Refused, Results
from shared.clock import monotonic
from shared.errors import Fatal
from shared.messages import parse_position

Positions = dict[tuple[str, int], int]

AT_ONCE = 48
"""Requests that are under way at the same time."""

TRIES = 5
"""Times that a command is sent for the version that stands by then."""

T = TypeVar("T")
R = TypeVar("R")


class Api:
    """A client with three keys: one that posts events, one that reads, one that commands."""

    def __init__(self, url: str, keys: Mapping[str, str]) -> None:
        missing = [scope for scope in ("ingest", "read", "write") if scope not in keys]
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
        parameters = {
            name: value if isinstance(value, list) else str(value) for name, value in query.items()
        }
        return await self._client.answer("GET", path, self._keys["read"], params=parameters)

    async def folded(self, path: str, positions: Positions) -> float:
        """Wait until what is read at a path has these positions; the seconds that it took."""
        began = monotonic()
        for (topic, partition), offset in positions.items():
            await self.get(path, limit=1, min_position=f"{topic}/{partition}/{offset}")
        return monotonic() - began

    async def all_pages(self, path: str, **query: object) -> list[Any]:
        """Every item of a list."""
        page = await self.get(path, **query, limit=200)
        found: list[Any] = page["data"]
        while page["next_cursor"]:
            page = await self.get(path, **query, limit=200, cursor=page["next_cursor"])
            found += page["data"]
        return found

    async def command(self, path: str, verb: str, version: int, body: Mapping[str, Any]) -> None:
        """Command a thing of which a version was seen, else the one that stands. Raises Fatal."""
        key = self._keys["write"]
        for _ in range(TRIES):
            tag = {"If-Match": f'"{version}"'}
            try:
                await self._client.answer("POST", f"{path}/{verb}", key, extra=tag, json=body)
            except Refused as refused:
                if refused.status != 412:
                    raise
                version = (await self.get(path))["version"]
            else:
                return
        raise Fatal(f"{path} was changed by others each time.")


async def each(
    items: Sequence[T], what: Callable[[T], Awaitable[R]], done: Callable[[int], None]
) -> list[R]:
    """Do something with every item, a few at a time; `done` is told of each."""
    free = asyncio.Semaphore(AT_ONCE)

    async def one(item: T) -> R:
        async with free:
            found = await what(item)
        done(1)
        return found

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(item)) for item in items]
    return [task.result() for task in tasks]


@contextmanager
def posting(what: str, total: int, quiet: bool) -> Iterator[Callable[[int], None]]:
    """A bar of progress, and what advances it."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(show_speed=True),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
    )
    with Progress(*columns, console=show.console(), disable=quiet) as bar:
        task = bar.add_task(what, total=total, rate="")
        began = monotonic()

        def posted(count: int) -> None:
            done = bar.tasks[0].completed + count
            bar.update(task, advance=count, rate=f"{done / (monotonic() - began):,.0f} a second")

        yield posted


def _positions(results: Results) -> Positions:
    last: Positions = {}
    for result in results:
        if result["status"] != "accepted":
            raise Fatal(f"An event of the demo was not accepted: {result}.")
        place = parse_position(result["position"])
        name = (place.topic, place.partition)
        last[name] = max(place.offset, last.get(name, -1))
    return last
