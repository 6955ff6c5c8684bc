"""Reading a request: its headers and its body, within bounds."""

import asyncio
import zlib
from typing import NamedTuple
from urllib.parse import parse_qsl

from starlette.types import Receive, Scope

from services.contact.dialect import Names
from services.contact.reading import MAX_BODY
from shared.deadlines import Deadlines
from shared.errors import BadRequest, Problem, TooLarge, UnsupportedMedia
from shared.http import wrong_parameter

TIMEOUT = 30.0
"""Seconds in which a body must have come."""

ENCODING = b"content-encoding"
MAX_DIGITS = 18
"""Digits of a length that are read as a number."""


class Gone(Exception):
    """The client left before its body was complete: there is nobody to answer."""


class TooSlow(Problem):
    """The body did not come in time."""

    status, code, title = 408, "too_slow", "The body did not come in time"


def names_of(scope: Scope) -> Names:
    """The headers of a request by name; of several of one name the last."""
    return dict(scope["headers"])


def only_validate(query: bytes) -> bool:
    """Whether the request asks to check and to store nothing. Raises Unprocessable."""
    if not query:
        return False
    validate = dict(parse_qsl(query.decode("latin-1"), keep_blank_values=True)).get("validate")
    if validate not in (None, "true", "false"):
        raise wrong_parameter("validate", "value", "`validate` is true or false.")
    return validate == "true"


async def read_body(receive: Receive, names: Names, deadlines: Deadlines) -> bytes:
    """The whole body. Raises TooLarge, TooSlow, and Gone where the client left."""
    content_length = names.get(b"content-length", b"")
    if content_length and not _within_bound(content_length):
        raise _too_large()
    task = deadlines.begin()
    try:
        return await _gather(receive)
    except asyncio.CancelledError:
        if not deadlines.has_cut(task):
            raise
        raise TooSlow(
            f"The body did not come within {deadlines.seconds:g} s.",
            headers={"Connection": "close"},
        ) from None
    finally:
        deadlines.end(task)


def _within_bound(content_length: bytes) -> bool:
    few = content_length.isdigit() and len(content_length) <= MAX_DIGITS
    return few and int(content_length) <= MAX_BODY


async def _gather(receive: Receive) -> bytes:
    chunks, size, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Gone
        chunk = message.get("body", b"")
        chunks.append(chunk)
        size += len(chunk)
        if size > MAX_BODY:
            raise _too_large()
        more = message.get("more_body", False)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _too_large() -> TooLarge:
    return TooLarge(f"A body has at most {MAX_BODY} bytes.", headers={"Connection": "close"})


class Body(NamedTuple):
    """A body without its Content-Encoding and the headers that say what it is.

    Where it cannot be unpacked it stands as it came, with the problem.
    """

    content: bytes
    names: Names
    problem: Problem | None = None


def opened(body: bytes, names: Names) -> Body:
    """The body unpacked. Raises TooLarge."""
    encoding = names.get(ENCODING)
    if encoding is None:
        return Body(body, names)
    try:
        content = unpacked(body, encoding)
    except (BadRequest, UnsupportedMedia) as problem:
        return Body(body, names, problem)
    return Body(content, {name: names[name] for name in names if name != ENCODING})


def unpacked(body: bytes, encoding: bytes) -> bytes:
    """The body without its Content-Encoding; its size is bounded while it is decompressed.

    Raises TooLarge, BadRequest and UnsupportedMedia.
    """
    name = encoding.strip().lower()
    if name in (b"", b"identity"):
        return body
    if name not in (b"gzip", b"x-gzip"):
        raise UnsupportedMedia("A body is sent as it is, or with Content-Encoding: gzip.")
    stream = zlib.decompressobj(wbits=31)
    try:
        found = stream.decompress(body, MAX_BODY + 1)
    except zlib.error as error:
        raise BadRequest(f"The body is not gzip: {error}.", code="not_gzip") from None
    if len(found) > MAX_BODY:
        raise _too_large()
    if not stream.eof or stream.unused_data:
        raise BadRequest("The body is not one whole gzip member.", code="not_gzip")
    return found
