"""The door: one way in for every dialect; small pure ASGI in front of the framework."""

import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from typing import Protocol

from msgspec.structs import replace
from starlette.types import Receive, Scope, Send

from services.contact import adapters, beacon, refused, tokens
from services.contact.answers import (
    Outcome,
    as_json,
    as_problem,
    checked,
    count,
    results_of,
    settled,
    unsettled,
    why,
)
from services.contact.aside import Aside, Bad
from services.contact.asking import Asked, as_header, asked_by, header_in, sending_of, way_of
from services.contact.body import (
    TIMEOUT,
    Gone,
    names_of,
    only_validate,
    opened,
    read_body,
)
from services.contact.dialect import Dialect, Names
from services.contact.dialects import dialect_of
from services.contact.faults import Refusal
from services.contact.intake import Admitted, Intake, Sending
from services.contact.lanes import Appender, Lanes, Topics
from services.contact.numbers import NUMBERS
from services.contact.public import check_origin
from services.contact.rates import Rates
from services.contact.reading import Event
from services.contact.segment import requests as segment
from services.contact.short import Short
from services.contact.tokens import Tokens
from shared import telemetry
from shared.auth import PUBLIC, Key, authorise, unauthenticated
from shared.clock import monotonic
from shared.deadlines import Deadlines
from shared.direct import Answer
from shared.errors import BadRequest, FieldError, Problem, TooLarge, Unprocessable

EVENTS = refused.EVENTS
PATHS = frozenset((EVENTS, beacon.PATH, *segment.BY_PATH, *adapters.BY_PATH))
"""What is posted to the door."""

SCOPES = ("ingest", PUBLIC)

_DIALECTS = {**segment.BY_PATH, **adapters.BY_PATH, beacon.PATH: beacon.BEACON}
"""The dialects of operations that speak only one."""

Enter = Callable[[Scope, Receive, Names, str], Awaitable[Answer]]

_logger = logging.getLogger("rapport.contact")


class Ring(Protocol):
    """What the door needs of the keys."""

    def at_hand(self, header: bytes) -> Key | None: ...
    async def find_by_header(self, header: bytes) -> Key | None: ...


class Declared(Protocol):
    """What the door needs of what is declared."""

    @property
    def is_fresh(self) -> bool: ...
    async def look(self) -> None: ...


class Door:
    """Lets events in: checked, identified, appended to the log, and only then acknowledged."""

    def __init__(
        self,
        log: Appender,
        ring: Ring,
        intake: Intake,
        topics: Topics,
        *,
        declared: Declared | None = None,
        rates: Rates | None = None,
        body_seconds: float = TIMEOUT,
    ) -> None:
        self._lanes = Lanes(log, topics.partitions)
        self._deadlines = Deadlines(body_seconds)
        self._ring = ring
        self._intake = intake
        self._topics = topics
        self._declared = declared
        self._rates = rates or Rates()
        self._tokens = Tokens(intake.subjects)
        self._aside = Aside()
        short = Short(self._lanes, topics.interactions, intake, self._rates, self._at_hand)
        self.takers = {EVENTS: short.taker}
        self._ways: dict[str, Enter] = {
            **dict.fromkeys((EVENTS, *adapters.BY_PATH), self._of_events),
            beacon.PATH: self._of_beacon,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = monotonic()
        names = names_of(scope)
        trace = telemetry.traceparent(names.get(b"traceparent", b"").decode("latin-1") or None)
        enter = self._ways.get(scope["path"], self._of_segment)
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

    # The entrances

    async def _of_events(self, scope: Scope, receive: Receive, names: Names, trace: str) -> Answer:
        """Our own events and CloudEvents, by content type; what adapters read, by path."""
        try:
            key = await self._key(names.get(b"authorization", b""), names)
            self._lanes.make_way()
            validate = only_validate(scope["query_string"])
            body = opened(await read_body(receive, names, self._deadlines), names)
        except Problem as problem:
            NUMBERS.turn_away(problem.code)
            raise
        path = scope["path"]
        asked = asked_by(key, trace, body, validate, path)
        dialect = body.problem or adapters.BY_PATH.get(path) or dialect_of(names)
        if isinstance(dialect, Problem):
            return await self._refuse_whole(asked, dialect)
        return await self._let_in(dialect, asked)

    async def _of_beacon(self, scope: Scope, receive: Receive, names: Names, trace: str) -> Answer:
        """What pages send, with a public key and perhaps an identity token in the body."""
        try:
            self._lanes.make_way()
            body = opened(await read_body(receive, names, self._deadlines), names)
            secret, token = beacon.head(body.content)
            header = names.get(b"authorization", b"") if secret is None else as_header(secret)
            key = await self._key(header, names, (PUBLIC,))
        except Problem as problem:
            NUMBERS.turn_away(problem.code)
            raise
        content = beacon.without(body.content, token)
        names = beacon.as_json_events(body.names)
        asked = Asked(sending_of(key, trace), content, names, token=token, path=beacon.PATH)
        if body.problem is not None:
            return await self._refuse_whole(asked, body.problem)
        return await self._let_in(beacon.BEACON, asked)

    async def _of_segment(self, scope: Scope, receive: Receive, names: Names, trace: str) -> Answer:
        """Calls of Segment's API; its clients take a body that is too large as a bad request."""
        try:
            secret = segment.secret_of(names)
            key = None if secret is None else await self._key(as_header(secret), names)
            self._lanes.make_way()
            body = opened(await read_body(receive, names, self._deadlines), names)
            key = key or await self._key(header_in(body.content, names), names)
        except TooLarge as problem:
            NUMBERS.turn_away(problem.code)
            raise BadRequest(problem.detail, code=problem.code, headers=problem.headers) from None
        except Problem as problem:
            NUMBERS.turn_away(problem.code)
            raise
        asked = asked_by(key, trace, body, path=scope["path"])
        if body.problem is not None:
            return await self._refuse_whole(asked, body.problem)
        return await self._let_in(segment.BY_PATH[scope["path"]], asked)

    async def again(self, asked: Asked, id: str) -> list[Outcome]:
        """What becomes of a body that was kept, were it sent now; nothing is appended or kept.

        An event without an id of its own is given one that follows from `id`. Raises Problem.
        """
        await self._know()
        body = opened(asked.body, asked.names)
        dialect = body.problem or _DIALECTS.get(asked.path) or dialect_of(body.names)
        if isinstance(dialect, Problem):
            raise dialect
        try:
            found = dialect.read(body.content, body.names, asked.sending)
        except Refusal as refusal:
            raise why(refusal) from None
        return self._admit_all(_named(found, id), asked.sending)

    # The one way in

    def _at_hand(self, header: bytes) -> Key | None:
        """The key of an Authorization header, where nothing has to be looked up now."""
        if self._declared is not None and not self._declared.is_fresh:
            return None
        key = self._ring.at_hand(header)
        return key if key is not None and key.scopes.intersection(SCOPES) else None

    async def _key(self, header: bytes, names: Names, scopes: Sequence[str] = SCOPES) -> Key:
        key = self._ring.at_hand(header) or await self._ring.find_by_header(header)
        if key is None:
            raise unauthenticated()
        authorise(key, scopes)
        if key.origins:
            check_origin(key, names.get(b"origin"))
        self._rates.check(key)
        return key

    async def _let_in(self, dialect: Dialect, asked: Asked) -> Answer:
        """What the body holds, in whatever dialect, is let in or refused: the one way in."""
        await self._know()
        try:
            if asked.token is not None:
                asked = self._vouched(asked, asked.token, dialect)
            found = dialect.read(asked.body, asked.names, asked.sending)
            if isinstance(found, dict):
                return await self._one(asked, self._intake.admit(found, asked.sending))
        except Refusal as refusal:
            return await self._refuse_whole(asked, why(refusal))
        except Unprocessable as problem:
            return await self._refuse_whole(asked, problem)
        return await self._many(dialect, asked, self._admit_all(found, asked.sending))

    async def _know(self) -> None:
        """See that what is declared is known."""
        if self._declared is not None and not self._declared.is_fresh:
            await self._declared.look()

    def _vouched(self, asked: Asked, token: str, dialect: Dialect) -> Asked:
        """The request with what its token vouches for. Raises Unprocessable."""
        pointer = beacon.TOKEN if dialect is beacon.BEACON else tokens.POINTER
        subjects = self._tokens.vouched(asked.sending.key, token, pointer)
        return replace(asked, sending=asked.sending._replace(vouched=subjects))

    # One event

    async def _one(self, asked: Asked, admitted: Admitted) -> Answer:
        self._rates.spend(asked.sending.key, 1)
        if asked.validate:
            NUMBERS.events["valid"] += 1
            return as_json(200, {"status": "valid", "id": admitted.id})
        position = await self._lanes.one(self._topics.interactions, admitted)
        return settled(admitted.id, position)

    async def _refuse_whole(self, asked: Asked, problem: Problem) -> Answer:
        """Keep a body that is refused as it stands, then say why."""
        reasons = problem.errors or (FieldError("", problem.code, problem.detail),)
        NUMBERS.events["refused"] += 1
        self._rates.spend(asked.sending.key, 1)
        if asked.body and not asked.validate:
            way = way_of(asked)
            kept = refused.of_request(asked.body, asked.names, asked.sending, reasons, way)
            if await self._lanes.one(self._topics.quarantine, kept) is None:
                raise unsettled([])
        return as_problem(problem, asked.sending.traceparent)

    # Many events

    def _admit_all(self, items: Iterable[Event | Refusal], sending: Sending) -> list[Outcome]:
        outcomes: list[Outcome] = []
        for item in items:
            if isinstance(item, Refusal):
                outcomes.append(item.alone())
                continue
            try:
                outcomes.append(self._intake.admit(item, sending))
            except Refusal as refusal:
                outcomes.append(refusal.alone())
        return outcomes

    async def _many(self, dialect: Dialect, asked: Asked, outcomes: list[Outcome]) -> Answer:
        self._rates.spend(asked.sending.key, len(outcomes))
        if asked.validate:
            return as_json(200, {"results": checked(outcomes)})
        positions = await self._lanes.many(await self._placed(dialect, asked, outcomes))
        results = results_of(outcomes, positions)
        count(results)
        if None in positions:
            raise unsettled(results)
        return dialect.answer(outcomes, results)

    async def _placed(
        self, dialect: Dialect, asked: Asked, outcomes: list[Outcome]
    ) -> list[tuple[str, Admitted]]:
        """What goes where: admitted events, and the exact bytes of those that were refused."""
        topics = self._topics
        if not any(isinstance(outcome, Refusal) for outcome in outcomes):
            return [(topics.interactions, outcome) for outcome in outcomes]  # type: ignore[misc]
        pieces = dialect.pieces(asked.body)
        way = way_of(asked, dialect.around(asked.body))
        keeping = refused.keeping(asked.names, asked.sending, way)
        bad = [
            Bad(pieces[place], outcome.error)
            for place, outcome in enumerate(outcomes)
            if isinstance(outcome, Refusal)
        ]
        kept = iter(await self._aside.keep(keeping, bad))
        return [
            (topics.interactions, outcome)
            if isinstance(outcome, Admitted)
            else (topics.quarantine, next(kept))
            for outcome in outcomes
        ]


def _named(found: Event | Iterable[Event | Refusal], id: str) -> Iterator[Event | Refusal]:
    """The events, each with an id: its own, or one that is the same whenever it is sent again."""
    items = [found] if isinstance(found, dict) else found
    for place, item in enumerate(items):
        if isinstance(item, dict) and item.get("id") is None:
            item["id"] = f"{id}/{place}" if place else id
        yield item
