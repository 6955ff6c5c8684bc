"""The door: POST /v1/events, the hot route; small pure ASGI in front of the framework."""

import asyncio
import logging
from collections import Counter as Tally
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import msgspec
from starlette.types import Receive, Scope, Send

from services.contact import refused
from services.contact.body import (
    TIMEOUT,
    Deadlines,
    Gone,
    Headers,
    headers_of,
    media_problem,
    only_validate,
    read_body,
)
from services.contact.faults import Refusal
from services.contact.intake import Admitted, Intake, Sending
from services.contact.numbers import NUMBERS
from services.contact.reading import is_array, read, read_array, split
from shared import errors, telemetry
from shared.auth import Key, authorise, unauthenticated
from shared.clock import monotonic, now, rfc3339
from shared.errors import FieldError, LogUnavailable, Problem
from shared.http import PROBLEM
from shared.log import partition_of
from shared.messages import Entry

PATH = "/v1/events"
SCOPE = ("ingest",)
MAX_WAITING = 4096
"""Requests that wait for the log; more are turned away at once."""

_logger = logging.getLogger("rapport.contact")
_RETRY = {"Retry-After": "2"}
_STATUS: dict[int, type[Problem]] = {400: errors.BadRequest, 413: errors.TooLarge}


class Appender(Protocol):
    """What the door needs of the log."""

    def append(
        self, topic: str, partition: int, entries: Sequence[Entry]
    ) -> asyncio.Future[list[int]]: ...


class Ring(Protocol):
    """What the door needs of the keys."""

    def at_hand(self, header: bytes) -> Key | None: ...
    async def find_by_header(self, header: bytes) -> Key | None: ...


class Topics(NamedTuple):
    """The names in Kafka of what the door writes to, and their number of partitions."""

    interactions: str
    quarantine: str
    partitions: int


class Answer(msgspec.Struct, frozen=True, gc=False):
    """What is sent back."""

    status: int
    body: bytes
    headers: Sequence[tuple[bytes, bytes]]


class Asked(msgspec.Struct, frozen=True, gc=False):
    """One request: what it says of all its events, its body, and what it wants."""

    sending: Sending
    body: bytes
    content_type: str
    validate: bool


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
        self._log = log
        self._deadlines = Deadlines(body_seconds)
        self._ring = ring
        self._intake = intake
        self._topics = topics
        self._waiting = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = monotonic()
        headers = headers_of(scope)
        trace = telemetry.traceparent(headers.traceparent.decode("latin-1") or None)
        try:
            answer = await self._answer(scope, receive, headers, trace)
        except Problem as problem:
            answer = _problem(problem, trace)
        except Gone:
            return
        except Exception:
            _logger.exception("POST %s failed", PATH)
            answer = _problem(Problem(), trace)
        await send(
            {"type": "http.response.start", "status": answer.status, "headers": answer.headers}
        )
        await send({"type": "http.response.body", "body": answer.body})
        NUMBERS.seconds.observe(monotonic() - began)

    async def _answer(self, scope: Scope, receive: Receive, headers: Headers, trace: str) -> Answer:
        try:
            key = await self._key(headers.authorization)
            self._make_way()
            validate = only_validate(scope["query_string"])
            body = await read_body(receive, headers.content_length, self._deadlines)
        except Problem as problem:
            NUMBERS.turn_away(problem.code)
            raise
        moment = rfc3339(now())  # it has reached us, and is appended at once
        sending = Sending(key, moment, moment, trace)
        asked = Asked(sending, body, headers.content_type.decode("latin-1"), validate)
        unsupported = media_problem(headers.content_type, headers.content_encoding)
        if unsupported is not None:
            return await self._refuse_whole(asked, unsupported)
        return await (self._array(asked) if is_array(body) else self._one(asked))

    async def _key(self, header: bytes) -> Key:
        key = self._ring.at_hand(header) or await self._ring.find_by_header(header)
        if key is None:
            raise unauthenticated()
        authorise(key, SCOPE)
        return key

    def _make_way(self) -> None:
        if self._waiting >= MAX_WAITING:
            raise errors.NotReady("Too many wait for the log.", code="busy", headers=_RETRY)

    # One event

    async def _one(self, asked: Asked) -> Answer:
        try:
            admitted = self._intake.admit(read(asked.body), asked.sending)
        except Refusal as refusal:
            problem = _STATUS.get(refusal.status, errors.Unprocessable)(
                refusal.error.detail, errors=(refusal.error,)
            )
            return await self._refuse_whole(asked, problem)
        if asked.validate:
            NUMBERS.events["valid"] += 1
            return _json(200, {"status": "valid", "id": admitted.id})
        return await self._append_one(admitted)

    async def _append_one(self, admitted: Admitted) -> Answer:
        topic, key = self._topics.interactions, admitted.partitionkey
        partition = partition_of(key, self._topics.partitions)
        self._waiting += 1
        try:
            offsets = await self._log.append(topic, partition, (admitted,))
        except LogUnavailable:
            NUMBERS.events["unknown"] += 1
            raise _unsettled([{"status": "unknown", "id": admitted.id}]) from None
        finally:
            self._waiting -= 1
        NUMBERS.events["accepted"] += 1
        position = f"{topic}/{partition}/{offsets[0]}"
        return _json(202, {"id": admitted.id, "position": position})

    async def _refuse_whole(self, asked: Asked, problem: Problem) -> Answer:
        """Keep a body that is refused as it stands, then say why."""
        reasons = problem.errors or (FieldError("", problem.code, problem.detail),)
        NUMBERS.events["refused"] += 1
        if asked.body and not asked.validate:
            kept = refused.record(asked.body, asked.content_type, asked.sending, reasons)
            positions = await self._append([(self._topics.quarantine, kept)])
            if positions[0] is None:
                raise _unsettled([])
        return _problem(problem, asked.sending.traceparent)

    # An array of events

    async def _array(self, asked: Asked) -> Answer:
        try:
            items = read_array(asked.body)
        except Refusal as refusal:
            problem = _STATUS.get(refusal.status, errors.Unprocessable)(
                refusal.error.detail, errors=(refusal.error,)
            )
            return await self._refuse_whole(asked, problem)
        outcomes = self._admit_all(items, asked.sending)
        if asked.validate:
            results = [_checked(place, outcome) for place, outcome in enumerate(outcomes)]
            return _json(200, {"results": results})
        return await self._append_all(asked, outcomes)

    def _admit_all(
        self, items: Sequence[dict[str, Any] | Refusal], sending: Sending
    ) -> list[Admitted | Refusal]:
        outcomes: list[Admitted | Refusal] = []
        for item in items:
            try:
                outcomes.append(
                    item if isinstance(item, Refusal) else self._intake.admit(item, sending)
                )
            except Refusal as refusal:
                outcomes.append(refusal)
        return outcomes

    async def _append_all(self, asked: Asked, outcomes: list[Admitted | Refusal]) -> Answer:
        positions = await self._append(self._placed(asked, outcomes))
        results = [
            _result(place, outcome, position)
            for place, (outcome, position) in enumerate(zip(outcomes, positions, strict=True))
        ]
        _count(results)
        if None in positions:
            raise _unsettled(results)
        return _json(200, {"results": results})

    def _placed(
        self, asked: Asked, outcomes: list[Admitted | Refusal]
    ) -> list[tuple[str, Admitted]]:
        """What goes where: admitted events, and the exact bytes of those that were refused."""
        topics = self._topics
        if not any(isinstance(outcome, Refusal) for outcome in outcomes):
            return [(topics.interactions, outcome) for outcome in outcomes]  # type: ignore[misc]
        pieces = split(asked.body)
        return [
            (topics.interactions, outcome)
            if isinstance(outcome, Admitted)
            else (
                topics.quarantine,
                refused.record(pieces[place], asked.content_type, asked.sending, [outcome.error]),
            )
            for place, outcome in enumerate(outcomes)
        ]

    async def _append(self, placed: Sequence[tuple[str, Admitted]]) -> list[str | None]:
        """Append each where it belongs, in order; the positions, None for what is not settled."""
        lanes: dict[tuple[str, int], tuple[list[int], list[Admitted]]] = {}
        partitions = self._topics.partitions
        for place, (topic, admitted) in enumerate(placed):
            lane = (topic, partition_of(admitted.partitionkey, partitions))
            places, entries = lanes.get(lane) or lanes.setdefault(lane, ([], []))
            places.append(place)
            entries.append(admitted)
        positions: list[str | None] = [None] * len(placed)
        if not lanes:
            return positions
        futures = [self._log.append(*lane, entries) for lane, (_, entries) in lanes.items()]
        self._waiting += 1
        try:
            await asyncio.wait(futures)
        finally:
            self._waiting -= 1
        for (topic, partition), (places, _), future in zip(
            lanes, lanes.values(), futures, strict=True
        ):
            if future.exception() is None:
                for place, offset in zip(places, future.result(), strict=True):
                    positions[place] = f"{topic}/{partition}/{offset}"
        return positions


_ENCODER = msgspec.json.Encoder()
_JSON = (b"content-type", b"application/json")


def _json(status: int, content: object) -> Answer:
    body = _ENCODER.encode(content)
    return Answer(status, body, (_JSON, (b"content-length", b"%d" % len(body))))


def _problem(problem: Problem, trace: str) -> Answer:
    body = _ENCODER.encode(problem.body(trace[3:35]))
    headers = [
        (b"content-type", PROBLEM.encode()),
        (b"content-length", b"%d" % len(body)),
        *((name.lower().encode(), value.encode()) for name, value in problem.headers.items()),
    ]
    return Answer(problem.status, body, headers)


def _count(results: list[dict[str, str]]) -> None:
    for status, number in Tally(result["status"] for result in results).items():
        NUMBERS.events[status] += number


def _unsettled(results: list[dict[str, str]]) -> Problem:
    return errors.NotReady(
        "The log did not settle this in time. Send again what is unknown, with these ids: "
        "what did arrive is not counted twice.",
        code="log_unavailable",
        headers=_RETRY,
        extra={"results": results},
    )


def _result(place: int, outcome: Admitted | Refusal, position: str | None) -> dict[str, str]:
    if isinstance(outcome, Refusal):
        return _refusal(place, outcome)
    if position is None:
        return {"status": "unknown", "id": outcome.id}
    return {"status": "accepted", "id": outcome.id, "position": position}


def _checked(place: int, outcome: Admitted | Refusal) -> dict[str, str]:
    if isinstance(outcome, Refusal):
        return _refusal(place, outcome)
    return {"status": "valid", "id": outcome.id}


def _refusal(place: int, refusal: Refusal) -> dict[str, str]:
    error = refusal.error
    result = {"status": "refused", "code": error.code}
    if refusal.id is not None:
        result["id"] = refusal.id
    return result | {"pointer": f"/{place}{error.pointer}", "detail": error.detail}
