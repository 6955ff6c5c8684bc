"""Rows as PostgreSQL reads them in text: cheaper to make than what the driver's encoders make."""

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any

from sqlalchemy import Column, Numeric, Table
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import Boolean, Integer

from shared.database import Connection

Row = tuple[Any, ...]
"""All columns of a table in their order: text, numbers, bool, None; moments as in records."""

_NOTHING = "\0"  # NULL until the text is whole: U+0000 is in no text that PostgreSQL keeps
_dialect = postgresql.dialect()  # type: ignore[no-untyped-call]


class Layout:
    """What the columns of a table are, as far as their text depends on it."""

    def __init__(self, table: Table) -> None:
        self.name = table.name
        self.columns = tuple(column.name for column in table.columns)
        self.types = tuple(_type(column) for column in table.columns)
        self._plain = [_is_plain(column) for column in table.columns]
        self._nullable = [bool(column.nullable) for column in table.columns]
        self._only_text = not any(self._plain) and not any(self._nullable)

    def arrays(self, rows: Sequence[Row]) -> list[str]:
        """An array literal per column. Raises ValueError for U+0000 in a text."""
        columns = zip(*rows, strict=True)
        return [
            _numbers(values) if plain else _texts(values, nullable)
            for values, plain, nullable in zip(columns, self._plain, self._nullable, strict=True)
        ]

    def lines(self, rows: Sequence[Row]) -> bytes:
        """The rows as COPY reads them. Raises ValueError for U+0000 in a text."""
        texts = rows if self._only_text else list(self._as_texts(rows))
        lines = list(map("\t".join, texts))
        whole = "\n".join(lines)
        if not self._is_clean(whole, len(rows)):
            whole = "\n".join(
                [
                    line if self._is_clean(line, 1) else "\t".join(map(_escaped, row))
                    for line, row in zip(lines, texts, strict=True)
                ]
            )
        if any(self._nullable):
            whole = _with_nulls(whole, sum(row.count(None) for row in rows), _NOTHING, "\\N")
        return whole.encode() + b"\n"

    def _is_clean(self, text: str, rows: int) -> bool:
        """Whether lines of text have no tab or break but ours, and nothing to escape."""
        if "\\" in text or "\r" in text or text.count("\n") != rows - 1:
            return False
        return text.count("\t") == rows * (len(self.columns) - 1)

    def _as_texts(self, rows: Sequence[Row]) -> Iterable[Sequence[str]]:
        columns: list[Sequence[str]] = list(zip(*rows, strict=True))
        for n, values in enumerate(columns):
            if self._nullable[n]:
                columns[n] = [_NOTHING if value is None else str(value) for value in values]
            elif self._plain[n]:
                columns[n] = list(map(str, values))
        return zip(*columns, strict=True)


async def copy(connection: Connection, schema: str, layout: Layout, rows: Sequence[Row]) -> None:
    """Add rows to a table of the schema by COPY."""
    if rows:
        await copy_lines(connection, schema, layout.name, layout.lines(rows))


async def copy_lines(connection: Connection, schema: str, table: str, lines: bytes) -> None:
    """Add to a table of the schema what `Layout.lines` made."""
    await connection.copy_to_table(table, source=_once(lines), schema_name=schema, format="text")


async def _once(lines: bytes) -> AsyncIterator[bytes]:
    yield lines


def _type(column: Column[Any]) -> str:
    return str(column.type.compile(dialect=_dialect)).partition(" COLLATE")[0]


def _is_plain(column: Column[Any]) -> bool:
    """Whether its values need no quotes, whatever they are."""
    return isinstance(column.type, Integer | Numeric | Boolean)


def _numbers(values: Sequence[Any]) -> str:
    return "{" + ",".join(["NULL" if value is None else str(value) for value in values]) + "}"


def _texts(values: Sequence[Any], nullable: bool) -> str:
    texts = [_NOTHING if value is None else value for value in values] if nullable else values
    joined = '","'.join(texts)
    if "\\" in joined or joined.count('"') != 2 * (len(values) - 1):
        joined = '","'.join([text.replace("\\", "\\\\").replace('"', '\\"') for text in texts])
    whole = '{"' + joined + '"}'
    return _with_nulls(whole, values.count(None), f'"{_NOTHING}"', "NULL") if nullable else whole


def _escaped(text: str) -> str:
    """A text as COPY reads it."""
    text = text.replace("\\", "\\\\").replace("\t", "\\t")
    return text.replace("\n", "\\n").replace("\r", "\\r")


def _with_nulls(whole: str, nulls: int, mark: str, null: str) -> str:
    if whole.count(_NOTHING) != nulls:
        raise ValueError("a text has U+0000 in it")
    return whole.replace(mark, null) if nulls else whole
