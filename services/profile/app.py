"""The service profile, as the program that runs it sees it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from starlette.types import ASGIApp

from services.profile import api, consumers, teller
from services.profile.api.light import Reading
from services.profile.counts import counts
from shared.application import application, guarded, openapi
from shared.leases import Single
from shared.light import Light
from shared.service import Service, Site

CLOSED_TO = ("partner:",)
"""Whose keys may read and change nothing here: what partners see of customers, leads shows them."""


def _api() -> FastAPI:
    made = application("Rapport: profile", "Identity and the unified customer profile.")
    api.install(made)
    return made


def _app(site: Site) -> ASGIApp:
    made = _api()
    made.state.site = site
    made.state.keyring = site.keyring
    made.state.closed_to = CLOSED_TO
    return guarded(Light(made, Reading()), site.settings)


def _openapi() -> dict[str, Any]:
    return openapi(_api())


def _singles(site: Site) -> Sequence[Single]:
    return (Single("teller", teller.teller(site), live_only=True),)


SERVICE = Service(
    name="profile",
    owns=consumers.OWNED,
    view=consumers.view,
    migrations=Path(__file__).with_name("migrations"),
    paths=(
        "/v1/customers",
        "/v1/duplicates",
        "/v1/identity-decisions",
        "/v1/key-disownments",
        "/v1/organisations",
    ),
    app=_app,
    openapi=_openapi,
    singles=_singles,
    counts=counts,
)
