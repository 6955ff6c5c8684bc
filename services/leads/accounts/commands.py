"""What may be asked of an account; `at` is when."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class NameAccount:
    """Keep an organisation as an account, or call it otherwise."""

    organisation: str
    name: str
    at: str


@dataclass(frozen=True, kw_only=True)
class PlacePerson:
    """Into the chart, or elsewhere in it."""

    person: str
    name: str
    role: str
    at: str
    reports_to: str | None = None


@dataclass(frozen=True, kw_only=True)
class RemovePerson:
    """Out of the chart; who reported to it reports to whom it reported to."""

    person: str
    at: str


@dataclass(frozen=True, kw_only=True)
class NoteAccount:
    text: str
    at: str


AccountCommand = NameAccount | PlacePerson | RemovePerson | NoteAccount
