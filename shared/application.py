"""The FastAPI application of a service: what all of them have in common."""

from typing import Any

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from fastapi.openapi.utils import get_openapi
from starlette.types import ASGIApp

from shared import http
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
    )
    http.install(api)
    return api


def guarded(api: ASGIApp, settings: Settings, *, limit: int | None = None) -> ASGIApp:
    """The application behind what stands around all: trace, bounds of bodies, allowed origins."""
    inner = BodyLimit(api) if limit is None else BodyLimit(api, limit)
    if settings.cors_origins:
        return Tracing(
            CORSMiddleware(
                inner,
                allow_origins=settings.cors_origins,
                allow_methods=["GET", "POST"],
                allow_headers=["Authorization", "Content-Type", "Idempotency-Key", "traceparent"],
                expose_headers=["ETag", "Retry-After", "Idempotency-Replayed"],
                max_age=600,
            )
        )
    return Tracing(inner)


def openapi(api: FastAPI) -> dict[str, Any]:
    """The OpenAPI 3.1 document of an application."""
    return get_openapi(
        title=api.title,
        version=api.version,
        description=api.description,
        routes=api.routes,
    )
