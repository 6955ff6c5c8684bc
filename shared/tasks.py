"""Ends tasks without waiting for ever."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

END_TIMEOUT = 5.0


async def end(task: asyncio.Future[T], timeout: float = END_TIMEOUT) -> None:
    """Cancel a task and wait, not for ever, until it has let go of what it holds."""
    task.cancel()
    await asyncio.wait([task], timeout=timeout)
    if task.done() and not task.cancelled():
        task.exception()  # seen by who awaits the task, or of no interest any more


async def finished(work: Coroutine[Any, Any, T], timeout: float = END_TIMEOUT) -> T:
    """Its result; a cancellation meanwhile waits, not for ever, until it is done.

    For clients that leak a connection when their start is cancelled.
    """
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task], timeout=timeout)
        await end(task, timeout)
        raise
