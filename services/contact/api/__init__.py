"""Contact's HTTP API beside the door."""

from fastapi import FastAPI

from services.contact.api import events, interactions, keys, quarantine


def install(app: FastAPI) -> None:
    """Give an application the operations; they find the site at `app.state.site`.

    The routes are the application's own, for an included router is matched twice.
    """
    for router in (events.router, interactions.router, quarantine.router, keys.router):
        app.router.routes.extend(router.routes)
