"""A listener for mail, SMTP or LMTP: what other mail servers forward goes through the door."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple, cast

import msgspec
from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP, syntax
from starlette.types import ASGIApp, Message
from typing_extensions import override

from services import banner
from services.contact.reading import MAX_BODY
from shared.errors import Fatal
from shared.service import Site
from shared.settings import Settings

CONNECTIONS = 50
"""Open at once; others are told to come again."""

SECONDS = 60.0
"""In which a client must go on."""

RECIPIENTS = 100
_LINE = 64 * 1024
_TOO_LARGE = f"552 5.3.4 A message has at most {MAX_BODY} bytes"
_AWAY = "451 4.3.0 This cannot be taken now; try again"
_logger = logging.getLogger("rapport.contact")


class Door(NamedTuple):
    """The door as a listener goes through it: with a key, as over HTTP."""

    app: ASGIApp
    key: str

    async def post(self, raw: bytes, sender: str, recipients: list[str]) -> str:
        """The reply to a message: 250 only when it is in the log."""
        headers = [
            (b"authorization", f"Bearer {self.key}".encode()),
            (b"content-type", b"message/rfc822"),
            (b"envelope-from", sender.encode("utf-8", "surrogateescape")),
            (b"envelope-to", ", ".join(recipients).encode("utf-8", "surrogateescape")),
        ]
        scope = {"type": "http", "method": "POST", "path": "/v1/mail", "query_string": b""}
        said: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": raw}

        async def send(message: Message) -> None:
            said.append(message)

        await self.app({**scope, "headers": headers}, receive, send)
        return _reply(said[0]["status"], msgspec.json.decode(said[1]["body"]))


def _reply(status: int, answer: dict[str, Any]) -> str:
    if status == 202:
        return f"250 2.0.0 {answer['position']}"
    sentence = answer.get("detail", "").encode("ascii", "replace").decode()[:400]
    if status in (400, 422):
        return f"554 5.6.0 {sentence} It is kept aside."
    if status == 413:
        return _TOO_LARGE
    _logger.warning("mail is not taken now: %s", sentence)
    return _AWAY


class _Session(SMTP):
    """One connection. Reading a message is our own: in one piece, and within its bound."""

    line_length_limit = _LINE

    def __init__(self, door: Door, open_ones: set["_Session"]) -> None:
        super().__init__(
            self,
            data_size_limit=MAX_BODY,
            enable_SMTPUTF8=True,
            hostname="rapport",
            ident="Rapport",
            timeout=SECONDS,
            loop=asyncio.get_running_loop(),
        )
        self._door = door
        self._open = open_ones

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._open.add(self)
        if len(self._open) > CONNECTIONS:
            out = cast(asyncio.Transport, transport)  # uvloop's is one in all but name
            out.write(b"421 4.3.2 Too many connections; try again\r\n")
            out.close()

    @override
    def connection_lost(self, error: Exception | None) -> None:
        self._open.discard(self)
        super().connection_lost(error)

    def end(self) -> None:
        """Let go of the connection: the client tries again elsewhere, or later."""
        if self.transport is not None:
            self.transport.close()

    @override
    async def handle_exception(self, error: Exception) -> str:
        _logger.error("a session of mail failed", exc_info=error)
        return _AWAY

    @override
    @syntax("RCPT TO: <address>")
    async def smtp_RCPT(self, arg: str | None) -> None:
        if self.envelope is not None and len(self.envelope.rcpt_tos) >= RECIPIENTS:
            await self.push("452 4.5.3 Too many recipients")
        else:
            await super().smtp_RCPT(arg)

    @override
    @syntax("DATA")
    async def smtp_DATA(self, arg: str | None) -> None:
        envelope = self.envelope
        if await self.check_helo_needed():
            return
        if envelope is None or not envelope.rcpt_tos or arg:
            await self.push("503 5.5.1 DATA comes after RCPT, with nothing behind it")
            return
        await self.push("354 End with a line of one dot")
        raw = await self._read()
        sender, recipients = envelope.mail_from or "", list(envelope.rcpt_tos)
        reply = _TOO_LARGE if raw is None else await self._door.post(raw, sender, recipients)
        self._set_post_data_state()  # type: ignore[no-untyped-call]
        await self.push("\r\n".join([reply] * self._replies(len(recipients))))

    def _replies(self, recipients: int) -> int:
        return 1

    async def _read(self) -> bytes | None:
        """The message up to the line of one dot; None where it is too large, read to its end."""
        raw, starts = bytearray(), True
        while True:
            try:
                line = await self._reader.readuntil(b"\r\n")
            except asyncio.LimitOverrunError as error:
                line = await self._reader.readexactly(error.consumed)
            if starts and line == b".\r\n":
                return bytes(raw) if len(raw) <= MAX_BODY else None
            if len(raw) <= MAX_BODY:
                raw += line[1:] if starts and line[:1] == b"." else line
            starts = line[-2:] == b"\r\n"


class _LmtpSession(_Session, LMTP):
    """The same, where there is a reply for each recipient."""

    @override
    def _replies(self, recipients: int) -> int:
        return recipients


@asynccontextmanager
async def listening(site: Site, app: ASGIApp) -> AsyncIterator[None]:
    """Listen where RAPPORT_MAIL says, if it does. Raises Fatal."""
    settings = site.settings
    if settings.mail is None:
        yield
        return
    door, open_ones = Door(app, _key(settings)), set[_Session]()
    kind = _LmtpSession if settings.mail_protocol == "lmtp" else _Session
    host, _, port = settings.mail.rpartition(":")
    try:
        server = await asyncio.get_running_loop().create_server(
            lambda: kind(door, open_ones), host.strip("[]"), int(port)
        )
    except OSError as error:
        raise Fatal(f"RAPPORT_MAIL: {settings.mail} cannot be listened at: {error}.") from error
    try:
        yield
    finally:
        server.close()
        for session in [*open_ones]:
            session.end()


def _key(settings: Settings) -> str:
    key = settings.mail_key or banner.keys(settings.data).get("ingest")
    if key is None:
        raise Fatal("RAPPORT_MAIL needs a key of the scope ingest: set RAPPORT_MAIL_KEY.")
    return key
