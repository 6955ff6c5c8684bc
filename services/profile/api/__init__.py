"""The profile's HTTP API."""

from fastapi import FastAPI

from services.profile.api import customers, decisions, explain, organisations
from services.profile.api.light import LightRoute


def install(app: FastAPI) -> None:
    """Give an application the operations; they find the site at `app.state.site`.

    The routes are the application's own, for an included router is matched twice.
    """
    app.router.routes.append(LightRoute())
    for router in (customers.router, explain.router, organisations.router, decisions.router):
        app.router.routes.extend(router.routes)
