"""Fixtures of the runtime's tests: a log with the toy's topic, workers that end with the test."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from shared.crew import Crew
from shared.database import Pool
from shared.log import Log
from tests.shared import toy


@pytest.fixture
async def log(kafka: str, topic_prefix: str) -> AsyncIterator[Log]:
    """A log with the topic of the toy view."""
    async with toy.topics(kafka, topic_prefix) as log:
        yield log


@pytest.fixture
async def start(pool: Pool, log: Log, topic_prefix: str) -> AsyncIterator[toy.Start]:
    """Starts workers on the toy view; what is left of them is gone when the test is."""
    running = []

    def start(name: str, **settings: object) -> tuple[Crew, asyncio.Task[None]]:
        one = toy.worker(pool, log, topic_prefix, name, **settings)  # type: ignore[arg-type]
        running.append(asyncio.create_task(one.run()))
        return one, running[-1]

    yield start
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
