"""Mail by SMTP and LMTP: 250 only when it is in the log; what is refused is kept byte for byte."""

import asyncio
import base64
import smtplib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from services.contact import smtp
from services.contact.app import SERVICE
from services.contact.door import Door
from services.contact.intake import Intake
from services.contact.reading import MAX_BODY
from shared.errors import Fatal, LogUnavailable
from shared.service import Site
from tests.contact.answering import Contact
from tests.contact.test_log_away import TOPICS, Lanes, Ring
from tests.records import SECRET
from tests.system.running import free_port

FROM, TO = "jane@example.com", ["help@shop.example", "desk@shop.example"]


def message(id: str, text: str = "It leaks.") -> bytes:
    lines = [f"From: Jane <{FROM}>", f"Message-ID: <{id}>", "Subject: The kettle", "", text]
    return "\r\n".join([*lines, ""]).encode()


@asynccontextmanager
async def listener(
    live: Contact, protocol: str = "smtp", **changes: Any
) -> AsyncIterator[tuple[Site, int]]:
    """A listener of its own before the contact of this file."""
    port = free_port()
    settings = live.site.settings.model_copy(
        update={
            "mail": f"127.0.0.1:{port}",
            "mail_protocol": protocol,
            "mail_key": live.secrets["ingest"],
            **changes,
        }
    )
    site = Site(**{**vars(live.site), "settings": settings})
    async with smtp.listening(site, SERVICE.app(site)):
        yield site, port


async def send(port: int, raw: bytes, to: list[str] = TO) -> tuple[int, bytes]:
    """What a mail server is told of its message."""

    def sending() -> tuple[int, bytes]:
        with smtplib.SMTP("127.0.0.1", port, timeout=20) as client:
            client.ehlo()
            client.mail(FROM)
            for each in to:
                client.rcpt(each)
            return client.data(raw)

    return await asyncio.to_thread(sending)


async def test_a_message_is_in_the_log_when_250_is_said(live: Contact) -> None:
    async with listener(live) as (_, port):
        code, said = await send(port, message("first@example.com", "It leaks.\r\n.hidden dot"))
    assert code == 250
    record = msgspec.json.decode((await live.at(said.decode().split()[-1])).value)
    assert (record["type"], record["id"]) == ("email.received", "<first@example.com>")
    data = record["data"]
    assert data["text"] == "It leaks.\n.hidden dot"
    assert (data["return_path"], data["delivered_to"]) == (FROM, TO)
    assert data["automatic"] is False
    assert [one["value"] for one in data["identifiers"]] == [FROM]


OF_A_REQUEST = {"receivedtime", "recordedtime", "traceparent", "time"}


async def test_told_by_a_mail_server_or_by_a_web_hook_it_is_the_same_record(live: Contact) -> None:
    raw = message("both@example.com")
    headers = live.headers("ingest") | {
        "Content-Type": "message/rfc822",
        "Envelope-From": FROM,
        "Envelope-To": ", ".join(TO),
    }
    answer = await live.client.post("/v1/mail", content=raw, headers=headers)
    async with listener(live) as (_, port):
        _code, said = await send(port, raw)
    found = [
        msgspec.json.decode((await live.at(position)).value)
        for position in (answer.json()["position"], said.decode().split()[-1])
    ]
    hooked, mailed = [{n: one[n] for n in one if n not in OF_A_REQUEST} for one in found]
    assert hooked == mailed


async def test_what_is_refused_is_kept_with_its_bytes_and_its_envelope(live: Contact) -> None:
    raw = b"Subject: from nobody\r\n\r\nbytes \xff\x01 and all\r\n"
    before = await live.ends()
    async with listener(live) as (_, port):
        code, said = await send(port, raw)
    assert code == 554
    assert b"`From` must be there" in said
    kept = [
        msgspec.json.decode(record.value)
        for (topic, partition), end in (await live.ends()).items()
        if "quarantine" in topic and end > before[topic, partition]
        for record in await live.site.log.read(topic, partition, before[topic, partition], 10)
    ]
    assert [base64.b64decode(one["data"]["bytes"]) for one in kept] == [raw]
    assert kept[0]["data"]["headers"] == {"envelope-from": FROM, "envelope-to": ", ".join(TO)}
    assert kept[0]["data"]["path"] == "/v1/mail"


async def test_a_message_that_is_too_large_is_told_so(live: Contact) -> None:
    async with listener(live) as (_, port):
        code, _said = await send(port, message("large@example.com", "x" * 70 + "\r\n" * MAX_BODY))
        assert code == 552
        assert (await send(port, message("after@example.com")))[0] == 250


async def test_a_key_that_is_not_known_asks_to_try_again(live: Contact) -> None:
    async with listener(live, mail_key="rk_" + "x" * 43) as (_, port):
        assert (await send(port, message("keyless@example.com")))[0] == 451


async def test_a_log_that_is_away_asks_to_try_again() -> None:
    away = Lanes(lambda topic, partition: LogUnavailable("away"))
    app = Door(away, Ring(), Intake(SECRET), TOPICS)
    door = smtp.Door(app, "rk_" + "x" * 43)
    assert (await door.post(message("away@example.com"), FROM, TO))[:3] == "451"
    assert (await door.post(b"no message", FROM, TO))[:3] == "451"  # it cannot be kept either


async def test_connections_and_recipients_are_bounded(
    live: Contact, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtp, "CONNECTIONS", 1)
    monkeypatch.setattr(smtp, "RECIPIENTS", 2)
    async with listener(live) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert (await reader.readline()).startswith(b"220")
        other, second = await asyncio.open_connection("127.0.0.1", port)
        assert b"421" in await other.read()
        writer.write(
            b"EHLO x\r\nMAIL FROM:<a@example.com>\r\n" + b"RCPT TO:<b@example.com>\r\n" * 3
        )
        while not (line := await reader.readline()).startswith(b"452"):
            assert line
        for each in (writer, second):
            each.close()
            await each.wait_closed()


async def test_lmtp_answers_for_each_recipient(live: Contact) -> None:
    async with listener(live, "lmtp") as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(
            b"LHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<a@x.example>\r\nRCPT TO:<b@x.example>\r\n"
        )
        writer.write(b"DATA\r\n")
        while not (await reader.readline()).startswith(b"354"):
            pass
        writer.write(message("lmtp@example.com") + b".\r\n")
        replies = [(await reader.readline()).decode().split() for _ in range(2)]
        writer.close()
        await writer.wait_closed()
    assert [reply[0] for reply in replies] == ["250", "250"]
    record = msgspec.json.decode((await live.at(replies[0][-1])).value)
    assert record["data"]["automatic_by"] == ["return-path"]


async def test_without_a_key_or_an_address_it_does_not_start(live: Contact) -> None:
    with pytest.raises(Fatal, match="RAPPORT_MAIL_KEY"):
        async with listener(live, mail_key=None):
            pass
    async with listener(live) as (site, _):
        with pytest.raises(Fatal, match="cannot be listened at"):
            async with smtp.listening(site, SERVICE.app(site)):
                pass
