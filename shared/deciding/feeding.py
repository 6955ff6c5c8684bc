"""The change feed over HTTP: one path, answered as a page or, where asked for, as a stream."""

import re
from typing import Any

from fastapi import Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from shared.deciding.changes import Feed, LetIn, Visible
from shared.errors import FieldError, Unprocessable

STREAM = "text/event-stream"
LATEST = "latest"
_POSITION = re.compile(r"\d{1,18}")


class Since(BaseModel):
    """Query parameters of a change feed."""

    model_config = ConfigDict(extra="forbid")

    after: str = Field(
        "0",
        pattern=r"^(latest|\d{1,18})$",
        description="`next` of the page before, or the id of the last event of a stream; without "
        "it from the beginning on, with `latest` only what is decided from now on.",
    )
    limit: int = Field(50, ge=1, le=200, description="Changes on a page.")
    category: list[str] = Field(
        [], max_length=20, description="Only of these kinds of streams; may come several times."
    )


EXAMPLE: dict[str, Any] = {
    "data": [
        {
            "specversion": "1.0",
            "id": "0196f1a2-7b3c-7def-8123-456789abcdef/1",
            "source": "/things",
            "type": "thing.begun",
            "time": "2026-01-31T12:00:00.000000Z",
            "recordedtime": "2026-01-31T12:00:00.100000Z",
            "stream": "0196f1a2-7b3c-7def-8123-456789abcdef",
            "streamversion": 1,
            "sequence": "0000000000000042",
            "data": {"at": "2026-01-31T12:00:00.000000Z"},
        }
    ],
    "next": "42",
}


def responses(example: dict[str, Any] | None = None) -> dict[int | str, dict[str, Any]]:
    """What OpenAPI says of the answers of a feed."""
    stream = 'id: 42\nevent: thing.begun\ndata: {"specversion":"1.0"}\n\n'
    return {
        200: {
            "description": "What was decided after `after`, oldest first. `next` is where to go on "
            "from, also where nothing was found; at the end it stays as it is. With `Accept: "
            "text/event-stream` the same as Server-Sent Events that go on; `Last-Event-ID` goes "
            "before `after`.",
            "content": {
                "application/json": {"example": example or EXAMPLE},
                STREAM: {"example": stream, "schema": {"type": "string"}},
            },
        }
    }


async def answer(
    request: Request,
    feed: Feed,
    since: Since,
    visible: Visible | None = None,
    is_let_in: LetIn | None = None,
    *,
    who: str = "",
) -> Response:
    """The answer to a request for changes; `visible` says which streams the caller may see now, and
    `is_let_in` whether who has a stream may still have it; `who` is the name of the key.

    Raises Unprocessable for a position or a category that there is not, NotReady where too many
    streams are open.
    """
    if STREAM in request.headers.get("accept", ""):
        return await _stream(request, feed, since, visible, is_let_in, who)
    page = await feed.page(await _after(feed, since), since.limit, since.category, visible)
    records = b",".join(change.record for change in page.changes)
    body = b'{"data":[%s],"next":"%d"}' % (records, page.next)
    return Response(body, media_type="application/json", headers={"Cache-Control": "no-store"})


async def _stream(
    request: Request,
    feed: Feed,
    since: Since,
    visible: Visible | None,
    is_let_in: LetIn | None,
    who: str,
) -> Response:
    last = request.headers.get("last-event-id")
    if last is not None and not _POSITION.fullmatch(last):
        detail = "Last-Event-ID is not the id of an event of this stream."
        raise Unprocessable(
            detail, errors=(FieldError("/header/last-event-id", "position", detail),)
        )
    after = await _after(feed, since) if last is None else int(last)
    await feed.page(after, 1, since.category)  # what is wrong is said before the stream begins
    feed.raise_where_full(who)
    return StreamingResponse(
        feed.frames(after, since.category, visible, is_let_in, who=who),
        media_type=STREAM,
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _after(feed: Feed, since: Since) -> int:
    return await feed.end() if since.after == LATEST else int(since.after)
