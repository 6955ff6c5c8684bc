"""Kafka and PostgreSQL in containers, for RAPPORT_TESTS=docker."""

import socket
from contextlib import ExitStack

from testcontainers.community.postgres import PostgresContainer
from testcontainers.core.container import DockerContainer
from testcontainers.core.docker_client import DockerClient
from testcontainers.core.wait_strategies import LogMessageWaitStrategy

KAFKA = "apache/kafka:4.3.1"
POSTGRES = "postgres:18"


def start(stack: ExitStack, kafka: str | None, database: str | None) -> tuple[str, str]:
    """Starts those of the two that are not given; the stack stops them."""
    return kafka or _kafka(stack), database or _postgres(stack)


def _kafka(stack: ExitStack) -> str:
    address = (
        f"{DockerClient().host()}:{_free_port()}"  # a broker must know what it is called outside
    )
    container = DockerContainer(KAFKA).with_envs(**_environment(address))
    container = container.with_bind_ports(9092, int(address.rpartition(":")[2]))
    stack.enter_context(container.waiting_for(LogMessageWaitStrategy("Kafka Server started")))
    return address


def _environment(address: str) -> dict[str, str]:
    """The image takes its own settings only while none is given, so all are."""
    return {
        "KAFKA_NODE_ID": "1",
        "KAFKA_PROCESS_ROLES": "broker,controller",
        "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
        "KAFKA_LISTENERS": "PLAINTEXT://:9092,CONTROLLER://:9093",
        "KAFKA_ADVERTISED_LISTENERS": f"PLAINTEXT://{address}",
        "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "KAFKA_INTER_BROKER_LISTENER_NAME": "PLAINTEXT",
        "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
        "KAFKA_MESSAGE_MAX_BYTES": "9437184",
        "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
        "KAFKA_SHARE_COORDINATOR_STATE_TOPIC_REPLICATION_FACTOR": "1",
        "KAFKA_SHARE_COORDINATOR_STATE_TOPIC_MIN_ISR": "1",
        "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
    }


def _postgres(stack: ExitStack) -> str:
    container = PostgresContainer(POSTGRES, username="rapport", dbname="rapport", driver=None)
    stack.enter_context(container.with_command("postgres -c max_connections=200 -c fsync=off"))
    return str(container.get_connection_url())


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("", 0))
        return int(probe.getsockname()[1])
