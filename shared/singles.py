"""Runs a unit that one worker runs for the whole schema, again after each failure."""

import asyncio
import logging

from shared.clock import monotonic
from shared.database import Pool
from shared.leases import Lease, LeaseLost, Single
from shared.outcomes import Ok, Outcome, Retry, backoff, describe
from shared.tasks import end

STEADY = 10.0
"""Seconds of running after which a failure counts as the first."""

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
            self.outcome, started = Ok(), monotonic()
            try:
                await self._run_once()
            except LeaseLost:
                raise
            except Exception as error:
                tries = 0 if monotonic() - started > STEADY else tries + 1
                if tries <= 1:
                    _logger.warning("%s fails: %s", self._label, describe(error), exc_info=True)
                self.outcome = Retry(describe(error))
            await self._pause(backoff(tries))

    async def _run_once(self) -> None:
        running = asyncio.ensure_future(self._single.run(self._pool, self.lease))
        stopped = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait([running, stopped], return_when=asyncio.FIRST_COMPLETED)
            if running.done():
                running.result()
        finally:
            stopped.cancel()
            await end(running)

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return

    @property
    def _label(self) -> str:
        return f"{self.lease.unit} of {self.lease.schema}"
