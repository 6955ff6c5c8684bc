"""Rows of a file, one by one: CSV, NDJSON or Parquet, in bounded memory."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from services.cli.importing.options import DELIMITERS, Options
from shared.errors import Fatal

MOST_LINE = 1024 * 1024
"""Characters of a line."""

FORMATS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".parquet": "parquet",
}


class Problem(NamedTuple):
    """What is wrong with a row: which column, a code, and a sentence that says what is right."""

    column: str
    code: str
    detail: str


class Row(NamedTuple):
    """A row by its columns; `number` counts from 1, without the line that names the columns."""

    number: int
    fields: dict[str, Any]
    problem: Problem | None = None


class Rows:
    """The rows of a file; how far it is read: `position` of `total`, in bytes or rows."""

    def __init__(self, file: Path, form: str | None, options: Options) -> None:
        self.position, self.total = 0, max(1, file.stat().st_size)
        self._file, self._options = file, options
        form = form or FORMATS.get(file.suffix.lower())
        if form is None:
            raise Fatal(f"What {file.name} is cannot be told; say --format csv, ndjson or parquet.")
        if form == "parquet":
            self._parquet = _parquet(file)
            self.total = max(1, self._parquet.metadata.num_rows)
        self.columns = {"csv": self._named, "parquet": self._of_parquet}.get(form, list)()
        self._form = form

    def __iter__(self) -> Iterator[Row]:
        """All rows. Raises Fatal where the file cannot be read at all."""
        ways = {"csv": self._csv, "ndjson": self._ndjson, "parquet": self._arrow}
        return ways[self._form]()

    # Text

    def _lines(self) -> Iterator[str]:
        """Lines with their ends; what is not of the encoding stands in lone surrogates."""
        encoding = self._options.encoding
        with self._file.open("rb") as raw:
            if raw.peek(2)[:2] in (b"\xff\xfe", b"\xfe\xff") and "16" not in encoding:
                raise Fatal(f"{self._file.name} is UTF-16; say --encoding utf-16.")
            text = io.TextIOWrapper(raw, encoding, errors="surrogateescape", newline="")
            try:
                while line := text.readline(MOST_LINE):
                    self.position = raw.tell()
                    yield line
            except UnicodeError as error:
                raise Fatal(f"{self._file.name} is not {encoding}: {error}.") from error

    def _named(self) -> list[str]:
        self._delimiter = self._options.delimiter or _sniffed(next(self._lines(), ""))
        found = next(csv.reader(self._lines(), delimiter=self._delimiter), [])
        names = [name.strip() for name in found]
        twice = {name for name in names if names.count(name) > 1 or not name}
        if not names or twice:
            raise Fatal(
                f"The first line of {self._file.name} must name the columns, each once"
                + (f"; {sorted(twice)[0]!r} is not such a name." if twice else ".")
            )
        return names

    def _csv(self) -> Iterator[Row]:
        reader = csv.reader(self._lines(), delimiter=self._delimiter)
        next(reader)
        number = 0
        while True:
            try:
                values = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                number += 1
                detail = f"This is not CSV: {error}; is a quote not closed?"
                yield Row(number, {}, Problem("", "not_csv", detail))
                continue
            if values:
                number += 1
                yield self._row(number, values)

    def _row(self, number: int, values: list[str]) -> Row:
        fields = dict(zip(self.columns, values, strict=False))
        if len(values) <= len(self.columns):
            return Row(number, fields)
        detail = f"{len(values)} fields under {len(self.columns)} columns; quote what has a "
        extra = {f"column {n}": v for n, v in enumerate(values, 1) if n > len(self.columns)}
        found = Problem("", "columns", f"{detail}{self._delimiter!r} in it.")
        return Row(number, fields | extra, found)

    def _ndjson(self) -> Iterator[Row]:
        lines = (line for line in self._lines() if line.strip())
        for number, line in enumerate(lines, 1):
            try:
                fields = msgspec.json.decode(line.encode("utf-8", "surrogateescape"))
            except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
                found = Problem("", "not_json", f"This is not a JSON object: {error}.")
                yield Row(number, {"line": line}, found)
                continue
            if type(fields) is dict:
                yield Row(number, fields)
            else:
                wrong = Problem("", "type", "A line is a JSON object.")
                yield Row(number, {"line": line}, wrong)

    # Parquet

    def _of_parquet(self) -> list[str]:
        return list(self._parquet.schema_arrow.names)

    def _arrow(self) -> Iterator[Row]:
        number = 0
        for batch in self._parquet.iter_batches(batch_size=1000):
            for fields in batch.to_pylist():
                number += 1
                self.position = number
                yield Row(number, fields)


def _parquet(file: Path) -> Any:
    try:
        from pyarrow import ArrowException, parquet
    except ImportError:
        raise Fatal(
            "Parquet needs pyarrow, which is not installed: pip install 'rapport[import]'."
        ) from None
    try:
        return parquet.ParquetFile(file)
    except (ArrowException, OSError) as error:
        raise Fatal(f"{file.name} is not Parquet: {error}.") from error


def _sniffed(line: str) -> str:
    """The delimiter that stands most often in the first line, outside quotes."""
    outside = "".join(line.split('"')[::2])
    return max(DELIMITERS, key=outside.count)
