"""Mail that a mail server forwards stands in the profile of whoever wrote it."""

import smtplib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.running import System, free_port

MESSAGE = """From: Jane Doe <jane@mail.example>
To: help@shop.example
Subject: The kettle
Message-ID: <kettle@mail.example>
Content-Type: text/html

<p>It leaks.
"""


@pytest.fixture
def listening(deployment: dict[str, str], tmp_path: Path) -> Iterator[tuple[System, int]]:
    """A running system, and the port where it takes mail."""
    port = free_port()
    found = System(tmp_path, deployment | {"RAPPORT_MAIL": f"127.0.0.1:{port}"})
    found.start()
    yield found, port
    found.end()


def test_mail_becomes_a_profile_once(listening: tuple[System, int]) -> None:
    system, port = listening
    position = ""
    for _ in range(2):
        with smtplib.SMTP("127.0.0.1", port, timeout=20) as client:
            client.ehlo()
            client.mail("bounces@mail.example")
            client.rcpt("help@shop.example")
            code, said = client.data(MESSAGE)
        assert code == 250
        position = said.decode().split()[-1]
    profile = system.profile("email:jane@mail.example", position)
    assert profile["interactions"]["total"] == 1
    (mail,) = system.get(f"/v1/customers/{profile['id']}/timeline").json()["data"]
    assert (mail["type"], mail["data"]["text"]) == ("email.received", "It leaks.")
    assert system.stop() == 0
