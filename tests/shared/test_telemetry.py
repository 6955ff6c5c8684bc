"""Log lines for programs, and the trace that they carry on."""

import json
import logging

from shared.telemetry import JsonLines, is_traceparent, new_traceparent, traceparent, trail
from tests.records import record


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
