"""Where services find one another over HTTP: at a URL that is set, else in this process."""

from collections.abc import Mapping

import httpx
from starlette.types import ASGIApp

from shared.errors import NotReady

TIMEOUT = 10.0
"""Seconds that an answer may take."""


class Neighbours:
    """The services that this one may ask, each with a client that is made once."""

    def __init__(self, urls: Mapping[str, str | None] | None = None) -> None:
        """`urls` by service; None or left out: it is in this process, if anywhere."""
        self._urls = urls or {}
        self._here: dict[str, ASGIApp] = {}
        self._clients: dict[str, httpx.AsyncClient] = {}

    def settle(self, name: str, app: ASGIApp) -> None:
        """A service answers in this process."""
        self._here[name] = app

    def client(self, name: str) -> httpx.AsyncClient:
        """For requests to a service, paths as `/v1/...`; the caller sends its own Authorization.

        Raises NotReady where it is neither here nor at a URL.
        """
        if name not in self._clients:
            self._clients[name] = self._made(name)
        return self._clients[name]

    async def close(self) -> None:
        for client in self._clients.values():
            await client.aclose()
        self._clients.clear()

    def _made(self, name: str) -> httpx.AsyncClient:
        if url := self._urls.get(name):
            return httpx.AsyncClient(base_url=url, timeout=TIMEOUT)
        if app := self._here.get(name):
            transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
            return httpx.AsyncClient(
                transport=transport, base_url=f"http://{name}.invalid", timeout=TIMEOUT
            )
        raise NotReady(
            f"The service {name} does not run here, and RAPPORT_{name.upper()}_URL is not set.",
            code="no_neighbour",
        )
