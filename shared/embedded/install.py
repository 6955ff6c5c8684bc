"""Fetches Kafka's jars once, at set-up, and takes none that is not on our own list."""

import fcntl
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable
from hashlib import file_digest, sha256
from pathlib import Path

from shared.errors import Fatal

COORDINATES = "org.apache.kafka:kafka_2.13:4.3.1+org.slf4j:slf4j-simple:1.7.36"
LIST = Path(__file__).with_name("kafka_jars.txt")


def install() -> Path:
    """The folder with Kafka's jars, fetched if need be. Raises Fatal; may be cut off anywhere."""
    folder = jars()
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(folder.parent / "install.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            _put(_fetched(), folder)
    return folder


def jars() -> Path:
    """Where the jars of our list stand in this environment; another list is another folder."""
    return Path(
        sys.prefix, "share", "rapport", f"kafka-{sha256(LIST.read_bytes()).hexdigest()[:12]}"
    )


def wanted() -> dict[str, str]:
    """Our list: the name of each jar and its SHA-256."""
    return {name: digest for digest, name in map(str.split, LIST.read_text().splitlines())}


def compare(found: Iterable[Path]) -> None:
    """Raises Fatal unless the jars are exactly those of our list, by name and content."""
    list_ = wanted()
    by_name = {path.name: path for path in found}
    if odd := sorted(by_name.keys() ^ list_.keys()):
        raise Fatal(
            f"Kafka's jars are not those of {LIST.name}: {', '.join(odd)} differ; none was taken."
        )
    for name, path in by_name.items():
        if digest_of(path) != list_[name]:
            raise Fatal(
                f"The jar {path} is not the one that {LIST.name} names; delete it and try again."
            )


def digest_of(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _fetched() -> list[Path]:
    import jgo  # slow to import, and asked for at set-up alone

    try:
        return [Path(jar) for jar in jgo.build(COORDINATES).all_jars]
    except Exception as error:  # whatever a resolver, a network or a disk can raise
        reason = " ".join(str(error).split()) or type(error).__name__
        raise Fatal(
            f"Kafka's jars could not be fetched ({reason}): check the network, then try again."
        ) from error


def _put(found: list[Path], folder: Path) -> None:
    unfinished = Path(tempfile.mkdtemp(prefix="unfinished-", dir=folder.parent))
    try:
        for jar in found:
            _copy(jar, unfinished / jar.name)
        compare(unfinished.iterdir())
        unfinished.chmod(0o755)
        unfinished.rename(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _copy(source: Path, target: Path) -> None:
    with source.open("rb") as read, target.open("wb") as write:
        shutil.copyfileobj(read, write, 1 << 20)
        write.flush()
        os.fsync(write.fileno())
    target.chmod(0o644)
