"""The door's operation as the documentation has it; the door itself stands before the framework."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from services.contact import description
from shared.auth import Key, require
from shared.errors import NotFound

router = APIRouter(tags=["events"])


@router.post(
    "/v1/events",
    summary="Post one event or an array of them",
    status_code=202,
    responses=description.ANSWERS,
    openapi_extra=description.REQUEST,
    response_class=Response,
)
async def post_events(key: Annotated[Key, Depends(require("ingest"))]) -> Response:
    """One event, or an array of up to 1,000; a 2xx means that it is durable in the log.

    One event answers 202 with its id and position, or a problem. An array answers 200 with a result
    per item, in order: `accepted` with id and position, or `refused` with a code, a JSON pointer
    into the body and a sentence; good items are never lost for a bad neighbour. When the log does
    not settle in time: 503 with Retry-After, where an item whose outcome is not known is `unknown`;
    send those again with the ids shown, and nothing counts twice. (An event without an id of its
    own is given another one each time it is sent, so it may.)

    Everything but `type` may be left out: `id` is then made by us, `source` is the key's, `time` is
    now. What is refused is kept with its exact bytes, for operators. `validate=true` checks and
    stores nothing. Limits: 256 KiB an event, 5 MiB a body, 20 objects and arrays in each other.
    """
    raise NotFound
