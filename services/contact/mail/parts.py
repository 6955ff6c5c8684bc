"""The parts of a message: its text and what is attached, within bounds. Pure."""

import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from services.contact.mail.charsets import from_base64, text_of
from services.contact.mail.headers import Headers, Kind, line, split
from services.contact.mail.markup import text_of_html

MOST_DEPTH = 10
MOST_PARTS = 200
MOST_ATTACHMENTS = 100
MOST_TEXT = 65_536
"""Characters of text that are kept."""


@dataclass
class Content:
    """What was found; `cut` says that there was more than is read or kept."""

    plain: list[str] = field(default_factory=list)
    markup: list[str] = field(default_factory=list)
    attachments: list[dict[str, Any]] = field(default_factory=list)
    parts: int = 0
    cut: bool = False

    def text(self) -> str:
        """The plain text, else that of the HTML."""
        found = "\n".join(filter(None, map(str.strip, self.plain or self.markup)))
        self.cut = self.cut or len(found) > MOST_TEXT
        return found[:MOST_TEXT]


def content_of(headers: Headers, body: bytes) -> Content:
    """The content of a message."""
    content = Content()
    _look(headers, body, content, 0)
    return content


def _look(headers: Headers, body: bytes, content: Content, depth: int) -> None:
    kind = Kind(headers)
    boundary = kind.boundary if kind.media.startswith("multipart/") else None
    if boundary is not None and depth < MOST_DEPTH:
        for piece in _pieces(body, boundary):
            content.parts += 1
            if content.parts > MOST_PARTS:
                content.cut = True
                return
            _look(*split(piece), content, depth + 1)
    elif boundary is not None:
        content.cut = True
    else:
        _keep(headers, kind, body, content)


def _pieces(body: bytes, boundary: bytes) -> Iterator[bytes]:
    """What stands between the boundaries; the last may not be closed."""
    line_of_boundary = re.compile(rb"^--%s(--)?[ \t]*\r?$\n?" % re.escape(boundary), re.MULTILINE)
    start = None
    for found in line_of_boundary.finditer(body):
        if start is not None:
            yield _without_end(body[start : found.start()])
        if found[1]:
            return
        start = found.end()
    if start is not None:
        yield body[start:]


def _without_end(piece: bytes) -> bytes:
    """A piece without the line end that belongs to the boundary."""
    return piece.removesuffix(b"\n").removesuffix(b"\r")


def _keep(headers: Headers, kind: Kind, body: bytes, content: Content) -> None:
    file = kind.file
    is_text = kind.media in ("text/plain", "text/html")
    raw = _unpacked(headers, body)
    if not is_text or kind.is_attached or file is not None:
        _attach(file, kind, raw, content)
    elif kind.media == "text/plain":
        content.plain.append(text_of(raw, kind.charset).replace("\r\n", "\n"))
    elif not content.plain:
        content.markup.append(text_of_html(text_of(raw, kind.charset)))


def _attach(file: str | None, kind: Kind, raw: bytes, content: Content) -> None:
    if len(content.attachments) == MOST_ATTACHMENTS:
        content.cut = True
        return
    named = {"name": file} if file else {}
    content.attachments.append({**named, "media": kind.media, "size": len(raw)})


def _unpacked(headers: Headers, body: bytes) -> bytes:
    """The bytes of a part without its Content-Transfer-Encoding, as far as they can be had."""
    encoding = line(headers, "content-transfer-encoding").lower()
    if encoding == "base64":
        return from_base64(body)
    if encoding == "quoted-printable":
        return binascii.a2b_qp(body)
    return body
