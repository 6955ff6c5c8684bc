"""Connections whose small requests of one kind are taken directly: see `shared.direct`."""

import asyncio
import logging
from typing import Any

import msgspec
from typing_extensions import override

from shared.connections import Connection
from shared.direct import Answer, Heads, Waiting, written
from shared.errors import Problem
from shared.http import PROBLEM, current_trace_id

_logger = logging.getLogger("rapport.http")


class Taking(Connection):
    """A connection that answers by itself what is taken; what comes before that answer waits."""

    def __init__(self, *arguments: Any, heads: Heads, **more: Any) -> None:
        """`heads` are those of all connections of a server."""
        super().__init__(*arguments, **more)
        self._directly = heads
        self._waiting: Waiting | None = None  # what was taken
        self._later: list[bytes] = []  # what came before it was answered
        self._ends = False
        self._started = 0  # requests of which the application was told, in what was read last
        self._answered = 0.0  # when the last was

    @override
    def data_received(self, data: bytes) -> None:
        if self._waiting is not None:
            self._later.append(data)
            self.transport.pause_reading()
        elif self._is_busy():
            super().data_received(data)
        elif not self._take(data):
            self._started = 0
            super().data_received(data)
            if self._started == 1 and not self._reading_head and self.cycle.keep_alive:
                self._directly.learn(data, self.headers)

    def _is_busy(self) -> bool:
        """Whether a request is being read or answered, or none is to be taken at all."""
        if self._reading_head or self._reading_body or self._refused or self._is_crowd:
            return True
        if self.flow.write_paused:
            return True  # its answers wait to be read
        return self.cycle is not None and not self.cycle.response_complete

    @override
    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        self._started += 1

    def _take(self, data: bytes) -> bool:
        """Take a request whose head is known."""
        try:
            waiting = self._directly.take(data)
        except Exception:
            _logger.exception("a request was not taken")  # the ordinary way answers it
            return False
        if waiting is None:
            return False
        self._heads += 1
        self._waiting = waiting
        if isinstance(waiting.future, asyncio.Task):  # the server ends when its tasks have
            self.tasks.add(waiting.future)
            waiting.future.add_done_callback(self.tasks.discard)
        waiting.future.add_done_callback(self._answer)
        return True

    def _answer(self, _: object) -> None:
        """Answer what was taken, then go on with what came in the meantime."""
        waiting, self._waiting = self._waiting, None
        assert waiting is not None
        self.server_state.total_requests += 1
        try:
            answer = waiting.answer()
        except asyncio.CancelledError:  # the process ends
            self.transport.close()
            return
        except Exception:
            _logger.exception("a request that was taken failed")
            answer, self._ends = _failed(), True
        if self.transport.is_closing():
            return
        defaults = self.server_state.default_headers
        if self._ends:
            self.transport.write(written(answer, [*defaults, (b"connection", b"close")]))
            self.transport.close()
            return
        self.transport.write(written(answer, defaults))
        self._answered = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self._keep_alive(self.timeout_keep_alive)
        if self._later:
            data, self._later = b"".join(self._later), []
            self.transport.resume_reading()
            self.data_received(data)

    def _keep_alive(self, seconds: float) -> None:
        handler = self.timeout_keep_alive_handler
        self.timeout_keep_alive_task = self.loop.call_later(seconds, handler)

    @override
    def timeout_keep_alive_handler(self) -> None:
        """Close a connection on which nothing was asked for so long, nor waits for its answer."""
        left = self._answered + self.timeout_keep_alive - self.loop.time()
        if self._waiting is not None or left > 0:
            self._keep_alive(max(left, 1.0))
        else:
            super().timeout_keep_alive_handler()

    @override
    def shutdown(self) -> None:
        if self._waiting is None:
            super().shutdown()
        else:
            self._ends = True


def _failed() -> Answer:
    """The answer to what failed for no reason that is known."""
    problem = Problem()
    body = msgspec.json.encode(problem.body(current_trace_id()))
    length = (b"content-length", b"%d" % len(body))
    return Answer(problem.status, body, ((b"content-type", PROBLEM.encode()), length))
