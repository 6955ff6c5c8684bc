"""The purchases of CDNOW (Fader & Hardie 2001, Interfaces 31(3), S94-S107) as events. Pure.

The file has 255 lines equal to another, all of them real purchases: a line is an event.
"""

import gzip
from collections.abc import Iterable, Iterator
from decimal import Decimal
from importlib.resources import files
from typing import Any, NamedTuple

FILE = "CDNOW_master.txt"
SOURCE = "/demo/cdnow"
NAMESPACE = "cdnow"
CURRENCY = "USD"


class Purchase(NamedTuple):
    """One line of the file: on a day (UTC) a customer bought so many CDs for so many cents."""

    line: int
    customer: str
    day: str
    cds: int
    cents: int


class Totals(NamedTuple):
    """What all purchases come to."""

    customers: int
    orders: int
    cents: int


class Period(NamedTuple):
    """The days of the first and the last of the customers' first purchases."""

    first: str
    last: str


def read() -> list[Purchase]:
    """All purchases, as they stand in the file that travels with the project."""
    packed = files("services.cli.demo").joinpath("cdnow.txt.gz").read_bytes()
    lines = gzip.decompress(packed).decode("ascii").splitlines()
    return [_purchase(number, text) for number, text in enumerate(lines, 1)]


def _purchase(number: int, text: str) -> Purchase:
    customer, day, cds, dollars = text.split()
    date = f"{day[:4]}-{day[4:6]}-{day[6:]}"
    return Purchase(number, customer, date, int(cds), int(Decimal(dollars) * 100))


def totals(purchases: Iterable[Purchase]) -> Totals:
    """What the file itself says."""
    every = list(purchases)
    customers = {each.customer for each in every}
    return Totals(len(customers), len(every), sum(each.cents for each in every))


def period(purchases: Iterable[Purchase]) -> Period:
    """When its customers bought first; other customers were seen at other times."""
    first: dict[str, str] = {}
    for each in purchases:
        first[each.customer] = min(each.day, first.get(each.customer, each.day))
    return Period(min(first.values()), max(first.values()))


def event(purchase: Purchase) -> dict[str, Any]:
    """The purchase as ingest takes it; its id is the file's name and the line."""
    return {
        "id": f"{FILE}:{purchase.line}",
        "source": SOURCE,
        "type": "order.placed",
        "time": f"{purchase.day}T00:00:00Z",
        "data": {
            "channel": "web",
            "identifiers": [{"kind": "user", "namespace": NAMESPACE, "value": purchase.customer}],
            "namespace": NAMESPACE,
            "order": str(purchase.line),
            "amount": purchase.cents,
            "currency": CURRENCY,
            "lines": [{"sku": "cd", "quantity": purchase.cds}],
        },
    }


def batches(purchases: list[Purchase], size: int) -> Iterator[list[dict[str, Any]]]:
    """Arrays of events, in the order of the file."""
    for start in range(0, len(purchases), size):
        yield [event(each) for each in purchases[start : start + size]]
