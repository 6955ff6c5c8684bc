"""The door: one way in for every dialect; small pure ASGI in front of the framework."""

import logging
from collections.abc import Iterable
from typing import Protocol

import msgspec
from starlette.types import Receive, Scope, Send

from services.contact import refused
from services.contact.answers import (
    Answer,
    Outcome,
    as_json,
    as_problem,
    checked,
    count,
    results_of,
    unsettled,
    why,
)
from services.contact.body import (
    TIMEOUT,
    Deadlines,
    Gone,
    names_of,
    only_validate,
    read_body,
    unpacked,
)
from services.contact.dialect import Dialect, Names
from services.contact.dialects import dialect_of
from services.contact.faults import Refusal
from services.contact.intake import Admitted, Intake, Sending
from services.contact.lanes import Appender, Lanes, Topics
from services.contact.numbers import NUMBERS
from services.contact.reading import Event
from services.contact.segment import requests as segment
from shared import telemetry
from shared.auth import Key, authorise, unauthenticated
from shared.clock import monotonic, now, rfc3339
from shared.errors import BadRequest, FieldError, Problem, TooLarge, UnsupportedMedia

EVENTS = "/v1/events"
PATHS = frozenset((EVENTS, *segment.BY_PATH))
"""What is posted to the door."""

SCOPE = ("ingest",)

_logger = logging.getLogger("rapport.contact")


class Ring(Protocol):
    """What the door needs of the keys."""

    def at_hand(self, header: bytes) -> Key | None: ...
    async def find_by_header(self, header: bytes) -> Key | None: ...


class Asked(msgspec.Struct, frozen=True, gc=False):
    """One request: what it says of all its events, its body and headers, and what it wants."""

    sending: Sending
    body: bytes
    names: Names
    validate: bool = False


class Door:
    """Lets events in: checked, identified, appended to the log, and only then acknowledged."""

    def __init__(
        self,
        log: Appender,
        ring: Ring,
        intake: Intake,
        topics: Topics,
        *,
        body_seconds: float = TIMEOUT,
    ) -> None:
        self._lanes = Lanes(log, topics.partitions)
        self._deadlines = Deadlines(body_seconds)
        self._ring = ring
        self._intake = intake
        self._topics = topics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = monotonic()
        names = names_of(scope)
        trace = telemetry.traceparent(names.get(b"traceparent", b"").decode("latin-1") or None)
        enter = self._of_events if scope["path"] == EVENTS else self._of_segment
        try:
            answer = await enter(scope, receive, names, trace)
        except Problem as problem:
            answer = as_problem(problem, trace)
        except Gone:
            return
        except Exception:
            _logger.exception("POST %s failed", scope["path"])
            answer = as_problem(Problem(), trace)
        await send(
            {"type": "http.response.start", "status": answer.status, "headers": answer.headers}
        )
        await send({"type": "http.response.body", "body": answer.body})
        NUMBERS.seconds.observe(monotonic() - began)

    # The two entrances

    async def _of_events(self, scope: Scope, receive: Receive, names: Names, trace: str) -> Answer:
        """Our own events and CloudEvents, by their content type."""
        try:
            key = await self._key(names.get(b"authorization", b""))
            self._lanes.make_way()
            validate = only_validate(scope["query_string"])
            body = await read_body(receive, names, self._deadlines)
        except Problem as problem:
            NUMBERS.turn_away(problem.code)
            raise
        asked = Asked(_sending(key, trace), body, names, validate)
        dialect = dialect_of(names)
        if isinstance(dialect, UnsupportedMedia):
            return await self._refuse_whole(asked, dialect)
        return await self._let_in(dialect, asked)

    async def _of_segment(self, scope: Scope, receive: Receive, names: Names, trace: str) -> Answer:
        """Calls of Segment's API; its clients take a body that is too large as a bad request."""
        try:
            secret = segment.secret_of(names)
            key = None if secret is None else await self._key(_bearer(secret))
            self._lanes.make_way()
            raw = await read_body(receive, names, self._deadlines)
            body, problem = _unpacked(raw, names.get(b"content-encoding", b""))
            key = key or await self._key(_by_body(body, names))
        except TooLarge as problem:
            NUMBERS.turn_away(problem.code)
            raise BadRequest(problem.detail, code=problem.code, headers=problem.headers) from None
        except Problem as problem:
            NUMBERS.turn_away(problem.code)
            raise
        asked = Asked(_sending(key, trace), body, names)
        if problem is not None:
            return await self._refuse_whole(asked, problem)
        return await self._let_in(segment.BY_PATH[scope["path"]], asked)

    # The one way in

    async def _key(self, header: bytes) -> Key:
        key = self._ring.at_hand(header) or await self._ring.find_by_header(header)
        if key is None:
            raise unauthenticated()
        authorise(key, SCOPE)
        return key

    async def _let_in(self, dialect: Dialect, asked: Asked) -> Answer:
        """What the body holds, in whatever dialect, is let in or refused: the one way in."""
        try:
            found = dialect.read(asked.body, asked.names, asked.sending)
            if isinstance(found, dict):
                return await self._one(asked, self._intake.admit(found, asked.sending))
        except Refusal as refusal:
            return await self._refuse_whole(asked, why(refusal))
        return await self._many(dialect, asked, self._admit_all(found, asked.sending))

    # One event

    async def _one(self, asked: Asked, admitted: Admitted) -> Answer:
        if asked.validate:
            NUMBERS.events["valid"] += 1
            return as_json(200, {"status": "valid", "id": admitted.id})
        position = await self._lanes.one(self._topics.interactions, admitted)
        if position is None:
            NUMBERS.events["unknown"] += 1
            raise unsettled([{"status": "unknown", "id": admitted.id}])
        NUMBERS.events["accepted"] += 1
        return as_json(202, {"id": admitted.id, "position": position})

    async def _refuse_whole(self, asked: Asked, problem: Problem) -> Answer:
        """Keep a body that is refused as it stands, then say why."""
        reasons = problem.errors or (FieldError("", problem.code, problem.detail),)
        NUMBERS.events["refused"] += 1
        if asked.body and not asked.validate:
            kept = refused.of_request(asked.body, asked.names, asked.sending, reasons)
            if await self._lanes.one(self._topics.quarantine, kept) is None:
                raise unsettled([])
        return as_problem(problem, asked.sending.traceparent)

    # Many events

    def _admit_all(self, items: Iterable[Event | Refusal], sending: Sending) -> list[Outcome]:
        outcomes: list[Outcome] = []
        for item in items:
            try:
                outcomes.append(
                    item if isinstance(item, Refusal) else self._intake.admit(item, sending)
                )
            except Refusal as refusal:
                outcomes.append(refusal)
        return outcomes

    async def _many(self, dialect: Dialect, asked: Asked, outcomes: list[Outcome]) -> Answer:
        if asked.validate:
            return as_json(200, {"results": checked(outcomes)})
        positions = await self._lanes.many(self._placed(dialect, asked, outcomes))
        results = results_of(outcomes, positions)
        count(results)
        if None in positions:
            raise unsettled(results)
        return dialect.answer(outcomes, results)

    def _placed(
        self, dialect: Dialect, asked: Asked, outcomes: list[Outcome]
    ) -> list[tuple[str, Admitted]]:
        """What goes where: admitted events, and the exact bytes of those that were refused."""
        topics = self._topics
        if not any(isinstance(outcome, Refusal) for outcome in outcomes):
            return [(topics.interactions, outcome) for outcome in outcomes]  # type: ignore[misc]
        pieces = dialect.pieces(asked.body)
        return [
            (topics.interactions, outcome)
            if isinstance(outcome, Admitted)
            else (
                topics.quarantine,
                refused.of_request(pieces[place], asked.names, asked.sending, [outcome.error]),
            )
            for place, outcome in enumerate(outcomes)
        ]


def _sending(key: Key, trace: str) -> Sending:
    moment = rfc3339(now())  # it has reached us, and is appended at once
    return Sending(key, moment, moment, trace)


def _unpacked(raw: bytes, encoding: bytes) -> tuple[bytes, Problem | None]:
    """The body, or as it came and what is wrong with its encoding. Raises TooLarge."""
    try:
        return unpacked(raw, encoding), None
    except (BadRequest, UnsupportedMedia) as problem:
        return raw, problem


def _by_body(body: bytes, names: Names) -> bytes:
    """The header of the write key in a body; without one that which came."""
    secret = segment.write_key(body)
    return names.get(b"authorization", b"") if secret is None else _bearer(secret)


def _bearer(secret: str) -> bytes:
    return b"Bearer " + secret.encode()
