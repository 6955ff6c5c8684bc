"""Contact's HTTP API beside the door."""

from fastapi import FastAPI

from services.contact.api import (
    adapters,
    beacon,
    events,
    interactions,
    keys,
    quarantine,
    search,
    segment,
    types,
)


def install(app: FastAPI) -> None:
    """Give an application the operations; they find the site at `app.state.site`.

    The routes are the application's own, for an included router is matched twice.
    """
    for module in (
        events,
        beacon,
        segment,
        adapters,
        search,
        interactions,
        quarantine,
        keys,
        types,
    ):
        app.router.routes.extend(module.router.routes)
