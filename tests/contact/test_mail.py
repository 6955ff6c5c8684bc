"""Mail as events: what a person wrote, whom it answers, and nothing that breaks the reading."""

import email.message
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.contact.faults import Refusal
from services.contact.mail.charsets import text_of, words_of
from services.contact.mail.markup import text_of_html
from services.contact.mail.message import MAIL
from services.contact.mail.parts import MOST_DEPTH, MOST_PARTS, MOST_TEXT
from services.contact.reading import Event
from tests.contact.sending import MOMENT, SENDING, intake

NAMES = {b"content-type": b"message/rfc822"}


def read(raw: bytes, **envelope: str) -> Any:
    """The record of a message."""
    names = NAMES | {f"envelope-{n}".encode(): v.encode() for n, v in envelope.items()}
    event = MAIL.read(raw, names, SENDING)
    assert isinstance(event, dict)
    return msgspec.json.decode(intake.admit(event, SENDING).value)


def mail(body: bytes = b"Hello\r\n", **headers: str) -> bytes:
    given = {"From": "Jane <jane@example.com>", "Message-ID": "<1@example.com>"}
    named = given | {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"{name}: {value}\r\n" for name, value in named.items() if value]
    return "".join(lines).encode() + b"\r\n" + body


def data(raw: bytes, **envelope: str) -> Any:
    return read(raw, **envelope)["data"]


def parts(*pieces: bytes, boundary: bytes = b"b") -> bytes:
    return b"".join(b"--" + boundary + b"\r\n" + piece + b"\r\n" for piece in pieces) + (
        b"--" + boundary + b"--\r\n"
    )


def test_who_wrote_is_the_identifier_and_who_was_written_to_is_kept() -> None:
    found = data(
        mail(To='"Doe, J" <a@x.example>, b@x.example', Cc="c@x.example", Reply_To="d@x.example"),
        to="<e@x.example>, f@x.example",
    )
    assert [(one["kind"], one["value"]) for one in found["identifiers"]] == [
        ("email", "jane@example.com")
    ]
    assert found["sender"] == {"address": "jane@example.com", "name": "Jane"}
    assert found["to"] == [{"address": "a@x.example", "name": "Doe, J"}, {"address": "b@x.example"}]
    assert (found["cc"], found["reply_to"]) == (
        [{"address": "c@x.example"}],
        [{"address": "d@x.example"}],
    )
    assert found["delivered_to"] == ["e@x.example", "f@x.example"]


def test_a_thread_is_kept() -> None:
    found = data(mail(In_Reply_To="<0@x>", References="<a@x>\r\n <b@x> junk <0@x>"))
    assert (found["message"], found["in_reply_to"]) == ("<1@example.com>", "<0@x>")
    assert found["references"] == ["<a@x>", "<b@x>", "<0@x>"]


@pytest.mark.parametrize(
    ("date", "time"),
    [
        ("Sat, 31 Jan 2026 12:00:00 +0100", "2026-01-31T11:00:00.000000Z"),
        ("Sat, 31 Jan 2026 12:00:00 -0000", "2026-01-31T12:00:00.000000Z"),
        ("Sun, 31 Jan 2027 12:00:00 +0000", MOMENT),
        ("Fri, 1 Jan 1960 00:00:00 +0000", MOMENT),
        ("yesterday", MOMENT),
        ("Sat, 31 Jan 99999 12:00:00 +0000", MOMENT),
        ("", MOMENT),
    ],
)
def test_the_time_is_its_date_and_never_later_than_it_came(date: str, time: str) -> None:
    assert read(mail(Date=date))["time"] == time


def test_a_message_sent_again_has_the_same_id_with_or_without_one_of_its_own() -> None:
    assert read(mail())["id"] == "<1@example.com>"
    nameless = mail(Message_ID="")
    again = b"Received: from elsewhere\r\n" + nameless
    assert read(nameless)["id"] == read(again)["id"] != read(mail(b"Else", Message_ID=""))["id"]
    assert read(mail(Message_ID=f"<{'x' * 900}@x>"))["id"].startswith("sha256:")
    assert read(mail())["source"] == "/keys/shop/mail"


@pytest.mark.parametrize(
    ("headers", "sign"),
    [
        ({"Auto_Submitted": "auto-replied; x=y"}, "auto-submitted"),
        ({"Auto_Submitted": "auto-generated (cron)"}, "auto-submitted"),
        ({"Precedence": "Bulk"}, "precedence"),
        ({"X_Auto_Response_Suppress": "OOF, AutoReply"}, "x-auto-response-suppress"),
        ({"List_Id": "<news.shop.example>"}, "list-id"),
        ({"Return_Path": "<>"}, "return-path"),
        ({"Content_Type": "multipart/report; boundary=b"}, "content-type"),
        ({"Auto_Submitted": "no", "Precedence": "normal", "Return_Path": "<a@b.c>"}, None),
        ({"X_Auto_Response_Suppress": "None"}, None),
        ({}, None),
    ],
)
def test_automatic_mail_is_marked_as_such(headers: dict[str, str], sign: str | None) -> None:
    found = data(mail(b"x", **headers))
    assert found["automatic"] is (sign is not None)
    assert found.get("automatic_by") == (sign and [sign])


def test_an_empty_sender_on_the_envelope_marks_it_too() -> None:
    assert data(mail(), **{"from": ""})["automatic_by"] == ["return-path"]
    assert data(mail(), **{"from": "a@b.example"})["return_path"] == "a@b.example"


def test_plain_text_goes_before_html_and_attachments_are_only_named() -> None:
    message = email.message.EmailMessage()
    message["From"] = "jane@example.com"
    message.set_content("Plain Grüße\n")
    message.add_alternative("<p>HTML</p>", subtype="html")
    message.add_attachment(b"\x00" * 1000, maintype="image", subtype="png", filename="bär.png")
    message.add_attachment("a,b\n", subtype="csv", filename="x" * 300)
    found = data(message.as_bytes())
    assert found["text"] == "Plain Grüße"
    assert found["attachments"] == [
        {"name": "bär.png", "media": "image/png", "size": 1000},
        {"name": "x" * 256, "media": "text/csv", "size": 4},
    ]
    assert "cut" not in found


def test_html_alone_is_read_as_text() -> None:
    page = (
        b"<html><head><title>no</title><style>p{}</style></head><body><script>if (a<b) x('</p>')"
        b"</script><h1>Hello&nbsp;&amp; w\xf6rld</h1><!-- no --><p>one<br>two</p><p>three</body>"
    )
    found = data(mail(page, Content_Type="text/html; charset=iso-8859-1"))
    assert found["text"] == "Hello & wörld\n\none\ntwo\n\nthree"


@settings(deadline=None)
@given(st.text(st.sampled_from("<>/!-\"'=&;apbrscit \n"), max_size=300))
def test_any_html_is_read_without_its_tags(page: str) -> None:
    assert text_of_html(page) == text_of_html(page).strip()


@pytest.mark.parametrize(
    ("raw", "charset", "text"),
    [
        ("Grüße".encode(), "us-ascii", "Grüße"),
        ("Grüße".encode(), "iso-8859-1", "Grüße"),
        ("Grüße".encode("latin-1"), "utf-8", "Grüße"),
        (b"\x93so\x94", "iso-8859-1", "“so”"),
        ("Привет".encode("koi8-r"), "koi8-r", "Привет"),
        ("漢字".encode("iso-2022-jp"), "iso-2022-jp", "漢字"),
        (b"plain", "x-unknown", "plain"),
        (b"plain", "idna", "plain"),
        (b"plain", "hex", "plain"),
        (b"plain", "\x00", "plain"),
        (b"+2AA-x", "utf-7", "?x"),
        (b"a\x00b\x07c", None, "abc"),
        (b"\x81", "utf-8", "\x81"),
    ],
)
def test_charsets_that_lie_are_seen_through(raw: bytes, charset: str | None, text: str) -> None:
    assert text_of(raw, charset) == text


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("=?utf-8?q?Gr=C3=BC=C3=9Fe_da?=", "Grüße da"),
        ("=?UTF-8?B?R3LDvA==?= =?utf-8?Q?=C3=9Fe?=", "Grüße"),
        ("=?utf-8?q?=C3?= =?utf-8?q?=BC?=", "ü"),
        ("a =?iso-8859-1*de?q?=FC?= b", "a ü b"),
        ("=?utf-8?b?####?= x", "x"),
        ("=?utf-8?x?no?=", "=?utf-8?x?no?="),
        ("=?=?=?", "=?=?=?"),
    ],
)
def test_encoded_words_are_read(line: str, text: str) -> None:
    assert words_of(line) == text


def test_what_goes_beyond_the_bounds_is_cut_and_says_so() -> None:
    kind = {"Content_Type": "multipart/mixed; boundary=b"}
    many = parts(*[b"\r\nx"] * (MOST_PARTS + 1))
    nested = b""
    for depth in range(MOST_DEPTH + 5):
        head = b"Content-Type: multipart/mixed; boundary=n%d\r\n\r\n" % depth
        nested = head + parts(nested, boundary=b"n%d" % depth)
    attached = parts(*[b"Content-Type: image/png\r\n\r\nx"] * 150)
    long = b"\r\n" + b"x" * (MOST_TEXT + 1)
    for body in (many, parts(nested), attached, parts(long)):
        found = data(mail(body, **kind))
        assert found["cut"] is True
        assert len(found["text"]) <= MOST_TEXT
        assert len(found.get("attachments", [])) <= 100


@pytest.mark.parametrize(
    "raw", [b"", b"\r\n\r\n", b"no headers at all", b"\xff\xfe\x00", b"Subject: x\r\n\r\ny"]
)
def test_what_is_no_message_or_nobodys_is_refused(raw: bytes) -> None:
    with pytest.raises(Refusal) as caught:
        MAIL.read(raw, NAMES, SENDING)
    assert caught.value.error.code in ("not_mail", "required")


pieces = st.sampled_from(
    [
        *(b"--b\r\n", b"--b--\r\n", b"\r\n", b"\r\n\r\n", b"=?utf-8?q?", b"?=", b"<", b">", b'"'),
        *(b"Content-Type: ", b"multipart/mixed; boundary=b\r\n", b"text/html", b"; charset=utf-16"),
        *(b"Content-Transfer-Encoding: base64\r\n", b"Content-Disposition: attachment; "),
        *(b"filename*0*=utf-8''%ff", b"From: ", b"a@b.c", b"To: ", b"Date: ", b"(", b"\\", b","),
        *(b"\x00", b"\xff\xfe", b"Message-ID: <", b"References: ", b";", b"=", b"*1*=", b"\x1b$B"),
    ]
)


@settings(deadline=None, max_examples=300)
@given(st.lists(pieces | st.binary(max_size=8), max_size=60).map(b"".join))
def test_any_bytes_are_let_in_or_refused(raw: bytes) -> None:
    for body in (raw, mail(raw, Content_Type="multipart/mixed; boundary=b")):
        try:
            event = MAIL.read(body, NAMES, SENDING)
        except Refusal:
            continue
        record: Event = msgspec.json.decode(_value(event))
        assert record["type"] == "email.received"
        assert "\0" not in record["data"]["text"]


def _value(event: Any) -> bytes:
    return intake.admit(event, SENDING).value


def test_what_it_takes_to_read_does_not_grow_with_the_square() -> None:
    size = 3_000_000
    for body, kind in [
        (b"--b\n" * (size // 4), "multipart/mixed; boundary=b"),
        (b"\n" * size, "multipart/mixed; boundary=b"),
        (b"<a '" * (size // 4), "text/html"),
        (b"<" * size, "text/html"),
        (b"<!--" * (size // 4), "text/html"),
        (b"a" * size, "text/plain; charset=punycode"),
    ]:
        assert data(mail(body, Content_Type=kind))["size"] > size - 10
    for name in ("From", "Subject", "Content_Type", "References", "Date"):
        for unit in ("(", '"', "=?x?q?", "<", ";", "a@b,", "\\", "*0*="):
            raw = mail(b"x", **{name: unit * (200_000 // len(unit))})
            try:
                read(raw)
            except Refusal as refusal:
                assert refusal.error.pointer == "/From"  # noqa: PT017
