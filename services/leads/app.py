"""The service leads, as the program that runs it sees it."""

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI
from starlette.types import ASGIApp

from services.leads import api, consumers, defaults, following, watching
from services.leads.api.light import Looking
from services.leads.api.short import PATH, Capturing
from services.leads.counts import counts
from services.leads.decider import PIPELINE, SCORING
from services.leads.decider.pipeline import stream_of
from services.leads.decider.scoring import STREAM as RULES
from services.leads.follow_ups.api.hiding import Hiding
from services.leads.part import Begun
from services.leads.partners.gate import Gate
from services.leads.parts import PARTS
from shared.application import application, directing, guarded, openapi
from shared.clock import now, rfc3339
from shared.deciding.changes import Feed
from shared.deciding.command_handler import CommandHandler
from shared.deciding.store import Origin
from shared.leases import Single
from shared.light import Light
from shared.service import Service, Site

CATEGORIES = tuple(decider.category for decider in consumers.DECIDERS)


def _api() -> FastAPI:
    made = application("Rapport: leads", "Sales pipelines decided from interactions.")
    api.install(made, (router for part in PARTS for router in part.routers))
    return made


def _app(site: Site) -> ASGIApp:
    made = _api()
    made.state.site = site
    made.state.keyring = site.keyring
    made.state.handler = CommandHandler(site.pool, consumers.SOURCE)
    made.state.feed = Feed(site.pool, CATEGORIES, site.ending)
    capturing = Capturing(made, site.keyring)
    whole = guarded(Hiding(Gate(Light(made, Looking()), site, made.state.handler)), site.settings)
    return directing(whole, site.settings, {PATH: capturing.taker})


def _openapi() -> dict[str, Any]:
    return openapi(_api())


async def _begin(site: Site) -> None:
    """Begin the streams that there are from the first start."""
    handler = CommandHandler(site.pool, consumers.SOURCE)
    origin, at = Origin("service:leads"), rfc3339(now())
    pipelines = [Begun(PIPELINE, stream_of(each.name), each) for each in defaults.pipelines(at)]
    begun = (*pipelines, Begun(SCORING, RULES, defaults.scoring(at)))
    for decider, stream, command in (*begun, *(b for part in PARTS for b in part.begin(at))):
        if (await handler.load(decider, stream)).version == 0:
            await handler.carry_out(decider, stream, command, origin, partitionkey=stream)


def _singles(site: Site) -> Sequence[Single]:
    bars = [bar for part in PARTS for bar in part.bars]
    mine = (
        Single("following", following.following(consumers.SOURCE), live_only=True),
        Single("watching", watching.watching(consumers.SOURCE, bars), live_only=True),
    )
    return (*mine, *(one for part in PARTS for one in (*part.singles, *part.singles_of(site))))


SERVICE = Service(
    name="leads",
    owns=consumers.OWNED,
    view=consumers.view,
    migrations=None,
    paths=(
        *("/v1/leads", "/v1/boards", "/v1/pipelines", "/v1/routing", "/v1/scoring"),
        *(path for part in PARTS for path in part.paths),
    ),
    app=_app,
    openapi=_openapi,
    singles=_singles,
    begin=_begin,
    counts=counts,
    policies=consumers.policies,
    relayed=consumers.LEADS,
    deciders=consumers.DECIDERS,
    policy=consumers.POLICY,
)
