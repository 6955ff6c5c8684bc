"""The real servers, from packages: Apache Kafka and PostgreSQL in the data folder, no Docker, no Java."""

from shared.embedded.servers import Servers, Status, release, remove, start, status, stop

__all__ = ["Servers", "Status", "release", "remove", "start", "status", "stop"]
