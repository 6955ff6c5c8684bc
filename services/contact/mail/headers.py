"""The headers of a message or of a part of it: as they stand, and what they mean. Pure."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.message import Message
from email.utils import getaddresses, parsedate_to_datetime
from typing import Any

from services.contact.mail.charsets import clean, line_of, words_of

MOST_BYTES = 256 * 1024
"""Of all headers together; what goes beyond is not read."""

MOST_VALUE = 16 * 1024
MOST_ADDRESSES = 100
MAX_ADDRESS = 320
MAX_NAME = 256
MAX_REFERENCE = 998
MOST_REFERENCES = 100

Headers = Mapping[str, Sequence[bytes]]
"""The values of each header by its name in lower case, in their order."""

_END = re.compile(rb"\r?\n\r?\n|\A\r?\n")
_FIELD = re.compile(rb"^([!-9;-~]{1,128})[ \t]*:(.*(?:\r?\n[ \t].*)*)", re.MULTILINE)
_REFERENCE = re.compile(r"<[^<>\s]{1,996}>")
_ADDRESS = re.compile(r"[^\s@<>,;]{1,64}@[^\s@<>,;]{1,255}")
_UNREADABLE = (ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError)
"""What the parsers of the standard library raise for what they did not think of."""


def split(raw: bytes) -> tuple[Headers, bytes]:
    """The headers and the body of a message or a part."""
    end = _END.search(raw)
    head, body = (raw, b"") if end is None else (raw[: end.start()], raw[end.end() :])
    found: dict[str, list[bytes]] = {}
    for name, value in _FIELD.findall(head[:MOST_BYTES]):
        found.setdefault(name.decode().lower(), []).append(value[:MOST_VALUE].strip())
    return found, body


def line(headers: Headers, name: str) -> str:
    """The first header of a name as it stands, on one line; empty where there is none."""
    values = headers.get(name)
    return line_of(values[0]) if values else ""


def words(headers: Headers, name: str) -> str:
    """The first header of a name with its encoded words read."""
    return words_of(line(headers, name))


def addresses(headers: Headers, name: str) -> list[dict[str, str]]:
    """Whom all headers of a name mention, each with `address` and, if there is one, `name`."""
    lines = [line_of(value) for value in headers.get(name, ())]
    try:
        pairs = getaddresses(lines)
    except _UNREADABLE:
        return []
    found = []
    for shown, address in pairs[:MOST_ADDRESSES]:
        if is_address(address):
            called = words_of(shown)[:MAX_NAME]
            found.append({"address": address, **({"name": called} if called else {})})
    return found


def is_address(text: str) -> bool:
    """Whether a text is an address as mail has them."""
    return len(text) <= MAX_ADDRESS and _ADDRESS.fullmatch(text) is not None


def references(headers: Headers, name: str) -> list[str]:
    """The message ids in a header, with their angle brackets."""
    found = _REFERENCE.findall(line(headers, name))
    return list(dict.fromkeys(found))[-MOST_REFERENCES:]


def moment(headers: Headers) -> datetime | None:
    """The Date, in UTC where it does not say; None where it says no moment."""
    try:
        found = parsedate_to_datetime(line(headers, "date")[:128])
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except _UNREADABLE:
        return None


class Kind:
    """What a part says it is: Content-Type and Content-Disposition."""

    def __init__(self, headers: Headers) -> None:
        self._parsed = Message()
        for name in ("content-type", "content-disposition"):
            if name in headers:
                self._parsed[name] = line(headers, name)[:4096]

    @property
    def media(self) -> str:
        """The media type in lower case; text/plain where it is left out or none."""
        found: str = self._ask(self._parsed.get_content_type) or "text/plain"
        return clean(found)[:128]

    @property
    def charset(self) -> str | None:
        found = self._ask(lambda: self._parsed.get_param("charset"))
        return found if isinstance(found, str) else None

    @property
    def boundary(self) -> bytes | None:
        found = self._ask(self._parsed.get_boundary)
        return found.encode("utf-8", "replace") if isinstance(found, str) and found else None

    @property
    def file(self) -> str | None:
        """The name of the file that a part is."""
        found = self._ask(self._parsed.get_filename)
        return words_of(clean(found))[:MAX_NAME] if isinstance(found, str) and found else None

    @property
    def is_attached(self) -> bool:
        return bool(self._ask(self._parsed.get_content_disposition) == "attachment")

    @staticmethod
    def _ask(question: Any) -> Any:
        try:
            return question()
        except _UNREADABLE:
            return None
