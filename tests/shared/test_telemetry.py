"""Log lines for programs, and the trace that they carry on."""

import asyncio
import io
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager

from typing_extensions import override

from shared.telemetry import (
    JsonLines,
    Lines,
    access,
    is_traceparent,
    new_traceparent,
    traceparent,
    trail,
)
from tests.records import record


class Written(io.StringIO):
    """Counts how often it is written to."""

    times = 0

    @override
    def write(self, text: str) -> int:
        self.times += 1
        return super().write(text)

    def lines(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.getvalue().splitlines()]


@contextmanager
def logged() -> Iterator[tuple[Written, logging.Logger]]:
    """What Rapport logs, as a program writes it."""
    written, logger = Written(), logging.getLogger("rapport")
    handler, level = Lines(written), logger.level
    handler.setFormatter(JsonLines())
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False  # reports of tests cannot carry half a character
    try:
        yield written, logger
    finally:
        logger.propagate = True
        logger.removeHandler(handler)
        logger.setLevel(level)


def line(**extra: object) -> dict[str, object]:
    made = logging.makeLogRecord({"name": "rapport", "levelname": "INFO", "msg": "said", **extra})
    found: dict[str, object] = json.loads(JsonLines().format(made))
    return found


def test_a_line_is_one_json_object_with_what_extra_brought() -> None:
    assert line(partition=3)["partition"] == 3
    assert line()["message"] == "said"


def test_a_line_about_a_record_carries_its_trace_and_correlation_id_on() -> None:
    given = record("page.viewed", "user:1", id="1").value
    told = trail(given[:-1] + b',"correlationid":"c7","traceparent":"t"}')
    said = line(**told)
    assert (said["correlation_id"], said["traceparent"]) == ("c7", "t")
    assert trail(b"\xff no record") == {}


def test_a_well_formed_traceparent_is_carried_on_and_any_other_replaced() -> None:
    given = new_traceparent()
    assert is_traceparent(given)
    assert traceparent(given) == given
    for wrong in (None, "", "00-" + "0" * 32 + "-" + "1" * 16 + "-00", given.upper() + "x"):
        assert is_traceparent(traceparent(wrong))
        assert traceparent(wrong) != wrong


def test_the_line_of_a_request_says_what_was_asked_how_it_ended_and_how_long_it_took() -> None:
    with logged() as (written, _):
        access("GET", "/v1/leads", 200, 0.01234567)
    (said,) = written.lines()
    assert said["message"] == "GET /v1/leads 200"
    assert (said["level"], said["logger"]) == ("info", "rapport.access")
    assert (said["status"], said["seconds"]) == (200, 0.012346)


def test_as_text_it_says_when_to_the_millisecond() -> None:
    with logged() as (written, logger):
        logger.handlers[-1].setFormatter(logging.Formatter("%(created).6f %(msecs)03d"))
        for _ in range(2):
            access("GET", "/v1/leads", 200, 0.1)
    for line in written.getvalue().splitlines():
        created, milliseconds = line.split()
        assert abs(int(created.split(".")[1][:3]) - int(milliseconds)) <= 1


def test_no_line_is_made_where_nobody_reads_it() -> None:
    with logged() as (written, logger):
        logger.setLevel(logging.WARNING)
        access("GET", "/v1/leads", 200, 0.1)
    assert not written.lines()


async def test_lines_of_one_turn_are_written_together_and_a_warning_at_once() -> None:
    with logged() as (written, logger):
        for number in range(3):
            access("GET", f"/{number}", 200, 0.0)
        assert written.times == 0
        await asyncio.sleep(0)
        assert written.times == 1
        access("GET", "/3", 200, 0.0)
        logger.warning("mind")
        assert written.times == 2
    assert [each["message"] for each in written.lines()] == [
        *(f"GET /{number} 200" for number in range(4)),
        "mind",
    ]


def test_outside_of_a_loop_every_line_is_written_at_once() -> None:
    with logged() as (written, logger):
        logger.info("one")
        logger.info("two")
        assert written.times == 2


def test_a_line_with_half_a_character_is_written_all_the_same() -> None:
    with logged() as (written, logger):
        logger.info("half \ud800", extra={"of": {1, 2}})
    assert written.lines()[0]["message"] == "half \ud800"
