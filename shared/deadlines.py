"""Deadlines of bodies that are being read, all with one timer."""

import asyncio
from typing import Any


class Deadlines:
    """Cuts off who takes too long to send a body; one timer for all, so that it costs little."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._since: dict[asyncio.Task[Any], float] = {}
        self._cut: set[asyncio.Task[Any]] = set()
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, since: float | None = None) -> asyncio.Task[Any]:
        """The present task has a body to read, `since` a time of the loop that may be earlier."""
        loop = asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        assert task is not None
        self._since[task] = loop.time() if since is None else since
        if self._timer is None:
            self._timer = loop.call_later(self.seconds / 8, self._look, loop)
        return task

    def end(self, task: asyncio.Task[Any]) -> None:
        """It has read it, or given up."""
        self._since.pop(task, None)
        self._cut.discard(task)

    def has_cut(self, task: asyncio.Task[Any]) -> bool:
        """Whether a task was cancelled from here, and by nobody else."""
        return task in self._cut and task.uncancel() == 0

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        """Cut off those whose time is up; look again while there are others."""
        last = loop.time() - self.seconds
        late = [task for task, since in self._since.items() if since <= last]
        for task in late:
            del self._since[task]
            self._cut.add(task)
            task.cancel()
        again = self._since and loop.call_later(self.seconds / 8, self._look, loop)
        self._timer = again or None
