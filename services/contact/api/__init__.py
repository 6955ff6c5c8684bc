"""Contact's HTTP API beside the door."""

from fastapi import FastAPI

from services.contact.api import beacon, events, interactions, keys, quarantine, segment, types


def install(app: FastAPI) -> None:
    """Give an application the operations; they find the site at `app.state.site`.

    The routes are the application's own, for an included router is matched twice.
    """
    for module in (events, beacon, segment, interactions, quarantine, keys, types):
        app.router.routes.extend(module.router.routes)
