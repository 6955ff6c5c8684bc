"""The HTTP API of leads."""

from fastapi import FastAPI

from services.leads.api import capturing, commands, pipelines


def install(app: FastAPI) -> None:
    """Give an application the operations; they find the site at `app.state.site`.

    The routes are the application's own, for an included router is matched twice.
    """
    for module in (capturing, pipelines, commands):
        app.router.routes.extend(module.router.routes)
