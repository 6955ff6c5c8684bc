"""The same leads captured, and inquiries that join them, by the `eventsourcing` library."""

import sys
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import NAMESPACE_URL, UUID, uuid5

import msgspec
from eventsourcing.application import AggregateNotFoundError, Application
from eventsourcing.domain import Aggregate, event

from shared.clock import monotonic


class Lead(Aggregate):  # type: ignore[misc]
    """A lead as one would write it there."""

    @event("Captured")  # type: ignore[untyped-decorator]
    def __init__(self, subject: str, title: str, source: str, amount: int, currency: str) -> None:
        self.subject = subject
        self.title = title
        self.source = source
        self.amount = amount
        self.currency = currency
        self.stage = "new"
        self.inquiries = 1

    @staticmethod
    def create_id(subject: str, **_: object) -> UUID:
        """One for each customer, found again by whom it is of."""
        return uuid5(NAMESPACE_URL, f"/leads/{subject}")

    @event("Inquired")  # type: ignore[untyped-decorator]
    def inquire(self) -> None:
        """Somebody asks once more."""
        self.inquiries += 1


def main() -> None:
    task = msgspec.json.decode(sys.stdin.readline())
    parts = urlsplit(task["database"])
    environment = {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_DBNAME": parts.path.strip("/"),
        "POSTGRES_HOST": parts.hostname or parse_qs(parts.query)["host"][0],
        "POSTGRES_PORT": str(parts.port or 5432),
        "POSTGRES_USER": parts.username or "",
        "POSTGRES_PASSWORD": parts.password or "none",
    }
    application = Application[Any](environment)
    print("ready", flush=True)
    sys.stdin.readline()
    began = monotonic()
    for n in range(task["count"]):
        application.save(_captured(f"{task['name']} {n}"))
    captured = task["count"] / (monotonic() - began)
    began = monotonic()
    for n in range(task["interactions"]):
        _inquired(application, f"{task['name']} customer {n % (task['interactions'] // 2)}")
    print(captured, task["interactions"] / (monotonic() - began), flush=True)
    application.close()


def _captured(subject: str) -> Lead:
    lead: Lead = Lead(subject, "Wants a quote", "/web/contact-form", 398_000, "EUR")
    return lead


def _inquired(application: Application[Any], subject: str) -> None:
    """An interaction as its process applications take them: one at a time, each saved."""
    try:
        lead = application.repository.get(Lead.create_id(subject))
    except AggregateNotFoundError:
        lead = _captured(subject)
    else:
        lead.inquire()
    application.save(lead)


if __name__ == "__main__":
    main()
