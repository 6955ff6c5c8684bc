"""What the door sends back: a result for each event, or the problem with the whole."""

from collections import Counter as Tally
from collections.abc import Sequence

import msgspec

from services.contact.faults import Refusal
from services.contact.intake import Admitted
from services.contact.numbers import NUMBERS
from shared import errors
from shared.direct import Answer
from shared.errors import Problem
from shared.http import PROBLEM

Outcome = Admitted | Refusal
Result = dict[str, str]

RETRY = {"Retry-After": "2"}
_STATUS: dict[int, type[Problem]] = {400: errors.BadRequest, 413: errors.TooLarge}
_JSON = (b"content-type", b"application/json")
_encode = msgspec.json.Encoder().encode


def as_json(status: int, content: object) -> Answer:
    """An answer of anything that msgspec encodes."""
    body = _encode(content)
    return Answer(status, body, (_JSON, (b"content-length", b"%d" % len(body))))


def as_problem(problem: Problem, trace: str) -> Answer:
    """A problem as its answer, with the id of the trace."""
    body = _encode(problem.body(trace[3:35]))
    headers = [
        (b"content-type", PROBLEM.encode()),
        (b"content-length", b"%d" % len(body)),
        *((name.lower().encode(), value.encode()) for name, value in problem.headers.items()),
    ]
    return Answer(problem.status, body, headers)


def why(refusal: Refusal) -> Problem:
    """The problem with a request of which nothing is let in."""
    kind = _STATUS.get(refusal.status, errors.Unprocessable)
    return kind(refusal.error.detail, errors=(refusal.error,))


def settled(id: str, position: str | None) -> Answer:
    """The answer for one event that was appended. Raises NotReady where that is not settled."""
    if position is None:
        NUMBERS.events["unknown"] += 1
        raise unsettled([{"status": "unknown", "id": id}])
    NUMBERS.events["accepted"] += 1
    return as_json(202, {"id": id, "position": position})


def unsettled(results: list[Result]) -> Problem:
    """Not everything was appended in time; `results` has the ids to send again."""
    return errors.NotReady(
        "The log did not settle this in time. Send again what is unknown, with these ids: "
        "what did arrive is not counted twice.",
        code="log_unavailable",
        headers=RETRY,
        extra={"results": results},
    )


def results_of(outcomes: Sequence[Outcome], positions: Sequence[str | None]) -> list[Result]:
    """A result for each event, in order; a position is None where an append is not settled."""
    return [
        _result(place, outcome, position)
        for place, (outcome, position) in enumerate(zip(outcomes, positions, strict=True))
    ]


def count(results: Sequence[Result]) -> None:
    """Count what became of the events of a request."""
    for status, number in Tally(result["status"] for result in results).items():
        NUMBERS.events[status] += number


def checked(outcomes: Sequence[Outcome]) -> list[Result]:
    """A result for each event that was only looked at."""
    return [
        _refusal(place, outcome)
        if isinstance(outcome, Refusal)
        else {"status": "valid", "id": outcome.id}
        for place, outcome in enumerate(outcomes)
    ]


def _result(place: int, outcome: Outcome, position: str | None) -> Result:
    if isinstance(outcome, Refusal):
        return _refusal(place, outcome)
    if position is None:
        return {"status": "unknown", "id": outcome.id}
    return {"status": "accepted", "id": outcome.id, "position": position}


def _refusal(place: int, refusal: Refusal) -> Result:
    error = refusal.error
    result = {"status": "refused", "code": error.code}
    if refusal.id is not None:
        result["id"] = refusal.id
    return result | {"pointer": f"/{place}{error.pointer}", "detail": error.detail}
