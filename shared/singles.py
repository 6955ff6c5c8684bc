"""Runs a unit that one worker runs for the whole schema, again after each failure."""

import asyncio
import logging

from shared.database import Pool
from shared.leases import Lease, LeaseLost, Single
from shared.outcomes import Ok, Outcome, Retry, backoff, describe

END_TIMEOUT = 5.0

_logger = logging.getLogger("rapport.singles")


class SingleRunner:
    """A single unit under its lease."""

    def __init__(self, pool: Pool, single: Single, lease: Lease) -> None:
        self._pool = pool
        self._single = single
        self.lease = lease
        self._stopping = asyncio.Event()
        self.outcome: Outcome = Ok()

    def stop(self) -> None:
        """End as soon as it lets itself be cancelled."""
        self._stopping.set()

    async def run(self) -> None:
        """Run until stopped. Raises LeaseLost where the unit is another worker's now."""
        tries = 0
        while not self._stopping.is_set():
            try:
                await self._run_once()
                tries = 0
                self.outcome = Ok()
            except LeaseLost:
                raise
            except Exception as error:
                if tries == 0:
                    _logger.warning("%s fails: %s", self._label, describe(error), exc_info=True)
                self.outcome = Retry(describe(error))
                await asyncio.wait([self._stopped()], timeout=backoff(tries))
                tries += 1

    async def _run_once(self) -> None:
        running = asyncio.ensure_future(self._single.run(self._pool, self.lease))
        stopped = self._stopped()
        try:
            await asyncio.wait([running, stopped], return_when=asyncio.FIRST_COMPLETED)
            if running.done():
                running.result()
        finally:
            stopped.cancel()
            running.cancel()
            await asyncio.wait([running], timeout=END_TIMEOUT)

    def _stopped(self) -> asyncio.Task[bool]:
        return asyncio.create_task(self._stopping.wait())

    @property
    def _label(self) -> str:
        return f"{self.lease.unit} of {self.lease.schema}"
