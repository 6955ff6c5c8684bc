"""Ends tasks without waiting for ever."""

import asyncio
from typing import TypeVar

T = TypeVar("T")

END_TIMEOUT = 5.0


async def end(task: asyncio.Future[T], timeout: float = END_TIMEOUT) -> None:
    """Cancel a task and wait, not for ever, until it has let go of what it holds."""
    task.cancel()
    await asyncio.wait([task], timeout=timeout)
    if task.done() and not task.cancelled():
        task.exception()  # seen by who awaits the task, or of no interest any more
