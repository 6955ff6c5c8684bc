"""The profile's HTTP API."""

from fastapi import FastAPI

from services.profile.api import customers, decisions, disownments, explain, organisations


def install(app: FastAPI) -> None:
    """Give an application the operations; they find the site at `app.state.site`.

    The routes are the application's own, for an included router is matched twice.
    """
    for module in (customers, explain, organisations, decisions, disownments):
        app.router.routes.extend(module.router.routes)
