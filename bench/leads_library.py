"""The same lead captured and saved by the `eventsourcing` library; how many a second."""

import sys
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
from eventsourcing.application import Application
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
        application.save(Lead(f"s{n}", "Wants a quote", "/web/contact-form", 398_000, "EUR"))
    print(task["count"] / (monotonic() - began), flush=True)
    application.close()


if __name__ == "__main__":
    main()
