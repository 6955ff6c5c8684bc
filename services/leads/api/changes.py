"""The change feed of leads: pull, and as Server-Sent Events."""

from collections.abc import Collection, Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from services.leads.api import examples
from services.leads.api.context import handler_of, seen_by
from services.leads.decider import LEAD
from services.leads.states import Unknown
from shared.auth import Key, require
from shared.deciding import feeding
from shared.deciding.changes import Visible
from shared.deciding.command_handler import CommandHandler
from shared.documents import answers

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
    `Last-Event-ID`. A representative or partner sees the events of the leads it owns now.
    """
    owner = seen_by(key)
    visible = None if owner is None else _of(handler_of(request), owner)
    return await feeding.answer(request, request.app.state.feed, since, visible)


def _of(handler: CommandHandler, owner: str) -> Visible:
    """The leads of an owner."""

    async def visible(streams: Sequence[str]) -> Collection[str]:
        kept = await handler.load_all(LEAD, streams)
        return {
            stream
            for stream, found in kept.items()
            if not isinstance(found.state, Unknown) and found.state.lead.owner == owner
        }

    return visible
