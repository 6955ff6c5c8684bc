"""Rows through the door in batches; what became of each, in order."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import aclosing
from io import BufferedRandom
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from services.cli.importing.events import Made, Plan
from services.cli.importing.rows import Row
from services.cli.importing.state import Memory, State
from services.cli.posting import Client, Results
from shared.errors import Fatal

BATCH = 1000
BATCH_BYTES = 2 * 1024 * 1024
SHOWN = 100
"""Problems that are shown; a file of results has all."""


class Batch(NamedTuple):
    """Events of some rows, and the body that holds them."""

    made: list[Made]
    body: bytes


class Outcome:
    """What has become of the rows so far, kept as it goes on."""

    def __init__(
        self,
        memory: Memory | None,
        results: Path | None,
        news: Callable[[State], None],
        settled: str = "accepted",
    ) -> None:
        self.state = State() if memory is None else memory.read()
        self.resumed = self.state.rows
        self.problems: list[dict[str, Any]] = []
        self._memory, self._news, self._settled = memory, news, settled
        self._file = None if results is None else _opened(results, self.state.written)

    def take(self, batch: Batch, results: Results) -> None:
        """The answer to a batch, whose rows follow those before."""
        state = self.state
        for made, result in zip(batch.made, results, strict=True):
            row = _told(made, result)
            state.rows = made.number
            if result["status"] == self._settled:
                state.accepted += 1
                state.nobody += not made.event.get("data", {}).get("identifiers")
            else:
                state.refused += 1
                if len(self.problems) < SHOWN:
                    self.problems.append(row)
            if self._file is not None:
                self._file.write(msgspec.json.encode(row) + b"\n")
        if self._file is not None:
            self._file.flush()
            state.written = self._file.tell()
        if self._memory is not None:
            self._memory.keep(state)
        self._news(state)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def forget(self) -> None:
        """All rows are settled: nothing is left to go on with."""
        if self._memory is not None:
            self._memory.forget()


async def send(
    client: Client, key: str, rows: Iterable[Row], plan: Plan, outcome: Outcome, *, validate: bool
) -> None:
    """Send all rows that are not settled yet. Raises Fatal."""
    waiting = (row for row in rows if row.number > outcome.resumed)
    answers = client.posted(
        key, batches(waiting, plan), lambda batch: batch.body, validate=validate
    )
    async with aclosing(answers):
        async for batch, results in answers:
            outcome.take(batch, results)


def batches(rows: Iterable[Row], plan: Plan) -> Iterator[Batch]:
    """Batches within the bounds of the door."""
    made: list[Made] = []
    pieces: list[bytes] = []
    size = 0
    for row in rows:
        one = plan.made(row)
        piece = msgspec.json.encode(one.event)
        if made and (len(made) == BATCH or size + len(piece) > BATCH_BYTES):
            yield _batch(made, pieces)
            made, pieces, size = [], [], 0
        made.append(one)
        pieces.append(piece)
        size += len(piece)
    if made:
        yield _batch(made, pieces)


def _batch(made: list[Made], pieces: list[bytes]) -> Batch:
    return Batch(made, b"[" + b",".join(pieces) + b"]")


def _told(made: Made, result: dict[str, Any]) -> dict[str, Any]:
    """What became of a row: the column that is wrong rather than a place in the event."""
    told = {"row": made.number, "status": result["status"], "id": made.event.get("id")}
    if "position" in result:
        return told | {"position": result["position"]}
    if made.problem is not None:
        return told | made.problem._asdict()
    if "code" not in result:
        return told
    pointer = "/" + result["pointer"].split("/", 2)[-1]
    return told | {
        "column": _column(made, pointer),
        "code": result["code"],
        "detail": result["detail"],
    }


def _column(made: Made, pointer: str) -> str:
    known = [place for place in made.columns if pointer.startswith(place)]
    return made.columns[max(known, key=len)] if known else pointer


def _opened(results: Path, written: int) -> BufferedRandom:
    """The file of results, as it was when its rows were settled."""
    file = results.open("r+b" if written and results.exists() else "w+b")
    if file.seek(0, 2) < written:
        file.close()
        raise Fatal(f"{results} is not the file of results that was begun; name that one.")
    file.truncate(written)
    file.seek(written)
    return file
