"""Rows of a body of CSV, with the exact bytes of each. Pure."""

import csv
from collections.abc import Iterator
from io import StringIO
from typing import NamedTuple

from services.contact.faults import Refusal, refuse
from services.contact.reading import MAX_EVENTS


class Row(NamedTuple):
    """A row: its fields, none where it cannot be read, and its exact bytes."""

    fields: list[str]
    raw: bytes
    refusal: Refusal | None = None


def rows_of(body: bytes) -> list[Row]:
    """All rows that are not empty. Raises Refusal for what is not UTF-8, and for too many."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise refuse("", "not_utf8", "This is not UTF-8.", 400) from None
    found = []
    for row in _rows(StringIO(text, newline="")):
        found.append(row)
        if len(found) > MAX_EVENTS + 1:
            raise refuse("", "too_many", f"A body has at most {MAX_EVENTS} rows.", 413)
    return found


def _rows(lines: StringIO) -> Iterator[Row]:
    taken: list[str] = []

    def taking() -> Iterator[str]:
        for line in lines:
            taken.append(line)
            yield line.removeprefix("\ufeff")

    reader = csv.reader(taking(), strict=True)
    while True:
        taken.clear()
        try:
            fields, refusal = next(reader), None
        except StopIteration:
            return
        except csv.Error as error:
            fields, refusal = [], refuse("", "not_csv", f"This row is not CSV: {error}.")
        raw = "".join(taken).encode()
        if raw.strip():
            yield Row(fields, raw, refusal)
