"""Which events made a row of following up: those of a lead's follow-ups that tell of it."""

from collections.abc import Mapping
from typing import Any

from services.leads.made_by import Events, MadeBy, OfStream, version
from shared.comparing import Row


def _of_step(row: Row) -> Events:
    return [OfStream(row["follow_up"], tells=lambda data: row["step"] in _steps(data))]


def _steps(data: Mapping[str, Any]) -> list[int]:
    """The steps that an event is of, which names one, plans some or ends some."""
    several = (each["step"] if isinstance(each, dict) else each for each in data.get("steps", ()))
    return [*several, *([data["step"]] if "step" in data else [])]


def _of_appointment(row: Row) -> Events:
    named = row["appointment"]
    if row["follow_up"] is None:  # only what changed it was folded
        return []
    return [OfStream(row["follow_up"], tells=lambda data: data.get("appointment") == named)]


MADE_BY: Mapping[str, MadeBy] = {
    "steps": _of_step,
    "appointments": _of_appointment,
    "tactics_used": version("follow_up"),
    "steps_awaited": version("stream"),
}
