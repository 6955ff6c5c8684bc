"""How far an import has come: remembered after every batch, so that the same command goes on."""

import os
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import msgspec

from services.cli.importing.options import Options
from shared.errors import Fatal

FOLDER = "imports"
CHUNK = 1024 * 1024


class State(msgspec.Struct):
    """Rows that are settled, in order from the first, and what became of them."""

    rows: int = 0
    accepted: int = 0
    refused: int = 0
    nobody: int = 0  # accepted without an identifier
    written: int = 0  # bytes of the file of results


def content_hash(file: Path, read: Callable[[int], None]) -> str:
    """The name of a file's content: half of its SHA-256; `read` is told of each part."""
    found = sha256()
    with file.open("rb") as raw:
        while chunk := raw.read(CHUNK):
            found.update(chunk)
            read(len(chunk))
    return found.hexdigest()[:32]


class Memory:
    """The state of one import - of this content, so mapped, to this system - in a file."""

    def __init__(self, data: Path, name: str, *about: Options | str) -> None:
        told = sha256(msgspec.json.encode([name, *about])).hexdigest()[:32]
        self.file = data / FOLDER / f"{told}.json"

    def read(self) -> State:
        """Where it stands; at the beginning where nothing is remembered. Raises Fatal."""
        try:
            return msgspec.json.decode(self.file.read_bytes(), type=State)
        except FileNotFoundError:
            return State()
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise Fatal(f"{self.file} cannot be read; delete it to begin anew.") from None

    def keep(self, state: State) -> None:
        """Remember it: whole or not at all."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        made = self.file.with_suffix(".new")
        made.write_bytes(msgspec.json.encode(state))
        os.replace(made, self.file)

    def forget(self) -> None:
        """It is done."""
        self.file.unlink(missing_ok=True)
