"""An application on a socket of its own, and what of its requests is taken directly."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
from starlette.types import ASGIApp

from shared.direct import Directing, Names, Take, Taker, Waiting, takers_of
from shared.server import Server, listening


@dataclass
class Socketed:
    """What a test talks to, and the bodies that were taken."""

    client: httpx.AsyncClient
    taken: list[bytes]


@asynccontextmanager
async def socketed(app: ASGIApp) -> AsyncIterator[Socketed]:
    taken: list[bytes] = []

    def noting(taker: Taker) -> Taker:
        def noted(names: Names) -> Take | None:
            take = taker(names)

            def taking(body: bytes, trace: str | None) -> Waiting | None:
                waiting = None if take is None else take(body, trace)
                if waiting is not None:
                    taken.append(body)
                return waiting

            return taking

        return noted

    takers = {path: noting(taker) for path, taker in takers_of(app).items()}
    with listening("127.0.0.1", 0) as listener:
        server = Server(Directing(app, takers), listener)
        running = asyncio.create_task(server.serve())
        await server.up.wait()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        async with httpx.AsyncClient(base_url=url) as client:
            yield Socketed(client, taken)
        server.stop()
        await running
