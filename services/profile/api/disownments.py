"""Keys that leaked: what they said together no longer counts."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from services.profile.api import documents
from services.profile.api.context import site_of
from services.profile.api.decisions import TOPIC, IdempotencyKey
from services.profile.api.parameters import KeyDisownment
from services.profile.commands import DisownKey
from services.profile.events import key_disowned, partition_key_of
from shared import telemetry
from shared.auth import Key, require
from shared.clock import now, rfc3339
from shared.documents import answers
from shared.http import json_response
from shared.idempotency import once
from shared.ids import uuid7
from shared.log import partition_of
from shared.messages import Entry, Place
from shared.service import Site

router = APIRouter(tags=["identity"])
Operator = Annotated[Key, Depends(require("ops"))]


@router.post(
    "/v1/key-disownments",
    summary="Strike out the pairs of a key that leaked",
    status_code=202,
    responses=answers(documents.DISOWNED, 400, 409, 413, success=202),
    response_class=Response,
)
async def disown(
    request: Request,
    body: KeyDisownment,
    key: Operator,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Say that no pair of identifiers that a key let in counts any longer, before or after.

    The events themselves stay: what happened is kept, who it was together with is not believed. The
    key is not revoked by this; `rapport keys disown` does both. To say it twice changes nothing. It
    is in the log when this is answered; give its `position` as `min_position` to a read that should
    show it.
    """

    async def run() -> Response:
        command = DisownKey(body.key, body.reason, key.principal, key.name)
        return await _append(site_of(request), command, str(uuid7()), rfc3339(now()))

    return await once(site_of(request).pool, key, request, run)


async def _append(site: Site, command: DisownKey, id: str, at: str) -> Response:
    key = partition_key_of(command.name)
    partition = partition_of(key, site.partitions)
    value = key_disowned(command, id=id, at=at, traceparent=telemetry.trace.get())
    topic = site.topics[TOPIC]
    offsets = await site.log.append(topic, partition, [Entry(key.encode(), value)])
    position = Place(topic, partition, offsets[0]).position()
    return json_response({"id": id, "position": position, "key": command.name, "time": at}, 202)
