"""Ends tasks without waiting for ever."""

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")

END_TIMEOUT = 5.0


async def end(task: asyncio.Future[T], timeout: float = END_TIMEOUT) -> None:
    """Cancel a task and wait, not for ever, until it has let go of what it holds."""
    task.cancel()
    await asyncio.wait([task], timeout=timeout)
    if task.done() and not task.cancelled():
        task.exception()  # seen by who awaits the task, or of no interest any more


@contextmanager
def cancelled_by_others_only() -> Iterator[None]:
    """A cancellation that nobody asked of this task is an error like any other.

    Clients whose server died let their own slip now and then; unheeded, it would end a loop in
    silence. Raises ConnectionAbortedError in its place.
    """
    try:
        yield
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise ConnectionAbortedError("a client cancelled its own work") from error


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
