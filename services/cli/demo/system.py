"""The system that the demo talks to: the one that runs, else one that it starts and stops."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from services import instance
from shared.clock import monotonic
from shared.errors import Fatal
from shared.settings import Settings

START_TIMEOUT = 120.0
STOP_TIMEOUT = 40.0
_LOG = "demo.log"


@contextmanager
def running(settings: Settings) -> Iterator[str]:
    """The URL of a running system. Raises Fatal where none can be had."""
    there = found(settings)
    if there is not None:
        yield there
        return
    with _started(settings) as url:
        yield url


def found(settings: Settings) -> str | None:
    """The URL of the system that runs, None where none does."""
    noted = instance.find(settings.data)
    usual = f"http://{settings.host}:{settings.port}"
    for url in dict.fromkeys([noted.url if noted else usual, usual]):
        if _answers(url):
            return url
    return None


def _answers(url: str) -> bool:
    try:
        answer = httpx.get(f"{url}/livez", timeout=3.0)
    except (httpx.HTTPError, httpx.InvalidURL):
        return False
    return answer.headers.get("content-type") == "application/json" and "alive" in answer.text


@contextmanager
def _started(settings: Settings) -> Iterator[str]:
    settings.data.mkdir(parents=True, exist_ok=True)
    log = settings.data / _LOG
    with log.open("wb") as output:
        child = subprocess.Popen(
            [sys.executable, "-m", "services"],
            env={**os.environ, "RAPPORT_PORT": "0", "RAPPORT_LOG_FORMAT": "text"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=output,
        )
    try:
        yield _awaited(child, settings.data, log)
    finally:
        child.terminate()
        try:
            child.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _awaited(child: "subprocess.Popen[bytes]", data: Path, log: Path) -> str:
    deadline = monotonic() + START_TIMEOUT
    while monotonic() < deadline:
        if child.poll() is not None:
            lines = log.read_text(errors="replace").strip().splitlines()
            raise Fatal(lines[-1] if lines else "The services ended without a word.")
        noted = instance.find(data)
        if noted is not None and noted.pid == child.pid and _answers(noted.url):
            return noted.url
        time.sleep(0.1)
    raise Fatal(f"The services did not start in {START_TIMEOUT:.0f} s; see {log}.")
