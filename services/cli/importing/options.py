"""How a file is to be read and understood: options, from a mapping file and the command line."""

import codecs
import tomllib
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from msgspec.structs import replace

from shared.errors import Fatal

DELIMITERS = ",;\t|"


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What can stand in a mapping file; the command line goes before it."""

    map: dict[str, str] = {}  # columns by field
    encoding: str = "utf-8-sig"  # with or without a byte order mark
    delimiter: str | None = None  # found out
    timezone: str = "UTC"  # of moments that name no offset
    time_format: str | None = None  # as strptime has it, or `unix`; left out: ISO 8601
    decimal: str = "."  # the sign before cents
    minor: bool = False  # amounts are in minor units already
    currency: str | None = None  # where no column has it
    namespace: str | None = None  # of identifiers; left out: the key's
    channel: str | None = None

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)


def options_of(file: Path | None, given: dict[str, Any]) -> Options:
    """The options of a mapping file and of the command line. Raises Fatal."""
    found = Options() if file is None else _read(file)
    said = {name: value for name, value in given.items() if value not in (None, False)}
    mapped = {**found.map, **_pairs(said.pop("map", []))}
    return _checked(replace(found, **said, map=mapped))


def _read(file: Path) -> Options:
    try:
        text = file.read_text()
        made = tomllib.loads(text) if file.suffix == ".toml" else msgspec.json.decode(text)
        return msgspec.convert(made, Options)
    except (tomllib.TOMLDecodeError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Fatal(f"The mapping file {file} cannot be used: {error}.") from error


def _pairs(given: list[str]) -> dict[str, str]:
    found = {}
    for pair in given:
        field, sign, column = pair.partition("=")
        if not (field and sign and column):
            raise Fatal(f"--map {pair!r} is not FIELD=COLUMN, such as email=E-Mail.")
        found[field.strip()] = column
    return found


def _checked(options: Options) -> Options:
    try:
        codecs.lookup(options.encoding)
    except LookupError:
        raise Fatal(f"There is no encoding {options.encoding!r}, such as utf-8.") from None
    try:
        ZoneInfo(options.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Fatal(f"There is no time zone {options.timezone!r}, such as Europe/Berlin.") from None
    if options.decimal not in (".", ","):
        raise Fatal("--decimal is `.` or `,`.")
    if options.delimiter is not None and len(_sign(options.delimiter)) != 1:
        raise Fatal(r"--delimiter is one sign, such as ; or \t.")
    sign = None if options.delimiter is None else _sign(options.delimiter)
    return replace(options, delimiter=sign)


def _sign(text: str) -> str:
    return "\t" if text in (r"\t", "tab") else text
