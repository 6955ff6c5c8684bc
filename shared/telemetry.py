"""Logs for people and programs, metrics for Prometheus, and the trace that a record carries on."""

import asyncio
import json
import logging
import sys
from contextvars import ContextVar
from typing import Literal, TextIO

import msgspec
from typing_extensions import override

from shared import clock, ids

trace: ContextVar[str | None] = ContextVar("trace", default=None)
"""The W3C traceparent of what is being worked on."""

_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, logger, message, the trace, and what `extra` brought."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": clock.rfc3339(clock.now()),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if (traceparent := trace.get()) is not None:
            line["traceparent"] = traceparent
        line |= {name: value for name, value in vars(record).items() if name not in _FIELDS}
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        try:
            return msgspec.json.encode(line, enc_hook=str).decode()
        except (UnicodeEncodeError, TypeError):  # half a character, or no name of a field
            return json.dumps(line, default=str)


class Lines(logging.StreamHandler[TextIO]):
    """Writes the lines of one turn of the event loop together; warnings and worse at once."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._waiting: list[str] = []

    @override
    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._waiting.append(self.format(record) + self.terminator)
            if record.levelno >= logging.WARNING or not in_loop():
                self.flush()
            elif len(self._waiting) == 1:
                asyncio.get_running_loop().call_soon(self.flush)
        except RecursionError:
            raise
        except Exception:
            self.handleError(record)

    @override
    def flush(self) -> None:
        """Write what waits; at the end of the process, too."""
        self.acquire()
        try:
            text, self._waiting = "".join(self._waiting), []
            if text:
                self.stream.write(text)
            super().flush()
        finally:
            self.release()


def in_loop() -> bool:
    """Whether this runs in an event loop."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


_access = logging.getLogger("rapport.access")
_LINE = vars(_access.makeRecord(_access.name, logging.INFO, __file__, 0, "%s %s %d", (), None))


def access(method: str, path: str, status: int, seconds: float) -> None:
    """The line of one request that was answered.

    There is one for each, so its record is copied: to make one takes longer than to write it.
    """
    if not _access.isEnabledFor(logging.INFO):
        return
    record = logging.LogRecord.__new__(logging.LogRecord)
    vars(record).update(_LINE)
    record.created = clock.now().timestamp()
    record.msecs = record.created % 1 * 1000
    record.args = (method, path, status)
    vars(record).update(status=status, seconds=round(seconds, 6))
    _access.handle(record)


def configure(form: Literal["auto", "json", "text"], level: int = logging.INFO) -> None:
    """Send the logs to standard error: text on a terminal, JSON lines elsewhere, or as told."""
    handler = Lines(sys.stderr)
    if form == "json" or (form == "auto" and not sys.stderr.isatty()):
        handler.setFormatter(JsonLines())
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(message)s"))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    for ours_to_say in ("aiokafka", "asyncpg"):  # that a server is away, once and in our words
        logging.getLogger(ours_to_say).setLevel(logging.CRITICAL)
    for noisy in ("asyncio", "uvicorn.access", "httpx"):
        logging.getLogger(noisy).setLevel(logging.ERROR)


class _Trail(msgspec.Struct, frozen=True):
    correlationid: str | None = None
    traceparent: str | None = None


def trail(record: bytes) -> dict[str, str | None]:
    """What a log line about a record carries on, as `extra`: its correlation id and its trace."""
    try:
        found = msgspec.json.decode(record, type=_Trail)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return {}  # not of our making: it says nothing of where it came from
    return {"correlation_id": found.correlationid, "traceparent": found.traceparent}


def traceparent(given: str | None) -> str:
    """The traceparent to carry on: the given one where it is well formed, else a new one."""
    return given if given is not None and is_traceparent(given) else new_traceparent()


def new_traceparent() -> str:
    """A W3C traceparent of a new, unsampled trace."""
    return f"00-{ids.trace_id()}-{ids.span_id()}-00"


def is_traceparent(text: str) -> bool:
    """Whether the text is a W3C traceparent (version 00, lower-case hexadecimal)."""
    parts = text.split("-")
    return (
        [len(part) for part in parts] == [2, 32, 16, 2]
        and not set(text) - set("0123456789abcdef-")
        and parts[0] != "ff"
        and int(parts[1], 16) > 0
        and int(parts[2], 16) > 0
    )
