"""What people decide about two identifiers: in the log before it is answered."""

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request, Response

from services.profile.api import documents
from services.profile.api.context import schema_of, site_of, snapshot
from services.profile.api.parameters import IdentityDecision, Named
from services.profile.commands import DecideIdentity, in_order
from services.profile.events import identity_decided, later_than, partition_key
from services.profile.identity import APART, TOGETHER
from services.profile.queries import belonging, decisions
from shared import telemetry
from shared.auth import Key, require
from shared.clock import now, rfc3339
from shared.documents import answers
from shared.errors import Conflict, FieldError, Unprocessable
from shared.http import json_response
from shared.idempotency import once
from shared.ids import uuid7
from shared.log import partition_of
from shared.messages import Entry, Identifier, Place
from shared.naming import identifier
from shared.service import Site

TOPIC = "identity"
router = APIRouter(tags=["identity"])
Writer = Annotated[Key, Depends(require("write"))]
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        description="The same key and body again: the stored answer. 1 to 255 characters.",
    ),
]


@router.post(
    "/v1/identity-decisions",
    summary="Decide about two identifiers",
    status_code=202,
    responses=answers(
        documents.DECIDED, 400, 409, 413, success=202, particulars={409: documents.CHAIN}
    ),
    response_class=Response,
)
async def decide(
    request: Request,
    body: IdentityDecision,
    key: Writer,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Say that two identifiers belong `together`, are `apart`, or are again as `observed`.

    Of any two identifiers the latest decision stands. *Together* joins whomever the two belong to,
    whatever that is by then. *Apart* strikes the pair of the two out, seen or derived, for ever;
    where the two form no pair there is nothing to strike out: 409 `nothing_to_separate`, with the
    `chain` of pairs and decisions that leads from one to the other, each of which can be separated
    (an empty chain: they belong to different customers already). *Observed* takes back what was
    decided; where nothing was, it changes nothing. Facts never move, so all of it is reversible.

    An identifier named by kind and value may be one that was never seen; a subject must be known.
    The decision is in the log when this is answered; give its `position` as `min_position` to a
    read that should show it.
    """

    async def run() -> Response:
        return await _decide(site_of(request), body, key)

    return await once(site_of(request).pool, key, request, run)


async def _decide(site: Site, body: IdentityDecision, key: Key) -> Response:
    schema = await schema_of(site)
    one = await _identifier(site, schema, key, body.identifiers[0], "/identifiers/0")
    other = await _identifier(site, schema, key, body.identifiers[1], "/identifiers/1")
    if one.subject == other.subject:
        raise _wrong("/identifiers/1", "equal", "Name two different identifiers.")
    weaker, stronger = in_order(one, other)
    command = DecideIdentity(weaker, stronger, body.decision, body.reason, key.principal, key.name)
    last = await _allowed(site, schema, command)
    at = rfc3339(later_than(now(), last))
    return await _append(site, command, str(uuid7()), at)


async def _identifier(site: Site, schema: str, key: Key, named: Named, pointer: str) -> Identifier:
    """The identifier that is meant. Raises Unprocessable."""
    if named.kind is not None and named.value is not None:
        return identifier(site.secret, key, named.kind, named.namespace, named.value, f"{pointer}/")
    subject = str(named.subject)
    async with site.pool.acquire() as connection:
        found = (await belonging.known(connection, schema, [subject])).get(subject)
    if found is None:
        raise _wrong(f"{pointer}/subject", "unknown", "No identifier has this subject.")
    return Identifier(found["kind"], found["value"], found["namespace"], subject)


async def _allowed(site: Site, schema: str, command: DecideIdentity) -> str | None:
    """The stamp of the decision that stands. Raises Conflict where apart would do nothing."""
    weaker, stronger = str(command.weaker.subject), str(command.stronger.subject)
    async with snapshot(site.pool) as connection:
        standing = await decisions.standing(connection, schema, weaker, stronger)
        if command.verb != APART or standing.paired or standing.verb in (TOGETHER, APART):
            return standing.stamp
        chain = await decisions.joined_by(connection, schema, weaker, stronger)
    raise Conflict(
        "These two form no pair, seen or derived: separate a link of the chain that joins them."
        if chain
        else "These two belong to different customers already.",
        code="nothing_to_separate",
        extra={"chain": chain},
    )


async def _append(site: Site, command: DecideIdentity, id: str, at: str) -> Response:
    key = partition_key(command)
    partition = partition_of(key, site.partitions)
    value = identity_decided(command, id=id, at=at, traceparent=telemetry.trace.get())
    topic = site.topics[TOPIC]
    offsets = await site.log.append(topic, partition, [Entry(key.encode(), value)])
    answer = {
        "id": id,
        "position": Place(topic, partition, offsets[0]).position(),
        "decision": command.verb,
        "identifiers": [_shown(command.weaker), _shown(command.stronger)],
        "time": at,
    }
    return json_response(answer, 202)


def _shown(end: Identifier) -> dict[str, str | None]:
    return {
        "kind": end.kind,
        "namespace": end.namespace,
        "value": end.value,
        "subject": end.subject,
    }


def _wrong(pointer: str, code: str, detail: str) -> Unprocessable:
    return Unprocessable(detail, code="identifier", errors=(FieldError(pointer, code, detail),))
