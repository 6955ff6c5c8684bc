"""The HTTP server of a process: uvicorn on a socket of ours, stopped by us."""

import asyncio
import contextlib
import resource
import socket
from collections.abc import Iterator
from functools import partial

import uvicorn
from starlette.types import ASGIApp
from typing_extensions import override

from shared.direct import Heads, takers_of
from shared.errors import Fatal
from shared.taking import Taking

DRAIN_TIMEOUT = 5
"""Seconds that requests in hand get at the end."""


CONNECTIONS = 2000
"""Open at once, where nobody says otherwise."""

OWN_FILES = 500
"""Files that a process has open beside them: pools, the log, its own."""


class Server(uvicorn.Server):
    """uvicorn without signal handlers of its own; `up` is set once it takes requests."""

    def __init__(
        self, app: ASGIApp, listener: socket.socket, *, connections: int = CONNECTIONS
    ) -> None:
        """`connections` are served at once; on others requests are answered 503."""
        heads = Heads(takers_of(app))
        super().__init__(
            uvicorn.Config(
                app,
                http=partial(Taking, most=connections, heads=heads),  # type: ignore[arg-type]
                lifespan="off",
                access_log=False,
                log_config=None,
                server_header=False,
                proxy_headers=False,  # nobody asks here who or what stands in front
                timeout_graceful_shutdown=DRAIN_TIMEOUT,
                timeout_keep_alive=30,
                backlog=1024,
            )
        )
        self._listener = listener
        self._connections = connections
        self.up = asyncio.Event()

    @override
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    @override
    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        await super().serve([self._listener])

    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        _make_room(self._connections + OWN_FILES)
        await super().startup(sockets)
        self.up.set()

    def stop(self) -> None:
        self.should_exit = True


def _make_room(files: int) -> None:
    """Let this process have so many files open, or as many as it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < files:
        most = files if hard == resource.RLIM_INFINITY else min(files, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


@contextlib.contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """A listening socket. Raises Fatal where the address cannot be had."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        raise Fatal(
            f"Port {port} on {host} cannot be had ({error.strerror}); "
            "stop what has it, or set RAPPORT_PORT."
        ) from error
    with listener:
        yield listener
