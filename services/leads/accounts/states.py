"""What is known of an account."""

from collections.abc import Mapping

from msgspec import Struct


class Person(Struct, frozen=True, omit_defaults=True):
    """Somebody in the chart; `reports_to` is another one in it."""

    name: str
    role: str
    reports_to: str | None = None


class Unkept(Struct, frozen=True, tag=True):
    """There is no such account."""


class Account(Struct, frozen=True, tag=True):
    """An organisation with its people, by their subjects; nobody is above themselves."""

    organisation: str
    name: str
    people: Mapping[str, Person] = {}


AccountState = Unkept | Account
