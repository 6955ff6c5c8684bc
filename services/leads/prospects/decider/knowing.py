"""What a rule may take for granted of a prospect, and how its moments are spelt."""

import re
from datetime import UTC, datetime
from typing import assert_never

from services.leads.decider.checks import Wrong
from services.leads.prospects.states import (
    Absent,
    Barred,
    Dropped,
    Person,
    Promoted,
    Prospect,
    Waiting,
)
from shared.errors import Conflict, FieldError, NotFound
from shared.ids import event_id

SCOPE = "prospect"
"""What every prospect holds for its customer."""

_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


def stream_of(subject: str) -> str:
    """The stream that a prospect of this subject begins as."""
    return event_id("prospect", subject)


def person_of(state: Prospect) -> Waiting | Barred | Promoted | Dropped:
    """Any prospect that is there. Raises NotFound."""
    if isinstance(state, Absent):
        raise NotFound("There is no such prospect.", code="unknown_prospect")
    return state


def waiting(state: Prospect) -> Person:
    """One that may be spoken to. Raises NotFound, and Conflict where it may not."""
    match person_of(state):
        case Waiting(person):
            return person
        case Barred(reason=reason):
            detail = f"This prospect is not to be contacted: {reason}. Release it first."
            raise Conflict(detail, code="barred")
        case Promoted(lead=lead):
            detail = f"This prospect is the lead {lead}; keep it anew once that one is closed."
            raise Conflict(detail, code="promoted", extra={"lead": lead})
        case Dropped(reason=reason):
            detail = f"This prospect was dropped: {reason}. Keep it anew first."
            raise Conflict(detail, code="dropped")
        case _ as never:
            assert_never(never)


def moment(value: str | None, pointer: str) -> Wrong:
    """A moment as events spell it; None is none, and right."""
    if value is None:
        return
    if not _MOMENT.fullmatch(value) or not _is_moment(value):
        detail = f"A moment such as 2026-03-01T09:00:00Z, not {value!r}."
        yield FieldError(pointer, "moment", detail)


def _is_moment(value: str) -> bool:
    try:
        return datetime.fromisoformat(value).tzinfo == UTC
    except ValueError:
        return False
