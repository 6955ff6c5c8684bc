"""Waits on conditions, so that no test sleeps."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable

from shared.clock import monotonic


async def until(
    condition: Callable[[], object | Awaitable[object]], deadline: float = 30.0, what: str = ""
) -> None:
    """Asks the condition, async or not, until it is true; fails after `deadline` seconds."""
    last = monotonic() + deadline
    while not await _answer(condition):
        if monotonic() > last:
            raise AssertionError(
                f"not within {deadline} s: {what or inspect.getsource(condition).strip()}"
            )
        await asyncio.sleep(0.02)


async def _answer(condition: Callable[[], object | Awaitable[object]]) -> object:
    answer = condition()
    return await answer if inspect.isawaitable(answer) else answer
