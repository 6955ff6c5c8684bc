"""Apache Kafka and PostgreSQL, the real ones, from packages, in the data folder."""

from shared.embedded.servers import Servers, Status, release, remove, start, status, stop

__all__ = ["Servers", "Status", "release", "remove", "start", "status", "stop"]
