"""Following what is declared: read from the log when a request comes and the last look is old."""

import asyncio
import logging

import msgspec

from services.contact.declared.rules import Rules
from services.contact.declared.versions import Versions
from shared.clock import monotonic
from shared.errors import LogUnavailable, NotReady
from shared.log import Log
from shared.messages import Place

FRESH = 2.0
"""Seconds after which a request has the log looked at again, behind its back."""

STALE = 4.0
"""Seconds after which it waits a moment for that: a declaration holds within 5 s everywhere."""

PATIENCE = 0.3
FIRST = 4.0
"""Seconds that requests wait for the very first look."""

_PAGE = 500
_logger = logging.getLogger("rapport.contact")


class Following:
    """What is declared, and the rules that follow; as it was last known while the log is away."""

    def __init__(self, log: Log, topic: str, partitions: int) -> None:
        self.versions = Versions()
        self.rules = Rules()
        self.log = log
        self.topic = topic
        self.partitions = partitions
        self._next = dict.fromkeys(range(partitions), 0)
        self._looked = float("-inf")
        self._looking: asyncio.Task[None] | None = None

    @property
    def is_fresh(self) -> bool:
        """Whether nothing needs to be looked at: the hot way."""
        return monotonic() - self._looked < FRESH

    async def look(self) -> None:
        """See that what is known is known recently. Raises NotReady before the first look."""
        task = self._start()
        first = self._looked == float("-inf")
        if first or monotonic() - self._looked > STALE:
            await asyncio.wait([task], timeout=FIRST if first else PATIENCE)
        if self._looked == float("-inf"):
            raise NotReady(
                "The log does not answer.", code="log_unavailable", headers={"Retry-After": "1"}
            )

    async def reach(self, place: Place) -> None:
        """Read on until this place of the topic is read. Raises LogUnavailable."""
        while self._next[place.partition] <= place.offset:
            await self.read()

    def _start(self) -> asyncio.Task[None]:
        if self._looking is None:
            self._looking = asyncio.create_task(self._refresh())
        return self._looking

    async def _refresh(self) -> None:
        try:
            await self.read()
        except LogUnavailable as error:
            _logger.warning("what is declared was not looked up: %s", error)
        except Exception:
            _logger.exception("what is declared cannot be read")
        finally:
            self._looking = None

    async def read(self) -> None:
        """Read what the log has now. Raises LogUnavailable."""
        began = monotonic()
        ends = await self.log.end_offsets(self.topic, self._next)
        for partition, end in ends.items():
            while self._next[partition] < end:
                await self._page(partition)
        self._looked = began

    async def _page(self, partition: int) -> None:
        at = self._next[partition]
        records = await self.log.read(self.topic, partition, at, _PAGE)
        if not records:
            raise LogUnavailable("the log gave no records in time")
        for record in records:
            if record.place.offset < self._next[partition]:
                continue  # read meanwhile, beside this
            try:
                self.versions.fold(record)
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                _logger.error("no declaration at %s: %s", record.place.position(), error)
            self._next[partition] = record.place.offset + 1
        self.rules.learn(self.versions)
