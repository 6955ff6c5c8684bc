"""The demo from beginning to end: real purchases and real leads, posted over HTTP and looked at."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from enum import StrEnum
from typing import Annotated, Protocol

import typer

from services import banner
from services.cli import show
from services.cli.demo import purchases, selling, system
from services.cli.demo.api import Api
from shared import settings, telemetry


class Only(StrEnum):
    PURCHASES = "purchases"
    LEADS = "leads"


class Played(Protocol):
    """What came of a part: whether it is as the file says, for programs, for people."""

    @property
    def equal(self) -> bool: ...
    def document(self) -> dict[str, object]: ...
    def show(self) -> None: ...


PARTS: Mapping[Only, Callable[[Api, int | None, bool], Awaitable[Played]]] = {
    Only.PURCHASES: purchases.play,
    Only.LEADS: selling.play,
}


def command(
    only: Annotated[Only | None, typer.Option(help="One part alone; else both.")] = None,
    first: Annotated[
        int | None, typer.Option(min=1, help="Only so many lines of each file; else all.")
    ] = None,
    as_json: show.AsJson = False,
) -> None:
    """Post 69,659 purchases and the inquiries of 9,240 leads, both real; show what became of them.

    It takes the system that runs, else starts one for the time being. Running it again changes
    nothing. Exit code 1 where a number is not what the files say.
    """
    chosen = settings.load()
    telemetry.configure(chosen.log_format, level=50)
    with system.running(chosen) as url:
        if not as_json:
            print(f"Posting to {url}", flush=True)
        played = asyncio.run(_play(url, banner.keys(chosen.data), only, first, as_json))
    if as_json:
        show.json({part.value: each.document() for part, each in played.items()})
    if not all(each.equal for each in played.values()):
        raise typer.Exit(1)


async def _play(
    url: str, keys: Mapping[str, str], only: Only | None, first: int | None, quiet: bool
) -> dict[Only, Played]:
    api = Api(url, keys)
    played: dict[Only, Played] = {}
    try:
        for part, play in PARTS.items():
            if only in (None, part):
                played[part] = await play(api, first, quiet)
                if not quiet:
                    played[part].show()
        return played
    finally:
        await api.close()
