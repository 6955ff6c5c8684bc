"""A start that cannot go on says why in one sentence, and ends with exit code 2."""

import fcntl
import os
import socket
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from shared.ids import random_token
from tests.system.running import free_port, run

NOWHERE = "127.0.0.1:1"


def refused(settings: dict[str, str], *words: str) -> str:
    """The sentence of a start that is refused."""
    ended = run("-m", *(words or ("services",)), settings=settings)
    assert ended.returncode == 2, ended.stderr
    assert ended.stderr.count("\n") == 1, ended.stderr
    return ended.stderr


@pytest.fixture
def start(tmp_path: Path, kafka: str, postgres_server: str) -> dict[str, str]:
    """Settings with which a start would go well."""
    name = f"test_{random_token(6).hex()}"
    return {
        "RAPPORT_DATA": str(tmp_path / "data"),
        "RAPPORT_PORT": str(free_port()),
        "RAPPORT_KAFKA": kafka,
        "RAPPORT_DATABASE": urlunsplit(urlsplit(postgres_server)._replace(path=f"/{name}")),
    }


def test_an_unknown_setting_names_the_nearest(start: dict[str, str]) -> None:
    said = refused(start | {"RAPPORT_PRT": "8080"})
    assert "RAPPORT_PRT" in said
    assert "RAPPORT_PORT" in said


def test_a_wrong_setting_is_named(start: dict[str, str]) -> None:
    assert "RAPPORT_PORT" in refused(start | {"RAPPORT_PORT": "eighty"})


def test_a_port_in_use_is_named(start: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert f"Port {port}" in refused(start | {"RAPPORT_PORT": port})


def test_a_broker_that_is_not_there_is_named(
    start: dict[str, str], deployment: dict[str, str]
) -> None:
    wrong = {
        "RAPPORT_KAFKA": NOWHERE,
        "RAPPORT_DATABASE": deployment["RAPPORT_DATABASE"],
    }
    assert NOWHERE in refused(start | wrong)


def test_a_database_that_is_not_there_is_named(start: dict[str, str]) -> None:
    url = f"postgresql://nobody:secret@{NOWHERE}/rapport"
    said = refused(start | {"RAPPORT_DATABASE": url})
    assert NOWHERE in said
    assert "secret" not in said


async def test_a_role_that_may_not_create_databases_is_told_so(
    start: dict[str, str], postgres_server: str
) -> None:
    role = f"test_{random_token(6).hex()}"
    parts = urlsplit(start["RAPPORT_DATABASE"])
    server = await asyncpg.connect(urlunsplit(urlsplit(postgres_server)._replace(path="/postgres")))
    try:
        await server.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'x'")
        netloc = f"{role}:x@{parts.netloc.rpartition('@')[2]}"
        url = urlunsplit(parts._replace(netloc=netloc))
        assert "CREATEDB" in refused(start | {"RAPPORT_DATABASE": url})
    finally:
        await server.execute(f"DROP ROLE {role}")
        await server.close()


def test_a_data_folder_of_another_version_is_left_alone(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "version").write_text("99\n")
    assert "'99'" in refused({"RAPPORT_DATA": str(data), "RAPPORT_PORT": "0"})
    assert [path.name for path in data.iterdir() if path.name == "embedded"] == []


@pytest.mark.parametrize("given", [True, False], ids=["given servers", "embedded servers"])
def test_a_data_folder_that_cannot_be_written_is_named(
    start: dict[str, str], tmp_path: Path, deployment: dict[str, str], given: bool
) -> None:
    (tmp_path / "file").write_text("")
    where = {"RAPPORT_DATA": str(tmp_path / "file" / "data"), "RAPPORT_PORT": "0"}
    assert str(tmp_path / "file") in refused(start | where if given else where)


def test_a_second_start_on_a_data_folder_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "running.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        said = refused({"RAPPORT_DATA": str(tmp_path), "RAPPORT_PORT": "0"})
    assert "runs already" in said


def test_a_service_alone_says_which_servers_it_lacks(tmp_path: Path) -> None:
    alone = {"RAPPORT_DATA": str(tmp_path), "RAPPORT_PORT": "0"}
    assert "rapport embedded start" in refused(alone, "services.profile")


def test_the_profile_alone_needs_to_know_who_checks_keys(
    start: dict[str, str], deployment: dict[str, str]
) -> None:
    own = {name: deployment[name] for name in ("RAPPORT_DATABASE", "RAPPORT_TOPIC_PREFIX")}
    assert "RAPPORT_CONTACT_URL" in refused(start | own, "services.profile")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_of_another_user_is_named(start: dict[str, str]) -> None:
    assert "/proc" in refused(start | {"RAPPORT_DATA": "/proc/rapport"})
