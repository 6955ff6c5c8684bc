"""The change feed of leads: pull, and as Server-Sent Events."""

from collections.abc import Collection, Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from services.leads.api import examples
from services.leads.api.context import handler_of, is_seen, seen_by, sight_of
from services.leads.decider import LEAD
from services.leads.seeing import Sight
from shared.auth import Key, bearer, require
from shared.database import ERRORS
from shared.deciding import feeding
from shared.deciding.changes import Visible
from shared.deciding.command_handler import CommandHandler
from shared.documents import answers
from shared.errors import DatabaseUnavailable, NotReady

router = APIRouter(tags=["leads"])
Reader = Annotated[Key, Depends(require("read"))]


@router.get(
    "/v1/leads/changes",
    summary="What was decided after a position",
    responses=answers({}) | feeding.responses(examples.CHANGES),
    response_class=Response,
)
async def changes(
    request: Request, since: Annotated[feeding.Since, Query()], key: Reader
) -> Response:
    """Every event of leads, pipelines, routing and scoring, unchanged and in order, oldest first.

    As a page, or, with `Accept: text/event-stream`, as a stream that goes on: reconnect with
    `Last-Event-ID`. A representative sees the events of the leads that its teams have now, a
    partner of those that it has now or gave; of a stream, at the moment of each event. A stream
    ends when its key is revoked, within a few seconds.
    """

    async def is_let_in() -> bool | None:
        """Whether the key stands, and who has it; None while that is not known."""
        try:
            found = await request.app.state.keyring.find(secret) if secret else None
            whose = request.scope.get("is_let_in")  # as the gate of partners says
            return found is not None and "read" in found.scopes and (not whose or await whose())
        except (DatabaseUnavailable, NotReady, *ERRORS):
            return None

    secret = bearer(request.headers.get("authorization"))
    visible = _visible_now(request, key)
    feed = request.app.state.feed
    return await feeding.answer(request, feed, since, visible, is_let_in, who=key.name)


def _visible_now(request: Request, key: Key) -> Visible | None:
    """What a key sees at the moment of each page: a stream goes on for long."""
    if seen_by(key) is None:
        return None

    async def visible(streams: Sequence[str]) -> Collection[str]:
        sees = visible_to(handler_of(request), await sight_of(request, key))
        return streams if sees is None else await sees(streams)

    return visible


def visible_to(handler: CommandHandler, sight: Sight | None) -> Visible | None:
    """The leads that somebody sees; None where all is seen."""
    if sight is None:
        return None

    async def visible(streams: Sequence[str]) -> Collection[str]:
        kept = await handler.load_all(LEAD, streams)
        return {stream for stream, found in kept.items() if is_seen(sight, found.state)}

    return visible
