"""Starts services in this process and stops them: settings, servers, banner, exit codes.

Exit codes: 0 stopped as asked, 1 something failed while running, 2 the start could not go on.
"""

import argparse
import asyncio
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from types import FrameType

import uvloop

from services import banner, instance
from shared import embedded, failpoints, memory, program, settings, telemetry
from shared.database import ERRORS
from shared.errors import Fatal
from shared.opening import Addresses, Roles, Running
from shared.server import listening
from shared.service import Service
from shared.settings import Settings

LAST_RESORT = 24.5
"""Seconds from the signal to stop until the process ends whatever hangs."""

PROGRESS = 2.0
"""Seconds between two lines of progress of a view."""

_logger = logging.getLogger("rapport.run")


def everything(services: Sequence[Service]) -> int:
    """Run all services, on the embedded servers where no others are given; the exit code."""
    argparse.ArgumentParser(
        prog="python -m services",
        description="Run every service in one process. Settings are environment variables "
        "RAPPORT_*; without RAPPORT_KAFKA and RAPPORT_DATABASE the embedded servers are started.",
    ).parse_args()
    return _guarded(lambda chosen: _everything(services, chosen))


def one(service: Service) -> int:
    """Run one service, `--api` and `--worker` apart where asked; the exit code."""
    parser = argparse.ArgumentParser(
        prog=f"python -m services.{service.name}",
        description=f"Run the service {service.name}. Settings are environment variables RAPPORT_*;"
        " without RAPPORT_KAFKA and RAPPORT_DATABASE it takes the embedded servers that run.",
    )
    parser.add_argument("--api", action="store_true", help="only answer over HTTP")
    parser.add_argument("--worker", action="store_true", help="only fold (and answer for health)")
    chosen = parser.parse_args()
    both = chosen.api == chosen.worker
    roles = Roles(api=both or chosen.api, worker=both or chosen.worker)
    return _guarded(lambda found: _one(service, found, roles))


def running_servers(chosen: Settings) -> Addresses:
    """The given addresses, else the embedded servers that run. Raises Fatal where none do."""
    kafka, database = chosen.kafka, chosen.database
    if kafka is None or database is None:
        kafka, database = _embedded(chosen, kafka, database)
    if kafka is None or database is None:
        server, setting = (
            ("Kafka", "RAPPORT_KAFKA") if kafka is None else ("PostgreSQL", "RAPPORT_DATABASE")
        )
        raise Fatal(
            f"No {server} runs for the data folder {chosen.data} and {setting} is not set: "
            "`rapport embedded start` starts it."
        )
    return Addresses(kafka, database, embedded=chosen.kafka is None)


def _embedded(
    chosen: Settings, kafka: str | None, database: str | None
) -> tuple[str | None, str | None]:
    try:
        found = {server.name: server.address for server in embedded.status(chosen.data)}
    except OSError as error:
        raise instance.unwritable(chosen.data, error) from error
    return kafka or found["kafka"], database or found["postgres"]


def _guarded(work: Callable[[Settings], None]) -> int:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        chosen = settings.load()
        telemetry.configure(chosen.log_format)
        failpoints.arm(chosen.failpoints, chosen.clock_offset, allowed=chosen.allow_failpoints)
        work(chosen)
    except Fatal as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 0
    except Exception:
        _logger.exception("failed")
        return 1
    return 0


def _interrupt(number: int, _: FrameType | None) -> None:
    raise KeyboardInterrupt


def _everything(services: Sequence[Service], chosen: Settings) -> None:
    own = chosen.kafka is None or chosen.database is None
    with ExitStack() as stack:
        if own:
            stack.enter_context(instance.alone(chosen.data))
        listener = stack.enter_context(listening(chosen.host, chosen.port))
        addresses = stack.enter_context(_servers(chosen)) if own else running_servers(chosen)

        async def tell(url: str, running: list[Running]) -> None:
            memory.settle()
            instance.note(chosen.data, url)
            print(banner.whole(url, chosen.data.absolute(), addresses), flush=True)
            await _tell_progress(running)

        stack.callback(instance.forget, chosen.data)
        _run(lambda stop: program.run(services, chosen, addresses, Roles(), listener, stop, tell))


def _one(service: Service, chosen: Settings, roles: Roles) -> None:
    async def tell(url: str, running: list[Running]) -> None:
        memory.settle()
        print(banner.one(service.name, url, api=roles.api, worker=roles.worker), flush=True)
        await _tell_progress(running)

    with listening(chosen.host, chosen.port) as listener:
        addresses = running_servers(chosen)
        _run(lambda stop: program.run([service], chosen, addresses, roles, listener, stop, tell))


@contextmanager
def _servers(chosen: Settings) -> Iterator[Addresses]:
    """The embedded servers, beside a given one; stopped afterwards where this process has them."""
    try:
        started = embedded.start(chosen.data)
        yield Addresses(
            chosen.kafka or started.kafka,
            chosen.database or started.database,
            embedded=chosen.kafka is None,
        )
    finally:
        embedded.release(chosen.data)


def _run(work: Callable[[asyncio.Event], Coroutine[None, None, None]]) -> None:
    """Run the loop until SIGINT or SIGTERM; from then on a second SIGINT ends at once."""

    async def until_told() -> None:
        await work(_stop_signals(asyncio.get_running_loop()))

    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(until_told())
    finally:
        signal.signal(signal.SIGINT, lambda *_: os._exit(130))
        signal.signal(signal.SIGTERM, signal.SIG_IGN)


def _stop_signals(loop: asyncio.AbstractEventLoop) -> asyncio.Event:
    stop = asyncio.Event()

    def told() -> None:
        if not stop.is_set():
            stop.set()
            last = threading.Timer(LAST_RESORT, os._exit, (1,))
            last.daemon = True
            last.start()

    def interrupted() -> None:
        if stop.is_set():
            os._exit(130)
        told()

    loop.add_signal_handler(signal.SIGINT, interrupted)
    loop.add_signal_handler(signal.SIGTERM, told)
    return stop


async def _tell_progress(running: Sequence[Running]) -> None:
    """Lines on standard error for every view that is being built, until it serves."""
    await asyncio.gather(*(_tell_of_view(each) for each in running if each.crew is not None))


async def _tell_of_view(running: Running) -> None:
    name, schema = running.service.name, running.site.schema.name
    told = False
    while not await _serves(running):
        assert running.crew is not None
        line = banner.building(name, schema, running.crew.progress())
        print(line, file=sys.stderr, flush=True)
        told = True
        await asyncio.sleep(PROGRESS)
    if told:
        print(banner.built(name, schema), file=sys.stderr, flush=True)


async def _serves(running: Running) -> bool:
    try:
        return await running.site.serving.schema() is not None
    except ERRORS:
        return False  # the database is away; the log says so
