"""From the quarantine, fixed and driven by the command and the API, to the profile."""

import json
from pathlib import Path
from typing import Any

import httpx

from tests.system.running import Ended, System, order, wait_until

IN_EUR = [{"op": "add", "path": "/data/currency", "value": "EUR"}]


def refused(system: System, *users: str) -> list[str]:
    """Orders without a currency, one for each user; the ids of the items that they are."""
    for user in users:
        sent = order(f"r-{user}", user, 4990)
        del sent["data"]["currency"]
        assert system.post(sent).status_code == 422
    wait_until(lambda: len(listed(system)) >= len(users), 30, "all are folded")
    return [one["id"] for one in reversed(listed(system)[: len(users)])]


def listed(system: System, *words: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(
        system.rapport("quarantine", "list", "--json", *words).stdout
    )
    return found


def driven(system: System, *words: str) -> tuple[int, Any]:
    ended: Ended = system.rapport("quarantine", *words, "--json")
    return ended.returncode, json.loads(ended.stdout)


def patch(tmp_path: Path) -> str:
    file = tmp_path / "patch.json"
    file.write_text(json.dumps(IN_EUR))
    return str(file)


def test_a_refused_order_is_fixed_driven_and_in_the_profile(system: System, tmp_path: Path) -> None:
    (id,) = refused(system, "r1")
    file = patch(tmp_path)
    shown = system.rapport("quarantine", "show", id)
    assert "`currency`" in shown.stdout
    assert '"amount": 4990' in shown.stdout or '"amount":4990' in shown.stdout
    assert driven(system, "fix", id)[0] == 1
    status, tried = driven(system, "fix", id, "--patch", file)
    assert (status, tried["status"]) == (0, "valid")
    assert len(listed(system)) == 1
    status, (made,) = driven(system, "drive", id, "--patch", file)
    assert (status, made["status"]) == (0, "driven")
    found = system.profile("user:shop:r1", made["events"][0]["position"])
    assert found["orders"]["count"] == 1
    assert found["revenue"]["EUR"]["amount"] == 4990
    status, (again,) = driven(system, "drive", id, "--patch", file)
    assert (status, again["again"]) == (0, True)
    assert listed(system) == []
    assert system.profile("user:shop:r1")["orders"]["count"] == 1


def test_all_of_a_reason_are_driven_by_the_api_while_the_services_fold(system: System) -> None:
    users = [f"r2{n}" for n in range(5)]
    refused(system, *users)
    positions: list[str] = []
    body: dict[str, Any] = {"code": "required", "patch": IN_EUR, "limit": 2}
    while True:
        answer = httpx.post(
            f"{system.url}/v1/quarantine/drive", json=body, headers=system.key("ops"), timeout=30
        )
        assert answer.status_code == 200, answer.text
        page = answer.json()
        positions += [event["position"] for one in page["data"] for event in one["events"]]
        if page["next_cursor"] is None:
            break
        body["cursor"] = page["next_cursor"]
    assert len(positions) == 5
    for user, position in zip(users, positions, strict=True):
        assert system.profile(f"user:shop:{user}", position)["orders"]["count"] == 1


def test_all_of_a_reason_are_driven_or_given_up_by_the_command(
    system: System, tmp_path: Path
) -> None:
    refused(system, "r31", "r32")
    status, results = driven(system, "drive", "--code", "required")
    assert (status, [one["status"] for one in results]) == (1, ["refused"] * 2)
    chosen = ("--code", "required", "--key", "ingest", "--from", "2020-01-01")
    status, results = driven(system, "drive", *chosen, "--patch", patch(tmp_path), "--dry-run")
    assert (status, [one["status"] for one in results]) == (0, ["valid"] * 2)
    status, found = driven(system, "discard", "--code", "required", "--reason", "A test")
    assert (status, found) == (0, {"discarded": 2})
    wait_until(lambda: not listed(system), 30, "they are given up")
    gone = listed(system, "--state", "discarded")
    assert [one["outcome"] for one in gone] == [{"reason": "A test"}] * 2
    assert system.rapport("quarantine", "drive", gone[0]["id"]).returncode == 1
    assert system.rapport("quarantine", "drive").returncode == 2
    assert system.rapport("quarantine", "list", "--state", "lost").returncode == 2
