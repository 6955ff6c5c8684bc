"""Failpoints: off unless they are allowed, and each does what it was armed for once."""

import logging
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from shared import failpoints
from shared.clock import now
from shared.errors import Fatal
from shared.failpoints import EXIT, POINTS, arm, failpoint
from tests.system.running import run, wait_until

NAME = "fold.written"


@pytest.fixture(autouse=True)
def disarmed() -> Iterator[None]:
    """This process is as it was, whatever a test has armed."""
    yield
    arm("", 0.0, allowed=False)


@pytest.mark.parametrize("points", ["fold=exit", "fold.written", f"{NAME}=die", f"{NAME}=exit@0"])
def test_what_cannot_be_armed_is_refused_in_one_sentence(points: str) -> None:
    with pytest.raises(Fatal, match=r"RAPPORT_FAILPOINTS"):
        arm(points, 0.0, allowed=True)


@pytest.mark.parametrize(("points", "seconds"), [(f"{NAME}=exit", 0.0), ("", 1.0)])
def test_nothing_is_armed_that_was_not_allowed(points: str, seconds: float) -> None:
    with pytest.raises(Fatal, match="RAPPORT_ALLOW_FAILPOINTS"):
        arm(points, seconds, allowed=False)
    failpoint(NAME)


def test_a_start_refuses_them_unless_they_are_allowed(tmp_path: Path) -> None:
    settings = {"RAPPORT_DATA": str(tmp_path), "RAPPORT_FAILPOINTS": f"{NAME}=exit"}
    ended = run("-m", "services.profile", settings=settings)
    assert ended.returncode == 2
    assert "RAPPORT_ALLOW_FAILPOINTS" in ended.stderr


def test_an_error_is_that_of_a_lost_connection_and_happens_once_at_its_hit() -> None:
    arm(f"{NAME}=error@2", 0.0, allowed=True)
    failpoint(NAME)
    with pytest.raises(ConnectionError):
        failpoint(NAME)
    failpoint(NAME)


def test_every_other_point_does_nothing() -> None:
    arm(f"{NAME}=error", 0.0, allowed=True)
    for name in POINTS:
        if name != NAME:
            failpoint(name)


def test_a_pause_ends_when_its_file_is_there(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    arm(f"{NAME}=pause:{tmp_path / 'go'}", 0.0, allowed=True)
    paused = threading.Thread(target=failpoint, args=(NAME,))
    with caplog.at_level(logging.CRITICAL):
        paused.start()
        wait_until(lambda: NAME in caplog.text, 5.0, "it says that it pauses")
    assert paused.is_alive()
    (tmp_path / "go").touch()
    paused.join(5.0)
    assert not paused.is_alive()


def test_an_exit_ends_the_process_there() -> None:
    code = (
        "from shared.failpoints import arm, failpoint\n"
        f"arm('{NAME}=exit@2', 0.0, allowed=True)\n"
        f"for n in range(3): print(n, flush=True); failpoint('{NAME}')\n"
    )
    ended = run("-c", code, settings={})
    assert (ended.returncode, ended.stdout.split()) == (EXIT, ["0", "1"])


def test_a_clock_may_be_wrong() -> None:
    arm("", 600.0, allowed=True)
    ahead = now() - datetime.now(UTC)  # noqa: TID251
    assert timedelta(seconds=599) < ahead < timedelta(seconds=601)


def test_every_point_stands_in_the_code_once() -> None:
    root = Path(failpoints.__file__).parents[1]
    code = "".join(
        file.read_text() for name in ("shared", "services") for file in (root / name).rglob("*.py")
    )
    assert {name: code.count(f'failpoint("{name}")') for name in POINTS} == dict.fromkeys(POINTS, 1)
