"""The service contact, as the program that runs it sees it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from services.contact import api, bounding, consumers, door, keys, schemas, smtp
from services.contact.counts import counts
from services.contact.declared.following import Following
from services.contact.door import Door
from services.contact.driving import Driver
from services.contact.intake import Intake
from services.contact.lanes import Topics
from services.contact.rates import Rates
from services.contact.turns import Turns
from shared.application import application, directing, guarded, openapi
from shared.browsers import for_origins
from shared.leases import Single
from shared.service import Service, Site

CLOSED_TO = ("partner:",)
"""Whose keys may send here and read nothing: what partners see of customers, leads shows them."""


def _api() -> FastAPI:
    made = application("Rapport: contact", "The door for every touch point, and the history.")
    api.install(made)
    return made


class _Front:
    """The door stands before the framework; every other request goes through it."""

    def __init__(self, way_in: ASGIApp, rest: ASGIApp) -> None:
        self._door = way_in
        self._rest = rest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] in door.PATHS and scope["method"] == "POST":
            await self._door(scope, receive, send)
        else:
            await self._rest(scope, receive, send)


def _app(site: Site) -> ASGIApp:
    made = _api()
    made.state.site = site
    made.state.keyring = site.keyring
    made.state.closed_to = CLOSED_TO
    topics = Topics(
        site.topics[consumers.INTERACTIONS.name],
        site.topics[consumers.QUARANTINE.name],
        site.partitions,
    )
    assert isinstance(site.keyring, keys.StoredKeyring)
    declared = Following(site.log, site.topics[consumers.DECLARATIONS.name], site.partitions)
    made.state.declared = declared
    intake = Intake(site.secret, declared.rules)
    way_in = Door(
        site.log, site.keyring, intake, topics, declared=declared, rates=Rates(site.settings.rate)
    )
    made.state.turns = Turns(site.pool, site.log, topics, site.settings.topic_prefix)
    made.state.driver = Driver(made.state.turns, way_in)
    front = _Front(for_origins(way_in, site.settings), guarded(made, site.settings))
    return directing(front, site.settings, way_in.takers)


def _openapi() -> dict[str, Any]:
    document = openapi(_api())
    document.setdefault("components", {}).setdefault("schemas", {}).update(schemas.schemas())
    return document


async def _begin(site: Site) -> None:
    await keys.ensure_first(site.pool, site.settings.data)


def _singles(site: Site) -> Sequence[Single]:
    return (Single("bounds", bounding.keeper(site), live_only=True),)


SERVICE = Service(
    name="contact",
    owns=consumers.OWNED,
    view=consumers.view,
    migrations=Path(__file__).with_name("migrations"),
    paths=(*sorted(door.PATHS), "/v1/interactions", "/v1/quarantine", "/v1/keys", "/v1/types"),
    app=_app,
    openapi=_openapi,
    singles=_singles,
    keyring=keys.StoredKeyring,
    begin=_begin,
    beside=smtp.listening,
    counts=counts,
)
