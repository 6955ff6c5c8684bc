"""Only the jars of our own list are taken."""

from pathlib import Path

import pytest

from shared.embedded import install
from shared.errors import Fatal


@pytest.fixture
def jars(tmp_path: Path) -> Path:
    for name in install.wanted():
        (tmp_path / name).symlink_to(install.jars() / name)
    return tmp_path


def test_the_installed_jars_are_those_of_the_list() -> None:
    install.compare(install.install().iterdir())


def test_a_jar_of_another_content_is_refused(jars: Path) -> None:
    name = min(install.wanted())
    (jars / name).unlink()
    (jars / name).write_bytes(b"another jar")
    with pytest.raises(Fatal, match=f"{name} is not the one"):
        install.compare(jars.iterdir())


def test_a_jar_too_many_and_a_jar_too_few_are_refused(jars: Path) -> None:
    (jars / "kafka-clients-4.3.1.jar").rename(jars / "kafka-clients-3.9.1.jar")
    with pytest.raises(Fatal, match=r"kafka-clients-3.9.1.jar, kafka-clients-4.3.1.jar differ"):
        install.compare(jars.iterdir())
