"""The columns that the tables of views are made of."""

from typing import Any

from sqlalchemy import Column, DateTime, Text

Exact = Text(collation="C")
"""Text compared byte by byte, whatever the collation of the database."""

When = DateTime(timezone=True)


def key(name: str, type_: Any = Exact) -> Column[Any]:
    """A column of the primary key."""
    return Column(name, type_, primary_key=True)
