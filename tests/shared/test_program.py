"""Services in a process: opened together, served by path, stopped when told."""

import asyncio
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp

from shared import program
from shared.auth import Key
from shared.database import Pool
from shared.errors import Fatal
from shared.log import Topic
from shared.opening import Addresses, Roles, Running
from shared.server import listening
from shared.service import Service, Site
from shared.settings import Settings
from tests.shared import toy
from tests.waiting import until

NOBODY = Path(__file__).with_name("no-migrations")
TOPIC = Topic("toys")


class NoKeys:
    """A ring without keys."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool

    async def find(self, secret: str) -> Key | None:
        return None

    def at_hand(self, header: bytes) -> Key | None:
        return None


def _app(site: Site) -> ASGIApp:
    return PlainTextResponse(f"toys of {site.schema.name}")


SERVICE = Service(
    name="toys",
    owns=(TOPIC,),
    view=lambda _: replace(toy.VIEW, service="toys", topics=(TOPIC.name,)),
    migrations=NOBODY,
    paths=("/v1/toys",),
    app=_app,
    openapi=lambda: {"openapi": "3.1.0", "info": {"title": "Toys"}, "paths": {"/v1/toys": {}}},
    keyring=NoKeys,
)


class Program:
    """A program that runs in a task until it is told to stop."""

    def __init__(self, settings: Settings, addresses: Addresses, roles: Roles, *services: Service):
        self.stop = asyncio.Event()
        self.url: str | None = None
        self._what = (services or (SERVICE,), settings, addresses, roles)

    async def ready(self, url: str, _: list[Running]) -> None:
        self.url = url

    async def run(self) -> None:
        with listening("127.0.0.1", 0) as listener:
            await program.run(*self._what, listener, self.stop, self.ready)

    async def up(self) -> "asyncio.Task[None]":
        task = asyncio.create_task(self.run())
        await until(lambda: self.url is not None or task.done(), what="it answers")
        if task.done():
            task.result()
        return task


@pytest.fixture
def settings(topic_prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("RAPPORT_DATA", str(tmp_path))
    monkeypatch.setenv("RAPPORT_TOPIC_PREFIX", topic_prefix)
    monkeypatch.setenv("RAPPORT_PARTITIONS", "2")
    monkeypatch.setenv("RAPPORT_LEASE_SECONDS", "2")
    return Settings()  # type: ignore[call-arg]


@pytest.fixture
def addresses(kafka: str, database: str) -> Addresses:
    return Addresses(kafka, database, embedded=False)


async def test_a_path_goes_to_its_service_and_the_rest_to_the_front(
    settings: Settings, addresses: Addresses
) -> None:
    running = Program(settings, addresses, Roles())
    task = await running.up()
    async with httpx.AsyncClient(base_url=running.url or "") as client:
        assert (await client.get("/v1/toys")).text == "toys of toys_1_1"
        assert (await client.get("/v1/unknown")).status_code == 404
        assert (await client.get("/readyz")).json()["ready"]["toys"]["log"] is True
        assert (await client.get("/livez")).json() == {"alive": {"toys": True}}
        assert list((await client.get("/openapi.json")).json()["paths"]) == ["/v1/toys"]
        assert 'service="toys"' in (await client.get("/metrics")).text
    running.stop.set()
    await task


async def test_a_worker_alone_answers_for_its_health_only(
    settings: Settings, addresses: Addresses
) -> None:
    running = Program(settings, addresses, Roles(api=False))
    task = await running.up()
    async with httpx.AsyncClient(base_url=running.url or "") as client:
        assert (await client.get("/v1/toys")).status_code == 404
        assert (await client.get("/livez")).status_code == 200
    running.stop.set()
    await task


async def test_told_to_stop_nothing_of_it_is_late(
    settings: Settings, addresses: Addresses, caplog: pytest.LogCaptureFixture
) -> None:
    running = Program(settings, addresses, Roles())
    task = await running.up()
    running.stop.set()
    await task
    assert "did not end in time" not in caplog.text


async def test_told_to_stop_while_it_opens_it_stops(
    settings: Settings, addresses: Addresses
) -> None:
    waits = replace(SERVICE, owns=())  # for a topic that nobody makes
    running = Program(settings, addresses, Roles(), waits)
    task = asyncio.create_task(running.run())
    running.stop.set()
    await asyncio.wait_for(task, 20)
    assert running.url is None


async def test_without_a_ring_it_says_who_checks_keys(
    settings: Settings, addresses: Addresses
) -> None:
    with pytest.raises(Fatal, match="RAPPORT_CONTACT_URL"):
        await Program(settings, addresses, Roles(), replace(SERVICE, keyring=None)).run()


async def test_another_number_of_partitions_than_recorded_is_fatal(
    settings: Settings, addresses: Addresses
) -> None:
    running = Program(settings, addresses, Roles(worker=False))
    task = await running.up()
    running.stop.set()
    await task
    elsewhere = {"topic_prefix": f"o{settings.topic_prefix}", "partitions": 3}
    other = Program(settings.model_copy(update=elsewhere), addresses, Roles())
    with pytest.raises(Fatal, match="partitions"):
        await other.run()
