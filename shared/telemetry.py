"""Logs for people and programs, metrics for Prometheus, and the trace that a record carries on."""

import json
import logging
import sys
from contextvars import ContextVar
from typing import Literal

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
        return json.dumps(line, default=str)


def configure(form: Literal["auto", "json", "text"], level: int = logging.INFO) -> None:
    """Send the logs to standard error: text on a terminal, JSON lines elsewhere, or as told."""
    handler = logging.StreamHandler(sys.stderr)
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
