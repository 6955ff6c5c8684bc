"""What is refused of many events, made ready for the quarantine while others go on."""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from services.contact.intake import Admitted
from services.contact.refused import Keeping
from shared.errors import FieldError

SLICE = 50
"""Items that are made ready in one go: a fraction of a millisecond, unless they are long."""


class Bad(NamedTuple):
    """An item that is refused: its exact bytes, and why."""

    raw: bytes
    error: FieldError


class Aside:
    """Makes records of what is refused, of one request at a time and slice by slice.

    So whoever sends what is right waits for one slice, however much is refused beside it.
    """

    def __init__(self) -> None:
        self._turn = asyncio.Lock()

    async def keep(self, keeping: Keeping, items: Sequence[Bad]) -> list[Admitted]:
        """The records of these items of a request, in their order."""
        records: list[Admitted] = []
        async with self._turn:
            for start in range(0, len(items), SLICE):
                some = items[start : start + SLICE]
                records += [keeping.keep(one.raw, [one.error]) for one in some]
                await asyncio.sleep(0)  # the others first
        return records
