"""The one way by which anything comes to a partner: operations that it may use, answers shaped.

What is not named here is refused, so that a new operation shows a partner nothing until somebody
says what of it.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from hashlib import blake2b
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

import msgspec
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.leads.partners import releasing, working
from services.leads.partners.decider import PARTNER, stream_of
from services.leads.partners.events import Release
from services.leads.partners.states import Partner
from services.leads.queries import scores
from shared.auth import bearer
from shared.clock import now
from shared.database import ERRORS
from shared.deciding.command_handler import CommandHandler
from shared.errors import DatabaseUnavailable, Forbidden, Problem
from shared.http import PROBLEM, away, problem_response
from shared.middleware import header_of
from shared.service import Site, schema_served

Shape = Callable[[Any, Release, str], Any]
_ID = "[0-9a-fA-F-]{36}"
_FILTERED = (
    "pipeline|stage|state|owner|product|reason|competitor|currency|won_currency|amount|captured"
    "|touched|closed|expected_close|visited|reached|sku|category|status|text|lead|number|ordering"
    "|valid_until|sent|due|kind"
)
_VERSION = re.compile(rb'"\d+"')
_QUERY = re.compile(rf"filter\[({_FILTERED})\]\[\w+\]|[a-z_]+")
"""What a partner may ask by: by nothing that it might not be shown."""

_TOLD_BY = frozenset(("source", "country", "region"))
"""What a partner's numbers are not told by: two are fields of customers."""


class Way(NamedTuple):
    """Operations that a partner may use, and how their answer is shaped."""

    methods: str
    path: re.Pattern[str]
    shape: Shape


def _way(methods: str, path: str, shape: Shape) -> Way:
    return Way(methods, re.compile(path), shape)


WAYS = (
    _way("GET", "/v1/leads", releasing.leads),
    _way("POST", "/v1/leads", releasing.capture),
    _way("POST", "/v1/leads/(move|lose)", releasing.whole),
    _way("POST", "/v1/leads/sync", releasing.synced),
    _way("GET", "/v1/leads/changes", releasing.changes),
    _way("GET", "/v1/leads/measures", releasing.whole),
    _way("GET PATCH", f"/v1/leads/{_ID}", releasing.lead),
    _way("POST", f"/v1/leads/{_ID}/(move|win|lose|reopen|notes|visits)", releasing.lead),
    _way("GET", f"/v1/leads/{_ID}/history", releasing.history),
    _way("GET", f"/v1/leads/{_ID}/score", releasing.score),
    _way("GET", f"/v1/leads/{_ID}/follow-ups", working.follow_ups),
    _way("GET", "/v1/follow-ups", working.steps),
    _way("GET", "/v1/quotes", working.quotes),
    _way("GET", f"/v1/quotes/{_ID}", working.quote),
    _way("GET", "/v1/boards/[^/]+", releasing.board),
    _way("GET", "/v1/pipelines(/[^/]+)?", releasing.whole),
    _way("GET", "/v1/products(/.+)?", releasing.whole),  # which the catalogue shapes itself
    _way("GET PUT POST", "/v1/price-lists(/.+)?", releasing.whole),
    _way("PUT POST", "/v1/products(/.+)?", releasing.whole),
    _way("POST", "/v1/prices", releasing.whole),
)


class Gate:
    """Stands before an application; what is not a partner's passes as it is."""

    def __init__(self, app: ASGIApp, site: Site, handler: CommandHandler) -> None:
        self._app, self._site, self._handler = app, site, handler

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            partner = await self._partner(scope)
            way = _way_of(scope) if partner else None
            if partner and way:
                await self._released(partner)  # what would be refused is so before it has an effect
        except Problem as problem:
            await problem_response(problem)(scope, receive, send)
            return
        if partner and way:
            scope["is_let_in"] = partial(self._is_active, partner)
            whole = scope["method"] == "GET" and way.shape is releasing.lead
            released = partial(self._released, partner)
            shaping = Shaping(send, way.shape, released, partner, self._traits if whole else None)
            if way.shape is not releasing.whole:
                # what the caller has was shaped by what was released then
                shaping.known = header_of(scope, b"if-none-match") or ""
                scope["headers"] = [e for e in scope["headers"] if e[0] != b"if-none-match"]
            send = shaping
        await self._app(scope, receive, send)

    async def _partner(self, scope: Scope) -> str | None:
        """The principal of a partner; None of anybody else. Raises NotReady."""
        secret = bearer(header_of(scope, b"authorization"))
        key = await self._site.keyring.find(secret) if secret else None
        is_partner = key is not None and key.principal.startswith("partner:")
        return key.principal if key is not None and is_partner else None

    async def _released(self, partner: str) -> Release:
        """What is released to a partner: nothing, where nobody said so. Raises Forbidden."""
        try:
            state = (await self._handler.load(PARTNER, stream_of(partner))).state
        except (DatabaseUnavailable, *ERRORS) as error:
            detail = "What is released to you is not known now; try again."
            raise away(detail, "database_unavailable") from error
        if not isinstance(state, Partner):
            return Release()
        if not state.active:
            raise Forbidden("You are no active partner.", code="partner_inactive")
        return state.release

    async def _is_active(self, partner: str) -> bool:
        """Whether a stream that a partner has goes on."""
        try:
            await self._released(partner)
        except Forbidden:
            return False
        return True

    async def _traits(self, subject: str, release: Release) -> dict[str, Any]:
        """The released traits of the customer that a subject belongs to, as they are now."""
        schema, present = await schema_served(self._site), now()
        async with self._site.pool.acquire() as connection:
            _, subjects = await scores.members(connection, schema, subject)
            horizon = scores.Horizon(present, present)
            person = await scores.person(connection, schema, subjects, horizon)
        told = person.traits
        return {name: told[name] for name in release.traits if name in told}


def _way_of(scope: Scope) -> Way:
    """The way of a request. Raises Forbidden for what partners may not use, or not ask by."""
    method, path = scope["method"], scope["path"]
    found = next((w for w in WAYS if method in w.methods.split() and w.path.fullmatch(path)), None)
    if found is None:
        raise Forbidden("This is not for partners.", code="not_for_partners")
    for name, value in parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True):
        if not _QUERY.fullmatch(name) or (name == "by" and value in _TOLD_BY):
            raise Forbidden(f"A partner does not ask by {name[:100]}.", code="not_released")
    return found


class Shaping:
    """Sends an answer on once it is shaped; frames of a stream each by itself."""

    def __init__(
        self,
        send: Send,
        shape: Shape,
        released: Callable[[], Awaitable[Release]],
        partner: str,
        traits: Callable[[str, Release], Awaitable[dict[str, Any]]] | None = None,
    ) -> None:
        self._send, self._shape, self._partner = send, shape, partner
        self._released, self._traits = released, traits
        self._start: Message = {}
        self._type = ""
        self._body = b""
        self.known = ""  # the ETags that the caller has

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
            headers: Mapping[bytes, bytes] = dict(message["headers"])
            self._type = headers.get(b"content-type", b"").decode("latin-1").partition(";")[0]
            if self._type == "text/event-stream":
                await self._send(message)
        elif self._type == "text/event-stream":
            await self._send({**message, "body": await self._frames(message.get("body", b""))})
        else:
            self._body += message.get("body", b"")
            if not message.get("more_body", False):
                await self._whole()

    async def _frames(self, chunk: bytes) -> bytes:
        if b"data: " not in chunk:
            return chunk
        release = await self._released()
        lines = [self._line(line, release) for line in chunk.split(b"\n")]
        return b"\n".join(lines)

    def _line(self, line: bytes, release: Release) -> bytes:
        if not line.startswith(b"data: "):
            return line
        given = msgspec.json.decode(line.removeprefix(b"data: "))
        return b"data: " + msgspec.json.encode(releasing.record(given, release, self._partner))

    async def _whole(self) -> None:
        body, start = self._body, self._start
        if self._type == "application/json" and self._shape is not releasing.whole:
            body = await self._shaped(msgspec.json.decode(body))
            start, body = self._tagged(start, body)
        elif self._type == PROBLEM:
            body = msgspec.json.encode(releasing.problem(msgspec.json.decode(body)))
        await self._answer(start, body)

    async def _answer(self, start: Message, body: bytes) -> None:
        """A length is that of what is sent; of an answer that the caller has none is told."""
        length = (b"content-length", str(len(body)).encode())
        headers = [each for each in start["headers"] if each[0] != b"content-length"]
        if start["status"] != 304:
            headers.append(length)
        await self._send({**start, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})

    def _tagged(self, start: Message, body: bytes) -> tuple[Message, bytes]:
        """The answer with a tag of what is shown: that of all there is would tell of the rest.

        A version stays, for commands name it; but not that of a lead that is somebody else's.
        """
        headers = dict(start["headers"])
        tag = headers.pop(b"etag", None)
        joined = "joined" in msgspec.json.decode(body)
        if tag is None or (_VERSION.fullmatch(tag) and not joined):
            return start, body
        if joined:
            return {**start, "headers": [*headers.items()]}, body
        shown = f'"{blake2b(body, digest_size=12).hexdigest()}"'
        headers[b"etag"] = shown.encode()
        if shown in (part.strip().removeprefix("W/") for part in self.known.split(",")):
            headers.pop(b"content-type", None)
            return {**start, "status": 304, "headers": [*headers.items()]}, b""
        return {**start, "headers": [*headers.items()]}, body

    async def _shaped(self, given: Any) -> bytes:
        release = await self._released()
        found = self._shape(given, release, self._partner)
        if self._traits is not None and release.traits:
            found["traits"] = await self._traits(given["subject"], release)
        return msgspec.json.encode(found)
