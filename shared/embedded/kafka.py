"""Apache Kafka from its jars: one node, broker and controller in one, on loopback."""

import random
import shutil
import signal
import socket
import struct
from base64 import urlsafe_b64encode
from pathlib import Path

from shared.embedded import running
from shared.embedded.account import run_as
from shared.embedded.place import PATIENCE, Place
from shared.embedded.state import State
from shared.errors import Fatal
from shared.ids import uuid7

_HOST = "127.0.0.1"
_NAME = "java"
_PORTS = range(20_000, 32_000)
"""Below the ports that systems give to outgoing connections, so that ours is free next time too."""

_WHICH_VERSIONS = struct.pack(">ihhih", 10, 18, 0, 1, -1)
"""ApiVersions: size, kind of request, version 0, correlation id 1, no client's name."""

# A killed broker may register again only when its former session is over: so sessions are short.
_SETTINGS = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller_port}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={logs}
auto.create.topics.enable=false
message.max.bytes=9437184
replica.fetch.max.bytes=9437184
log.retention.ms=-1
{flush}
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=2000
num.network.threads=2
num.io.threads=4
log.cleaner.dedupe.buffer.size=10485760
"""

_MEMORY = ["-Xms128m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
_LOGGING = [
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
]


def start(place: Place, state: State) -> str:
    """Starts the broker, or takes the one that runs; notes it and returns host:port."""
    if _ready(state, PATIENCE):
        return f"{_HOST}:{state.port}"
    running.await_end(state.kafka)
    stop(place.folder, 5.0)
    for _ in range(3):
        if _started(place, state):
            return f"{_HOST}:{state.port}"
        if _free(state.port) and _free(state.controller_port):
            break  # it was not for a port that somebody took before us
    raise Fatal(f"Kafka did not start: {running.last_words(_log(place.folder))}")


def stop(folder: Path, seconds: float = 20.0) -> None:
    """Ends the broker, or one that an earlier start has left running; kills it after a while."""
    home = folder / "kafka"
    if home.is_dir():
        running.end(running.of(home, _NAME), ((signal.SIGTERM, seconds),))


def answers(port: int, seconds: float) -> bool:
    """Whether a broker on that port tells the versions it speaks, Kafka's first question."""
    try:
        with socket.create_connection((_HOST, port), seconds) as connection:
            connection.sendall(_WHICH_VERSIONS)
            answer = connection.recv(10, socket.MSG_WAITALL)
            size, correlation, error = struct.unpack(">iih", answer)
    except (OSError, struct.error):
        return False
    return bool(size > 6 and correlation == 1 and error == 0)


def _started(place: Place, state: State) -> bool:
    _choose_ports(state)
    home = place.account.own(place.folder / "kafka")
    place.account.own(home / "tmp")
    if not (home / "logs").is_dir():
        _format(place, state)
    log = _log(place.folder)
    running.trim(log)
    settings = _configure(place, state, home / "logs")
    pid = running.spawn([*_java(place), "kafka.Kafka", str(settings)], place.account, home, log)
    state.kafka = running.mark(pid)
    if _ready(state, 120.0):
        return True
    stop(place.folder, 5.0)
    return False


def _ready(state: State, seconds: float) -> bool:
    """Waits until the broker answers or has ended; says whether it is ours, and not another's."""
    running.until(lambda: not running.alive(state.kafka) or answers(state.port or 0, 1.0), seconds)
    return running.listens(state.kafka, state.port or 0)


def _format(place: Place, state: State) -> None:
    home = place.folder / "kafka"
    unfinished = home / "unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    settings = _configure(place, state, unfinished)
    cluster = urlsafe_b64encode(uuid7().bytes).decode().rstrip("=")
    command = [
        *_java(place),
        "kafka.tools.StorageTool",
        "format",
        "-t",
        cluster,
        "-c",
        str(settings),
    ]
    done = run_as(place.account, command, home)
    if done.returncode:
        raise Fatal(f"Kafka's folder could not be made: {running.telling(done.stdout)}")
    unfinished.rename(home / "logs")


def _java(place: Place) -> list[str]:
    home = place.folder / "kafka"
    return [
        str(place.programs.java),
        *_MEMORY,
        *_LOGGING,
        "-XX:+ExitOnOutOfMemoryError",
        "-XX:-UsePerfData",
        f"-XX:ErrorFile={home}/crash-%p.log",
        "-Djava.net.preferIPv4Stack=true",
        "-Djava.awt.headless=true",
        f"-Djava.io.tmpdir={home}/tmp",
        "-cp",
        f"{place.programs.jars}/*",
    ]


def _configure(place: Place, state: State, logs: Path) -> Path:
    settings = place.folder / "server.properties"
    flush = "log.flush.interval.messages=1" if place.durable else "log.index.size.max.bytes=1048576"
    ports = {"port": state.port, "controller_port": state.controller_port}
    settings.write_text(_SETTINGS.format(**ports, logs=logs, flush=flush))
    settings.chmod(0o644)
    return settings


def _choose_ports(state: State) -> None:
    """Keeps the ports of the last start unless somebody else has taken them."""
    if not _free(state.port):
        state.port = _a_free_port(state.controller_port)
    if not _free(state.controller_port):
        state.controller_port = _a_free_port(state.port)


def _a_free_port(other: int | None) -> int:
    for port in random.sample(_PORTS, 100):
        if port != other and _free(port):
            return port
    raise Fatal(f"None of 100 ports between {_PORTS.start} and {_PORTS.stop} is free for Kafka.")


def _free(port: int | None) -> bool:
    if port is None:
        return False
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except OSError:
            return False
    return True


def _log(folder: Path) -> Path:
    return folder / "kafka.log"
