"""What commands print: tables for people, JSON for programs."""

import sys
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Protocol

import msgspec
import typer
from rich.console import Console
from rich.table import Table

PLAIN_WIDTH = 200
"""Columns where nobody looks at a terminal."""

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def console() -> Console:
    """Standard output, wide enough that nothing is cut where it is no terminal."""
    return Console(width=None if sys.stdout.isatty() else PLAIN_WIDTH, highlight=False)


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], title: str = "") -> None:
    """A table; columns whose name begins with `>` are numbers."""
    if title:
        print(title)
    found = Table(box=None, pad_edge=False)
    for name in columns:
        right = name.startswith(">")
        found.add_column(
            name.removeprefix(">"), justify="right" if right else "left", overflow="fold"
        )
    for row in rows:
        found.add_row(*(_cell(value) for value in row))
    console().print(found)


def json(content: Any, *, line: bool = False) -> None:
    """Print JSON, on one line or indented."""
    text = msgspec.json.encode(content)
    print((text if line else msgspec.json.format(text)).decode(), flush=True)


class Standing(Protocol):
    """A schema as far as words go."""

    @property
    def live(self) -> bool: ...
    @property
    def ready(self) -> bool: ...
    @property
    def purpose(self) -> str: ...
    @property
    def stands_by(self) -> bool: ...


def state(schema: Standing) -> str:
    """What a schema is, in words."""
    if schema.live:
        return "serves"
    if schema.stands_by:
        return "stands by"
    if schema.ready:
        return "kept"
    return {"serve": "being built", "rebuild": "being rebuilt", "verify": "being verified"}[
        schema.purpose
    ]


def _cell(value: object) -> str:
    if value is None:
        return "?"
    if isinstance(value, float):
        return f"{value:,.1f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
