"""The HTTP API of leads."""

from collections.abc import Iterable

from fastapi import APIRouter, FastAPI

from services.leads.api import (
    boards,
    bulk,
    capturing,
    changes,
    commands,
    leads,
    measures,
    pipelines,
    routing,
    scores,
    sync,
)


def install(app: FastAPI, routers: Iterable[APIRouter]) -> None:
    """Give an application the operations, and those of `routers`; all find the site at
    `app.state.site`.

    The routes are the application's own, for an included router is matched twice. Paths with a
    name in the place of an id come first.
    """
    for module in (
        leads,
        measures,
        boards,
        bulk,
        sync,
        capturing,
        changes,
        pipelines,
        routing,
        commands,
        scores,
    ):
        app.router.routes.extend(module.router.routes)
    for router in routers:
        app.router.routes.extend(router.routes)
