"""`rapport keys` on a running deployment: public keys, changes, rotation, a key that leaked."""

import json
from typing import Any

import httpx
import pytest

from tests.system.running import System, wait_until

PUBLIC = ("--scope", "ingest-public", "--type", "page.viewed")


def made(system: System, name: str, *words: str) -> str:
    found = system.rapport("keys", "create", name, *words, "--json")
    assert found.returncode == 0, found.stderr
    return str(json.loads(found.stdout)["secret"])


def listed(system: System, name: str) -> dict[str, Any]:
    rows = json.loads(system.rapport("keys", "list", "--json").stdout)
    (row,) = (row for row in rows if row["name"] == name)
    return dict(row)


def status(system: System, secret: str) -> int:
    """What a key of a page is answered."""
    event = {"type": "page.viewed", "data": {}}
    headers = {"Authorization": f"Bearer {secret}"}
    return httpx.post(f"{system.url}/v1/events", json=event, headers=headers).status_code


def test_a_public_key_is_listed_with_its_bounds(system: System) -> None:
    made(system, "app", *PUBLIC, "--origin", "https://shop.example", "--rate", "50")
    row = listed(system, "app")
    assert row["types"] == ["page.viewed"]
    assert (row["source_prefix"], row["rate"], row["tokens"]) == ("/keys/app", 50.0, False)
    assert row["origins"] == ["https://shop.example"]
    assert "ingest-public" in system.rapport("keys", "list").stdout


def test_what_is_changed_holds_within_five_seconds(system: System) -> None:
    secret = made(system, "shrunk", *PUBLIC)
    wait_until(lambda: status(system, secret) == 202, 5.0, "the new key is known")
    assert system.rapport("keys", "change", "shrunk", "--type", "screen.viewed").returncode == 0
    wait_until(lambda: status(system, secret) == 422, 6.0, "the type is no longer taken")
    assert system.rapport("keys", "change", "nobody", "--rate", "1").returncode == 1


def test_both_secrets_of_a_rotated_key_work_until_the_overlap_ends(system: System) -> None:
    first = made(system, "turning", *PUBLIC)
    found = system.rapport("keys", "rotate", "turning", "--overlap", "24h", "--json")
    answer = json.loads(found.stdout)
    assert answer["overlap_seconds"] == 86_400
    for secret in (first, answer["secret"]):
        wait_until(lambda secret=secret: status(system, secret) == 202, 5.0, "both work")
    row = listed(system, "turning")
    assert row["rotated"] < row["former_until"]
    last = system.rapport("keys", "rotate", "turning", "--overlap", "0s").stdout.strip()
    wait_until(lambda: status(system, last) == 202, 5.0, "the last one works")
    wait_until(lambda: status(system, answer["secret"]) == 401, 6.0, "the one before has ended")
    assert status(system, first) == 202  # its day is not over


@pytest.mark.parametrize("overlap", ["", "1", "h", "-1h", "1.5h", "1w", "400d", "٣h"])
def test_an_overlap_that_is_no_duration_is_a_sentence(system: System, overlap: str) -> None:
    ended = system.rapport("keys", "rotate", "turning", "--overlap", overlap)
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)


def test_a_key_that_leaked_is_revoked_and_that_it_is_disowned_stands_in_the_log(
    system: System,
) -> None:
    secret = made(system, "leaked", *PUBLIC)
    wait_until(lambda: status(system, secret) == 202, 5.0, "the new key is known")
    why = "Somebody posted made-up devices with it."
    ended = system.rapport("keys", "disown", "leaked", "--reason", why, "--json")
    assert ended.returncode == 0, ended.stderr
    shown = system.rapport("events", "show", json.loads(ended.stdout)["position"], "--json")
    event = json.loads(shown.stdout)["event"]
    assert event["type"] == "key.disowned"
    assert (event["data"]["key"], event["data"]["reason"]) == ("leaked", why)
    row = listed(system, "leaked")
    assert row["revoked"]
    assert row["disowned"]
    assert row["disowned_reason"] == why
    wait_until(lambda: status(system, secret) == 401, 6.0, "it opens nothing")


def test_what_stands_in_the_way_of_disowning_is_said(system: System) -> None:
    made(system, "kept", *PUBLIC)
    assert system.rapport("keys", "disown", "nobody", "--reason", "x").returncode == 1
    assert system.rapport("keys", "disown", "kept", "--reason", " ").returncode == 2
    assert listed(system, "kept")["revoked"] is None
    away = ("--url", "http://127.0.0.1:9")
    ended = system.rapport("keys", "disown", "kept", "--reason", "x", *away)
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)
    assert "say it again" in ended.stderr
    assert listed(system, "kept")["revoked"]
    assert system.rapport("keys", "disown", "kept", "--reason", "x").returncode == 0
