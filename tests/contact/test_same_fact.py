"""Whatever the dialect, the same fact gives the same record."""

from datetime import UTC, datetime
from decimal import Decimal
from email.utils import format_datetime
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from services.contact.cloudevents import BATCH, BINARY, STRUCTURED
from services.contact.dialect import Dialect
from services.contact.dialects import NATIVE
from services.contact.faults import Refusal
from services.contact.mail.message import MAIL
from services.contact.money import EXPONENTS
from services.contact.segment.requests import BY_PATH
from shared.clock import rfc3339
from tests.contact.sending import SENDING, intake

Fact = dict[str, Any]
"""An event as our own dialect has it."""

words = st.text(st.characters(codec="utf-8", categories=["L", "N"]), min_size=1, max_size=12)
notes = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
amounts = st.integers(-(10**9), 10**9)
moments = st.datetimes().map(lambda moment: f"{moment.isoformat(timespec='milliseconds')}Z")
values = st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(-1e9, 1e9) | notes
traits = st.dictionaries(words, values, max_size=4)


@st.composite
def facts(draw: st.DrawFn, type_: str, fields: st.SearchStrategy[Fact]) -> Fact:
    """Something that a user did on a device of theirs, whose address is known or not."""
    user, device = draw(words), draw(words)
    who = [{"kind": "user", "value": user}, {"kind": "device", "value": device}]
    if draw(st.booleans()):
        who.append({"kind": "email", "value": f"{draw(words)}@example.com"})
    data = {"identifiers": who} | draw(fields)
    moment = draw(moments)
    return {"id": draw(words), "source": "/keys/shop", "type": type_, "time": moment, "data": data}


lines = st.lists(
    st.fixed_dictionaries(
        {"sku": words, "quantity": st.integers(1, 99)}, optional={"price": amounts, "name": words}
    ),
    max_size=3,
)
orders = st.fixed_dictionaries(
    {
        "order": words,
        "amount": amounts,
        "currency": st.sampled_from(["EUR", "USD", "JPY", "KWD"]),
        "lines": lines,
    }
)


def records(dialect: Dialect, body: object, headers: dict[str, str] | None = None) -> list[Any]:
    """The records of what a body holds."""
    names = {name.encode(): value.encode() for name, value in (headers or {}).items()}
    found = dialect.read(msgspec.json.encode(body), names, SENDING)
    events = [found] if isinstance(found, dict) else list(found)
    entries = []
    for event in events:
        if isinstance(event, Refusal):
            raise event
        entries.append(intake.admit(event, SENDING))
    return [msgspec.json.decode(entry.value) for entry in entries]


def in_headers(fact: Fact) -> dict[str, str]:
    """The attributes of binary mode, percent-encoded."""
    named = {name: value for name, value in fact.items() if name != "data"}
    return {
        f"ce-{name}": "".join(f"%{byte:02X}" for byte in value.encode())
        for name, value in (named | {"specversion": "1.0"}).items()
    }


def check(fact: Fact, kind: str, call: Fact) -> None:
    """Every dialect says the same; what Segment said stands beside it, whole."""
    (native,) = records(NATIVE, fact)
    event = fact | {"specversion": "1.0"}
    media = {"content-type": "application/json"}
    assert records(NATIVE, [fact]) == [native]
    assert records(STRUCTURED, event) == [native]
    assert records(BATCH, [event, event]) == [native, native]
    assert records(BINARY, fact["data"], in_headers(fact)) == [native]
    assert records(BINARY, fact["data"], in_headers(fact) | media) == [
        native | {"datacontenttype": "application/json"}
    ]
    call = _common(fact) | call
    for said in (
        records(BY_PATH[f"/v1/{kind}"], call),
        records(BY_PATH["/v1/batch"], {"batch": [call | {"type": kind}]}),
    ):
        (one,) = said
        body = one["data"].pop("body")
        assert one["data"].pop("content_type") == "application/json"
        assert one == native
        assert body.pop("originalTimestamp") == call["timestamp"]
        assert body == {name: call[name] for name in call if name != "timestamp"} | (
            {"type": kind} if "type" in body else {}
        )


def _common(fact: Fact) -> Fact:
    """What every call says: whom it is about, its id and its time."""
    known = {one["kind"]: one["value"] for one in reversed(fact["data"]["identifiers"])}
    found = {
        "messageId": fact["id"],
        "timestamp": fact["time"],
        "userId": known["user"],
        "anonymousId": known["device"],
    }
    if "email" in known:
        found["context"] = {"traits": {"email": known["email"]}}
    return found


def decimal(units: int, currency: str) -> float:
    return float(Decimal(units).scaleb(-EXPONENTS.get(currency, 2)))


def product(line: Fact, currency: str) -> Fact:
    if "price" not in line:
        return line
    return line | {"price": decimal(line["price"], currency)}


@settings(deadline=None, max_examples=40)
@given(facts("order.placed", orders))
def test_an_order(fact: Fact) -> None:
    data = fact["data"]
    properties = {
        "order_id": data["order"],
        "revenue": decimal(data["amount"], data["currency"]),
        "currency": data["currency"],
        "products": [product(line, data["currency"]) for line in data["lines"]],
    }
    check(fact, "track", {"event": "Order Completed", "properties": properties})


@settings(deadline=None, max_examples=40)
@given(facts("customer.described", st.fixed_dictionaries({"traits": traits})))
def test_traits(fact: Fact) -> None:
    check(fact, "identify", {"traits": fact["data"]["traits"]})


@settings(deadline=None, max_examples=40)
@given(facts("page.viewed", st.fixed_dictionaries({"name": words, "url": words, "title": words})))
def test_a_page(fact: Fact) -> None:
    seen = {name: fact["data"][name] for name in ("url", "title")}
    check(fact, "page", {"name": fact["data"]["name"], "properties": seen})


@settings(deadline=None, max_examples=40)
@given(facts("screen.viewed", st.fixed_dictionaries({"name": words})))
def test_a_screen(fact: Fact) -> None:
    check(fact, "screen", {"name": fact["data"]["name"]})


@settings(deadline=None, max_examples=40)
@given(
    facts(
        "membership.changed",
        st.fixed_dictionaries(
            {"organisation": st.fixed_dictionaries({"id": words, "name": words})}
        ),
    )
)
def test_a_membership(fact: Fact) -> None:
    group = fact["data"]["organisation"]
    check(fact, "group", {"groupId": group["id"], "traits": {"name": group["name"]}})


@settings(deadline=None, max_examples=40)
@given(facts("email.opened", st.fixed_dictionaries({"message": words, "campaign": words})))
def test_an_email(fact: Fact) -> None:
    properties = {"email_id": fact["data"]["message"], "campaign_name": fact["data"]["campaign"]}
    check(fact, "track", {"event": "Email Opened", "properties": properties})


@settings(deadline=None, max_examples=40)
@given(facts("message.received", st.fixed_dictionaries({"conversation": words, "text": words})))
def test_a_message_in_a_chat(fact: Fact) -> None:
    fact["data"]["channel"] = "chat"
    properties = {
        "conversation_id": fact["data"]["conversation"],
        "message_body": fact["data"]["text"],
    }
    check(fact, "track", {"event": "Live Chat Message Sent", "properties": properties})


@settings(deadline=None, max_examples=40)
@given(facts("track", st.fixed_dictionaries({"event": words.map(lambda word: f"x {word}")})))
def test_whatever_else_happened(fact: Fact) -> None:
    check(fact, "track", {"event": fact["data"]["event"]})


@settings(deadline=None, max_examples=40)
@given(facts("identifiers.seen", st.just({})), words)
def test_who_somebody_was_before(fact: Fact, previous: str) -> None:
    known = [one["value"] for one in fact["data"]["identifiers"]]
    previous = f"{previous}-{known[0]}-{known[1]}"  # somebody else
    fact["data"]["identifiers"].append({"kind": "user", "value": previous})
    check(fact, "alias", {"previousId": previous})


def message(fact: Fact) -> bytes:
    """The same as mail: ours to quote, since words are letters and digits."""
    data = fact["data"]
    sender = data["sender"]
    lines = [
        f"Message-ID: {data['message']}",
        f"From: {sender['name']} <{sender['address']}>",
        f"To: {', '.join(one['address'] for one in data['to'])}",
        f"Subject: {data['subject']}",
        f"Date: {fact['time']}",
        *([f"In-Reply-To: {data['in_reply_to']}"] if "in_reply_to" in data else []),
        "Content-Type: text/plain; charset=utf-8",
        *("", data["text"], ""),
    ]
    return "\r\n".join(lines).encode()


ascii_words = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=12)
dates = st.datetimes(datetime(1970, 1, 1), datetime(2026, 1, 31)).map(
    lambda moment: moment.replace(microsecond=0, tzinfo=UTC)
)


@settings(deadline=None, max_examples=40)
@given(
    st.fixed_dictionaries(
        {
            "message": ascii_words.map(lambda word: f"<{word}@example.com>"),
            "subject": words,
            "text": words,
            "sender": st.fixed_dictionaries(
                {"address": ascii_words.map(lambda word: f"{word}@example.com"), "name": words}
            ),
            "to": st.lists(
                ascii_words.map(lambda word: {"address": f"{word}@shop.example"}),
                min_size=1,
                max_size=3,
            ),
        },
        optional={"in_reply_to": ascii_words.map(lambda word: f"<{word}@shop.example>")},
    ),
    dates,
)
def test_mail(said: Fact, moment: datetime) -> None:
    fact: Fact = {"type": "email.received", "time": format_datetime(moment), "data": said}
    raw = message(fact)
    (event,) = [MAIL.read(raw, {}, SENDING)]
    assert isinstance(event, dict)
    record = msgspec.json.decode(intake.admit(event, SENDING).value)
    named = {"id": said["message"], "source": "/keys/shop/mail", "time": rfc3339(moment)}
    who = [{"kind": "email", "value": said["sender"]["address"]}]
    data = {"identifiers": who, **said, "automatic": False, "size": len(raw)}
    (native,) = records(NATIVE, fact | named | {"data": data})
    assert record == native
