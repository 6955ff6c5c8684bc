"""What every operation of the leads API starts from: the site, who asks, what a command answers."""

from typing import Any
from uuid import UUID

from fastapi import Request, Response

from services.leads.decider import LEAD, PIPELINE, ROUTING
from services.leads.decider.pipeline import stream_of
from services.leads.decider.routing import STREAM as ROUTES
from services.leads.routes import Routing, Unordered
from services.leads.seeing import Sight, sight
from services.leads.states import Lead, Pipeline, Undefined, Unknown
from shared import telemetry
from shared.auth import Key
from shared.clock import now, rfc3339
from shared.cursors import Cursors
from shared.database import in_schema
from shared.deciding.command_handler import CommandHandler, Handled
from shared.deciding.store import Kept, Origin
from shared.errors import FieldError, Forbidden, NotFound, Problem
from shared.generations import LARGEST, PASSED, located
from shared.http import json_response, version_tag, wait_until, wrong_parameter
from shared.ids import event_id, uuid7
from shared.log import partition_of
from shared.messages import Place
from shared.service import Site, schema_served

EVENTS = "leads.events"
"""What stands for a topic in positions that commands answer: the table of events."""


def site_of(request: Request) -> Site:
    """What the service has at hand: `app.state.site`."""
    found: Site = request.app.state.site
    return found


def handler_of(request: Request) -> CommandHandler:
    found: CommandHandler = request.app.state.handler
    return found


def cursors_of(site: Site) -> Cursors:
    return Cursors(site.secret)


def seen_by(key: Key) -> str | None:
    """To whose own matters - goals, a day, a calendar - a key is limited; None sees anybody's.

    Of leads more is seen: see `sight_of`.
    """
    return None if key.principal.startswith("service:") else key.principal


async def sight_of(request: Request, key: Key) -> Sight | None:
    """Which leads a key sees, and may change, by the teams of this moment; None sees all."""
    teams: Routing = Unordered()
    if key.principal.startswith("representative:"):
        teams = (await handler_of(request).load(ROUTING, ROUTES)).state
    return sight(key.principal, teams)


def origin_of(key: Key) -> Origin:
    """Where the events of a command come from."""
    return Origin(key.principal, key.name, traceparent=telemetry.trace.get())


def fresh_id(kind: str, key: Key, lead: str, idempotency_key: str | None) -> str:
    """The id of something new of a lead; of a request that is sent again the same."""
    if idempotency_key is None:
        return str(uuid7())
    return event_id(kind, f"{key.name}\0{lead}\0{idempotency_key}")


def moment() -> str:
    """Now, as events spell it."""
    return rfc3339(now())


async def schema_of(site: Site, min_position: str | None = None) -> str:
    """The schema to read, once it has `min_position`. Raises NotReady, Unprocessable."""
    schema = await schema_served(site)
    await wait_until(min_position, lambda place: _reached(site, schema, place))
    return schema


async def _reached(site: Site, schema: str, place: Place) -> bool:
    """Whether all up to a place, in the log or in the table of events, is folded."""
    if place.topic == EVENTS:
        if place.partition >= site.partitions or place.offset > LARGEST:
            raise _nowhere()
        sql = in_schema(_FOLDED, schema)
        return bool(await site.pool.fetchval(sql, place.partition, place.offset))
    try:
        at = located(site.schema.sources, site.settings.topic_prefix, site.partitions, place)
    except ValueError:
        raise _nowhere() from None
    sql = in_schema(f"SELECT {PASSED}", schema)
    return bool(await site.pool.fetchval(sql, *at, place.partition, place.offset))


def _nowhere() -> Problem:
    detail = "This position is of no topic that is read here."
    return wrong_parameter("min_position", "position", detail)


async def lead(request: Request, key: Key, id: UUID) -> Kept:
    """A lead that the key may see, as it stands. Raises NotFound."""
    kept = await handler_of(request).load(LEAD, str(id))
    if not is_seen(await sight_of(request, key), kept.state):
        raise NotFound("There is no such lead.")
    return kept


def to_change(kept: Kept, sight: Sight | None) -> Kept:
    """A lead to work on. Raises NotFound where it is not seen, Forbidden where it is only given."""
    if not is_seen(sight, kept.state):
        raise NotFound("There is no such lead.")
    if sight is not None and not sight.may_change(kept.state.lead):
        raise Forbidden("You gave this lead; who owns it works on it.", code="not_yours")
    return kept


def is_seen(sight: Sight | None, state: Lead) -> bool:
    """Whether there is such a lead for who sees that much."""
    if isinstance(state, Unknown):
        return False
    return sight is None or sight.sees(state.lead)


async def pipeline(request: Request, name: str) -> Pipeline:
    """A pipeline as it stands; Undefined where there is none."""
    found: Pipeline = (await handler_of(request).load(PIPELINE, stream_of(name))).state
    return found


async def pipeline_asked(request: Request, name: str) -> Pipeline:
    """The pipeline that a body names. Raises NotFound, which names the field."""
    found = await pipeline(request, name)
    if isinstance(found, Undefined):
        detail = f"There is no pipeline {name!r}; GET /v1/pipelines shows those that there are."
        wrong = FieldError("/pipeline", "unknown_pipeline", detail)
        raise NotFound(detail, code="unknown_pipeline", errors=(wrong,))
    return found


def position(site: Site, partitionkey: str, sequence: int) -> str:
    """What a read gives as `min_position` to see what a command did."""
    return Place(EVENTS, partition_of(partitionkey, site.partitions), sequence).position()


def answer(
    request: Request, handled: Handled, partitionkey: str, document: Any, status: int = 200
) -> Response:
    """What a command answers: what it is about, as it stands now, and where that is."""
    body = {**document}
    if handled.position is not None:
        body["position"] = position(site_of(request), partitionkey, handled.position)
    return json_response(body, status, {"ETag": version_tag(handled.version)})


_FOLDED = "SELECT coalesce(max(sequence) >= $2, false) FROM {s}.reached WHERE partition = $1"
