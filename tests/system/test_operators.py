"""The command `rapport`: what it prints for programs, and its exit codes."""

import asyncio
import json
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from shared.log import Log
from shared.messages import Entry
from tests.system.running import System, order, run, wait_until
from tests.watched import ADDED, OF_OTHERS, documented, labels_chosen, labels_grouped, whole


@pytest.fixture(scope="module")
def position(system: System) -> str:
    """Where an event stands that is folded."""
    found: str = system.post(order("o-1", "42")).json()["position"]
    system.profile("user:shop:42", found)
    return found


def test_status_is_fine_and_says_how_far_every_partition_is(system: System, position: str) -> None:
    ended = system.rapport("status", "--json")
    found = json.loads(ended.stdout)
    assert (ended.returncode, found["fine"], found["log"]) == (0, True, True)
    rows = {
        (row["topic"], row["partition"]): row
        for service in found["services"]
        if service["service"] == "profile"
        for schema in service["schemas"]
        for row in schema["partitions"]
    }
    topic, partition, offset = position.split("/")
    row = rows[topic, int(partition)]
    assert row["next_offset"] == row["end"] == int(offset) + 1
    assert row["lag"] == 0
    assert row["owner"]


def test_status_says_what_a_schema_is_and_who_works_on_it(system: System, position: str) -> None:
    found = json.loads(system.rapport("status", "--json").stdout)
    [profile] = [each for each in found["services"] if each["service"] == "profile"]
    [schema] = profile["schemas"]
    assert (schema["state"], found["notes"]) == ("serves", [])
    assert set(schema["singles"]) == {"resolver", "teller"}
    assert all(schema["singles"].values())
    assert set(profile["counts"]) == {"pending", "told_unsent"}


def test_without_servers_programs_are_told_so(system: System) -> None:
    nowhere = System(system.data.parent / "nowhere", {})
    ended = nowhere.rapport("status", "--json")
    assert ended.returncode == 2
    assert "`rapport embedded start` starts it" in json.loads(ended.stdout)["untold"][0]
    assert "embedded start" in nowhere.rapport("status").stderr


@pytest.fixture(scope="module")
def missed(system: System, tmp_path_factory: pytest.TempPathFactory) -> None:
    """An event has missed the schema of its type."""
    file = tmp_path_factory.mktemp("schema") / "missed.json"
    file.write_text('{"required": ["room"]}')
    assert system.rapport("types", "schema", "com.example.missed", str(file)).returncode == 0

    def counted() -> bool:
        event = {"source": "/hotel", "type": "com.example.missed"}
        asked = f"{system.url}/v1/events?validate=true"
        assert httpx.post(asked, json=event, headers=system.key("ingest")).status_code == 200
        return "rapport_contact_schema_misses_total{" in httpx.get(f"{system.url}/metrics").text

    wait_until(counted, 15.0, "the door counts what misses the schema")


def test_metrics_are_those_that_are_documented_and_watched(
    system: System, position: str, missed: None
) -> None:
    assert httpx.post(f"{system.url}/v1/events", content=b"{}").status_code == 401
    assert system.get("/v1/customers", limit="1").status_code == 200
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(httpx.get(f"{system.url}/metrics").text):
        for sample in family.samples:
            found.setdefault(whole(sample.name), set()).update(sample.labels)
    ours = {name for name in found if name.startswith("rapport_") and "_created" not in name}
    assert ours == documented()
    for name, label in labels_chosen():
        assert label in found.get(name, set()) | ADDED, (name, label)
    for names, label in labels_grouped():
        assert any(label in found[name] for name in names - OF_OTHERS), (names, label)


def test_the_command_is_a_program(system: System, position: str) -> None:
    words = ("-c", "from services.cli import main; main()", "status")
    ended = run(*words, settings=system.settings)
    assert ended.returncode == 0, ended.stderr
    assert "All fine." in ended.stdout


def test_an_event_is_shown_by_its_position(system: System, position: str) -> None:
    found = json.loads(system.rapport("events", "show", position, "--json").stdout)
    assert found["position"] == position
    assert found["event"]["id"] == "o-1"


def test_an_event_that_is_not_there_is_exit_code_1(system: System, position: str) -> None:
    topic, partition, _ = position.split("/")
    assert system.rapport("events", "show", f"{topic}/{partition}/999").returncode == 1
    assert system.rapport("events", "show", "nonsense").returncode == 2


def test_tail_shows_the_latest_events(system: System, position: str) -> None:
    lines = system.rapport("events", "tail", "--last", "5", "--json").stdout.splitlines()
    assert position in [json.loads(line)["position"] for line in lines]


def test_a_key_is_made_listed_and_revoked(system: System) -> None:
    made = system.rapport("keys", "create", "shop", "--scope", "ingest", "--json")
    assert json.loads(made.stdout)["secret"].startswith("rk_")
    again = system.rapport("keys", "create", "shop", "--scope", "ingest")
    assert (again.returncode, again.stderr.count("\n")) == (2, 1)
    assert system.rapport("keys", "revoke", "shop").returncode == 0
    assert system.rapport("keys", "revoke", "shop").returncode == 1
    listed = json.loads(system.rapport("keys", "list", "--json").stdout)
    assert {row["name"]: bool(row["revoked"]) for row in listed}["shop"] is True


def test_the_topics_are_as_planned(system: System, position: str) -> None:
    ended = system.rapport("topics", "plan", "--json")
    assert (ended.returncode, {row["state"] for row in json.loads(ended.stdout)}) == (0, {"fine"})


def test_topics_that_are_missing_are_made_once(system: System) -> None:
    fresh = System(system.data.parent / "fresh", system.settings)
    fresh.settings |= {"RAPPORT_TOPIC_PREFIX": f"f{system.settings['RAPPORT_TOPIC_PREFIX']}"}
    planned = fresh.rapport("topics", "plan", "--json")
    states = {row["state"] for row in json.loads(planned.stdout)}
    assert (planned.returncode, states) == (1, {"missing"})
    assert fresh.rapport("topics", "apply").returncode == 0
    assert fresh.rapport("topics", "plan").returncode == 0


def test_nothing_is_parked(system: System, position: str) -> None:
    ended = system.rapport("parked", "list", "--json")
    assert (ended.returncode, json.loads(ended.stdout)) == (0, [])
    assert system.rapport("parked", "show", position).returncode == 1
    assert system.rapport("parked", "retry").returncode == 2


def test_what_cannot_be_told_is_exit_code_2(system: System) -> None:
    away = System(system.data.parent / "away", system.settings)
    away.settings |= {"RAPPORT_DATABASE": "postgresql://x@127.0.0.1:1/rapport"}
    ended = away.rapport("status", "--json")
    assert ended.returncode == 2
    assert json.loads(ended.stdout)["untold"]


async def test_a_parked_event_is_listed_shown_and_given_up(system: System, position: str) -> None:
    topic, partition, _ = position.split("/")
    log = await Log.connect(system.settings["RAPPORT_KAFKA"])
    offsets = await log.append(topic, int(partition), [Entry(b"key", b"no event")])
    await log.close()
    await asyncio.to_thread(_give_up, system, f"{topic}/{partition}/{offsets[0]}")


def _give_up(system: System, place: str) -> None:
    def parked() -> list[str]:
        ended = system.rapport("parked", "list", "--service", "profile", "--json")
        found = [row["position"] for row in json.loads(ended.stdout)]
        assert ended.returncode == (1 if found else 0)
        return found

    wait_until(lambda: parked() == [place], 30.0, f"{place} is parked")
    wait_until(lambda: system.rapport("status").returncode == 1, 30.0, "status says so")
    shown = json.loads(system.rapport("parked", "show", place, "--json").stdout)
    assert (shown["reason"], shown["bytes"]) == ("undecodable", "bm8gZXZlbnQ=")
    retried = system.rapport("parked", "retry", place, "--service", "profile", "--json")
    assert (retried.returncode, json.loads(retried.stdout)["parked"]) == (1, 1)
    for service in ("profile", "contact", "leads"):
        words = ("parked", "discard", place, "--reason", "no event", "--service", service)
        assert system.rapport(*words).returncode == 0
    assert parked() == []
    wait_until(
        lambda: system.rapport("status").returncode == 0,
        30.0,
        "the policies of leads gave it up too",
    )


def test_types_are_listed_shown_declared_and_forgotten(
    system: System, position: str, tmp_path: Path
) -> None:
    event = {"source": "/hotel", "type": "com.example.booked", "data": {"room": 7}}
    said = system.post(event | {"id": "b-1"}).json()["position"]

    def listed() -> list[str]:
        ended = system.rapport("types", "list", "--undeclared", "--json")
        assert ended.returncode == 0, ended.stderr
        return [row["type"] for row in json.loads(ended.stdout)]

    wait_until(lambda: "com.example.booked" in listed(), 30.0, "it is seen")
    shown = json.loads(system.rapport("types", "show", "com.example.booked", "--json").stdout)
    assert shown["observed"]["fields"] == [{"field": "/room", "types": ["integer"], "events": 1}]
    schema = tmp_path / "schema.json"
    schema.write_text(json.dumps({"properties": {"room": {"type": "string"}}}))
    words = ("types", "schema", "com.example.booked", str(schema), "--mode", "enforce")
    tried = json.loads(system.rapport(*words, "--dry-run", "--json").stdout)
    assert (tried["checked"], tried["failing"]) == (1, 1)
    assert tried["reasons"][0]["position"] == said
    assert system.rapport(*words).returncode == 0
    again = event | {"id": "b-2"}
    wait_until(lambda: system.post(again).status_code == 422, 10.0, "the door knows")
    assert "com.example.booked" not in listed()
    assert system.rapport("types", "forget", "schema", "com.example.booked").returncode == 1
    forgotten = ("types", "forget", "schema", "com.example.booked", "--replace", "1")
    assert system.rapport(*forgotten).returncode == 0
    assert system.rapport("types", "show", "com.example.nothing").returncode == 1
    broken = tmp_path / "broken.json"
    broken.write_text("{")
    assert system.rapport("types", "map", "com.example.booked", str(broken)).returncode == 2
