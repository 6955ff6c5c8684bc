"""The FastAPI application of a service: what all of them have in common."""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.types import ASGIApp

from shared import http
from shared.browsers import for_origins
from shared.direct import Directing, Taker
from shared.middleware import BodyLimit, Tracing
from shared.settings import Settings

API_VERSION = "1"


def application(title: str, description: str) -> FastAPI:
    """An application without operations yet; every error is answered with a problem."""
    api = FastAPI(
        title=title,
        description=description,
        version=API_VERSION,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # ours are in `telemetry`
    )
    http.install(api)
    return api


def guarded(api: ASGIApp, settings: Settings, *, limit: int | None = None) -> ASGIApp:
    """The application behind what stands around all: allowed origins, trace, bounds of bodies."""
    inner = BodyLimit(api) if limit is None else BodyLimit(api, limit)
    return for_origins(Tracing(inner), settings)


def directing(app: ASGIApp, settings: Settings, takers: Mapping[str, Taker]) -> ASGIApp:
    """The application with what takes some of its requests directly, by path.

    Nothing does where pages of other origins may ask: every answer would have to say so.
    """
    return app if settings.origins else Directing(app, takers)


def openapi(api: FastAPI) -> dict[str, Any]:
    """The OpenAPI 3.1 document of an application."""
    return get_openapi(
        title=api.title,
        version=api.version,
        description=api.description,
        routes=api.routes,
    )
